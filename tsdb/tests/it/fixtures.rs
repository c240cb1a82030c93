//! Directories that the real Prometheus 2.42 wrote, against what its own promtool says is in them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use promethium_model::{
    Annotations, FloatHistogram, HistogramValue, Matcher, QueryCx, Queryable, QueryableExt, SampleBatch, SelectHints,
    Span, TimeRange, is_stale,
};
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

/// The buckets that are not empty, by index.
fn filled(spans: &[Span], buckets: &[f64]) -> BTreeMap<i64, u64> {
    let mut index = 0;
    let indexes = spans.iter().flat_map(|span| {
        let first = index + i64::from(span.offset);
        index = first + i64::from(span.length);
        first..index
    });
    indexes.zip(buckets).filter(|(_, count)| **count != 0.0).map(|(i, count)| (i, count.to_bits())).collect()
}

/// The same of a histogram as the server that was scraped wrote it down.
fn filled_of(served: &serde_json::Value) -> BTreeMap<i64, u64> {
    let buckets = served.as_object().expect("buckets").iter();
    let buckets = buckets.map(|(i, count)| (i.parse().unwrap(), count.as_f64().unwrap()));
    buckets.filter(|(_, count)| *count != 0.0).map(|(i, count)| (i, count.to_bits())).collect()
}

fn check_histogram(found: &FloatHistogram, served: &serde_json::Value, context: &str) {
    let number = |key: &str| served[key].as_f64().unwrap();
    assert_eq!(i64::from(found.schema), served["schema"].as_i64().unwrap(), "{context}");
    let numbers = [found.zero_threshold, found.zero_count, found.count];
    assert_eq!(numbers, [number("zt"), number("zc"), number("count")], "{context}");
    // Our reader of JSON may be a last bit off; decoding histograms must not be.
    assert!((found.sum - number("sum")).abs() <= number("sum").abs() * f64::EPSILON, "{context}: {}", found.sum);
    assert_eq!(filled(&found.positive_spans, &found.positive_buckets), filled_of(&served["pos"]), "{context}");
    assert_eq!(filled(&found.negative_spans, &found.negative_buckets), filled_of(&served["neg"]), "{context}");
}

#[test]
fn histograms_are_those_that_were_served() {
    let Some(fixtures) = fixtures() else { return };
    let fixtures = fixtures.join("live-histograms");
    let served: Vec<serde_json::Value> = std::fs::read_to_string(fixtures.join("served.jsonl"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let db = read(&fixtures.join("data"));
    for name in ["fx_hist", "fx_hist_gauge"] {
        let (_, batch) = db.read_all(TimeRange::ALL, &[Matcher::equal("__name__", name)]).unwrap().remove(0);
        let mut checked = 0;
        for (row, histogram) in &batch.histograms {
            let found = match histogram {
                HistogramValue::Int(h) => h.to_float(),
                HistogramValue::Float(h) => (**h).clone(),
            };
            if is_stale(found.sum) {
                continue;
            }
            let t_ms = batch.timestamps[*row as usize];
            // The server wrote down when it answered, which is a few milliseconds behind the time of the scrape.
            let behind = |one: &serde_json::Value| one["unix_ms"].as_i64().unwrap() - t_ms;
            let one = served.iter().find(|one| (-50..500).contains(&behind(one))).expect("a scrape at that time");
            check_histogram(&found, &one[name], &format!("{name} at {t_ms}"));
            checked += 1;
        }
        assert!(checked >= 250, "{name}: only {checked} histograms");
    }
}
