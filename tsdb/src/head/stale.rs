//! Series that ended: they may leave the head before its oldest range does.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use foldhash::fast::FixedState;

use super::Head;
use super::out_of_order::OutOfOrder;
use super::series::{MemSeries, SeriesState};

/// Series that had a stale marker for their newest sample at some moment, by reference, each with the marker's time.
#[derive(Default)]
pub(crate) struct StaleSeries(HashMap<u64, (Arc<MemSeries>, i64), FixedState>);

impl StaleSeries {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &MemSeries> {
        self.0.values().map(|(series, _)| &**series)
    }

    pub(crate) fn has(&self, series: &MemSeries) -> bool {
        self.0.contains_key(&series.reference)
    }

    /// Whether the series still ends with that marker.
    pub(crate) fn is_unchanged(&self, series: &MemSeries, state: &SeriesState) -> bool {
        self.0.get(&series.reference).is_some_and(|(_, newest_ms)| ended_at(state) == Some(*newest_ms))
    }

    pub(crate) fn extend(&mut self, more: StaleSeries) {
        self.0.extend(more.0);
    }

    /// The series in batches, each of which is gone from here.
    pub(crate) fn into_batches(self, size: usize) -> impl Iterator<Item = StaleSeries> {
        let mut all = self.0.into_iter();
        std::iter::from_fn(move || Some(StaleSeries(all.by_ref().take(size).collect())).filter(|some| !some.is_empty()))
    }
}

/// When the series ended, if it has nothing but samples in order.
fn ended_at(state: &SeriesState) -> Option<i64> {
    let has_late = state.out_of_order().is_some_and(|late| !OutOfOrder::is_empty(late));
    state.newest_ms().filter(|_| state.is_stale() && !has_late)
}

impl Head {
    /// The series that are stale now, without those that have late samples.
    pub(crate) fn stale_series(&self) -> StaleSeries {
        let all = self.all_series().into_iter();
        let stale = all.filter_map(|series| {
            let newest_ms = ended_at(&series.lock())?;
            Some((series.reference, (series, newest_ms)))
        });
        StaleSeries(stale.collect())
    }

    /// Removes those of the series that are as they were and in nobody's hands: no transaction that has one, or is in the log
    /// with one and not applied yet, loses it. The references of those that went, and those that only hands keep.
    pub(crate) fn evict(&self, stale: StaleSeries) -> (Vec<u64>, StaleSeries) {
        let mut gone = Vec::new();
        let mut held = StaleSeries::default();
        for (series, newest_ms) in stale.0.into_values() {
            let is_unchanged = |series: &MemSeries| ended_at(&series.lock()) == Some(newest_ms);
            if self.stripes.remove_unused(&series, &self.directory, is_unchanged) {
                gone.push(series);
            } else if is_unchanged(&series) {
                held.0.insert(series.reference, (series, newest_ms));
            }
        }
        self.index.write().remove(&gone);
        self.series_count.fetch_sub(gone.len(), Ordering::Relaxed);
        self.stale_series.fetch_sub(gone.len() as i64, Ordering::Relaxed);
        (gone.iter().map(|series| series.reference).collect(), held)
    }
}
