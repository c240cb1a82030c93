//! The database: head and log together.

mod commit;
mod log;
mod open;
mod repair;
mod replay;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use promethium_model::{Appendable, Appender, Clock, Querier, Queryable, StorageError, TimeRange};

use crate::error::TsdbError;
use crate::head::Head;
use crate::options::{DbOptions, Sync};
use log::Log;
use promethium_vfs::{Vfs, VfsLock};

pub use replay::{Damage, ReplayReport};

/// A time-series database in one directory, or in memory.
///
/// Share it behind an [`Arc`]; every method takes `&self`. It starts no threads: whoever wants the interval sync of an
/// idle log calls [`Db::maintain`] now and then.
///
/// After a failed write or sync of the log the database is read-only: appends and commits fail with the reason, queries
/// go on, and everything that was acknowledged before is there. Opening the directory again is the way back.
///
/// ```
/// use promethium_model::{AppendOptions, Appendable, Labels, Matcher, Point, QueryableExt, SeriesKey, TimeRange};
/// use promethium_tsdb::{Db, DbOptions};
///
/// let dir = tempfile::tempdir()?;
/// let db = Db::open(dir.path(), DbOptions::default())?;
/// let up = Labels::from_pairs([("__name__", "up"), ("job", "node")]);
/// let mut tx = db.appender();
/// tx.append(SeriesKey::Labels(&up), Point::float(1_000, 1.0), &AppendOptions::default())?;
/// tx.commit()?;
/// db.close()?;
///
/// let db = Db::open(dir.path(), DbOptions::default())?;
/// let found = db.read_all(TimeRange::ALL, &[Matcher::equal("job", "node")])?;
/// assert_eq!((&found[0].0, &found[0].1.floats[..]), (&up, &[1.0][..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Db {
    head: Head,
    log: Option<Log>,
    options: DbOptions,
    clock: Arc<dyn Clock>,
    home: Option<Home>,
    replay: ReplayReport,
    is_closed: AtomicBool,
}

/// The directory that the database lives in.
struct Home {
    vfs: Arc<dyn Vfs>,
    dir: PathBuf,
    lock: Mutex<Option<Box<dyn VfsLock>>>,
}

/// What [`Db::maintain`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MaintainReport {
    /// Whether the log was synced.
    pub synced: bool,
}

/// A database in figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DbStats {
    /// Series in the head.
    pub series: usize,
    /// Samples that the head took since it was opened, restored ones included.
    pub samples: u64,
    /// First time in the head, milliseconds; `None` while it is empty.
    pub min_time_ms: Option<i64>,
    /// Last time in the head, milliseconds; `None` while it is empty.
    pub max_time_ms: Option<i64>,
    /// Chunks in memory.
    pub chunks: usize,
    /// Bytes that chunks take in memory.
    pub chunk_bytes: usize,
    /// Number of the log segment that is written; `None` without a log.
    pub segment: Option<u64>,
    /// Bytes written to the log since it was opened.
    pub log_bytes: u64,
    /// Why the database takes no more writes; `None` while it does.
    pub read_only: Option<String>,
}

impl Db {
    /// What opening found in the log. Empty for a database in memory.
    #[must_use]
    pub fn replay_report(&self) -> &ReplayReport {
        &self.replay
    }

    /// The data directory; `None` in memory.
    #[must_use]
    pub fn dir(&self) -> Option<&Path> {
        self.home.as_ref().map(|h| h.dir.as_path())
    }

    /// Why the database takes no more writes; `None` while it does.
    #[must_use]
    pub fn read_only_reason(&self) -> Option<&str> {
        if self.is_closed() {
            return Some("the store is closed");
        }
        self.log.as_ref().and_then(Log::sealed_reason)
    }

    /// Makes everything committed so far durable, whatever the policy.
    ///
    /// # Errors
    ///
    /// When the sync fails, or the log is sealed since an earlier failure.
    pub fn sync(&self) -> Result<(), TsdbError> {
        let Some(log) = &self.log else { return Ok(()) };
        let written = log.writer()?.written();
        Ok(log.sync_to(written, self.clock.now_ms())?)
    }

    /// Does what is due at `now_ms`: under [`Sync::Interval`], the sync of a log that no commit follows. Cheap when
    /// nothing is due. No duty is begun once `budget` is spent; one that was begun is finished.
    ///
    /// # Errors
    ///
    /// When the sync fails, and always once the database takes no more writes.
    pub fn maintain(&self, now_ms: i64, budget: Duration) -> Result<MaintainReport, TsdbError> {
        if let Some(reason) = self.read_only_reason() {
            return Err(TsdbError::ReadOnly { reason: reason.to_owned() });
        }
        let (Some(log), Sync::Interval(interval)) = (&self.log, self.options.sync) else {
            return Ok(MaintainReport::default());
        };
        if budget.is_zero() || !log.is_sync_due(now_ms, commit::millis(interval)) || !log.is_dirty() {
            return Ok(MaintainReport::default());
        }
        let written = log.writer()?.written();
        log.sync_to(written, now_ms)?;
        Ok(MaintainReport { synced: true })
    }

    /// Figures. Walks all series.
    #[must_use]
    pub fn stats(&self) -> DbStats {
        let (chunks, chunk_bytes) = self.head.chunk_figures();
        let (segment, log_bytes) = match &self.log {
            Some(log) => {
                let writer = log.peek();
                (Some(writer.segment_index()), writer.written().0)
            }
            None => (None, 0),
        };
        DbStats {
            series: self.head.series_count(),
            samples: self.head.sample_count(),
            min_time_ms: self.head.time_range().map(|r| r.0),
            max_time_ms: self.head.time_range().map(|r| r.1),
            chunks,
            chunk_bytes,
            segment,
            log_bytes,
            read_only: self.read_only_reason().map(str::to_owned),
        }
    }

    /// Ends the log cleanly and gives up the directory. Later appends and queries fail; a second call does nothing.
    /// Dropping the database does the same, but cannot say what went wrong.
    ///
    /// # Errors
    ///
    /// When the log cannot be synced, or was sealed by an earlier failure; the directory is given up all the same, and
    /// the next opening treats it as one that was not closed.
    pub fn close(&self) -> Result<(), TsdbError> {
        if self.is_closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let ended = self.log.as_ref().map_or(Ok(()), |log| log.close(self.clock.now_ms()));
        if let Some(home) = &self.home {
            home.leave(ended.is_ok());
        }
        Ok(ended?)
    }

    fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }
}

impl Home {
    /// Releases the lock. The lock file goes only after a clean end: where it stays, the next opening knows.
    fn leave(&self, is_clean: bool) {
        let lock = self.lock.lock().take();
        if is_clean {
            // A file that stays behind only makes the next opening more careful.
            let _ = self.vfs.remove(&self.dir.join(open::LOCK_FILE));
        }
        drop(lock);
    }
}

impl Drop for Db {
    fn drop(&mut self) {
        let _ = self.close();
    }
}

impl Appendable for Db {
    fn appender(&self) -> Box<dyn Appender + '_> {
        Box::new(commit::DbAppender::new(self))
    }
}

impl Queryable for Db {
    fn querier(&self, range: TimeRange) -> Result<Box<dyn Querier + '_>, StorageError> {
        if self.is_closed() {
            return Err(StorageError::Closed);
        }
        Ok(Box::new(self.head.querier(range)))
    }
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db")
            .field("dir", &self.dir())
            .field("series", &self.head.series_count())
            .finish_non_exhaustive()
    }
}
