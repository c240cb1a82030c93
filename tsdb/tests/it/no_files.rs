//! Names that lead to no file: directories, links into nothing, pipes. Each costs what its file held, and is reported.
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use promethium_model::{
    AppendOptions, Appendable, LabelHints, ManualClock, Matcher, Point, QueryCx, Queryable, SeriesKey, TimeRange,
};
use promethium_tsdb::vfs::StdVfs;
use promethium_tsdb::{Db, DbOptions, PAGE_BYTES, ReplayReport};

use crate::fixtures::{Dump, floats_of};
use crate::life::{scrape, series};
use crate::support::START_MS;

const STEP_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * STEP_MS;

fn open(dir: &Path) -> Db {
    let clock = Arc::new(ManualClock::new(START_MS + 10 * HOUR_MS));
    let options = DbOptions::default().segment_bytes(PAGE_BYTES as u64).out_of_order_window_ms(HOUR_MS);
    Db::open_with(Arc::new(StdVfs), dir, options, clock).unwrap_or_else(|e| panic!("{}: {e}", dir.display()))
}

/// A directory with blocks, a checkpoint, segments of both logs, and head chunk files.
fn store(dir: &Path) {
    let db = open(dir);
    for t in (START_MS..START_MS + 10 * HOUR_MS).step_by(STEP_MS as usize) {
        scrape(&db, t, 40);
        if t > START_MS + 9 * HOUR_MS && t % (5 * STEP_MS) == 0 {
            let mut tx = db.appender();
            let late = Point::float(t - 7 * STEP_MS + 1, 0.25);
            tx.append(SeriesKey::Labels(&series(0)), late, &AppendOptions::default()).unwrap();
            tx.commit().unwrap();
        }
        db.maintain(t, Duration::from_secs(60)).unwrap();
    }
    db.close().unwrap();
}

/// The first path below `dir` that begins with `place` and ends with `name`.
fn find(dir: &Path, place: &str, name: &str) -> PathBuf {
    let mut pending = vec![dir.to_path_buf()];
    let mut found = Vec::new();
    while let Some(at) = pending.pop() {
        for path in std::fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path()) {
            let is_wanted =
                path.strip_prefix(dir).unwrap().to_string_lossy().starts_with(place) && path.ends_with(name);
            if path.is_dir() {
                pending.push(path.clone());
            }
            found.extend(is_wanted.then_some(path));
        }
    }
    found.sort();
    found.into_iter().next().unwrap_or_else(|| panic!("no {place}…{name}"))
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-r").arg(from).arg(to).status().unwrap().success());
}

fn remove(path: &Path) {
    if path.is_dir() { std::fs::remove_dir_all(path).unwrap() } else { std::fs::remove_file(path).unwrap() }
}

const KINDS: [&str; 3] = ["a directory", "a link to nothing", "a pipe"];

fn put(kind: &str, path: &Path) {
    remove(path);
    match kind {
        "a directory" => {
            std::fs::create_dir(path).unwrap();
            std::fs::write(path.join("kept"), "by somebody else").unwrap();
        }
        "a link to nothing" => std::os::unix::fs::symlink("/nowhere/at/all", path).unwrap(),
        _ => assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
    }
}

fn count(dump: &Dump) -> usize {
    dump.values().map(Vec::len).sum()
}

fn names(report: &ReplayReport, path: &Path) -> bool {
    // The report of a lost `chunks` names the files that are missing below it.
    report.damage.iter().any(|damage| damage.path.starts_with(path) || path.starts_with(&damage.path))
}

/// Checks what a store makes of it that `path` leads to no file, where `whole` is what it had before.
fn check(dir: &Path, path: &Path, whole: &Dump, is_block_data: bool, context: &str) {
    let read_only = Db::open_read_only(dir, DbOptions::default()).unwrap_or_else(|e| panic!("{context}: {e}"));
    let from_log = floats_of(&read_only).0;
    let db = open(dir);
    let (found, annotations) = floats_of(&db);
    for (series, rows) in found.iter().chain(&from_log) {
        assert!(rows.iter().all(|row| whole[series].contains(row)), "{context}: {series} has another value");
    }
    let lost = count(whole) - count(&found);
    assert!(lost < count(whole) / 2, "{context}: {lost} of {} samples are lost", count(whole));
    // What the log still has of a block is no loss.
    assert!(lost == 0 || !is_block_data || !annotations.is_empty(), "{context}: {lost} samples are missed in silence");
    let verified = db.verify().unwrap_or_else(|e| panic!("{context}: {e}"));
    let is_reported = names(db.replay_report(), path) || verified.damage.iter().any(|d| d.path.starts_with(path));
    assert!(is_reported, "{context}: {:?}, {:?}", db.replay_report().damage, verified.damage);
    db.maintain(START_MS + 10 * HOUR_MS, Duration::from_secs(60)).unwrap_or_else(|e| panic!("{context}: {e}"));
    scrape(&db, START_MS + 10 * HOUR_MS, 40);
    db.close().unwrap_or_else(|e| panic!("{context}: {e}"));
    assert!(count(&floats_of(&open(dir)).0) >= count(&found), "{context}: the second opening finds less");
}

#[test]
fn each_costs_what_its_file_held() {
    let tmp = tempfile::tempdir().unwrap();
    let sound = tmp.path().join("sound");
    store(&sound);
    let whole = floats_of(&open(&sound)).0;
    let segment = |log: &str, n: usize| {
        let mut names: Vec<String> = std::fs::read_dir(sound.join(log))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.starts_with("checkpoint"))
            .collect();
        names.sort();
        names.swap_remove(n)
    };
    let mut cases = 0;
    for (place, name) in [
        ("wal/0", segment("wal", 0)),
        ("wal/0", segment("wal", 2)),
        ("wal/checkpoint.", "00000000".to_owned()),
        ("wbl/", segment("wbl", 0)),
        ("chunks_head/", segment("chunks_head", 0)),
        ("0", "index".to_owned()),
        ("0", "meta.json".to_owned()),
        ("0", "tombstones".to_owned()),
        ("0", "000001".to_owned()),
        ("0", "chunks".to_owned()),
    ] {
        for kind in KINDS {
            let dir = tmp.path().join("case");
            copy(&sound, &dir);
            let path = find(&dir, place, &name);
            put(kind, &path);
            let context = format!("{} is {kind}", path.strip_prefix(&dir).unwrap().display());
            let is_nothing_deleted = name == "tombstones" && kind == "a link to nothing";
            let is_as_written = name == "chunks" && kind == "a directory";
            if !is_nothing_deleted && !is_as_written {
                check(&dir, &path, &whole, place == "0", &context);
                cases += 1;
            }
            let is_kept = kind != "a directory" || !place.starts_with("wal") || path.join("kept").is_file();
            assert!(is_kept, "{context}: what is not ours was removed");
            remove(&dir);
        }
    }
    assert_eq!(cases, 28);
}

#[test]
fn a_block_that_cannot_be_queried_costs_no_other_data() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = tmp.path().join("data");
    store(&dir);
    let whole = floats_of(&open(&dir)).0;
    // Symbols and postings are damaged both: nobody knows the labels of this block's series.
    let index = find(&dir, "0", "index");
    let mut bytes = std::fs::read(&index).unwrap();
    let end = bytes.len();
    bytes[40] ^= 1;
    bytes[end - 60] ^= 1;
    std::fs::write(&index, bytes).unwrap();
    for db in [Db::open_read_only(&dir, DbOptions::default()).unwrap(), open(&dir)] {
        let (found, annotations) = floats_of(&db);
        assert!(!annotations.is_empty() && count(&found) > count(&whole) / 2, "{annotations:?}");
        let querier = db.querier(TimeRange::ALL).unwrap();
        let hints = LabelHints::default();
        let values = querier.label_values("n", &[], &hints, &QueryCx::unlimited()).unwrap();
        assert!(values.values.len() == 40 && !values.annotations.is_empty(), "{values:?}");
        let names = querier.label_names(&[Matcher::equal("n", "1")], &hints, &QueryCx::unlimited()).unwrap();
        assert!(names.values == ["__name__", "n"] && !names.annotations.is_empty(), "{names:?}");
        // Where it does not reach, nothing is missing.
        let later = TimeRange::new(START_MS + 8 * HOUR_MS, i64::MAX);
        let querier = db.querier(later).unwrap();
        let values = querier.label_values("n", &[], &hints, &QueryCx::unlimited()).unwrap();
        assert!(values.annotations.is_empty(), "{values:?}");
        assert!(!db.verify().unwrap().damage.is_empty());
    }
}
