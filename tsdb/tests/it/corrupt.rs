//! The fifteen damaged directories of the fixtures: each opens, keeps what is not damaged, says what is, and never shows a
//! value that was not there.

use std::path::Path;

use promethium_tsdb::{Db, DbOptions};

use crate::fixtures::{Dump, fixtures, floats_of, gunzip, parse_dump};

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::write(&target, std::fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}

fn count(dump: &Dump) -> usize {
    dump.values().map(Vec::len).sum()
}

/// Name, what is kept of the undamaged directory at least, and what Prometheus 2.42 keeps.
const VARIANTS: [(&str, usize, usize); 15] = [
    ("wal_crash_image", 77_251, 77_251),
    ("wal_torn_last", 77_097, 77_097),
    ("wal_torn_first_fragment", 75_941, 75_941),
    ("wal_flip_middle", 76_000, 37_765),
    ("wal_bad_checkpoint", 790, 0),
    ("blk_chunk_flip", 5_979 - 120, 180),
    ("blk_chunk_magic", 5_979, 0),
    ("blk_index_symbols", 5_979, 0),
    ("blk_index_series", 5_979 - 720, 120),
    ("blk_index_postings", 5_979, 0),
    ("blk_index_postingstable", 5_979, 0),
    ("blk_index_toc", 5_979, 0),
    ("blk_meta_trunc", 5_979, 0),
    ("blk_no_meta", 5_979, 0),
    ("blk_tomb_flip", 5_979, 0),
];

#[test]
fn every_damaged_directory_is_served_around_its_damage() {
    let Some(fixtures) = fixtures() else { return };
    let whole = |dump: &str| parse_dump(&gunzip(&fixtures.join(dump)));
    let mut log = whole("corrupt/wal_crash_image.after-repair.dump.txt.gz");
    // Near the end of the log is a delete. Where it is lost, what it deleted is there.
    for (series, rows) in whole("corrupt/wal_torn_first_fragment.after-repair.dump.txt.gz") {
        log.entry(series).or_default().extend(rows);
    }
    let late = whole("live-ooo/dump-data.txt.gz");
    let block = whole("openmetrics/blocks/dump-01M82KPJ7Z9K7764X04DQQ0MYM.txt.gz");
    for (name, at_least, theirs) in VARIANTS {
        let base = match name {
            "wal_bad_checkpoint" => &late,
            _ if name.starts_with("wal") => &log,
            _ => &block,
        };
        let tmp = tempfile::tempdir().unwrap();
        copy(&fixtures.join("corrupt").join(name), tmp.path());
        if name.starts_with("wal_torn") || name == "wal_crash_image" {
            std::fs::write(tmp.path().join("lock"), "").unwrap();
        }
        let db = Db::open(tmp.path(), DbOptions::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let (found, annotations) = floats_of(&db);
        for (series, rows) in &found {
            let all = base.get(series).unwrap_or_else(|| panic!("{name}: {series} was not there"));
            assert!(rows.iter().all(|row| all.contains(row)), "{name}: {series} has another value");
        }
        let kept = count(&found);
        assert!(kept >= at_least && at_least >= theirs, "{name}: {kept} samples are left");
        let verified = db.verify().unwrap();
        let report = db.replay_report();
        let is_reported = report.damage_count > 0 || report.torn_tail.is_some() || !verified.damage.is_empty();
        assert_eq!(is_reported, name != "wal_crash_image", "{name}: {report:?} {verified:?}");
        let misses_block_data = name.starts_with("blk") && kept < count(base);
        assert!(!misses_block_data || !annotations.is_empty(), "{name}: a query that misses data does not say so");
        db.close().unwrap();
        drop(db);
        let again = Db::open(tmp.path(), DbOptions::default()).unwrap_or_else(|e| panic!("{name}, again: {e}"));
        assert_eq!(count(&floats_of(&again).0), kept, "{name}: the second opening finds the same");
    }
}
