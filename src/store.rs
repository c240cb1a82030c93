//! What a monitor needs of its storage.

use std::time::Duration;

use promethium_model::{Appendable, MemStore, Queryable};
use promethium_tsdb::{Db, DbStats};

use crate::error::MonitorError;

/// A store under a [`Monitor`](crate::Monitor): the two seams, and a pump for its upkeep.
///
/// [`Db`] is the one to take; any other store joins with an `impl Store for Mine {}`.
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
}

impl Store for Db {
    fn maintain(&self, now_ms: i64, budget: Duration) -> Result<(), MonitorError> {
        Db::maintain(self, now_ms, budget)?;
        Ok(())
    }

    fn stats(&self) -> Option<DbStats> {
        Some(Db::stats(self))
    }
}

impl Store for MemStore {}
