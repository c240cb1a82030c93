use std::path::Path;
use std::sync::Arc;

use promethium_model::Labels;
use proptest::prelude::*;

use super::*;
use promethium_vfs::{MemVfs, OpenMode, Vfs, VfsFile};

fn file_with(bytes: &[u8]) -> Arc<dyn VfsFile> {
    let vfs = MemVfs::new();
    vfs.create_dir(Path::new("/")).unwrap();
    let file = vfs.open(Path::new("/f"), OpenMode::CreateNew).unwrap();
    file.append(bytes).unwrap();
    file
}

/// Records with their offsets, damage with its offsets, and the end of the last good record.
type Read = (Vec<(u64, Vec<u8>)>, Vec<u64>, u64);

fn read(bytes: &[u8]) -> Read {
    let mut reader = SegmentReader::new(file_with(bytes));
    let (mut records, mut damage) = (Vec::new(), Vec::new());
    while let Some(item) = reader.next_item().unwrap() {
        match item {
            Item::Record { start, bytes } => records.push((start, bytes.to_vec())),
            Item::Damage { offset, .. } => damage.push(offset),
        }
    }
    (records, damage, reader.good_end())
}

/// As [`read`], decompressed by the caller.
fn read_stored(bytes: &[u8]) -> Read {
    let mut reader = SegmentReader::new(file_with(bytes));
    let (mut records, mut damage, mut good_end) = (Vec::new(), Vec::new(), 0);
    let mut decompressor = Decompressor::default();
    while let Some(item) = reader.next_stored().unwrap() {
        match item {
            StoredItem::Record(record) => match decompressor.decompress(record.stored_as, record.bytes) {
                Ok(bytes) => {
                    records.push((record.start, bytes.to_vec()));
                    good_end = record.end;
                }
                Err(_) => damage.push(record.start),
            },
            StoredItem::Damage { offset, .. } => damage.push(offset),
        }
    }
    (records, damage, good_end)
}

/// A record of one fragment with the right checksum.
fn framed(kind: u8, stored: &[u8]) -> Vec<u8> {
    let mut out = vec![kind];
    out.extend((stored.len() as u16).to_be_bytes());
    out.extend(crc32c::crc32c(stored).to_be_bytes());
    out.extend(stored);
    out
}

#[test]
fn who_decompresses_finds_what_a_reader_finds() {
    let records: Vec<Vec<u8>> = (0..40_u8).map(|i| vec![i; 100 + usize::from(i) * 1_000]).collect();
    for compression in [Compression::None, Compression::Snappy, Compression::Zstd] {
        let whole = write(&records, compression);
        let found = read_stored(&whole);
        assert_eq!((found.0.len(), found.2), (40, whole.len() as u64));
        assert_eq!(found, read(&whole));
        for at in (0..whole.len()).step_by(whole.len() / 20 + 1) {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            assert_eq!(read_stored(&damaged), read(&damaged), "{compression:?}, bit of byte {at}");
        }
    }
    // Checksums are right, and the bytes are no snappy block, no zstd frame.
    let mut bytes = framed(FULL, b"plain");
    bytes.extend(framed(FULL | SNAPPY, b"\x05\x10hell"));
    bytes.extend(framed(FULL | ZSTD, b"zstd"));
    bytes.extend(framed(FULL, b"behind"));
    let found = read_stored(&bytes);
    assert_eq!((found.0.len(), found.1.len(), found.2), (2, 2, bytes.len() as u64));
    assert_eq!(found, read(&bytes));
}

fn write(records: &[Vec<u8>], compression: Compression) -> Vec<u8> {
    let mut out = Vec::new();
    for record in records {
        let at = out.len() as u64;
        let end = PreparedRecord::new(record.clone(), compression).frame(&mut out, at);
        assert_eq!(end, out.len() as u64);
    }
    out
}

fn incompressible(len: usize, seed: u8) -> Vec<u8> {
    let mut x = u64::from(seed) + 1;
    let mut next = || {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (x >> 33) as u8
    };
    (0..len).map(|_| next()).collect()
}

#[test]
fn a_series_record_is_framed_as_prometheus_frames_it() {
    let labels = [("__name__", "v1"), ("job", "x")];
    let mut record = Vec::new();
    encode_series_entry(&mut record, 1, labels.into_iter());
    let framed = write(&[record], Compression::None);
    assert_eq!(framed[..7], [0x01, 0x00, 0x1c, 0x43, 0x0f, 0xc7, 0x7b]);
    assert_eq!(&framed[7..], b"\x01\0\0\0\0\0\0\0\x01\x02\x08__name__\x02v1\x03job\x01x");
    let mut series = Vec::new();
    decode_series(&framed[7..], &mut series).unwrap();
    assert_eq!(series, [(1, Labels::from_pairs(labels))]);
}

#[test]
fn a_samples_record_is_as_prometheus_writes_it() {
    let t = 0x018f_d118_9400_i64;
    let sample = |dt, value| RefSample { series: 1, timestamp_ms: t + dt, value };
    let record = encode_samples([sample(0, 1.0), sample(15_000, 2.0)].into_iter());
    let expected = [
        &[2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0x01, 0x8f, 0xd1, 0x18, 0x94, 0x00][..],
        &[0, 0, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0],
        &[0, 0xb0, 0xea, 0x01, 0x40, 0, 0, 0, 0, 0, 0, 0],
    ];
    assert_eq!(record, expected.concat());
    for len in 2..record.len() {
        let whole = len == 17 || len == 27;
        assert_eq!(decode_samples(&record[..len], &mut Vec::new()).is_ok(), whole, "{len}");
    }
}

#[test]
fn a_series_record_with_bad_labels_is_refused() {
    let refused = |labels: &[(&str, &str)]| {
        let mut record = Vec::new();
        encode_series_entry(&mut record, 7, labels.iter().copied());
        decode_series(&record, &mut Vec::new()).unwrap_err()
    };
    assert_eq!(refused(&[]), RecordError::NoLabels { reference: 7 });
    assert_eq!(refused(&[("a", "")]), RecordError::NoLabels { reference: 7 });
    let name = "a".to_owned();
    assert_eq!(refused(&[("a", "1"), ("a", "2")]), RecordError::RepeatedLabel { reference: 7, name });
    let not_utf8 = b"\x01\0\0\0\0\0\0\0\x01\x01\x01a\x01\xff";
    assert_eq!(decode_series(not_utf8, &mut Vec::new()), Err(RecordError::NotUtf8));
    let long = b"\x01\0\0\0\0\0\0\0\x01\x01\xff\xff\xff\xff\x0f";
    assert_eq!(decode_series(long, &mut Vec::new()), Err(RecordError::LongString(0xffff_ffff)));
}

#[test]
fn a_small_body_that_claims_to_be_huge_takes_no_memory() {
    // Snappy's length says 4 GiB − 1.
    let bomb = [0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0];
    let mut framed = vec![FULL | SNAPPY, 0, 7];
    framed.extend_from_slice(&crc32c::crc32c(&bomb).to_be_bytes());
    framed.extend_from_slice(&bomb);
    let (records, damage, _) = read(&framed);
    assert!(records.is_empty());
    assert_eq!(damage, [0]);
}

#[test]
fn reading_resumes_at_the_page_after_damage() {
    let records: Vec<_> = (0..40).map(|i| incompressible(3_000, i)).collect();
    let framed = write(&records, Compression::None);
    let (whole, damage, end) = read(&framed);
    assert_eq!((whole.len(), damage.len(), end), (40, 0, framed.len() as u64));
    let touches = |start: u64, page: usize| {
        let last = start as usize + 3_000;
        (start as usize / PAGE_BYTES..=last / PAGE_BYTES).contains(&page)
    };
    for at in (0..framed.len()).step_by(97) {
        let mut bad = framed.clone();
        bad[at] ^= 1 << (at % 8);
        let (left, damage, _) = read(&bad);
        // The top three bits of a fragment's first byte mean nothing.
        assert!(!damage.is_empty() || left == whole, "a flip at {at} went unnoticed");
        assert!(left.iter().all(|r| whole.contains(r)), "a flip at {at} invented a record");
        let untouched = whole.iter().filter(|(start, _)| !touches(*start, at / PAGE_BYTES));
        assert!(untouched.into_iter().all(|r| left.contains(r)), "a flip at {at} cost another page");
    }
}

#[test]
fn records_behind_zeros_show_that_something_is_missing() {
    let mut framed = write(&[incompressible(100, 1)], Compression::None);
    let first_end = framed.len() as u64;
    framed.resize(PAGE_BYTES, 0);
    assert_eq!(read(&framed), (vec![(0, incompressible(100, 1))], vec![], first_end));
    framed.extend(write(&[incompressible(50, 2)], Compression::None));
    let (records, damage, _) = read(&framed);
    assert_eq!((records.len(), damage), (2, vec![first_end]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn records_survive_framing(
        lengths in prop::collection::vec(prop_oneof![0_usize..200, 32_700_usize..32_800, 60_000_usize..70_000], 1..12),
        snappy: bool,
    ) {
        let compression = if snappy { Compression::Snappy } else { Compression::None };
        let records: Vec<_> = lengths.iter().enumerate().map(|(i, n)| {
            if i % 2 == 0 { incompressible(*n, i as u8) } else { vec![i as u8; *n] }
        }).collect();
        let framed = write(&records, compression);
        let (read_back, damage, end) = read(&framed);
        prop_assert!(damage.is_empty());
        prop_assert_eq!(end, framed.len() as u64);
        prop_assert!(read_back.iter().map(|(_, r)| r).eq(&records));
    }

    #[test]
    fn a_cut_segment_keeps_its_whole_records(lengths in prop::collection::vec(0_usize..40_000, 1..6), cut: prop::sample::Index) {
        let records: Vec<_> = lengths.iter().enumerate().map(|(i, n)| incompressible(*n, i as u8)).collect();
        let framed = write(&records, Compression::None);
        let whole = read(&framed).0;
        let len = cut.index(framed.len());
        let (left, _, end) = read(&framed[..len]);
        prop_assert!(left.len() < whole.len());
        prop_assert_eq!(&left[..], &whole[..left.len()]);
        prop_assert!(end <= len as u64);
    }
}

#[test]
fn an_error_names_the_file_and_the_offset_and_carries_what_is_wrong_with_the_record() {
    let (disk, dir) = (MemVfs::new(), Path::new("/chunk_snapshot.000000.0000000000"));
    disk.create_dir(dir).unwrap();
    let mut wal = WalWriter::create(Arc::new(disk.clone()), dir, 0, 1 << 20).unwrap();
    // A whole record of tombstones of which there are none, and one of a type that no snapshot has.
    let none =
        chunk_snapshot::encode_chunk_snapshot_record(&chunk_snapshot::ChunkSnapshotRecord::Tombstones(Vec::new()));
    let records = [none.clone(), vec![9]].map(|r| PreparedRecord::new(r, Compression::None));
    wal.append(&records).unwrap();
    let error = chunk_snapshot::read_chunk_snapshot(&disk, dir, &mut |_| {}).unwrap_err();
    let second = (7 + none.len()) as u64;
    let WalError::Record { path, offset, source } = &error else { panic!("{error:?}") };
    assert_eq!((path.clone(), *offset), (dir.join("00000000"), second));
    assert_eq!(*source, RecordError::WrongType { expected: "a memory snapshot", found: 9 });
    let expected = format!("{}: offset {second}: {source}", path.display());
    assert_eq!(error.to_string(), expected);
    assert!(!error.is_not_found() && !error.is_out_of_space());
}
