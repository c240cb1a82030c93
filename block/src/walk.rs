//! Walking a whole block: what makes a lost description anew, and what counts and checks.

use promethium_chunk::{Encoding, sample_count};

use crate::block::Block;
use crate::error::BlockError;
use crate::index::{ChunkMeta, SeriesEntry};
use crate::meta::{BlockMeta, BlockStats};
use crate::ulid::Ulid;

impl Block {
    /// The description that a block without a readable one has: its name is the directory's, times and counts are those of
    /// what can be read, and as its descent is not known it is of level 1.
    pub(crate) fn rebuilt_meta(&self) -> Result<BlockMeta, BlockError> {
        let name = self.dir.file_name().and_then(|n| n.to_str()).and_then(|n| n.parse().ok()).unwrap_or(Ulid::ZERO);
        let mut stats = BlockStats { num_tombstones: self.tombstones().interval_count(), ..BlockStats::default() };
        let (mut min_ms, mut max_ms) = (i64::MAX, i64::MIN);
        let mut entry = SeriesEntry::default();
        let mut walk = self.index.walk();
        while walk.next(&mut entry)?.is_some() {
            stats.num_series += 1;
            for chunk in &entry.chunks {
                (min_ms, max_ms) = (min_ms.min(chunk.min_ms), max_ms.max(chunk.max_ms));
                self.count_chunk(*chunk, &mut stats);
            }
        }
        let (min_ms, max_ms) = if min_ms > max_ms { (0, 0) } else { (min_ms, max_ms.saturating_add(1)) };
        Ok(BlockMeta { stats, ..BlockMeta::of_level_one(name, min_ms, max_ms) })
    }

    fn count_chunk(&self, chunk: ChunkMeta, stats: &mut BlockStats) {
        match self.chunks.get(chunk.reference) {
            Ok(raw) => stats.add_chunk(raw.encoding, raw.data),
            Err(damage) => self.damage.note(damage),
        }
    }
}

impl BlockStats {
    /// Counts a chunk and its samples; of an encoding that is not known, the chunk alone.
    pub(crate) fn add_chunk(&mut self, encoding: u8, data: &[u8]) {
        self.num_chunks += 1;
        let Ok(encoding) = Encoding::try_from(encoding) else { return };
        let samples = sample_count(encoding, data) as u64;
        self.num_samples += samples;
        if encoding.is_histogram() {
            self.num_histogram_samples += samples;
        } else {
            self.num_float_samples += samples;
        }
    }
}
