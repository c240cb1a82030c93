//! Series by reference, and batches.

use super::dataset::{START_MS, STEP_MS};
use super::reading::{append, commit, read_all, row, same, series};
use super::{Keeps, Outcome, Store, WriteCheck};
use crate::sample::Point;
use crate::storage::{AppendError, AppendOptions, SeriesKey, SeriesRef};

pub(super) const CHECKS: &[WriteCheck] = &[
    WriteCheck { name: "a_reference_serves_its_own_transaction", run: same_transaction },
    WriteCheck { name: "a_reference_serves_later_transactions", run: later_transactions },
    WriteCheck { name: "references_tell_series_apart", run: distinct },
    WriteCheck { name: "an_unknown_reference_is_refused", run: unknown },
    WriteCheck { name: "an_unknown_reference_falls_back_to_labels", run: fallback },
    WriteCheck { name: "a_rolled_back_reference_names_no_other_series", run: rolled_back },
    WriteCheck { name: "a_batch_reports_its_refused_rows", run: batch_with_refused_rows },
];

/// References that no store gives out: 0 by contract, the other by reason.
const UNKNOWN: [SeriesRef; 2] = [SeriesRef(0), SeriesRef(u64::MAX - 1)];

fn by_ref(
    tx: &mut dyn crate::storage::Appender,
    series: SeriesRef,
    t: i64,
    v: f64,
) -> Result<crate::storage::Appended, String> {
    tx.append(SeriesKey::Ref(series), Point::float(t, v), &AppendOptions::default())
        .map_err(|e| format!("append by reference {} failed: {e}", series.0))
}

fn same_transaction(store: &dyn Store, _: Keeps) -> Outcome {
    let labels = series("a");
    let mut tx = store.appender();
    let first = append(&mut *tx, &labels, START_MS, 1.0)?;
    let second = by_ref(&mut *tx, first.series, START_MS + STEP_MS, 2.0)?;
    same("the series was made by the second append", &second.created, &false)?;
    commit(tx)?;
    let rows = vec![row(START_MS, 1.0), row(START_MS + STEP_MS, 2.0)];
    same("everything", &read_all(store)?, &vec![(labels, rows)])
}

fn later_transactions(store: &dyn Store, _: Keeps) -> Outcome {
    let labels = series("a");
    let mut tx = store.appender();
    let mut reference = append(&mut *tx, &labels, START_MS, 0.0)?.series;
    commit(tx)?;
    let mut rows = vec![row(START_MS, 0.0)];
    for i in 1..4 {
        let mut tx = store.appender();
        // Another series first: a reference is no position within a transaction.
        append(&mut *tx, &series(&format!("other_{i}")), START_MS, -1.0)?;
        reference = by_ref(&mut *tx, reference, START_MS + i * STEP_MS, i as f64)?.series;
        commit(tx)?;
        rows.push(row(START_MS + i * STEP_MS, i as f64));
    }
    let found = read_all(store)?;
    same("series", &found.len(), &4)?;
    same("the first series", &found.first(), &Some(&(labels, rows)))
}

fn distinct(store: &dyn Store, _: Keeps) -> Outcome {
    let mut tx = store.appender();
    let a = append(&mut *tx, &series("a"), START_MS, 1.0)?.series;
    let b = append(&mut *tx, &series("b"), START_MS, 2.0)?.series;
    let again = append(&mut *tx, &series("a"), START_MS + STEP_MS, 3.0)?.series;
    commit(tx)?;
    same("two series share a reference", &(a == b), &false)?;
    same("the reference of the same series", &again, &a)?;
    same("a reference is 0", &(a.0 == 0 || b.0 == 0), &false)
}

fn unknown(store: &dyn Store, _: Keeps) -> Outcome {
    let mut tx = store.appender();
    append(&mut *tx, &series("a"), START_MS, 1.0)?;
    for reference in UNKNOWN {
        let point = Point::float(START_MS + STEP_MS, 2.0);
        match tx.append(SeriesKey::Ref(reference), point, &AppendOptions::default()) {
            Err(AppendError::UnknownReference { reference: named }) => {
                same("the reference in the error", &named, &reference.0)?;
            }
            other => return Err(format!("expected the error UnknownReference, found {other:?}")),
        }
    }
    commit(tx)?;
    same("everything", &read_all(store)?, &vec![(series("a"), vec![row(START_MS, 1.0)])])
}

fn fallback(store: &dyn Store, _: Keeps) -> Outcome {
    let labels = series("a");
    let mut tx = store.appender();
    for (t, reference) in [START_MS, START_MS + STEP_MS].into_iter().zip(UNKNOWN) {
        tx.append(SeriesKey::RefOrLabels(reference, &labels), Point::float(t, 1.0), &AppendOptions::default())
            .map_err(|e| format!("an unknown reference with labels was refused: {e}"))?;
    }
    commit(tx)?;
    let rows = vec![row(START_MS, 1.0), row(START_MS + STEP_MS, 1.0)];
    same("everything", &read_all(store)?, &vec![(labels, rows)])
}

/// A store may forget the series of a rolled-back transaction or keep it; its reference must not move to another one.
fn rolled_back(store: &dyn Store, _: Keeps) -> Outcome {
    let mut tx = store.appender();
    let gone = append(&mut *tx, &series("gone"), START_MS, 1.0)?.series;
    tx.rollback();
    let mut tx = store.appender();
    append(&mut *tx, &series("kept"), START_MS, 2.0)?;
    let result = tx.append(SeriesKey::Ref(gone), Point::float(START_MS + STEP_MS, 3.0), &AppendOptions::default());
    commit(tx)?;
    let mut expected = vec![(series("kept"), vec![row(START_MS, 2.0)])];
    if result.is_ok() {
        expected.insert(0, (series("gone"), vec![row(START_MS + STEP_MS, 3.0)]));
    }
    same("everything", &read_all(store)?, &expected)
}

fn batch_with_refused_rows(store: &dyn Store, _: Keeps) -> Outcome {
    let mut tx = store.appender();
    let a = append(&mut *tx, &series("a"), START_MS, 1.0)?.series;
    let b = append(&mut *tx, &series("b"), START_MS, 2.0)?.series;
    commit(tx)?;
    let rows = [
        (a, Point::float(START_MS + STEP_MS, 3.0)),
        (UNKNOWN[1], Point::float(START_MS + STEP_MS, 4.0)),
        (b, Point::float(START_MS, -2.0)),
        (b, Point::float(START_MS + STEP_MS, 5.0)),
        (UNKNOWN[0], Point::float(START_MS + STEP_MS, 6.0)),
    ];
    let mut tx = store.appender();
    let mut rejected = Vec::new();
    tx.append_batch(&rows, &mut rejected);
    commit(tx)?;
    let positions: Vec<(usize, bool)> = rejected.iter().map(|r| (r.row, r.error.is_sample_rejection())).collect();
    same("refused rows, and whether the sample was at fault", &positions, &vec![(1, false), (2, true), (4, false)])?;
    let expected = vec![
        (series("a"), vec![row(START_MS, 1.0), row(START_MS + STEP_MS, 3.0)]),
        (series("b"), vec![row(START_MS, 2.0), row(START_MS + STEP_MS, 5.0)]),
    ];
    same("everything", &read_all(store)?, &expected)
}
