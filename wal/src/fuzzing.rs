//! Bodies of the fuzz targets: what must hold for any bytes. The seeds under `fuzz-corpus/` run as tests.

use std::path::Path;

use promethium_model::Labels;

use crate::{
    Compression, Item, PreparedRecord, RecordKind, SegmentReader, decode_samples, decode_series, encode_samples,
    encode_series_entry, record_kind,
};
use promethium_vfs::{MemVfs, OpenMode, Vfs};

/// Any record decodes to what survives another round, or is refused.
///
/// # Panics
///
/// When that does not hold.
pub fn wal_record(data: &[u8]) {
    match record_kind(data) {
        RecordKind::Series => series_record(data),
        RecordKind::Samples => samples_record(data),
        RecordKind::Other => {}
    }
}

fn series_record(data: &[u8]) {
    let mut first: Vec<(u64, Labels)> = Vec::new();
    if decode_series(data, &mut first).is_err() {
        return;
    }
    let mut record = Vec::new();
    for (reference, labels) in &first {
        let pairs: Vec<_> = labels.iter().collect();
        encode_series_entry(&mut record, *reference, pairs.into_iter());
    }
    let mut second = Vec::new();
    decode_series(&record, &mut second).expect("what was just written");
    assert_eq!(first, second);
}

fn samples_record(data: &[u8]) {
    let mut first = Vec::new();
    if decode_samples(data, &mut first).is_err() {
        return;
    }
    let mut second = Vec::new();
    decode_samples(&encode_samples(first.iter().copied()), &mut second).expect("what was just written");
    let key = |s: &crate::RefSample| (s.series, s.timestamp_ms, s.value.to_bits());
    assert!(first.iter().map(key).eq(second.iter().map(key)));
}

/// Any segment yields records in order, and those survive being written again.
///
/// # Panics
///
/// When that does not hold.
pub fn wal_segment(data: &[u8]) {
    let (starts, records, _) = read(data);
    assert!(starts.is_sorted_by(|a, b| a < b), "records come in the order of the file");
    let mut framed = Vec::new();
    for record in &records {
        wal_record(record);
        let at = framed.len() as u64;
        PreparedRecord::new(record.clone(), Compression::Snappy).frame(&mut framed, at);
    }
    let (_, again, damage) = read(&framed);
    assert_eq!((again, damage), (records, 0));
}

/// Offsets and bytes of the records, and how often damage was found.
fn read(data: &[u8]) -> (Vec<u64>, Vec<Vec<u8>>, usize) {
    let vfs = MemVfs::new();
    vfs.create_dir(Path::new("/")).expect("a directory in memory");
    let file = vfs.open(Path::new("/segment"), OpenMode::CreateNew).expect("a file in memory");
    file.append(data).expect("a write to memory");
    let mut reader = SegmentReader::new(file);
    let (mut starts, mut records, mut damage) = (Vec::new(), Vec::new(), 0);
    while let Some(item) = reader.next_item().expect("a read from memory") {
        match item {
            Item::Record { start, bytes } => {
                starts.push(start);
                records.push(bytes.to_vec());
            }
            Item::Damage { .. } | Item::Foreign { .. } => damage += 1,
        }
    }
    (starts, records, damage)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn replay(target: &str, body: fn(&[u8])) {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz-corpus").join(target);
        let seeds: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(seeds.len() >= 4, "{} seeds in {}", seeds.len(), dir.display());
        seeds.iter().for_each(|seed| body(&std::fs::read(seed).unwrap()));
    }

    #[test]
    fn the_corpus_holds() {
        replay("wal_record", wal_record);
        replay("wal_segment", wal_segment);
    }

    proptest! {
        #[test]
        fn any_record_holds(kind in 1_u8..3, body in prop::collection::vec(any::<u8>(), 0..120)) {
            let mut record = vec![kind];
            record.extend(body);
            wal_record(&record);
        }

        #[test]
        fn any_segment_holds(data in prop::collection::vec(prop_oneof![Just(0_u8), 0_u8..12, any::<u8>()], 0..400)) {
            wal_segment(&data);
        }
    }
}
