//! Our own snapshot of the head: one file, `head_snapshot`, that makes a restart as fast as reading it.
//!
//! It holds series, their chunks, and whatever else the head wants to find again, up to a place in the log; replay goes on
//! there. It is written beside its place, synced and renamed, and it is only a short cut: damaged or stale, it is reported
//! and ignored, and the log is replayed whole. Prometheus does not look at it.
//!
//! ```text
//! file     header section* end
//! header   u32 magic 0x504d4853 · u8 version 1 · 3 zeros · u64 segment · u64 offset · u32 crc(all before)
//! section  u8 kind · 3 zeros · u32 length · u32 crc(kind to length, and payload) · payload
//!   1      symbols: repeat string; numbered from 0 over all such sections
//!   2      series:  repeat entry
//!   16–127 the head's own
//!   255    end:     u64 series · u64 chunks · u64 symbols · u64 sections before it
//! entry    uvarint (reference − previous, 0 at the start of a section) · uvarint n · n × (uvarint name, uvarint value: symbols)
//!          · uvarint n · n bytes of the head's own · uvarint n · n × chunk
//! chunk    u8 encoding · varint (min − previous max) · uvarint (max − min) · uvarint n · n bytes
//! ```
//!
//! Checksums are CRC-32C, like all others of a data directory; numbers are big-endian.

mod reader;
mod writer;

pub use reader::{HeadSnapshot, HeadSnapshotEntry, HeadSnapshotSeries};
pub use writer::{HeadSnapshotSummary, HeadSnapshotWriter};

/// The file's name in the data directory.
pub const HEAD_SNAPSHOT_FILE: &str = "head_snapshot";

const MAGIC: u32 = 0x504d_4853;
const VERSION: u8 = 1;
const HEADER_BYTES: usize = 28;
const SECTION_HEADER_BYTES: usize = 12;
const END_BYTES: usize = 32;

const SYMBOLS: u8 = 1;
const SERIES: u8 = 2;
const FIRST_OWN: u8 = 16;
const LAST_OWN: u8 = 127;
const END: u8 = 255;

/// A place in the log: everything before it is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogPosition {
    /// Number of the segment.
    pub segment: u64,
    /// Byte offset in it: the end of a record.
    pub offset: u64,
}

/// A chunk of a series in a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadSnapshotChunk<'a> {
    /// The chunk's encoding, as the head says it.
    pub encoding: u8,
    /// Time of the first sample, milliseconds since the epoch.
    pub min_ms: i64,
    /// Time of the last sample.
    pub max_ms: i64,
    /// The encoded samples.
    pub data: &'a [u8],
}

#[cfg(test)]
mod tests;
