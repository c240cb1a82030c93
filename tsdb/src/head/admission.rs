//! Which samples a series takes: Prometheus' rules, in its order.

use promethium_model::AppendError;

/// What a sample is to a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It follows the newest.
    New,
    /// It is the newest, bit by bit.
    Same,
    /// It lies behind the newest, inside the out-of-order window.
    OutOfOrder,
}

/// The bounds in time of one transaction, as they were at its beginning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeBounds {
    /// The oldest time that is in order.
    pub(crate) min_valid_ms: i64,
    /// The latest time.
    pub(crate) max_valid_ms: i64,
    /// The oldest time that the out-of-order window takes; `None` without a window.
    pub(crate) min_out_of_order_ms: Option<i64>,
}

impl TimeBounds {
    /// What needs no look at the series.
    pub(crate) fn check(&self, t_ms: i64) -> Result<(), AppendError> {
        if self.min_out_of_order_ms.is_none() && t_ms < self.min_valid_ms {
            return Err(AppendError::OutOfBounds { timestamp_ms: t_ms, min_valid_ms: self.min_valid_ms });
        }
        if t_ms > self.max_valid_ms {
            return Err(AppendError::TooFarInFuture { timestamp_ms: t_ms, max_ms: self.max_valid_ms });
        }
        Ok(())
    }

    /// What a sample at `t_ms` is to a series whose newest is at `newest_ms`. `compare` says what it is to that one
    /// when both have the same time.
    pub(crate) fn admit(
        &self,
        t_ms: i64,
        newest_ms: Option<i64>,
        reject_out_of_order: bool,
        compare: impl FnOnce() -> Result<(), AppendError>,
    ) -> Result<Admission, AppendError> {
        if t_ms >= self.min_valid_ms {
            match newest_ms {
                None => return Ok(Admission::New),
                Some(newest) if t_ms > newest => return Ok(Admission::New),
                Some(newest) if t_ms == newest => return compare().map(|()| Admission::Same),
                Some(_) => {}
            }
        }
        let out_of_order =
            || AppendError::OutOfOrder { timestamp_ms: t_ms, newest_ms: newest_ms.unwrap_or(self.min_valid_ms) };
        match self.min_out_of_order_ms {
            _ if reject_out_of_order => Err(out_of_order()),
            Some(min) if t_ms >= min => Ok(Admission::OutOfOrder),
            Some(min) => Err(AppendError::TooOld { timestamp_ms: t_ms, min_valid_ms: min }),
            None if t_ms < self.min_valid_ms => {
                Err(AppendError::OutOfBounds { timestamp_ms: t_ms, min_valid_ms: self.min_valid_ms })
            }
            None => Err(out_of_order()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_taken_and_refused_as_prometheus_does() {
        let bounds = |window: Option<i64>| TimeBounds {
            min_valid_ms: 1_000,
            max_valid_ms: 9_000,
            min_out_of_order_ms: window.map(|w| 2_000 - w),
        };
        let same = || Ok(());
        let text = |window, t, newest, reject| {
            let bounds = bounds(window);
            match bounds.check(t).and_then(|()| bounds.admit(t, newest, reject, same)) {
                Ok(admission) => format!("{admission:?}"),
                Err(error) => error.to_string(),
            }
        };
        // Without a window.
        assert_eq!(text(None, 999, None, false), "out of bounds");
        assert_eq!(text(None, 1_000, None, false), "New");
        assert_eq!(text(None, 1_500, Some(1_500), false), "Same");
        assert_eq!(text(None, 1_499, Some(1_500), false), "out of order sample");
        assert_eq!(text(None, 9_001, Some(1_500), false), "timestamp is too far in the future");
        // With one.
        assert_eq!(text(Some(1_500), 600, None, false), "OutOfOrder");
        assert_eq!(text(Some(1_500), 1_499, Some(1_500), false), "OutOfOrder");
        assert_eq!(text(Some(1_500), 499, Some(1_500), false), "too old sample");
        assert_eq!(text(Some(1_500), 499, Some(1_500), true), "out of order sample");
        assert_eq!(text(Some(1_500), 1_499, Some(1_500), true), "out of order sample");
    }
}
