//! Calls that fail, each of a long workload: once, from then on, or half-way.

use std::path::Path;
use std::sync::Arc;

use promethium::model::ManualClock;
use promethium::tsdb::vfs::{Fault, FaultKind, FileKind, SimVfs, Vfs};
use promethium::tsdb::{Db, Sync, TsdbError};

use crate::oracle::{Bounds, contents};
use crate::workload::{Op, Upkeep, apply, ops, options_of, time_of};

const DIR: &str = "/data";
const SEED: u64 = 4;
const OPS: usize = 230;
const OPS_WITHOUT_UPKEEP: usize = 300;
const CALLS: u64 = 2_000;

fn open(disk: &SimVfs, variant: u64, n: usize) -> Result<(Db, Arc<ManualClock>), TsdbError> {
    let clock = Arc::new(ManualClock::new(time_of(n)));
    let db = Db::open_with(Arc::new(disk.clone()), Path::new(DIR), options_of(Sync::Always, variant), clock.clone())?;
    Ok((db, clock))
}

/// Tries every operation, whatever fails; says of each that was tried whether it was acknowledged.
fn run(disk: &SimVfs, variant: u64, all: &[Op], context: &str) -> Vec<bool> {
    let Ok((db, clock)) = open(disk, variant, 0) else { return Vec::new() };
    let taken: Vec<bool> = all.iter().enumerate().map(|(n, op)| apply(&db, op, n, &clock).is_ok()).collect();
    Bounds::new(all, &taken).check(&contents(&db), &format!("{context}: while open"));
    taken
}

/// Every path below a directory.
fn tree(disk: &SimVfs, dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for name in disk.list(dir).expect("a directory") {
        let path = dir.join(name);
        found.push(path.display().to_string());
        if disk.stat(&path).is_ok_and(|stat| stat.kind == FileKind::Dir) {
            found.extend(tree(disk, &path));
        }
    }
    found
}

/// Nothing that was begun and not finished stays behind.
fn check_no_leftovers(disk: &SimVfs, context: &str) {
    let leftovers: Vec<_> = tree(disk, Path::new(DIR)).into_iter().filter(|path| path.contains("tmp")).collect();
    assert!(leftovers.is_empty(), "{context}: left behind: {leftovers:?}");
}

/// One run with one plan; `false` when the workload ended before the call that was to fail.
fn fail_at(fault: Fault, all: &[Op]) -> bool {
    // With snapshots of the head where one call fails.
    let variant = u64::from(fault.kind == FaultKind::Error && !fault.persistent);
    let context = &format!("{fault:?}");
    let disk = SimVfs::new(SEED);
    disk.plan(Some(fault));
    let taken = run(&disk, variant, all, context);
    let was_hit = disk.calls() >= fault.call;
    disk.plan(None);
    disk.restart();
    let (db, clock) = open(&disk, variant, all.len()).unwrap_or_else(|e| panic!("{context}: {e}"));
    let bounds = Bounds::new(all, &taken);
    bounds.check(&contents(&db), &format!("{context}: after reopening"));
    apply(&db, &Op::Maintain, all.len(), &clock).unwrap_or_else(|e| panic!("{context}: upkeep afterwards: {e}"));
    if fault.call.is_multiple_of(4) {
        bounds.check(&contents(&db), &format!("{context}: after upkeep"));
    }
    check_no_leftovers(&disk, context);
    was_hit
}

fn sweep(kind: FaultKind, persistent: bool, upkeep: Upkeep) {
    let all = ops(SEED, if upkeep == Upkeep::With { OPS } else { OPS_WITHOUT_UPKEEP }, upkeep);
    let fails_at = |call: &u64| fail_at(Fault { call: *call, persistent, kind }, &all);
    let calls = (1..).take_while(fails_at).count() as u64;
    println!("{kind:?}, persistent {persistent}, {upkeep:?} upkeep: {calls} calls");
    let least = if upkeep == Upkeep::With { CALLS } else { CALLS / 4 };
    assert!(calls >= least, "the workload has only {calls} calls");
}

/// Once, from then on, or short, each on a thread of its own.
fn sweep_all(upkeep: Upkeep) {
    let kinds = [(FaultKind::Error, false), (FaultKind::Error, true), (FaultKind::ShortWrite(7), false)];
    std::thread::scope(|scope| {
        for (kind, persistent) in kinds {
            scope.spawn(move || sweep(kind, persistent, upkeep));
        }
    });
}

#[test]
fn any_call_fails() {
    sweep_all(Upkeep::Without);
}

#[test]
fn any_call_of_upkeep_fails() {
    sweep_all(Upkeep::With);
}

#[test]
fn a_read_fails_while_the_directory_is_opened() {
    (0..2).for_each(|variant| fail_reads(variant, Upkeep::Without, 4));
}

#[test]
fn a_read_fails_while_a_directory_with_blocks_is_opened() {
    (0..2).for_each(|variant| fail_reads(variant, Upkeep::With, 20));
}

/// Fails each read of an opening once: it says so, or finds everything; nothing is set aside.
fn fail_reads(variant: u64, upkeep: Upkeep, least: u64) {
    let all = ops(SEED, 120, upkeep);
    let disk = SimVfs::new(SEED);
    let taken = run(&disk, variant, &all, "healthy");
    assert!(taken.iter().all(|is_taken| *is_taken));
    let bounds = Bounds::new(&all, &taken);
    let mut failed = 0;
    loop {
        disk.kill();
        let call = disk.reads() + 1 + failed;
        disk.plan_read(Some(Fault { call, persistent: false, kind: FaultKind::Error }));
        // What could not be read is an error now, and there at the next opening.
        let opened = open(&disk, variant, all.len());
        let was_hit = disk.reads() >= call;
        disk.plan_read(None);
        if let Ok((db, _)) = opened {
            bounds.check(&contents(&db), &format!("read {failed} fails"));
            assert_eq!(db.replay_report().set_aside, Vec::<std::path::PathBuf>::new(), "read {failed} fails");
        }
        if !was_hit {
            break;
        }
        failed += 1;
    }
    println!("{upkeep:?} upkeep, variant {variant}: {failed} reads");
    assert!(failed >= least, "only {failed} reads");
}
