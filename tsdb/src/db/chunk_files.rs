//! Full chunks that an earlier opening has put into files.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use foldhash::fast::FixedState;
use promethium_chunk::{Encoding, sample_count};
use promethium_vfs::Vfs;
use promethium_wal::head_chunks::{HeadChunkEntry, HeadChunkRef, HeadChunks};

use super::open::CHUNKS_DIR;
use super::replay::by_reference::ByReference;
use super::replay::{Damage, ReplayReport};
use crate::error::TsdbError;
use crate::head::Head;
use crate::head::chunk::{ChunkData, SealedChunk};

/// Chunks by the reference of their series, until the log says which series that is.
#[derive(Default)]
pub(super) struct FoundChunks {
    in_order: ByReference<SeriesChunks>,
    /// How many references have chunks in order.
    left: usize,
    /// By the reference of the chunk too. Only those count that the log of late samples names: others are in blocks, or in
    /// that log sample by sample.
    late: HashMap<(u64, HeadChunkRef), SealedChunk, FixedState>,
    /// Whether a file is missing, or chunks of one.
    pub(super) is_damaged: bool,
}

/// The chunks in order of one reference.
#[derive(Default)]
pub(super) struct SeriesChunks {
    pub(super) chunks: Vec<SealedChunk>,
    /// Bytes of the newest, where it is of floats: those that follow will be like it.
    pub(super) newest_bytes: u32,
}

impl SeriesChunks {
    /// Whether each ends before the next begins.
    pub(super) fn is_in_order(&self) -> bool {
        self.chunks.is_sorted_by(|a, b| a.max_ms < b.min_ms)
    }
}

/// Opens the files for the head. They are a cache of what the log says too: what stands behind damage is left to the log.
pub(super) fn open(
    vfs: &Arc<dyn Vfs>,
    dir: &Path,
    head: &Head,
    report: &mut ReplayReport,
) -> Result<FoundChunks, TsdbError> {
    let mut found = FoundChunks::default();
    let frontier_ms = head.frontier_ms();
    let (files, opened) =
        HeadChunks::open(Arc::clone(vfs), &dir.join(CHUNKS_DIR), &mut |entry| found.add(&entry, frontier_ms))?;
    found.is_damaged = !opened.damage.is_empty() || opened.torn_tail.is_some();
    for damage in opened.damage {
        report.note_damage(Damage { path: damage.path, offset: damage.offset, message: damage.message });
    }
    head.set_chunk_files(files);
    Ok(found)
}

impl FoundChunks {
    /// Puts the chunks of one reference of a series to those of another.
    pub(super) fn join(&mut self, alias: u64, of: u64) {
        let more = self.take(alias);
        if !more.chunks.is_empty() {
            let joined = self.in_order.get_or_default(of);
            self.left += usize::from(joined.chunks.is_empty());
            joined.newest_bytes = joined.newest_bytes.max(more.newest_bytes);
            joined.chunks.extend(more.chunks);
            joined.chunks.sort_by_key(|chunk| chunk.min_ms);
        }
    }

    /// The chunks in order of a reference.
    pub(super) fn take(&mut self, reference: u64) -> SeriesChunks {
        let found = self.in_order.take(reference);
        if !found.chunks.is_empty() {
            self.left -= 1;
            if self.left == 0 {
                self.in_order = ByReference::default();
            }
        }
        found
    }

    /// The chunk of late samples of this series at this place.
    pub(super) fn take_late(&mut self, series: u64, chunk: HeadChunkRef) -> Option<SealedChunk> {
        self.late.remove(&(series, chunk))
    }

    fn add(&mut self, entry: &HeadChunkEntry<'_>, frontier_ms: i64) {
        let Ok(encoding) = Encoding::try_from(entry.encoding) else { return };
        let samples = u16::try_from(sample_count(encoding, entry.data)).unwrap_or(u16::MAX);
        let (min_ms, max_ms) = (entry.min_ms, entry.max_ms);
        if entry.is_out_of_order {
            let data = ChunkData::File(entry.reference);
            let chunk = SealedChunk { min_ms, max_ms, samples, encoding, data };
            self.late.insert((entry.series, entry.reference), chunk);
            return;
        }
        if entry.follows_damage || max_ms < frontier_ms || samples == 0 {
            return;
        }
        let found = self.in_order.get_or_default(entry.series);
        self.left += usize::from(found.chunks.is_empty());
        if found.chunks.last().is_none_or(|last| last.max_ms < min_ms) {
            let data = ChunkData::File(entry.reference);
            found.chunks.push(SealedChunk { min_ms, max_ms, samples, encoding, data });
            let is_plain = encoding == Encoding::Xor;
            found.newest_bytes = if is_plain { u32::try_from(entry.data.len()).unwrap_or(u32::MAX) } else { 0 };
        }
    }
}
