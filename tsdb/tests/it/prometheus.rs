//! The real Prometheus: its files here, and ours there.

use std::path::Path;
use std::process::Command;

use promethium_tsdb::vfs::SimVfs;
use promethium_tsdb::{Compression, Db, DbOptions, PAGE_BYTES};

use crate::fixtures::{Dump, fixtures, floats_of, gunzip, parse_dump};
use crate::support::{START_MS, commit, contents, open};

const SEGMENT: &str = "/data/wal/00000000";

/// A copy of a log, as a store that was not closed.
fn open_copy(segment: &Path) -> Db {
    let disk = SimVfs::new(0);
    disk.put(Path::new(SEGMENT), std::fs::read(segment).unwrap());
    disk.put(Path::new("/data/lock"), Vec::new());
    open(&disk, DbOptions::default()).unwrap()
}

#[test]
fn a_log_of_prometheus_is_restored() {
    let segment = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/prometheus-2.42/wal/00000000");
    let db = open_copy(&segment);
    let report = db.replay_report();
    assert_eq!((report.damage_count, report.unknown_series_samples), (0, 0));
    assert!(report.torn_tail.is_none() && report.other_records == 0, "{report:?}");
    assert_eq!((report.samples, report.late_samples, report.exemplars), (1_200, 160, 16));
    let lengths: Vec<usize> = contents(&db).values().map(Vec::len).collect();
    assert_eq!(lengths, [400, 400, 400]);
}

#[test]
fn logs_of_a_running_prometheus_hold_what_prometheus_says() {
    let Some(fixtures) = fixtures() else { return };
    // Where Prometheus drops everything behind damage after a crash, so do we, but nothing of the good part.
    for name in ["wal_crash_image", "wal_torn_last", "wal_torn_first_fragment"] {
        let dir = fixtures.join("corrupt").join(name);
        let db = open_copy(&dir.join("wal/00000000"));
        let expected = parse_dump(&gunzip(&fixtures.join("corrupt").join(format!("{name}.after-repair.dump.txt.gz"))));
        let found = floats_of(&db).0;
        assert!(found.keys().eq(expected.keys()), "{name}: other series");
        for (series, rows) in &expected {
            assert_eq!(&found[series], rows, "{name}: {series}");
        }
        assert_eq!(db.replay_report().torn_tail.is_some(), name != "wal_crash_image");
    }
}

#[test]
fn more_of_a_decayed_log_is_kept_than_prometheus_keeps() {
    let Some(fixtures) = fixtures() else { return };
    let bytes = std::fs::read(fixtures.join("corrupt/wal_flip_middle/wal/00000000")).unwrap();
    let disk = SimVfs::new(0);
    disk.put(Path::new(SEGMENT), bytes);
    let db = open(&disk, DbOptions::default()).unwrap();
    let report = db.replay_report();
    assert_eq!(report.damage_count, 1);
    let whole = floats_of(&open_copy(&fixtures.join("corrupt/wal_crash_image/wal/00000000"))).0;
    let found = floats_of(&db).0;
    assert!(found.iter().all(|(series, rows)| rows.iter().all(|r| whole[series].contains(r))));
    // Prometheus keeps 37765 of 77251.
    assert!(report.samples > 70_000, "{report:?}");
}

#[test]
fn a_log_behind_a_bad_checkpoint_stays() {
    let Some(fixtures) = fixtures() else { return };
    let wal = fixtures.join("corrupt/wal_bad_checkpoint/wal");
    let disk = SimVfs::new(0);
    for file in ["checkpoint.00000003/00000000", "00000004", "00000005"] {
        disk.put(&Path::new("/data/wal").join(file), std::fs::read(wal.join(file)).unwrap());
    }
    let db = open(&disk, DbOptions::default()).unwrap();
    let report = db.replay_report();
    // The fixture is the same log three times: what the damaged record held is late in the copies.
    assert_eq!((report.segments, report.damage_count, report.samples), (3, 1, 1_190));
    assert!(report.damage[0].path.ends_with("checkpoint.00000003/00000000"));
    assert!(disk.contents(Path::new("/data/wal/00000005")).is_some(), "intact segments stay");
}

fn promtool_dump(dir: &Path) -> Option<Dump> {
    match Command::new("promtool").args(["tsdb", "dump"]).arg(dir).output() {
        Err(e) => {
            println!("skipped: promtool does not run: {e}");
            None
        }
        Ok(out) => {
            assert!(out.status.success(), "promtool: {}", String::from_utf8_lossy(&out.stderr));
            Some(parse_dump(&String::from_utf8(out.stdout).unwrap()))
        }
    }
}

/// Values of every kind, over several segments.
fn fill(db: &Db) {
    let special = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, f64::MIN_POSITIVE, promethium_model::STALE_NAN];
    for i in 0..200_i64 {
        let value = |s: usize| {
            if (i as usize + s).is_multiple_of(9) { special[s % 6] } else { (i * 7 + s as i64) as f64 / 8.0 }
        };
        let batch = (0..50 + i as usize / 10).map(|s| (s, START_MS + i * 15_000, value(s))).collect();
        commit(db, &batch).unwrap();
    }
}

#[test]
fn promtool_reads_what_we_write() {
    for compression in [Compression::Snappy, Compression::None] {
        let tmp = tempfile::tempdir().unwrap();
        let options = || DbOptions::default().compression(compression).segment_bytes(PAGE_BYTES as u64);
        let db = Db::open(tmp.path(), options()).unwrap();
        fill(&db);
        let ours = floats_of(&db).0;
        assert!(db.stats().segment > Some(1));
        let Some(running) = promtool_dump(tmp.path()) else { return };
        assert_eq!(running, ours, "while the log is open");
        db.close().unwrap();
        assert_eq!(promtool_dump(tmp.path()).unwrap(), ours, "after a clean end");
    }
}

#[test]
fn promtool_reads_on_behind_damage_that_we_took_out() {
    let tmp = tempfile::tempdir().unwrap();
    for newest in [0, 1] {
        let db = Db::open(tmp.path(), DbOptions::default()).unwrap();
        assert_eq!(db.stats().segment, Some(newest));
        for i in 0..50 {
            commit(&db, &vec![(7, START_MS + (newest as i64 * 50 + i) * 1_000, i as f64)]).unwrap();
        }
        db.close().unwrap();
    }
    let segment = tmp.path().join("wal/00000000");
    let mut bytes = std::fs::read(&segment).unwrap();
    let middle = bytes.iter().rposition(|b| *b != 0).unwrap() / 2;
    // The last page is all that there is: what follows the damage in this segment is lost, the next segment is not.
    bytes[middle] ^= 4;
    std::fs::write(&segment, &bytes).unwrap();
    let db = Db::open(tmp.path(), DbOptions::default()).unwrap();
    let report = db.replay_report();
    assert_eq!((report.damage_count, report.set_aside.len(), &report.repair_error), (1, 1, &None));
    assert_eq!(std::fs::read(&report.set_aside[0]).unwrap(), bytes);
    let Some(theirs) = promtool_dump(tmp.path()) else { return };
    assert_eq!(theirs, floats_of(&db).0);
    assert!(theirs.values().all(|rows| rows.len() > 60));
}

#[test]
fn promtool_reads_on_behind_a_torn_tail_that_we_cut_off() {
    let tmp = tempfile::tempdir().unwrap();
    let db = Db::open(tmp.path(), DbOptions::default()).unwrap();
    fill(&db);
    db.close().unwrap();
    let segment = tmp.path().join("wal/00000000");
    let bytes = std::fs::read(&segment).unwrap();
    let end = bytes.iter().rposition(|b| *b != 0).unwrap();
    std::fs::write(&segment, &bytes[..end - 40]).unwrap();
    std::fs::write(tmp.path().join("lock"), "").unwrap();
    let db = Db::open(tmp.path(), DbOptions::default()).unwrap();
    assert!(db.replay_report().torn_tail.is_some());
    commit(&db, &vec![(0, START_MS + 200 * 15_000, 4.5)]).unwrap();
    let Some(theirs) = promtool_dump(tmp.path()) else { return };
    assert_eq!(theirs, floats_of(&db).0);
}
