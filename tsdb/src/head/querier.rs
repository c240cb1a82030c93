//! The read seam over the head.

use std::sync::Arc;

use promethium_model::{
    Annotations, LabelHints, LabelList, Labels, Matcher, Querier, QueryCx, SelectHints, SeriesEntry, SeriesSet,
    StorageError, TimeRange,
};
use roaring::RoaringBitmap;

use super::Head;
use super::cursor::{HeadCursor, Notes};
use super::series::MemSeries;
use super::visibility::{CommitId, Snapshot};

// Series whose labels are made under one hold of the index, between two looks at the query's deadline.
const SERIES_PER_LOCK: usize = 128;

/// Reads the head as it was when this was made.
pub(crate) struct HeadQuerier<'h> {
    head: &'h Head,
    range: TimeRange,
    snapshot: Snapshot<'h>,
}

impl Head {
    pub(crate) fn querier(&self, range: TimeRange) -> HeadQuerier<'_> {
        HeadQuerier { head: self, range, snapshot: self.visibility.snapshot() }
    }
}

impl HeadQuerier<'_> {
    /// The series that match and have visible samples in the range.
    fn selected(&self, matchers: &[Matcher], cx: &QueryCx) -> Result<Vec<Arc<MemSeries>>, StorageError> {
        cx.check()?;
        if self.head.is_outside(self.range) {
            return Ok(Vec::new());
        }
        let candidates: Vec<Arc<MemSeries>> = {
            let index = self.head.index.read();
            let ids = index.matching(matchers, cx)?;
            ids.iter().filter_map(|id| index.get(id).cloned()).collect()
        };
        let mut selected = Vec::with_capacity(candidates.len());
        for some in candidates.chunks(SERIES_PER_LOCK) {
            cx.check()?;
            selected.extend(some.iter().filter(|s| self.is_visible(s)).cloned());
        }
        Ok(selected)
    }

    fn is_visible(&self, series: &MemSeries) -> bool {
        series.lock().has_sample_in(self.snapshot.at, self.range, self.head.chunk_files())
    }

    fn with_labels(
        &self,
        selected: &[Arc<MemSeries>],
        cx: &QueryCx,
    ) -> Result<Vec<(Labels, Arc<MemSeries>)>, StorageError> {
        let mut labelled = Vec::with_capacity(selected.len());
        for some in selected.chunks(SERIES_PER_LOCK) {
            cx.check()?;
            let index = self.head.index.read();
            labelled.extend(some.iter().filter(|s| index.holds(s)).map(|s| (index.labels(s), Arc::clone(s))));
        }
        Ok(labelled)
    }

    /// The series that match, `None` for all.
    fn matching(&self, matchers: &[Matcher], cx: &QueryCx) -> Result<Option<RoaringBitmap>, StorageError> {
        cx.check()?;
        if self.head.is_outside(self.range) {
            return Ok(Some(RoaringBitmap::new()));
        }
        if matchers.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.head.index.read().matching(matchers, cx)?))
    }
}

impl Querier for HeadQuerier<'_> {
    fn select<'q>(
        &'q self,
        matchers: &[Matcher],
        hints: &SelectHints,
        cx: &QueryCx,
    ) -> Result<Box<dyn SeriesSet<'q> + 'q>, StorageError> {
        let mut series = self.with_labels(&self.selected(matchers, cx)?, cx)?;
        if let Some((shard, shards)) = hints.shard {
            series.retain(|(labels, _)| labels.hash() % shards.max(1) == shard);
        }
        if hints.sorted {
            series.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        }
        if hints.limit > 0 {
            series.truncate(hints.limit);
        }
        Ok(Box::new(HeadSeriesSet {
            head: self.head,
            notes: Notes::default(),
            newest_until_ms: hints.newest_only.then_some(hints.end_ms),
            series: series.into_iter(),
            range: self.range,
            snapshot: self.snapshot.at,
            cx: cx.clone(),
        }))
    }

    fn label_names(&self, matchers: &[Matcher], hints: &LabelHints, cx: &QueryCx) -> Result<LabelList, StorageError> {
        let among = self.matching(matchers, cx)?;
        let index = self.head.index.read();
        let visible = |id: u32| index.get(id).is_some_and(|s| self.is_visible(s));
        let names = index.label_names().into_iter().filter(|n| index.has_label_among(n, among.as_ref(), visible));
        let values = names.take(limit(hints)).map(str::to_owned).collect();
        Ok(LabelList { values, ..LabelList::default() })
    }

    fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        hints: &LabelHints,
        cx: &QueryCx,
    ) -> Result<LabelList, StorageError> {
        let among = self.matching(matchers, cx)?;
        let index = self.head.index.read();
        let visible = |id: u32| index.get(id).is_some_and(|s| self.is_visible(s));
        let values = index.label_values(name, among.as_ref(), limit(hints), visible);
        Ok(LabelList { values, ..LabelList::default() })
    }
}

fn limit(hints: &LabelHints) -> usize {
    if hints.limit == 0 { usize::MAX } else { hints.limit }
}

struct HeadSeriesSet<'h> {
    head: &'h Head,
    notes: Notes,
    /// Where only the newest sample of each series is wanted: up to when.
    newest_until_ms: Option<i64>,
    series: std::vec::IntoIter<(Labels, Arc<MemSeries>)>,
    range: TimeRange,
    snapshot: CommitId,
    cx: QueryCx,
}

impl<'q> SeriesSet<'q> for HeadSeriesSet<'q> {
    fn next_series(&mut self) -> Result<Option<SeriesEntry<'q>>, StorageError> {
        self.cx.check()?;
        let Some((labels, series)) = self.series.next() else { return Ok(None) };
        let cursor = HeadCursor::new(self.head, series, self.range, self.snapshot, self.notes.clone());
        let cursor = cursor.newest_until(self.newest_until_ms);
        Ok(Some(SeriesEntry { labels, samples: Box::new(cursor) }))
    }

    fn annotations(&self) -> Annotations {
        self.notes.all()
    }
}
