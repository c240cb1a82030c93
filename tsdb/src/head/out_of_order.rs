//! Samples that came late, inside the out-of-order window.

use promethium_chunk::{EncodedChunk, Encodings, SplitRule};
use promethium_model::{HistogramValue, SampleBatch, TimeRange};

use super::chunk::{ChunkData, SealedChunk};
use crate::batch;

/// Samples that are kept uncompressed, as in Prometheus; more become chunks.
pub(crate) const BUFFER_SAMPLES: usize = 32;

/// The late samples of one series: a sorted buffer, and chunks, which may overlap.
///
/// Chunks stay in memory until the next out-of-order compaction; the log of late samples restores them.
#[derive(Default)]
pub(crate) struct OutOfOrder {
    buffer: SampleBatch,
    chunks: Vec<SealedChunk>,
    /// So many of the chunks are being written to blocks.
    frozen: usize,
}

/// The value of a late sample.
pub(crate) enum LateValue {
    Float(f64),
    Histogram(HistogramValue),
}

impl OutOfOrder {
    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.is_empty() && self.chunks.is_empty()
    }

    /// Adds a sample; `false` when the buffer has one of the same time, which stands.
    pub(crate) fn insert(
        &mut self,
        timestamp_ms: i64,
        start_timestamp_ms: i64,
        value: LateValue,
        encodings: Encodings,
    ) -> bool {
        let at = self.buffer.timestamps.partition_point(|t| *t < timestamp_ms);
        if self.buffer.timestamps.get(at) == Some(&timestamp_ms) {
            return false;
        }
        if self.buffer.len() >= BUFFER_SAMPLES {
            self.seal(encodings);
            return self.insert(timestamp_ms, start_timestamp_ms, value, encodings);
        }
        let mut grown = SampleBatch::new();
        batch::copy_rows(&self.buffer, 0..at, &mut grown);
        match value {
            LateValue::Float(value) => grown.push_float(timestamp_ms, value),
            LateValue::Histogram(histogram) => grown.push_histogram(timestamp_ms, histogram),
        }
        grown.set_start_timestamp(start_timestamp_ms);
        batch::copy_rows(&self.buffer, at..self.buffer.len(), &mut grown);
        self.buffer = grown;
        true
    }

    /// Encodes the buffer.
    fn seal(&mut self, encodings: Encodings) {
        let encoded = promethium_chunk::encode(&self.buffer, encodings, SplitRule::UNLIMITED);
        self.chunks.extend(encoded.into_iter().map(sealed));
        self.buffer.clear();
    }

    /// Adds a chunk that was read from a file.
    pub(crate) fn add_chunk(&mut self, chunk: SealedChunk) {
        self.chunks.push(chunk);
    }

    /// Forgets the buffer: its samples are in chunks.
    pub(crate) fn clear_buffer(&mut self) {
        self.buffer.clear();
    }

    pub(crate) fn has_sample_in(&self, range: TimeRange) -> bool {
        self.buffer.timestamps.iter().any(|t| range.contains(*t))
            || self.chunks.iter().any(|c| {
                let overlaps = c.min_ms <= range.max_ms && c.max_ms >= range.min_ms;
                overlaps && (range.contains(c.min_ms) || range.contains(c.max_ms) || chunk_has_sample_in(c, range))
            })
    }

    /// First and last time.
    pub(crate) fn time_range(&self) -> Option<(i64, i64)> {
        let chunks = self.chunks.iter().map(|c| (c.min_ms, c.max_ms));
        let buffer = self.buffer.timestamps.first().copied().zip(self.buffer.timestamps.last().copied());
        chunks.chain(buffer).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// The samples in `range`, in time order.
    pub(crate) fn rows_in(&self, range: TimeRange) -> SampleBatch {
        let mut rows = self.buffer.clone();
        batch::keep_range(&mut rows, 0, range);
        with_chunks(rows, &self.chunks, range)
    }

    /// Of these, the ones that were there at the last [`OutOfOrder::freeze`].
    pub(crate) fn frozen_rows_in(&self, range: TimeRange) -> SampleBatch {
        with_chunks(SampleBatch::new(), &self.chunks[..self.frozen], range)
    }

    /// Marks all samples as being written to blocks. Later ones are kept apart.
    pub(crate) fn freeze(&mut self, encodings: Encodings) {
        if !self.buffer.is_empty() {
            self.seal(encodings);
        }
        self.frozen = self.chunks.len();
    }

    /// Drops what was frozen: it is in blocks.
    pub(crate) fn drop_frozen(&mut self) {
        self.chunks.drain(..std::mem::take(&mut self.frozen));
    }
}

/// Merges the samples that chunks have in `range` with others.
fn with_chunks(mut rows: SampleBatch, chunks: &[SealedChunk], range: TimeRange) -> SampleBatch {
    for chunk in chunks.iter().filter(|c| c.min_ms <= range.max_ms && c.max_ms >= range.min_ms) {
        let mut decoded = SampleBatch::new();
        if decode(chunk, &mut decoded).is_err() {
            continue;
        }
        batch::keep_range(&mut decoded, 0, range);
        let mut merged = SampleBatch::new();
        batch::merge_rows(&rows, &decoded, &mut merged);
        rows = merged;
    }
    // Which histogram came before which is not known.
    for i in 0..rows.histograms.len() {
        let row = rows.histograms[i].0 as usize;
        batch::forget_reset_hint(&mut rows, row);
    }
    rows
}

/// Chunks of late samples are in memory.
fn decode(chunk: &SealedChunk, out: &mut SampleBatch) -> Result<(), promethium_chunk::ChunkError> {
    promethium_chunk::decode(chunk.encoding, chunk.data.bytes(None).as_slice(), out)
}

fn chunk_has_sample_in(chunk: &SealedChunk, range: TimeRange) -> bool {
    let mut decoded = SampleBatch::new();
    let read = decode(chunk, &mut decoded);
    read.is_ok() && decoded.timestamps.iter().any(|t| range.contains(*t))
}

fn sealed(chunk: EncodedChunk) -> SealedChunk {
    SealedChunk {
        min_ms: chunk.min_ms,
        max_ms: chunk.max_ms,
        samples: promethium_chunk::sample_count(chunk.encoding, &chunk.data) as u16,
        encoding: chunk.encoding,
        data: ChunkData::Memory(chunk.data.into()),
    }
}
