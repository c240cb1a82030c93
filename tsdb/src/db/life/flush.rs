//! From the head to blocks.

use promethium_block::{BlockMeta, write_block};
use promethium_model::TimeRange;

use super::{super::Home, Upkeep};
use crate::db::Db;
use crate::error::TsdbError;
use crate::head::cutting::range_end;
use crate::head::source::{HeadSource, Which};
use crate::options::ProgressKind;
use std::sync::Arc;

impl Db {
    /// The half-open range that the head should give to a block: from its first sample to the end of the aligned range,
    /// once it spans one and a half.
    pub(super) fn due_head_range(&self) -> Option<(i64, i64)> {
        let (min_ms, max_ms) = self.head.time_range()?;
        let range_ms = self.options.chunk_range_ms;
        let is_due = max_ms.saturating_sub(min_ms) > range_ms / 2 * 3;
        is_due.then(|| (min_ms, range_end(min_ms, range_ms)))
    }

    /// Writes a range of the head to a block. From the first step on nothing is appended to it any more.
    pub(super) fn flush_head(
        &self,
        home: &Home,
        upkeep: &mut Upkeep,
        (min_ms, end_ms): (i64, i64),
        now_ms: i64,
    ) -> Result<(), TsdbError> {
        let turn = self.head.visibility.issue();
        turn.wait();
        self.head.raise_frontier(end_ms);
        turn.publish();
        // A block is durable at once: so must be the commits that its samples came with, and those before them.
        self.logs().try_for_each(|log| log.sync_all(self.clock.now_ms()))?;
        let meta = BlockMeta::of_level_one(upkeep.begin_block(now_ms), min_ms, end_ms);
        let mut source = HeadSource::new(&self.head, Which::InOrder, TimeRange::new(min_ms, end_ms - 1));
        let mut tell = self.on_progress(ProgressKind::Flush);
        let written = write_block(&*home.vfs, &home.dir, meta, &mut [&mut source], &self.write_options(), &mut tell)?;
        let block = written.meta.map(|meta| self.open_block(&*home.vfs, &home.dir, meta.ulid)).transpose()?;
        let before = self.exchange_blocks(upkeep, &[], false, block);
        upkeep.truncation = Some((end_ms, before));
        upkeep.is_log_due = true;
        self.truncate_head_if_unseen(upkeep);
        Ok(())
    }

    /// Drops from the head what is in blocks, unless a query runs that does not know these blocks.
    pub(super) fn truncate_head_if_unseen(&self, upkeep: &mut Upkeep) {
        let is_unseen = |set: &Arc<_>| Arc::strong_count(set) == 1;
        if let Some((end_ms, _)) = upkeep.truncation.take_if(|(_, before)| is_unseen(before)) {
            let truncated = self.head.truncate_before(end_ms);
            let until_ms = truncated.min_ms.unwrap_or(end_ms);
            self.kept_references.lock().extend(truncated.series.into_iter().map(|r| (r, until_ms)));
        }
    }
}
