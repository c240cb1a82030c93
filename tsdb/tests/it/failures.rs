//! Calls that fail: once, from then on, half-way, and a full disk.

use promethium_model::CommitError;
use promethium_tsdb::PAGE_BYTES;
use promethium_tsdb::vfs::{Fault, FaultKind, SimVfs};

use crate::support::{Batch, START_MS, always, commit, contents, expected, open, scrapes};

/// Which of the batches were acknowledged.
type Acknowledged = Vec<bool>;

/// Commits every batch, whatever fails. Checks that queries show the acknowledged commits, all and only.
fn run(disk: &SimVfs, batches: &[Batch], context: &str) -> Acknowledged {
    let Ok(db) = open(disk, always().segment_bytes(PAGE_BYTES as u64)) else { return vec![false; batches.len()] };
    let acknowledged: Acknowledged = batches.iter().map(|batch| commit(&db, batch).is_ok()).collect();
    assert_eq!(contents(&db), expected(&taken(batches, &acknowledged)), "{context}: queries after the failure");
    acknowledged
}

fn taken(batches: &[Batch], acknowledged: &Acknowledged) -> Vec<Batch> {
    batches.iter().zip(acknowledged).filter(|(_, is_taken)| **is_taken).map(|(batch, _)| batch.clone()).collect()
}

/// Checks that all acknowledged batches are there, and that of the others each is there whole or not at all.
fn check_recovered(disk: &SimVfs, batches: &[Batch], acknowledged: &Acknowledged, context: &str) {
    let db = open(disk, always()).unwrap_or_else(|e| panic!("{context}: {e}"));
    let found = contents(&db);
    let recovered: Acknowledged = batches
        .iter()
        .zip(acknowledged)
        .enumerate()
        .map(|(i, (batch, is_taken))| {
            let is_there = |row: &(usize, i64, f64)| {
                let rows = found.get(&crate::support::labels(row.0).to_string());
                rows.is_some_and(|rows| rows.contains(&(row.1, row.2.to_bits())))
            };
            let count = batch.iter().filter(|row| is_there(row)).count();
            assert!(count == 0 || count == batch.len(), "{context}: batch {i} is there in part");
            assert!(count > 0 || !is_taken, "{context}: batch {i} was acknowledged and is gone");
            count > 0
        })
        .collect();
    assert_eq!(found, expected(&taken(batches, &recovered)), "{context}: something was invented");
}

fn batches() -> Vec<Batch> {
    let wide = |i: i64| (0..400).map(|s| (s, START_MS + i * 1_000, (s as f64).sqrt() * i as f64)).collect();
    (0..12).map(wide).collect()
}

fn sweep(kinds: &[FaultKind], batches: &[Batch]) {
    for kind in kinds {
        for persistent in [false, true] {
            let mut k = 1;
            loop {
                let disk = SimVfs::new(k);
                disk.plan(Some(Fault { call: k, persistent, kind: *kind }));
                let context = format!("{kind:?}, persistent {persistent}, call {k}");
                let acknowledged = run(&disk, batches, &context);
                let was_hit = disk.calls() >= k;
                if !persistent && k > 10 {
                    let refused = acknowledged.iter().filter(|a| !**a).count();
                    assert!(refused <= 1, "{context}: one failure cost {refused} commits");
                }
                disk.plan(None);
                disk.restart();
                check_recovered(&disk, batches, &acknowledged, &context);
                if !was_hit {
                    break;
                }
                k += 1;
            }
            assert!(k > 20, "the workload has only {k} calls");
        }
    }
}

#[test]
fn any_call_may_fail() {
    sweep(&[FaultKind::Error], &batches());
}

#[test]
fn any_write_may_stop_half_way() {
    sweep(&[FaultKind::ShortWrite(0), FaultKind::ShortWrite(1), FaultKind::ShortWrite(300)], &batches());
}

#[test]
fn a_full_disk_refuses_and_keeps() {
    let batches = batches();
    for capacity in (0..120_000).step_by(2_999) {
        let disk = SimVfs::new(capacity);
        disk.set_capacity(Some(capacity));
        let context = format!("capacity {capacity}");
        let mut acknowledged = run(&disk, &batches[..10], &context);
        // Space comes back while the store is open, or not before it is opened again.
        if let Ok(db) = open(&disk, always()) {
            let refused = commit(&db, &batches[10]).is_err();
            disk.set_capacity(None);
            assert!(commit(&db, &batches[11]).is_ok(), "{context}: the store goes on by itself");
            assert_eq!(db.read_only_reason(), None);
            acknowledged.extend([!refused, true]);
        } else {
            acknowledged.extend([false, false]);
        }
        disk.set_capacity(None);
        disk.restart();
        check_recovered(&disk, &batches, &acknowledged, &context);
    }
}

#[test]
fn a_failure_names_the_file_and_passes() {
    let disk = SimVfs::new(1);
    let db = open(&disk, always()).unwrap();
    let batches = scrapes(4);
    commit(&db, &batches[0]).unwrap();
    disk.plan(Some(Fault { call: disk.calls() + 1, persistent: true, kind: FaultKind::Error }));
    match commit(&db, &batches[1]) {
        Err(CommitError::Io { path, .. }) => assert!(path.starts_with("/data/wal"), "{path:?}"),
        other => panic!("expected an I/O error, found {other:?}"),
    }
    let reason = db.read_only_reason().unwrap();
    assert!(reason.contains("/data/wal"), "{reason}");
    assert!(commit(&db, &batches[2]).is_err());
    assert_eq!(contents(&db), expected(&batches[..1]), "queries go on");
    disk.plan(None);
    commit(&db, &batches[3]).unwrap();
    assert_eq!(db.read_only_reason(), None);
    let taken = [batches[0].clone(), batches[3].clone()];
    assert_eq!(contents(&db), expected(&taken));
    db.close().unwrap();
    drop(db);
    assert_eq!(contents(&open(&disk, always()).unwrap()), expected(&taken));
}
