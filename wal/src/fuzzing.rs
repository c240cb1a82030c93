//! Bodies of the fuzz targets: what must hold for any bytes. The seeds under `fuzz-corpus/` run as tests.

use std::path::Path;
use std::sync::Arc;

use crate::chunk_snapshot::{decode_chunk_snapshot_record, encode_chunk_snapshot_record};
use crate::head_chunks::{HeadChunkEntry, HeadChunks};
use crate::head_snapshot::{HEAD_SNAPSHOT_FILE, HeadSnapshot};
use crate::record::encode_v1_histograms;
use crate::{
    Compression, Item, PreparedRecord, RecordError, RecordType, SampleColumns, SegmentReader, SeriesBatch,
    SeriesReader, decode_exemplars, decode_histograms, decode_metadata, decode_mmap_markers, decode_sample_columns,
    decode_series, decode_tombstones, encode_exemplars, encode_histograms_v2, encode_metadata, encode_mmap_markers,
    encode_sample_columns, encode_samples_v2, encode_series_entry, encode_tombstones,
};
use promethium_model::Labels;
use promethium_vfs::{MemVfs, OpenMode, Vfs};

/// Any record decodes to what survives another round, or is refused.
///
/// # Panics
///
/// When that does not hold.
pub fn wal_record(data: &[u8]) {
    series_alike(data);
    let Ok(Some(once)) = reencode(data) else { return };
    let twice = reencode(&once).expect("what was just written").expect("a record of a known type");
    assert_eq!(once, twice);
}

/// Both ways of reading series say the same.
pub(crate) fn series_alike(record: &[u8]) {
    let mut expected = Vec::new();
    let read = decode_series(record, &mut expected);
    let batch = SeriesBatch::decode(record);
    assert_eq!(batch.as_ref().err(), read.as_ref().err());
    let mut found = Vec::new();
    batch.unwrap_or_default().for_each(|reference, packed, pairs| {
        let labels = Labels::from_sorted_pairs(pairs.iter().copied());
        assert_eq!(labels.as_packed(), packed);
        found.push((reference, labels));
    });
    assert_eq!(found, expected);
}

/// Decodes a record of any type and writes it again: the same bytes, if a log's writer wrote them. `None` for a type
/// that is not known.
///
/// # Errors
///
/// When the record does not decode.
pub fn reencode(record: &[u8]) -> Result<Option<Vec<u8>>, RecordError> {
    let Some(kind) = RecordType::of(record) else { return Ok(None) };
    Ok(Some(match kind {
        RecordType::Series => reencode_series(record)?,
        RecordType::Samples | RecordType::SamplesV2 => {
            let mut columns = SampleColumns::new();
            decode_sample_columns(record, &mut columns)?;
            if kind == RecordType::Samples { encode_sample_columns(&columns) } else { encode_samples_v2(&columns) }
        }
        RecordType::Tombstones => encode_tombstones(&decoded(record, decode_tombstones)?),
        RecordType::Exemplars => encode_exemplars(&decoded(record, decode_exemplars)?),
        RecordType::MmapMarkers => encode_mmap_markers(&decoded(record, decode_mmap_markers)?),
        RecordType::Metadata => encode_metadata(&decoded(record, decode_metadata)?),
        RecordType::HistogramsV2 | RecordType::FloatHistogramsV2 => {
            let histograms = decoded(record, decode_histograms)?;
            encode_histograms_v2(&histograms).pop().unwrap_or_else(|| vec![kind as u8])
        }
        _ => encode_v1_histograms(record, &decoded(record, decode_histograms)?),
    }))
}

fn decoded<T>(
    record: &[u8],
    decode: impl Fn(&[u8], &mut Vec<T>) -> Result<(), RecordError>,
) -> Result<Vec<T>, RecordError> {
    let mut out = Vec::new();
    decode(record, &mut out)?;
    Ok(out)
}

fn reencode_series(record: &[u8]) -> Result<Vec<u8>, RecordError> {
    let mut series = SeriesReader::new(record)?;
    let mut again = vec![RecordType::Series as u8];
    while let Some(entry) = series.next_entry()? {
        encode_series_entry(&mut again, entry.reference, entry.pairs.iter().copied());
    }
    Ok(again)
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
            Item::Damage { .. } => damage += 1,
        }
    }
    (starts, records, damage)
}

/// Any head chunk file opens, and every chunk that is found reads back; appended again they are the same.
///
/// # Panics
///
/// When that does not hold.
pub fn head_chunk_file(data: &[u8]) {
    let vfs = MemVfs::new();
    let dir = Path::new("/chunks_head");
    vfs.create_dir(dir).expect("a directory in memory");
    let file = vfs.open(&dir.join("000001"), OpenMode::CreateNew).expect("a file in memory");
    file.append(data).expect("a write to memory");
    let mut found = Vec::new();
    let mut visit = |e: HeadChunkEntry<'_>| found.push((e.reference, e.series, e.encoding, e.data.to_vec()));
    let (chunks, report) = HeadChunks::open(Arc::new(vfs.clone()), dir, &mut visit).expect("files in memory");
    assert_eq!(report.chunks, found.len() as u64);
    assert!(found.is_sorted_by(|a, b| a.0 < b.0), "chunks come in the order of the file");
    for (reference, series, encoding, data) in &found {
        let chunk = chunks.read(*reference).expect("a chunk that was found");
        assert_eq!((chunk.series, chunk.encoding, &chunk[..]), (*series, *encoding, &data[..]));
    }
    // What was cut off was not needed: the chunks are there again, and nothing new is wrong.
    let mut again = 0;
    let (_, second) = HeadChunks::open(Arc::new(vfs), dir, &mut |_| again += 1).expect("files in memory");
    assert_eq!(again, found.len());
    assert!(second.damage.len() <= report.damage.len() && second.torn_tail.is_none());
}

/// Any head snapshot is refused, or its series can be walked to the end or to an error.
///
/// # Panics
///
/// When that does not hold.
pub fn head_snapshot(data: &[u8]) {
    let vfs = MemVfs::new();
    let dir = Path::new("/data");
    vfs.create_dir(dir).expect("a directory in memory");
    let file = vfs.open(&dir.join(HEAD_SNAPSHOT_FILE), OpenMode::CreateNew).expect("a file in memory");
    // A fuzzer does not find checksums: they are made right for it.
    file.append(&with_right_checksums(data)).expect("a write to memory");
    let Ok(snapshot) = HeadSnapshot::open(&vfs, dir) else { return };
    let Ok(symbols) = snapshot.symbols() else { return };
    let mut series = snapshot.series();
    while let Ok(Some(entry)) = series.next_entry() {
        assert!(entry.labels.len() <= data.len() && entry.chunks.len() <= data.len());
        assert!(symbols.len() <= data.len());
    }
}

fn with_right_checksums(data: &[u8]) -> Vec<u8> {
    let mut data = data.to_vec();
    if data.len() >= 28 {
        let crc = crc32c::crc32c(&data[..24]).to_be_bytes();
        data[24..28].copy_from_slice(&crc);
    }
    let mut at = 28;
    while data.len() >= at + 12 {
        let len = u32::from_be_bytes([data[at + 4], data[at + 5], data[at + 6], data[at + 7]]) as usize;
        let end = (at + 12).saturating_add(len);
        if end > data.len() {
            break;
        }
        let crc = crc32c::crc32c_append(crc32c::crc32c(&data[at..at + 8]), &data[at + 12..end]).to_be_bytes();
        data[at + 8..at + 12].copy_from_slice(&crc);
        at = end;
    }
    data
}

/// Any record of a memory snapshot decodes to what survives another round, or is refused.
///
/// # Panics
///
/// When that does not hold.
pub fn chunk_snapshot_record(data: &[u8]) {
    let Ok(read) = decode_chunk_snapshot_record(data) else { return };
    let once = encode_chunk_snapshot_record(&read);
    let again = decode_chunk_snapshot_record(&once).expect("what was just written");
    // By bytes, because values may be NaN.
    assert_eq!(encode_chunk_snapshot_record(&again), once);
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
        replay("head_chunk_file", head_chunk_file);
        replay("head_snapshot", head_snapshot);
        replay("chunk_snapshot_record", chunk_snapshot_record);
    }

    proptest! {
        #[test]
        fn any_record_holds(kind in 1_u8..14, body in prop::collection::vec(any::<u8>(), 0..120)) {
            let mut record = vec![kind];
            record.extend(body);
            wal_record(&record);
        }

        #[test]
        fn any_memory_snapshot_record_holds(kind in 1_u8..4, body in prop::collection::vec(any::<u8>(), 0..120)) {
            let mut record = vec![kind];
            record.extend(body);
            chunk_snapshot_record(&record);
        }

        #[test]
        fn any_head_chunk_file_holds(data in prop::collection::vec(prop_oneof![3 => Just(0_u8), 1 => any::<u8>()], 0..300)) {
            head_chunk_file(&data);
        }

        #[test]
        fn any_segment_holds(data in prop::collection::vec(prop_oneof![Just(0_u8), 0_u8..12, any::<u8>()], 0..400)) {
            wal_segment(&data);
        }
    }
}
