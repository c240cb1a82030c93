//! Opening: directory, lock, replay, new segment.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use parking_lot::Mutex;
use promethium_model::{Clock, SystemClock};

use super::log::Log;
use super::replay::Replay;
use super::{Db, Home, ReplayReport};
use crate::error::TsdbError;
use crate::head::{Head, HeadLimits};
use crate::options::DbOptions;
use promethium_vfs::{StdVfs, Vfs, VfsLock};
use promethium_wal::{WalWriter, read_layout};

pub(super) const LOCK_FILE: &str = "lock";
const WAL_DIR: &str = "wal";
const ASIDE_DIR: &str = "wal.corrupt";

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
        let head = Head::new(head_limits(&options));
        let wal_dir = dir.join(WAL_DIR);
        let layout = read_layout(&*vfs, &wal_dir)?;
        let replay = Replay::new(&*vfs, &head, dir.join(ASIDE_DIR), &options, was_clean).run(&layout)?;
        let writer = WalWriter::create(Arc::clone(&vfs), &wal_dir, layout.next_index, options.segment_bytes)
            .map_err(|e| TsdbError::Io { path: e.path, action: "start a log segment", source: e.source })?;
        let log = Log::new(writer, options.compression, clock.now_ms());
        let home = Home { vfs, dir: dir.to_path_buf(), lock: Mutex::new(Some(lock)) };
        Ok(Db { head, log: Some(log), options, clock, home: Some(home), replay, is_closed: AtomicBool::new(false) })
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
        let head = Head::new(head_limits(&options));
        let replay = ReplayReport { was_clean: true, ..ReplayReport::default() };
        Ok(Db { head, log: None, options, clock, home: None, replay, is_closed: AtomicBool::new(false) })
    }
}

fn head_limits(options: &DbOptions) -> HeadLimits {
    HeadLimits {
        max_series: options.limits.max_series,
        max_labels: options.limits.max_labels,
        max_label_name_bytes: options.limits.max_label_name_bytes,
        max_label_value_bytes: options.limits.max_label_value_bytes,
        chunk_range_ms: options.chunk_range_ms,
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
