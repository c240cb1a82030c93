//! The times at which an expression is evaluated.

use crate::plan::TimeShift;

/// `start`, `start + step`, …: `count` times in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Steps {
    pub(crate) start_ms: i64,
    pub(crate) step_ms: i64,
    pub(crate) count: usize,
}

impl Steps {
    pub(crate) fn single(time_ms: i64) -> Steps {
        Steps { start_ms: time_ms, step_ms: 0, count: 1 }
    }

    /// From `start_ms` to at most `end_ms`; empty when the end lies before.
    pub(crate) fn between(start_ms: i64, end_ms: i64, step_ms: i64) -> Steps {
        let span = end_ms.saturating_sub(start_ms);
        let count = if span < 0 { 0 } else { (span / step_ms.max(1)) as usize + 1 };
        Steps { start_ms, step_ms, count }
    }

    #[inline]
    pub(crate) fn time(&self, i: usize) -> i64 {
        self.start_ms + self.step_ms * i as i64
    }

    pub(crate) fn last_ms(&self) -> i64 {
        self.time(self.count.saturating_sub(1))
    }

    /// The first step alone.
    pub(crate) fn first(&self) -> Steps {
        Steps::single(self.start_ms)
    }

    /// The times at which a selector looks for samples: pinned ones do not move.
    pub(crate) fn shifted(&self, shift: TimeShift) -> Steps {
        let (start, step_ms) = shift.at_ms.map_or((self.start_ms, self.step_ms), |at| (at, 0));
        Steps { start_ms: start.saturating_sub(shift.offset_ms), step_ms, count: self.count }
    }
}
