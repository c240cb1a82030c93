//! `Db::verify` reads every byte that somebody will want back: a flip is found where it is, and what is being written is none.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use promethium_model::ManualClock;
use promethium_tsdb::vfs::{SimVfs, StdVfs, Vfs};
use promethium_tsdb::{Db, DbOptions, PAGE_BYTES, ProgressKind, VerifyReport};

use crate::fixtures::fixtures;
use crate::life::scrape;
use crate::support::{DIR, START_MS, always, commit, open_at};

const STEP_MS: i64 = 15_000;
const SERIES: usize = 20;
const CHUNK_FILE: &str = "/data/chunks_head/000001";
const SNAPSHOT: &str = "/data/head_snapshot";

fn options() -> DbOptions {
    always().segment_bytes(PAGE_BYTES as u64).out_of_order_window_ms(3_600_000).head_snapshot(true)
}

fn open(disk: &SimVfs) -> Db {
    open_at(disk, options(), Arc::new(ManualClock::new(START_MS + 7_800_000))).unwrap()
}

fn read_only(disk: &SimVfs) -> Db {
    let clock = Arc::new(ManualClock::new(START_MS + 7_800_000));
    Db::open_read_only_with(Arc::new(disk.clone()), Path::new(DIR), DbOptions::default(), clock).unwrap()
}

/// Fills a store until there are full chunks, in order and late, floats and histograms, in files; and a snapshot.
fn fill(db: &Db) {
    for i in 0..520 {
        let t = START_MS + i * STEP_MS;
        scrape(db, t, SERIES);
        if i > 100 {
            commit(db, &vec![(100, t, 1.0)]).unwrap();
            commit(db, &vec![(100, t - 1_000_000 + 7, 2.0)]).unwrap();
        }
        if i % 40 == 39 {
            db.maintain(t, Duration::MAX).unwrap();
        }
    }
}

fn filled() -> (SimVfs, Db) {
    let disk = SimVfs::new(3);
    let db = open(&disk);
    fill(&db);
    (disk, db)
}

/// Where the chunks of a file of head chunks begin, and where the last ends, as the format has it.
fn chunk_offsets(bytes: &[u8]) -> Vec<usize> {
    let mut offsets = vec![8];
    while let Some(rest) = bytes.get(offsets[offsets.len() - 1] + 25..).filter(|rest| !rest.is_empty()) {
        let len_bytes = 1 + rest.iter().take_while(|b| **b & 0x80 != 0).count();
        let len = (0..len_bytes).fold(0, |len, i| len | usize::from(rest[i] & 0x7f) << (7 * i));
        offsets.push(offsets[offsets.len() - 1] + 25 + len_bytes + len + 4);
    }
    offsets
}

#[track_caller]
fn assert_sound(report: &VerifyReport, context: &str) {
    assert!(report.damage.is_empty() && report.torn_tails.is_empty(), "{context}: {report:?}");
}

fn places(report: &VerifyReport) -> Vec<(PathBuf, u64)> {
    report.damage.iter().map(|damage| (damage.path.clone(), damage.offset)).collect()
}

#[test]
fn a_sound_store_has_nothing_to_say_and_counts_all() {
    let (disk, db) = filled();
    let bytes = disk.contents(Path::new(CHUNK_FILE)).unwrap();
    let offsets = chunk_offsets(&bytes);
    let chunks = offsets.len() as u64 - 1;
    assert!(chunks > 40, "{chunks}");
    // Floats, histograms of both kinds, and late samples.
    let encodings: BTreeSet<u8> = offsets[..offsets.len() - 1].iter().map(|at| bytes[at + 24]).collect();
    assert_eq!(encodings, BTreeSet::from([1, 2, 3, 0x81]));
    for (db, context) in [(db, "live"), (read_only(&disk), "beside it")] {
        let report = db.verify().unwrap();
        assert_sound(&report, context);
        assert_eq!((report.head_chunks, report.snapshots), (chunks, 1), "{context}: {report:?}");
        assert!(report.records > 700, "{context}: {report:?}");
        if context == "live" {
            std::mem::forget(db);
        }
    }
}

#[test]
fn a_flip_in_any_chunk_of_the_head_is_found_where_it_is() {
    let (disk, db) = filled();
    let path = Path::new(CHUNK_FILE);
    let pristine = disk.contents(path).unwrap();
    let offsets = chunk_offsets(&pristine);
    let (mut cases, beside) = (0, read_only(&disk));
    for chunk in offsets.windows(2) {
        // In its times, in its data, and in its checksum.
        for at in [chunk[0] + 12, chunk[0] + 30, chunk[1] - 2] {
            disk.flip_bit(path, at, 3);
            let context = format!("byte {at} of the chunk at {}", chunk[0]);
            for (db, who) in [(&db, "live"), (&beside, "beside it")] {
                let report = db.verify().unwrap();
                assert_eq!(places(&report), [(path.to_path_buf(), chunk[0] as u64)], "{who}: {context}");
                assert!(report.damage[0].message.starts_with("expected checksum"), "{who}: {context}: {report:?}");
                assert!(report.torn_tails.is_empty(), "{who}: {context}");
            }
            disk.flip_bit(path, at, 3);
            cases += 1;
        }
    }
    assert!(cases > 120, "{cases}");
    assert_eq!(disk.contents(path).unwrap(), pristine, "a check changes nothing");
}

#[test]
fn a_chunk_with_the_right_checksum_must_decode_to_its_times() {
    let (disk, db) = filled();
    let path = Path::new(CHUNK_FILE);
    let mut bytes = disk.contents(path).unwrap();
    let offsets = chunk_offsets(&bytes);
    for (chunk, at) in [(3, 15), (5, 24)] {
        // The first time, and the encoding.
        bytes[offsets[chunk] + at] ^= 0x40;
        let end = offsets[chunk + 1] - 4;
        let sum = crc32c(&bytes[offsets[chunk]..end]);
        bytes[end..end + 4].copy_from_slice(&sum.to_be_bytes());
    }
    disk.put(path, bytes);
    for db in [&db, &read_only(&disk)] {
        let report = db.verify().unwrap();
        let expected = [3, 5].map(|chunk| (path.to_path_buf(), offsets[chunk] as u64));
        assert_eq!(places(&report), expected, "{report:?}");
    }
}

/// CRC-32C, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| crc >> 1 ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 })
    })
}

#[test]
fn a_file_that_is_gone_or_cut_is_damage() {
    let (disk, db) = filled();
    let path = Path::new(CHUNK_FILE);
    let bytes = disk.contents(path).unwrap();
    let offsets = chunk_offsets(&bytes);
    // At the end of a chunk: only who wrote it knows that there were more.
    let cut = offsets[offsets.len() - 3];
    disk.put(path, bytes[..cut].to_vec());
    assert_eq!(places(&db.verify().unwrap()), [(path.to_path_buf(), cut as u64)]);
    disk.remove(path).unwrap();
    assert_eq!(places(&db.verify().unwrap()), [(path.to_path_buf(), 0)]);
}

#[test]
fn what_somebody_else_is_writing_is_no_damage() {
    let (disk, db) = filled();
    db.close().unwrap();
    let path = Path::new(CHUNK_FILE);
    let bytes = disk.contents(path).unwrap();
    let offsets = chunk_offsets(&bytes);
    let (last, end) = (offsets[offsets.len() - 2], bytes.len());
    for len in last + 1..end {
        // Some preallocate their files.
        for zeros in [0, 4_096] {
            let mut cut = bytes[..len].to_vec();
            cut.resize(len + zeros, 0);
            disk.put(path, cut);
            let report = read_only(&disk).verify().unwrap();
            let context = format!("{len} of {end} bytes, and {zeros} zeros: {report:?}");
            assert!(report.damage.is_empty(), "{context}");
            // References begin with zeros, which say nothing.
            let is_begun = bytes[last..len].iter().any(|b| *b != 0);
            let said: Vec<_> = report.torn_tails.iter().map(|d| d.offset).collect();
            assert_eq!(said, if is_begun { vec![last as u64] } else { vec![] }, "{context}");
            assert_eq!(report.head_chunks, offsets.len() as u64 - 2, "{context}");
        }
    }
    for begun in [&[][..], &[0; 3], &[0; 40], &bytes[..6], &bytes[..8]] {
        disk.put(path, bytes.clone());
        disk.put(Path::new("/data/chunks_head/000002"), begun.to_vec());
        let report = read_only(&disk).verify().unwrap();
        assert!(report.damage.is_empty(), "{begun:?}: {report:?}");
    }
    // A file that is not the last is finished.
    disk.put(path, bytes[..end - 1].to_vec());
    assert_eq!(places(&read_only(&disk).verify().unwrap()), [(path.to_path_buf(), last as u64)]);
}

#[test]
fn the_end_of_a_log_that_somebody_else_is_writing_is_no_damage() {
    let (disk, db) = filled();
    let names = disk.list(Path::new("/data/wal")).unwrap();
    let last = names.into_iter().filter(|name| name.parse::<u64>().is_ok()).max().unwrap();
    let path = Path::new("/data/wal").join(last);
    let bytes = disk.contents(&path).unwrap();
    // Half a record: who writes it knows that it does.
    let record = [&[1, 0, 40, 1, 2, 3, 4][..], b"half of it"].concat();
    disk.put(&path, [&bytes[..], &record].concat());
    assert_sound(&db.verify().unwrap(), "behind the end");
    let report = read_only(&disk).verify().unwrap();
    let torn: Vec<_> = report.torn_tails.iter().map(|d| (&d.path, d.offset)).collect();
    assert_eq!((report.damage.len(), torn), (0, vec![(&path, bytes.len() as u64)]), "{report:?}");
    // A record that was whole.
    disk.put(&path, bytes[..bytes.len() - 3].to_vec());
    let report = read_only(&disk).verify().unwrap();
    assert_eq!(report.torn_tails.iter().map(|d| &d.path).collect::<Vec<_>>(), [&path]);
    assert!(report.damage.is_empty(), "{report:?}");
    assert_eq!(db.verify().unwrap().damage.iter().map(|d| &d.path).collect::<Vec<_>>(), [&path]);
    std::mem::forget(db);
}

#[test]
fn a_flip_in_the_snapshot_of_the_head_is_found_where_it_is() {
    let (disk, db) = filled();
    let path = Path::new(SNAPSHOT);
    let bytes = disk.contents(path).unwrap();
    let mut sections = vec![0, 28];
    while let Some(len) = bytes.get(sections[sections.len() - 1] + 4..).and_then(|b| b.first_chunk::<4>()) {
        sections.push(sections[sections.len() - 1] + 12 + u32::from_be_bytes(*len) as usize);
    }
    assert!(sections.len() > 9 && *sections.last().unwrap() == bytes.len(), "{sections:?}");
    let (beside, mut cases) = (read_only(&disk), 0);
    for at in (0..bytes.len()).step_by(bytes.len() / 200) {
        disk.flip_bit(path, at, 5);
        let section = sections.iter().rfind(|begin| **begin <= at).unwrap();
        for (db, who) in [(&db, "live"), (&beside, "beside it")] {
            let report = db.verify().unwrap();
            assert_eq!(places(&report), [(path.to_path_buf(), *section as u64)], "{who}: byte {at}: {report:?}");
            assert_eq!(report.snapshots, 1);
        }
        disk.flip_bit(path, at, 5);
        cases += 1;
    }
    assert!(cases >= 200, "{cases}");
    disk.put(path, bytes[..bytes.len() / 2].to_vec());
    assert_eq!(places(&db.verify().unwrap()).len(), 1, "cut in two");
    disk.remove(path).unwrap();
    let report = db.verify().unwrap();
    assert_sound(&report, "without a snapshot");
    assert_eq!(report.snapshots, 0);
}

#[test]
fn a_flip_in_a_snapshot_of_prometheus_is_found_where_it_is() {
    let Some(from) = fixtures().map(|fixtures| fixtures.join("live/data-memory-snapshot")) else { return };
    let disk = SimVfs::new(1);
    for dir in std::fs::read_dir(&from).unwrap() {
        for file in std::fs::read_dir(dir.unwrap().path()).unwrap() {
            let file = file.unwrap().path();
            disk.put(&Path::new(DIR).join(file.strip_prefix(&from).unwrap()), std::fs::read(&file).unwrap());
        }
    }
    let db = read_only(&disk);
    let report = db.verify().unwrap();
    assert_sound(&report, "as Prometheus left it");
    assert!(report.snapshots == 1 && report.head_chunks > 0, "{report:?}");
    let path = Path::new("/data/chunk_snapshot.000001.0000032768/00000000");
    let bytes = disk.contents(path).unwrap();
    let mut found = 0;
    for at in (0..bytes.len()).step_by(bytes.len() / 60) {
        disk.flip_bit(path, at, 1);
        let report = db.verify().unwrap();
        let all_here = report.damage.iter().all(|d| d.path == path && d.offset / PAGE_BYTES as u64 <= at as u64);
        assert!(all_here && report.snapshots == 1, "byte {at}: {report:?}");
        found += u32::from(!report.damage.is_empty());
        disk.flip_bit(path, at, 1);
    }
    assert!(found > 50, "padding alone has no checksum: {found}");
    disk.put(path, bytes[..PAGE_BYTES].to_vec());
    assert_eq!(db.verify().unwrap().damage.len(), 1, "cut at the end of a page");
    disk.put(path, Vec::new());
    let report = db.verify().unwrap();
    assert_eq!(report.damage[0].message, "the end is missing");
}

/// Ends what waits for it, also where the test fails.
struct SetOnDrop<'f>(&'f AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

#[test]
fn a_store_at_work_has_nothing_to_say() {
    let tmp = tempfile::tempdir().unwrap();
    let (told, is_done) = (Arc::new(AtomicU64::new(0)), AtomicBool::new(false));
    let count = Arc::clone(&told);
    let options =
        options().chunk_range_ms(1_200_000).sync(promethium_tsdb::Sync::Never).head_snapshot_interval_ms(60_000);
    let options = options.on_progress(move |kind, done, total| {
        assert!(kind != ProgressKind::Verify || done <= total);
        count.fetch_add(u64::from(kind == ProgressKind::Verify), Ordering::Relaxed);
    });
    let clock = Arc::new(ManualClock::new(START_MS + 100 * 3_600_000));
    let vfs: Arc<dyn Vfs> = Arc::new(StdVfs);
    let db = Db::open_with(Arc::clone(&vfs), tmp.path(), options, clock.clone()).unwrap();
    // And from beside, where nobody says how far it is written.
    let beside = Db::open_read_only(tmp.path(), DbOptions::default()).unwrap();
    std::thread::scope(|scope| {
        let from_beside = scope.spawn(|| {
            let (mut checks, mut chunks) = (0, 0);
            while !is_done.load(Ordering::Acquire) || checks < 3 {
                let report = beside.verify().unwrap();
                assert!(report.damage.is_empty(), "beside: {report:?}");
                (checks, chunks) = (checks + 1, chunks + report.head_chunks);
            }
            chunks
        });
        let checker = scope.spawn(|| {
            let mut checks = 0;
            while !is_done.load(Ordering::Acquire) || checks < 3 {
                let report = db.verify().unwrap();
                assert_sound(&report, "at work");
                checks += 1;
            }
            checks
        });
        let at_work = SetOnDrop(&is_done);
        // Blocks are written, the log is folded, files of chunks come and go.
        for i in 0..1_500 {
            let t = START_MS + i * STEP_MS;
            scrape(&db, t, SERIES);
            if i % 20 == 0 {
                db.maintain(t, Duration::MAX).unwrap();
            }
        }
        drop(at_work);
        assert!(checker.join().unwrap() >= 3 && from_beside.join().unwrap() > 0);
    });
    let report = db.verify().unwrap();
    assert_sound(&report, "in the end");
    assert!(report.blocks > 1 && report.head_chunks > 0 && report.snapshots == 1, "{report:?}");
    assert!(told.load(Ordering::Relaxed) > 3);
    drop(beside);
    assert!(tmp.path().join("lock").exists(), "it is not that one's");
}
