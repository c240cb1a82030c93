//! Chunks of a snapshot on their way into their series.

use std::ops::Range;
use std::sync::Arc;

use parking_lot::Mutex;
use promethium_chunk::{Encoding, XorAppender, decode, sample_count};
use promethium_model::SampleBatch;
use promethium_vfs::FileMap;
use promethium_wal::head_snapshot::{HeadSnapshot, HeadSnapshotChunk};

use super::team::{Task, Team};
use crate::head::chunk::{ChunkData, SealedChunk};
use crate::head::series::{MemSeries, SeriesState, Stamp};
use crate::head::transaction::{NewSamples, push_all};

/// Series that are restored together, and what somebody takes of them at once.
pub(super) const BATCH_SERIES: usize = 2_048;
const SHARE_SERIES: usize = 64;

/// Series of a snapshot, with their chunks.
pub(super) struct Entries {
    entries: Vec<Entry>,
    chunks: Vec<Chunk>,
    /// All of the snapshot.
    bytes: FileMap,
}

struct Entry {
    series: Arc<MemSeries>,
    in_files: Mutex<Vec<SealedChunk>>,
    in_memory: Range<usize>,
}

struct Chunk {
    encoding: u8,
    min_ms: i64,
    max_ms: i64,
    /// Its place in the snapshot.
    bytes: Range<usize>,
}

/// Series that are being restored.
pub(super) struct Resuming {
    entries: Entries,
    outcome: Mutex<Result<NewSamples, String>>,
}

impl Entries {
    /// None yet, of a snapshot.
    pub(super) fn of(snapshot: &HeadSnapshot) -> Self {
        Entries { entries: Vec::new(), chunks: Vec::new(), bytes: snapshot.bytes() }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds a series: its chunks in files, and those in memory, of which the last is open.
    pub(super) fn add<'c>(
        &mut self,
        series: Arc<MemSeries>,
        in_files: Vec<SealedChunk>,
        in_memory: impl Iterator<Item = &'c HeadSnapshotChunk<'c>>,
        snapshot: &HeadSnapshot,
    ) {
        let first = self.chunks.len();
        for chunk in in_memory {
            let HeadSnapshotChunk { encoding, min_ms, max_ms, .. } = *chunk;
            self.chunks.push(Chunk { encoding, min_ms, max_ms, bytes: snapshot.place_of(chunk) });
        }
        let in_memory = first..self.chunks.len();
        self.entries.push(Entry { series, in_files: Mutex::new(in_files), in_memory });
    }

    fn data(&self, chunk: &Chunk) -> &[u8] {
        self.bytes.get(chunk.bytes.clone()).unwrap_or_default()
    }
}

impl Resuming {
    pub(super) fn new(entries: Entries) -> Self {
        Resuming { entries, outcome: Mutex::new(Ok(NewSamples::default())) }
    }

    /// What was restored, or why something could not be.
    pub(super) fn take_outcome(&self) -> Result<NewSamples, String> {
        std::mem::replace(&mut self.outcome.lock(), Ok(NewSamples::default()))
    }

    /// Chunks in files, then chunks in memory that are full, then what the open chunk has, sample by sample.
    fn restore(
        &self,
        entry: &Entry,
        stamp: &Stamp,
        samples: &mut SampleBatch,
        new: &mut NewSamples,
    ) -> Result<(), String> {
        let series = &*entry.series;
        let mut sealed = std::mem::take(&mut *entry.in_files.lock());
        let in_memory = &self.entries.chunks[entry.in_memory.clone()];
        let Some((open, full)) = in_memory.split_last() else {
            return take(&mut series.lock(), sealed, new, series);
        };
        for chunk in full {
            let data = self.entries.data(chunk);
            sealed.push(SealedChunk {
                min_ms: chunk.min_ms,
                max_ms: chunk.max_ms,
                samples: u16::try_from(sample_count(encoding(chunk)?, data)).unwrap_or(u16::MAX),
                encoding: encoding(chunk)?,
                data: ChunkData::Memory(Arc::from(data)),
            });
        }
        samples.clear();
        let data = self.entries.data(open);
        let resumed = match encoding(open)? {
            Encoding::Xor => Some(XorAppender::resume(data, samples).map_err(|e| e.to_string())?),
            other => decode(other, data, samples).map(|()| None).map_err(|e| e.to_string())?,
        };
        let first_ms = samples.timestamps.first();
        let is_behind = |chunk: &SealedChunk| first_ms.is_some_and(|first_ms| chunk.max_ms < *first_ms);
        if !sealed.last().is_none_or(is_behind) {
            return Err("has chunks that overlap".to_owned());
        }
        let mut state = series.lock();
        take(&mut state, sealed, new, series)?;
        // PERF: encoding the samples again is a quarter of what such an opening takes.
        if !resumed.is_some_and(|chunk| state.resume_floats(chunk, &samples.timestamps, stamp)) {
            push_all(&mut state, samples, stamp);
        }
        samples.timestamps.iter().for_each(|t_ms| new.note(*t_ms));
        series.note_newest(&state);
        new.stale_series += i64::from(state.is_stale());
        Ok(())
    }
}

impl Task for Resuming {
    type Tools = SampleBatch;

    fn shares(&self) -> usize {
        self.entries.len().div_ceil(SHARE_SERIES)
    }

    fn do_share(&self, share: usize, team: &Team<'_>, samples: &mut SampleBatch) {
        let first = share * SHARE_SERIES;
        let mut new = NewSamples::default();
        let mut resumed = Ok(());
        for entry in &self.entries.entries[first..self.entries.len().min(first + SHARE_SERIES)] {
            resumed = resumed.and_then(|()| {
                let restored = self.restore(entry, &team.stamp, samples, &mut new);
                restored.map_err(|what| format!("series {} {what}", entry.series.reference))
            });
        }
        let mut outcome = self.outcome.lock();
        match (&mut *outcome, resumed) {
            (Ok(all), Ok(())) => all.add(&new),
            (Ok(_), Err(what)) => *outcome = Err(what),
            (Err(_), _) => {}
        }
    }
}

fn take(
    state: &mut SeriesState,
    sealed: Vec<SealedChunk>,
    new: &mut NewSamples,
    series: &MemSeries,
) -> Result<(), String> {
    if !sealed.is_sorted_by(|a, b| a.max_ms < b.min_ms) {
        return Err("has chunks that overlap".to_owned());
    }
    for chunk in &sealed {
        new.note_times(chunk.min_ms, chunk.max_ms, chunk.samples.into());
    }
    state.restore_chunks(sealed);
    series.note_newest(state);
    Ok(())
}

fn encoding(chunk: &Chunk) -> Result<Encoding, String> {
    Encoding::try_from(chunk.encoding).map_err(|e| e.to_string())
}
