//! Chunks that cannot be read from their files any more. The log has what they had until that is in blocks, so it is asked before a
//! block is written, and the log cut, without them.

use std::sync::Arc;

use promethium_chunk::{EncodedChunk, SplitRule, encode};
use promethium_model::{SampleBatch, TimeRange};

use crate::batch;
use crate::db::{Db, Home};
use crate::error::TsdbError;
use crate::head::Head;
use crate::head::at_once::chunks_at_once;
use crate::head::chunk::SealedChunk;
use crate::head::out_of_order::OutOfOrder;
use crate::head::series::MemSeries;

/// Which chunks are about to go to a block.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// Those in order that reach into a range.
    InOrder(TimeRange),
    /// Those in order of stale series.
    Stale,
    /// Those of late samples.
    Late,
}

impl Due {
    /// Those in order of a half-open range.
    pub(super) fn in_order((min_ms, end_ms): (i64, i64)) -> Due {
        Due::InOrder(TimeRange::new(min_ms, end_ms - 1))
    }
}

/// A chunk that is lost, and whose.
struct Decayed {
    series: Arc<MemSeries>,
    chunk: SealedChunk,
}

impl Db {
    /// Brings back what can be of the chunks that are due and cannot be read; how many came back. While it does, there is a second
    /// head, made of the log alone. What the log does not have whole either stays lost.
    pub(super) fn restore_decayed(&self, home: &Home, due: Due) -> Result<usize, TsdbError> {
        let decayed = self.decayed(due);
        if decayed.is_empty() {
            return Ok(0);
        }
        let mut options = self.options.clone();
        options.progress = None;
        let log = Db::open_read_only_with(Arc::clone(&home.vfs), &home.dir, options, Arc::clone(&self.clock))?;
        Ok(decayed.iter().filter(|lost| self.restore(&log.head, lost, due).is_some()).count())
    }

    fn decayed(&self, due: Due) -> Vec<Decayed> {
        let files = self.head.chunk_files();
        let mut decayed = Vec::new();
        for series in self.head.all_series() {
            let state = series.lock();
            let is_lost = |chunk: &&SealedChunk| chunk.data.open(files).is_none();
            let lost: Vec<SealedChunk> = match due {
                Due::InOrder(range) => state.sealed_in(range).filter(is_lost).cloned().collect(),
                Due::Stale if !state.is_stale() => continue,
                Due::Stale => state.sealed_in(TimeRange::ALL).filter(is_lost).cloned().collect(),
                Due::Late => {
                    state.out_of_order().into_iter().flat_map(OutOfOrder::chunks).filter(is_lost).cloned().collect()
                }
            };
            drop(state);
            decayed.extend(lost.into_iter().map(|chunk| Decayed { series: Arc::clone(&series), chunk }));
        }
        decayed
    }

    fn restore(&self, log: &Head, lost: &Decayed, due: Due) -> Option<()> {
        let Decayed { series, chunk } = lost;
        let known = log.by_labels(&self.head.labels(series)?)?;
        let encodings = self.head.rules.encodings();
        match due {
            Due::InOrder(_) | Due::Stale => {
                let samples = in_order(&known, chunk);
                let is_whole = samples.len() == usize::from(chunk.samples);
                let chunks = || chunks_at_once(&samples, encodings, self.options.chunk_range_ms);
                is_whole.then(|| series.lock().replace_chunk(chunk, sealed(chunks())))
            }
            Due::Late => {
                let range = TimeRange::new(chunk.min_ms, chunk.max_ms);
                let samples = known.lock().out_of_order()?.view(range, None).rows(|_| ());
                let is_whole = samples.len() >= usize::from(chunk.samples);
                let chunks = || encode(&samples, encodings, SplitRule::UNLIMITED);
                is_whole.then(|| series.lock().out_of_order_mut().replace_chunk(chunk, sealed(chunks())))
            }
        }
    }
}

/// The samples in order that a series has where the chunk has its own.
fn in_order(series: &MemSeries, chunk: &SealedChunk) -> SampleBatch {
    let range = TimeRange::new(chunk.min_ms, chunk.max_ms);
    let mut samples = SampleBatch::new();
    for chunk in series.lock().chunks_in(range.min_ms, range.max_ms) {
        // These are in memory: the log came from no file of chunks.
        let _ = chunk.view(None).decode(&mut samples);
    }
    batch::keep_range(&mut samples, 0, range);
    samples
}

fn sealed(chunks: Vec<EncodedChunk>) -> Vec<SealedChunk> {
    chunks.into_iter().map(SealedChunk::in_memory).collect()
}
