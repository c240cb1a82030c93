//! Suites with which a store proves that it honours the storage seams. Feature `conformance`, for tests.
//!
//! Each suite is a list of small named checks; [`Report`] says which failed and why. A store for reading alone runs
//! [`queryable`]; one that is written to runs [`appendable`], which contains it.
//!
//! ```
//! use promethium_model::{MemStore, conformance};
//! conformance::appendable(MemStore::new, conformance::Keeps::default()).assert_passed();
//! ```
//!
//! What a suite leaves open is the store's choice: how many samples come in a batch; whether a series without a sample
//! in the range is left out or comes with an empty cursor; whether a conflict within one transaction is refused at the
//! append or dropped at the commit; whether an open transaction already shows its new series in label look-ups.

mod batches;
mod cancel;
mod dataset;
mod histograms;
mod isolation;
mod label_lookups;
mod order;
mod ranges;
mod reading;
mod references;
mod selection;
mod transactions;
mod values;

#[cfg(test)]
mod broken;
#[cfg(test)]
mod tests;

use std::fmt;

pub use dataset::{Dataset, dataset};

use crate::storage::{Appendable, Queryable};

/// How a check ended; the error says what was expected and found.
type Outcome = Result<(), String>;

/// What the store under test keeps and does. The default is all that Prometheus does without an out-of-order window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Keeps {
    /// Native histograms. A store without them refuses them as unsupported.
    pub histograms: bool,
    /// Start timestamps. A store without them reads them as unknown.
    pub start_timestamps: bool,
    /// Samples that are older than their series' newest. The window must be at least an hour.
    pub out_of_order: bool,
}

impl Default for Keeps {
    fn default() -> Self {
        Keeps { histograms: true, start_timestamps: true, out_of_order: false }
    }
}

impl Keeps {
    /// Floats alone.
    #[must_use]
    pub fn without_histograms(mut self) -> Self {
        self.histograms = false;
        self
    }

    /// No start timestamps.
    #[must_use]
    pub fn without_start_timestamps(mut self) -> Self {
        self.start_timestamps = false;
        self
    }

    /// With an out-of-order window.
    #[must_use]
    pub fn with_out_of_order(mut self) -> Self {
        self.out_of_order = true;
        self
    }
}

/// Both seams in one, so that a check takes one argument.
trait Store: Appendable + Queryable {}

impl<S: Appendable + Queryable> Store for S {}

/// A check of the reading side, on a store that holds the [`dataset`].
struct ReadCheck {
    name: &'static str,
    run: fn(&dyn Queryable, &Dataset) -> Outcome,
}

/// A check of the writing side, on an empty store.
struct WriteCheck {
    name: &'static str,
    run: fn(&dyn Store, Keeps) -> Outcome,
}

fn read_checks() -> impl Iterator<Item = &'static ReadCheck> {
    [selection::CHECKS, ranges::CHECKS, batches::CHECKS, label_lookups::CHECKS, cancel::CHECKS].into_iter().flatten()
}

fn write_checks() -> impl Iterator<Item = &'static WriteCheck> {
    [transactions::CHECKS, isolation::CHECKS, order::CHECKS, references::CHECKS, values::CHECKS, histograms::CHECKS]
        .into_iter()
        .flatten()
}

/// Runs the checks of the reading side. `load` makes a store that holds exactly the given series; it is called once.
pub fn queryable<Q: Queryable>(load: impl FnOnce(&Dataset) -> Q) -> Report {
    let dataset = dataset();
    let store = load(&dataset);
    Report { outcomes: read_checks().map(|check| (check.name, (check.run)(&store, &dataset))).collect() }
}

/// Runs all checks. `make` makes an empty store; it is called once a check of the writing side, and once for those of
/// the reading side.
pub fn appendable<S: Appendable + Queryable>(make: impl Fn() -> S, keeps: Keeps) -> Report {
    let store = make();
    let dataset = dataset();
    let mut outcomes = vec![("load_dataset", dataset.append_to(&store))];
    outcomes.extend(read_checks().map(|check| (check.name, (check.run)(&store, &dataset))));
    drop(store);
    outcomes.extend(write_checks().map(|check| (check.name, (check.run)(&make(), keeps))));
    Report { outcomes }
}

/// What a suite found.
#[derive(Clone, Debug)]
#[must_use = "a report that nobody reads proves nothing"]
pub struct Report {
    outcomes: Vec<(&'static str, Outcome)>,
}

impl Report {
    /// Names of all checks that ran, in order.
    pub fn checks(&self) -> impl Iterator<Item = &'static str> {
        self.outcomes.iter().map(|(name, _)| *name)
    }

    /// The checks that failed, and why.
    pub fn failures(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.outcomes.iter().filter_map(|(name, outcome)| outcome.as_ref().err().map(|why| (*name, why.as_str())))
    }

    /// Fails the test with the whole report unless every check passed.
    ///
    /// # Panics
    ///
    /// When a check failed.
    pub fn assert_passed(&self) {
        assert!(self.failures().next().is_none(), "the store does not conform:\n{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, outcome) in &self.outcomes {
            match outcome {
                Ok(()) => writeln!(f, "ok    {name}")?,
                Err(why) => writeln!(f, "FAIL  {name}: {why}")?,
            }
        }
        Ok(())
    }
}
