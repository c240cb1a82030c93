//! Reading the samples of one series.

use promethium_chunk::{ChunkError, Encoding, decode};
use promethium_model::{SampleBatch, SampleCursor, StorageError, TimeRange};

use super::notes::Notes;
use crate::block::Block;
use crate::error::{Damage, Fault, Part};
use crate::index::ChunkMeta;
use crate::rows;
use crate::tombstones::Intervals;

/// Reads a series chunk by chunk. A damaged chunk is left out, noted, and warned of.
pub(super) struct BlockCursor<'q> {
    block: &'q Block,
    chunks: std::vec::IntoIter<ChunkMeta>,
    range: TimeRange,
    deleted: Intervals,
    /// The newest timestamp that was handed over, or could have been.
    newest_ms: Option<i64>,
    notes: Notes,
}

impl<'q> BlockCursor<'q> {
    pub(super) fn new(
        block: &'q Block,
        chunks: Vec<ChunkMeta>,
        range: TimeRange,
        deleted: Intervals,
        notes: Notes,
    ) -> Self {
        BlockCursor { block, chunks: chunks.into_iter(), range, deleted, newest_ms: None, notes }
    }

    /// Appends the rows of one chunk that are wanted.
    fn read(&mut self, chunk: ChunkMeta, out: &mut SampleBatch) {
        let base = out.len();
        match decode_checked(self.block, chunk, self.newest_ms, out) {
            Ok(()) => {
                self.newest_ms = out.timestamps.last().copied();
                rows::clip(out, base, self.range.min_ms, self.range.max_ms);
                self.deleted.apply(out, base);
            }
            Err(damage) => {
                rows::truncate(out, base);
                self.notes.warn(&damage);
                self.block.damage.note(damage);
            }
        }
    }
}

impl SampleCursor for BlockCursor<'_> {
    fn next_batch(&mut self, out: &mut SampleBatch) -> Result<bool, StorageError> {
        let base = out.len();
        while let Some(chunk) = self.chunks.next() {
            if chunk.max_ms >= self.range.min_ms {
                self.read(chunk, out);
            }
            if out.len() > base {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn seek(&mut self, t_ms: i64) {
        self.range.min_ms = self.range.min_ms.max(t_ms);
    }
}

/// Decodes a chunk whose sum holds. Its samples are believed when their times ascend, lie where the index says, and
/// follow what came before.
pub(crate) fn decode_checked(
    block: &Block,
    chunk: ChunkMeta,
    newest_ms: Option<i64>,
    out: &mut SampleBatch,
) -> Result<(), Damage> {
    let raw = block.chunks.get(chunk.reference)?;
    let base = out.len();
    let decoded = match Encoding::try_from(raw.encoding) {
        Ok(encoding) => decode(encoding, raw.data, out).map_err(|e: ChunkError| e.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let checked = decoded.and_then(|()| check_times(&out.timestamps[base..], chunk, newest_ms));
    checked.map_err(|message| {
        rows::truncate(out, base);
        let offset = u64::from(chunk.reference as u32);
        Fault::new(offset, message).in_part(Part::Chunk, &block.chunks.path_of(chunk.reference))
    })
}

fn check_times(times: &[i64], chunk: ChunkMeta, newest_ms: Option<i64>) -> Result<(), String> {
    let Some((first, last)) = times.first().zip(times.last()) else { return Ok(()) };
    if !times.is_sorted_by(|a, b| a < b) {
        return Err("the times of a chunk do not ascend".to_owned());
    }
    if *first < chunk.min_ms || *last > chunk.max_ms {
        return Err(format!("a chunk of {first} to {last} where the index says {} to {}", chunk.min_ms, chunk.max_ms));
    }
    if newest_ms.is_some_and(|newest| newest >= *first) {
        return Err("a chunk overlaps the one before".to_owned());
    }
    Ok(())
}
