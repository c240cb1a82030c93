//! Series of which the log says that they left the head for a block although their time had not come.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::db::life::KeptReferences;
use crate::head::Head;
use crate::head::series::MemSeries;
use crate::head::transaction::NewSamples;

/// Evictions, and returns that have no eviction before them yet.
#[derive(Default)]
pub(super) struct Evicted {
    /// References of evicted series, each with the newest time of the head then: so long the log goes on explaining it.
    pub(super) until_ms: KeptReferences,
    /// Series that came under another reference while they were there, each with its newest time then. Prometheus writes the
    /// tombstone after the eviction: what was appended in between stands before it.
    returned_ms: HashMap<u64, i64, FixedState>,
}

impl Evicted {
    /// A series that is there is named again, under another reference.
    pub(super) fn note_return(&mut self, series: &MemSeries) {
        if !self.until_ms.contains_key(&series.reference) || series.newest_ms().is_some() {
            self.returned_ms.insert(series.reference, series.newest_ms().unwrap_or(i64::MIN));
        }
    }

    /// How long the log has to explain the references of a series.
    pub(super) fn until_ms(&self, series: &MemSeries) -> Option<i64> {
        series.newest_ms().max(self.until_ms.get(&series.reference).copied())
    }

    /// Drops what a series had, but for what came under another reference.
    pub(super) fn evict(&mut self, head: &Head, reference: u64, series: &MemSeries) {
        let mut state = series.lock();
        // Under whatever references the log has its samples.
        let until_ms = head.time_range().map_or(i64::MIN, |(_, max_ms)| max_ms);
        self.until_ms.extend([(reference, until_ms), (series.reference, until_ms)]);
        let was_stale = state.is_stale();
        let end_ms = self.returned_ms.remove(&reference).map_or(i64::MAX, |t_ms| t_ms.saturating_add(1));
        state.truncate_before(end_ms);
        series.note_newest(&state);
        let stale_series = i64::from(state.is_stale()) - i64::from(was_stale);
        head.note_stored(&NewSamples { stale_series, ..NewSamples::default() });
    }
}
