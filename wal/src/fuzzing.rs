//! Bodies of the fuzz targets: what must hold for any bytes. The seeds under `fuzz-corpus/` run as tests.

use std::path::Path;

use crate::record::encode_v1_histograms;
use crate::{
    Compression, Item, PreparedRecord, RecordError, RecordType, SampleColumns, SegmentReader, SeriesReader,
    decode_exemplars, decode_histograms, decode_metadata, decode_mmap_markers, decode_sample_columns, decode_series,
    decode_tombstones, encode_exemplars, encode_histograms_v2, encode_metadata, encode_mmap_markers,
    encode_sample_columns, encode_samples_v2, encode_series_entry, encode_tombstones,
};
use promethium_vfs::{MemVfs, OpenMode, Vfs};

/// Any record decodes to what survives another round, or is refused.
///
/// # Panics
///
/// When that does not hold.
pub fn wal_record(data: &[u8]) {
    let _ = decode_series(data, &mut Vec::new());
    let Ok(Some(once)) = reencode(data) else { return };
    let twice = reencode(&once).expect("what was just written").expect("a record of a known type");
    assert_eq!(once, twice);
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
