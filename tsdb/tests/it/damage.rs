//! A log that was cut or has decayed: every length, and bits all over.

use std::path::Path;

use promethium_tsdb::vfs::SimVfs;
use promethium_tsdb::{Compression, DbOptions, PAGE_BYTES, Sync};

use crate::support::{Batch, Contents, START_MS, always, commit_all, contents, expected, open, prefix_len, scrapes};

const SEGMENT: &str = "/data/wal/00000000";

/// The bytes of the first segment after these batches.
fn segment(batches: &[Batch], options: DbOptions, is_closed: bool) -> Vec<u8> {
    let disk = SimVfs::new(0);
    let db = open(&disk, options).unwrap();
    commit_all(&db, batches);
    if is_closed {
        db.close().unwrap();
    }
    disk.contents(Path::new(SEGMENT)).unwrap()
}

/// How a log was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Closed,
    /// While it was written, and nobody knows how far it was synced.
    Crashed,
    /// While it was written by a program that keeps no account of what is synced.
    CrashedElsewhere,
}

/// A disk with a log that was left so.
fn disk_with(bytes: Vec<u8>, end: End) -> SimVfs {
    let disk = SimVfs::new(0);
    disk.put(Path::new(SEGMENT), bytes);
    if end != End::Closed {
        disk.put(Path::new("/data/lock"), Vec::new());
    }
    if end == End::Crashed {
        disk.put(Path::new("/data/wal.synced"), Vec::new());
    }
    disk
}

fn is_subset(found: &Contents, of: &Contents) -> bool {
    found.iter().all(|(series, samples)| of.get(series).is_some_and(|all| samples.iter().all(|s| all.contains(s))))
}

#[test]
fn every_length_of_a_log_opens_with_a_prefix() {
    let batches = scrapes(12);
    let whole = segment(&batches, always(), false);
    for end in [End::Crashed, End::CrashedElsewhere] {
        each_length_opens_with_a_prefix(&whole, &batches, end);
    }
}

fn each_length_opens_with_a_prefix(whole: &[u8], batches: &[Batch], end: End) {
    let mut last = 0;
    for len in 0..=whole.len() {
        let disk = disk_with(whole[..len].to_vec(), end);
        let db = open(&disk, always()).unwrap();
        let recovered = prefix_len(&contents(&db), batches).unwrap_or_else(|| panic!("cut at {len}"));
        assert!(recovered >= last, "cut at {len}");
        last = recovered;
        let report = db.replay_report();
        assert!(report.damage.is_empty() && report.set_aside.is_empty(), "cut at {len}: {report:?}");
        // What was torn is cut off, so that Prometheus reads on into the next segment.
        let torn_at = report.torn_tail.as_ref().map_or(len, |t| t.offset as usize);
        assert!(disk.contents(Path::new(SEGMENT)).unwrap().len() <= torn_at, "cut at {len}: {report:?}");
    }
    assert_eq!(last, batches.len());
}

/// Batches of incompressible values: the log spans several pages.
fn noisy() -> Vec<Batch> {
    let value = |i: i64, s: usize| f64::from_bits((i as u64 * 977 + s as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 2);
    (0..30).map(|i| (0..300).map(|s| (s, START_MS + i * 1_000, value(i, s))).collect()).collect()
}

#[test]
fn a_flipped_bit_costs_the_records_of_its_page() {
    let batches = noisy();
    let options = || always().compression(Compression::None);
    let whole = segment(&batches, options(), true);
    let pages = whole.len() / PAGE_BYTES;
    assert!(pages >= 3, "{pages} pages");
    let all = expected(&batches);
    let total: usize = all.values().map(Vec::len).sum();
    for (at, end) in (0..whole.len()).step_by(1_511).flat_map(|at| [(at, End::Closed), (at, End::CrashedElsewhere)]) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        let disk = disk_with(bytes, end);
        let db = open(&disk, options()).unwrap();
        let found = contents(&db);
        assert!(is_subset(&found, &all), "a flip at {at} invented a sample");
        // The series record is in the first page.
        let left: usize = found.values().map(Vec::len).sum();
        let floor = if at < PAGE_BYTES { 0 } else { total - (PAGE_BYTES / 3_000 + 2) * 300 };
        assert!(left >= floor, "a flip at {at} left {left} of {total}");
        let report = db.replay_report();
        let is_noticed = report.damage_count > 0 || report.torn_tail.is_some();
        assert!(left == total || is_noticed, "a flip at {at} went unnoticed");
        drop(db);
        let again = open(&disk, options()).unwrap();
        assert_eq!(contents(&again), found, "a flip at {at}: the second opening finds the same");
        assert_eq!(again.replay_report().damage_count, 0, "a flip at {at}: the log was repaired");
    }
}

#[test]
fn no_flipped_bit_of_a_small_log_invents_anything() {
    let batches = scrapes(5);
    let all = expected(&batches);
    for compression in [Compression::Snappy, Compression::None] {
        let whole = segment(&batches, always().compression(compression), false);
        for (at, bit) in (0..whole.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            for end in [End::Closed, End::Crashed, End::CrashedElsewhere] {
                let db = open(&disk_with(bytes.clone(), end), always()).unwrap();
                assert!(is_subset(&contents(&db), &all), "bit {bit} at {at}, {compression:?}, {end:?}");
            }
        }
    }
}

#[test]
fn damage_of_what_was_not_synced_ends_the_newest_segment_and_the_rest_is_set_aside() {
    let batches = noisy();
    let options = || always().compression(Compression::None);
    let whole = segment(&batches, options(), false);
    for at in (PAGE_BYTES..whole.len()).step_by(4_001) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        let disk = disk_with(bytes.clone(), End::Crashed);
        let db = open(&disk, options()).unwrap();
        let recovered = prefix_len(&contents(&db), &batches).unwrap_or_else(|| panic!("a flip at {at}: not a prefix"));
        let report = db.replay_report().clone();
        if report.torn_tail.is_none() {
            assert_eq!(disk.contents(&report.set_aside[0]).unwrap(), bytes, "nothing is thrown away");
            assert_eq!((report.damage_count, &report.repair_error), (1, &None));
        }
        drop(db);
        let again = open(&disk, options()).unwrap();
        assert_eq!(prefix_len(&contents(&again), &batches), Some(recovered), "the second opening finds the same");
        assert!(again.replay_report().damage.is_empty());
    }
}

#[test]
fn after_a_crash_what_was_synced_has_decayed_where_it_is_damaged_and_costs_its_page() {
    let batches = noisy();
    let options = || DbOptions::default().sync(Sync::Never).compression(Compression::None);
    for at in (PAGE_BYTES..2 * PAGE_BYTES).step_by(4_001) {
        let disk = SimVfs::new(0);
        let db = open(&disk, options()).unwrap();
        commit_all(&db, &batches[..20]);
        db.sync().unwrap();
        commit_all(&db, &batches[20..]);
        disk.kill();
        let segment = Path::new(SEGMENT);
        assert!(disk.flip_bit(segment, at, 4));
        // And a tear in what was not synced.
        let behind = 24 * disk.contents(segment).unwrap().len() / 30;
        assert!(disk.flip_bit(segment, behind, 4));
        let db = open(&disk, options()).unwrap();
        let found = contents(&db);
        assert!(is_subset(&found, &expected(&batches)), "a flip at {at}");
        let times = |from: usize, to: usize| {
            let range = START_MS + from as i64 * 1_000..START_MS + to as i64 * 1_000;
            found.values().flatten().filter(|sample| range.contains(&sample.0)).count()
        };
        let costs = (PAGE_BYTES / 3_000 + 2) * 300;
        assert!((20 * 300 - costs..20 * 300).contains(&times(0, 20)), "a flip at {at} left {}", times(0, 20));
        assert_eq!((times(20, 22), times(25, 30)), (2 * 300, 0), "a tear at {behind}: {:?}", db.replay_report());
        let report = db.replay_report();
        assert_eq!((report.damage_count, report.set_aside.len(), &report.repair_error), (2, 1, &None), "{report:?}");
        drop(db);
        let again = open(&disk, options()).unwrap();
        assert_eq!(contents(&again), found, "a flip at {at}: the second opening finds the same");
        assert_eq!(again.replay_report().damage_count, 0, "a flip at {at}: the log was repaired");
    }
}

#[test]
fn damage_in_an_old_segment_is_reported_and_the_segments_after_it_stay() {
    let disk = SimVfs::new(0);
    let batches = scrapes(20);
    for (i, some) in batches.chunks(10).enumerate() {
        let db = open(&disk, always()).unwrap();
        commit_all(&db, some);
        assert_eq!(db.stats().segment, Some(i as u64));
    }
    let middle = disk.contents(Path::new(SEGMENT)).unwrap();
    let middle = middle.iter().rposition(|b| *b != 0).unwrap() / 2;
    assert!(disk.flip_bit(Path::new(SEGMENT), middle, 3));
    let db = open(&disk, always()).unwrap();
    let report = db.replay_report();
    assert_eq!(report.damage_count, 1);
    let text = report.damage[0].to_string();
    assert!(text.starts_with("/data/wal/00000000: offset ") && text.contains("checksum"), "{text}");
    let found = contents(&db);
    assert!(is_subset(&found, &expected(&batches)));
    let newest = START_MS + 19_000;
    assert!(found.values().any(|samples| samples.iter().any(|s| s.0 == newest)), "the second segment was read");
}

#[test]
fn odd_files_do_not_keep_a_log_from_opening() {
    let disk = SimVfs::new(0);
    for (name, bytes) in [("00000003", &[][..]), ("00000005", &[0xff; 10]), ("00000006", &[0; 40_000]), ("7", &[1])] {
        disk.put(&Path::new("/data/wal").join(name), bytes.to_vec());
    }
    let db = open(&disk, always()).unwrap();
    assert_eq!(db.replay_report().segments, 4);
    assert_eq!(db.replay_report().damage_count, 2);
    assert_eq!(db.stats().segment, Some(8));
}

/// One fragment that holds a whole record.
fn fragment(flags: u8, stored: &[u8]) -> Vec<u8> {
    let mut bytes = vec![1 | flags];
    bytes.extend_from_slice(&(stored.len() as u16).to_be_bytes());
    bytes.extend_from_slice(&crc32c::crc32c(stored).to_be_bytes());
    bytes.extend_from_slice(stored);
    bytes
}

#[test]
fn a_whole_record_that_does_not_decode_costs_nothing_else() {
    let batches = scrapes(4);
    let mut bytes = fragment(0, b"\x01\0\0\0\0\0\0\0\x09\x01\x01a\x01\xff");
    bytes.extend(segment(&batches, always(), false));
    let disk = disk_with(bytes.clone(), End::Crashed);
    let db = open(&disk, always()).unwrap();
    assert_eq!(prefix_len(&contents(&db), &batches), Some(4));
    assert!(db.replay_report().damage[0].message.contains("UTF-8"), "{:?}", db.replay_report());
    assert_eq!(disk.contents(Path::new(SEGMENT)).unwrap(), bytes, "nothing is cut off");
}

#[test]
fn a_record_that_is_marked_as_zstd_and_is_not_costs_nothing_else() {
    let batches = scrapes(4);
    let mut bytes = fragment(0x10, &[0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3]);
    bytes.extend(segment(&batches, always(), false));
    let db = open(&disk_with(bytes, End::Closed), always()).unwrap();
    assert_eq!(prefix_len(&contents(&db), &batches), Some(4));
    assert_eq!(db.replay_report().damage[0].offset, 0);
}
