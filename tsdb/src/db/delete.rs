//! Deletes.

use promethium_block::Interval;
use promethium_model::{Matcher, QueryCx, TimeRange};
use promethium_wal::{RefTombstone, encode_tombstones};

use super::Db;
use crate::error::TsdbError;
use crate::head::deletion::Stone;

/// What a delete reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeleteReport {
    /// Series of the head in which samples were deleted.
    pub head_series: usize,
    /// Series of blocks in which samples were deleted, those of each block counted.
    pub block_series: u64,
}

impl Db {
    /// Deletes the samples in `range` of the series that all matchers accept. From here on queries do not see them; the
    /// bytes go with the next compaction of what they are in. Label names and values of deleted samples stay until then.
    ///
    /// Until then the range stays closed to late samples too: one that comes into it afterwards is taken and does not show, as
    /// in Prometheus. A sample in order lies behind the range and is not concerned.
    ///
    /// # Errors
    ///
    /// When the log fails, or the database takes no writes.
    pub fn delete(&self, range: TimeRange, matchers: &[Matcher]) -> Result<DeleteReport, TsdbError> {
        self.check_writable()?;
        // Nothing moves from the head to blocks, or from block to block, in between.
        let mut upkeep = self.upkeep.lock();
        if let Some(home) = &self.home {
            // What no query sees is not reached by this delete, and must not come back after it.
            self.put_away_strays(home, &mut upkeep)?;
            self.drop_late_log(home, &mut upkeep)?;
        }
        let head_series = self.delete_in_head(range, matchers)?;
        let block_series = self.delete_in_blocks(range, matchers)?;
        self.sync_if_late();
        Ok(DeleteReport { head_series, block_series })
    }

    fn delete_in_blocks(&self, range: TimeRange, matchers: &[Matcher]) -> Result<u64, TsdbError> {
        let Some(home) = &self.home else { return Ok(0) };
        let interval = Interval { min_ms: range.min_ms, max_ms: range.max_ms };
        let mut touched = 0;
        let blocks = self.blocks();
        let mut reached = blocks.overlapping(range).peekable();
        if reached.peek().is_some() {
            // What a delete does to a block is durable at once: so must be what came before it.
            self.logs().try_for_each(|log| log.sync_all(self.clock.now_ms()))?;
        }
        for block in reached {
            touched += block.delete(&*home.vfs, interval, matchers, &QueryCx::unlimited())?;
        }
        Ok(touched)
    }

    /// The delete has its place among the commits: what was committed before is reached, what comes after is not.
    fn delete_in_head(&self, range: TimeRange, matchers: &[Matcher]) -> Result<usize, TsdbError> {
        let ticket = self.head.visibility.issue();
        ticket.wait();
        let stones = self.head.plan_delete(range, matchers, &QueryCx::unlimited())?;
        if let Some(log) = self.log.as_ref().filter(|_| !stones.is_empty()) {
            let written = log.lock()?.append(&log.prepare(vec![record(&stones)]), &[])?;
            log.sync_to(written, self.clock.now_ms(), true)?;
        }
        self.head.apply_delete(&stones);
        ticket.publish();
        Ok(stones.len())
    }
}

/// The record stands behind those of commits that wait for this delete. That does no harm: it reaches no further than
/// what each series has now, and what they bring lies behind that.
fn record(stones: &[Stone]) -> Vec<u8> {
    let entry = |s: &Stone| RefTombstone { series: s.series.reference, min_ms: s.min_ms, max_ms: s.max_ms };
    let entries: Vec<_> = stones.iter().map(entry).collect();
    encode_tombstones(&entries)
}
