//! Late samples to blocks of their own.

use std::sync::Arc;

use promethium_block::{BlockMeta, Parent, hint, write_block};
use promethium_model::TimeRange;
use promethium_wal::remove_segments_before;

use super::Upkeep;
use crate::db::open::LATE_DIR;
use crate::db::{Db, Home};
use crate::error::TsdbError;
use crate::head::cutting::range_end;
use crate::head::source::{HeadSource, Which};
use crate::options::ProgressKind;

impl Db {
    /// Writes all late samples to blocks, one for each aligned range, and drops their log. How many blocks were written.
    pub(super) fn flush_late(&self, home: &Home, upkeep: &mut Upkeep, now_ms: i64) -> Result<usize, TsdbError> {
        let Some(log) = &self.late_log else { return Ok(0) };
        // Between two commits: what is logged before the cut is in memory, and frozen.
        let turn = self.head.visibility.issue();
        turn.wait();
        log.lock()?.writer().cut()?;
        // The blocks will be durable at once: so must be the series that their samples belong to.
        self.logs().try_for_each(|log| log.sync_all(self.clock.now_ms()))?;
        let first_kept = log.peek().writer().segment_index();
        let times = self.freeze_late();
        turn.publish();
        let mut blocks = Vec::new();
        if let Some((first_ms, last_ms)) = times {
            let range_ms = self.options.chunk_range_ms;
            let mut start_ms = first_ms.div_euclid(range_ms) * range_ms;
            while start_ms <= last_ms {
                let end_ms = range_end(start_ms, range_ms).max(start_ms + 1);
                if let Some(meta) = self.write_late(home, upkeep, (start_ms, end_ms), now_ms)? {
                    blocks.push(self.open_block(&*home.vfs, &home.dir, meta.ulid)?);
                }
                start_ms = end_ms;
            }
        }
        let count = blocks.len();
        let before = self.exchange_blocks(upkeep, &[], false, blocks);
        upkeep.late_truncation = times.map(|_| before);
        self.drop_late_if_unseen(upkeep);
        upkeep.needless_late_log = Some(first_kept);
        self.drop_late_log(home, upkeep)?;
        Ok(count)
    }

    /// Drops from the head the late samples that are in blocks, unless a query runs that does not know these blocks.
    pub(super) fn drop_late_if_unseen(&self, upkeep: &mut Upkeep) {
        if upkeep.late_truncation.take_if(|before| Arc::strong_count(before) == 1).is_none() {
            return;
        }
        let dropped = self.head.sweep(|series| series.lock().drop_frozen_late());
        let until_ms = self.head.frontier_ms();
        self.kept_references.lock().extend(dropped.series.into_iter().map(|r| (r, until_ms)));
    }

    /// Removes that part of the log of late samples which is in blocks. While it is there, a delete would reach these blocks
    /// and not it, and the next opening bring back what was deleted: so no delete begins before this has succeeded.
    pub(in crate::db) fn drop_late_log(&self, home: &Home, upkeep: &mut Upkeep) -> Result<(), TsdbError> {
        if let Some(first_kept) = upkeep.needless_late_log {
            remove_segments_before(&*home.vfs, &home.dir.join(LATE_DIR), first_kept)?;
            upkeep.needless_late_log = None;
        }
        Ok(())
    }

    /// First and last time of the late samples that were frozen.
    fn freeze_late(&self) -> Option<(i64, i64)> {
        let encodings = self.head.rules.encodings();
        let times = self.head.all_series().into_iter().filter_map(|series| series.lock().freeze_late(encodings));
        times.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    fn write_late(
        &self,
        home: &Home,
        upkeep: &mut Upkeep,
        (start_ms, end_ms): (i64, i64),
        now_ms: i64,
    ) -> Result<Option<BlockMeta>, TsdbError> {
        let mut meta = BlockMeta::of_level_one(upkeep.begin_block(now_ms), start_ms, end_ms);
        meta.compaction.hints = vec![hint::OUT_OF_ORDER.to_owned()];
        meta.compaction.parents = vec![Parent::default()];
        let range = TimeRange::new(start_ms, end_ms - 1);
        let mut source = HeadSource::new(&self.head, Which::FrozenLate, range);
        let mut tell = self.on_progress(ProgressKind::Flush);
        let options = self.write_options();
        Ok(write_block(&*home.vfs, &home.dir, meta, &mut [&mut source], &options, &mut tell)?.meta)
    }
}
