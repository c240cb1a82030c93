//! A store in front of the store, which counts the samples that a query reads. Used only for requests that ask.

use std::sync::atomic::{AtomicU64, Ordering};

use promethium_model::{
    Annotations, LabelHints, LabelList, Matcher, Querier, QueryCx, Queryable, SampleBatch, SampleCursor, SelectHints,
    SeriesEntry, SeriesSet, StorageError, TimeRange,
};

/// Passes every call on; one atomic addition per batch.
pub(crate) struct CountingQueryable<'s> {
    store: &'s dyn Queryable,
    samples_read: AtomicU64,
}

impl<'s> CountingQueryable<'s> {
    pub(crate) fn new(store: &'s dyn Queryable) -> Self {
        CountingQueryable { store, samples_read: AtomicU64::new(0) }
    }

    /// Samples that the store has handed over so far.
    pub(crate) fn samples_read(&self) -> u64 {
        self.samples_read.load(Ordering::Relaxed)
    }
}

impl Queryable for CountingQueryable<'_> {
    fn querier(&self, range: TimeRange) -> Result<Box<dyn Querier + '_>, StorageError> {
        Ok(Box::new(CountingQuerier { querier: self.store.querier(range)?, samples_read: &self.samples_read }))
    }
}

struct CountingQuerier<'s> {
    querier: Box<dyn Querier + 's>,
    samples_read: &'s AtomicU64,
}

impl Querier for CountingQuerier<'_> {
    fn select<'q>(
        &'q self,
        matchers: &[Matcher],
        hints: &SelectHints,
        cx: &QueryCx,
    ) -> Result<Box<dyn SeriesSet<'q> + 'q>, StorageError> {
        let set = self.querier.select(matchers, hints, cx)?;
        Ok(Box::new(CountingSet { set, samples_read: self.samples_read }))
    }

    fn label_names(&self, matchers: &[Matcher], hints: &LabelHints, cx: &QueryCx) -> Result<LabelList, StorageError> {
        self.querier.label_names(matchers, hints, cx)
    }

    fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        hints: &LabelHints,
        cx: &QueryCx,
    ) -> Result<LabelList, StorageError> {
        self.querier.label_values(name, matchers, hints, cx)
    }
}

struct CountingSet<'q> {
    set: Box<dyn SeriesSet<'q> + 'q>,
    samples_read: &'q AtomicU64,
}

impl<'q> SeriesSet<'q> for CountingSet<'q> {
    fn next_series(&mut self) -> Result<Option<SeriesEntry<'q>>, StorageError> {
        let entry = self.set.next_series()?;
        Ok(entry.map(|SeriesEntry { labels, samples }| {
            let cursor = CountingCursor { cursor: samples, samples_read: self.samples_read };
            SeriesEntry { labels, samples: Box::new(cursor) }
        }))
    }

    fn annotations(&self) -> Annotations {
        self.set.annotations()
    }
}

struct CountingCursor<'q> {
    cursor: Box<dyn SampleCursor + 'q>,
    samples_read: &'q AtomicU64,
}

impl SampleCursor for CountingCursor<'_> {
    fn next_batch(&mut self, out: &mut SampleBatch) -> Result<bool, StorageError> {
        let before = out.len();
        let more = self.cursor.next_batch(out)?;
        self.samples_read.fetch_add((out.len() - before) as u64, Ordering::Relaxed);
        Ok(more)
    }

    fn seek(&mut self, t_ms: i64) {
        self.cursor.seek(t_ms);
    }
}
