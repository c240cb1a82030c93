//! The snapshot of the head, and what makes the next opening take it.
//!
//! A clean close leaves one, and so does the pump from time to time. It is a short cut past the log, and nothing else: taken only
//! where the log still goes on from the place that it stands for, and blocks end where they did then. Full chunks are in their own
//! files; the snapshot says which, and holds what is still open.

use std::io;
use std::path::Path;
use std::sync::Arc;

use promethium_model::{QueryCx, TimeRange};
use promethium_vfs::Vfs;
use promethium_wal::head_snapshot::{
    HEAD_SNAPSHOT_FILE, HeadSnapshot, HeadSnapshotChunk, HeadSnapshotWriter, LogPosition,
};
use promethium_wal::{
    RefExemplar, RefMetadata, RefTombstone, WalError, WalLayout, encode_exemplars, encode_metadata, encode_tombstones,
};

use super::log::Log;
use super::log_mark::LogMark;
use super::open::WAL_DIR;
use super::replay::{Damage, ReplayReport};
use super::{Db, Home};
use crate::error::TsdbError;
use crate::head::Head;
use crate::head::chunk::{ChunkData, SealedChunk};
use crate::head::series::MemSeries;
use promethium_wal::head_chunks::HeadChunkRef;

/// A record as the log has it: deletes, metadata, exemplars.
pub(super) const RECORD_SECTION: u8 = 16;
/// Repeat: a reference that leads to a series of another one, and that one.
pub(super) const ALIAS_SECTION: u8 = 17;
/// Repeat: a reference that the log must go on explaining, and until when.
pub(super) const KEPT_SECTION: u8 = 18;
/// The next reference, and the end of the blocks.
pub(super) const HEAD_SECTION: u8 = 19;
/// How the log ended.
const MARK_SECTION: u8 = 20;
/// Since when the head has samples in order, and 0.
pub(super) const FRONTIER_SECTION: u8 = 21;
/// The sections that are pairs of numbers.
pub(super) const NUMBER_SECTIONS: [u8; 5] = [ALIAS_SECTION, KEPT_SECTION, HEAD_SECTION, MARK_SECTION, FRONTIER_SECTION];

/// What the files of full chunks have of a series: how many, and the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InFiles {
    pub(super) chunks: u64,
    pub(super) last: HeadChunkRef,
}

impl InFiles {
    pub(super) fn of(chunks: &[SealedChunk]) -> InFiles {
        let references = chunks.iter().filter_map(|c| if let ChunkData::File(r) = c.data { Some(r) } else { None });
        let (count, last) = references.fold((0, HeadChunkRef::NONE), |(count, _), reference| (count + 1, reference));
        InFiles { chunks: count, last }
    }

    fn to_bytes(self) -> [u8; 16] {
        pair(self.chunks, self.last.0)
    }

    pub(super) fn read(state: &[u8]) -> Option<InFiles> {
        let [(chunks, last)] = pairs(state).collect::<Vec<_>>()[..] else { return None };
        Some(InFiles { chunks, last: HeadChunkRef(last) })
    }
}

fn pair(a: u64, b: u64) -> [u8; 16] {
    (u128::from(a) << 64 | u128::from(b)).to_be_bytes()
}

fn bytes_of(pairs: impl IntoIterator<Item = (u64, u64)>) -> Vec<u8> {
    pairs.into_iter().flat_map(|(a, b)| pair(a, b)).collect()
}

/// The pairs of numbers that a section is made of.
pub(super) fn pairs(payload: &[u8]) -> impl Iterator<Item = (u64, u64)> + '_ {
    let (whole, _) = payload.as_chunks::<16>();
    whole.iter().map(|bytes| {
        let both = u128::from_be_bytes(*bytes);
        ((both >> 64) as u64, both as u64)
    })
}

/// Where the blocks of the head end, as a number.
pub(super) fn end_of_blocks(end_ms: Option<i64>) -> u64 {
    end_ms.unwrap_or(i64::MIN) as u64
}

impl Db {
    /// Writes a snapshot of what the log says now; appends go on meanwhile. Whether it did: not while the log misses something
    /// that the head has. The one before stays then.
    pub(super) fn leave_head_snapshot(&self, home: &Home) -> Result<bool, TsdbError> {
        let Some(log) = &self.log else { return Ok(false) };
        let written = self.write_head_snapshot(home, log);
        if !matches!(written, Ok(true)) {
            let _ = home.vfs.remove(&home.dir.join(format!("{HEAD_SNAPSHOT_FILE}.tmp")));
        }
        written
    }

    fn write_head_snapshot(&self, home: &Home, log: &Log) -> Result<bool, TsdbError> {
        let Some(position) = self.settled_position(log) else { return Ok(false) };
        let mark = LogMark::of(&*home.vfs, &home.dir.join(WAL_DIR), position)?;
        if let Some(files) = self.head.chunk_files() {
            files.sync()?;
        }
        let mut file = HeadSnapshotWriter::create(Arc::clone(&home.vfs), &home.dir, position)?;
        let mut all = self.head.all_series();
        all.sort_unstable_by_key(|series| series.reference);
        for series in &all {
            write_series(&mut file, &self.head, series)?;
        }
        for record in self.records_beside_samples(&all) {
            file.section(RECORD_SECTION, &record)?;
        }
        file.section(ALIAS_SECTION, &bytes_of(self.aliases.iter().copied()))?;
        let kept = self.kept_references.lock().clone();
        file.section(KEPT_SECTION, &bytes_of(kept.into_iter().map(|(reference, until)| (reference, until as u64))))?;
        let end = end_of_blocks(self.blocks().end_of_in_order_ms());
        file.section(HEAD_SECTION, &pair(self.head.reserve_reference(), end))?;
        file.section(FRONTIER_SECTION, &pair(self.head.frontier_ms() as u64, 0))?;
        file.section(MARK_SECTION, &bytes_of(mark.to_pairs()))?;
        // What came meanwhile may be in the snapshot in part. The log has it whole, and keeps it.
        if !log.is_closed() {
            log.sync_all(self.clock.now_ms())?;
        }
        let is_logged = log.peek().unlogged.is_empty();
        if is_logged {
            file.finish()?;
        }
        Ok(is_logged)
    }

    /// Where the log ends, once everything before that is in the head. `None` while the log misses something that the head has.
    fn settled_position(&self, log: &Log) -> Option<LogPosition> {
        let (position, ticket) = {
            let mut state = log.peek();
            if !state.unlogged.is_empty() || state.writer().is_sealed() {
                return None;
            }
            let writer = state.writer();
            let position = LogPosition { segment: writer.segment_index(), offset: writer.segment_len() };
            (position, self.head.visibility.issue())
        };
        ticket.wait();
        Some(position)
    }

    /// Deletes, metadata and exemplars of the head, in the form that the log has.
    fn records_beside_samples(&self, all: &[Arc<MemSeries>]) -> Vec<Vec<u8>> {
        let (mut stones, mut metadata, mut exemplars) = (Vec::new(), Vec::new(), Vec::new());
        for entry in all {
            let (series, state) = (entry.reference, entry.lock());
            let deleted = state.deleted().iter();
            stones.extend(deleted.map(|(min_ms, max_ms)| RefTombstone { series, min_ms: *min_ms, max_ms: *max_ms }));
            metadata.extend(state.metadata().map(|m| RefMetadata { series, metadata: (**m).clone() }));
        }
        // Without a budget nothing is refused.
        let kept = self.head.exemplars.lock().select(TimeRange::ALL, &[Vec::new()], &QueryCx::unlimited());
        for (labels, of_series) in kept.unwrap_or_default() {
            let Some(series) = self.head.by_labels(&labels) else { continue };
            exemplars.extend(of_series.into_iter().map(|exemplar| RefExemplar {
                series: series.reference,
                timestamp_ms: exemplar.timestamp_ms.unwrap_or_default(),
                value: exemplar.value,
                labels: exemplar.labels,
            }));
        }
        // What is oldest is the first to be overwritten.
        exemplars.sort_by_key(|e| e.timestamp_ms);
        vec![encode_tombstones(&stones), encode_metadata(&metadata), encode_exemplars(&exemplars)]
    }
}

fn write_series(file: &mut HeadSnapshotWriter, head: &Head, series: &MemSeries) -> Result<(), WalError> {
    let chunks = series.lock().chunks_in(i64::MIN, i64::MAX);
    let in_memory = chunks.iter().filter_map(|chunk| match &chunk.data {
        ChunkData::Memory(data) => {
            Some(HeadSnapshotChunk { encoding: chunk.encoding as u8, min_ms: chunk.min_ms, max_ms: chunk.max_ms, data })
        }
        ChunkData::File(_) => None,
    });
    let in_memory: Vec<_> = in_memory.collect();
    let in_files = InFiles::of(&chunks).to_bytes();
    head.encode_labels(series, |labels| file.series(series.reference, labels, &in_files, &in_memory))
}

/// The snapshot that was left, if the log goes on from there and the blocks end where they did.
pub(super) fn find(
    vfs: &dyn Vfs,
    dir: &Path,
    layout: &WalLayout,
    end_of_blocks_ms: Option<i64>,
    report: &mut ReplayReport,
) -> Option<HeadSnapshot> {
    let snapshot = match HeadSnapshot::open(vfs, dir) {
        Ok(snapshot) => snapshot,
        Err(WalError::Damaged { path, offset, message }) => {
            set_aside(vfs, dir, report);
            report.note_damage(Damage { path, offset, message });
            return None;
        }
        // Nothing there, or nothing for us: the log says it all.
        Err(_) => return None,
    };
    let end = end_of_blocks(end_of_blocks_ms);
    let is_of_these_blocks = snapshot.sections(HEAD_SECTION).flat_map(pairs).any(|(_, blocks)| blocks == end);
    let mark: Vec<_> = snapshot.sections(MARK_SECTION).flat_map(pairs).collect();
    let is_of_this_log = LogMark::from_pairs(&mark).is_some_and(|mark| mark.is_in(vfs, layout, snapshot.position()));
    (is_of_these_blocks && is_of_this_log).then_some(snapshot)
}

/// Moves a snapshot that is damaged to where damaged segments are.
pub(super) fn set_aside(vfs: &dyn Vfs, dir: &Path, report: &mut ReplayReport) {
    super::repair::move_aside(vfs, dir, super::open::ASIDE_DIR, HEAD_SNAPSHOT_FILE, report);
}

/// Removes what was left, whole or not, durably.
pub(super) fn remove(vfs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    let mut names = vfs.list(dir)?;
    names.retain(|name| name.strip_suffix(".tmp").unwrap_or(name) == HEAD_SNAPSHOT_FILE);
    names.iter().try_for_each(|name| vfs.remove(&dir.join(name)))?;
    if names.is_empty() { Ok(()) } else { vfs.sync_dir(dir) }
}
