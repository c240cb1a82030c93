//! What a monitor needs of its storage.

use std::time::Duration;

use promethium_model::{Appendable, MemStore, Queryable};
use promethium_tsdb::{Db, DbStats, ReplayReport};

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

    fn close(&self) -> Result<(), MonitorError> {
        Ok(Db::close(self)?)
    }
}

impl Store for MemStore {}
