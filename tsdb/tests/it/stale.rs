//! Stale series leave the head early, and nothing that they have or get is lost: when they come back at any moment, when
//! somebody holds them, when the store goes down in between.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use promethium_model::{
    AppendError, AppendOptions, Appendable, Labels, ManualClock, MemStore, Point, QueryCx, Queryable, QueryableExt,
    STALE_NAN, SelectHints, SeriesKey, SeriesRef, TimeRange,
};
use promethium_tsdb::vfs::{FaultKind, SimVfs, StdVfs, Vfs};
use promethium_tsdb::{Compression, Db, DbOptions, MaintainReport, PAGE_BYTES};
use promethium_wal::{
    Compressor, RefSample, RefTombstone, WalWriter, encode_samples, encode_series_entry, encode_tombstones,
};

use crate::life::everything;
use crate::migration::Prometheus;
use crate::support::{DIR, START_MS, Sweep, always};

const STEP_MS: i64 = 60_000;
const STALE_HINTS: [&str; 2] = ["from-out-of-order", "from-stale-series"];

fn options() -> DbOptions {
    always().segment_bytes(PAGE_BYTES as u64).stale_series_compaction_threshold(0.5)
}

fn labels(n: usize) -> Labels {
    Labels::from_pairs([("__name__", "pods".to_owned()), ("pod", n.to_string())])
}

fn time_of(n: i64) -> i64 {
    START_MS + n * STEP_MS
}

/// A store, and the model beside it.
struct Rig {
    disk: SimVfs,
    clock: Arc<ManualClock>,
    options: DbOptions,
    model: MemStore,
}

impl Rig {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(START_MS));
        Rig { disk: SimVfs::new(1), clock, options: options(), model: MemStore::new() }
    }

    fn open(&self) -> Db {
        self.open_on(1)
    }

    fn open_on(&self, threads: usize) -> Db {
        let vfs: Arc<dyn Vfs> = Arc::new(self.disk.clone());
        let options = self.options.clone().open_threads(threads);
        Db::open_with(vfs, Path::new(DIR), options, self.clock.clone()).unwrap()
    }

    fn commit(&self, db: &Db, rows: &[(usize, i64, f64)]) {
        self.clock.set_wall_ms(rows[0].1);
        for store in [db as &dyn Appendable, &self.model] {
            commit(store, rows).unwrap();
        }
    }

    fn maintain(&self, db: &Db, n: i64) -> MaintainReport {
        self.clock.set_wall_ms(time_of(n));
        db.maintain(time_of(n), Duration::MAX).unwrap()
    }

    fn check(&self, db: &Db, context: &str) {
        assert_eq!(everything(db), everything(&self.model), "{context}");
    }

    /// The same after a clean end, and after a crash.
    fn check_reopened(&self, db: Db) -> Db {
        self.check(&db, "open");
        db.close().unwrap();
        drop(db);
        let db = self.open();
        self.check(&db, "closed and reopened");
        self.disk.restart();
        let db = self.open();
        self.check(&db, "crashed and reopened");
        self.disk.restart();
        let db = self.open_on(3);
        self.check(&db, "crashed and reopened on three threads");
        db
    }

    /// Ten series over twenty minutes, six of which end.
    fn with_stale(&self) -> Db {
        let db = self.open();
        for n in 0..20 {
            let rows: Vec<_> = (0..10).map(|series| (series, time_of(n), n as f64)).collect();
            self.commit(&db, &rows);
        }
        let ends: Vec<_> = (0..10).map(|s| (s, time_of(20), if s < 6 { STALE_NAN } else { 20.0 })).collect();
        self.commit(&db, &ends);
        db
    }
}

fn commit(store: &dyn Appendable, rows: &[(usize, i64, f64)]) -> Result<(), String> {
    let mut tx = store.appender();
    for (series, t, v) in rows {
        let key = labels(*series);
        tx.append(SeriesKey::Labels(&key), Point::float(*t, *v), &AppendOptions::default())
            .map_err(|e| e.to_string())?;
    }
    let stats = tx.commit().map_err(|e| e.to_string())?;
    if stats.samples == rows.len() { Ok(()) } else { Err(format!("{} were dropped", stats.dropped)) }
}

#[test]
fn stale_series_leave_when_they_are_many() {
    let rig = Rig::new();
    let db = rig.with_stale();
    let stats = db.stats();
    assert_eq!((stats.series, stats.stale_series), (10, 6));
    let report = rig.maintain(&db, 20);
    assert_eq!((report.flushed_stale, report.evicted_series), (1, 6));
    let stats = db.stats();
    assert_eq!((stats.series, stats.stale_series), (4, 0));
    let (meta, _) = db.block_metas().remove(0);
    assert_eq!(meta.compaction.hints, STALE_HINTS);
    assert_eq!((meta.stats.num_series, meta.stats.num_samples), (6, 6 * 21));
    assert_eq!(rig.maintain(&db, 22).flushed_stale, 0);
    let db = rig.check_reopened(db);
    let stats = db.stats();
    assert_eq!((stats.series, stats.stale_series, db.replay_report().series), (4, 0, 4));
    // What is in such a block is no reason to refuse what others append.
    rig.commit(&db, &[(7, time_of(21), 1.0), (11, time_of(21), 1.0)]);
    rig.check_reopened(db);
}

#[test]
fn what_decayed_of_a_stale_series_comes_back_before_it_leaves() {
    let mut rig = Rig::new();
    rig.options = options().chunk_range_ms(16 * STEP_MS);
    let db = rig.open();
    let rows = |n: i64, first: usize| (first..10).map(|series| (series, time_of(n), n as f64)).collect::<Vec<_>>();
    (0..20).for_each(|n| rig.commit(&db, &rows(n, 0)));
    rig.maintain(&db, 19);
    let file = Path::new("/data/chunks_head/000001");
    let len = rig.disk.contents(file).unwrap().len();
    (20..len).step_by(20).for_each(|at| assert!(rig.disk.flip_bit(file, at, 3)));
    let ends: Vec<_> = (0..10).map(|s| (s, time_of(20), if s < 6 { STALE_NAN } else { 20.0 })).collect();
    rig.commit(&db, &ends);
    let report = rig.maintain(&db, 20);
    assert_eq!((report.restored_chunks, report.flushed_stale, report.evicted_series), (6, 2, 6));
    let mut restored = 0;
    for n in 21..30 {
        rig.commit(&db, &rows(n, 6));
        restored += rig.maintain(&db, n).restored_chunks;
    }
    assert_eq!(restored, 4, "those of the others, before their range goes to a block");
    rig.check_reopened(db);
}

#[test]
fn few_stale_series_stay_and_so_they_do_by_default() {
    for (threshold, evicted) in [(0.0, 0), (0.61, 0), (0.6, 6), (1.0, 0)] {
        let rig = Rig { options: options().stale_series_compaction_threshold(threshold), ..Rig::new() };
        let db = rig.with_stale();
        assert_eq!(rig.maintain(&db, 20).evicted_series, evicted, "{threshold}");
    }
    for wrong in [-0.1, 1.1, f64::NAN] {
        assert!(Db::in_memory(DbOptions::default().stale_series_compaction_threshold(wrong)).is_err());
    }
}

#[test]
fn a_series_that_comes_back_between_block_and_eviction_stays() {
    let rig = Rig::new();
    let db = rig.with_stale();
    // The query does not know the block: the head keeps what is in it.
    let querier = db.querier(TimeRange::ALL).unwrap();
    let set = querier.select(&[], &SelectHints::sorted(TimeRange::ALL), &QueryCx::unlimited()).unwrap();
    let report = rig.maintain(&db, 20);
    assert_eq!((report.flushed_stale, report.evicted_series), (1, 0));
    rig.commit(&db, &[(0, time_of(21), 1.0), (1, time_of(21), STALE_NAN)]);
    rig.check(&db, "between");
    drop(set);
    drop(querier);
    assert_eq!(rig.maintain(&db, 20).evicted_series, 4);
    assert_eq!(db.stats().series, 6);
    let db = rig.check_reopened(db);
    rig.commit(&db, &[(0, time_of(22), 2.0), (1, time_of(22), 2.0), (2, time_of(22), 2.0)]);
    rig.check_reopened(db);
}

#[test]
fn a_transaction_that_has_a_series_keeps_it() {
    let rig = Rig::new();
    let db = rig.with_stale();
    let mut tx = db.appender();
    let key = labels(0);
    tx.append(SeriesKey::Labels(&key), Point::float(time_of(21), 5.0), &AppendOptions::default()).unwrap();
    assert_eq!(rig.maintain(&db, 20).evicted_series, 5);
    assert_eq!(tx.commit().unwrap().samples, 1);
    commit(&rig.model, &[(0, time_of(21), 5.0)]).unwrap();
    rig.check_reopened(db);
}

#[test]
fn series_wait_for_a_transaction_that_has_their_neighbours() {
    let rig = Rig::new();
    let db = rig.with_stale();
    let mut tx = db.appender();
    let known = tx.append(SeriesKey::Labels(&labels(9)), Point::float(time_of(20), 20.0), &AppendOptions::default());
    let reference = known.unwrap().series;
    tx.rollback();
    let mut tx = db.appender();
    tx.append(SeriesKey::Ref(reference), Point::float(time_of(21), 5.0), &AppendOptions::default()).unwrap();
    let report = rig.maintain(&db, 20);
    assert_eq!((report.flushed_stale, report.evicted_series), (1, 0));
    assert_eq!(tx.commit().unwrap().samples, 1);
    commit(&rig.model, &[(9, time_of(21), 5.0)]).unwrap();
    let report = db.maintain(time_of(20) + 1_000, Duration::MAX).unwrap();
    assert_eq!((report.flushed_stale, report.evicted_series), (0, 6));
    rig.check_reopened(db);
}

#[test]
fn who_has_the_reference_of_a_series_that_left_is_told_or_led_on() {
    let rig = Rig::new();
    let db = rig.with_stale();
    let mut tx = db.appender();
    let key = labels(0);
    let appended = tx.append(SeriesKey::Labels(&key), Point::float(time_of(19), 19.0), &AppendOptions::default());
    assert!(appended.is_err());
    let known = tx.append(SeriesKey::Labels(&key), Point::float(time_of(20), STALE_NAN), &AppendOptions::default());
    let old: SeriesRef = known.unwrap().series;
    tx.rollback();
    assert_eq!(rig.maintain(&db, 20).evicted_series, 6);
    let mut tx = db.appender();
    let point = Point::float(time_of(21), 5.0);
    let refused = tx.append(SeriesKey::Ref(old), point, &AppendOptions::default());
    assert!(matches!(refused, Err(AppendError::UnknownReference { .. })), "{refused:?}");
    let new = tx.append(SeriesKey::RefOrLabels(old, &key), point, &AppendOptions::default()).unwrap().series;
    assert_ne!(old, new);
    tx.commit().unwrap();
    commit(&rig.model, &[(0, time_of(21), 5.0)]).unwrap();
    rig.check_reopened(db);
}

#[test]
fn series_that_come_and_go_for_a_day_lose_nothing() {
    let rig = Rig::new();
    let mut db = rig.open();
    let (mut evicted, mut merged_stale) = (0, 0);
    for n in 0..1_440_i64 {
        // Three that stay; of each other number one lives for twenty minutes of each hour, a few twice.
        let alive = |pod: usize| {
            let phase = (n + 7 * pod as i64) % 60;
            phase < 20 || pod.is_multiple_of(5) && (31..36).contains(&phase)
        };
        let ended = |pod: usize| {
            let phase = (n + 7 * pod as i64) % 60;
            phase == 20 || pod.is_multiple_of(5) && phase == 36
        };
        let mut rows: Vec<_> = (0..3).map(|series| (series, time_of(n), n as f64)).collect();
        rows.extend((3..24).filter(|pod| alive(*pod)).map(|pod| (pod, time_of(n), n as f64 / 4.0)));
        rows.extend((3..24).filter(|pod| n > 20 && ended(*pod)).map(|pod| (pod, time_of(n), STALE_NAN)));
        rig.commit(&db, &rows);
        let report = rig.maintain(&db, n);
        evicted += report.evicted_series;
        for (meta, _) in db.block_metas() {
            let is_stale = meta.compaction.hints == STALE_HINTS;
            assert!(is_stale || meta.compaction.hints.is_empty(), "{meta:?}");
            merged_stale += usize::from(is_stale && meta.compaction.level > 1);
        }
        if n % 97 == 96 {
            db = if n % 2 == 0 { rig.check_reopened(db) } else { rig.open_killed(db) };
        }
    }
    assert!(evicted > 100, "{evicted}");
    assert!(merged_stale > 0, "blocks of stale series are merged with their like");
    let db = rig.check_reopened(db);
    // The records of series that left are gone from the log with their samples.
    assert!(db.replay_report().segments < 40, "{:?}", db.replay_report());
}

impl Rig {
    fn open_killed(&self, db: Db) -> Db {
        self.disk.kill();
        drop(db);
        let db = self.open();
        self.check(&db, "killed and reopened");
        db
    }
}

#[test]
fn series_that_come_back_while_others_leave_lose_nothing() {
    const ROUNDS: i64 = 2_000;
    let rig = Rig { options: options().stale_series_compaction_threshold(0.1), ..Rig::new() };
    let db = rig.open();
    commit(&db, &[(0, time_of(0), 0.0)]).unwrap();
    let mut evicted = 0;
    let committed = std::thread::scope(|scope| {
        let appenders: Vec<_> = (0..2_usize)
            .map(|thread| {
                let db = &db;
                scope.spawn(move || {
                    let mut committed = Vec::new();
                    for n in 1..ROUNDS {
                        // Each is there for forty rounds, then ends, and comes back twenty later.
                        let phase = |i: usize| (n + 10 * i as i64) % 60;
                        let there = (0..6).filter(|i| phase(*i) <= 40);
                        let value = |i: usize| if phase(i) == 40 { STALE_NAN } else { n as f64 };
                        let rows: Vec<_> = there.map(|i| (1 + thread * 6 + i, START_MS + n * 10, value(i))).collect();
                        commit(db, &rows).unwrap();
                        committed.extend(rows);
                    }
                    committed
                })
            })
            .collect();
        let mut n = 0;
        while appenders.iter().any(|a| !a.is_finished()) {
            n += 1;
            evicted += db.maintain(time_of(n), Duration::MAX).unwrap().evicted_series;
        }
        appenders.into_iter().flat_map(|a| a.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(evicted > 0);
    commit(&rig.model, &[(0, time_of(0), 0.0)]).unwrap();
    let mut by_time = committed;
    by_time.sort_by_key(|(series, t, _)| (*t, *series));
    for rows in by_time.chunk_by(|a, b| a.1 == b.1) {
        commit(&rig.model, rows).unwrap();
    }
    rig.check_reopened(db);
}

/// Series 1 with samples at 1 and 2, evicted, and back as series 2 with a sample at 3. Prometheus writes the tombstone after
/// the eviction, and the series may have come back by then.
#[test]
fn a_log_of_prometheus_gives_back_what_came_after_an_eviction() {
    let evicted = encode_tombstones(&[RefTombstone { series: 1, min_ms: i64::MIN, max_ms: i64::MAX }]);
    let series = |reference| {
        let mut record = Vec::new();
        encode_series_entry(&mut record, reference, [("__name__", "pods"), ("pod", "0")].into_iter());
        record
    };
    let sample =
        |series, n, value| encode_samples(std::iter::once(RefSample { series, timestamp_ms: time_of(n), value }));
    let begin = [series(1), sample(1, 1, 1.0), sample(1, 2, STALE_NAN)];
    let back = [series(2), sample(2, 3, 3.0)];
    let in_order = [&begin[..], std::slice::from_ref(&evicted), &back].concat();
    let late = [&begin[..], &back, std::slice::from_ref(&evicted)].concat();
    let gone = [&begin[..], &[evicted]].concat();
    for (records, expected) in [(in_order, Some(time_of(3))), (late, Some(time_of(3))), (gone, None)] {
        let disk = SimVfs::new(1);
        let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
        vfs.create_dir(Path::new("/data/wal")).unwrap();
        let mut writer = WalWriter::create(Arc::clone(&vfs), Path::new("/data/wal"), 0, PAGE_BYTES as u64).unwrap();
        let mut compressor = Compressor::default();
        let prepared: Vec<_> = records.into_iter().map(|r| compressor.prepare(r, Compression::None)).collect();
        writer.append(&prepared).unwrap();
        writer.sync().unwrap();
        let clock = Arc::new(ManualClock::new(time_of(4)));
        let db = Db::open_with(vfs, Path::new(DIR), options(), clock).unwrap();
        let found = db.read_all(TimeRange::ALL, &[]).unwrap();
        assert_eq!(found.first().and_then(|(_, batch)| batch.timestamps.last().copied()), expected);
        assert_eq!((db.stats().series, db.stats().stale_series), (found.len(), 0));
    }
}

/// The acknowledged rows of a workload in which series end, leave, and come back.
fn run(disk: &SimVfs, commits: i64) -> Vec<Vec<(usize, i64, f64)>> {
    let clock = Arc::new(ManualClock::new(START_MS));
    let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
    let options = options().chunk_range_ms(8 * STEP_MS);
    let Ok(db) = Db::open_with(vfs, Path::new(DIR), options, clock.clone()) else { return Vec::new() };
    let mut acknowledged = Vec::new();
    for n in 0..commits {
        clock.set_wall_ms(time_of(n));
        let rows = workload(n);
        if commit(&db, &rows).is_ok() {
            acknowledged.push(rows);
        }
        let _ = db.maintain(time_of(n), Duration::MAX);
    }
    acknowledged
}

fn workload(n: i64) -> Vec<(usize, i64, f64)> {
    let value = |pod: usize| if (n + pod as i64) % 4 == 3 { STALE_NAN } else { n as f64 };
    let is_there = |pod: &usize| *pod < 2 || (n + *pod as i64) % 4 != 0;
    (0..8).filter(is_there).map(|pod| (pod, time_of(n), if pod < 2 { n as f64 } else { value(pod) })).collect()
}

const COMMITS: i64 = 26;

/// Whether a database holds what was acknowledged, and nothing that was not written.
fn check(db: &Db, acknowledged: Vec<Vec<(usize, i64, f64)>>, context: &str) {
    for (series, batch) in db.read_all(TimeRange::ALL, &[]).unwrap() {
        for (t, v) in batch.timestamps.iter().zip(&batch.floats) {
            let n = (t - START_MS) / STEP_MS;
            let written = workload(n).into_iter().find(|row| labels(row.0) == series);
            assert_eq!(written.map(|row| row.2.to_bits()), Some(v.to_bits()), "{context}: {series} at {n}");
        }
    }
    for (pod, t, _) in acknowledged.into_iter().flatten() {
        let here = TimeRange::new(t, t);
        let matcher = promethium_model::Matcher::equal("pod", pod.to_string());
        assert_eq!(db.read_all(here, &[matcher]).unwrap().len(), 1, "{context}: pod {pod} at {t}");
    }
}

fn reopened(disk: &SimVfs) -> Db {
    let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
    let clock = Arc::new(ManualClock::new(time_of(COMMITS)));
    Db::open_with(vfs, Path::new(DIR), options().chunk_range_ms(8 * STEP_MS), clock).unwrap()
}

fn sweep(failures: &Sweep) -> u64 {
    let unharmed = SimVfs::new(failures.seed);
    run(&unharmed, COMMITS);
    let metas = reopened(&unharmed).block_metas();
    assert!(metas.iter().any(|(meta, _)| meta.compaction.hints == STALE_HINTS), "{metas:?}");
    failures
        .over(|disk| run(disk, COMMITS), |disk, acknowledged, context| check(&reopened(disk), acknowledged, context))
}

#[test]
fn nothing_acknowledged_is_lost_when_the_power_goes() {
    let points: u64 = (0..2)
        .map(|seed| {
            sweep(&Sweep { kind: FaultKind::PowerLoss, persistent: true, seed, step: 1, then: SimVfs::restart })
        })
        .sum();
    assert!(points >= 400, "only {points} points");
}

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed_or_a_call_fails() {
    for (persistent, then) in [(true, SimVfs::kill as fn(&SimVfs)), (false, SimVfs::restart)] {
        let points = sweep(&Sweep { kind: FaultKind::Error, persistent, seed: 1, step: 3, then });
        assert!(points >= 70, "only {points} points");
    }
}

#[test]
fn an_older_prometheus_takes_over_and_lacks_nothing() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = tmp.path().join("data");
    let rig = Rig { options: options().segment_bytes(128 << 20), ..Rig::new() };
    let db = Db::open_with(Arc::new(StdVfs), &dir, rig.options.clone(), rig.clock.clone()).unwrap();
    for n in 0..20 {
        let rows: Vec<_> = (0..10).map(|series| (series, time_of(n), n as f64)).collect();
        rig.commit(&db, &rows);
    }
    let ends: Vec<_> = (0..10).map(|s| (s, time_of(20), if s < 6 { STALE_NAN } else { 20.0 })).collect();
    rig.commit(&db, &ends);
    assert_eq!(rig.maintain(&db, 20).evicted_series, 6);
    // Not one that left: the tombstone means to Prometheus before 3.10 that all of the series is deleted.
    rig.commit(&db, &[(7, time_of(21), 21.0)]);
    db.close().unwrap();
    drop(db);
    let Some(prometheus) = Prometheus::start(&dir, tmp.path()) else { return };
    let count = prometheus.value("sum(count_over_time({__name__=\"pods\"}[1h]))", time_of(22));
    prometheus.stop();
    // Stale markers are not counted.
    assert_eq!(count, f64::from(10 * 20 + 4 + 1));
}
