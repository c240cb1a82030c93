//! Opening on several threads: what is restored does not depend on how many there are.

use std::path::Path;

use promethium_model::{
    AppendOptions, Appendable, Exemplar, Histogram, Labels, Matcher, Point, PointValue, QueryableExt, STALE_NAN,
    SeriesKey, Span, TimeRange,
};
use promethium_tsdb::vfs::{SimVfs, Vfs};
use promethium_tsdb::{Db, DbOptions};

use crate::support::{Batch, START_MS, always, commit, commit_all, labels, open};

const SERIES: usize = 150;
const SCRAPES: i64 = 700;

fn options() -> DbOptions {
    always().segment_bytes(256 << 10).out_of_order_window_ms(3_600_000)
}

/// A fleet that grows, with a series that goes stale now and then.
fn scrape(i: i64) -> Batch {
    let value = |series: usize| {
        let is_stale = (i as usize + series).is_multiple_of(211);
        if is_stale { STALE_NAN } else { ((i * 37 + series as i64) % 1_009) as f64 / 8.0 }
    };
    let series = SERIES / 2 + (i as usize) / 10;
    (0..series.min(SERIES)).map(|series| (series, START_MS + i * 500, value(series))).collect()
}

fn commit_histogram(db: &Db, n: i64) {
    let h = Histogram {
        count: 2 * n as u64,
        sum: n as f64,
        positive_spans: [Span { offset: 0, length: 2 }].into(),
        positive_deltas: vec![n, 0],
        ..Histogram::default()
    };
    let exemplars =
        [Exemplar { labels: Labels::from_pairs([("trace", n.to_string())]), value: 1.0, timestamp_ms: None }];
    let point = Point { timestamp_ms: START_MS + n * 500, start_timestamp_ms: 0, value: PointValue::Histogram(&h) };
    let mut tx = db.appender();
    tx.append(SeriesKey::Labels(&labels(900)), point, &AppendOptions::default().with_exemplars(&exemplars)).unwrap();
    tx.commit().unwrap();
}

/// A log of everything, with many more samples than wait together.
fn log() -> SimVfs {
    let disk = SimVfs::new(5);
    let db = open(&disk, options()).unwrap();
    for i in 0..SCRAPES {
        commit_all(&db, &[scrape(i)]);
        if i % 50 == 1 {
            commit_histogram(&db, i);
            commit(&db, &vec![(3, START_MS + i * 500 - 250, 5.0)]).unwrap();
        }
        if i % 300 == 299 {
            let range = TimeRange::new(START_MS + i * 400, START_MS + i * 450);
            db.delete(range, &[Matcher::not_equal("instance", "host-1:9100")]).unwrap();
        }
    }
    db.close().unwrap();
    disk
}

/// A copy of the logs of a disk.
fn copy(disk: &SimVfs) -> SimVfs {
    let copy = SimVfs::new(6);
    for dir in ["/data/wal", "/data/wbl"].map(Path::new) {
        for name in disk.list(dir).unwrap() {
            copy.put(&dir.join(&name), disk.contents(&dir.join(&name)).unwrap());
        }
    }
    copy
}

/// All that a database says of what it restored, and its snapshot, which has every chunk's bytes.
fn everything(disk: &SimVfs, threads: usize) -> (String, Vec<u8>) {
    let disk = copy(disk);
    let db = open(&disk, options().head_snapshot(true).open_threads(threads)).unwrap();
    let said = format!(
        "{:?}\n{:?}\n{:?}\n{:?}",
        db.replay_report(),
        db.stats(),
        db.exemplars(TimeRange::ALL, &[Vec::new()]).unwrap(),
        db.read_all(TimeRange::ALL, &[]).unwrap(),
    );
    db.close().unwrap();
    (said, disk.contents(Path::new("/data/head_snapshot")).unwrap())
}

fn check(disk: &SimVfs, what: &str) {
    let (said, snapshot) = everything(disk, 1);
    for threads in [2, 3, 4] {
        let (other, other_snapshot) = everything(disk, threads);
        assert!(said == other, "{what}, {threads} threads: another head");
        assert!(snapshot == other_snapshot, "{what}, {threads} threads: other chunks");
    }
}

#[test]
fn the_head_does_not_depend_on_the_threads_that_restore_it() {
    let disk = log();
    let db = open(&copy(&disk), options().open_threads(4)).unwrap();
    let report = db.replay_report();
    assert!(report.samples > 70_000 && report.segments > 2, "{report:?}");
    assert!(report.out_of_order_samples > 10 && report.exemplars > 10 && report.tombstones > 100, "{report:?}");
    drop(db);
    check(&disk, "whole");
    let segments: Vec<_> = disk.list(Path::new("/data/wal")).unwrap();
    for (i, name) in segments.iter().enumerate() {
        let path = Path::new("/data/wal").join(name);
        let len = disk.contents(&path).unwrap().len();
        if len > 0 && disk.flip_bit(&path, len * (2 * i + 1) / (2 * segments.len() + 1), 3) {
            check(&disk, &format!("{} damaged", path.display()));
        }
    }
}
