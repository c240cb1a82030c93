//! Full chunks of late samples to files, so that what waits in memory for the next out-of-order compaction is bounded: of each
//! series the samples of its buffer, where each chunk is in the files, and what came since the pump last moved chunks.
//!
//! | step | why there |
//! |---|---|
//! | 1. chunks are appended to the files | they are still in memory, too, and nobody knows of the copies |
//! | 2. the files are synced | a name that is durable must not lead to nothing |
//! | 3. markers name them in the log of late samples, between two commits; what the buffers hold follows once more | to Prometheus a marker says that all before it is in the named chunk |
//! | 4. the chunks in memory are dropped | |
//!
//! The log keeps every sample until the compaction has put it into a block. So a crash between any two steps, and files that
//! decay later, cost nothing: a chunk that no marker names is not looked at, and a marker whose chunk is gone is not believed.

use std::sync::Arc;

use promethium_wal::head_chunks::{HeadChunkRef, HeadChunks, NewHeadChunk};
use promethium_wal::{MmapMarker, encode_mmap_markers};

use crate::db::log::Log;
use crate::db::{Db, records};
use crate::error::TsdbError;
use crate::head::chunk::{ChunkBytes, SealedChunk};
use crate::head::out_of_order::OutOfOrder;
use crate::head::series::MemSeries;
use crate::head::transaction::LateSample;

// Chunks that are written at once, and named between two commits.
const BATCH: usize = 1024;

/// A chunk of late samples that is in memory.
struct Waiting {
    series: Arc<MemSeries>,
    /// Its place among the series' chunks. It keeps that: chunks only come behind it, but for a compaction, which is a duty of
    /// the pump as this is.
    at: usize,
    chunk: SealedChunk,
}

/// The same chunk, once a file has it too.
struct Written {
    series: Arc<MemSeries>,
    at: usize,
    reference: HeadChunkRef,
}

impl Db {
    /// Moves full chunks of late samples to files.
    pub(super) fn move_late_chunks_to_files(&self) -> Result<(), TsdbError> {
        let (Some(files), Some(log)) = (self.head.chunk_files(), &self.late_log) else { return Ok(()) };
        if self.head.late_time_range().is_none() {
            return Ok(());
        }
        let written = self.write_late_chunks(files)?;
        if written.is_empty() {
            return Ok(());
        }
        files.sync()?;
        written.chunks(BATCH).try_for_each(|some| self.name_late_chunks(log, some))
    }

    fn write_late_chunks(&self, files: &HeadChunks) -> Result<Vec<Written>, TsdbError> {
        let (mut waiting, mut written) = (Vec::new(), Vec::new());
        for series in self.head.all_series() {
            if let Some(late) = series.lock().out_of_order() {
                let full = late.chunks_in_memory();
                waiting.extend(full.map(|(at, c)| Waiting { series: Arc::clone(&series), at, chunk: c.clone() }));
            }
            if waiting.len() >= BATCH {
                append(files, &mut waiting, &mut written)?;
            }
        }
        append(files, &mut waiting, &mut written)?;
        Ok(written)
    }

    /// Has its place among the commits, so that what a series' buffer holds then is what comes behind the chunks. Nothing waits
    /// for the medium: what is written here stands in the log already.
    fn name_late_chunks(&self, log: &Log, some: &[Written]) -> Result<(), TsdbError> {
        let ticket = self.head.visibility.issue();
        ticket.wait();
        let markers: Vec<_> =
            some.iter().map(|w| MmapMarker { series: w.series.reference, chunk: w.reference }).collect();
        let mut buffered = Vec::new();
        for of_series in some.chunk_by(|a, b| Arc::ptr_eq(&a.series, &b.series)) {
            push_buffered(&of_series[0].series, &mut buffered);
        }
        let mut records = vec![encode_mmap_markers(&markers)];
        records.extend(records::of_late_samples(&buffered, self.head.rules.start_timestamps));
        log.lock()?.append(&log.prepare(records), &[])?;
        for Written { series, at, reference } in some {
            series.lock().out_of_order_mut().move_to_file(*at, *reference);
        }
        ticket.publish();
        Ok(())
    }
}

/// Appends what waits to the files.
fn append(files: &HeadChunks, waiting: &mut Vec<Waiting>, written: &mut Vec<Written>) -> Result<(), TsdbError> {
    let bytes: Vec<ChunkBytes> = waiting.iter().map(|w| w.chunk.data.bytes(None)).collect();
    let new: Vec<_> = waiting
        .iter()
        .zip(&bytes)
        .map(|(Waiting { series, chunk, .. }, bytes)| NewHeadChunk {
            series: series.reference,
            min_ms: chunk.min_ms,
            max_ms: chunk.max_ms,
            encoding: chunk.encoding as u8,
            is_out_of_order: true,
            data: bytes.as_slice(),
        })
        .collect();
    let mut references = Vec::with_capacity(new.len());
    files.append(&new, &mut references)?;
    let both = waiting.drain(..).zip(references);
    written.extend(both.map(|(w, reference)| Written { series: w.series, at: w.at, reference }));
    Ok(())
}

fn push_buffered(series: &Arc<MemSeries>, out: &mut Vec<LateSample>) {
    let state = series.lock();
    let rows = state.out_of_order().into_iter().flat_map(OutOfOrder::buffered);
    out.extend(rows.map(|(timestamp_ms, start_timestamp_ms, value)| LateSample {
        series: Arc::clone(series),
        timestamp_ms,
        start_timestamp_ms,
        value,
    }));
}
