//! What one query may hold, and whether it goes on.

use std::sync::atomic::{AtomicUsize, Ordering};

use promethium_model::{QueryCx, QueryError};

/// Steps between two looks at whether the query goes on.
const STEPS_PER_CHECK: usize = 16;

/// The engine's own limit on samples, beside that of the context; both are charged. Shared by the threads of a query.
pub(crate) struct Budget<'a> {
    cx: &'a QueryCx,
    limit: usize,
    held: AtomicUsize,
}

impl<'a> Budget<'a> {
    pub(crate) fn new(cx: &'a QueryCx, limit: usize) -> Self {
        Budget { cx, limit, held: AtomicUsize::new(0) }
    }

    pub(crate) fn cx(&self) -> &'a QueryCx {
        self.cx
    }

    /// To be called per series or batch.
    pub(crate) fn check(&self) -> Result<(), QueryError> {
        Ok(self.cx.check()?)
    }

    /// To be called once a step where a step may cost as much as a series.
    pub(crate) fn check_now_and_then(&self, step: usize) -> Result<(), QueryError> {
        if step.is_multiple_of(STEPS_PER_CHECK) { self.check() } else { Ok(()) }
    }

    /// A charge that starts at nothing.
    pub(crate) fn open(&self) -> Charge<'_> {
        Charge { budget: self, samples: 0 }
    }

    /// Refuses at once what could never be held.
    pub(crate) fn refuse_above_limit(&self, samples: usize) -> Result<(), QueryError> {
        if samples > self.limit { Err(QueryError::TooManySamples { limit: self.limit }) } else { Ok(()) }
    }
}

/// Samples held; given back on drop.
pub(crate) struct Charge<'a> {
    budget: &'a Budget<'a>,
    samples: usize,
}

impl Charge<'_> {
    pub(crate) fn add(&mut self, samples: usize) -> Result<(), QueryError> {
        self.samples = self.samples.saturating_add(samples);
        let held = self.budget.held.fetch_add(samples, Ordering::Relaxed).saturating_add(samples);
        self.budget.cx.acquire_samples(samples)?;
        self.budget.refuse_above_limit(held)
    }
}

impl Drop for Charge<'_> {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.samples, Ordering::Relaxed);
        self.budget.cx.release_samples(self.samples);
    }
}
