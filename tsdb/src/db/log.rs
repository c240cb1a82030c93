//! A log as committers share it.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use parking_lot::{Mutex, MutexGuard};
use promethium_model::CommitError;

use super::synced_mark::SyncedMark;
use crate::error::TsdbError;
use crate::head::series::MemSeries;
use promethium_wal::{Compression, Compressor, PreparedRecord, WalError, WalWriter, Written};

/// One writer at a time, and one sync at a time, which serves all who wait for it.
///
/// A failure is the failure of those commits that it hit. The writer goes on in a new segment, at once or as soon as the
/// medium lets it; see [`WalWriter`].
pub(crate) struct Log {
    state: Mutex<LogState>,
    /// Held by the one who syncs.
    syncing: Mutex<()>,
    synced_at_ms: AtomicI64,
    is_closed: AtomicBool,
    compression: Compression,
    /// As many as were ever needed at once.
    compressors: Mutex<Vec<Compressor>>,
    /// How far syncs went.
    mark: SyncedMark,
}

/// The writer, and what must be known about records that may yet be lost.
pub(crate) struct LogState {
    writer: WalWriter,
    /// Series whose record is written and not yet known to be durable, with the place of that record.
    unsynced_series: VecDeque<(Written, Vec<Arc<MemSeries>>)>,
    /// Series in the head whose record is not in the log: the next batch has to bring it.
    pub(crate) unlogged: Vec<Arc<MemSeries>>,
    /// Stretches of records that were given up after their sync had failed: behind the first, up to the second.
    discarded: Vec<(Written, Written)>,
}

/// Why the log did not do what was asked.
#[derive(Debug)]
pub(crate) enum LogError {
    /// It failed now.
    Failed(WalError),
    /// It is closed.
    Closed,
}

impl LogState {
    /// Writes a batch, whose series are `created`. Where that fails, their record is still to be written.
    pub(crate) fn append(
        &mut self,
        records: &[PreparedRecord],
        created: &[Arc<MemSeries>],
    ) -> Result<Written, LogError> {
        match self.writer.append(records) {
            Ok(written) => {
                let mut logged = std::mem::take(&mut self.unlogged);
                logged.extend_from_slice(created);
                if !logged.is_empty() {
                    self.unsynced_series.push_back((written, logged));
                }
                Ok(written)
            }
            Err(error) => {
                self.unlogged.extend_from_slice(created);
                Err(error.into())
            }
        }
    }

    pub(crate) fn writer(&mut self) -> &mut WalWriter {
        &mut self.writer
    }

    fn forget_synced(&mut self) {
        let synced = self.writer.synced();
        while self.unsynced_series.front().is_some_and(|(written, _)| *written <= synced) {
            self.unsynced_series.pop_front();
        }
        self.discarded.retain(|(_, end)| *end > synced);
    }

    /// Gives up what is written and not durable.
    fn discard_unsynced(&mut self) {
        let (from, to) = (self.writer.synced(), self.writer.written());
        if self.writer.discard_unsynced() == 0 && from == to {
            return;
        }
        self.discarded.push((from, to));
        let lost = std::mem::take(&mut self.unsynced_series);
        self.unlogged.extend(lost.into_iter().flat_map(|(_, series)| series));
    }

    fn is_discarded(&self, written: Written) -> bool {
        self.discarded.iter().any(|(from, to)| *from < written && written <= *to)
    }
}

impl Log {
    pub(super) fn new(writer: WalWriter, mark: SyncedMark, compression: Compression, now_ms: i64) -> Self {
        let state = LogState { writer, unsynced_series: VecDeque::new(), unlogged: Vec::new(), discarded: Vec::new() };
        Log {
            state: Mutex::new(state),
            syncing: Mutex::new(()),
            synced_at_ms: AtomicI64::new(now_ms),
            is_closed: AtomicBool::new(false),
            compression,
            compressors: Mutex::default(),
            mark,
        }
    }

    /// Compresses records.
    pub(crate) fn prepare(&self, records: Vec<Vec<u8>>) -> Vec<PreparedRecord> {
        let mut compressor = self.compressors.lock().pop().unwrap_or_default();
        let prepared = records.into_iter().map(|record| compressor.prepare(record, self.compression)).collect();
        self.compressors.lock().push(compressor);
        prepared
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// Why the log takes nothing at the moment, `None` while it does.
    pub(crate) fn trouble(&self) -> Option<String> {
        let state = self.state.lock();
        let reason = || state.writer.trouble().last_error.clone().unwrap_or_else(|| "a write failed".to_owned());
        state.writer.is_sealed().then(|| format!("the log failed: {}", reason()))
    }

    /// The writer, unless the log is closed.
    pub(crate) fn lock(&self) -> Result<MutexGuard<'_, LogState>, LogError> {
        let state = self.state.lock();
        if self.is_closed.load(Ordering::Acquire) { Err(LogError::Closed) } else { Ok(state) }
    }

    /// The writer, to look at.
    pub(crate) fn peek(&self) -> MutexGuard<'_, LogState> {
        self.state.lock()
    }

    /// Makes everything up to `wanted` durable. Whoever comes while another syncs waits, and often finds it done.
    /// `gives_up` says that on failure the caller will tell that its records were not taken.
    pub(crate) fn sync_to(&self, wanted: Written, now_ms: i64, gives_up: bool) -> Result<(), LogError> {
        let _syncing = self.syncing.lock();
        let point = {
            let mut state = self.lock()?;
            if state.is_discarded(wanted) {
                return Err(LogError::discarded(&state));
            }
            if state.writer.synced() >= wanted {
                return Ok(());
            }
            match state.writer.begin_sync() {
                Ok(point) => point,
                Err(error) => return Err(self.failed(state, error, gives_up)),
            }
        };
        let result = point.sync();
        let mut state = self.state.lock();
        match state.writer.finish_sync(&point, result) {
            Ok(_) => {
                state.forget_synced();
                self.synced_at_ms.store(now_ms, Ordering::Relaxed);
            }
            Err(error) => return Err(self.failed(state, error, gives_up)),
        }
        drop(state);
        self.mark.write(point.position());
        Ok(())
    }

    fn failed(&self, mut state: MutexGuard<'_, LogState>, error: WalError, gives_up: bool) -> LogError {
        if gives_up {
            state.discard_unsynced();
        }
        error.into()
    }

    /// Whether the last sync is at least `interval_ms` ago. A clock that went back says yes.
    pub(crate) fn is_sync_due(&self, now_ms: i64, interval_ms: i64) -> bool {
        let last = self.synced_at_ms.load(Ordering::Relaxed);
        now_ms < last || now_ms.saturating_sub(last) >= interval_ms
    }

    /// Whether anything was written since the last sync.
    pub(crate) fn is_dirty(&self) -> bool {
        let state = self.state.lock();
        state.writer.written() > state.writer.synced() || state.writer.is_sealed()
    }

    /// Makes everything written so far durable.
    pub(crate) fn sync_all(&self, now_ms: i64) -> Result<(), LogError> {
        let written = self.lock()?.writer.written();
        self.sync_to(written, now_ms, false)
    }

    /// Ends the log as a clean shutdown does: padded, synced, closed.
    pub(crate) fn close(&self, now_ms: i64) -> Result<(), LogError> {
        let _syncing = self.syncing.lock();
        let mut state = self.lock()?;
        // Still under both locks: nothing is written behind a clean end.
        self.is_closed.store(true, Ordering::Release);
        state.writer.pad()?;
        state.writer.sync()?;
        self.synced_at_ms.store(now_ms, Ordering::Relaxed);
        self.mark.end();
        Ok(())
    }
}

impl LogError {
    fn discarded(state: &LogState) -> Self {
        let message = state.writer.trouble().last_error.clone().unwrap_or_default();
        WalError::Io { path: PathBuf::from("wal"), source: io::Error::other(message) }.into()
    }
}

impl From<WalError> for LogError {
    fn from(error: WalError) -> Self {
        LogError::Failed(error)
    }
}

impl From<LogError> for CommitError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Failed(WalError::Io { path, source }) => CommitError::Io { path, source },
            LogError::Failed(error) => CommitError::Backend(Box::new(error)),
            LogError::Closed => CommitError::ReadOnly { reason: super::CLOSED.to_owned() },
        }
    }
}

impl From<LogError> for TsdbError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Failed(error) => error.into(),
            LogError::Closed => TsdbError::ReadOnly { reason: super::CLOSED.to_owned() },
        }
    }
}
