//! Deletes.

use promethium_model::{Matcher, QueryCx, TimeRange};
use promethium_wal::{PreparedRecord, RefTombstone, encode_tombstones};

use super::Db;
use super::log::Log;
use crate::error::TsdbError;
use crate::head::deletion::Stone;

/// What a delete reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeleteReport {
    /// Series of the head in which samples were deleted.
    pub head_series: usize,
}

impl Db {
    /// Deletes the samples in `range` of the series that all matchers accept. From here on queries do not see them; the
    /// bytes go with the next compaction of what they are in. Label names and values of deleted samples stay until then.
    ///
    /// # Errors
    ///
    /// When the log fails, or the database takes no writes.
    pub fn delete(&self, range: TimeRange, matchers: &[Matcher]) -> Result<DeleteReport, TsdbError> {
        self.check_writable()?;
        let head_series = self.delete_in_head(range, matchers)?;
        Ok(DeleteReport { head_series })
    }

    /// The delete has its place among the commits: what was committed before is reached, what comes after is not.
    fn delete_in_head(&self, range: TimeRange, matchers: &[Matcher]) -> Result<usize, TsdbError> {
        let _one_at_a_time = self.deletes.lock();
        let ticket = self.head.visibility.issue();
        ticket.wait();
        let stones = self.head.plan_delete(range, matchers, &QueryCx::unlimited())?;
        if let Some(log) = self.log.as_ref().filter(|_| !stones.is_empty()) {
            let written = log.lock()?.append(&[record(&stones, log)], &[])?;
            log.sync_to(written, self.clock.now_ms(), true)?;
        }
        self.head.apply_delete(&stones);
        ticket.publish();
        Ok(stones.len())
    }
}

/// The record stands behind those of commits that wait for this delete. That does no harm: it reaches no further than
/// what each series has now, and what they bring lies behind that.
fn record(stones: &[Stone], log: &Log) -> PreparedRecord {
    let entry = |s: &Stone| RefTombstone { series: s.series.reference, min_ms: s.min_ms, max_ms: s.max_ms };
    let entries: Vec<_> = stones.iter().map(entry).collect();
    PreparedRecord::new(encode_tombstones(&entries), log.compression)
}
