//! Deletes in the head.

use std::sync::Arc;

use promethium_model::{Matcher, QueryCx, StorageError, TimeRange};

use super::Head;
use super::series::MemSeries;

/// A stretch of a series that is to be deleted.
pub(crate) struct Stone {
    pub(crate) series: Arc<MemSeries>,
    pub(crate) min_ms: i64,
    pub(crate) max_ms: i64,
}

impl Head {
    /// What a delete reaches: the range, cut to the time span of each series that matches.
    pub(crate) fn plan_delete(
        &self,
        range: TimeRange,
        matchers: &[Matcher],
        cx: &QueryCx,
    ) -> Result<Vec<Stone>, StorageError> {
        let matching: Vec<_> = {
            let index = self.index.read();
            let ids = index.matching(matchers, cx)?;
            ids.iter().filter_map(|id| index.get(id).cloned()).collect()
        };
        let stones = matching.into_iter().filter_map(|series| {
            let (first, last) = series.lock().full_time_range()?;
            let (min_ms, max_ms) = (range.min_ms.max(first), range.max_ms.min(last));
            (min_ms <= max_ms).then_some(Stone { series, min_ms, max_ms })
        });
        Ok(stones.collect())
    }

    pub(crate) fn apply_delete(&self, stones: &[Stone]) {
        for stone in stones {
            stone.series.lock().add_deleted(stone.min_ms, stone.max_ms);
        }
    }
}
