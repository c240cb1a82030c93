//! Samples of one series out of several places, in time order.

use promethium_model::{SampleBatch, SampleCursor, StorageError};

use crate::batch;

/// Merges cursors. At equal times the earlier cursor wins. Where their times do not overlap, batches pass through as they
/// are read.
pub(crate) struct MergeCursor<'q> {
    sources: Vec<Source<'q>>,
    is_open: bool,
    /// The source and the time of the newest row that was handed out.
    last: Option<(usize, i64)>,
}

struct Source<'q> {
    cursor: Box<dyn SampleCursor + 'q>,
    rows: SampleBatch,
    next: usize,
    is_done: bool,
}

impl Source<'_> {
    fn next_ms(&self) -> Option<i64> {
        self.rows.timestamps.get(self.next).copied()
    }

    /// Reads on where all rows were handed out, and passes over rows up to `after_ms`.
    fn fill(&mut self, after_ms: Option<i64>) -> Result<(), StorageError> {
        loop {
            if let Some(after_ms) = after_ms {
                self.next += self.rows.timestamps[self.next..].partition_point(|t| *t <= after_ms);
            }
            if self.next < self.rows.len() || self.is_done {
                return Ok(());
            }
            self.rows.clear();
            self.next = 0;
            self.is_done = !self.cursor.next_batch(&mut self.rows)?;
        }
    }
}

impl<'q> MergeCursor<'q> {
    pub(crate) fn new(cursors: Vec<Box<dyn SampleCursor + 'q>>) -> Self {
        let source = |cursor| Source { cursor, rows: SampleBatch::new(), next: 0, is_done: false };
        MergeCursor { sources: cursors.into_iter().map(source).collect(), is_open: false, last: None }
    }

    /// The source with the earliest row, and the time at which another one takes over.
    fn earliest(&self) -> Option<(usize, i64)> {
        let next = |i: usize| self.sources[i].next_ms().map(|t| (t, i));
        let (_, first) = (0..self.sources.len()).filter_map(next).min()?;
        let others = (0..self.sources.len()).filter(|i| *i != first).filter_map(next).min();
        Some((first, others.map_or(i64::MAX, |(t, _)| t)))
    }

    /// Copies the rows of a source up to `until_ms`: its own row at that time too, as it is the earlier source or alone.
    fn take(&mut self, at: usize, until_ms: i64, out: &mut SampleBatch) {
        let base = out.len();
        let source = &mut self.sources[at];
        let rows = &source.rows.timestamps[source.next..];
        let is_last_word = |t: i64| t < until_ms || until_ms == i64::MAX;
        let count = rows.partition_point(|t| is_last_word(*t)).max(1);
        batch::copy_rows(&source.rows, source.next..source.next + count, out);
        source.next += count;
        self.note(at, base, out);
    }

    /// Reads the next batch of a source straight into `out`. What lies behind `until_ms` goes back to the source.
    fn read_through(&mut self, at: usize, until_ms: i64, out: &mut SampleBatch) -> Result<bool, StorageError> {
        let base = out.len();
        let source = &mut self.sources[at];
        if !source.cursor.next_batch(out)? {
            source.is_done = true;
            return Ok(false);
        }
        let kept = base + out.timestamps[base..].partition_point(|t| *t < until_ms);
        source.rows.clear();
        source.next = 0;
        batch::copy_rows(out, kept..out.len(), &mut source.rows);
        batch::truncate(out, kept);
        self.note(at, base, out);
        Ok(kept > base)
    }

    /// Notes which rows were handed out. A histogram whose predecessor is another source's knows of no reset.
    fn note(&mut self, at: usize, base: usize, out: &mut SampleBatch) {
        let Some(newest) = out.timestamps[base..].last().copied() else { return };
        if self.last.is_some_and(|(source, _)| source != at) {
            batch::forget_reset_hint(out, base);
        }
        self.last = Some((at, newest));
    }
}

impl SampleCursor for MergeCursor<'_> {
    fn next_batch(&mut self, out: &mut SampleBatch) -> Result<bool, StorageError> {
        if let Some((at, after_ms)) = self.last
            && self.is_open
            && self.sources[at].next_ms().is_none()
            && !self.sources[at].is_done
        {
            // The source that was read last is read on, up to where the next one begins.
            for source in self.sources.iter_mut().enumerate().filter(|(i, _)| *i != at).map(|(_, s)| s) {
                source.fill(Some(after_ms))?;
            }
            let others = self.sources.iter().enumerate().filter(|(i, _)| *i != at).filter_map(|(_, s)| s.next_ms());
            let until_ms = others.min().unwrap_or(i64::MAX);
            if self.read_through(at, until_ms, out)? {
                return Ok(true);
            }
        }
        self.is_open = true;
        let after_ms = self.last.map(|(_, t)| t);
        for source in &mut self.sources {
            source.fill(after_ms)?;
        }
        match self.earliest() {
            Some((at, until_ms)) => {
                self.take(at, until_ms, out);
                Ok(true)
            }
            None => Ok(false),
        }
    }

    fn seek(&mut self, t_ms: i64) {
        for source in &mut self.sources {
            source.cursor.seek(t_ms);
            source.next += source.rows.timestamps[source.next..].partition_point(|t| *t < t_ms);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    struct Fake(std::vec::IntoIter<Vec<(i64, f64)>>);

    impl SampleCursor for Fake {
        fn next_batch(&mut self, out: &mut SampleBatch) -> Result<bool, StorageError> {
            let Some(rows) = self.0.next() else { return Ok(false) };
            rows.into_iter().for_each(|(t, v)| out.push_float(t, v));
            Ok(true)
        }

        fn seek(&mut self, _t_ms: i64) {}
    }

    fn cursor(source: usize, times: &std::collections::BTreeSet<i64>, batch: usize) -> Box<dyn SampleCursor> {
        let rows: Vec<_> = times.iter().map(|t| (*t, source as f64)).collect();
        Box::new(Fake(rows.chunks(batch).map(<[_]>::to_vec).collect::<Vec<_>>().into_iter()))
    }

    proptest! {
        #[test]
        fn merged_samples_are_the_union_and_the_first_source_wins(
            sources in prop::collection::vec((prop::collection::btree_set(0_i64..60, 0..30), 1_usize..7), 1..5),
        ) {
            let mut expected = BTreeMap::new();
            for (i, (times, _)) in sources.iter().enumerate().rev() {
                expected.extend(times.iter().map(|t| (*t, i as f64)));
            }
            let cursors = sources.iter().enumerate().map(|(i, (times, batch))| cursor(i, times, *batch)).collect();
            let mut merged = MergeCursor::new(cursors);
            let mut out = SampleBatch::new();
            let mut before = 0;
            while merged.next_batch(&mut out).unwrap() {
                prop_assert!(out.len() > before, "a batch has a row");
                before = out.len();
            }
            let found: BTreeMap<_, _> = out.timestamps.iter().copied().zip(out.floats.iter().copied()).collect();
            prop_assert!(out.timestamps.windows(2).all(|w| w[0] < w[1]), "{:?}", out.timestamps);
            prop_assert_eq!(found, expected);
        }
    }
}
