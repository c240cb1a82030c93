//! Writing a head snapshot.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use promethium_model::Symbols;

use super::{
    END, FIRST_OWN, HEAD_SNAPSHOT_FILE, HeadSnapshotChunk, LAST_OWN, LogPosition, MAGIC, SERIES, SYMBOLS, VERSION,
};
use crate::WalError;
use crate::record::{push_string, push_uvarint, push_varint};
use promethium_vfs::{OpenMode, Vfs, VfsFile};

// A section is closed once it has this many bytes.
const SECTION_BYTES: usize = 1 << 20;

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeadSnapshotSummary {
    /// Series.
    pub series: u64,
    /// Chunks of all series.
    pub chunks: u64,
    /// Distinct label names and values.
    pub symbols: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

/// Writes a head snapshot, in one pass, holding a section and the symbols. Dropped before [`HeadSnapshotWriter::finish`] it
/// leaves a file that ends in `.tmp`, which the next one replaces.
pub struct HeadSnapshotWriter {
    vfs: Arc<dyn Vfs>,
    dir: PathBuf,
    draft: PathBuf,
    file: Arc<dyn VfsFile>,
    names: Symbols,
    new_symbols: Vec<u8>,
    series: Vec<u8>,
    entry: Vec<u8>,
    last_reference: u64,
    sections: u64,
    summary: HeadSnapshotSummary,
}

impl HeadSnapshotWriter {
    /// Begins a snapshot in the data directory `dir` that stands for the log up to `position`.
    ///
    /// # Errors
    ///
    /// When the file cannot be created.
    pub fn create(vfs: Arc<dyn Vfs>, dir: &Path, position: LogPosition) -> Result<Self, WalError> {
        let draft = dir.join(format!("{HEAD_SNAPSHOT_FILE}.tmp"));
        match vfs.remove(&draft) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(WalError::at(&draft)(e)),
            _ => {}
        }
        let file = vfs.open(&draft, OpenMode::CreateNew).map_err(WalError::at(&draft))?;
        let mut writer = HeadSnapshotWriter {
            vfs,
            dir: dir.to_path_buf(),
            draft,
            file,
            names: Symbols::new(),
            new_symbols: Vec::new(),
            series: Vec::new(),
            entry: Vec::new(),
            last_reference: 0,
            sections: 0,
            summary: HeadSnapshotSummary::default(),
        };
        writer.append(&header(position))?;
        Ok(writer)
    }

    /// Adds a series: its reference, labels in name order, bytes of the head's own (what it needs to go on with the
    /// series), and its chunks. Ascending references take the least room.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn series<'a>(
        &mut self,
        reference: u64,
        labels: impl ExactSizeIterator<Item = (&'a str, &'a str)>,
        state: &[u8],
        chunks: &[HeadSnapshotChunk<'_>],
    ) -> Result<(), WalError> {
        let mut entry = std::mem::take(&mut self.entry);
        entry.clear();
        push_uvarint(&mut entry, reference.wrapping_sub(self.last_reference));
        push_uvarint(&mut entry, labels.len() as u64);
        for (name, value) in labels {
            push_uvarint(&mut entry, self.symbol(name));
            push_uvarint(&mut entry, self.symbol(value));
        }
        push_uvarint(&mut entry, state.len() as u64);
        entry.extend_from_slice(state);
        push_chunks(&mut entry, chunks);
        self.series.extend_from_slice(&entry);
        self.entry = entry;
        self.last_reference = reference;
        self.summary.series += 1;
        self.summary.chunks += chunks.len() as u64;
        if self.series.len() >= SECTION_BYTES { self.flush() } else { Ok(()) }
    }

    fn symbol(&mut self, text: &str) -> u64 {
        let known = self.names.len();
        let symbol = self.names.intern(text);
        if self.names.len() > known {
            push_string(&mut self.new_symbols, text);
            self.summary.symbols += 1;
        }
        u64::from(symbol.0)
    }

    /// Adds a section of the head's own; `kind` is 16 to 127, and a kind may occur often.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    ///
    /// # Panics
    ///
    /// When the kind is another, or the payload is 4 GiB long: both are mistakes of the caller.
    pub fn section(&mut self, kind: u8, payload: &[u8]) -> Result<(), WalError> {
        assert!((FIRST_OWN..=LAST_OWN).contains(&kind), "sections of kind {kind} are not the head's own");
        self.flush()?;
        self.write_section(kind, payload)
    }

    /// Symbols come before the series that use them.
    fn flush(&mut self) -> Result<(), WalError> {
        self.last_reference = 0;
        for (kind, payload) in
            [(SYMBOLS, std::mem::take(&mut self.new_symbols)), (SERIES, std::mem::take(&mut self.series))]
        {
            if !payload.is_empty() {
                self.write_section(kind, &payload)?;
            }
        }
        Ok(())
    }

    fn write_section(&mut self, kind: u8, payload: &[u8]) -> Result<(), WalError> {
        let len = u32::try_from(payload.len()).expect("a section is shorter than 4 GiB");
        let mut bytes = vec![kind, 0, 0, 0];
        bytes.extend_from_slice(&len.to_be_bytes());
        let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes), payload);
        bytes.extend_from_slice(&crc.to_be_bytes());
        bytes.extend_from_slice(payload);
        self.sections += 1;
        self.append(&bytes)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), WalError> {
        self.file.append(bytes).map_err(WalError::at(&self.draft))?;
        self.summary.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Ends the snapshot and puts it in its place, durably, instead of an older one.
    ///
    /// # Errors
    ///
    /// When the file cannot be written, synced or renamed; an older one is still there then.
    pub fn finish(mut self) -> Result<HeadSnapshotSummary, WalError> {
        self.flush()?;
        let counts = [self.summary.series, self.summary.chunks, self.summary.symbols, self.sections];
        let payload: Vec<u8> = counts.iter().flat_map(|n| n.to_be_bytes()).collect();
        self.write_section(END, &payload)?;
        self.file.sync().map_err(WalError::at(&self.draft))?;
        let target = self.dir.join(HEAD_SNAPSHOT_FILE);
        self.vfs.rename(&self.draft, &target).map_err(WalError::at(&target))?;
        self.vfs.sync_dir(&self.dir).map_err(WalError::at(&self.dir))?;
        Ok(self.summary)
    }
}

fn header(position: LogPosition) -> Vec<u8> {
    let mut bytes = MAGIC.to_be_bytes().to_vec();
    bytes.extend_from_slice(&[VERSION, 0, 0, 0]);
    bytes.extend_from_slice(&position.segment.to_be_bytes());
    bytes.extend_from_slice(&position.offset.to_be_bytes());
    let crc = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&crc.to_be_bytes());
    bytes
}

fn push_chunks(entry: &mut Vec<u8>, chunks: &[HeadSnapshotChunk<'_>]) {
    push_uvarint(entry, chunks.len() as u64);
    let mut previous_ms = 0_i64;
    for chunk in chunks {
        entry.push(chunk.encoding);
        push_varint(entry, chunk.min_ms.wrapping_sub(previous_ms));
        push_uvarint(entry, chunk.max_ms.wrapping_sub(chunk.min_ms) as u64);
        push_uvarint(entry, chunk.data.len() as u64);
        entry.extend_from_slice(chunk.data);
        previous_ms = chunk.max_ms;
    }
}
