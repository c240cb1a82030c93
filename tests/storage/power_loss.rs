//! Power that goes at every call that changes the disk, by many seeds, over the whole life of data.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use promethium::model::ManualClock;
use promethium::tsdb::vfs::{Fault, FaultKind, SimVfs};
use promethium::tsdb::{Db, Sync, TsdbError};

use crate::oracle::{Contents, Logged, after, contents, difference, explained, is_kept};
use crate::workload::{Op, STEP_MS, Upkeep, apply, ops, options_of, time_of};

const DIR: &str = "/data";
/// Eight chunk ranges, so that the first blocks are merged, and the first of these go.
const OPS: usize = 176;
/// As a second is to four commits: an operation happens every few seconds of simulated time.
const INTERVAL: Duration = Duration::from_millis(4 * STEP_MS as u64);

fn open(disk: &SimVfs, seed: u64, policy: Sync, n: usize) -> Result<(Db, Arc<ManualClock>), TsdbError> {
    let clock = Arc::new(ManualClock::new(time_of(n)));
    let db = Db::open_with(Arc::new(disk.clone()), Path::new(DIR), options_of(policy, seed), clock.clone())?;
    Ok((db, clock))
}

/// Works until the power goes at call `k`, and ends with a clean close if it does not; returns how many operations were
/// acknowledged. Without power nobody acknowledges anything, not even what needs no disk, or whose sync may be tried again.
fn run(disk: &SimVfs, seed: u64, policy: Sync, ops: &[Op], k: u64) -> usize {
    let Ok((db, clock)) = open(disk, seed, policy, 0) else { return 0 };
    let is_taken = |(n, op): &(usize, &Op)| apply(&db, op, *n, &clock).is_ok() && disk.calls() < k;
    let acknowledged = ops.iter().enumerate().take_while(is_taken).count();
    let _ = db.close();
    acknowledged
}

/// How many of the acknowledged operations a policy promises to keep.
fn promised(policy: Sync, acknowledged: usize) -> usize {
    match policy {
        Sync::Always => acknowledged,
        // The last interval, and the operation whose sync was due.
        Sync::Interval(interval) => acknowledged.saturating_sub(interval.as_millis() as usize / STEP_MS as usize + 1),
        Sync::Never => 0,
    }
}

/// Cuts the power at call `k` and checks what is left. `false` when the workload ended before.
fn cut_at(k: u64, seed: u64, policy: Sync, all: &[Op]) -> bool {
    let context = || format!("{policy:?}, seed {seed}, call {k}");
    let disk = SimVfs::new(seed);
    disk.plan(Some(Fault { call: k, persistent: true, kind: FaultKind::PowerLoss }));
    let acknowledged = run(&disk, seed, policy, all, k);
    let was_cut = disk.calls() >= k;
    disk.restart();
    let attempted = &all[..all.len().min(acknowledged + 1)];
    let (db, _) = open(&disk, seed, policy, acknowledged).unwrap_or_else(|e| panic!("{}: {e}", context()));
    let found = contents(&db);
    let least = promised(policy, acknowledged);
    let (nothing, report) = (Contents::new(), db.replay_report().clone());
    let mut logged = Logged::new(&nothing, attempted, least);
    if policy == Sync::Never && all.iter().any(|op| matches!(op, Op::Maintain)) {
        logged = logged.with_lost_late_samples();
    }
    assert!(
        logged.explains(&found),
        "{}: {least} of {acknowledged} operations promised, the last begun {:?}: {}\n{report:?}",
        context(),
        attempted.last(),
        explained(&found, &after(&nothing, &attempted[..acknowledged]), attempted)
    );
    drop(db);
    if k.is_multiple_of(5) {
        goes_on(&disk, (seed, policy), &all[attempted.len()..], attempted.len(), &found, &context());
    }
    was_cut
}

/// What was recovered can be built upon, and survives a second loss of power.
fn goes_on(disk: &SimVfs, (seed, policy): (u64, Sync), rest: &[Op], first: usize, recovered: &Contents, context: &str) {
    let rest = &rest[..rest.len().min(3)];
    let (db, clock) = open(disk, seed, policy, first).unwrap_or_else(|e| panic!("{context}: {e}"));
    for (i, op) in rest.iter().enumerate() {
        apply(&db, op, first + i, &clock).unwrap_or_else(|e| panic!("{context}: {op:?} after recovery: {e}"));
    }
    db.sync().unwrap_or_else(|e| panic!("{context}: a sync after recovery: {e}"));
    disk.restart();
    let (db, _) = open(disk, seed, policy, first + rest.len()).unwrap_or_else(|e| panic!("{context}: {e}"));
    let (found, expected) = (contents(&db), after(recovered, rest));
    assert!(is_kept(&found, &expected), "{context}, a second time: {}", difference(&found, &expected));
}

/// Cuts at every `STRIDE`th call of the workloads of some seeds, each beginning elsewhere; returns how many cuts there
/// were.
fn sweep(policy: Sync, seeds: std::ops::Range<u64>, upkeep: Upkeep) -> u64 {
    const STRIDE: usize = 3;
    let mut points = 0;
    for seed in seeds {
        let all = ops(seed, OPS, upkeep);
        let calls = (1 + seed % STRIDE as u64..).step_by(STRIDE);
        points += calls.take_while(|k| cut_at(*k, seed, policy, &all)).count() as u64;
    }
    println!("{policy:?}, {upkeep:?} upkeep: {points} points");
    points
}

#[test]
fn always_loses_nothing_acknowledged() {
    let points = sweep(Sync::Always, 0..54, Upkeep::Without);
    assert!(points >= 5_000, "only {points} points");
}

#[test]
fn an_interval_bounds_what_is_lost() {
    let interval = Sync::Interval(INTERVAL);
    let points = sweep(interval, 100..150, Upkeep::Without);
    assert!(points >= 4_000, "only {points} points");
}

#[test]
fn an_interval_bounds_what_is_lost_through_upkeep() {
    let points = sweep(Sync::Interval(INTERVAL), 100..112, Upkeep::With);
    assert!(points >= 3_000, "only {points} points");
}

#[test]
fn without_syncs_a_prefix_of_each_log_is_left_by_upkeep() {
    let points = sweep(Sync::Never, 200..208, Upkeep::With);
    assert!(points >= 2_000, "only {points} points");
}

#[test]
fn without_syncs_a_prefix_of_each_log_is_left() {
    let points = sweep(Sync::Never, 200..220, Upkeep::Without);
    assert!(points >= 300, "only {points} points");
}

#[test]
fn always_loses_nothing_acknowledged_through_upkeep() {
    let points = sweep(Sync::Always, 0..54, Upkeep::With);
    assert!(points >= 20_000, "only {points} points");
}
