//! Every record of every log that the real program wrote is read, and written again byte for byte.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use promethium_vfs::{MemVfs, OpenMode, StdVfs, Vfs};
use promethium_wal::chunk_snapshot::{
    ChunkSnapshotRecord, decode_chunk_snapshot_record, encode_chunk_snapshot_record, find_chunk_snapshot,
    read_chunk_snapshot,
};
use promethium_wal::fuzzing::reencode;
use promethium_wal::head_chunks::{HeadChunkEntry, HeadChunks, NewHeadChunk};
use promethium_wal::{Compression, PreparedRecord, RecordType, SampleColumns, decode_sample_columns};

use crate::support::{read, shared, testdata};

/// Records by type, each checked.
fn count(segment: &[u8], name: &str) -> BTreeMap<u8, usize> {
    let (records, damage) = read(segment);
    // One record of the hand-made log is marked as zstd and holds no frame.
    let expected: &[u64] = if name.contains("wal-v2") { &[172] } else { &[] };
    assert_eq!(damage, expected, "{name}");
    let mut counts = BTreeMap::new();
    for (start, record) in &records {
        let kind = RecordType::of(record).unwrap_or_else(|| panic!("{name}: offset {start}: unknown type"));
        let again = reencode(record).unwrap_or_else(|e| panic!("{name}: offset {start}: {e}"));
        assert_eq!(again.as_deref(), Some(&record[..]), "{name}: offset {start}: {kind:?}");
        *counts.entry(kind as u8).or_default() += 1;
    }
    counts
}

fn samples(segment: &[u8]) -> usize {
    let mut columns = SampleColumns::new();
    for (_, record) in read(segment).0 {
        if RecordType::of(&record).is_some_and(RecordType::is_samples) {
            decode_sample_columns(&record, &mut columns).unwrap();
        }
    }
    columns.len()
}

#[test]
fn logs_of_the_test_data() {
    let counts = |name: &str| count(&testdata(name), name);
    assert_eq!(counts("wal-ooo"), BTreeMap::from([(1, 1), (2, 50), (4, 16), (8, 40)]));
    assert_eq!(counts("wbl-ooo"), BTreeMap::from([(2, 15), (5, 6)]));
    assert_eq!(counts("wal-histograms"), BTreeMap::from([(1, 1), (2, 258), (7, 258)]));
    assert_eq!(counts("wal-v2"), BTreeMap::from([(1, 2), (2, 2), (11, 1)]));
    assert_eq!((samples(&testdata("wal-ooo")), samples(&testdata("wbl-ooo"))), (960, 160));
}

#[test]
fn logs_of_the_shared_fixtures() {
    let Some(root) = shared() else { return };
    let mut all = BTreeMap::new();
    let mut segments = 0;
    for dir in [
        "live/data-clean-shutdown/wal",
        "live/data-memory-snapshot/wal",
        "live-histograms/data/wal",
        "live-histograms/wal-unclean",
        "live-ooo/data/wal",
        "live-ooo/data/wbl",
        "live-ooo/data-unclean/wal",
        "live-ooo/data-unclean/wbl",
        "corrupt/wal_crash_image/wal",
        "crafted/wal-v2-records/wal",
    ] {
        for (name, bytes) in files(&root.join(dir)) {
            segments += 1;
            for (kind, n) in count(&bytes, &name) {
                *all.entry(kind).or_insert(0) += n;
            }
        }
    }
    println!("{segments} segments, records by type: {all:?}");
    assert_eq!(segments, 11);
    assert!([1, 2, 3, 4, 5, 7, 8, 11].iter().all(|kind| all.contains_key(kind)), "{all:?}");
}

fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let files = paths.filter(|p| p.is_file());
    files.map(|p| (p.display().to_string(), fs::read(&p).unwrap())).collect()
}

/// What the real program compressed, compressed here: not the same bytes, but the same records.
#[test]
fn logs_are_written_again_with_every_compression() {
    let (records, _) = read(&testdata("wal-ooo"));
    for compression in [Compression::None, Compression::Snappy, Compression::Zstd] {
        let mut segment = Vec::new();
        for (_, record) in &records {
            let at = segment.len() as u64;
            PreparedRecord::new(record.clone(), compression).frame(&mut segment, at);
        }
        let (again, damage) = read(&segment);
        assert!(damage.is_empty());
        assert!(again.iter().map(|r| &r.1).eq(records.iter().map(|r| &r.1)), "{compression:?}");
    }
}

/// Chunks by encoding (out of order ones from 128 on), with nothing to complain about.
fn head_chunks(bytes: &[u8]) -> BTreeMap<u8, usize> {
    let vfs = MemVfs::new();
    vfs.create_dir(Path::new("/d")).unwrap();
    vfs.open(Path::new("/d/000001"), OpenMode::CreateNew).unwrap().append(bytes).unwrap();
    let mut counts = BTreeMap::new();
    let mut references = Vec::new();
    let mut visit = |chunk: HeadChunkEntry<'_>| {
        *counts.entry(chunk.encoding | u8::from(chunk.is_out_of_order) << 7).or_insert(0) += 1;
        references.push((chunk.reference, chunk.data.to_vec()));
    };
    let (chunks, report) = HeadChunks::open(Arc::new(vfs.clone()), Path::new("/d"), &mut visit).unwrap();
    assert!(report.damage.is_empty() && report.torn_tail.is_none(), "{report:?}");
    let mut copies = Vec::new();
    for (reference, data) in &references {
        let chunk = chunks.read(*reference).unwrap();
        assert_eq!(&chunk[..], &data[..]);
        let (series, min_ms, max_ms) = (chunk.series, chunk.min_ms, chunk.max_ms);
        let (encoding, is_out_of_order) = (chunk.encoding, chunk.is_out_of_order);
        let copy = NewHeadChunk { series, min_ms, max_ms, encoding, is_out_of_order, data };
        chunks.append(&[copy], &mut copies).unwrap();
    }
    // Written again, the bytes are the same, but for the zeros at the end.
    let again = vfs.open(Path::new("/d/000002"), OpenMode::Read).unwrap().map().unwrap();
    assert_eq!(&again[..], &bytes[..again.len()]);
    assert!(bytes[again.len()..].iter().all(|b| *b == 0));
    counts
}

#[test]
fn head_chunk_files_of_the_test_data() {
    assert_eq!(head_chunks(&testdata("chunks-head-ooo")), BTreeMap::from([(1, 6), (3, 3), (0x81, 4)]));
}

#[test]
fn head_chunk_files_of_the_shared_fixtures() {
    let Some(root) = shared() else { return };
    let mut all = BTreeMap::new();
    for dir in ["live/data-clean-shutdown", "live/data-memory-snapshot", "live-histograms/data", "live-ooo/data"] {
        for (_, bytes) in files(&root.join(dir).join("chunks_head")) {
            head_chunks(&bytes).into_iter().for_each(|(kind, n)| *all.entry(kind).or_insert(0) += n);
        }
    }
    println!("head chunks by encoding: {all:?}");
    assert!([1, 2, 3, 0x81].iter().all(|kind| all.contains_key(kind)), "{all:?}");
}

/// Series with and without a chunk, tombstones, exemplars: each record read and written again.
fn chunk_snapshot(records: &[(u64, Vec<u8>)]) -> [usize; 4] {
    let mut counts = [0; 4];
    for (start, record) in records {
        let read = decode_chunk_snapshot_record(record).unwrap_or_else(|e| panic!("offset {start}: {e}"));
        assert_eq!(&encode_chunk_snapshot_record(&read), record, "offset {start}");
        match read {
            ChunkSnapshotRecord::Series(series) => counts[usize::from(series.chunk.is_none())] += 1,
            ChunkSnapshotRecord::Tombstones(stones) => counts[2] += stones.len(),
            ChunkSnapshotRecord::Exemplars(exemplars) => counts[3] += exemplars.len(),
        }
    }
    counts
}

#[test]
fn memory_snapshot_of_the_test_data() {
    let (records, damage) = read(&testdata("chunk-snapshot-first-page"));
    assert_eq!((chunk_snapshot(&records), damage.len()), ([195, 0, 0, 0], 1));
}

#[test]
fn memory_snapshot_of_the_shared_fixtures() {
    let Some(root) = shared() else { return };
    let data = root.join("live/data-memory-snapshot");
    let found = find_chunk_snapshot(&StdVfs, &data).unwrap().unwrap();
    assert_eq!((found.segment, found.offset), (1, 32_768));
    let mut series = 0;
    read_chunk_snapshot(&StdVfs, &found.path, &mut |record| {
        series += usize::from(matches!(record, ChunkSnapshotRecord::Series(_)));
    })
    .unwrap();
    assert_eq!(series, 644);
    let (_, bytes) = files(&found.path).pop().unwrap();
    let counts = chunk_snapshot(&read(&bytes).0);
    println!("series with a chunk, without one, tombstones, exemplars: {counts:?}");
    assert_eq!(counts[0] + counts[1], 644);
    // A damaged one is refused.
    let vfs = MemVfs::new();
    vfs.create_dir(Path::new("/s")).unwrap();
    let mut bad = bytes;
    bad[100] ^= 1;
    vfs.open(Path::new("/s/00000000"), OpenMode::CreateNew).unwrap().append(&bad).unwrap();
    assert!(read_chunk_snapshot(&vfs, Path::new("/s"), &mut |_| {}).is_err());
}
