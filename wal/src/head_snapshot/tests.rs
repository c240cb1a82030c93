use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::{Compression, PreparedRecord, WalError, WalWriter, read_layout};
use promethium_vfs::{Fault, FaultKind, SimVfs, Vfs};

const DIR: &str = "/data";

fn disk(seed: u64) -> SimVfs {
    let disk = SimVfs::new(seed);
    disk.create_dir(Path::new(DIR)).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    disk
}

/// Reference, labels, state, chunks.
type Row = (u64, Vec<(String, String)>, Vec<u8>, Vec<(u8, i64, i64, Vec<u8>)>);

fn row(i: u64) -> Row {
    let labels = vec![("__name__".to_owned(), format!("m{}", i % 7)), ("instance".to_owned(), format!("host-{i}"))];
    let chunk = |c: u64| {
        let data = (0..20 + (i + c) % 90).map(|b| (b + i) as u8).collect();
        (1 + (c % 3) as u8, (c * 1_000) as i64, (c * 1_000 + 990) as i64, data)
    };
    (i * 3, labels, vec![i as u8; (i % 4) as usize], (0..i % 5).map(chunk).collect())
}

fn write(disk: &SimVfs, position: LogPosition, rows: &[Row]) -> Result<HeadSnapshotSummary, WalError> {
    let mut writer = HeadSnapshotWriter::create(Arc::new(disk.clone()), Path::new(DIR), position)?;
    writer.section(16, b"before")?;
    for (reference, labels, state, chunks) in rows {
        let chunks: Vec<_> = chunks
            .iter()
            .map(|(encoding, min_ms, max_ms, data)| HeadSnapshotChunk {
                encoding: *encoding,
                min_ms: *min_ms,
                max_ms: *max_ms,
                data,
            })
            .collect();
        writer.series(*reference, labels.iter().map(|(n, v)| (n.as_str(), v.as_str())), state, &chunks)?;
    }
    writer.section(127, b"after")?;
    writer.section(127, b"")?;
    writer.finish()
}

fn read(snapshot: &HeadSnapshot) -> Vec<Row> {
    let symbols = snapshot.symbols().unwrap();
    let mut rows = Vec::new();
    for mut part in snapshot.series_parts(3) {
        while let Some(entry) = part.next_entry().unwrap() {
            let text = |n: u32| symbols[n as usize].to_owned();
            let labels = entry.labels.iter().map(|(n, v)| (text(*n), text(*v))).collect();
            let chunks = entry.chunks.iter().map(|c| (c.encoding, c.min_ms, c.max_ms, c.data.to_vec())).collect();
            rows.push((entry.reference, labels, entry.state.to_vec(), chunks));
        }
    }
    rows
}

fn rows(n: u64) -> Vec<Row> {
    (0..n).map(row).collect()
}

const POSITION: LogPosition = LogPosition { segment: 4, offset: 1_234 };

#[test]
fn a_snapshot_is_read_back() {
    let disk = disk(1);
    assert!(HeadSnapshot::open(&disk, Path::new(DIR)).err().unwrap().is_not_found());
    // Several sections, and an older snapshot that is replaced.
    for n in [10, 30_000] {
        let all = rows(n);
        let summary = write(&disk, POSITION, &all).unwrap();
        let snapshot = HeadSnapshot::open(&disk, Path::new(DIR)).unwrap();
        assert_eq!(snapshot.position(), POSITION);
        assert_eq!((snapshot.series_count(), snapshot.chunk_count()), (n, summary.chunks));
        assert_eq!(snapshot.symbols().unwrap().len() as u64, snapshot.symbol_count());
        assert_eq!(snapshot.sections(16).collect::<Vec<_>>(), [b"before"]);
        assert_eq!(snapshot.sections(127).collect::<Vec<_>>(), [&b"after"[..], b""]);
        assert_eq!(read(&snapshot), all);
        let mut walk = snapshot.series();
        assert_eq!(std::iter::from_fn(|| walk.next_entry().unwrap().map(|e| e.reference)).count() as u64, n);
    }
    assert_eq!(disk.list(Path::new(DIR)).unwrap(), [HEAD_SNAPSHOT_FILE]);
}

#[test]
fn any_damage_is_found() {
    let disk = disk(1);
    write(&disk, POSITION, &rows(12)).unwrap();
    let path = Path::new(DIR).join(HEAD_SNAPSHOT_FILE);
    let pristine = disk.contents(&path).unwrap();
    for len in 0..pristine.len() {
        disk.remove(&path).unwrap();
        disk.put(&path, pristine[..len].to_vec());
        assert!(HeadSnapshot::open(&disk, Path::new(DIR)).is_err(), "cut to {len}");
    }
    for at in 0..pristine.len() {
        for bit in 0..8 {
            let mut bad = pristine.clone();
            bad[at] ^= 1 << bit;
            disk.remove(&path).unwrap();
            disk.put(&path, bad);
            assert!(HeadSnapshot::open(&disk, Path::new(DIR)).is_err(), "bit {bit} at {at}");
        }
    }
    disk.remove(&path).unwrap();
    disk.put(&path, [&pristine[..], b"x"].concat());
    assert!(HeadSnapshot::open(&disk, Path::new(DIR)).is_err(), "a byte too many");
}

#[test]
fn a_later_version_is_left_alone() {
    let disk = disk(1);
    write(&disk, POSITION, &rows(1)).unwrap();
    let path = Path::new(DIR).join(HEAD_SNAPSHOT_FILE);
    let mut bytes = disk.contents(&path).unwrap();
    bytes[4] = 2;
    let crc = crc32c::crc32c(&bytes[..24]).to_be_bytes();
    bytes[24..28].copy_from_slice(&crc);
    disk.put(&path, bytes);
    let error = HeadSnapshot::open(&disk, Path::new(DIR)).err().unwrap();
    assert!(matches!(error, WalError::UnknownVersion { version: 2, .. }), "{error}");
}

#[test]
fn a_snapshot_that_the_log_does_not_continue_is_stale() {
    let disk = disk(1);
    let wal = Path::new("/data/wal");
    disk.create_dir(wal).unwrap();
    let check = |position| {
        write(&disk, position, &rows(1)).unwrap();
        let snapshot = HeadSnapshot::open(&disk, Path::new(DIR)).unwrap();
        snapshot.check_log(&disk, &read_layout(&disk, wal).unwrap()).map_err(|e| e.to_string())
    };
    assert!(check(LogPosition { segment: 0, offset: 0 }).unwrap_err().contains("is empty"));
    let mut writer = WalWriter::create(Arc::new(disk.clone()), wal, 3, 1 << 20).unwrap();
    writer.append(&[PreparedRecord::new(vec![2; 100], Compression::None)]).unwrap();
    let end = LogPosition { segment: writer.segment_index(), offset: writer.segment_len() };
    assert_eq!(check(end), Ok(()));
    assert!(check(LogPosition { offset: end.offset + 1, ..end }).unwrap_err().contains("only 107 bytes"));
    assert!(check(LogPosition { segment: 2, ..end }).unwrap_err().contains("no such segment"));
}

#[test]
fn a_snapshot_is_there_whole_or_as_it_was() {
    let old = rows(5);
    let new = rows(9);
    let mut cases = 0;
    for kind in [FaultKind::PowerLoss, FaultKind::Error, FaultKind::ShortWrite(9)] {
        for call in 1..=16 {
            for seed in 0..4 {
                let disk = disk(seed);
                write(&disk, POSITION, &old).unwrap();
                disk.plan(Some(Fault { call: disk.calls() + call, persistent: true, kind }));
                let done = write(&disk, POSITION, &new);
                disk.plan(None);
                if kind == FaultKind::PowerLoss {
                    disk.restart();
                }
                let found = read(&HeadSnapshot::open(&disk, Path::new(DIR)).unwrap());
                assert!(found == new || (done.is_err() && found == old), "{kind:?} at {call}, seed {seed}");
                write(&disk, POSITION, &old).unwrap();
                cases += 1;
            }
        }
    }
    assert_eq!(cases, 192);
}
