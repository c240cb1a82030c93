//! What a monitor needs of its storage.

use std::path::PathBuf;
use std::time::Duration;

use promethium_model::{Appendable, Exemplar, Labels, Matcher, MemStore, QueryCx, Queryable, StorageError, TimeRange};
use promethium_tsdb::block::BlockMeta;
use promethium_tsdb::{Cardinality, Db, DbStats, ReplayReport};

use crate::error::MonitorError;

/// A store under a [`Monitor`](crate::Monitor): the two seams, and a pump for its upkeep.
///
/// [`Db`] is the one to take; any other store joins with an `impl Store for Mine {}`.
///
/// ```
/// use std::sync::Arc;
/// use promethium::model::{Appendable, Appender, MemStore, Querier, Queryable, StorageError, TimeRange};
/// use promethium::{Monitor, Store};
///
/// struct Mine(MemStore);
///
/// impl Queryable for Mine {
///     fn querier(&self, range: TimeRange) -> Result<Box<dyn Querier + '_>, StorageError> {
///         self.0.querier(range)
///     }
/// }
///
/// impl Appendable for Mine {
///     fn appender(&self) -> Box<dyn Appender + '_> {
///         self.0.appender()
///     }
/// }
///
/// impl Store for Mine {}
///
/// let monitor = Monitor::builder().store(Arc::new(Mine(MemStore::new()))).build()?;
/// # Ok::<(), promethium::MonitorError>(())
/// ```
pub trait Store: Queryable + Appendable {
    /// Does what is due at `now_ms`, for about `budget`. Called at every tick.
    ///
    /// # Errors
    ///
    /// When the store can no longer keep its promises.
    fn maintain(&self, now_ms: i64, budget: Duration) -> Result<(), MonitorError> {
        let _ = (now_ms, budget);
        Ok(())
    }

    /// Figures for the monitor's own metrics page, where the store has such.
    fn stats(&self) -> Option<DbStats> {
        None
    }

    /// What opening the store found, damage above all, where it has a log to restore itself from.
    fn replay_report(&self) -> Option<&ReplayReport> {
        None
    }

    /// The exemplars in `range` of the series that any of the selectors accepts, by series and by time, where the store keeps
    /// such.
    ///
    /// # Errors
    ///
    /// When reading fails, or `cx` says to stop.
    fn exemplars(
        &self,
        range: TimeRange,
        selectors: &[Vec<Matcher>],
        cx: &QueryCx,
    ) -> Result<Vec<(Labels, Vec<Exemplar>)>, StorageError> {
        let _ = (range, selectors);
        cx.check().map(|()| Vec::new())
    }

    /// What the store's series are made of, the `rows` greatest of each table, where it can say.
    fn cardinality(&self, rows: usize) -> Option<Cardinality> {
        let _ = rows;
        None
    }

    /// The blocks' own descriptions, by their times.
    fn block_metas(&self) -> Vec<BlockMeta> {
        Vec::new()
    }

    /// Deletes the samples in `range` of the series that all matchers accept.
    ///
    /// # Errors
    ///
    /// When the store cannot.
    fn delete(&self, range: TimeRange, matchers: &[Matcher]) -> Result<(), MonitorError> {
        let _ = (range, matchers);
        Err(MonitorError::NotOffered { what: "deletes" })
    }

    /// Writes what was deleted out of the files.
    ///
    /// # Errors
    ///
    /// When the store cannot.
    fn clean_tombstones(&self, now_ms: i64) -> Result<(), MonitorError> {
        let _ = now_ms;
        Err(MonitorError::NotOffered { what: "deletes" })
    }

    /// Copies the store into a directory of its own and gives that, without what is still in memory if `with_head` is `false`.
    ///
    /// # Errors
    ///
    /// When the store cannot.
    fn snapshot(&self, now_ms: i64, with_head: bool) -> Result<PathBuf, MonitorError> {
        let _ = (now_ms, with_head);
        Err(MonitorError::NotOffered { what: "snapshots" })
    }

    /// Ends the store cleanly; later appends and queries may fail.
    ///
    /// # Errors
    ///
    /// When the store could not keep what it had taken.
    fn close(&self) -> Result<(), MonitorError> {
        Ok(())
    }
}

impl Store for Db {
    fn maintain(&self, now_ms: i64, budget: Duration) -> Result<(), MonitorError> {
        Db::maintain(self, now_ms, budget)?;
        Ok(())
    }

    fn stats(&self) -> Option<DbStats> {
        Some(Db::stats(self))
    }

    fn replay_report(&self) -> Option<&ReplayReport> {
        Some(Db::replay_report(self))
    }

    fn exemplars(
        &self,
        range: TimeRange,
        selectors: &[Vec<Matcher>],
        cx: &QueryCx,
    ) -> Result<Vec<(Labels, Vec<Exemplar>)>, StorageError> {
        Db::exemplars(self, range, selectors, cx)
    }

    fn cardinality(&self, rows: usize) -> Option<Cardinality> {
        Some(Db::cardinality(self, rows))
    }

    fn block_metas(&self) -> Vec<BlockMeta> {
        Db::block_metas(self).into_iter().map(|(meta, _)| meta).collect()
    }

    fn delete(&self, range: TimeRange, matchers: &[Matcher]) -> Result<(), MonitorError> {
        Db::delete(self, range, matchers)?;
        Ok(())
    }

    fn clean_tombstones(&self, now_ms: i64) -> Result<(), MonitorError> {
        Db::clean_tombstones(self, now_ms)?;
        Ok(())
    }

    fn snapshot(&self, now_ms: i64, with_head: bool) -> Result<PathBuf, MonitorError> {
        Ok(Db::snapshot(self, now_ms, with_head)?)
    }

    fn close(&self) -> Result<(), MonitorError> {
        Ok(Db::close(self)?)
    }
}

impl Store for MemStore {}
