//! Reading a head snapshot: checked whole before anything of it is believed.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::{
    END, END_BYTES, HEAD_SNAPSHOT_FILE, HEADER_BYTES, HeadSnapshotChunk, LogPosition, MAGIC, SECTION_HEADER_BYTES,
    SERIES, SYMBOLS, VERSION,
};
use crate::WalError;
use crate::layout::WalLayout;
use crate::record::{Cursor, RecordError};
use promethium_vfs::{FileMap, OpenMode, Vfs};

/// A head snapshot whose checksums are right.
pub struct HeadSnapshot {
    path: PathBuf,
    map: FileMap,
    position: LogPosition,
    sections: Vec<(u8, Range<usize>)>,
    series: u64,
    chunks: u64,
    symbols: u64,
}

/// A series of a snapshot.
#[derive(Clone, Copy, Debug)]
pub struct HeadSnapshotEntry<'s, 'b> {
    /// The reference that the log uses.
    pub reference: u64,
    /// Numbers of the names and values, to be looked up in [`HeadSnapshot::symbols`].
    pub labels: &'b [(u32, u32)],
    /// The head's own bytes.
    pub state: &'s [u8],
    /// Its chunks.
    pub chunks: &'b [HeadSnapshotChunk<'s>],
}

impl HeadSnapshot {
    /// Opens the snapshot in the data directory `dir` and checks all of it.
    ///
    /// # Errors
    ///
    /// See [`WalError::is_not_found`]; otherwise the snapshot is not to be used.
    pub fn open(vfs: &dyn Vfs, dir: &Path) -> Result<HeadSnapshot, WalError> {
        let path = dir.join(HEAD_SNAPSHOT_FILE);
        let file = vfs.open(&path, OpenMode::Read).map_err(WalError::at(&path))?;
        let map = file.map().map_err(WalError::at(&path))?;
        let position = read_header(&map, &path)?;
        let (sections, counts) = read_sections(&map, &path)?;
        let [series, chunks, symbols, _] = counts;
        Ok(HeadSnapshot { path, map, position, sections, series, chunks, symbols })
    }

    /// Where the log goes on.
    #[must_use]
    pub fn position(&self) -> LogPosition {
        self.position
    }

    /// Checks that the log of `layout` goes on where the snapshot ends.
    ///
    /// # Errors
    ///
    /// [`WalError::StaleSnapshot`] when it does not; or when the segment cannot be asked for its length.
    pub fn check_log(&self, vfs: &dyn Vfs, layout: &WalLayout) -> Result<(), WalError> {
        let position = self.position;
        let stale = |log: String| Err(WalError::StaleSnapshot { path: self.path.clone(), position, log });
        let Some(segment) = layout.segments.iter().find(|s| s.index == position.segment) else {
            let last = layout.next_index.checked_sub(1);
            return stale(
                last.map_or("is empty".to_owned(), |last| format!("has no such segment, and ends at {last}")),
            );
        };
        let file = vfs.open(&segment.path, OpenMode::Read).map_err(WalError::at(&segment.path))?;
        let len = file.len().map_err(WalError::at(&segment.path))?;
        if len < position.offset { stale(format!("has only {len} bytes of that segment")) } else { Ok(()) }
    }

    /// All bytes of the snapshot: for who keeps chunks longer than it keeps this.
    #[must_use]
    pub fn bytes(&self) -> FileMap {
        self.map.clone()
    }

    /// Where a chunk of this snapshot has its data in [`HeadSnapshot::bytes`]. A place that is nowhere, for a chunk of another.
    #[must_use]
    pub fn place_of(&self, chunk: &HeadSnapshotChunk<'_>) -> Range<usize> {
        let start = self.index_of(chunk.data);
        start..start.saturating_add(chunk.data.len())
    }

    fn index_of(&self, part: &[u8]) -> usize {
        part.as_ptr().addr().wrapping_sub(self.map.as_ptr().addr())
    }

    /// The byte offset in the file of bytes that this snapshot gave; of no meaning for others.
    #[must_use]
    pub fn offset_of(&self, part: &[u8]) -> u64 {
        self.index_of(part) as u64
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Number of series.
    #[must_use]
    pub fn series_count(&self) -> u64 {
        self.series
    }

    /// Number of chunks of all series.
    #[must_use]
    pub fn chunk_count(&self) -> u64 {
        self.chunks
    }

    /// Number of distinct label names and values.
    #[must_use]
    pub fn symbol_count(&self) -> u64 {
        self.symbols
    }

    /// The payloads of all sections of a kind, in order.
    pub fn sections(&self, kind: u8) -> impl Iterator<Item = &[u8]> + '_ {
        self.placed_sections(kind).map(|section| section.payload)
    }

    fn placed_sections(&self, kind: u8) -> impl Iterator<Item = Section<'_>> + '_ {
        let of_kind = self.sections.iter().filter(move |(k, _)| *k == kind);
        of_kind.map(|(_, range)| Section {
            offset: range.start.saturating_sub(SECTION_HEADER_BYTES) as u64,
            payload: self.map.get(range.clone()).unwrap_or_default(),
        })
    }

    /// All symbols, in the order of their numbers.
    ///
    /// # Errors
    ///
    /// When a section does not decode, although its checksum is right.
    pub fn symbols(&self) -> Result<Vec<&str>, WalError> {
        let mut symbols = Vec::with_capacity(usize::try_from(self.symbols).unwrap_or(0).min(self.map.len()));
        for section in self.placed_sections(SYMBOLS) {
            let mut rest = Cursor::new(section.payload);
            while !rest.is_empty() {
                symbols.push(rest.string().map_err(WalError::in_record(&self.path, section.offset))?);
            }
        }
        Ok(symbols)
    }

    /// Walks the series.
    #[must_use]
    pub fn series(&self) -> HeadSnapshotSeries<'_> {
        HeadSnapshotSeries::over(self, self.placed_sections(SERIES).collect())
    }

    /// Walks the series in `parts` consecutive parts, each of which can be given to a thread of its own.
    #[must_use]
    pub fn series_parts(&self, parts: usize) -> Vec<HeadSnapshotSeries<'_>> {
        let sections: Vec<_> = self.placed_sections(SERIES).collect();
        let of_part = sections.len().div_ceil(parts.max(1)).max(1);
        sections.chunks(of_part).map(|part| HeadSnapshotSeries::over(self, part.to_vec())).collect()
    }
}

/// A section, and where in the file it begins.
#[derive(Clone, Copy)]
struct Section<'s> {
    offset: u64,
    payload: &'s [u8],
}

/// A walk over the series of a snapshot.
pub struct HeadSnapshotSeries<'s> {
    snapshot: &'s HeadSnapshot,
    sections: std::vec::IntoIter<Section<'s>>,
    /// Of the section that is being read.
    offset: u64,
    rest: Cursor<'s>,
    last_reference: u64,
    labels: Vec<(u32, u32)>,
    chunks: Vec<HeadSnapshotChunk<'s>>,
}

impl<'s> HeadSnapshotSeries<'s> {
    fn over(snapshot: &'s HeadSnapshot, sections: Vec<Section<'s>>) -> Self {
        let (labels, chunks) = (Vec::new(), Vec::new());
        let sections = sections.into_iter();
        HeadSnapshotSeries { snapshot, sections, offset: 0, rest: Cursor::new(&[]), last_reference: 0, labels, chunks }
    }

    /// The next series, `None` at the end.
    ///
    /// # Errors
    ///
    /// When a section does not decode, although its checksum is right.
    pub fn next_entry(&mut self) -> Result<Option<HeadSnapshotEntry<'s, '_>>, WalError> {
        while self.rest.is_empty() {
            let Some(section) = self.sections.next() else { return Ok(None) };
            (self.rest, self.offset) = (Cursor::new(section.payload), section.offset);
            self.last_reference = 0;
        }
        let state = self.read_entry();
        let state = state.map_err(WalError::in_record(&self.snapshot.path, self.offset))?;
        let reference = self.last_reference;
        Ok(Some(HeadSnapshotEntry { reference, labels: &self.labels, state, chunks: &self.chunks }))
    }

    fn read_entry(&mut self) -> Result<&'s [u8], RecordError> {
        let rest = &mut self.rest;
        self.last_reference = self.last_reference.wrapping_add(rest.uvarint("reference")?);
        self.labels.clear();
        for _ in 0..rest.count(2, "label count")? {
            let name = read_symbol(rest, self.snapshot.symbols)?;
            self.labels.push((name, read_symbol(rest, self.snapshot.symbols)?));
        }
        let len = rest.count(1, "length of the state")?;
        let state = rest.take(len, "state")?;
        self.chunks.clear();
        let mut previous_ms = 0_i64;
        for _ in 0..rest.count(4, "chunk count")? {
            let chunk = read_chunk(rest, previous_ms)?;
            previous_ms = chunk.max_ms;
            self.chunks.push(chunk);
        }
        Ok(state)
    }
}

fn read_symbol(rest: &mut Cursor<'_>, symbols: u64) -> Result<u32, RecordError> {
    let symbol = rest.uvarint("symbol")?;
    let known = u32::try_from(symbol).ok().filter(|_| symbol < symbols);
    known.ok_or(RecordError::OutOfRange { what: "symbol", value: symbol.into() })
}

fn read_chunk<'s>(rest: &mut Cursor<'s>, previous_ms: i64) -> Result<HeadSnapshotChunk<'s>, RecordError> {
    let encoding = rest.u8("chunk encoding")?;
    let min_ms = previous_ms.wrapping_add(rest.varint("min time")?);
    let max_ms = min_ms.wrapping_add(rest.uvarint("max time")? as i64);
    let len = rest.count(1, "chunk length")?;
    Ok(HeadSnapshotChunk { encoding, min_ms, max_ms, data: rest.take(len, "chunk")? })
}

fn damaged(path: &Path, offset: usize, message: impl Into<String>) -> WalError {
    WalError::Damaged { path: path.to_path_buf(), offset: offset as u64, message: message.into() }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk::<4>()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(*bytes.get(at..)?.first_chunk::<8>()?))
}

fn read_header(bytes: &[u8], path: &Path) -> Result<LogPosition, WalError> {
    let cut = || damaged(path, 0, "the file header is cut short");
    let header = bytes.get(..HEADER_BYTES).ok_or_else(cut)?;
    let magic = u32_at(header, 0).ok_or_else(cut)?;
    if magic != MAGIC {
        return Err(damaged(path, 0, format!("expected magic number {MAGIC:08x}, found {magic:08x}")));
    }
    let (checked, stored) = header.split_last_chunk::<4>().ok_or_else(cut)?;
    let (expected, found) = (u32::from_be_bytes(*stored), crc32c::crc32c(checked));
    if expected != found {
        return Err(damaged(path, 0, format!("expected checksum {expected:08x}, found {found:08x}")));
    }
    match header.get(4).copied() {
        Some(VERSION) => {}
        version => {
            let version = version.unwrap_or(0);
            return Err(WalError::UnknownVersion { path: path.to_path_buf(), what: "head snapshots", version });
        }
    }
    let (segment, offset) = (u64_at(header, 8).ok_or_else(cut)?, u64_at(header, 16).ok_or_else(cut)?);
    Ok(LogPosition { segment, offset })
}

type Sections = (Vec<(u8, Range<usize>)>, [u64; 4]);

/// Kind and payload of each section but the last, and the counts of that.
fn read_sections(bytes: &[u8], path: &Path) -> Result<Sections, WalError> {
    let mut sections = Vec::new();
    let mut at = HEADER_BYTES;
    loop {
        let (kind, payload) = read_section(bytes, at).map_err(|message| damaged(path, at, message))?;
        let end = payload.end;
        if kind == END {
            let counts = read_counts(bytes.get(payload).unwrap_or_default());
            let counts = counts.filter(|[.., before]| *before == sections.len() as u64 && end == bytes.len());
            return Ok((sections, counts.ok_or_else(|| damaged(path, at, "the end is not that of this file"))?));
        }
        sections.push((kind, payload));
        at = end;
    }
}

fn read_counts(payload: &[u8]) -> Option<[u64; 4]> {
    if payload.len() != END_BYTES {
        return None;
    }
    Some([u64_at(payload, 0)?, u64_at(payload, 8)?, u64_at(payload, 16)?, u64_at(payload, 24)?])
}

fn read_section(bytes: &[u8], at: usize) -> Result<(u8, Range<usize>), String> {
    let cut = || "the section is cut short".to_owned();
    let section = bytes.get(at..).ok_or_else(cut)?;
    let kind = *section.first().ok_or_else(cut)?;
    let len = u32_at(section, 4).ok_or_else(cut)? as usize;
    let expected = u32_at(section, 8).ok_or_else(cut)?;
    let payload = section.get(SECTION_HEADER_BYTES..).and_then(|p| p.get(..len)).ok_or_else(cut)?;
    let found = crc32c::crc32c_append(crc32c::crc32c(section.get(..8).unwrap_or_default()), payload);
    if expected != found {
        return Err(format!("expected checksum {expected:08x}, found {found:08x}"));
    }
    let start = at.saturating_add(SECTION_HEADER_BYTES);
    Ok((kind, start..start.saturating_add(len)))
}
