use std::collections::BTreeSet;

use super::*;
use crate::{Compression, Item, SegmentReader, read_layout};
use promethium_vfs::{Fault, FaultKind, OpenMode, SimVfs};

const DIR: &str = "/wal";

fn disk(seed: u64) -> SimVfs {
    let disk = SimVfs::new(seed);
    disk.create_dir(Path::new(DIR)).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    disk
}

fn writer(disk: &SimVfs, segment_bytes: u64) -> WalWriter {
    WalWriter::create(Arc::new(disk.clone()), Path::new(DIR), 0, segment_bytes).unwrap()
}

fn record(id: u32) -> PreparedRecord {
    let mut bytes = id.to_be_bytes().to_vec();
    bytes.resize(200 + (id as usize * 131) % 900, id as u8);
    PreparedRecord::new(bytes, Compression::None)
}

/// Ids of all records, in the order of the log, and how often damage was found.
fn read_back(disk: &SimVfs) -> (Vec<u32>, usize) {
    let (mut ids, mut damage) = (Vec::new(), 0);
    for segment in read_layout(disk, Path::new(DIR)).unwrap().segments {
        let mut reader = SegmentReader::new(disk.open(&segment.path, OpenMode::Read).unwrap());
        while let Some(item) = reader.next_item().unwrap() {
            match item {
                Item::Record { bytes, .. } => ids.push(u32::from_be_bytes(*bytes.first_chunk().unwrap())),
                _ => damage += 1,
            }
        }
    }
    (ids, damage)
}

fn fail_next(disk: &SimVfs, after: u64, persistent: bool, kind: FaultKind) {
    disk.plan(Some(Fault { call: disk.calls() + after, persistent, kind }));
}

#[test]
fn a_failed_write_goes_to_a_new_segment() {
    let disk = disk(1);
    let mut wal = writer(&disk, 1 << 20);
    wal.append(&[record(1)]).unwrap();
    fail_next(&disk, 1, false, FaultKind::ShortWrite(50));
    wal.append(&[record(2)]).unwrap();
    assert_eq!((wal.segment_index(), wal.trouble().failed_writes, wal.trouble().relogged_records), (1, 1, 1));
    wal.append(&[record(3)]).unwrap();
    assert_eq!(read_back(&disk), (vec![1, 2, 3], 0));
}

#[test]
fn a_failed_sync_is_made_good_in_a_new_segment() {
    let disk = disk(2);
    let mut wal = writer(&disk, 1 << 20);
    wal.append(&[record(1)]).unwrap();
    wal.sync().unwrap();
    wal.append(&[record(2), record(3)]).unwrap();
    let point = wal.begin_sync().unwrap();
    wal.append(&[record(4)]).unwrap();
    let failed = Err(io::Error::other("lost"));
    let durable = wal.finish_sync(&point, failed).unwrap();
    assert_eq!(durable, wal.written());
    disk.restart();
    assert_eq!(read_back(&disk), (vec![1, 2, 3, 4], 0));
}

#[test]
fn a_full_disk_fails_cleanly_and_ends_by_itself() {
    let disk = disk(3);
    let mut wal = writer(&disk, 4 * PAGE_BYTES as u64);
    disk.set_capacity(Some(200_000));
    let mut taken = Vec::new();
    for id in 0..2_000 {
        match wal.append(&[record(id)]) {
            Ok(_) => taken.push(id),
            Err(error) => assert!(error.is_out_of_space(), "{error}"),
        }
        if id == 1_000 {
            disk.set_capacity(None);
        }
    }
    wal.sync().unwrap();
    assert!(taken.len() > 1_000 && taken.len() < 2_000 && taken.contains(&1_001), "{}", taken.len());
    let files = disk.list(Path::new(DIR)).unwrap().len();
    assert!(files < 20, "{files} segments");
    assert_eq!(read_back(&disk), (taken, 0));
}

#[test]
fn a_disk_that_fails_for_long_leaves_no_litter() {
    let disk = disk(4);
    let mut wal = writer(&disk, 1 << 20);
    wal.append(&[record(0)]).unwrap();
    fail_next(&disk, 1, true, FaultKind::Error);
    for id in 1..50 {
        assert!(wal.append(&[record(id)]).is_err());
    }
    assert!(wal.is_sealed());
    disk.plan(None);
    wal.append(&[record(50)]).unwrap();
    wal.append(&[record(51)]).unwrap();
    assert!(!wal.is_sealed());
    assert_eq!(read_back(&disk), (vec![0, 50, 51], 0));
    assert_eq!(disk.list(Path::new(DIR)).unwrap(), ["00000000", "00000001"]);
}

#[test]
fn unsynced_records_are_bounded() {
    let disk = disk(5);
    let mut wal = writer(&disk, 64 << 20).with_max_unsynced_bytes(10_000);
    for id in 0..200 {
        wal.append(&[record(id)]).unwrap();
        assert!(wal.retained.bytes() <= 11_200, "{}", wal.retained.bytes());
    }
    assert!(wal.synced() > Written(80_000) && wal.synced() < wal.written());
}

#[test]
fn what_was_refused_can_be_forgotten() {
    let disk = disk(6);
    let mut wal = writer(&disk, 1 << 20);
    wal.append(&[record(1)]).unwrap();
    wal.sync().unwrap();
    wal.append(&[record(2)]).unwrap();
    assert_eq!(wal.discard_unsynced(), 0, "as long as nothing failed");
    fail_next(&disk, 1, true, FaultKind::Error);
    assert!(wal.sync().is_err());
    assert_eq!(wal.discard_unsynced(), 1);
    disk.plan(None);
    wal.append(&[record(3)]).unwrap();
    wal.sync().unwrap();
    disk.restart();
    assert_eq!(read_back(&disk), (vec![1, 3], 0));
}

/// One step of a workload: what was taken, and what was durable then.
#[derive(Default)]
struct Ledger {
    taken: Vec<u32>,
    durable: usize,
    refused: BTreeSet<u32>,
}

fn run(wal: &mut WalWriter) -> Ledger {
    let mut ledger = Ledger::default();
    for id in 0..60 {
        match wal.append(&[record(id)]) {
            Ok(_) => ledger.taken.push(id),
            Err(_) => drop(ledger.refused.insert(id)),
        }
        if id % 7 == 0 && wal.sync().is_ok() {
            ledger.durable = ledger.taken.len();
        }
        if id % 20 == 19 && wal.cut().is_ok() {
            ledger.durable = ledger.taken.len();
        }
    }
    ledger
}

/// Every call fails once, from then on, or short: what was taken is there in order, what was refused is not.
#[test]
fn every_call_may_fail() {
    let calls = {
        let disk = disk(7);
        let mut wal = writer(&disk, 8_000);
        run(&mut wal);
        disk.calls()
    };
    let mut cases = 0;
    for call in 4..=calls {
        for (persistent, kind) in
            [(false, FaultKind::Error), (true, FaultKind::Error), (false, FaultKind::ShortWrite(99))]
        {
            let disk = disk(7);
            let mut wal = writer(&disk, 8_000);
            disk.plan(Some(Fault { call, persistent, kind }));
            let ledger = run(&mut wal);
            assert!(persistent || ledger.refused.len() <= 1, "call {call}: {:?}", ledger.refused);
            let (found, _) = read_back(&disk);
            assert!(ledger.taken.iter().all(|id| found.contains(id)), "call {call} {kind:?}: lost one that was taken");
            // A cut that failed too may leave a refused batch in a segment that was given up.
            assert!(persistent || !found.iter().any(|id| ledger.refused.contains(id)), "call {call} {kind:?}");
            cases += 1;
        }
    }
    assert!(cases > 250, "{cases}");
}

/// The power goes at every call: what was durable is there, what is there was written, and in order.
#[test]
fn the_power_may_go_at_any_call() {
    let mut cases = 0;
    for seed in 0..3 {
        for call in 4..200 {
            let disk = disk(seed);
            let mut wal = writer(&disk, 8_000);
            disk.plan(Some(Fault { call, persistent: true, kind: FaultKind::PowerLoss }));
            let ledger = run(&mut wal);
            disk.restart();
            let (found, _) = read_back(&disk);
            assert!(ledger.taken[..ledger.durable].iter().all(|id| found.contains(id)), "seed {seed}, call {call}");
            assert!(found.is_sorted() && found.iter().all(|id| *id < 60), "seed {seed}, call {call}");
            cases += 1;
        }
    }
    assert_eq!(cases, 588);
}
