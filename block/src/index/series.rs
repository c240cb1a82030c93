//! A series' entry: `uvarint length · body · u32 crc(body)` on a boundary of 16 bytes.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::bytes::{Cursor, check_crc, ends_early, from_offset};
use crate::error::Fault;

/// Entries begin on a multiple of this; a series' id is its offset divided by it.
pub(crate) const ALIGNMENT: u64 = 16;

/// Where a chunk is, and which times it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkMeta {
    /// First timestamp, milliseconds since the epoch.
    pub min_ms: i64,
    /// Last timestamp.
    pub max_ms: i64,
    /// Number of the chunk file, from 0, in the upper 32 bits; byte offset in it in the lower.
    pub reference: u64,
}

/// A series as the index has it.
#[derive(Clone, Debug, Default)]
pub(crate) struct SeriesEntry {
    /// Name and value, as the file refers to symbols.
    pub(crate) labels: Vec<(u32, u32)>,
    pub(crate) chunks: Vec<ChunkMeta>,
}

impl SeriesEntry {
    /// Reads the entry at `offset` into this one's buffers.
    pub(crate) fn read(&mut self, file: &[u8], offset: u64) -> Result<(), Fault> {
        let body = checked_body(file, offset)?;
        self.parse(body).ok_or_else(|| Fault::new(offset, "the series' entry ends early"))
    }

    fn parse(&mut self, body: &[u8]) -> Option<()> {
        self.labels.clear();
        self.chunks.clear();
        let mut bytes = Cursor::new(body);
        let label_count = bytes.uvarint()?;
        for _ in 0..label_count {
            self.labels.push((small(bytes.uvarint()?)?, small(bytes.uvarint()?)?));
        }
        self.parse_chunks(&mut bytes)?;
        bytes.is_empty().then_some(())
    }

    fn parse_chunks(&mut self, bytes: &mut Cursor<'_>) -> Option<()> {
        let count = bytes.uvarint()?;
        if count == 0 {
            return Some(());
        }
        let min_ms = bytes.varint()?;
        let mut last =
            ChunkMeta { min_ms, max_ms: min_ms.wrapping_add_unsigned(bytes.uvarint()?), reference: bytes.uvarint()? };
        self.chunks.push(last);
        for _ in 1..count {
            let min_ms = last.max_ms.wrapping_add_unsigned(bytes.uvarint()?);
            let max_ms = min_ms.wrapping_add_unsigned(bytes.uvarint()?);
            last = ChunkMeta { min_ms, max_ms, reference: last.reference.wrapping_add_signed(bytes.varint()?) };
            self.chunks.push(last);
        }
        Some(())
    }
}

fn small(n: u64) -> Option<u32> {
    u32::try_from(n).ok()
}

fn checked_body(file: &[u8], offset: u64) -> Result<&[u8], Fault> {
    let (body, sum, _) = unchecked_body(file, offset)?;
    check_crc(body, sum, offset)?;
    Ok(body)
}

/// Body, sum, and the offset behind both.
fn unchecked_body(file: &[u8], offset: u64) -> Result<(&[u8], u32, u64), Fault> {
    let start = from_offset(file, offset)?;
    let mut bytes = Cursor::new(start);
    let body = bytes.prefixed().ok_or_else(|| ends_early(offset))?;
    let sum = bytes.u32().ok_or_else(|| ends_early(offset))?;
    Ok((body, sum, offset + (start.len() - bytes.rest().len()) as u64))
}

/// Walks all entries of `[start, end)`, which begin on multiples of `alignment`. Where none can be read, the walk goes on at the next one that can.
pub(crate) struct Walk<'a> {
    file: &'a [u8],
    at: u64,
    end: u64,
    alignment: u64,
    /// The first place of a gap that is not yet reported.
    gap: Option<Fault>,
}

/// A step of a [`Walk`].
pub(crate) enum Step {
    /// The entry at this offset was read.
    Entry(u64),
    /// Here is something else than an entry.
    Gap(Fault),
}

impl<'a> Walk<'a> {
    pub(crate) fn new(file: &'a [u8], start: u64, end: u64, alignment: u64) -> Self {
        Walk { file, at: start.next_multiple_of(alignment), end: end.min(file.len() as u64), alignment, gap: None }
    }

    /// The next step; entries are read into `entry`.
    pub(crate) fn next(&mut self, entry: &mut SeriesEntry) -> Option<Step> {
        while self.at < self.end {
            let offset = self.at;
            match self.read(offset, entry) {
                Ok(end) => {
                    if let Some(gap) = self.gap.take() {
                        return Some(Step::Gap(gap));
                    }
                    self.at = end.next_multiple_of(self.alignment);
                    return Some(Step::Entry(offset));
                }
                Err(fault) => {
                    self.gap.get_or_insert(fault);
                    self.at += self.alignment;
                }
            }
        }
        self.gap.take().map(Step::Gap)
    }

    /// As bytes that are no entry may say anything, the body's layout is looked at before its sum is taken.
    fn read(&self, offset: u64, entry: &mut SeriesEntry) -> Result<u64, Fault> {
        let (body, sum, end) = unchecked_body(self.file, offset)?;
        if end > self.end || entry.parse(body).is_none() {
            return Err(Fault::new(offset, "not a series' entry"));
        }
        check_crc(body, sum, offset)?;
        Ok(end)
    }
}
