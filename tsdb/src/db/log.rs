//! The log as committers share it.

use std::io;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::{Mutex, MutexGuard};
use promethium_model::CommitError;

use crate::error::TsdbError;
use promethium_wal::{Compression, WalError, WalWriter, Written};

/// One writer at a time; one sync at a time, which serves all who wait for it; and one failure, which ends both.
pub(crate) struct Log {
    writer: Mutex<WalWriter>,
    synced: Mutex<Written>,
    synced_at_ms: AtomicI64,
    failure: OnceLock<String>,
    pub(crate) compression: Compression,
}

/// Why the log did not do what was asked.
#[derive(Debug)]
pub(crate) enum LogError {
    /// It failed now. From here on it is sealed.
    Io { path: PathBuf, source: io::Error },
    /// It is sealed since an earlier failure, or closed.
    Sealed { reason: String },
}

impl Log {
    pub(crate) fn new(writer: WalWriter, compression: Compression, now_ms: i64) -> Self {
        Log {
            writer: Mutex::new(writer),
            synced: Mutex::new(Written::default()),
            synced_at_ms: AtomicI64::new(now_ms),
            failure: OnceLock::new(),
            compression,
        }
    }

    /// Why the log takes no more, `None` while it does.
    pub(crate) fn sealed_reason(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }

    fn check(&self) -> Result<(), LogError> {
        match self.sealed_reason() {
            Some(reason) => Err(LogError::Sealed { reason: reason.to_owned() }),
            None => Ok(()),
        }
    }

    /// The writer, unless the log is sealed.
    pub(crate) fn writer(&self) -> Result<MutexGuard<'_, WalWriter>, LogError> {
        let writer = self.writer.lock();
        self.check()?;
        Ok(writer)
    }

    /// The writer, to look at.
    pub(crate) fn peek(&self) -> MutexGuard<'_, WalWriter> {
        self.writer.lock()
    }

    /// Seals the log for good: nothing is written to it or synced again.
    pub(crate) fn seal(&self, failure: WalError) -> LogError {
        let WalError { path, source } = failure;
        // The first reason stands.
        let _ = self.failure.set(format!("the log failed: {}: {source}", path.display()));
        LogError::Io { path, source }
    }

    /// Makes everything up to `wanted` durable. Whoever comes while another syncs waits, and often finds it done.
    pub(crate) fn sync_to(&self, wanted: Written, now_ms: i64) -> Result<(), LogError> {
        let mut synced = self.synced.lock();
        if *synced >= wanted {
            return Ok(());
        }
        self.check()?;
        let (file, path, written) = self.writer.lock().sync_point();
        file.sync().map_err(|source| self.seal(WalError { path, source }))?;
        *synced = written;
        self.synced_at_ms.store(now_ms, Ordering::Relaxed);
        Ok(())
    }

    /// Whether the last sync is at least `interval_ms` ago. A clock that went back says yes.
    pub(crate) fn is_sync_due(&self, now_ms: i64, interval_ms: i64) -> bool {
        let last = self.synced_at_ms.load(Ordering::Relaxed);
        now_ms < last || now_ms.saturating_sub(last) >= interval_ms
    }

    /// Whether anything was written since the last sync.
    pub(crate) fn is_dirty(&self) -> bool {
        let synced = *self.synced.lock();
        self.writer.lock().written() > synced
    }

    /// Ends the log as a clean shutdown does: padded, synced, closed.
    pub(crate) fn close(&self, now_ms: i64) -> Result<(), LogError> {
        let mut synced = self.synced.lock();
        let mut writer = self.writer()?;
        writer.pad().map_err(|e| self.seal(e))?;
        let (file, path, written) = writer.sync_point();
        file.sync().map_err(|source| self.seal(WalError { path, source }))?;
        *synced = written;
        self.synced_at_ms.store(now_ms, Ordering::Relaxed);
        // Still under both locks: nothing is written behind a clean end.
        let _ = self.failure.set("the store is closed".to_owned());
        Ok(())
    }
}

impl From<LogError> for CommitError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Io { path, source } => CommitError::Io { path, source },
            LogError::Sealed { reason } => CommitError::ReadOnly { reason },
        }
    }
}

impl From<LogError> for TsdbError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Io { path, source } => TsdbError::Io { path, action: "write the log", source },
            LogError::Sealed { reason } => TsdbError::ReadOnly { reason },
        }
    }
}
