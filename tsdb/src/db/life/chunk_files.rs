//! Full chunks to files: the head keeps where they are.

use std::sync::Arc;

use promethium_wal::head_chunks::{HeadChunks, NewHeadChunk};

use crate::db::Db;
use crate::error::TsdbError;
use crate::head::chunk::{ChunkBytes, SealedChunk};
use crate::head::series::MemSeries;

// Chunks that are written at once.
const BATCH: usize = 1024;

impl Db {
    /// Moves full chunks in order to files. What they hold is made durable in the log first: after a crash the files
    /// must not know of samples that the log has lost.
    pub(in crate::db) fn move_full_chunks_to_files(&self, now_ms: i64) -> Result<(), TsdbError> {
        let Some(files) = self.head.chunk_files() else { return Ok(()) };
        let mut waiting: Vec<(Arc<MemSeries>, SealedChunk)> = Vec::new();
        let mut is_synced = false;
        for series in self.head.all_series() {
            let full: Vec<_> = series.lock().chunks_in_memory().cloned().collect();
            waiting.extend(full.into_iter().map(|chunk| (Arc::clone(&series), chunk)));
            if waiting.len() >= BATCH {
                self.write_chunks(files, &mut waiting, &mut is_synced, now_ms)?;
            }
        }
        self.write_chunks(files, &mut waiting, &mut is_synced, now_ms)
    }

    fn write_chunks(
        &self,
        files: &HeadChunks,
        waiting: &mut Vec<(Arc<MemSeries>, SealedChunk)>,
        is_synced: &mut bool,
        now_ms: i64,
    ) -> Result<(), TsdbError> {
        if waiting.is_empty() {
            return Ok(());
        }
        if !std::mem::replace(is_synced, true) {
            self.logs().try_for_each(|log| log.sync_all(now_ms))?;
        }
        let bytes: Vec<ChunkBytes> = waiting.iter().map(|(_, chunk)| chunk.data.bytes(None)).collect();
        let new: Vec<_> = waiting
            .iter()
            .zip(&bytes)
            .map(|((series, chunk), bytes)| NewHeadChunk {
                series: series.reference,
                min_ms: chunk.min_ms,
                max_ms: chunk.max_ms,
                encoding: chunk.encoding as u8,
                is_out_of_order: false,
                data: bytes.as_slice(),
            })
            .collect();
        let mut references = Vec::with_capacity(new.len());
        let written = files.append(&new, &mut references);
        for ((series, chunk), reference) in waiting.drain(..).zip(references) {
            series.lock().move_to_file(chunk.min_ms, reference);
        }
        Ok(written?)
    }

    /// Removes files of which no series has a chunk any more.
    pub(super) fn remove_old_chunk_files(&self) -> Result<(), TsdbError> {
        let Some(files) = self.head.chunk_files() else { return Ok(()) };
        let first = self.head.all_series().iter().filter_map(|s| s.lock().first_file()).min();
        files.remove_before(first.unwrap_or(u32::MAX))?;
        Ok(())
    }
}
