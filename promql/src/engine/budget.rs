//! What one query may hold, and whether it goes on.
//!
//! Two things are counted: samples, by Prometheus' rule, and bytes, which bound everything else that a query can make large:
//! columns, label sets, join tables, texts. Bytes are charged before they are allocated wherever their number is known then.

use std::mem::size_of;
use std::sync::atomic::{AtomicUsize, Ordering};

use promethium_model::{Limits, QueryCx, QueryError};

/// Steps between two looks at whether the query goes on.
const STEPS_PER_CHECK: usize = 16;

/// The engine's own limit on samples, beside that of the context, and the bytes of the context, which stores count too. Shared by
/// the threads of a query.
pub(crate) struct Budget<'a> {
    cx: &'a QueryCx,
    max_samples: usize,
    samples: AtomicUsize,
}

impl<'a> Budget<'a> {
    pub(crate) fn new(cx: &'a QueryCx, limits: &Limits) -> Self {
        Budget { cx, max_samples: limits.max_query_samples, samples: AtomicUsize::new(0) }
    }

    /// Without limits of its own.
    pub(crate) fn unlimited(cx: &'a QueryCx) -> Self {
        Budget { cx, max_samples: usize::MAX, samples: AtomicUsize::new(0) }
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
        Charge { budget: self, samples: 0, bytes: 0 }
    }

    /// A charge of so many bytes.
    pub(crate) fn hold(&self, bytes: usize) -> Result<Charge<'_>, QueryError> {
        let mut charge = self.open();
        charge.hold(bytes)?;
        Ok(charge)
    }

    /// Refuses at once what could never be held.
    pub(crate) fn refuse_above_limit(&self, samples: usize) -> Result<(), QueryError> {
        if samples > self.max_samples { Err(QueryError::TooManySamples { limit: self.max_samples }) } else { Ok(()) }
    }

    /// Whether there is room for so many bytes more, which are then gone again before anything else is asked for, or charged
    /// by whom they are handed to.
    pub(crate) fn room_for(&self, bytes: usize) -> Result<(), QueryError> {
        let limit = self.cx.max_bytes();
        let held = self.cx.held_bytes().saturating_add(bytes);
        if held > limit { Err(QueryError::TooManyBytes { limit }) } else { Ok(()) }
    }

    /// Counts bytes that are there already and stay to the end of the query; whoever asks next is refused when they were too
    /// many.
    pub(crate) fn keep(&self, bytes: usize) {
        drop(self.cx.acquire_bytes(bytes));
    }
}

/// Samples and bytes held; given back on drop.
pub(crate) struct Charge<'a> {
    budget: &'a Budget<'a>,
    samples: usize,
    bytes: usize,
}

impl Charge<'_> {
    /// Counts samples.
    pub(crate) fn add(&mut self, samples: usize) -> Result<(), QueryError> {
        self.samples = self.samples.saturating_add(samples);
        let held = self.budget.samples.fetch_add(samples, Ordering::Relaxed).saturating_add(samples);
        self.budget.cx.acquire_samples(samples)?;
        self.budget.refuse_above_limit(held)
    }

    /// Gives back some of the samples.
    pub(crate) fn give_back(&mut self, samples: usize) {
        let samples = samples.min(self.samples);
        self.samples -= samples;
        self.budget.samples.fetch_sub(samples, Ordering::Relaxed);
        self.budget.cx.release_samples(samples);
    }

    /// Counts bytes.
    pub(crate) fn hold(&mut self, bytes: usize) -> Result<(), QueryError> {
        self.bytes = self.bytes.saturating_add(bytes);
        Ok(self.budget.cx.acquire_bytes(bytes)?)
    }

    /// Gives back some of the bytes.
    pub(crate) fn release(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.budget.cx.release_bytes(bytes);
    }

    /// Counts so many bytes in all, if it held fewer.
    pub(crate) fn hold_at_least(&mut self, bytes: usize) -> Result<(), QueryError> {
        if bytes > self.bytes { self.hold(bytes - self.bytes) } else { Ok(()) }
    }

    /// Appends to a list, whose room is counted: while it moves to a larger place, both are there.
    pub(crate) fn push<T>(&mut self, list: &mut Vec<T>, item: T) -> Result<(), QueryError> {
        if list.len() == list.capacity() {
            let (old, new) = (list.capacity(), (2 * list.capacity()).max(4));
            self.hold(new * size_of::<T>())?;
            list.reserve_exact(new - old);
            self.release(old * size_of::<T>());
        }
        list.push(item);
        Ok(())
    }
}

impl Drop for Charge<'_> {
    fn drop(&mut self) {
        self.budget.samples.fetch_sub(self.samples, Ordering::Relaxed);
        self.budget.cx.release_bytes(self.bytes);
        self.budget.cx.release_samples(self.samples);
    }
}

/// Bytes of the entries of a hash table: a table has room for up to twice as many, and grows by moving.
pub(crate) fn table_bytes(entries: usize, entry: usize) -> usize {
    3 * entries * (entry + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_given_back() {
        let cx = QueryCx::unlimited().with_max_bytes(100);
        let budget = Budget::unlimited(&cx);
        let mut charge = budget.hold(60).unwrap();
        assert!(budget.room_for(40).is_ok() && budget.room_for(41).is_err());
        charge.release(20);
        assert!(budget.hold(60).is_ok());
        assert!(matches!(charge.hold(61), Err(QueryError::TooManyBytes { limit: 100 })));
        drop(charge);
        assert!(budget.room_for(100).is_ok());
        budget.keep(101);
        assert!(budget.room_for(0).is_err());
    }

    #[test]
    fn a_list_is_charged_before_it_grows() {
        let cx = QueryCx::unlimited().with_max_bytes(8 * (4 + 8));
        let budget = Budget::unlimited(&cx);
        let (mut charge, mut list) = (budget.open(), Vec::new());
        for i in 0..8u64 {
            charge.push(&mut list, i).unwrap();
        }
        assert!(charge.push(&mut list, 8).is_err());
        assert_eq!((list.len(), list.capacity()), (8, 8));
    }
}
