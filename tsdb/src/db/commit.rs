//! The write seam: transactions and their commit.

use std::sync::Arc;
use std::time::Duration;

use promethium_model::{
    AppendError, AppendOptions, Appended, Appender, CommitError, CommitStats, Point, RejectedRow, SeriesKey, SeriesRef,
};

use super::Db;
use super::log::Log;
use super::records;
use crate::head::series::MemSeries;
use crate::head::transaction::{LateSample, Resolved, Transaction, insert_late};
use crate::head::visibility::Ticket;
use crate::options::Sync;
use promethium_wal::{PreparedRecord, Written};

/// A transaction on a [`Db`].
pub(super) struct DbAppender<'d> {
    db: &'d Db,
    transaction: Transaction,
}

impl<'d> DbAppender<'d> {
    pub(super) fn new(db: &'d Db) -> Self {
        let bounds = db.head.bounds(db.clock.now_ms());
        DbAppender { db, transaction: Transaction::new(bounds, &db.head) }
    }
}

impl Appender for DbAppender<'_> {
    fn append(
        &mut self,
        key: SeriesKey<'_>,
        point: Point<'_>,
        options: &AppendOptions<'_>,
    ) -> Result<Appended, AppendError> {
        if let Some(reason) = self.db.refusal() {
            return Err(AppendError::ReadOnly { reason: reason.to_owned() });
        }
        self.transaction.append(&self.db.head, key, point, options)
    }

    fn append_batch(&mut self, rows: &[(SeriesRef, Point<'_>)], rejected: &mut Vec<RejectedRow>) {
        match self.db.refusal() {
            None => self.transaction.append_batch(&self.db.head, rows, rejected),
            Some(reason) => rejected.extend((0..rows.len()).map(|row| {
                let reason = reason.to_owned();
                RejectedRow { row, error: AppendError::ReadOnly { reason } }
            })),
        }
    }

    fn commit(self: Box<Self>) -> Result<CommitStats, CommitError> {
        self.db.commit(self.transaction)
    }

    fn rollback(self: Box<Self>) {}
}

impl Db {
    fn commit(&self, transaction: Transaction) -> Result<CommitStats, CommitError> {
        if transaction.is_empty() {
            self.sync_if_late();
            return Ok(CommitStats::new(transaction.already_stored(), 0, 0));
        }
        if let Some(reason) = self.refusal() {
            return Err(CommitError::ReadOnly { reason: reason.to_owned() });
        }
        let Some(log) = &self.log else {
            let resolved = transaction.create_series(&self.head);
            return Ok(self.take_effect(&resolved, self.head.visibility.issue()));
        };
        let (resolved, written, ticket) = self.write(log, transaction)?;
        self.sync_as_promised(log, written)?;
        Ok(self.take_effect(&resolved, ticket))
    }

    /// Writes the transaction to the log, which gives it its place in the order of commits.
    fn write(&self, log: &Log, transaction: Transaction) -> Result<(Resolved, Written, Ticket<'_>), CommitError> {
        // Series are created in the order of the log. Where there are none to create, all work is done before.
        let (mut state, resolved, records) = if transaction.has_new_series() {
            let state = log.lock()?;
            let resolved = transaction.create_series(&self.head);
            let records = self.records(log, &resolved);
            (state, resolved, records)
        } else {
            let resolved = transaction.create_series(&self.head);
            let records = self.records(log, &resolved);
            (log.lock()?, resolved, records)
        };
        let records = self.with_unlogged(log, &state.unlogged, records);
        let written = state.append(&records, &resolved.created)?;
        Ok((resolved, written, self.head.visibility.issue()))
    }

    fn records(&self, log: &Log, resolved: &Resolved) -> Vec<PreparedRecord> {
        log.prepare(records::of_transaction(resolved, &self.head))
    }

    /// The records of a batch, behind those of series that an earlier failure kept out of the log.
    fn with_unlogged(
        &self,
        log: &Log,
        unlogged: &[Arc<MemSeries>],
        records: Vec<PreparedRecord>,
    ) -> Vec<PreparedRecord> {
        if unlogged.is_empty() {
            return records;
        }
        log.prepare(records::of_series(unlogged, &self.head)).into_iter().chain(records).collect()
    }

    /// Under [`Sync::Always`] a commit whose sync fails is not taken. Under the other policies it is: it is in the log, and
    /// the log tries again.
    pub(super) fn sync_as_promised(&self, log: &Log, written: Written) -> Result<(), CommitError> {
        match self.options.sync {
            Sync::Always => Ok(log.sync_to(written, self.clock.now_ms(), true)?),
            Sync::Interval(_) | Sync::Never => {
                self.sync_if_late();
                Ok(())
            }
        }
    }

    /// Under [`Sync::Interval`], the sync that is due, if one is. Where it fails, the log tries again.
    pub(super) fn sync_if_late(&self) {
        if let Sync::Interval(interval) = self.options.sync {
            let _ = self.sync_logs_if_due(self.clock.now_ms(), interval);
        }
    }

    /// Makes the transaction visible when its turn has come.
    fn take_effect(&self, resolved: &Resolved, ticket: Ticket<'_>) -> CommitStats {
        let turn = ticket.wait();
        let mut applied = resolved.apply(&self.head, &turn);
        let late = std::mem::take(&mut applied.late);
        let count = late.len();
        // Late samples that their log does not take are dropped; so the caller hears.
        match self.take_late(late) {
            Ok(()) => applied.samples += count,
            Err(_) => applied.dropped += count,
        }
        ticket.publish();
        CommitStats::new(applied.samples, applied.dropped, resolved.created.len())
    }

    /// Writes late samples to their log, and inserts them.
    fn take_late(&self, late: Vec<LateSample>) -> Result<(), CommitError> {
        if late.is_empty() {
            return Ok(());
        }
        if let Some(log) = &self.late_log {
            let records = log.prepare(records::of_late_samples(&late, self.head.rules.start_timestamps));
            let written = log.lock()?.append(&records, &[])?;
            self.sync_as_promised(log, written)?;
        }
        insert_late(&self.head, late);
        Ok(())
    }
}

pub(super) fn millis(interval: Duration) -> i64 {
    i64::try_from(interval.as_millis()).unwrap_or(i64::MAX)
}
