//! The snapshot of the head: what it brings back is what the log brings back, and where it does not serve, the log does.

use std::path::Path;

use promethium_model::{
    AppendOptions, Appendable, Exemplar, Histogram, Labels, Matcher, Metadata, MetricType, Point, PointValue, QueryCx,
    QueryableExt, SampleBatch, SeriesKey, Span, TimeRange,
};
use promethium_tsdb::vfs::{Fault, FaultKind, SimVfs, Vfs};
use promethium_tsdb::{Db, DbOptions};

use crate::support::{START_MS, always, commit, commit_all, labels, open, scrapes};

const FILE: &str = "/data/head_snapshot";

fn options() -> DbOptions {
    always().segment_bytes(64 << 10).out_of_order_window_ms(3_600_000).metadata(true).head_snapshot(true)
}

fn histogram(n: u64) -> Histogram {
    Histogram {
        schema: 1,
        count: 2 * n,
        sum: n as f64 * 1.5,
        positive_spans: [Span { offset: -2, length: 2 }].into(),
        positive_deltas: vec![n as i64, 0],
        ..Histogram::default()
    }
}

/// Floats over several chunks, histograms, exemplars, metadata, late samples, and a delete.
fn fill(db: &Db) {
    commit_all(db, &scrapes(300));
    for n in 1..60 {
        let (h, t) = (histogram(n), START_MS + n as i64 * 1_000);
        let mut tx = db.appender();
        let exemplars =
            [Exemplar { labels: Labels::from_pairs([("trace", n.to_string())]), value: 1.0, timestamp_ms: None }];
        let metadata = Metadata { metric_type: MetricType::Histogram, unit: "s".into(), help: "what".into() };
        let mut extras = AppendOptions::default().with_exemplars(&exemplars);
        extras.metadata = Some(&metadata);
        let point = Point { timestamp_ms: t, start_timestamp_ms: 0, value: PointValue::Histogram(&h) };
        tx.append(SeriesKey::Labels(&labels(90)), point, &extras).unwrap();
        tx.commit().unwrap();
    }
    for n in 0..40 {
        commit(db, &vec![(2, START_MS + n * 1_000 + 500, 7.0)]).unwrap();
    }
    db.delete(TimeRange::new(START_MS + 20_000, START_MS + 30_000), &[Matcher::not_equal("instance", "host-1:9100")])
        .unwrap();
}

/// Samples, exemplars and metadata.
type Everything = (Vec<(Labels, SampleBatch)>, Vec<(Labels, Vec<Exemplar>)>, Option<Metadata>);

fn everything(db: &Db) -> Everything {
    let mut samples = db.read_all(TimeRange::ALL, &[]).unwrap();
    for (_, batch) in &mut samples {
        // Where a chunk begins is not part of what is said.
        for (_, histogram) in &mut batch.histograms {
            if let promethium_model::HistogramValue::Int(h) = histogram {
                std::sync::Arc::make_mut(h).counter_reset_hint = promethium_model::CounterResetHint::Unknown;
            }
        }
    }
    (samples, db.exemplars(TimeRange::ALL, &[Vec::new()], &QueryCx::unlimited()).unwrap(), db.metadata(&labels(90)))
}

/// A disk that was filled and closed, and what it holds.
fn closed() -> (SimVfs, Everything) {
    let disk = SimVfs::new(7);
    let db = open(&disk, options()).unwrap();
    fill(&db);
    let all = everything(&db);
    assert!(all.0.len() > 30 && all.1.len() == 1 && all.2.is_some());
    db.close().unwrap();
    (disk, all)
}

#[test]
fn a_snapshot_brings_back_what_the_log_brings_back() {
    let (disk, expected) = closed();
    for round in 0..3 {
        disk.kill();
        let db = open(&disk, options()).unwrap();
        let report = db.replay_report();
        assert!(report.from_snapshot && report.was_clean, "round {round}: {report:?}");
        assert_eq!((report.damage_count, report.unknown_series_samples), (0, 0));
        assert_eq!(everything(&db), expected, "round {round}");
        assert!(disk.contents(Path::new(FILE)).is_some(), "with the log behind it, it says what the head has");
        db.close().unwrap();
    }
    // The same from the log alone.
    disk.remove(Path::new(FILE)).unwrap();
    let db = open(&disk, options()).unwrap();
    assert!(!db.replay_report().from_snapshot);
    assert_eq!(everything(&db), expected);
}

#[test]
fn what_was_restored_is_gone_on_with() {
    let (disk, _) = closed();
    let more: Vec<_> = (300..500).map(|i| vec![(0, START_MS + i * 1_000, i as f64)]).collect();
    let finished = |db: Db| {
        commit_all(&db, &more);
        // References of series that are gone are never given out again, those that are there are known.
        commit(&db, &vec![(91, START_MS + 500_000, 1.0)]).unwrap();
        everything(&db)
    };
    let with = open(&disk, options()).unwrap();
    assert!(with.replay_report().from_snapshot);
    let found = finished(with);
    let (disk, _) = closed();
    disk.remove(Path::new(FILE)).unwrap();
    assert_eq!(finished(open(&disk, options()).unwrap()), found);
}

#[test]
fn after_a_crash_the_log_behind_it_is_read() {
    let (disk, _) = closed();
    let db = open(&disk, options()).unwrap();
    commit(&db, &vec![(0, START_MS + 400_000, 1.0)]).unwrap();
    db.delete(TimeRange::new(START_MS + 100_000, START_MS + 110_000), &[]).unwrap();
    let expected = everything(&db);
    for _ in 0..2 {
        disk.restart();
        let db = open(&disk, options()).unwrap();
        let report = db.replay_report();
        assert!(report.from_snapshot && !report.was_clean, "{report:?}");
        // Those of the log of late samples, and what came behind the snapshot.
        assert!(report.records < 50, "{report:?}");
        assert_eq!((report.unknown_series_samples, report.damage_count), (0, 0));
        assert_eq!(everything(&db), expected);
        std::mem::forget(db);
    }
}

#[test]
fn the_pump_leaves_one_while_samples_come() {
    let disk = SimVfs::new(7);
    let options = || options().head_snapshot_interval_ms(60_000);
    let db = open(&disk, options()).unwrap();
    fill(&db);
    let maintain = |at_ms| db.maintain(at_ms, std::time::Duration::MAX).unwrap().head_snapshots;
    assert_eq!(maintain(START_MS + 300_000), 1);
    assert_eq!(maintain(START_MS + 301_000), 0, "not yet");
    let more: Vec<_> = (300..590)
        .map(|i| vec![(0, START_MS + i * 1_000, i as f64), (i as usize, START_MS + i * 1_000, 1.0)])
        .collect();
    commit_all(&db, &more);
    assert_eq!(maintain(START_MS + 360_000), 1, "chunks that were open are in files by now");
    commit(&db, &vec![(0, START_MS + 599_000, 1.0), (2, START_MS + 1_500, 1.0)]).unwrap();
    let expected = everything(&db);
    disk.restart();
    std::mem::forget(db);
    let db = open(&disk, options()).unwrap();
    let report = db.replay_report();
    assert!(report.from_snapshot && report.records < 50, "{report:?}");
    assert_eq!(everything(&db), expected);
}

#[test]
fn chunks_that_went_to_files_since_are_taken_from_there() {
    let (disk, _) = closed();
    let before = disk.contents(Path::new(FILE)).unwrap();
    let db = open(&disk, options()).unwrap();
    commit_all(&db, &(400..590).map(|i| vec![(0, START_MS + i * 1_000, i as f64)]).collect::<Vec<_>>());
    db.maintain(START_MS + 700_000, std::time::Duration::MAX).unwrap();
    let expected = everything(&db);
    disk.restart();
    std::mem::forget(db);
    disk.put(Path::new(FILE), before);
    let db = open(&disk, options()).unwrap();
    assert!(db.replay_report().from_snapshot);
    assert_eq!(everything(&db), expected);
}

#[test]
fn a_log_that_went_another_way_is_read_whole() {
    let (disk, _) = closed();
    let snapshot = disk.contents(Path::new(FILE)).unwrap();
    // As long as before, and with other bytes: another program cut it and went on.
    let last = disk.list(Path::new("/data/wal")).unwrap().into_iter().filter(|name| name.parse::<u64>().is_ok()).max();
    let path = Path::new("/data/wal").join(last.unwrap());
    let segment = disk.contents(&path).unwrap();
    disk.put(&path, vec![0; segment.len()]);
    disk.put(Path::new(FILE), snapshot);
    let db = open(&disk, options()).unwrap();
    assert!(!db.replay_report().from_snapshot);
    drop(db);
    let (disk, expected) = closed();
    let names = disk.list(Path::new("/data/wal")).unwrap();
    let last = names.into_iter().filter(|name| name.parse::<u64>().is_ok()).max().unwrap();
    disk.remove(&Path::new("/data/wal").join(last)).unwrap();
    let db = open(&disk, options()).unwrap();
    assert!(!db.replay_report().from_snapshot, "the log ends before the snapshot");
    assert_ne!(everything(&db), expected);
}

#[test]
fn a_damaged_snapshot_is_set_aside_and_the_log_read() {
    let (disk, expected) = closed();
    let whole = disk.contents(Path::new(FILE)).unwrap();
    for at in (0..whole.len()).step_by(whole.len() / 60) {
        let (disk, _) = closed();
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        disk.put(Path::new(FILE), bytes);
        let db = open(&disk, options()).unwrap();
        let report = db.replay_report();
        assert!(!report.from_snapshot, "byte {at}");
        assert_eq!(everything(&db), expected, "byte {at}");
        assert_eq!((report.damage_count, report.set_aside.len()), (1, 1), "byte {at}: {report:?}");
    }
    disk.put(Path::new(FILE), whole[..whole.len() / 2].to_vec());
    let db = open(&disk, options()).unwrap();
    assert_eq!((everything(&db), db.replay_report().set_aside.len()), (expected, 1));
}

#[test]
fn a_snapshot_that_cannot_be_written_keeps_nothing_from_being_closed() {
    let (disk, expected) = closed();
    let mut failed = 0;
    loop {
        let db = open(&disk, options()).unwrap();
        let before = disk.calls();
        disk.plan(Some(Fault { call: before + 1 + failed, persistent: false, kind: FaultKind::Error }));
        drop(db);
        let was_hit = disk.calls() > before + failed;
        disk.plan(None);
        let db = open(&disk, options()).unwrap();
        assert_eq!(everything(&db), expected, "call {failed}");
        db.close().unwrap();
        if !was_hit {
            break;
        }
        failed += 1;
    }
    assert!(failed >= 8, "only {failed} calls");
}

/// A copy of what a closed store left.
fn copy(disk: &SimVfs) -> SimVfs {
    let copy = SimVfs::new(8);
    for dir in ["/data", "/data/wal", "/data/wbl", "/data/chunks_head"].map(Path::new) {
        for name in disk.list(dir).unwrap() {
            if let Some(bytes) = disk.contents(&dir.join(&name)) {
                copy.put(&dir.join(&name), bytes);
            }
        }
    }
    copy
}

#[test]
fn open_chunks_go_on_as_if_they_had_never_been_put_down() {
    for scrapes_before in [1, 2, 29, 30, 31, 100, 250] {
        let disk = SimVfs::new(7);
        let db = open(&disk, options()).unwrap();
        let batches = scrapes(scrapes_before + 150);
        commit_all(&db, &batches[..scrapes_before]);
        db.close().unwrap();
        let (from_snapshot, from_log) = (copy(&disk), copy(&disk));
        from_log.remove(Path::new(FILE)).unwrap();
        let ends = [(from_snapshot, true), (from_log, false)].map(|(disk, is_from_snapshot)| {
            let db = open(&disk, options()).unwrap();
            assert_eq!(db.replay_report().from_snapshot, is_from_snapshot);
            commit_all(&db, &batches[scrapes_before..]);
            // Its block has the chunks as they are.
            let place = db.snapshot(START_MS + 1_000_000, true).unwrap();
            let block = disk.list(&place).unwrap().remove(0);
            disk.contents(&place.join(block).join("chunks/000001")).expect("a block")
        });
        assert!(ends[0] == ends[1], "{scrapes_before} scrapes: other chunks");
    }
}
