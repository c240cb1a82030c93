//! Chunks of samples that are all at hand, cut where the head would have cut them.

use promethium_chunk::{EncodedChunk, Encodings};
use promethium_model::SampleBatch;

use super::chunk::{ChunkData, SealedChunk};
use super::series::{SeriesState, Stamp};
use super::transaction::push_all;
use super::visibility::CommitId;

/// The chunks of one series' samples, which ascend in time; no chunk reaches over the end of an aligned range of
/// `range_ms`.
pub(crate) fn chunks_at_once(samples: &SampleBatch, encodings: Encodings, range_ms: i64) -> Vec<EncodedChunk> {
    let stamp = Stamp {
        commit: CommitId::default(),
        settled: CommitId::default(),
        chunk_range_ms: range_ms,
        is_xor2: encodings.xor2,
        start_timestamps: encodings.histogram_start_timestamps,
    };
    let mut state = SeriesState::default();
    push_all(&mut state, samples, &stamp);
    state.seal();
    state.chunks_in_memory().filter_map(encoded).collect()
}

fn encoded(chunk: &SealedChunk) -> Option<EncodedChunk> {
    let ChunkData::Memory(data) = &chunk.data else { return None };
    let SealedChunk { min_ms, max_ms, encoding, .. } = *chunk;
    Some(EncodedChunk { encoding, min_ms, max_ms, data: Box::from(&**data) })
}
