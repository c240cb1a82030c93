//! Opening on several threads: what is restored does not depend on how many there are.

use std::path::Path;
use std::time::Duration;

use promethium_model::{
    AppendOptions, Appendable, Exemplar, Histogram, Labels, Matcher, Point, PointValue, QueryCx, QueryableExt,
    STALE_NAN, SeriesKey, Span, TimeRange,
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

/// A log of everything, with many more samples than wait together; full chunks are in files where there is upkeep.
fn log(has_upkeep: bool) -> SimVfs {
    let disk = SimVfs::new(5);
    let db = open(&disk, options()).unwrap();
    for i in 0..SCRAPES {
        if has_upkeep && i % 90 == 89 {
            db.maintain(START_MS + i * 500, Duration::MAX).unwrap();
        }
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

const LOGS: [&str; 2] = ["/data/wal", "/data/wbl"];
const ALL: [&str; 3] = ["/data/wal", "/data/wbl", "/data/chunks_head"];

/// A copy of directories of a disk.
fn copy(disk: &SimVfs, dirs: &[&str]) -> SimVfs {
    let copy = SimVfs::new(6);
    for dir in dirs.iter().map(Path::new) {
        for name in disk.list(dir).unwrap() {
            copy.put(&dir.join(&name), disk.contents(&dir.join(&name)).unwrap());
        }
    }
    copy
}

/// All that a database says of what it restored, and its snapshot, which has every chunk's bytes.
fn everything(disk: &SimVfs, dirs: &[&str], threads: usize) -> (String, Vec<u8>) {
    let disk = copy(disk, dirs);
    let db = open(&disk, options().head_snapshot(true).open_threads(threads)).unwrap();
    let said = format!(
        "{:?}\n{:?}\n{:?}\n{:?}",
        db.replay_report(),
        db.stats(),
        db.exemplars(TimeRange::ALL, &[Vec::new()], &QueryCx::unlimited()).unwrap(),
        db.read_all(TimeRange::ALL, &[]).unwrap(),
    );
    db.close().unwrap();
    (said, disk.contents(Path::new("/data/head_snapshot")).unwrap())
}

fn check(disk: &SimVfs, dirs: &[&str], what: &str) {
    let (said, snapshot) = everything(disk, dirs, 1);
    for threads in [2, 3, 4] {
        let (other, other_snapshot) = everything(disk, dirs, threads);
        assert!(said == other, "{what}, {threads} threads: another head");
        assert!(snapshot == other_snapshot, "{what}, {threads} threads: other chunks");
    }
}

#[test]
fn the_head_does_not_depend_on_the_threads_that_restore_it() {
    let disk = log(false);
    let db = open(&copy(&disk, &LOGS), options().open_threads(4)).unwrap();
    let report = db.replay_report();
    assert!(report.samples > 70_000 && report.segments > 2, "{report:?}");
    assert!(report.out_of_order_samples > 10 && report.exemplars > 10 && report.tombstones > 100, "{report:?}");
    drop(db);
    check(&disk, &LOGS, "whole");
    let segments: Vec<_> = disk.list(Path::new("/data/wal")).unwrap();
    for (i, name) in segments.iter().enumerate() {
        let path = Path::new("/data/wal").join(name);
        let len = disk.contents(&path).unwrap().len();
        if len > 0 && disk.flip_bit(&path, len * (2 * i + 1) / (2 * segments.len() + 1), 3) {
            check(&disk, &LOGS, &format!("{} damaged", path.display()));
        }
    }
}

/// All samples, as they are read.
fn samples(disk: &SimVfs, dirs: &[&str], threads: usize) -> (String, u64) {
    let db = open(&copy(disk, dirs), options().open_threads(threads)).unwrap();
    (format!("{:?}", db.read_all(TimeRange::ALL, &[]).unwrap()), db.replay_report().chunks)
}

/// Records are in files in part: series began at different times, so that their chunks end at different times, and some are rarer.
#[test]
fn what_files_have_and_what_the_log_has_make_one_head() {
    let disk = log(true);
    let (expected, chunks) = samples(&disk, &LOGS, 1);
    assert_eq!(chunks, 0);
    let (found, chunks) = samples(&disk, &ALL, 1);
    assert!(chunks > 400 && found == expected, "{chunks} chunks in files: other samples");
    check(&disk, &ALL, "whole");
    let dir = Path::new(ALL[2]);
    let (mut damaged, mut with_fewer) = (0, 0);
    for name in disk.list(dir).unwrap() {
        let path = dir.join(name);
        let len = disk.contents(&path).unwrap().len();
        for at in [0, 9, len / 7, len / 3, len / 2, len - 40, len - 1] {
            assert!(disk.flip_bit(&path, at, 5));
            for threads in [1, 3] {
                let (found, left) = samples(&disk, &ALL, threads);
                assert!(found == expected, "{} damaged at {at}, {threads} threads: other samples", path.display());
                with_fewer += usize::from(left < chunks);
            }
            assert!(disk.flip_bit(&path, at, 5));
            damaged += 1;
        }
    }
    assert!(damaged >= 7 && with_fewer >= damaged, "{with_fewer} of {damaged}");
    let (found, left) = samples(&disk, &ALL, 2);
    assert!(found == expected && left == chunks);
}
