//! Stale series to blocks of their own, and out of the head, when they have become many: Prometheus' early compaction of stale
//! series.
//!
//! A series may get samples again at any moment. What keeps them:
//!
//! * a block takes a series only while it ends where it ended at the beginning, so that it has nothing that is not durable in
//!   the log;
//! * a series leaves only if it still ends there, and if no transaction and no reader has a hold of it;
//! * it leaves under the lock of the log, with its tombstone: no commit is written between, so that what comes for its labels
//!   afterwards stands behind the tombstone, under another reference.
//!
//! The log may lose the tombstone in a crash, but not what comes behind and keep that: the series is then in the head as well
//! as in a block, with the same samples.

use std::collections::BTreeSet;
use std::sync::Arc;

use promethium_block::{BlockMeta, Parent, hint, write_block};
use promethium_model::TimeRange;
use promethium_wal::{RefTombstone, encode_tombstones};

use super::{Home, Upkeep};
use crate::db::Db;
use crate::db::blocks::BlockSet;
use crate::error::TsdbError;
use crate::head::cutting::range_end;
use crate::head::source::HeadSource;
use crate::head::stale::StaleSeries;
use crate::options::ProgressKind;

// Series that leave while nothing is written to the log.
const BATCH: usize = 1024;
// How long transactions and readers are waited for that have hold of series, or of their neighbours.
const PATIENCE_MS: i64 = 30_000;

/// Series that are in blocks; the head still has them for queries that do not know these blocks.
pub(super) struct Eviction {
    stale: StaleSeries,
    before: Arc<BlockSet>,
    /// What is then still in the hands of transactions or readers stays. `None` as long as nothing was tried.
    give_up_ms: Option<i64>,
}

impl Db {
    /// Whether so many of the head's series are stale that they should leave it. Not when its oldest range goes to a block soon.
    pub(super) fn is_stale_share_due(&self) -> bool {
        let (stale, all) = (self.head.stale_series_count(), self.head.series_count());
        let threshold = self.options.stale_series_compaction_threshold;
        let Some((min_ms, max_ms)) = self.head.time_range() else { return false };
        let range_ms = self.options.chunk_range_ms;
        let soon_ms = range_ms / 2 * 3 - range_ms / 12;
        threshold > 0.0
            && stale > 0
            && stale as f64 >= threshold * all as f64
            && max_ms.saturating_sub(min_ms) <= soon_ms
    }

    /// Writes the samples of stale series to blocks, one for each aligned range. How many blocks were written.
    pub(super) fn flush_stale(&self, home: &Home, upkeep: &mut Upkeep, now_ms: i64) -> Result<usize, TsdbError> {
        let stale = self.head.stale_series();
        if stale.is_empty() {
            return Ok(0);
        }
        // The blocks will be durable at once: so must be the commits that their samples came with, and those before them.
        self.logs().try_for_each(|log| log.sync_all(self.clock.now_ms()))?;
        let mut blocks = Vec::new();
        for start_ms in range_starts(&stale, self.options.chunk_range_ms) {
            if let Some(meta) = self.write_stale(home, upkeep, &stale, start_ms, now_ms)? {
                blocks.push(self.open_block(&*home.vfs, &home.dir, meta.ulid)?);
            }
        }
        let count = blocks.len();
        let before = self.exchange_blocks(upkeep, &[], false, blocks);
        upkeep.eviction = Some(Eviction { stale, before, give_up_ms: None });
        Ok(count)
    }

    fn write_stale(
        &self,
        home: &Home,
        upkeep: &mut Upkeep,
        stale: &StaleSeries,
        start_ms: i64,
        now_ms: i64,
    ) -> Result<Option<BlockMeta>, TsdbError> {
        let end_ms = range_end(start_ms, self.options.chunk_range_ms).max(start_ms + 1);
        let mut meta = BlockMeta::of_level_one(upkeep.begin_block(now_ms), start_ms, end_ms);
        // The first is for Prometheus before 3.10, which does not know the second: it would take such a block for one in order, and
        // drop what the log has of other series before its end.
        meta.compaction.hints = vec![hint::OUT_OF_ORDER.to_owned(), hint::STALE_SERIES.to_owned()];
        meta.compaction.parents = vec![Parent::default()];
        let mut source = HeadSource::of_stale(&self.head, stale, TimeRange::new(start_ms, end_ms - 1));
        let mut tell = self.on_progress(ProgressKind::Flush);
        let options = self.write_options();
        Ok(write_block(&*home.vfs, &home.dir, meta, &mut [&mut source], &options, &mut tell)?.meta)
    }

    /// Takes stale series that are in blocks out of the head, unless a query runs that does not know these blocks. How many went.
    pub(super) fn evict_stale_if_unseen(&self, upkeep: &mut Upkeep, now_ms: i64) -> Result<usize, TsdbError> {
        let is_unseen = |eviction: &mut Eviction| Arc::strong_count(&eviction.before) == 1;
        let Some(Eviction { stale, before, give_up_ms }) = upkeep.eviction.take_if(is_unseen) else { return Ok(0) };
        let mut held = StaleSeries::default();
        let batches = stale.into_batches(BATCH);
        let evicted = batches.map(|some| self.evict(some, &mut held)).sum::<Result<usize, TsdbError>>();
        let give_up_ms = give_up_ms.unwrap_or_else(|| now_ms.saturating_add(PATIENCE_MS));
        if !held.is_empty() && now_ms < give_up_ms {
            upkeep.eviction = Some(Eviction { stale: held, before, give_up_ms: Some(give_up_ms) });
        }
        if !matches!(evicted, Ok(0)) {
            self.reckon_head();
        }
        evicted
    }

    /// Reckons the head's times anew.
    fn reckon_head(&self) {
        let swept = self.head.sweep(|_| ());
        let until_ms = swept.min_ms.unwrap_or_else(|| self.head.frontier_ms());
        self.kept_references.lock().extend(swept.series.into_iter().map(|r| (r, until_ms)));
    }

    fn evict(&self, stale: StaleSeries, held: &mut StaleSeries) -> Result<usize, TsdbError> {
        let Some(log) = &self.log else { return Ok(0) };
        let mut state = log.lock()?;
        let (gone, still_held) = self.head.evict(stale);
        held.extend(still_held);
        // Their samples are in the log for a while: as long as anything from now is.
        let until_ms = self.head.time_range().map_or(i64::MIN, |(_, max_ms)| max_ms);
        self.kept_references.lock().extend(gone.iter().map(|reference| (*reference, until_ms)));
        if gone.is_empty() {
            return Ok(0);
        }
        let stones = gone.iter().map(|series| RefTombstone { series: *series, min_ms: i64::MIN, max_ms: i64::MAX });
        state.append(&log.prepare(vec![encode_tombstones(&stones.collect::<Vec<_>>())]), &[])?;
        Ok(gone.len())
    }
}

/// The beginnings of the aligned ranges in which the series have chunks.
fn range_starts(stale: &StaleSeries, range_ms: i64) -> BTreeSet<i64> {
    let mut starts = BTreeSet::new();
    for series in stale.all() {
        for (min_ms, max_ms) in series.lock().chunk_times() {
            starts.extend([min_ms, max_ms].map(|t_ms| t_ms.div_euclid(range_ms) * range_ms));
        }
    }
    starts
}
