//! Prometheus' memory snapshots, `chunk_snapshot.SSSSSS.OOOOOOOOOO`: the newest chunk of every series, written at a clean
//! shutdown where the feature `memory-snapshot-on-shutdown` is on.
//!
//! The name says up to where the log is covered: segment and byte offset. A snapshot is all or nothing: after any error
//! the whole log is replayed instead.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::path::{Path, PathBuf};

use promethium_model::HistogramValue;

use crate::WalError;
use crate::layout::segment_files;
use crate::reader::{Item, SegmentReader};
use crate::record::{
    Cursor, RecordError, RefExemplar, RefTombstone, decode_exemplar_body, encode_exemplar_body, push_pairs,
    push_uvarint, push_varint, read_histogram, write_histogram,
};
use promethium_vfs::{OpenMode, Vfs};

const SERIES: u8 = 1;
const TOMBSTONES: u8 = 2;
const EXEMPLARS: u8 = 3;
const TOMBSTONES_VERSION: u8 = 1;
// Three samples of an old buffer and the time of a fourth, all zero.
const OLD_BUFFER_BYTES: usize = 56;

/// A memory snapshot's directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkSnapshotDir {
    /// Where it is.
    pub path: PathBuf,
    /// The newest segment of the log that it covers.
    pub segment: u64,
    /// How many bytes of that segment it covers: replay goes on there.
    pub offset: u64,
}

/// What one record of a memory snapshot says.
#[derive(Clone, Debug, PartialEq)]
pub enum ChunkSnapshotRecord<'a> {
    /// A series.
    Series(ChunkSnapshotSeries<'a>),
    /// The deleted intervals of the head.
    Tombstones(Vec<RefTombstone>),
    /// Exemplars.
    Exemplars(Vec<RefExemplar>),
}

/// A series of a memory snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct ChunkSnapshotSeries<'a> {
    /// The reference that the log uses.
    pub reference: u64,
    /// Names and values in the order of the record.
    pub pairs: Vec<(&'a str, &'a str)>,
    /// Its newest chunk; `None` when all of its chunks are in head chunk files.
    pub chunk: Option<SnapshotHeadChunk<'a>>,
}

/// The newest chunk of a series. It is never appended to: the next sample begins a new one.
#[derive(Clone, Debug, PartialEq)]
pub struct SnapshotHeadChunk<'a> {
    /// Time of the first sample, milliseconds since the epoch.
    pub min_ms: i64,
    /// Time of the last sample.
    pub max_ms: i64,
    /// The chunk's encoding.
    pub encoding: u8,
    /// The encoded samples.
    pub data: &'a [u8],
    /// The last value.
    pub last: SnapshotLastValue,
}

/// The last value of a series, against which the next one is compared.
#[derive(Clone, Debug, PartialEq)]
pub enum SnapshotLastValue {
    /// Of a series of floats.
    Float(f64),
    /// Of a series of histograms.
    Histogram(HistogramValue),
}

/// A record of a memory snapshot, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedRecord<'a> {
    /// The file.
    pub path: &'a Path,
    /// Byte offset in it.
    pub offset: u64,
    /// What it says.
    pub record: ChunkSnapshotRecord<'a>,
}

/// Takes a record, or the damage in place of some, and says whether to go on.
pub type VisitRecord<'v> = &'v mut dyn FnMut(Result<PlacedRecord<'_>, WalError>) -> Result<(), WalError>;

/// The newest memory snapshot in a data directory.
///
/// # Errors
///
/// When the directory cannot be listed.
pub fn find_chunk_snapshot(vfs: &dyn Vfs, data_dir: &Path) -> Result<Option<ChunkSnapshotDir>, WalError> {
    Ok(list_chunk_snapshots(vfs, data_dir)?.pop())
}

/// All memory snapshots in a data directory, the newest last.
///
/// # Errors
///
/// When the directory cannot be listed.
pub fn list_chunk_snapshots(vfs: &dyn Vfs, data_dir: &Path) -> Result<Vec<ChunkSnapshotDir>, WalError> {
    let names = vfs.list(data_dir).map_err(WalError::at(data_dir))?;
    let snapshots = names.iter().filter_map(|name| {
        let (segment, offset) = name.strip_prefix("chunk_snapshot.")?.split_once('.')?;
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        Some(ChunkSnapshotDir { path: data_dir.join(name), segment: digits(segment)?, offset: digits(offset)? })
    });
    let mut snapshots: Vec<_> = snapshots.collect();
    snapshots.sort_by_key(|s| (s.segment, s.offset));
    Ok(snapshots)
}

/// Reads a memory snapshot, record by record.
///
/// # Errors
///
/// At the first damage. What was visited before must be thrown away, and the whole log replayed.
pub fn read_chunk_snapshot(
    vfs: &dyn Vfs,
    dir: &Path,
    visit: &mut dyn FnMut(ChunkSnapshotRecord<'_>),
) -> Result<(), WalError> {
    scan_chunk_snapshot(vfs, dir, &mut |found| {
        visit(found?.record);
        Ok(())
    })
}

/// Reads everything that a memory snapshot has, past damage: of each record, and of each damage, `visit` says whether to
/// go on.
///
/// # Errors
///
/// What `visit` returns, and when a file cannot be read.
pub fn scan_chunk_snapshot(vfs: &dyn Vfs, dir: &Path, visit: VisitRecord<'_>) -> Result<(), WalError> {
    let names = vfs.list(dir).map_err(WalError::at(dir))?;
    for segment in segment_files(dir, &names) {
        let path = &*segment.path;
        let io = || WalError::at(path);
        let mut reader = SegmentReader::new(vfs.open(path, OpenMode::Read).map_err(io())?);
        while let Some(item) = reader.next_item().map_err(io())? {
            visit(match item {
                Item::Record { start, bytes } => decode_chunk_snapshot_record(bytes)
                    .map(|record| PlacedRecord { path, offset: start, record })
                    .map_err(WalError::in_record(path, start)),
                Item::Damage { offset, message } => {
                    Err(WalError::Damaged { path: path.to_path_buf(), offset, message })
                }
            })?;
        }
    }
    Ok(())
}

/// Decodes one record of a memory snapshot.
///
/// # Errors
///
/// When the record is cut short, or of a type or chunk encoding that is not known.
pub fn decode_chunk_snapshot_record(record: &[u8]) -> Result<ChunkSnapshotRecord<'_>, RecordError> {
    let mut rest = Cursor::new(record);
    let read = match rest.u8("record type")? {
        SERIES => ChunkSnapshotRecord::Series(decode_series(&mut rest)?),
        TOMBSTONES => ChunkSnapshotRecord::Tombstones(decode_tombstones(&mut rest)?),
        EXEMPLARS => {
            let mut exemplars = Vec::new();
            decode_exemplar_body(rest, &mut exemplars)?;
            return Ok(ChunkSnapshotRecord::Exemplars(exemplars));
        }
        found => return Err(RecordError::WrongType { expected: "a memory snapshot", found }),
    };
    if rest.is_empty() { Ok(read) } else { Err(RecordError::TrailingBytes(rest.rest().len())) }
}

fn decode_series<'a>(rest: &mut Cursor<'a>) -> Result<ChunkSnapshotSeries<'a>, RecordError> {
    let reference = rest.u64("series reference")?;
    let mut pairs = Vec::new();
    rest.pairs(&mut pairs)?;
    // Once the chunk range.
    rest.u64("chunk range")?;
    let chunk = match rest.uvarint("chunk mark")? {
        0 => None,
        _ => Some(decode_chunk(rest)?),
    };
    Ok(ChunkSnapshotSeries { reference, pairs, chunk })
}

fn decode_chunk<'a>(rest: &mut Cursor<'a>) -> Result<SnapshotHeadChunk<'a>, RecordError> {
    let (min_ms, max_ms) = (rest.i64("min time")?, rest.i64("max time")?);
    let encoding = rest.u8("chunk encoding")?;
    let len = rest.count(1, "chunk length")?;
    let data = rest.take(len, "chunk")?;
    let last = match encoding {
        1 | 4 => {
            rest.take(OLD_BUFFER_BYTES, "sample buffer")?;
            SnapshotLastValue::Float(rest.f64("last value")?)
        }
        2 | 3 | 5 | 6 => SnapshotLastValue::Histogram(read_histogram(rest, matches!(encoding, 3 | 6))?),
        other => return Err(RecordError::OutOfRange { what: "chunk encoding", value: other.into() }),
    };
    Ok(SnapshotHeadChunk { min_ms, max_ms, encoding, data, last })
}

fn decode_tombstones(rest: &mut Cursor<'_>) -> Result<Vec<RefTombstone>, RecordError> {
    let len = rest.count(1, "length of tombstones")?;
    let mut stones = Cursor::new(rest.take(len, "tombstones")?);
    match stones.u8("version of tombstones")? {
        TOMBSTONES_VERSION => {}
        other => return Err(RecordError::OutOfRange { what: "version of tombstones", value: other.into() }),
    }
    let mut all = Vec::new();
    while !stones.is_empty() {
        let series = stones.uvarint("reference")?;
        all.push(RefTombstone { series, min_ms: stones.varint("min time")?, max_ms: stones.varint("max time")? });
    }
    Ok(all)
}

/// The record that says this.
#[must_use]
pub fn encode_chunk_snapshot_record(record: &ChunkSnapshotRecord<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    match record {
        ChunkSnapshotRecord::Series(series) => encode_series(&mut out, series),
        ChunkSnapshotRecord::Tombstones(stones) => {
            let mut body = vec![TOMBSTONES_VERSION];
            for stone in stones {
                push_uvarint(&mut body, stone.series);
                push_varint(&mut body, stone.min_ms);
                push_varint(&mut body, stone.max_ms);
            }
            out.push(TOMBSTONES);
            push_uvarint(&mut out, body.len() as u64);
            out.extend_from_slice(&body);
        }
        ChunkSnapshotRecord::Exemplars(exemplars) => {
            out.push(EXEMPLARS);
            encode_exemplar_body(&mut out, exemplars);
        }
    }
    out
}

fn encode_series(out: &mut Vec<u8>, series: &ChunkSnapshotSeries<'_>) {
    out.push(SERIES);
    out.extend_from_slice(&series.reference.to_be_bytes());
    push_pairs(out, series.pairs.iter().copied());
    out.extend_from_slice(&[0; 8]);
    let Some(chunk) = &series.chunk else { return out.push(0) };
    out.push(1);
    out.extend_from_slice(&chunk.min_ms.to_be_bytes());
    out.extend_from_slice(&chunk.max_ms.to_be_bytes());
    out.push(chunk.encoding);
    push_uvarint(out, chunk.data.len() as u64);
    out.extend_from_slice(chunk.data);
    match &chunk.last {
        SnapshotLastValue::Float(value) => {
            out.extend_from_slice(&[0; OLD_BUFFER_BYTES]);
            out.extend_from_slice(&value.to_bits().to_be_bytes());
        }
        SnapshotLastValue::Histogram(histogram) => write_histogram(out, histogram),
    }
}
