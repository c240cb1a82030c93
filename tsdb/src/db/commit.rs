//! The write seam: transactions and their commit.

use std::time::Duration;

use promethium_model::{AppendError, AppendOptions, Appended, Appender, CommitError, CommitStats, Point, SeriesKey};

use super::Db;
use super::log::Log;
use crate::head::series::MemSeries;
use crate::head::transaction::{Resolved, Transaction};
use crate::head::visibility::Ticket;
use crate::options::Sync;
use promethium_wal::{PreparedRecord, Written, encode_samples, encode_series_entry};

// A record is the unit that survives whole. These bounds keep it far below what a reader refuses.
const MAX_SAMPLES_PER_RECORD: usize = 1 << 20;
const MAX_SERIES_RECORD_BYTES: usize = 16 << 20;

/// A transaction on a [`Db`].
pub(super) struct DbAppender<'d> {
    db: &'d Db,
    transaction: Transaction,
}

impl<'d> DbAppender<'d> {
    pub(super) fn new(db: &'d Db) -> Self {
        let max_valid_ms = db.clock.now_ms().saturating_add(db.options.limits.max_future_ms);
        DbAppender { db, transaction: Transaction::new(db.head.min_valid_ms(), max_valid_ms) }
    }
}

impl Appender for DbAppender<'_> {
    fn append(
        &mut self,
        key: SeriesKey<'_>,
        point: Point<'_>,
        options: &AppendOptions<'_>,
    ) -> Result<Appended, AppendError> {
        if let Some(reason) = self.db.read_only_reason() {
            return Err(AppendError::ReadOnly { reason: reason.to_owned() });
        }
        let appended = self.transaction.append(&self.db.head, key, point)?;
        Ok(appended.with_dropped_exemplars(options.exemplars.len()))
    }

    fn commit(self: Box<Self>) -> Result<CommitStats, CommitError> {
        self.db.commit(self.transaction)
    }

    fn rollback(self: Box<Self>) {}
}

impl Db {
    fn commit(&self, transaction: Transaction) -> Result<CommitStats, CommitError> {
        if transaction.is_empty() {
            return Ok(CommitStats::new(transaction.already_stored(), 0, 0));
        }
        if let Some(reason) = self.read_only_reason() {
            return Err(CommitError::ReadOnly { reason: reason.to_owned() });
        }
        let Some(log) = &self.log else {
            let resolved = transaction.create_series(&self.head);
            return self.take_effect(&resolved, self.head.visibility.issue());
        };
        let (resolved, written, ticket) = self.write(log, transaction)?;
        self.sync_as_promised(log, written)?;
        self.take_effect(&resolved, ticket)
    }

    /// Writes the transaction to the log, which gives it its place in the order of commits.
    fn write(&self, log: &Log, transaction: Transaction) -> Result<(Resolved, Written, Ticket<'_>), CommitError> {
        // Series are created in the order of the log. Where there are none to create, all work is done before.
        let (mut writer, resolved, records) = if transaction.has_new_series() {
            let writer = log.writer()?;
            let resolved = transaction.create_series(&self.head);
            let records = self.records(log, &resolved);
            (writer, resolved, records)
        } else {
            let resolved = transaction.create_series(&self.head);
            let records = self.records(log, &resolved);
            (log.writer()?, resolved, records)
        };
        let written = writer.append(&records).map_err(|e| log.seal(e))?;
        Ok((resolved, written, self.head.visibility.issue()))
    }

    fn records(&self, log: &Log, resolved: &Resolved) -> Vec<PreparedRecord> {
        let series = series_records(&resolved.created, |series, record| {
            self.head.encode_labels(series, |labels| encode_series_entry(record, series.reference, labels));
        });
        let samples: Vec<_> = resolved.log_samples().collect();
        let samples = samples.chunks(MAX_SAMPLES_PER_RECORD).map(|s| encode_samples(s.iter().copied()));
        series.into_iter().chain(samples).map(|record| PreparedRecord::new(record, log.compression)).collect()
    }

    fn sync_as_promised(&self, log: &Log, written: Written) -> Result<(), CommitError> {
        let now_ms = || self.clock.now_ms();
        match self.options.sync {
            Sync::Always => log.sync_to(written, now_ms())?,
            Sync::Interval(interval) if log.is_sync_due(now_ms(), millis(interval)) => {
                log.sync_to(written, now_ms())?;
            }
            Sync::Interval(_) | Sync::Never => {}
        }
        Ok(())
    }

    /// Makes the transaction visible when its turn has come.
    fn take_effect(&self, resolved: &Resolved, ticket: Ticket<'_>) -> Result<CommitStats, CommitError> {
        let stopped =
            |_| CommitError::ReadOnly { reason: self.read_only_reason().unwrap_or("a commit failed").to_owned() };
        let turn = ticket.wait().map_err(stopped)?;
        let stored = resolved.apply(&self.head, &turn);
        ticket.publish();
        Ok(CommitStats::new(stored.samples, stored.dropped, resolved.created.len()))
    }
}

fn series_records(created: &[std::sync::Arc<MemSeries>], encode: impl Fn(&MemSeries, &mut Vec<u8>)) -> Vec<Vec<u8>> {
    let mut records: Vec<Vec<u8>> = Vec::new();
    for series in created {
        match records.last_mut().filter(|r| r.len() < MAX_SERIES_RECORD_BYTES) {
            Some(record) => encode(series, record),
            None => {
                let mut record = Vec::new();
                encode(series, &mut record);
                records.push(record);
            }
        }
    }
    records
}

pub(super) fn millis(interval: Duration) -> i64 {
    i64::try_from(interval.as_millis()).unwrap_or(i64::MAX)
}
