//! What leaves the head: samples that are in blocks, and series that have nothing left.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::out_of_order::OutOfOrder;
use super::series::MemSeries;
use super::{Head, TimeSpan};

/// What a truncation did.
#[derive(Debug, Default)]
pub(crate) struct Truncated {
    /// References of the series that went.
    pub(crate) series: Vec<u64>,
    /// The first time that is left.
    pub(crate) min_ms: Option<i64>,
}

impl Head {
    /// Drops whole chunks in order that end before `t_ms`, and series without samples that no transaction and no reader
    /// holds.
    pub(crate) fn truncate_before(&self, t_ms: i64) -> Truncated {
        self.raise_frontier(t_ms);
        self.times.min_ms.fetch_max(t_ms, Ordering::AcqRel);
        self.sweep(|series| {
            let mut state = series.lock();
            state.truncate_before(t_ms);
            series.note_newest(&state);
        })
    }

    /// Does something to every series, then removes those without samples, and reckons the times anew.
    pub(crate) fn sweep(&self, each: impl Fn(&MemSeries)) -> Truncated {
        let all: Vec<_> = self.index.read().all_series().cloned().collect();
        let (mut times, mut late) = (None, None);
        let mut empty = Vec::new();
        for series in all {
            let was_stale = series.lock().is_stale();
            each(&series);
            let state = series.lock();
            if was_stale && !state.is_stale() {
                self.stale_series.fetch_sub(1, Ordering::Relaxed);
            }
            times = join(times, state.time_range());
            late = join(late, state.out_of_order().and_then(OutOfOrder::time_range));
            let has_samples = state.has_samples();
            drop(state);
            if !has_samples {
                empty.push(series);
            }
        }
        self.times.raise_min(times);
        self.late_times.raise_min(late);
        Truncated { series: self.remove_unused(empty), min_ms: times.map(|t| t.0) }
    }

    /// Removes series that are still without samples, and in nobody's hands.
    fn remove_unused(&self, empty: Vec<Arc<MemSeries>>) -> Vec<u64> {
        let is_unused = |series: &MemSeries| !series.lock().has_samples();
        let gone: Vec<_> =
            empty.into_iter().filter(|s| self.stripes.remove_unused(s, &self.directory, is_unused)).collect();
        self.index.write().remove(&gone);
        self.series_count.fetch_sub(gone.len(), Ordering::Relaxed);
        gone.iter().map(|s| s.reference).collect()
    }
}

fn join(a: Option<(i64, i64)>, b: Option<(i64, i64)>) -> Option<(i64, i64)> {
    a.into_iter().chain(b).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

impl TimeSpan {
    /// Moves the first time up to that of what is left. The last stays: it says what may be appended.
    fn raise_min(&self, left: Option<(i64, i64)>) {
        if let Some((min, _)) = left {
            self.min_ms.fetch_max(min, Ordering::AcqRel);
        }
    }
}
