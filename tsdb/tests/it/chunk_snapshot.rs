//! Prometheus' memory snapshot: what it brings back is what the log brings back, and where it does not serve, the log does.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use promethium_chunk::{Encodings, SplitRule, encode};
use promethium_model::{
    AppendOptions, Appendable, Clock, Exemplar, Histogram, Labels, ManualClock, Matcher, Point, PointValue, QueryCx,
    QueryableExt, STALE_NAN, SampleBatch, SeriesKey, Span, TimeRange,
};
use promethium_tsdb::vfs::{Fault, FaultKind, SimVfs, StdVfs, Vfs};
use promethium_tsdb::{Compression, Db};
use promethium_wal::chunk_snapshot::{
    ChunkSnapshotRecord, ChunkSnapshotSeries, SnapshotHeadChunk, SnapshotLastValue, decode_chunk_snapshot_record,
    encode_chunk_snapshot_record, find_chunk_snapshot,
};
use promethium_wal::{Compressor, RefExemplar, RefTombstone, WalWriter};

use crate::fixtures::{fixtures, floats_of, gunzip, parse_dump};
use crate::migration::Prometheus;
use crate::support::{DIR, START_MS, always, commit, labels};

const SNAPSHOT: &str = "/data/chunk_snapshot.000001.0000032768";
const SNAPSHOT_FILE: &str = "/data/chunk_snapshot.000001.0000032768/00000000";

/// The directory that Prometheus left, on a simulated disk.
fn left_by_prometheus() -> Option<SimVfs> {
    let from = fixtures()?.join("live/data-memory-snapshot");
    let disk = SimVfs::new(1);
    for dir in std::fs::read_dir(&from).unwrap() {
        let dir = dir.unwrap().path();
        for file in std::fs::read_dir(&dir).unwrap() {
            let file = file.unwrap().path();
            let name = Path::new(DIR).join(file.strip_prefix(&from).unwrap());
            disk.put(&name, std::fs::read(&file).unwrap());
        }
    }
    Some(disk)
}

fn open(disk: &SimVfs) -> Db {
    // The fixture was made in November 2026.
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(1_796_000_000_000));
    let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
    Db::open_with(vfs, Path::new(DIR), always(), clock).unwrap()
}

type Everything = (Vec<(Labels, SampleBatch)>, Vec<(Labels, Vec<Exemplar>)>);

fn everything(db: &Db) -> String {
    let all: Everything = (
        db.read_all(TimeRange::ALL, &[]).unwrap(),
        db.exemplars(TimeRange::ALL, &[Vec::new()], &QueryCx::unlimited()).unwrap(),
    );
    // As text: NaNs are not equal to themselves.
    format!("{all:?}")
}

/// What the log alone says.
fn from_log() -> Option<(String, usize)> {
    let disk = left_by_prometheus()?;
    disk.remove_dir_all(Path::new(SNAPSHOT)).unwrap();
    let db = open(&disk);
    assert!(!db.replay_report().from_snapshot);
    Some((everything(&db), db.stats().stale_series))
}

#[test]
fn the_snapshot_says_what_the_log_says() {
    let (Some(disk), Some((expected, stale))) = (left_by_prometheus(), from_log()) else { return };
    let db = open(&disk);
    let report = db.replay_report();
    assert!(report.from_snapshot && report.segments == 0 && report.damage_count == 0, "{report:?}");
    assert_eq!((report.series, report.tombstones), (644, 1), "{report:?}");
    assert_eq!(everything(&db), expected);
    assert_eq!(db.stats().stale_series, stale);
    let dump = fixtures().unwrap().join("live/dump-data-memory-snapshot.txt.gz");
    assert_eq!(floats_of(&db).0, parse_dump(&gunzip(&dump)));
    assert_eq!(snapshots(&disk), [""; 0], "it is taken once");
    // The log goes on behind it, and is whole.
    let t = db.stats().max_time_ms.unwrap() + 15_000;
    commit(&db, &vec![(0, t, 4.5)]).unwrap();
    let up = db.read_all(TimeRange::ALL, &[Matcher::equal("__name__", "up")]).unwrap().remove(0).0;
    let mut tx = db.appender();
    tx.append(SeriesKey::Labels(&up), Point::float(t, 1.0), &AppendOptions::default()).unwrap();
    tx.commit().unwrap();
    let more = everything(&db);
    assert_ne!(more, expected);
    for is_clean in [true, false] {
        if is_clean {
            db.close().unwrap();
        } else {
            disk.restart();
        }
        let again = open(&disk);
        assert!(!again.replay_report().from_snapshot && again.replay_report().damage_count == 0);
        assert_eq!(everything(&again), more);
        drop(again);
    }
}

fn snapshots(disk: &SimVfs) -> Vec<String> {
    let names = disk.list(Path::new(DIR)).unwrap();
    names.into_iter().filter(|name| name.starts_with("chunk_snapshot")).collect()
}

#[test]
fn a_snapshot_that_stays_is_known_by_its_position() {
    let Some(disk) = left_by_prometheus() else { return };
    let snapshot = disk.contents(Path::new(SNAPSHOT_FILE)).unwrap();
    let db = open(&disk);
    let t = db.stats().max_time_ms.unwrap();
    for n in 1..200 {
        commit(&db, &(0..5).map(|series| (series, t + n * 15_000, n as f64)).collect()).unwrap();
    }
    db.delete(TimeRange::new(t + 30_000, t + 90_000), &[Matcher::equal("__name__", "requests_total")]).unwrap();
    let expected = everything(&db);
    drop(db);
    disk.put(Path::new(SNAPSHOT_FILE), snapshot.clone());
    let db = open(&disk);
    assert!(db.replay_report().from_snapshot && db.replay_report().segments > 0, "{:?}", db.replay_report());
    assert_eq!(everything(&db), expected);
    drop(db);
    // What the log has up to a place in the middle of a segment.
    let len = disk.contents(Path::new("/data/wal/00000001")).unwrap().len();
    for (name, is_taken) in [
        (format!("chunk_snapshot.000001.{:010}", len + 1), false),
        ("chunk_snapshot.000077.0000000000".to_owned(), false),
        ("chunk_snapshot.000001.0000016384".to_owned(), true),
        ("chunk_snapshot.000000.0000000000".to_owned(), true),
    ] {
        disk.put(&Path::new(DIR).join(&name).join("00000000"), snapshot.clone());
        let db = open(&disk);
        let report = db.replay_report();
        assert_eq!((report.from_snapshot, report.damage_count), (is_taken, u64::from(!is_taken)), "{name}: {report:?}");
        assert_eq!(everything(&db), expected, "{name}");
        assert_eq!(snapshots(&disk), [""; 0], "{name}");
    }
}

#[test]
fn a_damaged_snapshot_is_set_aside_and_the_log_read() {
    let (Some(whole), Some((expected, _))) = (left_by_prometheus(), from_log()) else { return };
    let bytes = whole.contents(Path::new(SNAPSHOT_FILE)).unwrap();
    let check = |bytes: Vec<u8>, context: &str| {
        let disk = left_by_prometheus().unwrap();
        disk.put(Path::new(SNAPSHOT_FILE), bytes);
        let db = open(&disk);
        let report = db.replay_report();
        assert_eq!(everything(&db), expected, "{context}");
        assert!(
            report.from_snapshot || report.damage_count == 1 && report.set_aside.len() == 1,
            "{context}: {report:?}"
        );
        report.from_snapshot
    };
    let mut taken = 0;
    for at in (0..bytes.len()).step_by(bytes.len() / 23) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        taken += u32::from(check(flipped, &format!("bit flipped at {at}")));
    }
    assert!(taken < 5, "only padding and the high bits of a header are not checked: {taken}");
    for len in [0, 7, bytes.len() / 3, 32 << 10] {
        assert!(!check(bytes[..len].to_vec(), &format!("cut at {len}")), "cut at {len}");
    }
    // Without its files; and with a type of record that is not known.
    let disk = left_by_prometheus().unwrap();
    disk.remove(Path::new(SNAPSHOT_FILE)).unwrap();
    disk.put(&Path::new(SNAPSHOT).join("other"), Vec::new());
    assert!(!open(&disk).replay_report().from_snapshot);
}

#[test]
fn a_snapshot_does_not_hide_that_chunk_files_are_damaged() {
    let (Some(disk), Some((expected, _))) = (left_by_prometheus(), from_log()) else { return };
    let files = Path::new("/data/chunks_head/000001");
    let len = disk.contents(files).unwrap().len();
    assert!(disk.flip_bit(files, len / 3, 2));
    let db = open(&disk);
    assert!(!db.replay_report().from_snapshot && db.replay_report().damage_count > 0);
    assert_eq!(everything(&db), expected, "the log has it all");
}

#[test]
fn any_call_of_an_opening_from_a_snapshot_may_fail() {
    let (Some(_), Some((expected, _))) = (left_by_prometheus(), from_log()) else { return };
    for kind in [FaultKind::PowerLoss, FaultKind::Error] {
        for k in 1.. {
            let disk = left_by_prometheus().unwrap();
            let persistent = kind == FaultKind::PowerLoss;
            disk.plan(Some(Fault { call: k, persistent, kind }));
            let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
            let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(1_796_000_000_000));
            let opened = Db::open_with(vfs, Path::new(DIR), always(), clock);
            if let Ok(db) = &opened {
                assert_eq!(everything(db), expected, "{kind:?} at call {k}");
            }
            let was_hit = disk.calls() >= k;
            drop(opened);
            disk.plan(None);
            disk.restart();
            assert_eq!(everything(&open(&disk)), expected, "{kind:?} at call {k}, reopened");
            if !was_hit {
                assert!(k > 8, "only {k} calls");
                break;
            }
        }
    }
}

#[test]
fn records_are_those_of_prometheus() {
    let Some(disk) = left_by_prometheus() else { return };
    let found = find_chunk_snapshot(&disk, Path::new(DIR)).unwrap().unwrap();
    let (mut series, mut order) = (0, Vec::new());
    promethium_wal::chunk_snapshot::read_chunk_snapshot(&disk, &found.path, &mut |record| {
        let again = encode_chunk_snapshot_record(&record);
        // As text: NaNs are not equal to themselves.
        assert_eq!(format!("{:?}", decode_chunk_snapshot_record(&again).unwrap()), format!("{record:?}"));
        series += usize::from(matches!(record, ChunkSnapshotRecord::Series(_)));
        order.push(match record {
            ChunkSnapshotRecord::Series(_) => 's',
            ChunkSnapshotRecord::Tombstones(_) => 't',
            ChunkSnapshotRecord::Exemplars(_) => 'e',
        });
    })
    .unwrap();
    order.dedup();
    assert_eq!((series, &order[..]), (644, &['s', 't'][..]));
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let from: PathBuf = entry.unwrap().path();
        let to = to.join(from.file_name().unwrap());
        if from.is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(&from, &to).unwrap();
        }
    }
}

/// A store with every kind of sample, exemplars and a delete, and a snapshot of it as Prometheus would write it.
#[test]
fn histograms_exemplars_and_deletes_come_from_a_snapshot() {
    let disk = SimVfs::new(1);
    let open = || crate::support::open(&disk, always()).unwrap();
    let db = open();
    let histogram = |n: u64| Histogram {
        schema: 1,
        count: 3 * n,
        sum: n as f64,
        positive_spans: [Span { offset: 0, length: 2 }].into(),
        positive_deltas: vec![n as i64, n as i64],
        ..Histogram::default()
    };
    for n in 1..20_u64 {
        let (h, fh) = (histogram(n), histogram(n).to_float());
        let last = if n == 19 { STALE_NAN } else { n as f64 };
        let values = [PointValue::Float(last), PointValue::Histogram(&h), PointValue::FloatHistogram(&fh)];
        let mut tx = db.appender();
        for (series, value) in values.into_iter().enumerate() {
            let trace = Labels::from_pairs([("trace", n.to_string())]);
            let exemplars = [Exemplar { labels: trace, value: n as f64, timestamp_ms: None }];
            let point = Point { timestamp_ms: START_MS + n as i64 * 1_000, start_timestamp_ms: 0, value };
            let options = AppendOptions::default().with_exemplars(&exemplars);
            tx.append(SeriesKey::Labels(&labels(series)), point, &options).unwrap();
        }
        tx.commit().unwrap();
    }
    let deleted = (START_MS + 3_000, START_MS + 5_000);
    // What is deleted is in the chunk.
    let all = db.read_all(TimeRange::ALL, &[]).unwrap();
    db.delete(TimeRange::new(deleted.0, deleted.1), &[Matcher::equal("instance", "host-0:9100")]).unwrap();
    let expected = (everything(&db), db.stats().stale_series);
    let exemplars = db.exemplars(TimeRange::ALL, &[Vec::new()], &QueryCx::unlimited()).unwrap();
    db.close().unwrap();
    drop(db);
    let mut records = Vec::new();
    for (i, (labels, batch)) in all.iter().enumerate() {
        let chunk =
            encode(batch, Encodings { xor2: false, histogram_start_timestamps: false }, SplitRule::UNLIMITED).remove(0);
        let last = match batch.histograms.last() {
            None => SnapshotLastValue::Float(batch.floats[batch.len() - 1]),
            Some((_, histogram)) => SnapshotLastValue::Histogram(histogram.clone()),
        };
        let (min_ms, max_ms, encoding) = (chunk.min_ms, chunk.max_ms, chunk.encoding as u8);
        let chunk = SnapshotHeadChunk { min_ms, max_ms, encoding, data: &chunk.data, last };
        let pairs = labels.iter().collect();
        let series = ChunkSnapshotSeries { reference: i as u64 + 1, pairs, chunk: Some(chunk) };
        records.push(encode_chunk_snapshot_record(&ChunkSnapshotRecord::Series(series)));
    }
    let stones = vec![RefTombstone { series: 1, min_ms: deleted.0, max_ms: deleted.1 }];
    records.push(encode_chunk_snapshot_record(&ChunkSnapshotRecord::Tombstones(stones)));
    let of_series = exemplars.iter().enumerate().flat_map(|(i, (_, some))| {
        some.iter().map(move |e| RefExemplar {
            series: i as u64 + 1,
            timestamp_ms: e.timestamp_ms.unwrap(),
            value: e.value,
            labels: e.labels.clone(),
        })
    });
    records.push(encode_chunk_snapshot_record(&ChunkSnapshotRecord::Exemplars(of_series.collect())));
    // Of the log only the length counts, where a snapshot is taken: the rest is as good as gone.
    let segment = Path::new("/data/wal/00000000");
    let log = disk.contents(segment).unwrap();
    let len = log.len();
    disk.put(segment, vec![0; len]);
    let dir = Path::new(DIR).join(format!("chunk_snapshot.000000.{len:010}"));
    let write = |records: &[Vec<u8>]| {
        let _ = disk.remove_dir_all(&dir);
        let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
        vfs.create_dir(&dir).unwrap();
        let mut writer = WalWriter::create(vfs, &dir, 0, 1 << 20).unwrap();
        let mut compressor = Compressor::default();
        let prepare = |r: &Vec<u8>| compressor.prepare(r.clone(), Compression::Snappy);
        writer.append(&records.iter().map(prepare).collect::<Vec<_>>()).unwrap();
        writer.pad().unwrap();
    };
    write(&records);
    let db = open();
    assert!(db.replay_report().from_snapshot, "{:?}", db.replay_report());
    assert_eq!((everything(&db), db.stats().stale_series), expected);
    db.close().unwrap();
    drop(db);
    // Without its end, with a series twice, with a record that is not known.
    disk.remove(Path::new("/data/wal/00000001")).unwrap();
    disk.put(segment, log);
    let twice = [&records[..1], &records].concat();
    let unknown = [&records[..], &[vec![9]]].concat();
    for (records, reason) in [(&records[..2], "the end"), (&twice[..], "twice"), (&unknown[..], "memory snapshot")] {
        write(records);
        let db = open();
        let report = db.replay_report();
        assert!(!report.from_snapshot && report.damage[0].message.contains(reason), "{reason}: {report:?}");
        assert_eq!((everything(&db), db.stats().stale_series), expected, "{reason}");
        db.close().unwrap();
        drop(db);
        for name in disk.list(Path::new("/data/wal")).unwrap().into_iter().filter(|name| name != "00000000") {
            disk.remove(&Path::new("/data/wal").join(name)).unwrap();
        }
    }
}

/// Ours to Prometheus, which leaves a snapshot; and from there back, with the snapshot and without.
#[test]
fn what_prometheus_made_of_our_directory_opens_from_its_snapshot() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = tmp.path().join("data");
    let now_ms = promethium_model::SystemClock::new().now_ms() / 1_000 * 1_000;
    let options = || always().out_of_order_window_ms(3_600_000);
    let open = |dir: &Path| Db::open(dir, options()).unwrap();
    let db = open(&dir);
    for n in 0..400 {
        commit(&db, &(0..20).map(|s| (s, now_ms - 6_100_000 + n * 15_000, (n * 3 + s as i64) as f64)).collect())
            .unwrap();
    }
    commit(&db, &(0..50).map(|n| (0, now_ms - 3_000_000 + n * 1_001, 7.0)).collect()).unwrap();
    db.delete(TimeRange::new(now_ms - 2_000_000, now_ms - 1_000_000), &[Matcher::equal("instance", "host-3:9100")])
        .unwrap();
    let before = db.read_all(TimeRange::ALL, &[Matcher::equal("__name__", "requests_total")]).unwrap();
    db.close().unwrap();
    drop(db);
    let window = "storage:\n  tsdb:\n    out_of_order_time_window: 1h\n";
    let features = "memory-snapshot-on-shutdown,exemplar-storage";
    let Some(prometheus) = Prometheus::start_with(&dir, tmp.path(), features, window) else { return };
    for _ in 0..100 {
        if prometheus.get("/api/v1/query?query=up").is_some_and(|a| a.contains("\"value\"")) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    prometheus.stop();
    let snapshot = find_chunk_snapshot(&StdVfs, &dir).unwrap().expect("Prometheus left a snapshot");
    let without = tmp.path().join("without");
    copy(&dir, &without);
    std::fs::remove_dir_all(without.join(snapshot.path.file_name().unwrap())).unwrap();
    let (with, without) = (open(&dir), open(&without));
    assert!(with.replay_report().from_snapshot && !without.replay_report().from_snapshot);
    assert_eq!((with.replay_report().damage_count, without.replay_report().damage_count), (0, 0));
    assert_eq!(everything(&with), everything(&without));
    assert_eq!(with.stats().series, without.stats().series);
    let after = with.read_all(TimeRange::ALL, &[Matcher::equal("__name__", "requests_total")]).unwrap();
    assert_eq!(format!("{after:?}"), format!("{before:?}"));
    let up = with.read_all(TimeRange::ALL, &[Matcher::equal("__name__", "up")]).unwrap();
    assert!(!up.is_empty(), "what Prometheus appended");
}
