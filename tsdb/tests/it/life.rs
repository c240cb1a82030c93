//! The life of data: flushes, merges, truncation of the log, retention, deletes, snapshots, over reopenings.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use promethium_model::{
    AppendOptions, Appendable, Clock, FloatHistogram, Histogram, Labels, ManualClock, Matcher, Point, PointValue,
    Queryable, QueryableExt, SeriesKey, Span, TimeRange,
};
use promethium_tsdb::vfs::{SimVfs, StdVfs, Vfs, replace_file, tree_bytes};
use promethium_tsdb::{Db, DbOptions, Retention};

use crate::support::{DIR, START_MS, always};

const STEP_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;
const SERIES: usize = 6;

/// Everything that a store holds, as text: NaNs are not equal to themselves.
pub(crate) fn everything(db: &dyn Queryable) -> String {
    let rows = |b: promethium_model::SampleBatch| {
        let histograms: Vec<_> = b.histograms.iter().map(|(row, h)| (*row, (*h.to_float()).clone())).collect();
        let histograms: Vec<_> =
            histograms.into_iter().map(|(row, h)| (row, h.count, h.sum, h.positive_buckets)).collect();
        format!("{:?} {:?} {histograms:?}", b.timestamps, b.floats)
    };
    let all = db.read_all(TimeRange::ALL, &[]).unwrap();
    all.into_iter().map(|(labels, batch)| format!("{labels} {}\n", rows(batch))).collect()
}

pub(crate) fn series(i: usize) -> Labels {
    Labels::from_pairs([("__name__", format!("metric_{}", i % 3)), ("n", i.to_string())])
}

fn histogram(n: u64) -> Histogram {
    Histogram {
        schema: 1,
        zero_count: n,
        count: 3 * n,
        sum: n as f64,
        positive_spans: [Span { offset: 0, length: 2 }].into(),
        positive_deltas: vec![n as i64, 0],
        ..Histogram::default()
    }
}

/// A scrape of all series at `t`: floats, integer and float histograms.
pub(crate) fn scrape(store: &dyn Appendable, t: i64, count: usize) {
    let n = ((t - START_MS) / STEP_MS) as u64 + 1;
    let (h, fh): (Histogram, FloatHistogram) = (histogram(n), histogram(n).to_float());
    let mut tx = store.appender();
    for i in 0..count {
        let value = match i % 5 {
            3 => PointValue::Histogram(&h),
            4 => PointValue::FloatHistogram(&fh),
            _ => PointValue::Float(n as f64 * 0.5 + i as f64),
        };
        let point = Point { timestamp_ms: t, start_timestamp_ms: 0, value };
        tx.append(SeriesKey::Labels(&series(i)), point, &AppendOptions::default()).unwrap();
    }
    tx.commit().unwrap();
}

struct Rig {
    vfs: Arc<dyn Vfs>,
    clock: Arc<ManualClock>,
    options: DbOptions,
    model: promethium_model::MemStore,
}

impl Rig {
    fn new(vfs: Arc<dyn Vfs>, options: DbOptions) -> Self {
        let clock = Arc::new(ManualClock::new(START_MS));
        Rig { vfs, clock, options, model: promethium_model::MemStore::new() }
    }

    fn open(&self) -> Db {
        let clock: Arc<dyn Clock> = self.clock.clone();
        Db::open_with(Arc::clone(&self.vfs), Path::new(DIR), self.options.clone(), clock).unwrap()
    }

    /// Scrapes until `end`, with the pump running.
    fn run(&self, db: &Db, from_ms: i64, end_ms: i64) {
        let mut t = from_ms;
        while t < end_ms {
            self.clock.advance(Duration::from_millis(STEP_MS as u64));
            scrape(db, t, SERIES);
            scrape(&self.model, t, SERIES);
            db.maintain(t, Duration::from_secs(60)).unwrap();
            t += STEP_MS;
        }
    }
}

fn small() -> DbOptions {
    always().segment_bytes(32 << 10)
}

#[test]
fn a_day_goes_through_head_and_blocks_and_nothing_is_lost() {
    let rig = Rig::new(Arc::new(SimVfs::new(1)), small());
    let mut db = rig.open();
    let mut chunks = 0;
    for part in 0..5 {
        let from = START_MS + part * 5 * HOUR_MS;
        rig.run(&db, from, from + 5 * HOUR_MS);
        assert_eq!(everything(&db), everything(&rig.model), "after part {part}");
        db.close().unwrap();
        db = rig.open();
        assert_eq!(db.replay_report().damage_count, 0, "{:?}", db.replay_report().damage);
        assert_eq!(everything(&db), everything(&rig.model), "reopened after part {part}");
        chunks += db.replay_report().chunks;
    }
    assert!(chunks > 0, "full chunks are in files");
    let stats = db.stats();
    assert!((2..=5).contains(&stats.blocks), "{stats:?}");
    let (min, max) = (stats.min_time_ms.unwrap(), stats.max_time_ms.unwrap());
    assert!(max - min < 4 * HOUR_MS, "the head was truncated");
    assert!(db.replay_report().segments < 30, "the log was truncated: {:?}", db.replay_report());
}

#[test]
fn a_query_that_runs_sees_what_leaves_the_head() {
    let rig = Rig::new(Arc::new(SimVfs::new(1)), small());
    let db = rig.open();
    let mut t = START_MS;
    while t < START_MS + 4 * HOUR_MS {
        rig.clock.advance(Duration::from_millis(STEP_MS as u64));
        scrape(&db, t, SERIES);
        t += STEP_MS;
    }
    let querier = db.querier(TimeRange::ALL).unwrap();
    let hints = promethium_model::SelectHints::sorted(TimeRange::ALL);
    let mut set = querier.select(&[], &hints, &promethium_model::QueryCx::unlimited()).unwrap();
    assert_eq!(db.maintain(t, Duration::from_secs(60)).unwrap().flushed, 1);
    let mut rows = 0;
    while let Some(mut entry) = set.next_series().unwrap() {
        let mut batch = promethium_model::SampleBatch::new();
        while entry.samples.next_batch(&mut batch).unwrap() {}
        rows += batch.len();
    }
    assert_eq!(rows, 240 * SERIES);
    let before = db.stats().min_time_ms;
    drop(set);
    drop(querier);
    db.maintain(t + 1_000, Duration::from_secs(60)).unwrap();
    assert!(db.stats().min_time_ms > before, "it leaves when the query is over");
}

#[test]
fn late_samples_go_to_blocks() {
    let rig = Rig::new(Arc::new(SimVfs::new(1)), small().out_of_order_window_ms(3 * HOUR_MS));
    let db = rig.open();
    rig.clock.advance(Duration::from_secs(2 * 3600));
    rig.run(&db, START_MS + 2 * HOUR_MS, START_MS + 4 * HOUR_MS);
    for i in 0..60 {
        let t = START_MS + 2 * HOUR_MS + i * STEP_MS + 500;
        let mut tx = db.appender();
        tx.append(SeriesKey::Labels(&series(0)), Point::float(t, 7.0), &AppendOptions::default()).unwrap();
        assert_eq!(tx.commit().unwrap().samples, 1);
    }
    rig.run(&db, START_MS + 4 * HOUR_MS, START_MS + 8 * HOUR_MS);
    let count = |db: &Db| {
        let batch = db.read_all(TimeRange::ALL, &[Matcher::equal("n", "0")]).unwrap().remove(0).1;
        assert!(batch.timestamps.windows(2).all(|w| w[0] < w[1]));
        batch.timestamps.iter().filter(|t| *t % 1_000 == 500).count()
    };
    assert_eq!(count(&db), 60);
    db.close().unwrap();
    drop(db);
    let db = rig.open();
    assert_eq!(db.replay_report().out_of_order_samples, 0, "their log was dropped");
    assert_eq!(count(&db), 60);
}

#[test]
fn what_is_deleted_stays_so_through_flush_merge_and_cleaning() {
    let rig = Rig::new(Arc::new(SimVfs::new(1)), small());
    let db = rig.open();
    rig.run(&db, START_MS, START_MS + 9 * HOUR_MS);
    let range = TimeRange::new(START_MS + HOUR_MS, START_MS + 8 * HOUR_MS + 30 * STEP_MS);
    let report = db.delete(range, &[Matcher::equal("n", "1")]).unwrap();
    assert!(report.head_series == 1 && report.block_series > 0, "{report:?}");
    let expected = 9 * 60 - (7 * 60 + 30 + 1);
    let count = |db: &Db| db.read_all(TimeRange::ALL, &[Matcher::equal("n", "1")]).unwrap()[0].1.len();
    assert_eq!(count(&db), expected);
    assert!(db.clean_tombstones(START_MS).unwrap() > 0);
    assert_eq!(db.clean_tombstones(START_MS).unwrap(), 0);
    assert_eq!(count(&db), expected);
    rig.run(&db, START_MS + 9 * HOUR_MS, START_MS + 13 * HOUR_MS);
    assert_eq!(count(&db), expected + 4 * 60);
    db.close().unwrap();
    drop(db);
    assert_eq!(count(&rig.open()), expected + 4 * 60);
}

#[test]
fn a_delete_reaches_late_samples_and_they_stay_deleted() {
    let rig = Rig::new(Arc::new(SimVfs::new(1)), small().out_of_order_window_ms(4 * HOUR_MS));
    rig.clock.advance(Duration::from_secs(2 * 3600));
    let db = rig.open();
    rig.run(&db, START_MS + 2 * HOUR_MS, START_MS + 4 * HOUR_MS);
    let late = Labels::from_pairs([("__name__", "late")]);
    let mut tx = db.appender();
    tx.append(SeriesKey::Labels(&late), Point::float(START_MS + HOUR_MS, 1.0), &AppendOptions::default()).unwrap();
    tx.commit().unwrap();
    let count = |db: &Db| db.read_all(TimeRange::ALL, &[Matcher::equal("__name__", "late")]).unwrap().len();
    assert_eq!(count(&db), 1);
    assert_eq!(db.delete(TimeRange::ALL, &[Matcher::equal("__name__", "late")]).unwrap().head_series, 1);
    assert_eq!(count(&db), 0);
    rig.run(&db, START_MS + 4 * HOUR_MS, START_MS + 8 * HOUR_MS);
    assert_eq!(count(&db), 0);
    db.close().unwrap();
    drop(db);
    assert_eq!(count(&rig.open()), 0);
}

#[test]
fn what_is_beyond_retention_goes() {
    let retention = Retention { time_ms: Some(8 * HOUR_MS), bytes: None, percentage: None };
    let rig = Rig::new(Arc::new(SimVfs::new(1)), small().retention(retention));
    let db = rig.open();
    rig.run(&db, START_MS, START_MS + 24 * HOUR_MS);
    let all = db.read_all(TimeRange::ALL, &[]).unwrap();
    let first = all[0].1.timestamps[0];
    assert!(first > START_MS + 8 * HOUR_MS && first < START_MS + 16 * HOUR_MS, "{}", (first - START_MS) / HOUR_MS);
}

#[test]
fn a_bound_on_bytes_counts_all_that_the_directory_has() {
    const BOUND: u64 = 150_000;
    let of_bytes = Retention { bytes: Some(BOUND), ..Retention::default() };
    let of_share = Retention { percentage: Some(1.0), ..Retention::default() };
    for retention in [of_bytes, of_share] {
        let disk = Arc::new(SimVfs::new(1));
        disk.set_capacity(Some(100 * BOUND));
        let options = small().retention(retention).head_snapshot(true).segment_bytes(64 << 10);
        let rig = Rig::new(disk.clone(), options);
        let db = rig.open();
        rig.run(&db, START_MS, START_MS + 30 * HOUR_MS);
        disk.create_dir(&Path::new(DIR).join("snapshots")).unwrap();
        let bytes = || tree_bytes(&*disk, Path::new(DIR)).unwrap();
        let (before, blocks) = (bytes(), db.stats().blocks);
        assert!(blocks > 1 && before <= BOUND && before > BOUND / 2, "{blocks} blocks, {before} bytes");

        let write = |path: &Path, len: u64| replace_file(&*disk, path, &vec![0; len as usize]).unwrap();
        write(&Path::new(DIR).join("snapshots/asked-for"), BOUND);
        let mut t = START_MS + 30 * HOUR_MS;
        db.maintain(t, Duration::from_secs(60)).unwrap();
        assert_eq!(db.stats().blocks, blocks, "links to blocks are not counted twice");
        write(&Path::new(DIR).join("left-over.tmp"), BOUND - 1_000);
        t += STEP_MS;
        db.maintain(t, Duration::from_secs(60)).unwrap();
        assert_eq!(db.stats().blocks, 0, "everything else is");
    }
}

#[test]
fn series_that_end_leave_the_head_and_may_come_back() {
    let rig = Rig::new(Arc::new(SimVfs::new(1)), small());
    let db = rig.open();
    scrape(&db, START_MS, 50);
    scrape(&rig.model, START_MS, 50);
    rig.run(&db, START_MS + STEP_MS, START_MS + 8 * HOUR_MS);
    assert_eq!(db.stats().series, SERIES);
    let t = START_MS + 8 * HOUR_MS;
    rig.clock.advance(Duration::from_secs(60));
    scrape(&db, t, 50);
    scrape(&rig.model, t, 50);
    assert_eq!(everything(&db), everything(&rig.model));
    db.close().unwrap();
    drop(db);
    let db = rig.open();
    assert_eq!(db.replay_report().unknown_series_samples, 0);
    assert_eq!(everything(&db), everything(&rig.model));
}

#[test]
fn a_snapshot_is_the_store_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(START_MS));
    let options = || small().out_of_order_window_ms(HOUR_MS);
    let db = Db::open_with(Arc::new(StdVfs), dir.path(), options(), clock.clone()).unwrap();
    let mut t = START_MS;
    while t < START_MS + 5 * HOUR_MS {
        clock.advance(Duration::from_secs(60));
        scrape(&db, t, SERIES);
        db.maintain(t, Duration::from_secs(60)).unwrap();
        t += STEP_MS;
    }
    let mut tx = db.appender();
    tx.append(SeriesKey::Labels(&series(0)), Point::float(t - 90_000, 7.0), &AppendOptions::default()).unwrap();
    tx.commit().unwrap();
    let before = everything(&db);
    let place = db.snapshot(t, true).unwrap();
    scrape(&db, t, SERIES);
    let copy = Db::open_read_only(&place, DbOptions::default()).unwrap();
    assert_eq!(everything(&copy), before);
    let name = place.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("20240601T") && name.len() == "20240601T050000Z-67435cc95fb5bd96".len(), "{name}");
}
