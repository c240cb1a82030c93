//! The smallest store that honours both storage seams: a sorted map behind a lock.
//!
//! For tests, for the promqltest runner, and as the model that real stores are compared with. It keeps floats,
//! histograms and start timestamps, and drops exemplars.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

use crate::histogram::CounterResetHint;
use crate::labels::Labels;
use crate::matcher::{Matcher, all_match};
use crate::sample::{HistogramValue, Point, PointValue};
use crate::storage::{
    AppendError, AppendOptions, Appendable, Appended, Appender, CommitError, CommitStats, LabelHints, LabelList,
    Querier, QueryCx, Queryable, SampleBatch, SampleCursor, SelectHints, SeriesEntry, SeriesKey, SeriesRef, SeriesSet,
    StorageError, TimeRange, VecSeriesSet,
};

/// Series in memory, without limits of its own, gone when dropped.
///
/// ```
/// use promethium_model::{AppendOptions, Appendable, Labels, MemStore, Matcher, Point, QueryableExt, SeriesKey, TimeRange};
/// let store = MemStore::new();
/// let up = Labels::from_pairs([("__name__", "up")]);
/// let mut tx = store.appender();
/// tx.append(SeriesKey::Labels(&up), Point::float(1_000, 1.0), &AppendOptions::default())?;
/// tx.commit()?;
/// let all = store.read_all(TimeRange::ALL, &[Matcher::equal("__name__", "up")])?;
/// assert_eq!(all[0].1.floats, [1.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct MemStore {
    state: RwLock<State>,
}

#[derive(Debug, Default, Clone)]
struct State {
    by_labels: BTreeMap<Labels, usize>,
    series: Vec<Series>,
}

#[derive(Debug, Clone)]
struct Series {
    labels: Labels,
    samples: Arc<SampleBatch>,
}

impl MemStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of series.
    #[must_use]
    pub fn series_count(&self) -> usize {
        self.read().series.len()
    }

    /// Drops everything.
    pub fn clear(&self) {
        *self.write() = State::default();
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Appendable for MemStore {
    fn appender(&self) -> Box<dyn Appender + '_> {
        Box::new(MemAppender { store: self, pending: Vec::new(), created: Vec::new() })
    }
}

/// A buffered sample; histograms are shared from here on.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    timestamp_ms: i64,
    start_timestamp_ms: i64,
    value: RowValue,
}

#[derive(Clone, Debug, PartialEq)]
enum RowValue {
    /// By bits, so that NaNs compare.
    Float(u64),
    Histogram(HistogramValue),
}

impl Row {
    fn of(point: Point<'_>) -> Result<Row, AppendError> {
        let value = match point.value {
            PointValue::Float(v) => RowValue::Float(v.to_bits()),
            PointValue::Histogram(h) => {
                h.validate()?;
                RowValue::Histogram(HistogramValue::Int(Arc::new(h.clone())))
            }
            PointValue::FloatHistogram(h) => {
                h.validate()?;
                RowValue::Histogram(HistogramValue::Float(Arc::new(h.clone())))
            }
        };
        Ok(Row { timestamp_ms: point.timestamp_ms, start_timestamp_ms: point.start_timestamp_ms, value })
    }

    fn newest_of(samples: &SampleBatch) -> Option<Row> {
        let i = samples.len().checked_sub(1)?;
        let value = match samples.histograms.last() {
            Some((row, h)) if *row as usize == i => RowValue::Histogram(h.clone()),
            _ => RowValue::Float(samples.floats[i].to_bits()),
        };
        let start_timestamp_ms = samples.start_timestamps.last().copied().unwrap_or(0);
        Some(Row { timestamp_ms: samples.timestamps[i], start_timestamp_ms, value })
    }

    /// `Ok(false)` when the newest row already says the same.
    fn follows(&self, newest: Option<&Row>) -> Result<bool, AppendError> {
        let Some(newest) = newest else { return Ok(true) };
        let timestamp_ms = self.timestamp_ms;
        if timestamp_ms > newest.timestamp_ms {
            return Ok(true);
        }
        if timestamp_ms < newest.timestamp_ms {
            return Err(AppendError::OutOfOrder { timestamp_ms, newest_ms: newest.timestamp_ms });
        }
        match (&newest.value, &self.value) {
            (a, b) if a == b => Ok(false),
            (RowValue::Float(a), RowValue::Float(b)) => {
                Err(AppendError::DuplicateFloat { timestamp_ms, existing: f64::from_bits(*a), new: f64::from_bits(*b) })
            }
            _ => Err(AppendError::Duplicate { timestamp_ms }),
        }
    }

    fn push_to(self, samples: &mut SampleBatch) {
        match self.value {
            RowValue::Float(bits) => samples.push_float(self.timestamp_ms, f64::from_bits(bits)),
            RowValue::Histogram(h) => samples.push_histogram(self.timestamp_ms, as_read(h)),
        }
        samples.set_start_timestamp(self.start_timestamp_ms);
    }
}

/// An explicit reset is never returned from storage: readers compare the values.
fn as_read(h: HistogramValue) -> HistogramValue {
    let reset = CounterResetHint::Reset;
    match h {
        HistogramValue::Int(mut h) if h.counter_reset_hint == reset => {
            Arc::make_mut(&mut h).counter_reset_hint = CounterResetHint::Unknown;
            HistogramValue::Int(h)
        }
        HistogramValue::Float(mut h) if h.counter_reset_hint == reset => {
            Arc::make_mut(&mut h).counter_reset_hint = CounterResetHint::Unknown;
            HistogramValue::Float(h)
        }
        other => other,
    }
}

struct MemAppender<'s> {
    store: &'s MemStore,
    pending: Vec<(usize, Row)>,
    // Series that exist only once this transaction commits; their slots follow those of the store.
    created: Vec<Labels>,
}

// References to series that a transaction is about to create carry this mark until the commit.
const PENDING: u64 = 1 << 63;

impl MemAppender<'_> {
    /// The slot that a key names, and whether the series is new.
    fn resolve(&mut self, key: SeriesKey<'_>) -> Result<(u64, bool), AppendError> {
        let labels = match key {
            SeriesKey::Labels(labels) => labels,
            SeriesKey::Ref(r) => return self.known(r).ok_or(AppendError::UnknownReference { reference: r.0 }),
            SeriesKey::RefOrLabels(r, labels) => match self.known(r) {
                Some(found) => return Ok(found),
                None => labels,
            },
        };
        if labels.is_empty() {
            return Err(AppendError::EmptyLabels);
        }
        if let Some(slot) = self.store.read().by_labels.get(labels) {
            return Ok((*slot as u64 + 1, false));
        }
        if let Some(i) = self.created.iter().position(|l| l == labels) {
            return Ok((PENDING | i as u64, false));
        }
        self.created.push(labels.clone());
        Ok((PENDING | (self.created.len() as u64 - 1), true))
    }

    fn known(&self, r: SeriesRef) -> Option<(u64, bool)> {
        let known = if r.0 & PENDING == 0 {
            r.0 > 0 && r.0 as usize <= self.store.read().series.len()
        } else {
            ((r.0 & !PENDING) as usize) < self.created.len()
        };
        known.then_some((r.0, false))
    }

    fn newest(&self, reference: u64) -> Option<Row> {
        let buffered =
            self.pending.iter().rev().find(|(slot, _)| *slot as u64 == reference).map(|(_, row)| row.clone());
        if buffered.is_some() || reference & PENDING != 0 {
            return buffered;
        }
        Row::newest_of(&self.store.read().series[reference as usize - 1].samples)
    }
}

impl Appender for MemAppender<'_> {
    fn append(
        &mut self,
        key: SeriesKey<'_>,
        point: Point<'_>,
        options: &AppendOptions<'_>,
    ) -> Result<Appended, AppendError> {
        let row = Row::of(point)?;
        let (reference, created) = self.resolve(key)?;
        if row.follows(self.newest(reference).as_ref())? {
            self.pending.push((reference as usize, row));
        }
        Ok(Appended::new(SeriesRef(reference), created).with_dropped_exemplars(options.exemplars.len()))
    }

    fn commit(self: Box<Self>) -> Result<CommitStats, CommitError> {
        let mut state = self.store.write();
        let mut new_slots = Vec::with_capacity(self.created.len());
        let mut stats = CommitStats::default();
        for labels in &self.created {
            let next = state.series.len();
            let slot = *state.by_labels.entry(labels.clone()).or_insert(next);
            if slot == next {
                stats.series_created += 1;
                state.series.push(Series { labels: labels.clone(), samples: Arc::default() });
            }
            new_slots.push(slot);
        }
        for (reference, row) in self.pending {
            let slot = match reference as u64 & PENDING {
                0 => reference - 1,
                _ => new_slots[(reference as u64 & !PENDING) as usize],
            };
            let samples = Arc::make_mut(&mut state.series[slot].samples);
            match row.follows(Row::newest_of(samples).as_ref()) {
                Ok(true) => {
                    row.push_to(samples);
                    stats.samples += 1;
                }
                Ok(false) => stats.samples += 1,
                Err(_) => stats.dropped += 1,
            }
        }
        Ok(stats)
    }

    fn rollback(self: Box<Self>) {}
}

impl Queryable for MemStore {
    fn querier(&self, range: TimeRange) -> Result<Box<dyn Querier + '_>, StorageError> {
        Ok(Box::new(MemQuerier { state: self.read().clone(), range }))
    }
}

struct MemQuerier {
    state: State,
    range: TimeRange,
}

impl MemQuerier {
    /// Series that match and have samples in the range, sorted by labels.
    fn selected<'q, 'm>(
        &'q self,
        matchers: &'m [Matcher],
    ) -> impl Iterator<Item = (&'q Series, Range<usize>)> + use<'q, 'm> {
        self.state.by_labels.values().map(|slot| &self.state.series[*slot]).filter_map(move |series| {
            if !all_match(matchers, &series.labels) {
                return None;
            }
            let t = &series.samples.timestamps;
            let rows = t.partition_point(|t| *t < self.range.min_ms)..t.partition_point(|t| *t <= self.range.max_ms);
            (!rows.is_empty()).then_some((series, rows))
        })
    }
}

impl Querier for MemQuerier {
    fn select<'q>(
        &'q self,
        matchers: &[Matcher],
        _hints: &SelectHints,
        cx: &QueryCx,
    ) -> Result<Box<dyn SeriesSet<'q> + 'q>, StorageError> {
        cx.check()?;
        let entry = |(series, rows): (&'q Series, Range<usize>)| SeriesEntry {
            labels: series.labels.clone(),
            samples: Box::new(MemCursor { samples: &series.samples, rows }) as Box<dyn SampleCursor + 'q>,
        };
        let entries = self.selected(matchers).map(entry).collect();
        Ok(Box::new(VecSeriesSet::new(entries)))
    }

    fn label_names(&self, matchers: &[Matcher], hints: &LabelHints, cx: &QueryCx) -> Result<LabelList, StorageError> {
        cx.check()?;
        let names: BTreeSet<String> =
            self.selected(matchers).flat_map(|(s, _)| s.labels.iter().map(|(n, _)| n.to_owned())).collect();
        Ok(label_list(names, hints))
    }

    fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        hints: &LabelHints,
        cx: &QueryCx,
    ) -> Result<LabelList, StorageError> {
        cx.check()?;
        let values: BTreeSet<String> =
            self.selected(matchers).filter_map(|(s, _)| s.labels.get(name).map(str::to_owned)).collect();
        Ok(label_list(values, hints))
    }
}

fn label_list(values: BTreeSet<String>, hints: &LabelHints) -> LabelList {
    let limit = if hints.limit == 0 { usize::MAX } else { hints.limit };
    LabelList { values: values.into_iter().take(limit).collect(), ..LabelList::default() }
}

struct MemCursor<'q> {
    samples: &'q SampleBatch,
    rows: Range<usize>,
}

// Small on purpose: readers must cope with series that come in pieces.
const ROWS_PER_BATCH: usize = 256;

impl SampleCursor for MemCursor<'_> {
    fn next_batch(&mut self, out: &mut SampleBatch) -> Result<bool, StorageError> {
        let rows = self.rows.start..self.rows.end.min(self.rows.start + ROWS_PER_BATCH);
        if rows.is_empty() {
            return Ok(false);
        }
        self.rows.start = rows.end;
        copy_rows(self.samples, rows, out);
        Ok(true)
    }

    fn seek(&mut self, t_ms: i64) {
        let ahead = self.samples.timestamps[self.rows.clone()].partition_point(|t| *t < t_ms);
        self.rows.start += ahead;
    }
}

fn copy_rows(from: &SampleBatch, rows: Range<usize>, out: &mut SampleBatch) {
    let base = out.len();
    if !from.start_timestamps.is_empty() {
        out.start_timestamps.resize(base, 0);
        out.start_timestamps.extend_from_slice(&from.start_timestamps[rows.clone()]);
    }
    out.timestamps.extend_from_slice(&from.timestamps[rows.clone()]);
    out.floats.extend_from_slice(&from.floats[rows.clone()]);
    let first = from.histograms.partition_point(|(row, _)| (*row as usize) < rows.start);
    let inside = from.histograms[first..].iter().take_while(|(row, _)| (*row as usize) < rows.end);
    out.histograms.extend(inside.map(|(row, h)| ((*row as usize - rows.start + base) as u32, h.clone())));
}
