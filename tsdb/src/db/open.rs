//! Opening: directory, lock, replay, new segment.

use std::hash::BuildHasher;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use foldhash::fast::RandomState;
use parking_lot::{Mutex, RwLock};
use promethium_model::{Clock, SystemClock};

use super::blocks::{self, BlockSet};
use super::chunk_files;
use super::chunk_snapshot;
use super::head_file;
use super::life::{Upkeep, remove_draft_snapshots};
use super::log::Log;
use super::replay::{Damage, Replay, Replayed};
use super::synced_mark::{self, SyncedMark};
use super::{Db, Home, ReplayReport};
use crate::error::TsdbError;
use crate::head::{Head, HeadRules};
use crate::options::{DbOptions, FloatEncoding};
use promethium_vfs::{StdVfs, Vfs, VfsLock};
use promethium_wal::head_snapshot::{HEAD_SNAPSHOT_FILE, HeadSnapshot};
use promethium_wal::{WalLayout, WalWriter, read_layout, remove_leftovers};

pub(super) const LOCK_FILE: &str = "lock";
pub(super) const WAL_DIR: &str = "wal";
pub(super) const LATE_DIR: &str = "wbl";
pub(super) const CHUNKS_DIR: &str = "chunks_head";
pub(super) const ASIDE_DIR: &str = "wal.corrupt";

impl Db {
    /// Opens the database in `dir`, which is created when missing, and restores what its log holds.
    ///
    /// Damage in the log does not keep it from opening: see [`Db::replay_report`].
    ///
    /// # Errors
    ///
    /// [`TsdbError::Locked`] when the directory is in use; otherwise when it cannot be read or written.
    pub fn open(dir: impl AsRef<Path>, options: DbOptions) -> Result<Db, TsdbError> {
        Db::open_with(Arc::new(StdVfs), dir.as_ref(), options, Arc::new(SystemClock::new()))
    }

    /// As [`Db::open`], with files and time of the caller's choice.
    ///
    /// # Errors
    ///
    /// As [`Db::open`].
    pub fn open_with(
        vfs: Arc<dyn Vfs>,
        dir: &Path,
        options: DbOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Db, TsdbError> {
        options.check()?;
        let (was_clean, lock) = take_directory(&*vfs, dir)?;
        let mut report = ReplayReport { was_clean, ..ReplayReport::default() };
        let blocks = blocks::open_all(&*vfs, dir, Access::ReadWrite, &mut report)?;
        let (wal_dir, late_dir) = (dir.join(WAL_DIR), dir.join(LATE_DIR));
        // A checkpoint that was being written.
        let _ = remove_leftovers(&*vfs, &wal_dir);
        remove_draft_snapshots(&*vfs, dir);
        let (layout, late_layout) = (read_layout(&*vfs, &wal_dir)?, read_layout(&*vfs, &late_dir)?);
        note_no_files(&[&layout, &late_layout], &mut report);
        let opening = Opening {
            vfs: &vfs,
            dir,
            options: &options,
            clock,
            blocks: &blocks,
            layout: &layout,
            late_layout: &late_layout,
        };
        let (parts, replayed) = opening.restore(report)?;
        let log = start_log(&vfs, &wal_dir, layout.next_index, &options, &*parts.clock)?;
        // A log of late samples that is there is gone on with, whatever the window is now.
        let has_late_log = options.out_of_order_window_ms > 0 || !late_layout.segments.is_empty();
        let late_log = match has_late_log {
            true => {
                vfs.create_dir(&late_dir).map_err(TsdbError::io(&late_dir, "create"))?;
                vfs.sync_dir(dir).map_err(TsdbError::io(dir, "sync"))?;
                Some(start_log(&vfs, &late_dir, late_layout.next_index, &options, &*parts.clock)?)
            }
            false => None,
        };
        if !replayed.leaves_snapshot_true() {
            // One that stays is taken again only where the log still goes on from it.
            let _ = head_file::remove(&*vfs, dir);
        }
        chunk_snapshot::remove(&*vfs, dir);
        let home = Home { vfs, dir: dir.to_path_buf(), lock: Mutex::new(Some(lock)) };
        Ok(parts.into_db(options, Some(Logs { log, late_log }), Some(home), blocks, replayed))
    }

    /// Opens a data directory, or a single block, to read: without a lock, so also that of a running Prometheus or of
    /// another `Db`, and without changing a byte. Reads what is there now; what is written later is not seen.
    ///
    /// # Errors
    ///
    /// When the directory cannot be read.
    pub fn open_read_only(dir: impl AsRef<Path>, options: DbOptions) -> Result<Db, TsdbError> {
        Db::open_read_only_with(Arc::new(StdVfs), dir.as_ref(), options, Arc::new(SystemClock::new()))
    }

    /// As [`Db::open_read_only`], with files and time of the caller's choice.
    ///
    /// # Errors
    ///
    /// As [`Db::open_read_only`].
    pub fn open_read_only_with(
        vfs: Arc<dyn Vfs>,
        dir: &Path,
        options: DbOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Db, TsdbError> {
        options.check()?;
        let mut report = ReplayReport { was_clean: true, ..ReplayReport::default() };
        let names = vfs.list(dir).map_err(TsdbError::io(dir, "list"))?;
        let parts = Parts::new(&options, clock, Access::ReadOnly);
        if names.iter().any(|n| n == promethium_block::INDEX_FILE) {
            let blocks = blocks::open_one(&*vfs, dir)?;
            report.blocks = 1;
            let replayed = Replayed { report, ..Replayed::default() };
            return Ok(parts.into_db(options, None, None, blocks, replayed));
        }
        let blocks = blocks::open_all(&*vfs, dir, Access::ReadOnly, &mut report)?;
        let (layout, late_layout) = (read_layout(&*vfs, &dir.join(WAL_DIR))?, read_layout(&*vfs, &dir.join(LATE_DIR))?);
        note_no_files(&[&layout, &late_layout], &mut report);
        parts.raise_frontier(&blocks);
        let replay = Replay::new(&*vfs, &parts.head, None, &options, report);
        let replayed = replay.run(&layout, &late_layout)?;
        let home = Home { vfs, dir: dir.to_path_buf(), lock: Mutex::new(None) };
        Ok(parts.into_db(options, None, Some(home), blocks, replayed))
    }

    /// A database without a directory and without a log, gone when dropped.
    ///
    /// # Errors
    ///
    /// When an option has a value that cannot work.
    pub fn in_memory(options: DbOptions) -> Result<Db, TsdbError> {
        Db::in_memory_with(options, Arc::new(SystemClock::new()))
    }

    /// As [`Db::in_memory`], with time of the caller's choice.
    ///
    /// # Errors
    ///
    /// When an option has a value that cannot work.
    pub fn in_memory_with(options: DbOptions, clock: Arc<dyn Clock>) -> Result<Db, TsdbError> {
        options.check()?;
        let report = ReplayReport { was_clean: true, ..ReplayReport::default() };
        let parts = Parts::new(&options, clock, Access::ReadWrite);
        let replayed = Replayed { report, ..Replayed::default() };
        Ok(parts.into_db(options, None, None, BlockSet::default(), replayed))
    }
}

/// What has the name of a segment and is none costs its own records alone.
fn note_no_files(layouts: &[&WalLayout], report: &mut ReplayReport) {
    layouts.iter().flat_map(|layout| &layout.no_files).for_each(|path| report.note_damage(Damage::of_no_file(path)));
}

/// A seed for the names of blocks.
fn seed() -> u64 {
    RandomState::default().hash_one(std::process::id())
}

/// What a database may do with its directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    ReadWrite,
    ReadOnly,
}

/// A database on its way.
struct Parts {
    head: Head,
    clock: Arc<dyn Clock>,
    access: Access,
}

/// A directory that is being opened, and what was found in it so far.
struct Opening<'o> {
    vfs: &'o Arc<dyn Vfs>,
    dir: &'o Path,
    options: &'o DbOptions,
    clock: Arc<dyn Clock>,
    blocks: &'o BlockSet,
    layout: &'o WalLayout,
    late_layout: &'o WalLayout,
}

impl Opening<'_> {
    /// The head as a snapshot has it, and the log behind that, if there is one that serves; else as the log has it.
    fn restore(&self, mut report: ReplayReport) -> Result<(Parts, Replayed), TsdbError> {
        if let Some(snapshot) = self.snapshot(&mut report) {
            match self.restore_from(&snapshot, report.clone())? {
                Ok(restored) => return Ok(restored),
                Err(message) => {
                    head_file::set_aside(&**self.vfs, self.dir, &mut report);
                    report.note_damage(Damage { path: self.dir.join(HEAD_SNAPSHOT_FILE), offset: 0, message });
                }
            }
        }
        if let Some(found) = self.chunk_snapshot(&mut report) {
            match self.restore_from_chunks(&found, report.clone())? {
                Ok(restored) => return Ok(restored),
                Err(message) => {
                    chunk_snapshot::set_aside(&**self.vfs, self.dir, &found.snapshot, &mut report);
                    report.note_damage(Damage { path: found.snapshot.path, offset: 0, message });
                }
            }
        }
        let parts = self.parts();
        let replay = self.replay(&parts, report)?;
        let replayed = replay.run(self.layout, self.late_layout)?;
        Ok((parts, replayed))
    }

    /// Prometheus' snapshot. It has no metadata: where that is kept, the log says more.
    fn chunk_snapshot(&self, report: &mut ReplayReport) -> Option<chunk_snapshot::Found> {
        (!self.options.metadata).then(|| chunk_snapshot::find(&**self.vfs, self.dir, self.layout, report)).flatten()
    }

    fn restore_from_chunks(
        &self,
        found: &chunk_snapshot::Found,
        report: ReplayReport,
    ) -> Result<Result<(Parts, Replayed), String>, TsdbError> {
        let parts = self.parts();
        let replay = self.replay(&parts, report)?;
        let restored = replay.run_from_chunks(found, self.layout, self.late_layout)?;
        Ok(restored.map(|replayed| (parts, replayed)))
    }

    fn snapshot(&self, report: &mut ReplayReport) -> Option<HeadSnapshot> {
        let end_ms = self.blocks.end_of_in_order_ms();
        head_file::find(&**self.vfs, self.dir, self.layout, end_ms, report)
    }

    fn restore_from(
        &self,
        snapshot: &HeadSnapshot,
        report: ReplayReport,
    ) -> Result<Result<(Parts, Replayed), String>, TsdbError> {
        let parts = self.parts();
        let replay = self.replay(&parts, report)?;
        let restored = replay.run_from(snapshot, self.layout, self.late_layout)?;
        Ok(restored.map(|replayed| (parts, replayed)))
    }

    fn parts(&self) -> Parts {
        let parts = Parts::new(self.options, Arc::clone(&self.clock), Access::ReadWrite);
        parts.raise_frontier(self.blocks);
        parts
    }

    fn replay<'p>(&'p self, parts: &'p Parts, mut report: ReplayReport) -> Result<Replay<'p>, TsdbError> {
        let chunks = chunk_files::open(self.vfs, self.dir, &parts.head, &mut report)?;
        let aside = Some(self.dir.join(ASIDE_DIR));
        let replay = Replay::new(&**self.vfs, &parts.head, aside, self.options, report).with_chunks(chunks);
        let synced = |log_dir| synced_mark::read(&**self.vfs, &self.dir.join(log_dir));
        Ok(replay.with_marks(synced(WAL_DIR)?, synced(LATE_DIR)?))
    }
}

/// The logs of a database: in order, and late.
struct Logs {
    log: Log,
    late_log: Option<Log>,
}

impl Parts {
    fn new(options: &DbOptions, clock: Arc<dyn Clock>, access: Access) -> Self {
        Parts { head: Head::new(head_rules(options)), clock, access }
    }

    fn raise_frontier(&self, blocks: &BlockSet) {
        if let Some(end_ms) = blocks.end_of_in_order_ms() {
            self.head.raise_frontier(end_ms);
        }
    }

    fn into_db(
        self,
        options: DbOptions,
        logs: Option<Logs>,
        home: Option<Home>,
        blocks: BlockSet,
        mut replayed: Replayed,
    ) -> Db {
        if replayed.may_have_empty_series {
            let swept = self.head.sweep(|_| ());
            let until_ms = swept.min_ms.unwrap_or_else(|| self.head.frontier_ms());
            for reference in swept.series {
                let kept = replayed.kept.entry(reference).or_insert(until_ms);
                *kept = until_ms.max(*kept);
            }
            replayed.report.series = self.head.series_count();
        }
        let (log, late_log) = logs.map_or((None, None), |logs| (Some(logs.log), logs.late_log));
        Db {
            head: self.head,
            log,
            late_log,
            options,
            clock: self.clock,
            access: self.access,
            home,
            blocks: RwLock::new(Arc::new(blocks)),
            replay: replayed.report,
            upkeep: Mutex::new(Upkeep::new(seed())),
            kept_references: Mutex::new(replayed.kept),
            aliases: replayed.aliases,
            is_closed: AtomicBool::new(false),
        }
    }
}

/// Starts a segment of a log.
fn start_log(
    vfs: &Arc<dyn Vfs>,
    dir: &Path,
    index: u64,
    options: &DbOptions,
    clock: &dyn Clock,
) -> Result<Log, TsdbError> {
    let mark = SyncedMark::begin(vfs, dir)?;
    let writer = WalWriter::create(Arc::clone(vfs), dir, index, options.segment_bytes)?;
    Ok(Log::new(writer, mark, options.compression, clock.now_ms()))
}

pub(crate) fn head_rules(options: &DbOptions) -> HeadRules {
    HeadRules {
        max_series: options.limits.max_series,
        max_transaction_samples: options.limits.max_transaction_samples,
        max_labels: options.limits.max_labels,
        max_label_name_bytes: options.limits.max_label_name_bytes,
        max_label_value_bytes: options.limits.max_label_value_bytes,
        max_future_ms: options.limits.max_future_ms,
        chunk_range_ms: options.chunk_range_ms,
        out_of_order_window_ms: options.out_of_order_window_ms,
        max_exemplars: options.max_exemplars,
        is_xor2: options.start_timestamps || options.float_encoding == FloatEncoding::Xor2,
        start_timestamps: options.start_timestamps,
        start_timestamp_zero_samples: options.start_timestamp_zero_samples,
        metadata: options.metadata,
    }
}

/// Creates and locks the directory, durably; the flag says whether it had been closed, or is new.
fn take_directory(vfs: &dyn Vfs, dir: &Path) -> Result<(bool, Box<dyn VfsLock>), TsdbError> {
    create_durably(vfs, dir)?;
    let names = vfs.list(dir).map_err(TsdbError::io(dir, "list"))?;
    let was_clean = !names.iter().any(|n| n == LOCK_FILE);
    let path = dir.join(LOCK_FILE);
    let lock = vfs.lock(&path).map_err(|source| match source.kind() {
        io::ErrorKind::WouldBlock => TsdbError::Locked { dir: dir.to_path_buf() },
        _ => TsdbError::Io { path, action: "lock", source },
    })?;
    let wal = dir.join(WAL_DIR);
    vfs.create_dir(&wal).map_err(TsdbError::io(&wal, "create"))?;
    vfs.sync_dir(dir).map_err(TsdbError::io(dir, "sync"))?;
    Ok((was_clean, lock))
}

/// Creates a directory and what is missing above it, and syncs the names.
fn create_durably(vfs: &dyn Vfs, dir: &Path) -> Result<(), TsdbError> {
    let is_missing = |d: &Path| matches!(vfs.list(d), Err(e) if e.kind() == io::ErrorKind::NotFound);
    let missing: Vec<&Path> = dir.ancestors().take_while(|d| !d.as_os_str().is_empty() && is_missing(d)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    vfs.create_dir(dir).map_err(TsdbError::io(dir, "create"))?;
    for created in missing {
        let parent = match created.parent() {
            Some(p) if !p.as_os_str().is_empty() => p.to_path_buf(),
            _ => PathBuf::from("."),
        };
        vfs.sync_dir(&parent).map_err(TsdbError::io(&parent, "sync"))?;
    }
    Ok(())
}
