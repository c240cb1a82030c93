//! Samples that are late, repeated, or in conflict.

use super::dataset::{START_MS, STEP_MS};
use super::reading::{append, commit, ensure, read_all, row, same, series, write};
use super::{Keeps, Outcome, Store, WriteCheck};
use crate::labels::Labels;
use crate::sample::Point;
use crate::storage::{AppendError, AppendOptions, Appended, SeriesKey};

pub(super) const CHECKS: &[WriteCheck] = &[
    WriteCheck { name: "an_older_sample_is_refused_or_taken_in_order", run: older },
    WriteCheck { name: "an_older_sample_is_refused_on_request", run: older_on_request },
    WriteCheck { name: "an_identical_sample_is_accepted_once", run: identical },
    WriteCheck { name: "another_value_at_the_same_time_is_refused", run: duplicate },
    WriteCheck { name: "values_are_compared_by_bits", run: by_bits },
    WriteCheck { name: "a_conflict_within_a_transaction_keeps_the_first", run: within_a_transaction },
    WriteCheck { name: "times_may_be_negative", run: negative_times },
];

/// One append in a transaction of its own, which is committed either way.
fn try_one(
    store: &dyn Store,
    labels: &Labels,
    point: Point<'_>,
    options: &AppendOptions<'_>,
) -> Result<Result<Appended, AppendError>, String> {
    let mut tx = store.appender();
    let result = tx.append(SeriesKey::Labels(labels), point, options);
    commit(tx)?;
    Ok(result)
}

fn older(store: &dyn Store, keeps: Keeps) -> Outcome {
    let labels = series("a");
    write(store, &labels, &[(START_MS, 1.0), (START_MS + 10 * STEP_MS, 2.0)])?;
    let late = Point::float(START_MS + 5 * STEP_MS, 3.0);
    let result = try_one(store, &labels, late, &AppendOptions::default())?;
    let mut rows = vec![row(START_MS, 1.0), row(START_MS + 10 * STEP_MS, 2.0)];
    if keeps.out_of_order {
        ensure(result.is_ok(), || format!("a sample within the out-of-order window was refused: {result:?}"))?;
        rows.insert(1, row(START_MS + 5 * STEP_MS, 3.0));
    } else {
        let refused = matches!(result, Err(AppendError::OutOfOrder { .. }));
        ensure(refused, || format!("expected the error OutOfOrder, found {result:?}"))?;
    }
    same("everything", &read_all(store)?, &vec![(labels, rows)])
}

fn older_on_request(store: &dyn Store, _: Keeps) -> Outcome {
    let labels = series("a");
    write(store, &labels, &[(START_MS, 1.0), (START_MS + 10 * STEP_MS, 2.0)])?;
    let before = read_all(store)?;
    let options = AppendOptions::default().rejecting_out_of_order();
    let result = try_one(store, &labels, Point::float(START_MS + 5 * STEP_MS, 3.0), &options)?;
    let refused = matches!(result, Err(AppendError::OutOfOrder { .. }));
    ensure(refused, || format!("expected the error OutOfOrder, found {result:?}"))?;
    same("everything", &read_all(store)?, &before)
}

fn identical(store: &dyn Store, _: Keeps) -> Outcome {
    let labels = series("a");
    for _ in 0..2 {
        write(store, &labels, &[(START_MS, f64::NAN)])?;
    }
    write(store, &labels, &[(START_MS + STEP_MS, 2.0)])?;
    let rows = vec![row(START_MS, f64::NAN), row(START_MS + STEP_MS, 2.0)];
    same("everything", &read_all(store)?, &vec![(labels, rows)])
}

fn conflict(store: &dyn Store, first: f64, second: f64) -> Outcome {
    let labels = series("a");
    write(store, &labels, &[(START_MS, first)])?;
    let result = try_one(store, &labels, Point::float(START_MS, second), &AppendOptions::default())?;
    match result {
        Err(AppendError::DuplicateFloat { timestamp_ms, existing, new }) => {
            same("the time in the error", &timestamp_ms, &START_MS)?;
            same("the values in the error", &[row(0, existing), row(0, new)], &[row(0, first), row(0, second)])?;
        }
        other => return Err(format!("{second} over {first}: expected the error DuplicateFloat, found {other:?}")),
    }
    same("everything", &read_all(store)?, &vec![(labels, vec![row(START_MS, first)])])
}

fn duplicate(store: &dyn Store, _: Keeps) -> Outcome {
    conflict(store, 1.0, 2.0)
}

fn by_bits(store: &dyn Store, _: Keeps) -> Outcome {
    conflict(store, 0.0, -0.0)
}

/// Refused at the append or dropped at the commit; either way the first one stands.
fn within_a_transaction(store: &dyn Store, _: Keeps) -> Outcome {
    let labels = series("a");
    let mut tx = store.appender();
    append(&mut *tx, &labels, START_MS, 1.0)?;
    let again = tx.append(SeriesKey::Labels(&labels), Point::float(START_MS, 2.0), &AppendOptions::default());
    if let Err(e) = &again {
        ensure(e.is_sample_rejection(), || format!("a conflicting sample was refused with {e:?}"))?;
    }
    append(&mut *tx, &labels, START_MS + STEP_MS, 3.0)?;
    let stats = commit(tx)?;
    same("samples stored", &stats.samples, &2)?;
    same("dropped at the commit", &stats.dropped, &usize::from(again.is_ok()))?;
    let rows = vec![row(START_MS, 1.0), row(START_MS + STEP_MS, 3.0)];
    same("everything", &read_all(store)?, &vec![(labels, rows)])
}

fn negative_times(store: &dyn Store, _: Keeps) -> Outcome {
    let labels = series("a");
    write(store, &labels, &[(-STEP_MS, 1.0), (0, 2.0), (STEP_MS, 3.0)])?;
    let rows = vec![row(-STEP_MS, 1.0), row(0, 2.0), row(STEP_MS, 3.0)];
    same("everything", &read_all(store)?, &vec![(labels, rows)])
}
