//! Who sees what, when.

use super::dataset::{START_MS, STEP_MS};
use super::reading::{Read, append, commit, open, read_all, read_from, row, same, series, write};
use super::{Keeps, Outcome, Store, WriteCheck};
use crate::storage::{Appender, TimeRange};

pub(super) const CHECKS: &[WriteCheck] = &[
    WriteCheck { name: "nothing_is_visible_before_commit", run: before_commit },
    WriteCheck { name: "rollback_leaves_nothing", run: rollback },
    WriteCheck { name: "dropping_a_transaction_rolls_back", run: dropped },
    WriteCheck { name: "a_store_goes_on_after_a_rollback", run: after_rollback },
    WriteCheck { name: "an_open_querier_does_not_see_a_later_commit", run: later_commit },
    WriteCheck { name: "transactions_do_not_spoil_each_other", run: interleaved },
    WriteCheck { name: "of_two_conflicting_transactions_the_first_to_commit_stands", run: conflicting },
];

fn before_commit(store: &dyn Store, _: Keeps) -> Outcome {
    let (committed, tx) = open_transaction(store)?;
    same("everything, with a transaction open", &read_all(store)?, &committed)?;
    commit(tx)?;
    let old = vec![row(START_MS, 1.0), row(START_MS + STEP_MS, 2.0)];
    let new = vec![row(START_MS + STEP_MS, 3.0)];
    same("everything, after the commit", &read_all(store)?, &vec![(series("new"), new), (series("old"), old)])
}

/// What a store holds, and an open transaction that would change it.
fn open_transaction(store: &dyn Store) -> Result<(Read, Box<dyn Appender + '_>), String> {
    let (old, new) = (series("old"), series("new"));
    write(store, &old, &[(START_MS, 1.0)])?;
    let committed = read_all(store)?;
    let mut tx = store.appender();
    append(&mut *tx, &old, START_MS + STEP_MS, 2.0)?;
    append(&mut *tx, &new, START_MS + STEP_MS, 3.0)?;
    Ok((committed, tx))
}

fn rollback(store: &dyn Store, _: Keeps) -> Outcome {
    let (committed, tx) = open_transaction(store)?;
    tx.rollback();
    same("everything", &read_all(store)?, &committed)
}

fn dropped(store: &dyn Store, _: Keeps) -> Outcome {
    let (committed, tx) = open_transaction(store)?;
    drop(tx);
    same("everything", &read_all(store)?, &committed)
}

/// What was rolled back leaves no trace: the same time with another value is free.
fn after_rollback(store: &dyn Store, keeps: Keeps) -> Outcome {
    rollback(store, keeps)?;
    let old = series("old");
    write(store, &old, &[(START_MS + STEP_MS, 20.0)])?;
    write(store, &series("new"), &[(START_MS + STEP_MS, 30.0)])?;
    let rows = vec![row(START_MS, 1.0), row(START_MS + STEP_MS, 20.0)];
    same("everything", &read_all(store)?, &vec![(series("new"), vec![row(START_MS + STEP_MS, 30.0)]), (old, rows)])
}

fn later_commit(store: &dyn Store, _: Keeps) -> Outcome {
    let labels = series("a");
    let samples: Vec<(i64, f64)> = (0..300).map(|i| (START_MS + i * STEP_MS, i as f64)).collect();
    write(store, &labels, &samples)?;
    let querier = open(store, TimeRange::ALL)?;
    let later: Vec<(i64, f64)> = (300..600).map(|i| (START_MS + i * STEP_MS, i as f64)).collect();
    write(store, &labels, &later)?;
    write(store, &series("b"), &later)?;
    let rows = samples.iter().map(|(t, v)| row(*t, *v)).collect();
    same("what the querier opened before sees", &read_from(&*querier, &[])?, &vec![(labels.clone(), rows)])?;
    drop(querier);
    let both = read_all(store)?.into_iter().map(|(labels, rows)| (labels, rows.len())).collect::<Vec<_>>();
    same("what a fresh querier sees", &both, &vec![(labels, 600), (series("b"), 300)])
}

fn interleaved(store: &dyn Store, _: Keeps) -> Outcome {
    let mut first = store.appender();
    let mut second = store.appender();
    append(&mut *first, &series("a"), START_MS, 1.0)?;
    append(&mut *second, &series("b"), START_MS, 2.0)?;
    append(&mut *first, &series("c"), START_MS, 3.0)?;
    append(&mut *second, &series("c"), START_MS + STEP_MS, 4.0)?;
    commit(first)?;
    second.rollback();
    let expected = vec![(series("a"), vec![row(START_MS, 1.0)]), (series("c"), vec![row(START_MS, 3.0)])];
    same("everything", &read_all(store)?, &expected)
}

fn conflicting(store: &dyn Store, _: Keeps) -> Outcome {
    let labels = series("a");
    let mut first = store.appender();
    let mut second = store.appender();
    append(&mut *first, &labels, START_MS, 1.0)?;
    append(&mut *second, &labels, START_MS, 2.0)?;
    append(&mut *second, &labels, START_MS + STEP_MS, 3.0)?;
    let won = commit(first)?;
    let lost = commit(second)?;
    same("samples and dropped of the first", &(won.samples, won.dropped), &(1, 0))?;
    same("samples and dropped of the second", &(lost.samples, lost.dropped), &(1, 1))?;
    let rows = vec![row(START_MS, 1.0), row(START_MS + STEP_MS, 3.0)];
    same("everything", &read_all(store)?, &vec![(labels, rows)])
}
