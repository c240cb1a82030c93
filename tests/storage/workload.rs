//! What the tests do to a database: operations that follow from a seed and a number alone, so that another process can
//! repeat them, and that a healthy database takes whole.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use promethium::model::{
    AppendOptions, Appendable, FloatHistogram, Histogram, Labels, ManualClock, Matcher, Point, PointValue, STALE_NAN,
    SeriesKey, Span, TimeRange,
};
use promethium::tsdb::{Db, DbOptions, PAGE_BYTES, Retention, Sync};

use crate::rng::{Rng, mixed};

/// When the first operation happens.
pub(crate) const START_MS: i64 = 1_717_200_000_000;
/// Time between operations.
pub(crate) const STEP_MS: i64 = 5_000;
/// Small, so that a few dozen operations fill several ranges.
pub(crate) const CHUNK_RANGE_MS: i64 = 16 * STEP_MS;
/// How far a late sample may lie behind the newest.
pub(crate) const WINDOW_MS: i64 = 12 * STEP_MS;
/// What is older than this may go.
pub(crate) const RETENTION_MS: i64 = 8 * CHUNK_RANGE_MS;
/// How many steps back a delete begins at most.
const MOST_STEPS_DELETED: usize = 24;

/// A sample of a series. What it is follows from series and time: see [`Row::value`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    pub(crate) series: u64,
    pub(crate) t_ms: i64,
}

/// A sample's value.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Float(f64),
    Integer(Histogram),
    WithFloats(FloatHistogram),
}

/// One operation.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    /// A transaction.
    Commit(Vec<Row>),
    /// A delete in the closed range, of one series or of all.
    Delete { min_ms: i64, max_ms: i64, series: Option<u64> },
    /// The pump, as long as there is something to do.
    Maintain,
    /// A sync, whatever the policy.
    Sync,
    /// A copy of the store, with the head.
    Snapshot,
    /// Blocks are rid of what is deleted.
    CleanTombstones,
}

/// The options of all these tests.
pub(crate) fn options(policy: Sync) -> DbOptions {
    DbOptions::default()
        .sync(policy)
        .segment_bytes(PAGE_BYTES as u64)
        .chunk_range_ms(CHUNK_RANGE_MS)
        .max_block_ms(3 * CHUNK_RANGE_MS)
        .retention(Retention { time_ms: Some(RETENTION_MS), ..Retention::default() })
        .out_of_order_window_ms(WINDOW_MS)
}

/// The same, and every other time with snapshots of the head, one for each turn of the pump.
pub(crate) fn options_of(policy: Sync, n: u64) -> DbOptions {
    options(policy).head_snapshot(n % 2 == 1).head_snapshot_interval_ms(1)
}

/// When operation `n` happens.
pub(crate) fn time_of(n: usize) -> i64 {
    START_MS + n as i64 * STEP_MS
}

pub(crate) fn labels(series: u64) -> Labels {
    Labels::from_pairs([("__name__", "requests_total".to_owned()), ("host", series.to_string())])
}

impl Row {
    /// Samples in order have even times, late ones odd times.
    pub(crate) fn is_late(self) -> bool {
        self.t_ms % 2 != 0
    }

    /// Floats, integer histograms, or histograms of floats.
    pub(crate) fn kind(self) -> u64 {
        (self.series % 5).saturating_sub(2)
    }

    pub(crate) fn value(self) -> Value {
        let n = (self.t_ms - START_MS + 60_000) as u64 + self.series;
        match self.kind() {
            1 => Value::Integer(integer(n)),
            2 => Value::WithFloats(with_custom_bounds(n)),
            _ if n.is_multiple_of(17) => Value::Float(STALE_NAN),
            _ => Value::Float(n as f64 / 8.0),
        }
    }
}

/// Counters that grow, with a bucket more now and then.
fn integer(n: u64) -> Histogram {
    let has_outlier = n.is_multiple_of(3);
    let (length, deltas) = if has_outlier { (3, vec![n as i64, 1, -1]) } else { (2, vec![n as i64, 1]) };
    Histogram {
        schema: 1,
        zero_threshold: 0.5,
        zero_count: n,
        count: 3 * n + 1 + if has_outlier { n } else { 0 },
        sum: n as f64 * 1.5,
        positive_spans: [Span { offset: -2, length }].into(),
        positive_deltas: deltas,
        ..Histogram::default()
    }
}

fn with_custom_bounds(n: u64) -> FloatHistogram {
    FloatHistogram {
        schema: -53,
        count: 3.0 * n as f64,
        sum: n as f64,
        positive_spans: [Span { offset: 0, length: 2 }].into(),
        positive_buckets: vec![n as f64, 2.0 * n as f64],
        custom_bounds: Arc::from([0.5, 1.0]),
        ..FloatHistogram::default()
    }
}

/// Whether a workload has the operations that move data to blocks, merge, copy and remove them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upkeep {
    Without,
    With,
}

/// Operation `n` of the workload `seed`.
pub(crate) fn op(seed: u64, n: usize, upkeep: Upkeep) -> Op {
    match kind(seed, n) {
        78..94 | 97..100 if upkeep == Upkeep::Without => Op::Sync,
        0..50 => Op::Commit(scrape(seed, n)),
        50..62 => Op::Commit(late(seed, n)),
        62..70 => Op::Commit(by_kind([scrape(seed, n), late(seed, n)].concat())),
        70..78 => delete(seed, n),
        78..94 => Op::Maintain,
        94..97 => Op::Sync,
        97..98 => Op::Snapshot,
        _ => Op::CleanTombstones,
    }
}

/// A number below 100 that decides what operation `n` is.
fn kind(seed: u64, n: usize) -> u64 {
    mixed(seed, n as u64) % 100
}

fn is_scrape(seed: u64, n: usize) -> bool {
    matches!(kind(seed, n), 0..50 | 62..70)
}

/// A stretch of one series or of all.
fn delete(seed: u64, n: usize) -> Op {
    let mut rng = Rng::new(mixed(seed, n as u64));
    let min_ms = time_of(n) - rng.below(MOST_STEPS_DELETED as u64) as i64 * STEP_MS;
    let series = (rng.below(3) > 0).then(|| rng.below(5));
    Op::Delete { min_ms, max_ms: min_ms + rng.below(8) as i64 * STEP_MS, series }
}

/// The first operations of a workload.
pub(crate) fn ops(seed: u64, count: usize, upkeep: Upkeep) -> Vec<Op> {
    (0..count).map(|n| op(seed, n, upkeep)).collect()
}

/// Some series at one time, with a new series now and then, floats first.
fn scrape(seed: u64, n: usize) -> Vec<Row> {
    let mut rng = Rng::new(mixed(seed, n as u64));
    let known = 6 + n as u64 / 16;
    let first = rng.below(known - 5);
    let some = (first..first + 6).filter(|_| rng.below(2) > 0);
    // The first series has samples all the time.
    let series: BTreeSet<u64> = some.chain([0]).collect();
    by_kind(series.into_iter().map(|series| Row { series, t_ms: time_of(n) }).collect())
}

/// Samples behind two newer ones of their series at least, so that they are late even if the last of these was lost; by
/// less than the window, at a time of their own. None where a delete has been: whether it reaches them too is another
/// question.
fn late(seed: u64, n: usize) -> Vec<Row> {
    let mut rng = Rng::new(mixed(seed, n as u64) + 1);
    let steps_back = 2 + rng.below((WINDOW_MS / STEP_MS) as u64 - 4) as usize;
    let t_ms = time_of(n.saturating_sub(steps_back)) + 1 + 2 * (n as i64 % 100);
    let is_deleted = |n: usize| match op_if_delete(seed, n) {
        Some(Op::Delete { min_ms, max_ms, .. }) => (min_ms..=max_ms).contains(&t_ms),
        _ => false,
    };
    if (n.saturating_sub(2 * MOST_STEPS_DELETED)..n).any(is_deleted) {
        return Vec::new();
    }
    let newer: Vec<Row> =
        (n.saturating_sub(steps_back) + 1..n).filter(|n| is_scrape(seed, *n)).flat_map(|n| scrape(seed, n)).collect();
    let is_late = |series: &u64| newer.iter().filter(|row| row.series == *series).count() >= 2;
    let series: BTreeSet<u64> = newer.iter().map(|row| row.series).filter(is_late).take(3).collect();
    by_kind(series.into_iter().map(|series| Row { series, t_ms }).collect())
}

fn op_if_delete(seed: u64, n: usize) -> Option<Op> {
    (70..78).contains(&kind(seed, n)).then(|| delete(seed, n))
}

/// Floats first, so that a transaction is one record of each kind.
fn by_kind(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by_key(|row| row.kind());
    rows
}

/// Does an operation; the error's text says why it was not done, or not whole.
pub(crate) fn apply(db: &Db, op: &Op, n: usize, clock: &ManualClock) -> Result<(), String> {
    clock.set_wall_ms(time_of(n));
    match op {
        Op::Commit(rows) => commit(db, rows),
        Op::Delete { min_ms, max_ms, series } => {
            let matcher = match series {
                Some(series) => Matcher::equal("host", series.to_string()),
                None => Matcher::equal("__name__", "requests_total"),
            };
            db.delete(TimeRange::new(*min_ms, *max_ms), &[matcher]).map(drop).map_err(|e| e.to_string())
        }
        Op::Maintain => db.maintain(time_of(n), Duration::MAX).map(drop).map_err(|e| e.to_string()),
        Op::Sync => db.sync().map_err(|e| e.to_string()),
        Op::Snapshot => db.snapshot(time_of(n), true).map(drop).map_err(|e| e.to_string()),
        Op::CleanTombstones => db.clean_tombstones(time_of(n)).map(drop).map_err(|e| e.to_string()),
    }
}

/// A transaction that must be taken whole.
fn commit(db: &Db, rows: &[Row]) -> Result<(), String> {
    let mut tx = db.appender();
    for row in rows {
        let value = row.value();
        let value = match &value {
            Value::Float(v) => PointValue::Float(*v),
            Value::Integer(h) => PointValue::Histogram(h),
            Value::WithFloats(h) => PointValue::FloatHistogram(h),
        };
        let point = Point { timestamp_ms: row.t_ms, start_timestamp_ms: 0, value };
        tx.append(SeriesKey::Labels(&labels(row.series)), point, &AppendOptions::default())
            .map_err(|e| format!("{row:?}: {e}"))?;
    }
    let stats = tx.commit().map_err(|e| e.to_string())?;
    let dropped = rows.len() - stats.samples;
    if dropped == 0 { Ok(()) } else { Err(format!("{dropped} of {} samples were dropped", rows.len())) }
}
