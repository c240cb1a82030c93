//! The life of data: from the head to blocks, from blocks to larger blocks, and away. All of it from the pump
//! [`Db::maintain`].

mod chunk_files;
mod compaction;
mod decayed;
mod flush;
mod late;
mod late_chunks;
mod log_truncation;
mod retention;
mod snapshot;
mod stale;
mod strays;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use promethium_block::{Block, Progress, Ulid, UlidSource, WriteOptions};
use promethium_vfs::Vfs;

use super::blocks::BlockSet;
use super::{Db, Home, MaintainReport, head_file};
use crate::error::TsdbError;
use crate::options::ProgressKind;
use decayed::Due;
pub(super) use snapshot::remove_draft_snapshots;
use stale::Eviction;
use strays::Strays;

// Between two looks at retention, and between two moves of full chunks to files.
const HOUSEKEEPING_MS: i64 = 60_000;

/// What the pump remembers between two calls.
pub(super) struct Upkeep {
    ulids: UlidSource,
    /// Blocks whose merge failed: not to be tried again.
    failed: BTreeSet<Ulid>,
    /// Samples before this time are in blocks; the head still has them for queries that do not know these blocks.
    truncation: Option<(i64, Arc<BlockSet>)>,
    /// The frozen late samples are in blocks; the head still has them for queries that do not know these blocks.
    late_truncation: Option<Arc<BlockSet>>,
    eviction: Option<Eviction>,
    /// Directories of blocks that no query sees.
    strays: Strays,
    /// Segments of the log of late samples before this one are in blocks, and are still to be removed.
    needless_late_log: Option<u64>,
    /// Whether something left the head since the log was last truncated.
    is_log_due: bool,
    next_housekeeping_ms: Option<i64>,
    next_snapshot_ms: Option<i64>,
    /// Nothing that failed is tried again before this time.
    next_attempt_ms: i64,
}

/// References whose series left the head, each with the time up to which the log may still have samples of it.
pub(super) type KeptReferences = BTreeMap<u64, i64>;

impl Upkeep {
    pub(super) fn new(seed: u64) -> Self {
        Upkeep {
            ulids: UlidSource::new(seed),
            failed: BTreeSet::new(),
            truncation: None,
            late_truncation: None,
            eviction: None,
            strays: Strays::new(),
            needless_late_log: None,
            is_log_due: false,
            next_housekeeping_ms: None,
            next_snapshot_ms: None,
            next_attempt_ms: i64::MIN,
        }
    }
}

impl Upkeep {
    /// Whether everything that is in blocks has left the head.
    fn is_head_settled(&self) -> bool {
        self.truncation.is_none() && self.late_truncation.is_none() && self.eviction.is_none()
    }
}

impl Db {
    /// The duties of the pump beside the interval sync, the most urgent first, until the budget is spent. One that fails
    /// is tried again a minute later.
    pub(super) fn keep_up(&self, now_ms: i64, budget: Duration, report: &mut MaintainReport) -> Result<(), TsdbError> {
        let Some(home) = &self.home else { return Ok(()) };
        // One at a time; who comes second has nothing to do.
        let Some(mut upkeep) = self.upkeep.try_lock() else { return Ok(()) };
        if now_ms < upkeep.next_attempt_ms && upkeep.next_attempt_ms - now_ms <= HOUSEKEEPING_MS {
            return Ok(());
        }
        let end = self.clock.monotonic().saturating_add(budget);
        loop {
            match self.next_duty(home, &mut upkeep, now_ms, report) {
                Ok(ControlFlow::Break(())) => return Ok(()),
                Ok(ControlFlow::Continue(())) if self.clock.monotonic() >= end => return Ok(()),
                Ok(ControlFlow::Continue(())) => {}
                Err(error) => {
                    upkeep.next_attempt_ms = now_ms.saturating_add(HOUSEKEEPING_MS);
                    return Err(error);
                }
            }
        }
    }

    /// Does one thing that is due; `Break` when nothing is.
    fn next_duty(
        &self,
        home: &Home,
        upkeep: &mut Upkeep,
        now_ms: i64,
        report: &mut MaintainReport,
    ) -> Result<ControlFlow<()>, TsdbError> {
        self.put_away_strays(home, upkeep)?;
        self.truncate_head_if_unseen(upkeep);
        self.drop_late_if_unseen(upkeep);
        report.evicted_series += self.evict_stale_if_unseen(upkeep, now_ms)?;
        if upkeep.is_head_settled() {
            if let Some(range) = self.due_head_range() {
                report.restored_chunks += self.restore_decayed(home, Due::in_order(range))?;
                self.flush_head(home, upkeep, range, now_ms)?;
                report.flushed += 1;
                return Ok(ControlFlow::Continue(()));
            }
            if upkeep.is_log_due {
                // It stands for a log, and for files, that are about to go.
                head_file::remove(&*home.vfs, &home.dir)
                    .map_err(TsdbError::io(&home.dir, "remove the head's snapshot of"))?;
                upkeep.next_snapshot_ms = None;
                // Late samples first: the log has the deletes that hold for them until they are in blocks.
                report.restored_chunks += self.restore_decayed(home, Due::Late)?;
                report.flushed_late += self.flush_late(home, upkeep, now_ms)?;
                self.truncate_log(home)?;
                self.remove_old_chunk_files()?;
                upkeep.is_log_due = false;
                return Ok(ControlFlow::Continue(()));
            }
        }
        if upkeep.next_housekeeping_ms.is_none_or(|next| now_ms >= next || next - now_ms > HOUSEKEEPING_MS) {
            upkeep.next_housekeeping_ms = Some(now_ms.saturating_add(HOUSEKEEPING_MS));
            self.move_full_chunks_to_files(now_ms)?;
            self.move_late_chunks_to_files()?;
            report.removed_blocks += self.apply_retention(home, upkeep)?;
            if upkeep.is_head_settled() && self.is_stale_share_due() {
                report.restored_chunks += self.restore_decayed(home, Due::Stale)?;
                report.flushed_stale += self.flush_stale(home, upkeep, now_ms)?;
                report.evicted_series += self.evict_stale_if_unseen(upkeep, now_ms)?;
            }
            return Ok(ControlFlow::Continue(()));
        }
        if self.is_snapshot_due(upkeep, now_ms) {
            upkeep.next_snapshot_ms = Some(now_ms.saturating_add(self.options.head_snapshot_interval_ms));
            report.head_snapshots += usize::from(self.leave_head_snapshot(home)?);
            return Ok(ControlFlow::Continue(()));
        }
        if self.compact_once(home, upkeep, now_ms)? {
            report.compacted += 1;
            return Ok(ControlFlow::Continue(()));
        }
        Ok(ControlFlow::Break(()))
    }

    fn is_snapshot_due(&self, upkeep: &Upkeep, now_ms: i64) -> bool {
        let interval_ms = self.options.head_snapshot_interval_ms;
        let is_time = |next_ms: i64| now_ms >= next_ms || next_ms - now_ms > interval_ms;
        self.options.head_snapshot && upkeep.next_snapshot_ms.is_none_or(is_time)
    }

    fn write_options(&self) -> WriteOptions {
        WriteOptions::default().encodings(self.head.rules.encodings())
    }

    /// A callback for the work of the block crate that tells the host.
    pub(super) fn on_progress(&self, kind: ProgressKind) -> impl FnMut(Progress) -> ControlFlow<()> + '_ {
        move |progress| {
            if let Some(tell) = &self.options.progress {
                tell(kind, progress.done, progress.total);
            }
            ControlFlow::Continue(())
        }
    }

    fn open_block(&self, vfs: &dyn Vfs, dir: &Path, ulid: Ulid) -> Result<Arc<Block>, TsdbError> {
        Ok(Arc::new(Block::open(vfs, &dir.join(ulid.to_string()))?))
    }

    /// Puts blocks in the place of others. Queries that run keep what they have; the set that they may have is returned.
    /// Those that are gone are strays from here on.
    fn exchange_blocks(
        &self,
        upkeep: &mut Upkeep,
        gone: &[Ulid],
        are_damaged: bool,
        new: impl IntoIterator<Item = Arc<Block>>,
    ) -> Arc<BlockSet> {
        let mut blocks = self.blocks.write();
        let new: Vec<_> = new.into_iter().collect();
        for block in &new {
            upkeep.strays.remove(&block.meta().ulid);
        }
        upkeep.strays.extend(gone.iter().map(|ulid| (*ulid, are_damaged)));
        let kept = blocks.all().iter().filter(|b| !gone.contains(&b.meta().ulid)).cloned();
        let next = blocks.replaced_by(kept.chain(new).collect());
        std::mem::replace(&mut *blocks, Arc::new(next))
    }
}
