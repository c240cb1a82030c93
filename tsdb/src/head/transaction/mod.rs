//! Samples on their way in.

mod apply;
mod pending;
mod targets;

use std::sync::Arc;

use promethium_model::{
    AppendError, AppendOptions, Appended, CounterResetHint, Exemplar, FloatHistogram, Histogram, HistogramValue,
    Labels, Metadata, Point, PointValue, RejectedRow, STALE_NAN, SeriesKey, SeriesRef, is_stale,
};

use super::Head;
use super::admission::{Admission, TimeBounds};
use super::directory::place;
use super::series::MemSeries;
pub(crate) use apply::{LateSample, NewSamples, insert_late, push_all, push_float};
use pending::Pending;
pub(crate) use pending::{Batch, Kind, PendingFloat, PendingHistogram};
pub(crate) use targets::Target;
use targets::{HeldPage, HeldSeries, Targets};

/// The samples of one transaction, checked against the head as it was at each append.
///
/// The bounds in time are those of the transaction's beginning. A series that the head lacks gets a reference here and
/// is created by the commit, so that what is rolled back leaves nothing behind.
pub(crate) struct Transaction {
    bounds: TimeBounds,
    targets: Targets,
    pending: Pending,
    /// Samples that may still come.
    room: usize,
    exemplars: Vec<PendingExemplar>,
    metadata: Vec<(Target, Arc<Metadata>)>,
    /// Duplicates that were recognised at append: stored already.
    already_stored: usize,
}

pub(crate) struct PendingExemplar {
    pub(crate) target: Target,
    pub(crate) timestamp_ms: i64,
    pub(crate) exemplar: Exemplar,
}

/// A transaction whose series all exist.
pub(crate) struct Resolved {
    bounds: TimeBounds,
    series: HeldSeries,
    pub(crate) batches: Vec<Batch>,
    pub(crate) exemplars: Vec<PendingExemplar>,
    pub(crate) metadata: Vec<(Target, Arc<Metadata>)>,
    pub(crate) created: Vec<Arc<MemSeries>>,
    pub(crate) already_stored: usize,
}

/// A point that was checked, its histogram validated.
#[derive(Clone, Copy)]
struct Checked<'a> {
    timestamp_ms: i64,
    start_timestamp_ms: i64,
    value: PointValue<'a>,
}

impl Transaction {
    pub(crate) fn new(bounds: TimeBounds, head: &Head) -> Self {
        let tracks = head.rules.start_timestamp_zero_samples;
        Transaction {
            bounds,
            targets: Targets::default(),
            pending: if tracks { Pending::tracking() } else { Pending::default() },
            room: head.rules.max_transaction_samples,
            exemplars: Vec::new(),
            metadata: Vec::new(),
            already_stored: 0,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.exemplars.is_empty() && self.metadata.is_empty()
    }

    pub(crate) fn already_stored(&self) -> usize {
        self.already_stored
    }

    /// Whether all series are there, so that the log's record can be made before the commit takes any lock.
    pub(crate) fn has_new_series(&self) -> bool {
        self.targets.has_new()
    }

    pub(crate) fn append(
        &mut self,
        head: &Head,
        key: SeriesKey<'_>,
        point: Point<'_>,
        options: &AppendOptions<'_>,
    ) -> Result<Appended, AppendError> {
        let limit = AppendError::TransactionLimit { limit: head.rules.max_transaction_samples };
        self.room = self.room.checked_sub(1).ok_or(limit)?;
        self.append_within(head, key, point, options)
    }

    fn append_within(
        &mut self,
        head: &Head,
        key: SeriesKey<'_>,
        point: Point<'_>,
        options: &AppendOptions<'_>,
    ) -> Result<Appended, AppendError> {
        self.bounds.check(point.timestamp_ms)?;
        validate(&point.value)?;
        let (target, created) = self.targets.resolve(head, key)?;
        let checked = Checked {
            timestamp_ms: point.timestamp_ms,
            start_timestamp_ms: if head.rules.start_timestamps { point.start_timestamp_ms } else { 0 },
            value: point.value,
        };
        if head.rules.start_timestamp_zero_samples && point.start_timestamp_ms != 0 {
            self.append_zero(target, &point);
        }
        self.append_to(target, checked, options.reject_out_of_order)?;
        if let Some(metadata) = options.metadata {
            self.note_metadata(head, target, metadata);
        }
        let dropped = self.note_exemplars(head, target, point.timestamp_ms, options.exemplars);
        Ok(Appended::new(SeriesRef(self.targets.reference(target)), created).with_dropped_exemplars(dropped))
    }

    /// Appends samples of known series.
    pub(crate) fn append_batch(
        &mut self,
        head: &Head,
        rows: &[(SeriesRef, Point<'_>)],
        rejected: &mut Vec<RejectedRow>,
    ) {
        let (within, over) = rows.split_at(rows.len().min(self.room));
        self.room -= within.len();
        self.append_batch_within(head, within, rejected);
        let limit = head.rules.max_transaction_samples;
        let refused = (within.len()..).zip(over);
        rejected.extend(refused.map(|(row, _)| RejectedRow { row, error: AppendError::TransactionLimit { limit } }));
    }

    fn append_batch_within(&mut self, head: &Head, rows: &[(SeriesRef, Point<'_>)], rejected: &mut Vec<RejectedRow>) {
        let mut row = 0;
        loop {
            if self.is_plain(head) {
                row += self.take_plain(head, &rows[row..]);
            }
            let Some((series, point)) = rows.get(row) else { return };
            if let Err(error) = self.append_within(head, SeriesKey::Ref(*series), *point, &AppendOptions::default()) {
                rejected.push(RejectedRow { row, error });
            }
            row += 1;
        }
    }

    fn is_plain(&self, head: &Head) -> bool {
        self.pending.is_plain() && !head.rules.start_timestamps
    }

    /// Takes the rows up to the first that has to be looked at more closely; how many they are.
    fn take_plain(&mut self, head: &Head, rows: &[(SeriesRef, Point<'_>)]) -> usize {
        let pages = head.directory.read();
        let floats = self.pending.plain();
        let (before, mut taken) = (floats.len(), 0);
        floats.resize(before + rows.len(), PendingFloat::default());
        while let Some((reference, _)) = rows.get(taken) {
            let Some(held) = self.targets.hold(&pages, reference.0) else { break };
            let more = take_from_page(held, &self.bounds, &rows[taken..], &mut floats[before + taken..]);
            if more == 0 {
                break;
            }
            taken += more;
        }
        floats.truncate(before + taken);
        taken
    }

    fn append_to(&mut self, target: Target, point: Checked<'_>, reject_out_of_order: bool) -> Result<(), AppendError> {
        let stale;
        let mut value = point.value;
        if let PointValue::Float(v) = value
            && is_stale(v)
            && let Some(kind) = self.pending.histogram_kind(self.targets.reference(target))
        {
            // In a transaction that holds a histogram of the series, a stale marker is one too.
            stale = stale_histogram(kind);
            value = as_point(&stale);
        }
        match self.admit(target, point.timestamp_ms, value, reject_out_of_order)? {
            Admission::Same => self.already_stored += 1,
            Admission::New | Admission::OutOfOrder => {
                let point = Checked { value, ..point };
                self.push(target, point, reject_out_of_order);
            }
        }
        Ok(())
    }

    fn admit(
        &self,
        target: Target,
        t_ms: i64,
        value: PointValue<'_>,
        reject_out_of_order: bool,
    ) -> Result<Admission, AppendError> {
        let Some(series) = self.targets.series(target) else {
            return self.bounds.admit(t_ms, None, reject_out_of_order, || Ok(()));
        };
        let state = series.lock();
        self.bounds.admit(t_ms, state.newest_ms(), reject_out_of_order, || match value {
            PointValue::Float(v) => state.compare_float(t_ms, v),
            PointValue::Histogram(h) => state.compare_histogram(t_ms, h),
            PointValue::FloatHistogram(h) => state.compare_float_histogram(t_ms, h),
        })
    }

    fn push(&mut self, target: Target, point: Checked<'_>, reject_out_of_order: bool) {
        let Checked { timestamp_ms, start_timestamp_ms, value } = point;
        let reference = self.targets.reference(target);
        let histogram = match value {
            PointValue::Float(value) => {
                let float = PendingFloat { target, reject_out_of_order, timestamp_ms, value };
                return self.pending.push_float(reference, float, start_timestamp_ms);
            }
            PointValue::Histogram(h) => HistogramValue::Int(Arc::new(h.clone())),
            PointValue::FloatHistogram(h) => HistogramValue::Float(Arc::new(h.clone())),
        };
        let histogram =
            PendingHistogram { target, reject_out_of_order, timestamp_ms, start_timestamp_ms, value: histogram };
        self.pending.push_histogram(reference, histogram);
    }

    /// A zero where the counter started, if that time still has no sample behind it. Best effort.
    fn append_zero(&mut self, target: Target, point: &Point<'_>) {
        let start_ms = point.start_timestamp_ms;
        if start_ms < self.bounds.min_valid_ms || start_ms >= point.timestamp_ms || self.bounds.check(start_ms).is_err()
        {
            return;
        }
        if self.pending.newest_of(self.targets.reference(target)).is_some_and(|newest| newest >= start_ms) {
            return;
        }
        let zero = match point.value {
            PointValue::Float(_) => return drop(self.append_to(target, at(start_ms, PointValue::Float(0.0)), true)),
            PointValue::Histogram(h) => HistogramValue::Int(Arc::new(Histogram {
                counter_reset_hint: CounterResetHint::Reset,
                schema: h.schema,
                zero_threshold: h.zero_threshold,
                custom_bounds: Arc::clone(&h.custom_bounds),
                ..Histogram::default()
            })),
            PointValue::FloatHistogram(h) => HistogramValue::Float(Arc::new(FloatHistogram {
                counter_reset_hint: CounterResetHint::Reset,
                schema: h.schema,
                zero_threshold: h.zero_threshold,
                custom_bounds: Arc::clone(&h.custom_bounds),
                ..FloatHistogram::default()
            })),
        };
        drop(self.append_to(target, at(start_ms, as_point(&zero)), true));
    }

    fn note_metadata(&mut self, head: &Head, target: Target, metadata: &Metadata) {
        if !head.rules.metadata {
            return;
        }
        let is_known =
            self.targets.series(target).is_some_and(|s| s.lock().metadata().is_some_and(|m| **m == *metadata));
        if !is_known {
            self.metadata.push((target, Arc::new(metadata.clone())));
        }
    }

    /// Takes exemplars that may be kept; returns how many may not.
    fn note_exemplars(&mut self, head: &Head, target: Target, sample_ms: i64, exemplars: &[Exemplar]) -> usize {
        if exemplars.is_empty() {
            return 0;
        }
        let before = self.exemplars.len();
        let labels = self.targets.labels(head, target);
        let ring = head.exemplars.lock();
        for exemplar in exemplars {
            let timestamp_ms = exemplar.timestamp_ms.unwrap_or(sample_ms);
            if ring.check(&labels, exemplar, timestamp_ms).is_ok() {
                self.exemplars.push(PendingExemplar { target, timestamp_ms, exemplar: exemplar.clone() });
            }
        }
        exemplars.len() - (self.exemplars.len() - before)
    }

    /// Creates the series that are new. Series that another transaction created meanwhile are taken as they are.
    pub(crate) fn create_series(self, head: &Head) -> Resolved {
        let mut created = Vec::new();
        let series = self.targets.create(head, &mut created);
        Resolved {
            bounds: self.bounds,
            series,
            batches: self.pending.into_batches(),
            exemplars: self.exemplars,
            metadata: self.metadata,
            created,
            already_stored: self.already_stored,
        }
    }
}

impl Resolved {
    pub(crate) fn reference(&self, target: Target) -> Option<u64> {
        self.series.reference(target)
    }

    pub(crate) fn labels(&self, head: &Head, target: Target) -> Option<Labels> {
        self.series.get(target).and_then(|series| head.labels(series))
    }
}

/// Takes floats of a page's series, each of which follows the newest of its series, as many as there are before another row.
///
/// PERF: what most samples of a store are, in one pass: two comparisons, and no lock.
#[inline]
fn take_from_page(
    held: HeldPage<'_>,
    bounds: &TimeBounds,
    rows: &[(SeriesRef, Point<'_>)],
    floats: &mut [PendingFloat],
) -> usize {
    let times = bounds.min_valid_ms..=bounds.max_valid_ms;
    for (row, ((reference, point), float)) in rows.iter().zip(floats).enumerate() {
        let timestamp_ms = point.timestamp_ms;
        let at = place(reference.0).1;
        let follows = times.contains(&timestamp_ms) && held.page.neighbours.is_before(at, timestamp_ms);
        match point.value {
            PointValue::Float(value) if held.page.holds(reference.0) && follows => {
                *float = PendingFloat { target: held.target(at), reject_out_of_order: false, timestamp_ms, value };
            }
            _ => return row,
        }
    }
    rows.len()
}

fn at(timestamp_ms: i64, value: PointValue<'_>) -> Checked<'_> {
    Checked { timestamp_ms, start_timestamp_ms: 0, value }
}

fn validate(value: &PointValue<'_>) -> Result<(), AppendError> {
    match value {
        PointValue::Float(_) => Ok(()),
        PointValue::Histogram(h) => Ok(h.validate()?),
        PointValue::FloatHistogram(h) => Ok(h.validate()?),
    }
}

pub(crate) fn as_point(value: &HistogramValue) -> PointValue<'_> {
    match value {
        HistogramValue::Int(h) => PointValue::Histogram(h),
        HistogramValue::Float(h) => PointValue::FloatHistogram(h),
    }
}

/// The stale marker among histograms of a kind.
pub(crate) fn stale_histogram(kind: Kind) -> HistogramValue {
    match kind {
        Kind::FloatHistogram => {
            HistogramValue::Float(Arc::new(FloatHistogram { sum: STALE_NAN, ..FloatHistogram::default() }))
        }
        Kind::Float | Kind::Histogram => {
            HistogramValue::Int(Arc::new(Histogram { sum: STALE_NAN, ..Histogram::default() }))
        }
    }
}
