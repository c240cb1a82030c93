//! The database: head and log together.

mod backfill;
mod blocks;
mod chunk_files;
mod chunk_snapshot;
mod commit;
mod delete;
mod head_file;
mod life;
mod log;
mod log_mark;
pub(crate) mod open;
mod querier;
mod records;
mod repair;
mod replay;
mod synced_mark;
mod verify;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use promethium_block::BlockMeta;
use promethium_model::{
    Appendable, Appender, Clock, Exemplar, Labels, Matcher, Metadata, QueryCx, StorageError, TimeRange,
};

use crate::error::TsdbError;
use crate::head::Head;
use crate::head::cardinality::Cardinality;
use crate::options::{DbOptions, Sync};
use blocks::BlockSet;
use life::{KeptReferences, Upkeep};
use log::Log;
use open::Access;
use promethium_vfs::{Vfs, VfsLock};

pub use backfill::{BackfillReport, BackfillSample, BackfillValue, backfill};
pub use delete::DeleteReport;
pub use replay::{Damage, ReplayReport};
pub use verify::VerifyReport;

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
    /// The log of late samples.
    late_log: Option<Log>,
    options: DbOptions,
    clock: Arc<dyn Clock>,
    access: Access,
    home: Option<Home>,
    blocks: RwLock<Arc<BlockSet>>,
    replay: ReplayReport,
    upkeep: Mutex<Upkeep>,
    kept_references: Mutex<KeptReferences>,
    /// References of the log that lead to a series of another one, and that one.
    aliases: Vec<(u64, u64)>,
    is_closed: AtomicBool,
}

const CLOSED: &str = "the store is closed";

/// The directory that the database lives in.
struct Home {
    vfs: Arc<dyn Vfs>,
    dir: PathBuf,
    /// `None` when it is only read, or was given up.
    lock: Mutex<Option<Box<dyn VfsLock>>>,
}

/// What [`Db::maintain`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MaintainReport {
    /// Whether the log was synced.
    pub synced: bool,
    /// Ranges of the head that were written to blocks.
    pub flushed: usize,
    /// Blocks of late samples that were written.
    pub flushed_late: usize,
    /// Blocks of stale series that were written.
    pub flushed_stale: usize,
    /// Chunks that could not be read from their files any more, and came back from the log before they went to a block.
    pub restored_chunks: usize,
    /// Stale series that left the head because they are in such blocks.
    pub evicted_series: usize,
    /// Snapshots of the head that were left.
    pub head_snapshots: usize,
    /// Merges of blocks.
    pub compacted: usize,
    /// Blocks that were removed because they are beyond retention.
    pub removed_blocks: usize,
}

/// A database in figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DbStats {
    /// Blocks.
    pub blocks: usize,
    /// Series in the head.
    pub series: usize,
    /// Series whose newest sample is a stale marker.
    pub stale_series: usize,
    /// Exemplars kept.
    pub exemplars: usize,
    /// Samples that the head took since it was opened, restored ones included.
    pub samples: u64,
    /// First time in the head, milliseconds; `None` while it is empty.
    pub min_time_ms: Option<i64>,
    /// Last time in the head, milliseconds; `None` while it is empty.
    pub max_time_ms: Option<i64>,
    /// Chunks of the head, those in files included.
    pub chunks: usize,
    /// Bytes that chunks, and late samples that are none yet, take in memory.
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

    /// The data directory; `None` in memory, and for a single block.
    #[must_use]
    pub fn dir(&self) -> Option<&Path> {
        self.home.as_ref().map(|h| h.dir.as_path())
    }

    /// Why the database takes no writes at the moment; `None` while it does. After a failure of the log this is the
    /// failure, until the log has gone on elsewhere: every commit tries, and so does [`Db::maintain`].
    #[must_use]
    pub fn read_only_reason(&self) -> Option<String> {
        self.refusal().map(str::to_owned).or_else(|| self.logs().find_map(Log::trouble))
    }

    /// Why no transaction is worth beginning.
    #[inline]
    fn refusal(&self) -> Option<&'static str> {
        if self.is_closed() {
            return Some(CLOSED);
        }
        (self.access == Access::ReadOnly).then_some("the store was opened to be read")
    }

    fn check_writable(&self) -> Result<(), TsdbError> {
        self.refusal().map_or(Ok(()), |reason| Err(TsdbError::ReadOnly { reason: reason.to_owned() }))
    }

    /// The exemplars in `range` of the series that any of the selectors accepts: by series in the order of labels, then
    /// by time. A selector is a list of matchers that must all accept.
    ///
    /// # Errors
    ///
    /// When the database is closed, the query is to stop, or what it would hold is more than it may.
    pub fn exemplars(
        &self,
        range: TimeRange,
        selectors: &[Vec<Matcher>],
        cx: &QueryCx,
    ) -> Result<Vec<(Labels, Vec<Exemplar>)>, StorageError> {
        if self.is_closed() {
            return Err(StorageError::Closed);
        }
        cx.check()?;
        self.head.exemplars.lock().select(range, selectors, cx)
    }

    /// The metadata that the newest samples of the series with these labels came with, where it is kept.
    #[must_use]
    pub fn metadata(&self, labels: &Labels) -> Option<Metadata> {
        let series = self.head.by_labels(labels)?;
        let state = series.lock();
        state.metadata().map(|m| (**m).clone())
    }

    /// Makes everything committed so far durable, whatever the policy.
    ///
    /// # Errors
    ///
    /// When the sync fails, or the log is sealed since an earlier failure.
    pub fn sync(&self) -> Result<(), TsdbError> {
        self.check_writable()?;
        self.logs().try_for_each(|log| Ok(log.sync_all(self.clock.now_ms())?))
    }

    /// Does what is due at `now_ms`, cheaply when nothing is; to be called every second or so. The most urgent first:
    ///
    /// * under [`Sync::Interval`], the sync of a log that no commit follows;
    /// * a head that spans one and a half chunk ranges gives its oldest range to a block; then the log is truncated, and
    ///   late samples go to blocks of their own;
    /// * every minute, full chunks move to files, those of late samples too, and what is beyond retention is removed;
    /// * stale series go to blocks of their own and leave the head, if they are as many as
    ///   [`DbOptions::stale_series_compaction_threshold`] says;
    /// * a snapshot of the head, where [`DbOptions::head_snapshot`] asks for them;
    /// * one merge of blocks.
    ///
    /// No duty is begun once `budget` is spent; one that was begun is finished. Appends and queries go on meanwhile. What a
    /// running query may still need leaves the head when that query is over.
    ///
    /// # Errors
    ///
    /// When a duty fails, which is then tried again a minute later; and when the database is closed or only to be read.
    pub fn maintain(&self, now_ms: i64, budget: Duration) -> Result<MaintainReport, TsdbError> {
        self.check_writable()?;
        let mut report = MaintainReport::default();
        if !budget.is_zero() {
            self.sync_if_due(now_ms, &mut report)?;
            self.keep_up(now_ms, budget, &mut report)?;
        }
        Ok(report)
    }

    /// Both logs, that of late samples first: what it holds belongs to commits of the other.
    fn logs(&self) -> impl Iterator<Item = &Log> {
        self.late_log.iter().chain(&self.log)
    }

    fn sync_if_due(&self, now_ms: i64, report: &mut MaintainReport) -> Result<(), TsdbError> {
        if let Sync::Interval(interval) = self.options.sync {
            report.synced = self.sync_logs_if_due(now_ms, interval)?;
        }
        Ok(())
    }

    /// Syncs both logs once one of them is due, so that neither falls behind. Whether it did.
    fn sync_logs_if_due(&self, now_ms: i64, interval: Duration) -> Result<bool, log::LogError> {
        let is_due = |log: &Log| log.is_sync_due(now_ms, commit::millis(interval)) && log.is_dirty();
        let is_any_due = self.logs().any(is_due);
        if is_any_due {
            self.logs().try_for_each(|log| log.sync_all(now_ms))?;
        }
        Ok(is_any_due)
    }

    /// Figures. Walks all series.
    #[must_use]
    pub fn stats(&self) -> DbStats {
        let (chunks, chunk_bytes) = self.head.chunk_figures();
        let (segment, log_bytes) = match &self.log {
            Some(log) => {
                let mut state = log.peek();
                let writer = state.writer();
                (Some(writer.segment_index()), writer.written().0)
            }
            None => (None, 0),
        };
        DbStats {
            blocks: self.blocks().all().len(),
            series: self.head.series_count(),
            stale_series: self.head.stale_series_count(),
            exemplars: self.head.exemplars.lock().len(),
            samples: self.head.sample_count(),
            min_time_ms: self.head.time_range().map(|r| r.0),
            max_time_ms: self.head.time_range().map(|r| r.1),
            chunks,
            chunk_bytes,
            segment,
            log_bytes,
            read_only: self.read_only_reason(),
        }
    }

    /// What the head's series are made of: the `limit` greatest of each table, as `/api/v1/status/tsdb` shows them. Walks
    /// the whole index.
    #[must_use]
    pub fn cardinality(&self, limit: usize) -> Cardinality {
        self.head.cardinality(limit)
    }

    /// The blocks' own descriptions, by their times.
    #[must_use]
    pub fn block_metas(&self) -> Vec<(BlockMeta, u64)> {
        self.blocks().all().iter().map(|b| ((*b.meta()).clone(), b.size_bytes())).collect()
    }

    /// Ends the log cleanly, leaves a snapshot of the head if [`DbOptions::head_snapshot`] asks for one, and gives up the
    /// directory. Later appends and queries fail; a second call does nothing.
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
        let _upkeep = self.options.head_snapshot.then(|| self.upkeep.lock());
        if self.options.head_snapshot {
            // Chunks that stay in memory come into the snapshot.
            let _ = self.move_full_chunks_to_files(self.clock.now_ms());
        }
        let ended = self.logs().try_for_each(|log| log.close(self.clock.now_ms()));
        if let Some(home) = &self.home {
            if ended.is_ok() {
                let _ = self.options.head_snapshot.then(|| self.leave_head_snapshot(home));
            }
            home.leave(ended.is_ok());
        }
        Ok(ended?)
    }

    fn blocks(&self) -> Arc<BlockSet> {
        Arc::clone(&self.blocks.read())
    }

    fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }
}

impl Home {
    /// Releases the lock. The lock file goes only after a clean end: where it stays, the next opening knows.
    fn leave(&self, is_clean: bool) {
        let Some(lock) = self.lock.lock().take() else { return };
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

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db")
            .field("dir", &self.dir())
            .field("series", &self.head.series_count())
            .finish_non_exhaustive()
    }
}
