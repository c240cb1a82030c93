use std::sync::Arc;

use super::*;
use crate::record::{
    RefMetadata, RefTombstone, SampleColumns, decode_metadata, decode_sample_columns, encode_metadata,
    encode_sample_columns, encode_samples_v2, encode_series_entry, encode_tombstones,
};
use crate::{PreparedRecord, SeriesReader, WalWriter};
use promethium_model::{Metadata, MetricType};
use promethium_vfs::{Fault, FaultKind, SimVfs};

const DIR: &str = "/data/wal";
const OPTIONS: CheckpointOptions = CheckpointOptions { segment_bytes: 1 << 20, compression: Compression::Snappy };

fn series(reference: u64) -> Vec<u8> {
    let mut record = Vec::new();
    let name = format!("m{reference}");
    encode_series_entry(&mut record, reference, [("__name__", name.as_str())].into_iter());
    record
}

fn samples(rows: &[(u64, i64, i64)]) -> SampleColumns {
    let mut columns = SampleColumns::new();
    rows.iter().for_each(|(reference, start, t)| columns.push(*reference, *start, *t, *t as f64));
    columns
}

fn help(series: u64, help: &str) -> Vec<u8> {
    let metadata = Metadata { metric_type: MetricType::Gauge, unit: String::new(), help: help.to_owned() };
    encode_metadata(&[RefMetadata { series, metadata }])
}

/// A log of four segments on a fresh disk; the last one is empty.
fn log(disk: &SimVfs) -> WalWriter {
    disk.create_dir(Path::new(DIR)).unwrap();
    for dir in ["/", "/data"] {
        disk.sync_dir(Path::new(dir)).unwrap();
    }
    let mut wal = WalWriter::create(Arc::new(disk.clone()), Path::new(DIR), 0, 1 << 20).unwrap();
    let stone = |series, max_ms| RefTombstone { series, min_ms: 0, max_ms };
    let segments = [
        vec![series(1), series(2), encode_sample_columns(&samples(&[(1, 0, 10), (2, 0, 100)])), help(1, "old")],
        vec![help(1, "new"), help(2, "gone"), encode_tombstones(&[stone(1, 50), stone(1, 99), stone(2, 99)])],
        vec![encode_samples_v2(&samples(&[(1, 5, 60), (1, 5, 20)])), vec![99, 1, 2], series(3)],
    ];
    for records in segments {
        let records: Vec<_> = records.into_iter().map(|r| PreparedRecord::new(r, Compression::None)).collect();
        wal.append(&records).unwrap();
        wal.cut().unwrap();
    }
    wal
}

/// References of series, rows of samples and help texts that a replay would see.
type Seen = (Vec<u64>, Vec<(u64, i64, i64)>, Vec<String>, usize);

fn replay(disk: &SimVfs) -> Seen {
    let layout = read_layout(disk, Path::new(DIR)).unwrap();
    let mut seen = Seen::default();
    for segment in layout.checkpoint.iter().chain(&layout.segments) {
        let mut reader = SegmentReader::new(disk.open(&segment.path, OpenMode::Read).unwrap());
        while let Some(item) = reader.next_item().unwrap() {
            let Item::Record { bytes, .. } = item else { continue };
            match RecordType::of(bytes) {
                Some(RecordType::Series) => {
                    let mut series = SeriesReader::new(bytes).unwrap();
                    while let Some(entry) = series.next_entry().unwrap() {
                        seen.0.push(entry.reference);
                    }
                }
                Some(kind) if kind.is_samples() => {
                    let mut columns = SampleColumns::new();
                    decode_sample_columns(bytes, &mut columns).unwrap();
                    seen.1.extend(columns.iter().map(|(reference, start, t, _)| (reference, start, t)));
                }
                Some(RecordType::Metadata) => {
                    let mut all = Vec::new();
                    decode_metadata(bytes, &mut all).unwrap();
                    seen.2.extend(all.into_iter().map(|m| m.metadata.help));
                }
                Some(RecordType::Tombstones) => seen.3 += 1,
                _ => {}
            }
        }
    }
    seen
}

fn expected() -> Seen {
    (vec![1, 3], vec![(2, 0, 100), (1, 5, 60)], vec!["new".to_owned()], 1)
}

#[test]
fn a_checkpoint_keeps_what_is_still_needed() {
    let disk = SimVfs::new(1);
    let _wal = log(&disk);
    let report = write_checkpoint(&disk, Path::new(DIR), 2, 60, &mut |r| r != 2, &OPTIONS).unwrap().unwrap();
    assert_eq!((report.records, report.kept, report.dropped, report.unknown_records), (10, 6, 7, 1));
    remove_covered(&disk, Path::new(DIR), 2).unwrap();
    assert_eq!(disk.list(Path::new(DIR)).unwrap(), ["00000003", "checkpoint.00000002"]);
    assert_eq!(replay(&disk), expected());
    // Folded again, nothing more goes, and an older one goes.
    assert!(write_checkpoint(&disk, Path::new(DIR), 2, 60, &mut |_| true, &OPTIONS).unwrap().is_none());
    write_checkpoint(&disk, Path::new(DIR), 3, 60, &mut |r| r != 2, &OPTIONS).unwrap().unwrap();
    remove_covered(&disk, Path::new(DIR), 3).unwrap();
    assert_eq!(disk.list(Path::new(DIR)).unwrap(), ["checkpoint.00000003"]);
    assert_eq!(replay(&disk), expected());
    assert_eq!(read_layout(&disk, Path::new(DIR)).unwrap().next_index, 4);
}

#[test]
fn damage_does_not_keep_a_checkpoint_from_being_written() {
    let disk = SimVfs::new(1);
    let _wal = log(&disk);
    assert!(disk.flip_bit(&Path::new(DIR).join("00000000"), 10, 1));
    let report = write_checkpoint(&disk, Path::new(DIR), 2, 60, &mut |r| r != 2, &OPTIONS).unwrap().unwrap();
    assert_eq!((report.damage.len(), report.damage[0].1), (1, 0));
    remove_covered(&disk, Path::new(DIR), 2).unwrap();
    assert_eq!(replay(&disk).1, expected().1, "only the record that was hit is gone");
}

#[test]
fn a_checkpoint_has_segments_too() {
    let disk = SimVfs::new(1);
    let mut wal = log(&disk);
    for t in 0..400 {
        let rows: Vec<_> = (0..100).map(|i| (i, 0, 1_000 + t)).collect();
        wal.append(&[PreparedRecord::new(encode_sample_columns(&samples(&rows)), Compression::None)]).unwrap();
    }
    wal.cut().unwrap();
    let small = CheckpointOptions { segment_bytes: 4 * crate::PAGE_BYTES as u64, compression: Compression::None };
    let report = write_checkpoint(&disk, Path::new(DIR), 3, 60, &mut |_| true, &small).unwrap().unwrap();
    let layout = read_layout(&disk, Path::new(DIR)).unwrap();
    assert!(layout.checkpoint.len() > 3 && report.bytes > 400_000, "{report:?}");
    remove_covered(&disk, Path::new(DIR), 3).unwrap();
    assert_eq!(replay(&disk).1.len(), 40_003 - 1);
}

#[test]
fn two_thirds_of_the_finished_segments_are_folded() {
    let planned = [(0, 0), (0, 1), (0, 2), (0, 3), (0, 4), (5, 12)].map(|(first, last)| plan_checkpoint(first, last));
    assert_eq!(planned, [None, None, None, Some(0..=1), Some(0..=2), Some(5..=9)]);
}

/// The power goes, or a call fails, at every call: the log says the same as before or what the checkpoint keeps of it.
#[test]
fn a_checkpoint_is_there_whole_or_not_at_all() {
    let mut cases = 0;
    for kind in [FaultKind::PowerLoss, FaultKind::Error, FaultKind::ShortWrite(20)] {
        for call in 1..=20 {
            for seed in 0..4 {
                let disk = SimVfs::new(seed);
                let _wal = log(&disk);
                let before = replay(&disk);
                disk.plan(Some(Fault { call: disk.calls() + call, persistent: true, kind }));
                let done = write_checkpoint(&disk, Path::new(DIR), 2, 60, &mut |r| r != 2, &OPTIONS)
                    .and_then(|_| remove_covered(&disk, Path::new(DIR), 2));
                disk.plan(None);
                if kind == FaultKind::PowerLoss {
                    disk.restart();
                }
                remove_leftovers(&disk, Path::new(DIR)).unwrap();
                let after = replay(&disk);
                let kept = |seen: &Seen| expected().1.iter().all(|row| seen.1.contains(row)) && seen.0.contains(&3);
                assert!(kept(&after), "{kind:?}, call {call}, seed {seed}: {after:?}");
                assert!(done.is_err() || after == expected(), "{kind:?}, call {call}, seed {seed}: {after:?}");
                assert!(after.1.iter().all(|row| before.1.contains(row)), "{kind:?}, call {call}, seed {seed}");
                assert!(!disk.list(Path::new(DIR)).unwrap().iter().any(|n| n.ends_with(".tmp")));
                cases += 1;
            }
        }
    }
    assert_eq!(cases, 240);
}
