//! Directories that the real Prometheus 2.42 wrote, against what its own promtool says is in them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use promethium_model::{Annotations, QueryCx, Queryable, SampleBatch, SelectHints, TimeRange};
use promethium_tsdb::{Db, DbOptions};

/// The fixtures beside the project, where they are.
pub(crate) fn fixtures() -> Option<PathBuf> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/prometheus-2.42");
    if !shared.is_dir() {
        println!("skipped: {} is not there", shared.display());
        return None;
    }
    Some(shared)
}

/// Samples by series as `promtool tsdb dump` prints them; NaN payloads are not printed.
pub(crate) type Dump = BTreeMap<String, Vec<(i64, String)>>;

pub(crate) fn parse_dump(text: &str) -> Dump {
    let mut dump = Dump::new();
    for line in text.lines() {
        let (rest, t) = line.rsplit_once(' ').unwrap();
        let (labels, value) = rest.rsplit_once(' ').unwrap();
        dump.entry(labels.to_owned()).or_default().push((t.parse().unwrap(), shown(value.parse().unwrap())));
    }
    dump
}

pub(crate) fn shown(v: f64) -> String {
    if v.is_nan() { "NaN".to_owned() } else { v.to_string() }
}

pub(crate) fn gunzip(path: &Path) -> String {
    let out = Command::new("gzip").arg("-dc").arg(path).output().expect("gzip runs");
    assert!(out.status.success(), "{}", path.display());
    String::from_utf8(out.stdout).unwrap()
}

/// The floats of a store, as promtool 2.42 shows them, and what the query had to say.
pub(crate) fn floats_of(db: &dyn Queryable) -> (Dump, Annotations) {
    let querier = db.querier(TimeRange::ALL).unwrap();
    let mut set = querier.select(&[], &SelectHints::sorted(TimeRange::ALL), &QueryCx::unlimited()).unwrap();
    let mut dump = Dump::new();
    while let Some(mut series) = set.next_series().unwrap() {
        let mut batch = SampleBatch::new();
        while series.samples.next_batch(&mut batch).unwrap() {}
        let is_float = |row: usize| batch.histograms.binary_search_by_key(&(row as u32), |(r, _)| *r).is_err();
        let rows = batch.timestamps.iter().zip(&batch.floats).enumerate().filter(|(row, _)| is_float(*row));
        let rows: Vec<_> = rows.map(|(_, (t, v))| (*t, shown(*v))).collect();
        if !rows.is_empty() {
            assert!(dump.insert(format!("{:?}", series.labels), rows).is_none(), "a series comes once");
        }
    }
    (dump, set.annotations())
}

fn read(dir: &Path) -> Db {
    Db::open_read_only(dir, DbOptions::default()).unwrap()
}

fn check(dir: &Path, dump: &Path) {
    let db = read(dir);
    let name = dir.display();
    let report = db.replay_report();
    assert_eq!((report.damage_count, report.unknown_series_samples), (0, 0), "{name}: {report:?}");
    let (found, annotations) = floats_of(&db);
    assert!(annotations.is_empty(), "{name}: {annotations:?}");
    let expected = parse_dump(&gunzip(dump));
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{name}: series");
    for (series, rows) in &expected {
        assert_eq!(&found[series], rows, "{name}: {series}");
    }
}

#[test]
fn every_directory_holds_what_promtool_says() {
    let Some(fixtures) = fixtures() else { return };
    for (dir, dump) in [
        ("live/data-clean-shutdown", "live/dump-data-clean-shutdown.txt.gz"),
        ("live/data-memory-snapshot", "live/dump-data-memory-snapshot.txt.gz"),
        ("live-ooo/data", "live-ooo/dump-data.txt.gz"),
    ] {
        check(&fixtures.join(dir), &fixtures.join(dump));
    }
}

#[test]
fn every_block_holds_what_promtool_says() {
    let Some(fixtures) = fixtures() else { return };
    let snapshot = "live/snapshot/20261122T214658Z-67435cc95fb5bd96";
    let places =
        ["blocks", "compacted", "tombstones", "tombstones-cleaned"].map(|d| (format!("openmetrics/{d}"), None));
    let mut checked = 0;
    for (dumps, blocks) in places.into_iter().chain([("live/snapshot".to_owned(), Some(snapshot))]) {
        let blocks = fixtures.join(blocks.unwrap_or(&dumps));
        for entry in std::fs::read_dir(fixtures.join(&dumps)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let Some(ulid) = name.strip_prefix("dump-").and_then(|n| n.strip_suffix(".txt.gz")) else { continue };
            check(&blocks.join(ulid), &fixtures.join(&dumps).join(&name));
            checked += 1;
        }
    }
    assert_eq!(checked, 17);
}
