//! What a transaction does, and what it reports.

use super::dataset::{START_MS, STEP_MS};
use super::reading::{append, commit, read_all, row, same, series, write};
use super::{Keeps, Outcome, Store, WriteCheck};
use crate::exemplar::Exemplar;
use crate::labels::Labels;
use crate::sample::Point;
use crate::storage::{AppendError, AppendOptions, SeriesKey};

pub(super) const CHECKS: &[WriteCheck] = &[
    WriteCheck { name: "committed_samples_are_read_back", run: committed },
    WriteCheck { name: "several_samples_of_a_series_in_one_transaction", run: several_samples },
    WriteCheck { name: "commit_reports_samples_and_series", run: commit_stats },
    WriteCheck { name: "append_reports_the_series_it_made", run: created_flag },
    WriteCheck { name: "empty_commit_changes_nothing", run: empty_commit },
    WriteCheck { name: "empty_labels_are_refused", run: empty_labels },
    WriteCheck { name: "an_append_error_leaves_the_rest_standing", run: errors_leave_the_rest },
    WriteCheck { name: "exemplars_never_fail_an_append", run: exemplars },
];

fn committed(store: &dyn Store, _: Keeps) -> Outcome {
    let (a, b) = (series("a"), series("b"));
    let mut tx = store.appender();
    append(&mut *tx, &b, START_MS, 2.0)?;
    append(&mut *tx, &a, START_MS, 1.0)?;
    commit(tx)?;
    let expected = vec![(a, vec![row(START_MS, 1.0)]), (b, vec![row(START_MS, 2.0)])];
    same("everything", &read_all(store)?, &expected)
}

fn several_samples(store: &dyn Store, _: Keeps) -> Outcome {
    let labels = series("a");
    let samples: Vec<(i64, f64)> = (0..400).map(|i| (START_MS + i * STEP_MS, i as f64)).collect();
    write(store, &labels, &samples[..300])?;
    write(store, &labels, &samples[300..])?;
    let rows = samples.into_iter().map(|(t, v)| row(t, v)).collect();
    same("everything", &read_all(store)?, &vec![(labels, rows)])
}

fn commit_stats(store: &dyn Store, _: Keeps) -> Outcome {
    let mut tx = store.appender();
    for name in ["a", "b"] {
        append(&mut *tx, &series(name), START_MS, 1.0)?;
        append(&mut *tx, &series(name), START_MS + STEP_MS, 2.0)?;
    }
    let stats = commit(tx)?;
    same("samples, dropped, series created", &(stats.samples, stats.dropped, stats.series_created), &(4, 0, 2))?;
    let again = write(store, &series("a"), &[(START_MS + 2 * STEP_MS, 3.0)])?;
    same("samples, dropped, series created", &(again.samples, again.dropped, again.series_created), &(1, 0, 0))
}

fn created_flag(store: &dyn Store, _: Keeps) -> Outcome {
    let labels = series("a");
    let mut tx = store.appender();
    let first = append(&mut *tx, &labels, START_MS, 1.0)?;
    let second = append(&mut *tx, &labels, START_MS + STEP_MS, 2.0)?;
    commit(tx)?;
    let mut tx = store.appender();
    let third = append(&mut *tx, &labels, START_MS + 2 * STEP_MS, 3.0)?;
    commit(tx)?;
    same("created, by append", &[first.created, second.created, third.created], &[true, false, false])
}

fn empty_commit(store: &dyn Store, _: Keeps) -> Outcome {
    let stats = commit(store.appender())?;
    same("samples, dropped, series created", &(stats.samples, stats.dropped, stats.series_created), &(0, 0, 0))?;
    same("everything", &read_all(store)?, &Vec::new())
}

fn empty_labels(store: &dyn Store, _: Keeps) -> Outcome {
    let mut tx = store.appender();
    let point = Point::float(START_MS, 1.0);
    let result = tx.append(SeriesKey::Labels(&Labels::empty()), point, &AppendOptions::default());
    match result {
        Err(AppendError::EmptyLabels) => commit(tx).map(drop),
        other => Err(format!("expected the error EmptyLabels, found {other:?}")),
    }
}

fn errors_leave_the_rest(store: &dyn Store, _: Keeps) -> Outcome {
    let labels = series("a");
    let mut tx = store.appender();
    append(&mut *tx, &labels, START_MS, 1.0)?;
    let point = Point::float(START_MS, 1.0);
    let refused = tx.append(SeriesKey::Labels(&Labels::empty()), point, &AppendOptions::default());
    same("an append without labels is refused", &refused.is_err(), &true)?;
    append(&mut *tx, &labels, START_MS + STEP_MS, 2.0)?;
    commit(tx)?;
    let rows = vec![row(START_MS, 1.0), row(START_MS + STEP_MS, 2.0)];
    same("everything", &read_all(store)?, &vec![(labels, rows)])
}

/// A store may drop exemplars; it says how many, and the sample stands either way.
fn exemplars(store: &dyn Store, _: Keeps) -> Outcome {
    let labels = series("a");
    let exemplar =
        Exemplar { labels: Labels::from_pairs([("trace_id", "abc")]), value: 0.5, timestamp_ms: Some(START_MS) };
    let mut tx = store.appender();
    let options = AppendOptions::default().with_exemplars(std::slice::from_ref(&exemplar));
    let appended = tx
        .append(SeriesKey::Labels(&labels), Point::float(START_MS, 1.0), &options)
        .map_err(|e| format!("an append with an exemplar failed: {e}"))?;
    same("at most one dropped exemplar", &(appended.dropped_exemplars <= 1), &true)?;
    commit(tx)?;
    same("everything", &read_all(store)?, &vec![(labels, vec![row(START_MS, 1.0)])])
}
