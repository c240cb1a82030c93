//! Samples that came late, inside the out-of-order window.

use promethium_chunk::{Encodings, SplitRule};
use promethium_model::{HistogramValue, SampleBatch, TimeRange};
use promethium_wal::head_chunks::{HeadChunkRef, HeadChunks};

use super::chunk::{ChunkBytes, ChunkData, ChunkView, SealedChunk};
use crate::batch;

/// Samples that are kept uncompressed, as in Prometheus; more become chunks.
pub(crate) const BUFFER_SAMPLES: usize = 32;

/// The late samples of one series: a sorted buffer, and chunks, which may overlap.
///
/// The pump moves chunks to files. The log of late samples has all that is here until the next out-of-order compaction, and
/// says which chunks of the files are here too: those that it does not name are in blocks, or in the log sample by sample.
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
        self.chunks.extend(encoded.into_iter().map(SealedChunk::in_memory));
        self.buffer.clear();
    }

    /// Adds a chunk that the log says is in a file, and drops what came from the log and is in the chunk too. How many
    /// samples are new; `None` where the file does not have the chunk.
    ///
    /// Only what the chunk has is dropped, so that a name that leads elsewhere costs nothing.
    pub(crate) fn take_over(&mut self, chunk: SealedChunk, files: Option<&HeadChunks>) -> Option<u64> {
        let mut rows = SampleBatch::new();
        chunk.view(files).decode(&mut rows).ok()?;
        let before = self.sample_count();
        let times = rows.timestamps;
        self.chunks.retain(|known| !is_inside(known, &chunk, &times));
        let times: Vec<(i64, i64)> = times.into_iter().map(|t| (t, t)).collect();
        batch::drop_intervals(&mut self.buffer, 0, &times);
        self.chunks.push(chunk);
        Some(self.sample_count().saturating_sub(before))
    }

    fn sample_count(&self) -> u64 {
        self.buffer.len() as u64 + self.chunks.iter().map(|c| u64::from(c.samples)).sum::<u64>()
    }

    /// Chunks in memory, each with its place, without those that are being written to blocks: once these are there the log of late
    /// samples loses them, and must not name them again.
    pub(crate) fn chunks_in_memory(&self) -> impl Iterator<Item = (usize, &SealedChunk)> {
        self.chunks.iter().enumerate().skip(self.frozen).filter(|(_, c)| matches!(c.data, ChunkData::Memory(_)))
    }

    /// Says that the chunk at a place is in a file.
    pub(crate) fn move_to_file(&mut self, at: usize, reference: HeadChunkRef) {
        if let Some(chunk) = self.chunks.get_mut(at) {
            chunk.data = ChunkData::File(reference);
        }
    }

    /// The first head chunk file that has chunks of the series.
    pub(crate) fn first_file(&self) -> Option<u32> {
        self.chunks.iter().filter_map(SealedChunk::file).min()
    }

    /// Chunks, and the bytes on the heap of everything.
    pub(crate) fn figures(&self) -> (usize, usize) {
        let chunks: usize = self.chunks.iter().map(|c| c.data.heap_bytes()).sum();
        // Time and value; histograms are shared with nobody and not counted.
        let buffer = self.buffer.len() * (size_of::<i64>() + size_of::<f64>());
        (self.chunks.len(), chunks + self.chunks.capacity() * size_of::<SealedChunk>() + buffer)
    }

    /// The buffer's samples: time, start time, value.
    pub(crate) fn buffered(&self) -> impl Iterator<Item = (i64, i64, LateValue)> + '_ {
        let mut histograms = self.buffer.histograms.iter().peekable();
        let rows = self.buffer.timestamps.iter().zip(&self.buffer.floats).enumerate();
        rows.map(move |(row, (t_ms, value))| {
            let start_ms = self.buffer.start_timestamps.get(row).copied().unwrap_or(0);
            let histogram = histograms.next_if(|(at, _)| *at as usize == row);
            (*t_ms, start_ms, histogram.map_or(LateValue::Float(*value), |(_, h)| LateValue::Histogram(h.clone())))
        })
    }

    pub(crate) fn has_sample_in(&self, range: TimeRange, files: Option<&HeadChunks>) -> bool {
        self.buffer.timestamps.iter().any(|t| range.contains(*t))
            || self
                .chunks
                .iter()
                .filter(|c| c.overlaps(range))
                .any(|c| range.contains(c.min_ms) || range.contains(c.max_ms) || chunk_has_sample_in(c, range, files))
    }

    /// First and last time.
    pub(crate) fn time_range(&self) -> Option<(i64, i64)> {
        let chunks = self.chunks.iter().map(|c| (c.min_ms, c.max_ms));
        let buffer = self.buffer.timestamps.first().copied().zip(self.buffer.timestamps.last().copied());
        chunks.chain(buffer).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// What reaches into `range`. To be called under the lock of the series, as [`ChunkData::bytes`] is.
    pub(crate) fn view(&self, range: TimeRange, files: Option<&HeadChunks>) -> LateView {
        let mut buffer = self.buffer.clone();
        batch::keep_range(&mut buffer, 0, range);
        LateView { range, buffer, chunks: views(&self.chunks, range, files) }
    }

    /// Of that, what was there at the last [`OutOfOrder::freeze`].
    pub(crate) fn frozen_view(&self, range: TimeRange, files: Option<&HeadChunks>) -> LateView {
        let frozen = &self.chunks[..self.frozen];
        LateView { range, buffer: SampleBatch::new(), chunks: views(frozen, range, files) }
    }

    /// Marks all samples as being written to blocks. Later ones are kept apart.
    pub(crate) fn freeze(&mut self, encodings: Encodings) {
        if !self.buffer.is_empty() {
            self.seal(encodings);
        }
        self.frozen = self.chunks.len();
    }

    /// All chunks.
    pub(crate) fn chunks(&self) -> impl Iterator<Item = &SealedChunk> {
        self.chunks.iter()
    }

    /// Puts chunks of the same samples in the place of one that is in a file.
    pub(crate) fn replace_chunk(&mut self, chunk: &SealedChunk, with: Vec<SealedChunk>) {
        if let Some(at) = self.chunks.iter().position(|known| known.file_place() == chunk.file_place()) {
            if at < self.frozen {
                self.frozen = self.frozen + with.len() - 1;
            }
            self.chunks.splice(at..=at, with);
        }
    }

    /// Drops what was frozen: it is in blocks.
    pub(crate) fn drop_frozen(&mut self) {
        self.chunks.drain(..std::mem::take(&mut self.frozen));
    }
}

/// Late samples of a series as they were at one moment. Chunks are decoded when they are asked for.
pub(crate) struct LateView {
    range: TimeRange,
    buffer: SampleBatch,
    chunks: Vec<ChunkView>,
}

impl LateView {
    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.is_empty() && self.chunks.is_empty()
    }

    /// The samples, in time order. What cannot be read is left out, and `lost` is told why.
    pub(crate) fn rows(self, mut lost: impl FnMut(&str)) -> SampleBatch {
        let mut rows = self.buffer;
        for chunk in &self.chunks {
            let mut decoded = SampleBatch::new();
            if let Err(reason) = chunk.decode(&mut decoded) {
                lost(&reason);
                continue;
            }
            batch::keep_range(&mut decoded, 0, self.range);
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
}

fn views(chunks: &[SealedChunk], range: TimeRange, files: Option<&HeadChunks>) -> Vec<ChunkView> {
    chunks.iter().filter(|c| c.overlaps(range)).map(|c| c.view(files)).collect()
}

/// Whether all of a chunk in memory is in another one, which has samples at these times.
fn is_inside(known: &SealedChunk, other: &SealedChunk, times: &[i64]) -> bool {
    if known.min_ms < other.min_ms || known.max_ms > other.max_ms || known.file().is_some() {
        return false;
    }
    let mut rows = SampleBatch::new();
    let read = known.view(None).decode(&mut rows);
    read.is_ok() && rows.timestamps.iter().all(|t| times.binary_search(t).is_ok())
}

fn chunk_has_sample_in(chunk: &SealedChunk, range: TimeRange, files: Option<&HeadChunks>) -> bool {
    let view = chunk.view(files);
    let mut decoded = SampleBatch::new();
    // Reading it says what is wrong with it.
    matches!(view.bytes, ChunkBytes::Lost(_))
        || view.decode(&mut decoded).is_err()
        || decoded.timestamps.iter().any(|t| range.contains(*t))
}
