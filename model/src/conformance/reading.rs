//! How checks read a store, write to it, and compare.

use std::fmt;

use super::{Outcome, Store};
use crate::labels::Labels;
use crate::matcher::Matcher;
use crate::sample::{Point, is_stale};
use crate::storage::{
    AppendOptions, Appended, Appender, CommitStats, Querier, QueryCx, Queryable, SampleBatch, SampleCursor,
    SelectHints, SeriesEntry, SeriesKey, TimeRange,
};

/// A float sample, compared by bits: stale markers and NaNs are told apart.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) timestamp_ms: i64,
    pub(super) value: f64,
}

impl PartialEq for Row {
    fn eq(&self, other: &Row) -> bool {
        (self.timestamp_ms, self.value.to_bits()) == (other.timestamp_ms, other.value.to_bits())
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stale = if is_stale(self.value) { " (stale)" } else { "" };
        write!(f, "{}@{}{stale}", self.value, self.timestamp_ms)
    }
}

pub(super) fn row(timestamp_ms: i64, value: f64) -> Row {
    Row { timestamp_ms, value }
}

/// Series sorted by labels, with their float columns.
pub(super) type Read = Vec<(Labels, Vec<Row>)>;

pub(super) fn rows_of(batch: &SampleBatch) -> Vec<Row> {
    batch.timestamps.iter().zip(&batch.floats).map(|(t, v)| row(*t, *v)).collect()
}

pub(super) fn ensure(holds: bool, message: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(message()) }
}

/// Fails unless both are equal; the message is cut, since a wrong store may return a great deal.
pub(super) fn same<T: PartialEq + fmt::Debug + ?Sized>(what: &str, found: &T, expected: &T) -> Outcome {
    let cut = |v: &T| -> String { format!("{v:?}").chars().take(2_000).collect() };
    ensure(found == expected, || format!("{what}: expected {}, found {}", cut(expected), cut(found)))
}

/// Reads a cursor to its end and checks the contract of every batch on the way.
pub(super) fn drain(cursor: &mut dyn SampleCursor) -> Result<SampleBatch, String> {
    let mut out = SampleBatch::new();
    loop {
        let before = out.len();
        let more = cursor.next_batch(&mut out).map_err(|e| format!("next_batch failed: {e}"))?;
        aligned(&out)?;
        match (more, out.len() > before) {
            (true, true) => {}
            (false, false) => return Ok(out),
            (true, false) => return Err("next_batch returned true and appended nothing".to_owned()),
            (false, true) => return Err("next_batch returned false and appended samples".to_owned()),
        }
    }
}

fn aligned(batch: &SampleBatch) -> Outcome {
    let rows = batch.timestamps.len();
    ensure(batch.floats.len() == rows, || format!("{rows} timestamps and {} floats", batch.floats.len()))?;
    let starts = batch.start_timestamps.len();
    ensure(starts == 0 || starts == rows, || format!("{rows} timestamps and {starts} start timestamps"))?;
    ensure(batch.timestamps.is_sorted_by(|a, b| a < b), || "timestamps do not increase strictly".to_owned())?;
    ensure(batch.histograms.is_sorted_by(|a, b| a.0 < b.0), || "histogram rows do not ascend".to_owned())?;
    ensure(batch.histograms.last().is_none_or(|(row, _)| (*row as usize) < rows), || {
        "a histogram stands at a row that does not exist".to_owned()
    })
}

/// All entries of a selection, not yet read.
pub(super) fn entries<'q>(
    querier: &'q dyn Querier,
    matchers: &[Matcher],
    hints: &SelectHints,
) -> Result<Vec<SeriesEntry<'q>>, String> {
    let mut set = querier.select(matchers, hints, &QueryCx::unlimited()).map_err(|e| format!("select failed: {e}"))?;
    let mut all = Vec::new();
    while let Some(entry) = set.next_series().map_err(|e| format!("next_series failed: {e}"))? {
        all.push(entry);
    }
    Ok(all)
}

/// What an open querier selects, with samples, sorted by labels. Series without samples are left out.
pub(super) fn batches(querier: &dyn Querier, matchers: &[Matcher]) -> Result<Vec<(Labels, SampleBatch)>, String> {
    let mut all = Vec::new();
    for mut entry in entries(querier, matchers, &SelectHints::default())? {
        let batch = drain(&mut *entry.samples)?;
        if !batch.is_empty() {
            all.push((entry.labels, batch));
        }
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(all)
}

pub(super) fn read_from(querier: &dyn Querier, matchers: &[Matcher]) -> Result<Read, String> {
    Ok(batches(querier, matchers)?.into_iter().map(|(labels, batch)| (labels, rows_of(&batch))).collect())
}

pub(super) fn open<Q: Queryable + ?Sized>(store: &Q, range: TimeRange) -> Result<Box<dyn Querier + '_>, String> {
    store.querier(range).map_err(|e| format!("querier failed: {e}"))
}

/// What a fresh querier over `range` selects.
pub(super) fn read<Q: Queryable + ?Sized>(store: &Q, range: TimeRange, matchers: &[Matcher]) -> Result<Read, String> {
    read_from(&*open(store, range)?, matchers)
}

/// Everything, over all of time.
pub(super) fn read_all<Q: Queryable + ?Sized>(store: &Q) -> Result<Read, String> {
    read(store, TimeRange::ALL, &[])
}

/// Labels with one more label than the metric name, so that the order of series shows.
pub(super) fn series(name: &str) -> Labels {
    Labels::from_pairs([("__name__", name), ("job", "conformance")])
}

pub(super) fn append(tx: &mut dyn Appender, labels: &Labels, t: i64, v: f64) -> Result<Appended, String> {
    tx.append(SeriesKey::Labels(labels), Point::float(t, v), &AppendOptions::default())
        .map_err(|e| format!("append of {v} to {labels} at {t} failed: {e}"))
}

pub(super) fn commit(tx: Box<dyn Appender + '_>) -> Result<CommitStats, String> {
    tx.commit().map_err(|e| format!("commit failed: {e}"))
}

/// Commits these samples of one series in one transaction.
pub(super) fn write(store: &dyn Store, labels: &Labels, samples: &[(i64, f64)]) -> Result<CommitStats, String> {
    let mut tx = store.appender();
    for (t, v) in samples {
        append(&mut *tx, labels, *t, *v)?;
    }
    commit(tx)
}
