//! The read seam over the head.

use std::cell::Cell;
use std::sync::Arc;

use parking_lot::RwLockReadGuard;
use promethium_model::{
    Annotations, HeldBytes, LabelHints, LabelList, Labels, Matcher, Querier, QueryCx, SampleCursor, SelectHints,
    SeriesEntry, SeriesSet, StorageError, TimeRange,
};
use roaring::RoaringBitmap;

use super::Head;
use super::cursor::{HeadCursor, Notes, OneSample};
use super::index::HeadIndex;
use super::series::MemSeries;
use super::visibility::{CommitId, Snapshot};

// Series that are visited under one hold of the index, between two looks at the query's deadline.
const SERIES_PER_LOCK: usize = 128;
// Series that are handed out between two looks at the query's deadline.
const SERIES_PER_CHECK: usize = 16;

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

/// A series that was selected.
struct Selected {
    labels: Labels,
    samples: Samples,
}

impl Selected {
    /// Bytes that it takes, and its place in a list that grows by doubling.
    fn bytes(&self) -> usize {
        const LABELS_HEADER: usize = 16;
        2 * size_of::<Selected>() + LABELS_HEADER + self.labels.packed_len()
    }
}

/// What is to be read of a series.
enum Samples {
    /// One sample, which is at hand.
    One(i64, f64),
    All(Arc<MemSeries>),
}

impl<'h> HeadQuerier<'h> {
    /// The series that match and have visible samples in the range, at most `limit` of those that `keep` wants.
    ///
    /// PERF: a series is not in the cache as a rule: whatever is to be known of it is asked in one visit.
    fn selected(
        &self,
        matchers: &[Matcher],
        newest_until_ms: Option<i64>,
        limit: usize,
        keep: impl Fn(&Labels) -> bool,
        held: &mut HeldBytes,
    ) -> Result<Vec<Selected>, StorageError> {
        let cx = &held.cx().clone();
        cx.check()?;
        let mut selected = Vec::new();
        if self.head.is_outside(self.range) {
            return Ok(selected);
        }
        let mut candidates = Candidates::new(self.head, matchers, cx);
        while let Some((index, ids)) = candidates.next_some()? {
            let before = selected.len();
            for series in ids.iter().filter_map(|id| index.get(*id)) {
                let Some(samples) = self.samples(series, newest_until_ms) else { continue };
                let labels = index.labels(series);
                if keep(&labels) {
                    selected.push(Selected { labels, samples });
                }
            }
            held.add(selected[before..].iter().map(Selected::bytes).sum())?;
            if selected.len() >= limit {
                selected.truncate(limit);
                break;
            }
        }
        Ok(selected)
    }

    /// What there is to read of a series; `None` where nothing of it is visible.
    fn samples(&self, series: &Arc<MemSeries>, newest_until_ms: Option<i64>) -> Option<Samples> {
        let state = series.lock();
        if let Some(until_ms) = newest_until_ms
            && let Some((t_ms, value)) = state.newest_float_for(self.snapshot.at, until_ms.min(self.range.max_ms))
        {
            return (t_ms >= self.range.min_ms).then_some(Samples::One(t_ms, value));
        }
        let is_visible = state.has_sample_in(self.snapshot.at, self.range, self.head.chunk_files());
        is_visible.then(|| Samples::All(Arc::clone(series)))
    }

    /// Whether something of the series with an id is visible. Once the query is to stop, `stopped` says so, and everything is
    /// accepted, so that whoever asks comes to an end.
    fn visible<'a>(
        &'a self,
        index: &'a HeadIndex,
        stopped: &'a Cell<Option<StorageError>>,
        cx: &'a QueryCx,
    ) -> impl FnMut(u32) -> bool + 'a {
        let mut pace = cx.pace(SERIES_PER_CHECK);
        move |id| {
            if let Err(error) = pace.done(1) {
                stopped.set(Some(error));
                return true;
            }
            let is_visible =
                |s: &Arc<MemSeries>| s.lock().has_sample_in(self.snapshot.at, self.range, self.head.chunk_files());
            index.get(id).is_some_and(is_visible)
        }
    }

    /// The series that match, `None` for all.
    fn matching(&self, matchers: &[Matcher], held: &mut HeldBytes) -> Result<Option<RoaringBitmap>, StorageError> {
        let cx = &held.cx().clone();
        cx.check()?;
        if self.head.is_outside(self.range) {
            return Ok(Some(RoaringBitmap::new()));
        }
        if matchers.is_empty() {
            return Ok(None);
        }
        let found = self.head.index.read().matching(matchers, cx)?;
        held.add(found.serialized_size())?;
        Ok(Some(found))
    }
}

impl Querier for HeadQuerier<'_> {
    fn select<'q>(
        &'q self,
        matchers: &[Matcher],
        hints: &SelectHints,
        cx: &QueryCx,
    ) -> Result<Box<dyn SeriesSet<'q> + 'q>, StorageError> {
        let newest_until_ms = hints.newest_only.then_some(hints.end_ms);
        let all = if hints.limit == 0 { usize::MAX } else { hints.limit };
        // A limit cuts what is sorted.
        let limit = if hints.sorted { usize::MAX } else { all };
        let is_wanted =
            |labels: &Labels| hints.shard.is_none_or(|(shard, shards)| labels.hash() % shards.max(1) == shard);
        let mut held = HeldBytes::new(cx);
        let mut series = self.selected(matchers, newest_until_ms, limit, is_wanted, &mut held)?;
        if hints.sorted {
            series.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
        }
        series.truncate(all);
        Ok(Box::new(HeadSeriesSet {
            head: self.head,
            notes: Notes::default(),
            series: series.into_iter(),
            range: self.range,
            snapshot: self.snapshot.at,
            held,
            since_check: SERIES_PER_CHECK,
        }))
    }

    fn label_names(&self, matchers: &[Matcher], hints: &LabelHints, cx: &QueryCx) -> Result<LabelList, StorageError> {
        let mut held = HeldBytes::new(cx);
        let among = self.matching(matchers, &mut held)?;
        let index = self.head.index.read();
        let (mut values, stopped) = (Vec::new(), Cell::new(None));
        let mut visible = self.visible(&index, &stopped, cx);
        for name in index.label_names() {
            if values.len() == limit(hints) {
                break;
            }
            let is_there = index.has_label_among(name, among.as_ref(), &mut visible);
            stopped.take().map_or(Ok(()), Err)?;
            if is_there {
                held.add_text(name)?;
                values.push(name.to_owned());
            }
        }
        Ok(LabelList { values, ..LabelList::default() })
    }

    fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        hints: &LabelHints,
        cx: &QueryCx,
    ) -> Result<LabelList, StorageError> {
        let mut held = HeldBytes::new(cx);
        let among = self.matching(matchers, &mut held)?;
        let index = self.head.index.read();
        let (mut values, stopped) = (Vec::new(), Cell::new(None));
        let visible = self.visible(&index, &stopped, cx);
        for value in index.label_values(name, among.as_ref(), visible).take(limit(hints)) {
            stopped.take().map_or(Ok(()), Err)?;
            held.add_text(value)?;
            values.push(value.to_owned());
        }
        stopped.take().map_or(Ok(()), Err)?;
        Ok(LabelList { values, ..LabelList::default() })
    }
}

fn limit(hints: &LabelHints) -> usize {
    if hints.limit == 0 { usize::MAX } else { hints.limit }
}

struct HeadSeriesSet<'h> {
    head: &'h Head,
    notes: Notes,
    series: std::vec::IntoIter<Selected>,
    range: TimeRange,
    snapshot: CommitId,
    held: HeldBytes,
    since_check: usize,
}

impl HeadSeriesSet<'_> {
    /// Looks at the query's deadline once in a few series: a series may cost less than a look at the clock.
    fn check(&mut self) -> Result<(), StorageError> {
        self.since_check += 1;
        if self.since_check < SERIES_PER_CHECK {
            return Ok(());
        }
        self.since_check = 0;
        self.held.cx().check()
    }
}

impl<'q> SeriesSet<'q> for HeadSeriesSet<'q> {
    fn next_series(&mut self) -> Result<Option<SeriesEntry<'q>>, StorageError> {
        self.check()?;
        let Some(selected) = self.series.next() else { return Ok(None) };
        // Its labels are the caller's to count from here on.
        self.held.release(selected.bytes());
        let Selected { labels, samples } = selected;
        let samples: Box<dyn SampleCursor + 'q> = match samples {
            Samples::One(t_ms, value) => Box::new(OneSample::new(t_ms, value)),
            Samples::All(series) => {
                Box::new(HeadCursor::new(self.head, series, self.range, self.snapshot, self.notes.clone()))
            }
        };
        Ok(Some(SeriesEntry { labels, samples }))
    }

    fn annotations(&self) -> Annotations {
        self.notes.all()
    }
}

/// The index, while somebody reads it.
type Held<'a> = RwLockReadGuard<'a, HeadIndex>;

/// The series that matchers accept, some at a time, each time under a new hold of the index.
struct Candidates<'a> {
    head: &'a Head,
    matchers: &'a [Matcher],
    cx: &'a QueryCx,
    ids: Vec<u32>,
    held: HeldBytes,
    /// What had been removed from the index when the ids were found; `None` before that.
    removals: Option<u64>,
    next_id: u32,
}

impl<'a> Candidates<'a> {
    fn new(head: &'a Head, matchers: &'a [Matcher], cx: &'a QueryCx) -> Self {
        Candidates { head, matchers, cx, ids: Vec::new(), held: HeldBytes::new(cx), removals: None, next_id: 0 }
    }

    /// Further candidates, in the order of their ids.
    fn next_some(&mut self) -> Result<Option<(Held<'a>, &[u32])>, StorageError> {
        self.cx.check()?;
        let index = self.head.index.read();
        if self.removals != Some(index.removals()) {
            // Ids of series that went may be those of others now.
            let found = index.matching(self.matchers, self.cx)?;
            self.held.set(found.serialized_size() + found.len() as usize * size_of::<u32>())?;
            self.ids = found.iter().collect();
            self.removals = Some(index.removals());
        }
        let at = self.ids.partition_point(|id| *id < self.next_id);
        let some = &self.ids[at..self.ids.len().min(at + SERIES_PER_LOCK)];
        let Some(last) = some.last() else { return Ok(None) };
        self.next_id = last.saturating_add(1);
        Ok(Some((index, some)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::open::head_rules;
    use crate::options::DbOptions;

    fn named(name: &str, i: usize) -> Labels {
        Labels::from_pairs([("__name__", name), ("i", &i.to_string())])
    }

    #[test]
    fn successors_of_series_that_went_are_not_taken_for_them() {
        let head = Head::new(head_rules(&DbOptions::default()));
        let series = 2 * SERIES_PER_LOCK;
        let create = |name: &str, i: usize| head.get_or_create(head.reserve_reference(), &named(name, i)).unwrap().0;
        (0..series).for_each(|i| drop(create("wanted", i)));
        let (matchers, cx) = ([Matcher::equal("__name__", "wanted")], QueryCx::unlimited());
        let mut candidates = Candidates::new(&head, &matchers, &cx);
        let first = candidates.next_some().unwrap().map(|(_, ids)| ids.to_vec()).unwrap();
        assert_eq!(first.len(), SERIES_PER_LOCK);
        // All series are without samples: they go, and others get their ids.
        assert_eq!(head.truncate_before(0).series.len(), series);
        let late = create("wanted", 0).id;
        let others: Vec<u32> = (1..series).map(|i| create("other", i).id).collect();
        assert!(others.iter().any(|id| *id >= SERIES_PER_LOCK as u32));
        let mut rest = Vec::new();
        while let Some((_, ids)) = candidates.next_some().unwrap() {
            rest.extend_from_slice(ids);
        }
        assert_eq!(rest, [late]);
    }
}
