//! A store that hands out samples a few at a time.

use promethium_model::{
    LabelHints, LabelList, Labels, Matcher, MemStore, Querier, QueryCx, Queryable, QueryableExt, SampleBatch,
    SampleCursor, SelectHints, SeriesEntry, SeriesSet, StorageError, TimeRange, storage::VecSeriesSet,
};

pub(crate) struct Chopped<'s> {
    store: &'s MemStore,
    size: usize,
}

impl<'s> Chopped<'s> {
    pub(crate) fn new(store: &'s MemStore, size: usize) -> Self {
        Chopped { store, size }
    }
}

impl Queryable for Chopped<'_> {
    fn querier(&self, range: TimeRange) -> Result<Box<dyn Querier + '_>, StorageError> {
        Ok(Box::new(ChoppedQuerier { store: self.store, range, size: self.size }))
    }
}

struct ChoppedQuerier<'s> {
    store: &'s MemStore,
    range: TimeRange,
    size: usize,
}

impl Querier for ChoppedQuerier<'_> {
    fn select<'q>(
        &'q self,
        matchers: &[Matcher],
        _: &SelectHints,
        _: &QueryCx,
    ) -> Result<Box<dyn SeriesSet<'q> + 'q>, StorageError> {
        let all = self.store.read_all(self.range, matchers)?;
        let entry = |(labels, batch): (Labels, SampleBatch)| SeriesEntry {
            labels,
            samples: Box::new(Cursor { batch, next: 0, size: self.size }),
        };
        Ok(Box::new(VecSeriesSet::new(all.into_iter().map(entry).collect())))
    }

    fn label_names(&self, _: &[Matcher], _: &LabelHints, _: &QueryCx) -> Result<LabelList, StorageError> {
        Ok(LabelList::default())
    }

    fn label_values(&self, _: &str, _: &[Matcher], _: &LabelHints, _: &QueryCx) -> Result<LabelList, StorageError> {
        Ok(LabelList::default())
    }
}

struct Cursor {
    batch: SampleBatch,
    next: usize,
    size: usize,
}

impl SampleCursor for Cursor {
    fn next_batch(&mut self, out: &mut SampleBatch) -> Result<bool, StorageError> {
        let end = (self.next + self.size).min(self.batch.len());
        for row in self.next..end {
            let histogram = self.batch.histograms.iter().find(|(r, _)| *r as usize == row);
            match histogram {
                Some((_, h)) => out.push_histogram(self.batch.timestamps[row], h.clone()),
                None => out.push_float(self.batch.timestamps[row], self.batch.floats[row]),
            }
            if let Some(start) = self.batch.start_timestamps.get(row) {
                out.set_start_timestamp(*start);
            }
        }
        let any = end > self.next;
        self.next = end;
        Ok(any)
    }

    fn seek(&mut self, t_ms: i64) {
        self.next = self.next.max(self.batch.timestamps.partition_point(|t| *t < t_ms));
    }
}
