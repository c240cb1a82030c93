//! Queries that are told to stop.

use std::sync::Arc;
use std::time::Duration;

use super::dataset::Dataset;
use super::reading::{ensure, open};
use super::{Outcome, ReadCheck};
use crate::clock::ManualClock;
use crate::storage::{LabelHints, QueryCx, Queryable, SampleBatch, SelectHints, StorageError, TimeRange};

pub(super) const CHECKS: &[ReadCheck] = &[
    ReadCheck { name: "canceled_query_reads_nothing", run: canceled_before },
    ReadCheck { name: "query_past_its_deadline_reads_nothing", run: past_deadline },
    ReadCheck { name: "query_canceled_halfway_stops", run: canceled_halfway },
    ReadCheck { name: "canceled_label_lookups_stop", run: label_lookups },
];

/// Reads everything; after the first batch `then` is called once.
fn read_under(store: &dyn Queryable, cx: &QueryCx, then: impl Fn()) -> Result<(), StorageError> {
    let querier = store.querier(TimeRange::ALL)?;
    let mut set = querier.select(&[], &SelectHints::default(), cx)?;
    let mut told = false;
    while let Some(mut series) = set.next_series()? {
        while series.samples.next_batch(&mut SampleBatch::new())? {
            if !std::mem::replace(&mut told, true) {
                then();
            }
        }
    }
    Ok(())
}

fn ended<T>(what: &str, result: Result<T, StorageError>, expected: fn(&StorageError) -> bool) -> Outcome {
    match result {
        Ok(_) => Err(format!("{what} went through")),
        Err(e) => ensure(expected(&e), || format!("{what} ended with another error: {e}")),
    }
}

fn is_canceled(e: &StorageError) -> bool {
    matches!(e, StorageError::Canceled)
}

fn canceled_before(store: &dyn Queryable, _: &Dataset) -> Outcome {
    let cx = QueryCx::unlimited();
    cx.cancel();
    ended("a canceled query", read_under(store, &cx, || ()), is_canceled)
}

fn past_deadline(store: &dyn Queryable, _: &Dataset) -> Outcome {
    let clock = Arc::new(ManualClock::new(0));
    let cx = QueryCx::unlimited().with_timeout(clock.clone(), Duration::from_secs(1));
    clock.advance(Duration::from_secs(2));
    ended("a query past its deadline", read_under(store, &cx, || ()), |e| matches!(e, StorageError::TimedOut))
}

/// The dataset has many series, so a store that looks at `cx` once a batch or once a series notices.
fn canceled_halfway(store: &dyn Queryable, _: &Dataset) -> Outcome {
    let cx = QueryCx::unlimited();
    ended("a query canceled after its first batch", read_under(store, &cx, || cx.cancel()), is_canceled)
}

fn label_lookups(store: &dyn Queryable, _: &Dataset) -> Outcome {
    let cx = QueryCx::unlimited();
    cx.cancel();
    let querier = open(store, TimeRange::ALL)?;
    let hints = LabelHints::default();
    ended("a canceled label_names", querier.label_names(&[], &hints, &cx), is_canceled)?;
    ended("a canceled label_values", querier.label_values("job", &[], &hints, &cx), is_canceled)
}
