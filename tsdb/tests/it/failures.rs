//! Calls that fail: once, from then on, half-way, and a full disk.

use promethium_model::CommitError;
use promethium_tsdb::PAGE_BYTES;
use promethium_tsdb::vfs::{Fault, FaultKind, SimVfs};

use crate::support::{Batch, START_MS, always, commit, contents, expected, open, prefix_len, scrapes};

/// Commits every batch, whatever fails. Checks at each step that queries show the acknowledged commits, all and only.
fn run(disk: &SimVfs, batches: &[Batch], context: &str) -> usize {
    let Ok(db) = open(disk, always().segment_bytes(PAGE_BYTES as u64)) else { return 0 };
    let mut acknowledged = 0;
    let mut has_failed = false;
    for batch in batches {
        match commit(&db, batch) {
            Ok(_) => {
                assert!(!has_failed, "{context}: a commit succeeded after one had failed");
                acknowledged += 1;
            }
            Err(_) => {
                has_failed = true;
                assert!(db.read_only_reason().is_some(), "{context}: a failed commit does not show");
            }
        }
    }
    assert_eq!(contents(&db), expected(&batches[..acknowledged]), "{context}: queries after the failure");
    assert_eq!(db.stats().read_only.is_some(), has_failed);
    acknowledged
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
                disk.plan(None);
                disk.restart();
                let db = open(&disk, always()).unwrap_or_else(|e| panic!("{context}: {e}"));
                let recovered = prefix_len(&contents(&db), batches);
                assert!(
                    recovered.is_some_and(|r| r >= acknowledged),
                    "{context}: {acknowledged} acknowledged, {recovered:?}"
                );
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
        let acknowledged = run(&disk, &batches, &format!("capacity {capacity}"));
        disk.set_capacity(None);
        disk.restart();
        let db = open(&disk, always()).unwrap();
        let recovered = prefix_len(&contents(&db), &batches).expect("a prefix");
        assert!(recovered >= acknowledged, "capacity {capacity}");
    }
}

#[test]
fn a_failure_names_the_file_and_stays() {
    let disk = SimVfs::new(1);
    let db = open(&disk, always()).unwrap();
    let batches = scrapes(4);
    commit(&db, &batches[0]).unwrap();
    disk.plan(Some(Fault { call: disk.calls() + 2, persistent: false, kind: FaultKind::Error }));
    match commit(&db, &batches[1]) {
        Err(CommitError::Io { path, .. }) => assert!(path.ends_with("wal/00000000"), "{path:?}"),
        other => panic!("expected an I/O error, found {other:?}"),
    }
    let calls = disk.calls();
    for batch in &batches[1..] {
        let error = commit(&db, batch).unwrap_err().to_string();
        assert!(error.contains("read-only") && error.contains("00000000"), "{error}");
    }
    assert!(db.sync().is_err() && db.close().is_err());
    assert_eq!(disk.calls(), calls, "a sealed log is not touched again");
}
