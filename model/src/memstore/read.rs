//! Reading a [`MemStore`].

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use super::{MemStore, Series, State};
use crate::matcher::{Matcher, all_match};
use crate::storage::{
    LabelHints, LabelList, Querier, QueryCx, Queryable, SampleBatch, SampleCursor, SelectHints, SeriesEntry, SeriesSet,
    StorageError, TimeRange, VecSeriesSet,
};

impl Queryable for MemStore {
    fn querier(&self, range: TimeRange) -> Result<Box<dyn Querier + '_>, StorageError> {
        Ok(Box::new(MemQuerier { state: Arc::clone(&self.read()), range }))
    }
}

/// Series that are matched between two looks at whether the query goes on.
const MATCHED_PER_CHECK: usize = 1_024;

struct MemQuerier {
    state: Arc<State>,
    range: TimeRange,
}

impl MemQuerier {
    /// Series that match and have samples in the range, sorted by labels; an error where the query was stopped meanwhile.
    fn selected<'q, 'm>(
        &'q self,
        matchers: &'m [Matcher],
        cx: &'m QueryCx,
    ) -> impl Iterator<Item = Result<(&'q Series, Range<usize>), StorageError>> + use<'q, 'm> {
        let mut pace = cx.pace(MATCHED_PER_CHECK);
        self.state.by_labels.values().map(|slot| &self.state.series[*slot]).filter_map(move |series| {
            if let Err(stop) = pace.done(1) {
                return Some(Err(stop));
            }
            if !all_match(matchers, &series.labels) {
                return None;
            }
            let t = &series.samples.timestamps;
            let rows = t.partition_point(|t| *t < self.range.min_ms)..t.partition_point(|t| *t <= self.range.max_ms);
            (!rows.is_empty()).then_some(Ok((series, rows)))
        })
    }
}

impl Querier for MemQuerier {
    fn select<'q>(
        &'q self,
        matchers: &[Matcher],
        _hints: &SelectHints,
        cx: &QueryCx,
    ) -> Result<Box<dyn SeriesSet<'q> + 'q>, StorageError> {
        cx.check()?;
        let entry = |(series, rows): (&'q Series, Range<usize>)| SeriesEntry {
            labels: series.labels.clone(),
            samples: Box::new(MemCursor { samples: &series.samples, rows, cx: cx.clone() })
                as Box<dyn SampleCursor + 'q>,
        };
        let entries = self.selected(matchers, cx).map(|selected| selected.map(entry)).collect::<Result<_, _>>()?;
        Ok(Box::new(VecSeriesSet::new(entries)))
    }

    fn label_names(&self, matchers: &[Matcher], hints: &LabelHints, cx: &QueryCx) -> Result<LabelList, StorageError> {
        cx.check()?;
        let mut names = BTreeSet::new();
        for selected in self.selected(matchers, cx) {
            names.extend(selected?.0.labels.iter().map(|(n, _)| n.to_owned()));
        }
        Ok(label_list(names, hints))
    }

    fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        hints: &LabelHints,
        cx: &QueryCx,
    ) -> Result<LabelList, StorageError> {
        cx.check()?;
        let mut values = BTreeSet::new();
        for selected in self.selected(matchers, cx) {
            values.extend(selected?.0.labels.get(name).map(str::to_owned));
        }
        Ok(label_list(values, hints))
    }
}

fn label_list(values: BTreeSet<String>, hints: &LabelHints) -> LabelList {
    let limit = if hints.limit == 0 { usize::MAX } else { hints.limit };
    LabelList { values: values.into_iter().take(limit).collect(), ..LabelList::default() }
}

struct MemCursor<'q> {
    samples: &'q SampleBatch,
    rows: Range<usize>,
    cx: QueryCx,
}

// Small on purpose: readers must cope with series that come in pieces.
const ROWS_PER_BATCH: usize = 256;

impl SampleCursor for MemCursor<'_> {
    fn next_batch(&mut self, out: &mut SampleBatch) -> Result<bool, StorageError> {
        let rows = self.rows.start..self.rows.end.min(self.rows.start + ROWS_PER_BATCH);
        if rows.is_empty() {
            return Ok(false);
        }
        if let Err(stop) = self.cx.check() {
            self.rows.start = self.rows.end;
            return Err(stop);
        }
        self.rows.start = rows.end;
        copy_rows(self.samples, rows, out);
        Ok(true)
    }

    fn seek(&mut self, t_ms: i64) {
        let ahead = self.samples.timestamps[self.rows.clone()].partition_point(|t| *t < t_ms);
        self.rows.start += ahead;
    }
}

fn copy_rows(from: &SampleBatch, rows: Range<usize>, out: &mut SampleBatch) {
    let base = out.len();
    if !from.start_timestamps.is_empty() {
        out.start_timestamps.resize(base, 0);
        out.start_timestamps.extend_from_slice(&from.start_timestamps[rows.clone()]);
    } else if !out.start_timestamps.is_empty() {
        out.start_timestamps.resize(base + rows.len(), 0);
    }
    out.timestamps.extend_from_slice(&from.timestamps[rows.clone()]);
    out.floats.extend_from_slice(&from.floats[rows.clone()]);
    let first = from.histograms.partition_point(|(row, _)| (*row as usize) < rows.start);
    let inside = from.histograms[first..].iter().take_while(|(row, _)| (*row as usize) < rows.end);
    out.histograms.extend(inside.map(|(row, h)| ((*row as usize - rows.start + base) as u32, h.clone())));
}
