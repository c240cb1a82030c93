//! What a database must hold, and what it may hold.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use promethium::model::{FloatHistogram, HistogramValue, Matcher, Queryable, QueryableExt, Span, TimeRange, is_stale};

use crate::workload::{CHUNK_RANGE_MS, Op, RETENTION_MS, Row, START_MS, Value};

/// A sample's value, comparable: bits of a float; of a histogram what it says, whatever its layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    Stale,
    Float(u64),
    Histogram { sum: u64, all: u64 },
}

/// Samples by series and time.
pub(crate) type Contents = BTreeMap<Row, Stored>;

impl Stored {
    pub(crate) fn of(value: &Value) -> Stored {
        match value {
            Value::Float(v) => Stored::of_float(*v),
            Value::Integer(h) => Stored::of_histogram(&h.to_float()),
            Value::WithFloats(h) => Stored::of_histogram(h),
        }
    }

    fn of_float(v: f64) -> Stored {
        if is_stale(v) { Stored::Stale } else { Stored::Float(v.to_bits()) }
    }

    fn of_histogram(h: &FloatHistogram) -> Stored {
        if is_stale(h.sum) {
            return Stored::Stale;
        }
        let mut hasher = DefaultHasher::new();
        h.schema.hash(&mut hasher);
        [h.zero_threshold, h.zero_count, h.count].iter().for_each(|v| v.to_bits().hash(&mut hasher));
        h.custom_bounds.iter().for_each(|v| v.to_bits().hash(&mut hasher));
        filled_buckets(&h.positive_spans, &h.positive_buckets).hash(&mut hasher);
        filled_buckets(&h.negative_spans, &h.negative_buckets).hash(&mut hasher);
        Stored::Histogram { sum: h.sum.to_bits(), all: hasher.finish() }
    }
}

/// The buckets that are not empty, by index.
fn filled_buckets(spans: &[Span], buckets: &[f64]) -> Vec<(i64, u64)> {
    let mut index = 0;
    let indexes = spans.iter().flat_map(|span| {
        let first = index + i64::from(span.offset);
        index = first + i64::from(span.length);
        first..index
    });
    indexes.zip(buckets).filter(|(_, v)| **v != 0.0).map(|(i, v)| (i, v.to_bits())).collect()
}

/// What a query of everything finds.
pub(crate) fn contents(db: &dyn Queryable) -> Contents {
    contents_in(db, TimeRange::ALL, &[])
}

/// What a query finds.
pub(crate) fn contents_in(db: &dyn Queryable, range: TimeRange, matchers: &[Matcher]) -> Contents {
    let mut contents = Contents::new();
    for (labels, batch) in db.read_all(range, matchers).expect("a query") {
        let series = labels.get("host").and_then(|v| v.parse().ok()).expect("a label that every series has");
        let mut histograms = batch.histograms.iter().peekable();
        for (row, (t_ms, v)) in batch.timestamps.iter().zip(&batch.floats).enumerate() {
            let stored = match histograms.next_if(|(at, _)| *at as usize == row) {
                Some((_, HistogramValue::Int(h))) => Stored::of_histogram(&h.to_float()),
                Some((_, HistogramValue::Float(h))) => Stored::of_histogram(h),
                None => Stored::of_float(*v),
            };
            let previous = contents.insert(Row { series, t_ms: *t_ms }, stored);
            assert!(previous.is_none(), "series {series} has two samples at {t_ms}");
        }
    }
    contents
}

impl Op {
    fn deletes(&self, row: Row) -> bool {
        match self {
            Op::Delete { min_ms, max_ms, series } => {
                (*min_ms..=*max_ms).contains(&row.t_ms) && series.is_none_or(|s| s == row.series)
            }
            _ => false,
        }
    }

    /// Does to the model what the operation does to a database.
    pub(crate) fn apply_to(&self, model: &mut Contents) {
        match self {
            Op::Commit(_) => insert(model, self.rows()),
            Op::Delete { min_ms, max_ms, series } => {
                let newest = model.keys().next_back().map_or(0, |row| row.series);
                for series in series.map_or(0..=newest, |series| series..=series) {
                    let range = Row { series, t_ms: *min_ms }..=Row { series, t_ms: *max_ms };
                    let gone: Vec<Row> = model.range(range).map(|(row, _)| *row).collect();
                    for row in gone {
                        model.remove(&row);
                    }
                }
            }
            Op::Maintain | Op::Sync | Op::Snapshot | Op::CleanTombstones => {}
        }
    }

    /// The samples of a commit by kind, in order or late: each is a record.
    fn samples(&self, is_late: bool) -> impl Iterator<Item = Op> {
        let of_kind = move |kind: u64| {
            Op::Commit(self.rows().filter(|row| row.is_late() == is_late && row.kind() == kind).collect())
        };
        (0..3).map(of_kind).filter(|op| op.rows().next().is_some())
    }

    fn rows(&self) -> impl Iterator<Item = Row> {
        let rows: &[Row] = if let Op::Commit(rows) = self { rows } else { &[] };
        rows.iter().copied()
    }
}

fn insert(model: &mut Contents, rows: impl Iterator<Item = Row>) {
    model.extend(rows.map(|row| (row, Stored::of(&row.value()))));
}

/// What operations leave of what was there.
pub(crate) fn after(base: &Contents, ops: &[Op]) -> Contents {
    let mut model = base.clone();
    ops.iter().for_each(|op| op.apply_to(&mut model));
    model
}

/// How far the two logs came: in records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reached {
    in_order: usize,
    late: usize,
}

/// What an operation writes to the two logs.
struct Records {
    /// The series that it creates, in a record before the others; then its samples by kind, or a delete.
    created: BTreeSet<u64>,
    in_order: Vec<Op>,
    late: Vec<Op>,
}

impl Records {
    fn new(op: &Op, known: &mut BTreeSet<u64>) -> Self {
        let created: BTreeSet<u64> = op.rows().map(|row| row.series).filter(|series| known.insert(*series)).collect();
        match op {
            Op::Commit(_) => {
                Records { created, in_order: op.samples(false).collect(), late: op.samples(true).collect() }
            }
            _ => Records { created, in_order: vec![op.clone()], late: Vec::new() },
        }
    }

    fn in_order_len(&self) -> usize {
        usize::from(!self.created.is_empty()) + self.in_order.len()
    }
}

/// The operations that come after a known state, as the two logs have them.
pub(crate) struct Logged<'a> {
    base: &'a Contents,
    records: Vec<Records>,
    least: usize,
    /// A delete at the end that was not acknowledged: head and blocks do it one after the other.
    under_way: Option<&'a Op>,
    floor_ms: i64,
    late_may_lack: bool,
}

impl<'a> Logged<'a> {
    /// The first `least` operations are to be whole.
    pub(crate) fn new(base: &'a Contents, ops: &'a [Op], least: usize) -> Self {
        let mut known = base.keys().map(|row| row.series).collect();
        let under_way = ops.last().filter(|op| least < ops.len() && matches!(op, Op::Delete { .. }));
        let whole = &ops[..ops.len() - usize::from(under_way.is_some())];
        let records = whole.iter().map(|op| Records::new(op, &mut known)).collect();
        let floor_ms = floor_ms(&after(base, whole));
        Logged { base, records, least: least.min(whole.len()), under_way, floor_ms, late_may_lack: false }
    }

    /// Whether `found` is a state, but for what retention and the delete under way took.
    fn fits(&self, found: &Contents, state: &Contents) -> bool {
        let may_lack = |row: &Row| row.t_ms < self.floor_ms || self.under_way.is_some_and(|op| op.deletes(*row));
        found.iter().all(|(row, v)| state.get(row) == Some(v))
            && (found.len() == state.len() || state.keys().all(|row| found.contains_key(row) || may_lack(row)))
    }

    fn reached(&self, ops: usize) -> Reached {
        let done = &self.records[..ops];
        Reached {
            in_order: done.iter().map(Records::in_order_len).sum(),
            late: done.iter().map(|records| records.late.len()).sum(),
        }
    }

    /// What is there when each log came so far. Late samples go with their series, where its record is lost.
    fn state(&self, reached: Reached) -> Contents {
        let lost = self.series_behind(reached.in_order);
        let mut model = self.base.clone();
        let Reached { mut in_order, mut late } = reached;
        for records in &self.records {
            let samples = in_order.saturating_sub(usize::from(!records.created.is_empty()));
            records.in_order.iter().take(samples).for_each(|op| op.apply_to(&mut model));
            for op in records.late.iter().take(late) {
                insert(&mut model, op.rows().filter(|row| !lost.contains(&row.series)));
            }
            in_order = in_order.saturating_sub(records.in_order_len());
            late = late.saturating_sub(records.late.len());
        }
        model
    }

    /// The series whose record is behind the first `in_order` ones.
    fn series_behind(&self, mut in_order: usize) -> BTreeSet<u64> {
        let mut behind = BTreeSet::new();
        for records in &self.records {
            if in_order == 0 {
                behind.extend(&records.created);
            }
            in_order = in_order.saturating_sub(records.in_order_len());
        }
        behind
    }

    /// Whether `found` is what a prefix of each log leaves.
    pub(crate) fn explains(&self, found: &Contents) -> bool {
        let (least, all) = (self.reached(self.least), self.reached(self.records.len()));
        let in_order_only = |contents: &Contents| -> Contents {
            contents.iter().filter(|(row, _)| !row.is_late()).map(|(row, v)| (*row, *v)).collect()
        };
        let wanted = in_order_only(found);
        let fits_in_order = |in_order: &usize| {
            self.fits(&wanted, &in_order_only(&self.state(Reached { in_order: *in_order, late: 0 })))
        };
        // Most often all is there.
        (least.in_order..=all.in_order).rev().filter(fits_in_order).any(|in_order| {
            (least.late..=all.late).rev().any(|late| self.fits_late(found, &self.state(Reached { in_order, late })))
        })
    }

    /// As [`Logged::fits`], where the samples in order are known to fit.
    fn fits_late(&self, found: &Contents, state: &Contents) -> bool {
        if self.late_may_lack {
            return found.iter().all(|(row, v)| state.get(row) == Some(v));
        }
        self.fits(found, state)
    }

    /// Late samples may be missing anywhere. A series that had left the head is logged again when it comes back; where
    /// that record is lost, so are the late samples that came after it, in whatever log they are.
    pub(crate) fn with_lost_late_samples(mut self) -> Self {
        self.late_may_lack = true;
        self
    }
}

/// Before this, samples may be gone: those of blocks that retention took. A delete may have taken the newest sample since,
/// but not all of the last two ranges.
pub(crate) fn floor_ms(contents: &Contents) -> i64 {
    let newest_ms = contents.keys().map(|row| row.t_ms).max().unwrap_or(START_MS);
    newest_ms - RETENTION_MS + 2 * CHUNK_RANGE_MS
}

/// Whether `found` is what is expected, but for what retention took.
pub(crate) fn is_kept(found: &Contents, expected: &Contents) -> bool {
    let floor_ms = floor_ms(expected);
    found.iter().all(|(row, v)| expected.get(row) == Some(v))
        && expected.keys().all(|row| row.t_ms < floor_ms || found.contains_key(row))
}

/// What differs, for a message.
pub(crate) fn difference(found: &Contents, expected: &Contents) -> String {
    // What retention may have taken is no difference.
    let floor_ms = floor_ms(expected);
    let counts = |row: &Row| row.t_ms >= floor_ms || found.contains_key(row);
    let missing = expected.iter().filter(|(row, v)| found.get(row) != Some(v) && counts(row));
    let missing = missing.map(|(row, v)| (row, format!("-{v:?}")));
    let extra = found.iter().filter(|(row, v)| expected.get(row) != Some(v)).map(|(row, v)| (row, format!("+{v:?}")));
    let all: Vec<_> = missing.chain(extra).collect();
    format!("{} differences: {:#?}", all.len(), &all[..all.len().min(20)])
}

/// As [`difference`], with the operations that had to do with each sample.
pub(crate) fn explained(found: &Contents, expected: &Contents, ops: &[Op]) -> String {
    let rows = found.keys().chain(expected.keys()).filter(|row| found.get(row) != expected.get(row));
    let touching = |row: &Row| {
        let touches = |op: &Op| op.deletes(*row) || matches!(op, Op::Commit(rows) if rows.contains(row));
        let numbers = ops.iter().enumerate().filter(|(_, op)| touches(op));
        numbers.map(|(n, op)| format!("{n}: {}", if op.deletes(*row) { "delete" } else { "commit" })).collect()
    };
    let history: BTreeMap<Row, Vec<String>> = rows.take(20).map(|row| (*row, touching(row))).collect();
    format!("{}\nhistory: {history:?}", difference(found, expected))
}

/// Bounds for a database of which some operations failed.
#[derive(Default)]
pub(crate) struct Bounds {
    must: Contents,
    may: Contents,
    /// What was refused and may come back all the same: nobody saw it, so that no delete reaches it.
    unseen: Contents,
}

impl Bounds {
    /// `taken` says of each operation whether it was acknowledged. What was acknowledged must be there, unless a delete
    /// that may have happened reached it; what was not may be there.
    pub(crate) fn new(ops: &[Op], taken: &[bool]) -> Self {
        let mut bounds = Bounds::default();
        for (op, is_taken) in ops.iter().zip(taken) {
            match op {
                Op::Commit(_) if !is_taken => op.apply_to(&mut bounds.unseen),
                Op::Delete { .. } if !is_taken => op.apply_to(&mut bounds.must),
                _ => {
                    op.apply_to(&mut bounds.must);
                    op.apply_to(&mut bounds.may);
                }
            }
        }
        bounds
    }

    pub(crate) fn check(&self, found: &Contents, context: &str) {
        let floor_ms = floor_ms(&self.must);
        let lost = |(row, v): &(&Row, &Stored)| row.t_ms >= floor_ms && found.get(row) != Some(v);
        let lost: Vec<_> = self.must.iter().filter(lost).collect();
        assert!(lost.is_empty(), "{context}: acknowledged and lost: {lost:?}");
        let may_be = |row: &Row| self.may.get(row).or(self.unseen.get(row));
        let invented: Vec<_> = found.iter().filter(|(row, v)| may_be(row) != Some(v)).collect();
        assert!(invented.is_empty(), "{context}: invented: {invented:?}");
    }
}
