//! Blocks into larger blocks.

use promethium_block::{BlockError, BlockMeta, compact, compaction_ranges, plan};

use super::Upkeep;
use crate::db::{Db, Home};
use crate::error::TsdbError;
use crate::options::ProgressKind;

const RANGE_FACTOR: i64 = 3;
const RANGE_STEPS: usize = 10;

impl Db {
    /// Merges the blocks that are due first, if any are.
    pub(super) fn compact_once(&self, home: &Home, upkeep: &mut Upkeep, now_ms: i64) -> Result<bool, TsdbError> {
        let blocks = self.blocks();
        // A block of late samples may lie ahead of what the head gave to blocks. Merged with one in order, it would say that the
        // head's own samples of its range are in blocks.
        let frontier_ms = self.head.frontier_ms();
        let metas: Vec<BlockMeta> = blocks
            .all()
            .iter()
            .filter(|b| b.meta().max_time_ms <= frontier_ms)
            .map(|b| {
                let mut meta = (*b.meta()).clone();
                meta.compaction.failed |= upkeep.failed.contains(&meta.ulid);
                meta
            })
            .collect();
        let max_ms = self.options.longest_block_ms();
        let ranges = compaction_ranges(self.options.chunk_range_ms, RANGE_FACTOR, RANGE_STEPS, max_ms);
        let Some(due) = plan(&metas, &ranges) else { return Ok(false) };
        let parents: Vec<_> = blocks.all().iter().filter(|b| due.blocks.contains(&b.meta().ulid)).collect();
        if parents.iter().any(|b| upkeep.failed.contains(&b.meta().ulid)) {
            return Ok(false);
        }
        let parents: Vec<_> = parents.into_iter().map(|b| &**b).collect();
        let ulid = upkeep.begin_block(now_ms);
        let mut tell = self.on_progress(ProgressKind::Compaction);
        match compact(&*home.vfs, &home.dir, ulid, &parents, &self.write_options(), &mut tell) {
            Ok(written) => {
                let block = written.meta.map(|meta| self.open_block(&*home.vfs, &home.dir, meta.ulid)).transpose()?;
                self.exchange_blocks(upkeep, &due.blocks, !written.damage.is_empty(), block);
                self.put_away_strays(home, upkeep)?;
                Ok(true)
            }
            // The medium may be better tomorrow.
            Err(error @ BlockError::Io { .. }) => Err(error.into()),
            Err(error) => {
                self.mark_failed(home, upkeep, &parents);
                Err(error.into())
            }
        }
    }

    fn mark_failed(&self, home: &Home, upkeep: &mut Upkeep, blocks: &[&promethium_block::Block]) {
        for block in blocks {
            let mut meta = (*block.meta()).clone();
            meta.compaction.failed = true;
            upkeep.failed.insert(meta.ulid);
            // Where this fails too, the next opening tries the merge again.
            let _ = meta.write(&*home.vfs, block.dir());
        }
    }
}
