//! Chunks of late samples in files: what they hold is there through lost power, failing calls, killed processes and decay, and
//! in memory only once.

use std::path::Path;
use std::time::Duration;

use promethium_model::{
    AppendOptions, Appendable, Matcher, Point, QueryCx, Queryable, QueryableExt, SampleBatch, SelectHints, SeriesKey,
    TimeRange,
};
use promethium_tsdb::vfs::{FaultKind, SimVfs, StdVfs, Vfs};
use promethium_tsdb::{Db, DbOptions, PAGE_BYTES};

use crate::migration::Prometheus;
use crate::support::{Contents, START_MS, Sweep, always, clock, contents, labels, open_at};

const STEP_MS: i64 = 20_000;
/// Late samples of a series in one commit.
const LATE: i64 = 9;
const BEGIN_MS: i64 = START_MS + 3_600_000;
const FIRST_FILE: &str = "/data/chunks_head/000001";

fn options() -> DbOptions {
    always().segment_bytes(2 * PAGE_BYTES as u64).out_of_order_window_ms(2 * 3_600_000).chunk_range_ms(300_000)
}

/// Series, time, value.
type Row = (usize, i64, f64);

fn time_of(n: i64) -> i64 {
    BEGIN_MS + n * STEP_MS
}

/// Commit `n`: all series in order, then late samples of two of them, at times of their own all over the window.
fn rows(n: i64) -> Vec<Row> {
    let in_order = (0..3).map(|series| (series, time_of(n), n as f64));
    let late = (0..2).flat_map(|series| {
        (0..LATE).map(move |i| {
            let at = (n * LATE + i) * 7_919 % 100_000;
            (series, START_MS + 600_000 + at * 20 + 1 + series as i64, at as f64 / 8.0)
        })
    });
    in_order.chain(late).collect()
}

fn commit(db: &Db, rows: &[Row]) -> Result<(), String> {
    let mut tx = db.appender();
    for (series, t, v) in rows {
        let key = labels(*series);
        let appended = tx.append(SeriesKey::Labels(&key), Point::float(*t, *v), &AppendOptions::default());
        appended.map_err(|e| e.to_string())?;
    }
    let stats = tx.commit().map_err(|e| e.to_string())?;
    if stats.samples == rows.len() { Ok(()) } else { Err(format!("{} were dropped", stats.dropped)) }
}

fn expected<'r>(all: impl Iterator<Item = &'r Row>) -> Contents {
    let mut contents = Contents::new();
    for (series, t, v) in all {
        contents.entry(labels(*series).to_string()).or_default().push((*t, v.to_bits()));
    }
    contents.values_mut().for_each(|rows| rows.sort_unstable());
    contents
}

fn maintain(db: &Db, n: i64) -> Result<(), String> {
    db.maintain(time_of(n), Duration::MAX).map(drop).map_err(|e| e.to_string())
}

/// Commits and maintains, and says which commits were acknowledged.
fn run(disk: &SimVfs, commits: i64) -> Vec<i64> {
    let clock = clock();
    clock.set_wall_ms(BEGIN_MS);
    let Ok(db) = open_at(disk, options(), clock.clone()) else { return Vec::new() };
    let mut acknowledged = Vec::new();
    for n in 0..commits {
        clock.set_wall_ms(time_of(n));
        if commit(&db, &rows(n)).is_ok() {
            acknowledged.push(n);
        }
        let _ = maintain(&db, n);
    }
    acknowledged
}

fn reopened(disk: &SimVfs) -> Db {
    let clock = clock();
    clock.set_wall_ms(time_of(1_000));
    open_at(disk, options(), clock).unwrap()
}

/// Everything acknowledged is there, and nothing that was not committed.
fn check(found: &Contents, acknowledged: &[i64], commits: i64, context: &str) {
    let wanted = expected(acknowledged.iter().flat_map(|n| rows(*n)).collect::<Vec<_>>().iter());
    let possible = expected((0..commits).flat_map(rows).collect::<Vec<_>>().iter());
    for (series, rows) in &wanted {
        let missing = rows.iter().filter(|row| !found.get(series).is_some_and(|f| f.contains(row))).count();
        assert_eq!(missing, 0, "{context}: {series} lacks {missing} of {}", rows.len());
    }
    for (series, rows) in found {
        assert!(rows.windows(2).all(|w| w[0].0 < w[1].0), "{context}: {series} is not in order");
        let invented = rows.iter().filter(|row| !possible[series].contains(row)).count();
        assert_eq!(invented, 0, "{context}: {series} has samples that nobody committed");
    }
}

#[test]
fn late_data_takes_no_more_memory_than_a_buffer_and_a_place_for_each_chunk() {
    let disk = SimVfs::new(1);
    let wide = options().chunk_range_ms(2 * 3_600_000);
    let clock = clock();
    clock.set_wall_ms(BEGIN_MS);
    let db = open_at(&disk, wide.clone(), clock.clone()).unwrap();
    let mut all = Vec::new();
    for n in 0..120 {
        clock.set_wall_ms(time_of(n));
        commit(&db, &rows(n)).unwrap();
        all.extend(rows(n));
        maintain(&db, n).unwrap();
    }
    let late = 120 * LATE as usize;
    // Of two series: a buffer, one minute's commits, and the place of each chunk with the room that a list has ahead; of all
    // three, the open chunk.
    let bound = 2 * ((32 + 3 * LATE as usize) * 16 + 2 * 64 * late.div_ceil(32)) + 3 * 1_024;
    let stats = db.stats();
    assert!(stats.chunk_bytes <= bound, "{stats:?}, {bound}");
    assert!(stats.chunks >= 2 * late / 33, "{stats:?}");
    assert_eq!(contents(&db), expected(all.iter()));
    // Queries of a part of the time decode what overlaps it.
    let range = TimeRange::new(START_MS + 700_000, START_MS + 900_000);
    for (series, batch) in db.read_all(range, &[]).unwrap() {
        let of_series = &contents(&db)[&series.to_string()];
        let inside = of_series.iter().filter(|(t, _)| range.contains(*t)).map(|(t, _)| *t);
        assert!(batch.timestamps.iter().copied().eq(inside));
    }
    for is_clean in [true, false] {
        if is_clean {
            db.close().unwrap();
        } else {
            disk.kill();
        }
        let db = open_at(&disk, wide.clone(), clock.clone()).unwrap();
        let report = db.replay_report();
        assert!(report.chunks >= 2 * late as u64 / 33, "{report:?}");
        assert_eq!(report.out_of_order_samples, 2 * late as u64);
        assert_eq!(contents(&db), expected(all.iter()));
        assert!(db.stats().chunk_bytes <= bound, "{:?}, {bound}", db.stats());
    }
}

#[test]
fn what_is_in_blocks_does_not_come_back_from_the_files() {
    let disk = SimVfs::new(1);
    let acknowledged = run(&disk, 60);
    assert_eq!(acknowledged.len(), 60);
    let db = reopened(&disk);
    assert!(db.block_metas().iter().any(|(meta, _)| meta.compaction.hints == ["from-out-of-order"]));
    check(&contents(&db), &acknowledged, 60, "reopened");
    assert!(disk.list(Path::new("/data/chunks_head")).unwrap().len() < 8, "old files are removed");
    // The chunks of these samples are still in files beside others that the head needs.
    let first = TimeRange::new(START_MS, START_MS + 1_200_000);
    db.delete(first, &[]).unwrap();
    let left = contents(&db);
    let in_first = |c: &Contents| c.values().flatten().filter(|(t, _)| first.contains(*t)).count();
    assert_eq!(in_first(&left), 0);
    db.close().unwrap();
    assert_eq!(contents(&reopened(&disk)), left);
}

#[test]
fn a_query_that_runs_sees_late_samples_leave_the_head() {
    let disk = SimVfs::new(1);
    let clock = clock();
    clock.set_wall_ms(BEGIN_MS);
    let db = open_at(&disk, options(), clock.clone()).unwrap();
    for n in 0..20 {
        commit(&db, &rows(n)).unwrap();
    }
    maintain(&db, 20).unwrap();
    clock.set_wall_ms(time_of(40));
    let before = contents(&db);
    commit(&db, &[(2, time_of(40), 1.0)]).unwrap();
    let querier = db.querier(TimeRange::ALL).unwrap();
    let mut set = querier.select(&[], &SelectHints::sorted(TimeRange::ALL), &QueryCx::unlimited()).unwrap();
    let report = db.maintain(time_of(40), Duration::MAX).unwrap();
    let again = db.maintain(time_of(44), Duration::MAX).unwrap();
    let mut found = Contents::new();
    while let Some(mut series) = set.next_series().unwrap() {
        let mut batch = SampleBatch::new();
        while series.samples.next_batch(&mut batch).unwrap() {}
        let rows = batch.timestamps.iter().copied().zip(batch.floats.iter().map(|v| v.to_bits()));
        found.insert(series.labels.to_string(), rows.filter(|(t, _)| *t < time_of(40)).collect());
    }
    assert_eq!(found, before);
    drop(set);
    drop(querier);
    let last = db.maintain(time_of(48), Duration::MAX).unwrap();
    assert!(report.flushed_late + again.flushed_late + last.flushed_late > 0);
    commit(&db, &rows(41)).unwrap();
    let mut all: Vec<Row> = (0..20).flat_map(rows).chain(rows(41)).collect();
    all.push((2, time_of(40), 1.0));
    assert_eq!(contents(&db), expected(all.iter()));
}

/// A disk with late chunks in a file and their samples in the log, as a killed process leaves it.
fn killed() -> (SimVfs, Vec<i64>) {
    let disk = SimVfs::new(3);
    let acknowledged = run(&disk, 18);
    disk.kill();
    (disk, acknowledged)
}

#[test]
fn a_chunk_that_decays_comes_back_from_the_log() {
    let (disk, acknowledged) = killed();
    let len = disk.contents(Path::new(FIRST_FILE)).unwrap().len();
    assert!(len > 400, "there are chunks: {len}");
    let mut in_files = 0;
    for at in (8..len).step_by(37) {
        let (disk, _) = killed();
        assert!(disk.flip_bit(Path::new(FIRST_FILE), at, (at % 8) as u8));
        let db = reopened(&disk);
        assert_eq!(contents(&db), expected(acknowledged.iter().flat_map(|n| rows(*n)).collect::<Vec<_>>().iter()));
        in_files += db.replay_report().chunks;
    }
    assert!(in_files > 0);
    // Without any file.
    disk.remove(Path::new(FIRST_FILE)).unwrap();
    check(&contents(&reopened(&disk)), &acknowledged, 18, "without files");
}

#[test]
fn a_chunk_that_decays_under_a_running_store_is_missed_and_said_to_be() {
    let (disk, clock) = (SimVfs::new(3), clock());
    clock.set_wall_ms(BEGIN_MS);
    let db = open_at(&disk, options(), clock.clone()).unwrap();
    (0..12).for_each(|n| commit(&db, &rows(n)).unwrap());
    maintain(&db, 12).unwrap();
    let whole = expected((0..12).flat_map(rows).collect::<Vec<_>>().iter()).values().map(Vec::len).sum::<usize>();
    // Nothing was read yet: a simulated map is of the bytes as they are when it is made.
    let len = disk.contents(Path::new(FIRST_FILE)).unwrap().len();
    assert!(disk.flip_bit(Path::new(FIRST_FILE), len - 20, 3));
    let querier = db.querier(TimeRange::ALL).unwrap();
    let mut set = querier.select(&[], &SelectHints::sorted(TimeRange::ALL), &QueryCx::unlimited()).unwrap();
    let mut rows = 0;
    while let Some(mut series) = set.next_series().unwrap() {
        let mut batch = SampleBatch::new();
        while series.samples.next_batch(&mut batch).unwrap() {}
        rows += batch.len();
    }
    assert_eq!(rows, whole - 32, "one chunk is missed");
    assert_eq!(set.annotations().len(), 1, "{:?}", set.annotations());
}

#[test]
fn a_chunk_that_decays_under_a_running_store_comes_back_before_it_goes_to_a_block() {
    let (disk, clock) = (SimVfs::new(3), clock());
    clock.set_wall_ms(BEGIN_MS);
    let db = open_at(&disk, options(), clock.clone()).unwrap();
    (0..12).for_each(|n| commit(&db, &rows(n)).unwrap());
    maintain(&db, 12).unwrap();
    let len = disk.contents(Path::new(FIRST_FILE)).unwrap().len();
    (20..len).step_by(90).for_each(|at| assert!(disk.flip_bit(Path::new(FIRST_FILE), at, 3)));
    assert_ne!(contents(&db), expected((0..12).flat_map(rows).collect::<Vec<_>>().iter()), "chunks are missed");
    let mut restored = 0;
    for n in 12..40 {
        clock.set_wall_ms(time_of(n));
        commit(&db, &rows(n)).unwrap();
        restored += db.maintain(time_of(n), Duration::MAX).unwrap().restored_chunks;
    }
    assert!(restored > 0 && db.stats().blocks > 0, "{restored} came back: {:?}", db.stats());
    assert_eq!(contents(&db), expected((0..40).flat_map(rows).collect::<Vec<_>>().iter()));
}

/// Reopens what a failure left, goes on, moves what was restored to files, and survives once more. How many failures there were.
fn sweep(failures: &Sweep) -> u64 {
    const COMMITS: i64 = 26;
    failures.over(
        |disk| run(disk, COMMITS),
        |disk, acknowledged, context| {
            let db = reopened(disk);
            check(&contents(&db), &acknowledged, COMMITS, context);
            let recovered = contents(&db);
            commit(&db, &[(2, time_of(900), 1.0)]).unwrap_or_else(|e| panic!("{context}: {e}"));
            maintain(&db, 900).unwrap_or_else(|e| panic!("{context}: {e}"));
            drop(db);
            disk.restart();
            let mut again = contents(&reopened(disk));
            again.get_mut(&labels(2).to_string()).unwrap().retain(|(t, _)| *t != time_of(900));
            again.retain(|_, rows| !rows.is_empty());
            assert_eq!(again, recovered, "{context}: the second recovery");
        },
    )
}

#[test]
fn nothing_acknowledged_is_lost_when_the_power_goes() {
    let points: u64 = (0..4)
        .map(|seed| {
            sweep(&Sweep { kind: FaultKind::PowerLoss, persistent: true, seed, step: 1, then: SimVfs::restart })
        })
        .sum();
    assert!(points >= 800, "only {points} points");
}

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let points = sweep(&Sweep { kind: FaultKind::Error, persistent: true, seed: 1, step: 2, then: SimVfs::kill });
    assert!(points >= 100, "only {points} points");
}

#[test]
fn any_call_may_fail() {
    for kind in [FaultKind::Error, FaultKind::ShortWrite(5)] {
        let points = sweep(&Sweep { kind, persistent: false, seed: 1, step: 2, then: SimVfs::restart });
        assert!(points >= 100, "only {points} points");
    }
}

#[test]
fn histograms_and_floats_of_one_series_come_back_from_files() {
    use promethium_model::{FloatHistogram, Histogram, PointValue, Span};
    let disk = SimVfs::new(1);
    let clock = clock();
    clock.set_wall_ms(BEGIN_MS);
    let options = || options().start_timestamps(true).chunk_range_ms(2 * 3_600_000);
    let db = open_at(&disk, options(), clock.clone()).unwrap();
    commit(&db, &[(0, BEGIN_MS, 1.0)]).unwrap();
    let integer = |n: u64| Histogram {
        schema: 1,
        count: 2 * n,
        sum: n as f64,
        positive_spans: [Span { offset: 0, length: 1 + (n % 3) as u32 }].into(),
        positive_deltas: [n as i64, 0, 0].into_iter().take(1 + (n % 3) as usize).collect(),
        ..Histogram::default()
    };
    let integer = |n: u64| {
        let h = integer(n);
        Histogram { count: n * h.positive_deltas.len() as u64, ..h }
    };
    for n in 0..200_u64 {
        let t = START_MS + 600_000 + ((n * 71) % 200) as i64 * 1_000;
        let (h, fh): (Histogram, FloatHistogram) = (integer(n + 1), integer(n + 1).to_float());
        let value = match n / 10 % 3 {
            0 => PointValue::Float(n as f64),
            1 => PointValue::Histogram(&h),
            _ => PointValue::FloatHistogram(&fh),
        };
        let mut tx = db.appender();
        let point = Point { timestamp_ms: t, start_timestamp_ms: t - 5, value };
        tx.append(SeriesKey::Labels(&labels(0)), point, &AppendOptions::default()).unwrap();
        assert_eq!(tx.commit().unwrap().samples, 1);
        if n % 50 == 49 {
            maintain(&db, n as i64).unwrap();
        }
    }
    let read = |db: &Db| db.read_all(TimeRange::ALL, &[Matcher::not_equal("instance", "")]).unwrap().remove(0).1;
    let before = read(&db);
    assert_eq!((before.len(), before.start_timestamps.len()), (201, 201));
    disk.restart();
    let db = open_at(&disk, options(), clock).unwrap();
    assert!(db.replay_report().chunks >= 5, "{:?}", db.replay_report());
    let after = read(&db);
    assert_eq!((&after.timestamps, &after.start_timestamps), (&before.timestamps, &before.start_timestamps));
    assert_eq!(format!("{:?}", after.floats), format!("{:?}", before.floats));
    for ((row, a), (_, b)) in after.histograms.iter().zip(&before.histograms) {
        let (a, b) = (a.to_float(), b.to_float());
        assert_eq!((a.count, a.sum), (b.count, b.sum), "row {row}");
    }
}

#[test]
fn prometheus_reads_late_chunks_and_gives_them_back() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = tmp.path().join("data");
    let clock = clock();
    clock.set_wall_ms(BEGIN_MS);
    let options = || options().chunk_range_ms(2 * 3_600_000).segment_bytes(128 << 20);
    let open = || Db::open_with(std::sync::Arc::new(StdVfs), &dir, options(), clock.clone()).unwrap();
    let db = open();
    // The last of them come when the chunks before are named.
    for n in 0..42 {
        clock.set_wall_ms(time_of(n));
        commit(&db, &rows(n)).unwrap();
        if n <= 39 {
            maintain(&db, n).unwrap();
        }
    }
    let before = contents(&db);
    db.close().unwrap();
    drop(db);
    let window = "storage:\n  tsdb:\n    out_of_order_time_window: 2h\n";
    let Some(prometheus) = Prometheus::start_with(&dir, tmp.path(), "", window) else { return };
    for (n, rows) in before.values().enumerate() {
        let of =
            |function: &str| prometheus.value(&format!("{function}({{instance=\"host-{n}:9100\"}}[2h])"), time_of(43));
        assert_eq!(of("count_over_time"), rows.len() as f64, "series {n}");
        assert_eq!(of("sum_over_time"), rows.iter().map(|(_, v)| f64::from_bits(*v)).sum::<f64>(), "series {n}");
    }
    prometheus.stop();
    let db = open();
    let report = db.replay_report();
    assert_eq!((report.damage_count, report.out_of_order_samples), (0, 42 * 2 * LATE as u64), "{report:?}");
    let mut after = contents(&db);
    after.retain(|series, _| before.contains_key(series));
    assert_eq!(after, before);
}
