//! What a query may cost, and whether it should go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::StorageError;
use crate::clock::Clock;

/// Deadline, cancellation and budgets of one query, in samples and in bytes. Cheap to clone; clones share all of them.
///
/// Stores and engines call [`QueryCx::check`] once per batch, series or posting list — never per sample.
#[derive(Clone, Default)]
pub struct QueryCx {
    canceled: Arc<AtomicBool>,
    deadline: Option<(Arc<dyn Clock>, Duration)>,
    budget: Option<Arc<QueryBudget>>,
    memory: Option<Arc<QueryMemory>>,
}

impl QueryCx {
    /// Without deadline and without budget.
    #[must_use]
    pub fn unlimited() -> Self {
        Self::default()
    }

    /// Stops the query when `timeout` has passed on the monotonic time of `clock`. An earlier deadline stands.
    #[must_use]
    pub fn with_timeout(mut self, clock: Arc<dyn Clock>, timeout: Duration) -> Self {
        let end = clock.monotonic().saturating_add(timeout);
        if self.deadline.as_ref().is_none_or(|(_, earlier)| end < *earlier) {
            self.deadline = Some((clock, end));
        }
        self
    }

    /// Lets the query hold at most `max_samples` samples at once.
    #[must_use]
    pub fn with_max_samples(mut self, max_samples: usize) -> Self {
        self.budget =
            Some(Arc::new(QueryBudget { max_samples, current: AtomicUsize::new(0), peak: AtomicUsize::new(0) }));
        self
    }

    /// Lets the query hold at most `max_bytes` at once, what its engine and its stores allocate for it together. A lower limit
    /// stands.
    #[must_use]
    pub fn with_max_bytes(mut self, max_bytes: usize) -> Self {
        if max_bytes < self.max_bytes() {
            self.memory = Some(Arc::new(QueryMemory { max_bytes, held: AtomicUsize::new(0) }));
        }
        self
    }

    /// Stops the query at its next check. May be called from any thread, on any clone.
    pub fn cancel(&self) {
        self.canceled.store(true, Ordering::Relaxed);
    }

    /// Fails when the query was canceled or its time is over.
    ///
    /// # Errors
    ///
    /// [`StorageError::Canceled`] or [`StorageError::TimedOut`].
    pub fn check(&self) -> Result<(), StorageError> {
        if self.canceled.load(Ordering::Relaxed) {
            return Err(StorageError::Canceled);
        }
        match &self.deadline {
            Some((clock, end)) if clock.monotonic() >= *end => Err(StorageError::TimedOut),
            _ => Ok(()),
        }
    }

    /// Looks up whether to go on once in so much work, in whatever unit its caller counts: for loops whose rounds are cheaper
    /// than a look at the clock.
    ///
    /// ```
    /// use promethium_model::QueryCx;
    /// let cx = QueryCx::unlimited();
    /// let mut pace = cx.pace(1_000);
    /// cx.cancel();
    /// let stopped_at = (0..).find(|_| pace.done(1).is_err());
    /// assert_eq!(stopped_at, Some(999));
    /// ```
    #[must_use]
    pub fn pace(&self, work_per_check: usize) -> Pace<'_> {
        Pace { cx: self, work_per_check: work_per_check.max(1), since_check: 0 }
    }

    /// Accounts for `samples` more in memory.
    ///
    /// # Errors
    ///
    /// [`StorageError::TooManySamples`] when the budget is exceeded; the samples are then still counted.
    pub fn acquire_samples(&self, samples: usize) -> Result<(), StorageError> {
        match &self.budget {
            Some(budget) => budget.acquire(samples),
            None => Ok(()),
        }
    }

    /// Gives back what [`QueryCx::acquire_samples`] took.
    pub fn release_samples(&self, samples: usize) {
        if let Some(budget) = &self.budget {
            budget.current.fetch_sub(samples, Ordering::Relaxed);
        }
    }

    /// Accounts for `bytes` more in memory.
    ///
    /// # Errors
    ///
    /// [`StorageError::TooManyBytes`] when the budget is exceeded; the bytes are then still counted.
    pub fn acquire_bytes(&self, bytes: usize) -> Result<(), StorageError> {
        let Some(memory) = &self.memory else { return Ok(()) };
        let held = memory.held.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if held > memory.max_bytes { Err(StorageError::TooManyBytes { limit: memory.max_bytes }) } else { Ok(()) }
    }

    /// Gives back what [`QueryCx::acquire_bytes`] took.
    pub fn release_bytes(&self, bytes: usize) {
        if let Some(memory) = &self.memory {
            memory.held.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    /// Bytes that are held; 0 without a budget in bytes.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.memory.as_ref().map_or(0, |memory| memory.held.load(Ordering::Relaxed))
    }

    /// Bytes that may be held at once; [`usize::MAX`] without a budget in bytes.
    #[must_use]
    pub fn max_bytes(&self) -> usize {
        self.memory.as_ref().map_or(usize::MAX, |memory| memory.max_bytes)
    }

    /// The most samples that were held at once; 0 without a budget.
    #[must_use]
    pub fn peak_samples(&self) -> usize {
        self.budget.as_ref().map_or(0, |b| b.peak.load(Ordering::Relaxed))
    }
}

impl std::fmt::Debug for QueryCx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueryCx")
            .field("canceled", &self.canceled)
            .field("deadline", &self.deadline.as_ref().map(|(_, end)| end))
            .field("budget", &self.budget)
            .field("memory", &self.memory)
            .finish()
    }
}

/// Counts work, and checks its query once in so much of it. See [`QueryCx::pace`].
#[derive(Debug)]
pub struct Pace<'c> {
    cx: &'c QueryCx,
    work_per_check: usize,
    since_check: usize,
}

impl Pace<'_> {
    /// Counts what was done, and checks when enough was done since the last check.
    ///
    /// # Errors
    ///
    /// As [`QueryCx::check`].
    #[inline]
    pub fn done(&mut self, work: usize) -> Result<(), StorageError> {
        self.since_check = self.since_check.saturating_add(work);
        if self.since_check < self.work_per_check {
            return Ok(());
        }
        self.since_check = 0;
        self.cx.check()
    }
}

/// Samples that a query holds, and may hold.
#[derive(Debug)]
pub struct QueryBudget {
    max_samples: usize,
    current: AtomicUsize,
    peak: AtomicUsize,
}

/// Bytes that a query holds, and may hold.
#[derive(Debug)]
struct QueryMemory {
    max_bytes: usize,
    held: AtomicUsize,
}

impl QueryBudget {
    fn acquire(&self, samples: usize) -> Result<(), StorageError> {
        let now = self.current.fetch_add(samples, Ordering::Relaxed) + samples;
        self.peak.fetch_max(now, Ordering::Relaxed);
        if now > self.max_samples { Err(StorageError::TooManySamples { limit: self.max_samples }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn a_query_stops_at_its_deadline_or_when_told() {
        let clock = Arc::new(ManualClock::new(0));
        let cx = QueryCx::unlimited().with_timeout(clock.clone(), Duration::from_secs(2));
        assert!(cx.check().is_ok());
        clock.advance(Duration::from_secs(2));
        assert!(matches!(cx.check(), Err(StorageError::TimedOut)));
        cx.clone().cancel();
        assert!(matches!(cx.check(), Err(StorageError::Canceled)));
    }

    #[test]
    fn the_budget_counts_what_is_held_at_once() {
        let cx = QueryCx::unlimited().with_max_samples(10);
        assert!(cx.acquire_samples(10).is_ok());
        cx.release_samples(5);
        assert!(cx.acquire_samples(5).is_ok());
        assert!(matches!(cx.acquire_samples(1), Err(StorageError::TooManySamples { limit: 10 })));
        assert_eq!(cx.peak_samples(), 11);
    }

    #[test]
    fn bytes_are_counted_together_and_the_lowest_limit_stands() {
        let cx = QueryCx::unlimited().with_max_bytes(10);
        let same = cx.clone().with_max_bytes(20);
        assert!(cx.acquire_bytes(6).is_ok() && same.acquire_bytes(4).is_ok());
        assert!(matches!(same.acquire_bytes(1), Err(StorageError::TooManyBytes { limit: 10 })));
        assert_eq!((cx.held_bytes(), cx.max_bytes()), (11, 10));
        same.release_bytes(11);
        assert_eq!((cx.held_bytes(), QueryCx::unlimited().held_bytes()), (0, 0));
    }
}
