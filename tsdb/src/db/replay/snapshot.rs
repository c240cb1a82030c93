//! From a snapshot to the head: in place of the log up to there.

use promethium_chunk::{Encoding, XorAppender, decode, sample_count};
use promethium_model::SampleBatch;
use promethium_wal::head_snapshot::{HeadSnapshot, HeadSnapshotChunk, HeadSnapshotEntry};
use std::sync::Arc;

use super::ReplayReport;
use super::restore::Restorer;
use crate::db::head_file::{
    self, ALIAS_SECTION, FRONTIER_SECTION, HEAD_SECTION, InFiles, KEPT_SECTION, RECORD_SECTION, pairs,
};
use crate::db::life::KeptReferences;
use crate::head::chunk::{ChunkData, SealedChunk};
use crate::head::series::{MemSeries, SeriesState, Stamp};
use crate::head::transaction::{NewSamples, push_all};

impl Restorer<'_> {
    /// Restores everything that a snapshot has, and says which references the log must go on explaining. `Err` says why it
    /// cannot be; what was restored until then must be thrown away.
    pub(super) fn restore_snapshot(
        &mut self,
        snapshot: &HeadSnapshot,
        report: &mut ReplayReport,
    ) -> Result<KeptReferences, String> {
        // The head may have been further than the blocks say: of a range in which everything is deleted there is none.
        for (frontier_ms, _) in snapshot.sections(FRONTIER_SECTION).flat_map(pairs) {
            self.head.raise_frontier(frontier_ms as i64);
        }
        for (alias, of) in snapshot.sections(ALIAS_SECTION).flat_map(pairs) {
            self.chunks.join(alias, of);
        }
        let symbols = snapshot.symbols().map_err(|e| e.to_string())?;
        let mut series = snapshot.series();
        while let Some(entry) = series.next_entry().map_err(|e| e.to_string())? {
            self.restore_entry(&entry, &symbols, report)?;
        }
        for (alias, of) in snapshot.sections(ALIAS_SECTION).flat_map(pairs) {
            self.add_alias(alias, of);
        }
        for record in snapshot.sections(RECORD_SECTION) {
            self.restore(record, report).map_err(|e| e.to_string())?;
        }
        for (next_reference, _) in snapshot.sections(HEAD_SECTION).flat_map(pairs) {
            self.head.skip_references(next_reference);
        }
        let kept = snapshot.sections(KEPT_SECTION).flat_map(pairs);
        Ok(kept.map(|(reference, until_ms)| (reference, until_ms as i64)).collect())
    }

    fn restore_entry(
        &mut self,
        entry: &HeadSnapshotEntry<'_, '_>,
        symbols: &[&str],
        report: &mut ReplayReport,
    ) -> Result<(), String> {
        let wrong = |what: &str| format!("series {} {what}", entry.reference);
        let labels =
            head_file::labels_of(entry.labels, symbols).ok_or_else(|| wrong("has labels that are not there"))?;
        let in_files = InFiles::read(entry.state).ok_or_else(|| wrong("has no state"))?;
        let mut found = self.chunks.take(entry.reference).chunks;
        let frontier_ms = self.head.frontier_ms();
        found.retain(|chunk| chunk.max_ms >= frontier_ms);
        // More of them may have gone to files since.
        let before = found.get(..usize::try_from(in_files.chunks).unwrap_or(usize::MAX)).map(InFiles::of);
        if before != Some(in_files) {
            return Err(wrong("has other chunks in files"));
        }
        let newest_in_files = found.last().map(|chunk| chunk.max_ms);
        self.head.skip_references(entry.reference);
        let Some((series, _)) = self.head.get_or_create(entry.reference, &labels) else {
            report.series_over_limit += 1;
            return Ok(());
        };
        let mut new = NewSamples::default();
        report.chunks += found.len() as u64;
        let in_memory = entry.chunks.iter().filter(|chunk| Some(chunk.max_ms) > newest_in_files).copied();
        let in_memory: Vec<_> = in_memory.collect();
        restore_chunks(&series, found, &in_memory, &self.stamp, &mut new).map_err(|e| wrong(&e))?;
        if let Some(newest_ms) = newest_in_files {
            self.team.in_files.write().insert(entry.reference, newest_ms);
        }
        report.samples += new.count;
        self.head.note_stored(&new);
        self.add_series(entry.reference, series);
        Ok(())
    }
}

/// Chunks in files, then chunks in memory that are full, then what the open chunk has, sample by sample.
fn restore_chunks(
    series: &MemSeries,
    in_files: Vec<SealedChunk>,
    in_memory: &[HeadSnapshotChunk<'_>],
    stamp: &Stamp,
    new: &mut NewSamples,
) -> Result<(), String> {
    let mut sealed = in_files;
    let Some((open, full)) = in_memory.split_last() else {
        return take(&mut series.lock(), sealed, new, series);
    };
    for chunk in full {
        sealed.push(SealedChunk {
            min_ms: chunk.min_ms,
            max_ms: chunk.max_ms,
            samples: u16::try_from(sample_count(encoding(chunk)?, chunk.data)).unwrap_or(u16::MAX),
            encoding: encoding(chunk)?,
            data: ChunkData::Memory(Arc::from(chunk.data)),
        });
    }
    let mut samples = SampleBatch::new();
    let resumed = match encoding(open)? {
        Encoding::Xor => Some(XorAppender::resume(open.data, &mut samples).map_err(|e| e.to_string())?),
        other => decode(other, open.data, &mut samples).map(|()| None).map_err(|e| e.to_string())?,
    };
    let is_behind = |chunk: &SealedChunk| samples.timestamps.first().is_some_and(|first_ms| chunk.max_ms < *first_ms);
    if !sealed.last().is_none_or(is_behind) {
        return Err("has chunks that overlap".to_owned());
    }
    let mut state = series.lock();
    take(&mut state, sealed, new, series)?;
    // PERF: encoding the samples again is a quarter of what such an opening takes.
    if !resumed.is_some_and(|chunk| state.resume_floats(chunk, &samples.timestamps, stamp)) {
        push_all(&mut state, &samples, stamp);
    }
    samples.timestamps.iter().for_each(|t_ms| new.note(*t_ms));
    series.note_newest(&state);
    new.stale_series = i64::from(state.is_stale());
    Ok(())
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
        new.min_ms = new.min_ms.min(chunk.min_ms);
        new.max_ms = new.max_ms.max(chunk.max_ms);
        new.count += u64::from(chunk.samples);
    }
    state.restore_chunks(sealed);
    series.note_newest(state);
    Ok(())
}

fn encoding(chunk: &HeadSnapshotChunk<'_>) -> Result<Encoding, String> {
    Encoding::try_from(chunk.encoding).map_err(|e| e.to_string())
}
