//! The chunks of one series from several sources as one run without overlaps.

use promethium_chunk::{ChunkBuilder, Encoding, Encodings, SplitRule, decode};
use promethium_model::{HistogramValue, SampleBatch};

use super::Parts;
use crate::error::Damage;
use crate::rows;
use crate::source::SourceChunk;
use crate::tombstones::Intervals;

/// Merges chunks within one range of time.
pub(super) struct ChunkMerge {
    min_ms: i64,
    /// Exclusive.
    max_ms: i64,
    encodings: Encodings,
    /// Chunks and the rank of their source.
    found: Vec<(SourceChunk, usize)>,
}

impl ChunkMerge {
    pub(super) fn new(min_ms: i64, max_ms: i64, encodings: Encodings) -> Self {
        ChunkMerge { min_ms, max_ms, encodings, found: Vec::new() }
    }

    /// Puts the chunks of a series into `out`, in order. What cannot be decoded where it must be is left out and named.
    pub(super) fn merge(&mut self, parts: Parts<'_>, out: &mut Vec<SourceChunk>, damage: &mut Vec<Damage>) {
        out.clear();
        self.found.clear();
        for (rank, part) in parts.iter().enumerate() {
            for chunk in &part.chunks {
                self.take(chunk, &part.deleted, rank, damage);
            }
        }
        self.found.sort_by_key(|(c, rank)| (c.min_ms, c.max_ms, *rank));
        let mut end = i64::MIN;
        let groups = self.found.chunk_by(|(a, _), (b, _)| {
            end = end.max(a.max_ms);
            let overlaps = b.min_ms <= end;
            end = if overlaps { end } else { i64::MIN };
            overlaps
        });
        for group in groups {
            match group {
                [(only, _)] => out.push(only.clone()),
                [(first, _), others @ ..] if others.iter().all(|(c, _)| is_same(first, c)) => out.push(first.clone()),
                several => out.extend(merged(several, self.encodings, damage)),
            }
        }
    }

    /// Takes a chunk as it is, or what is left of it.
    fn take(&mut self, chunk: &SourceChunk, deleted: &Intervals, rank: usize, damage: &mut Vec<Damage>) {
        let last_ms = self.max_ms.saturating_sub(1);
        if chunk.max_ms < self.min_ms || chunk.min_ms > last_ms || deleted.cover(chunk.min_ms, chunk.max_ms) {
            return;
        }
        let is_inside = chunk.min_ms >= self.min_ms && chunk.max_ms <= last_ms;
        if is_inside && !deleted.overlap(chunk.min_ms, chunk.max_ms) {
            self.found.push((chunk.clone(), rank));
            return;
        }
        let mut samples = SampleBatch::new();
        match decoded(chunk, &mut samples) {
            Ok(()) => {
                rows::clip(&mut samples, 0, self.min_ms, last_ms);
                deleted.apply(&mut samples, 0);
                let rest = promethium_chunk::encode(&samples, encodings_of(chunk.encoding), SplitRule::UNLIMITED);
                self.found.extend(rest.into_iter().map(|c| (SourceChunk::from(c), rank)));
            }
            Err(found) => damage.push(found),
        }
    }
}

fn is_same(a: &SourceChunk, b: &SourceChunk) -> bool {
    (a.min_ms, a.max_ms, a.encoding) == (b.min_ms, b.max_ms, b.encoding) && a.data() == b.data()
}

/// The encodings that write samples as they came.
fn encodings_of(encoding: Encoding) -> Encodings {
    Encodings {
        xor2: encoding == Encoding::Xor2,
        histogram_start_timestamps: matches!(encoding, Encoding::HistogramSt | Encoding::FloatHistogramSt),
    }
}

fn decoded(chunk: &SourceChunk, out: &mut SampleBatch) -> Result<(), Damage> {
    let result = decode(chunk.encoding, chunk.data(), out).map_err(|e| e.to_string());
    let ascend = |()| match out.timestamps.is_sorted_by(|a, b| a < b) {
        true => Ok(()),
        false => Err("the times of a chunk do not ascend".to_owned()),
    };
    result.and_then(ascend).map_err(|message| chunk.damage(message))
}

/// Where a sample is: its time, the rank of its source, the batch and the row.
type Place = (i64, usize, usize, usize);

/// Merges chunks that overlap. Of samples with the same time that of the highest rank stands.
fn merged(group: &[(SourceChunk, usize)], wanted: Encodings, damage: &mut Vec<Damage>) -> Vec<SourceChunk> {
    let mut batches = Vec::with_capacity(group.len());
    let mut places: Vec<Place> = Vec::new();
    let mut encodings = wanted;
    for (chunk, rank) in group {
        let mut batch = SampleBatch::new();
        if let Err(found) = decoded(chunk, &mut batch) {
            damage.push(found);
            continue;
        }
        let of_chunk = encodings_of(chunk.encoding);
        encodings.xor2 |= of_chunk.xor2;
        encodings.histogram_start_timestamps |= of_chunk.histogram_start_timestamps;
        places.extend(batch.timestamps.iter().enumerate().map(|(row, t)| (*t, *rank, batches.len(), row)));
        batches.push(batch);
    }
    places.sort_unstable();
    let mut builder = ChunkBuilder::new(encodings, SplitRule::MERGE);
    for (i, place) in places.iter().enumerate() {
        let is_last_of_its_time = places.get(i + 1).is_none_or(|next| next.0 != place.0);
        if is_last_of_its_time {
            push(&mut builder, &batches[place.2], place.3);
        }
    }
    builder.finish().into_iter().map(SourceChunk::from).collect()
}

fn push(builder: &mut ChunkBuilder, batch: &SampleBatch, row: usize) {
    let start = batch.start_timestamps.get(row).copied().unwrap_or(0);
    let t = batch.timestamps[row];
    match batch.histograms.binary_search_by_key(&(row as u32), |(at, _)| *at).map(|at| &batch.histograms[at].1) {
        Err(_) => builder.push_float(start, t, batch.floats[row]),
        Ok(HistogramValue::Int(h)) => builder.push_histogram(start, t, h),
        Ok(HistogramValue::Float(h)) => builder.push_float_histogram(start, t, h),
    }
}
