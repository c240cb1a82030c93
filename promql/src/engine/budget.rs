//! What one query may hold, and whether it goes on.

use std::sync::atomic::{AtomicUsize, Ordering};

use promethium_model::{QueryCx, QueryError};

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
