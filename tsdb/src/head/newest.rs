//! When the newest samples were, where appends find it without a look at the series.

use std::sync::atomic::{AtomicI64, Ordering};

use super::directory::{PAGE_SERIES, place};

/// The time of the newest sample in order of each of 256 series with neighbouring references.
///
/// PERF: a transaction asks thousands of series in turn, and each has left the cache since the last time. Of these times eight
/// share a cache line, and the next line is fetched ahead.
pub(crate) struct NewestTimes([AtomicI64; PAGE_SERIES]);

/// No sample has this time.
const NEVER: i64 = i64::MIN;

impl Default for NewestTimes {
    fn default() -> Self {
        NewestTimes([const { AtomicI64::new(NEVER) }; PAGE_SERIES])
    }
}

impl NewestTimes {
    /// Whether all samples in order of a series are older than `t_ms`; surely so where it says yes.
    #[inline(always)]
    pub(crate) fn is_before(&self, at: u8, t_ms: i64) -> bool {
        self.0[usize::from(at)].load(Ordering::Acquire) < t_ms
    }

    /// That of one series.
    #[inline]
    pub(crate) fn get(&self, reference: u64) -> Option<i64> {
        Some(self.of(reference).load(Ordering::Acquire)).filter(|t_ms| *t_ms != NEVER)
    }

    #[inline]
    pub(crate) fn set(&self, reference: u64, newest_ms: Option<i64>) {
        self.of(reference).store(newest_ms.unwrap_or(NEVER), Ordering::Release);
    }

    #[inline]
    fn of(&self, reference: u64) -> &AtomicI64 {
        &self.0[usize::from(place(reference).1)]
    }
}
