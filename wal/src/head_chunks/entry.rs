//! One chunk as it stands in a file.
//!
//! `u64 series · u64 min · u64 max · u8 encoding (top bit: out of order) · uvarint n · n bytes · u32 CRC-32C of all before`.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use super::HeadChunkRef;
use crate::record::{Cursor, push_uvarint};

const OUT_OF_ORDER: u8 = 0x80;
/// Series, times and encoding.
pub(super) const FIXED_BYTES: usize = 25;
pub(super) const CRC_BYTES: usize = 4;
// With the longest length.
const MAX_OVERHEAD_BYTES: u64 = FIXED_BYTES as u64 + 10 + CRC_BYTES as u64;
/// A file may end in this many zeros, less one, after its last chunk.
pub(super) const MIN_ENTRY_BYTES: usize = 34;
// References of series have 40 bits.
const MAX_SERIES: u64 = (1 << 40) - 1;

/// A chunk to be written.
#[derive(Clone, Copy, Debug)]
pub struct NewHeadChunk<'a> {
    /// The series' reference.
    pub series: u64,
    /// Time of the first sample, milliseconds since the epoch.
    pub min_ms: i64,
    /// Time of the last sample.
    pub max_ms: i64,
    /// The chunk's encoding, below 128.
    pub encoding: u8,
    /// Whether it holds samples that came out of order.
    pub is_out_of_order: bool,
    /// The encoded samples.
    pub data: &'a [u8],
}

/// A chunk that a file was found to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadChunkEntry<'a> {
    /// Where it is.
    pub reference: HeadChunkRef,
    /// The series' reference.
    pub series: u64,
    /// Time of the first sample, milliseconds since the epoch.
    pub min_ms: i64,
    /// Time of the last sample.
    pub max_ms: i64,
    /// The chunk's encoding, without the mark.
    pub encoding: u8,
    /// Whether it holds samples that came out of order.
    pub is_out_of_order: bool,
    /// The encoded samples.
    pub data: &'a [u8],
    /// Whether damage was found before it, in this file or an earlier one: chunks of its series may be missing.
    pub follows_damage: bool,
}

pub(super) fn encode(out: &mut Vec<u8>, chunk: &NewHeadChunk<'_>) {
    let start = out.len();
    out.extend_from_slice(&chunk.series.to_be_bytes());
    out.extend_from_slice(&chunk.min_ms.to_be_bytes());
    out.extend_from_slice(&chunk.max_ms.to_be_bytes());
    out.push(chunk.encoding & !OUT_OF_ORDER | if chunk.is_out_of_order { OUT_OF_ORDER } else { 0 });
    push_uvarint(out, chunk.data.len() as u64);
    out.extend_from_slice(chunk.data);
    let crc = crc32c::crc32c(out.get(start..).unwrap_or_default());
    out.extend_from_slice(&crc.to_be_bytes());
}

/// The most bytes that a chunk takes in a file.
pub(super) fn max_encoded_len(chunk: &NewHeadChunk<'_>) -> u64 {
    (chunk.data.len() as u64).saturating_add(MAX_OVERHEAD_BYTES)
}

/// A parsed chunk and the bytes that it takes.
pub(super) struct Parsed<'a> {
    pub(super) entry: HeadChunkEntry<'a>,
    pub(super) len: usize,
}

/// The chunk at the start of `bytes`.
pub(super) fn parse<'a>(bytes: &'a [u8], reference: HeadChunkRef) -> Result<Parsed<'a>, String> {
    let layout = Layout::read(bytes).ok_or("the chunk is cut short")?;
    let (body, rest) = bytes.split_at_checked(layout.body_len).ok_or("the chunk is cut short")?;
    let stored = rest.first_chunk::<CRC_BYTES>().map(|crc| u32::from_be_bytes(*crc)).ok_or("the chunk is cut short")?;
    let found = crc32c::crc32c(body);
    if stored != found {
        return Err(format!("expected checksum {stored:08x}, found {found:08x}"));
    }
    let data = body.get(layout.data_at..).unwrap_or_default();
    let entry = HeadChunkEntry {
        reference,
        series: layout.series,
        min_ms: layout.min_ms,
        max_ms: layout.max_ms,
        encoding: layout.encoding & !OUT_OF_ORDER,
        is_out_of_order: layout.encoding & OUT_OF_ORDER != 0,
        data,
        follows_damage: false,
    };
    Ok(Parsed { entry, len: layout.body_len.saturating_add(CRC_BYTES) })
}

/// What the unchecked header of a chunk says.
pub(super) struct Layout {
    series: u64,
    min_ms: i64,
    max_ms: i64,
    encoding: u8,
    data_at: usize,
    body_len: usize,
}

impl Layout {
    pub(super) fn read(bytes: &[u8]) -> Option<Layout> {
        let mut rest = Cursor::new(bytes);
        let (series, min_ms, max_ms) = (rest.u64("").ok()?, rest.i64("").ok()?, rest.i64("").ok()?);
        let encoding = rest.u8("").ok()?;
        let len = usize::try_from(rest.uvarint("").ok()?).ok()?;
        let data_at = bytes.len().checked_sub(rest.rest().len())?;
        Some(Layout { series, min_ms, max_ms, encoding, data_at, body_len: data_at.checked_add(len)? })
    }

    /// Bytes of the whole chunk.
    pub(super) fn len(&self) -> usize {
        self.body_len.saturating_add(CRC_BYTES)
    }

    /// Bytes before the checksum.
    pub(super) fn body_len(&self) -> usize {
        self.body_len
    }

    /// Whether a writer could have written this.
    pub(super) fn is_plausible(&self) -> bool {
        let encodes = (1..=16).contains(&(self.encoding & !OUT_OF_ORDER));
        encodes && (1..=MAX_SERIES).contains(&self.series) && self.min_ms <= self.max_ms
    }
}

/// Whether the files' preallocated zeros begin here.
pub(super) fn is_end_of_data(rest: &[u8]) -> bool {
    let head = rest.get(..FIXED_BYTES.saturating_sub(1)).filter(|_| rest.len() >= MIN_ENTRY_BYTES).unwrap_or(rest);
    head.iter().all(|b| *b == 0)
}
