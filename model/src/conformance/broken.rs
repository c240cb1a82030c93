//! Stores that break one rule each, so that every check is seen to fail.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::histogram::{CounterResetHint, FloatHistogram, Histogram};
use crate::labels::Labels;
use crate::matcher::{MatchOp, Matcher};
use crate::memstore::MemStore;
use crate::sample::{Point, PointValue};
use crate::storage::{
    AppendError, AppendOptions, Appendable, Appended, Appender, CommitError, CommitStats, LabelHints, LabelList,
    Querier, QueryCx, Queryable, RejectedRow, SampleBatch, SampleCursor, SelectHints, SeriesEntry, SeriesKey,
    SeriesRef, SeriesSet, StorageError, TimeRange, VecSeriesSet,
};

/// What a store does wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fault {
    None,
    // Reading.
    LosesASeries,
    IgnoresMatchers(MatchOp),
    NeverSelectsAbsence,
    TakesTheFirstMatcherOnly,
    ReturnsSeriesBackwards,
    ReadsTheLatestEntryOnly,
    ExcludesTheLastMillisecond,
    IgnoresTheRange,
    RefusesAllOfTime,
    ClearsTheBatch,
    GoesOnAfterTheEnd,
    SeeksTooFar,
    SeeksBack,
    SeeksOutOfTheRange,
    InventsSamplesPastTheEnd,
    IgnoresMatchersOfLabels,
    LosesALabel,
    IgnoresLimits,
    IgnoresCancellation,
    SeesLaterCommits,
    // Writing.
    LosesCommits,
    KeepsOneSampleACommit,
    ReportsNothing,
    ReportsEverythingAsNew,
    CommitsSomethingOfNothing,
    TakesEmptyLabels,
    PoisonsOnError,
    RefusesExemplars,
    RefusesNewNames,
    CommitsAtOnce,
    StopsAfterARollback,
    LosesOverlappingTransactions,
    TakesLateSamplesSilently,
    RefusesRepetition,
    TakesConflictsSilently,
    RefusesNegativeTimes,
    ForgetsReferences,
    GivesOneReferenceToAll,
    MapsUnknownReferencesToTheLastSeries,
    IgnoresTheLabelsOfAReference,
    SwallowsRefusedRows,
    NormalisesNan,
    CutsLabelValues,
    DropsStartTimestamps,
    StoresHistogramsAsFloats,
    ForgetsGauges,
    TakesInvalidHistograms,
}

pub(super) struct Broken {
    inner: MemStore,
    fault: Fault,
    rolled_back: AtomicBool,
    open: AtomicUsize,
    seen: Mutex<BTreeSet<(Labels, i64)>>,
}

impl Broken {
    pub(super) fn new(fault: Fault) -> Broken {
        Broken {
            inner: MemStore::new(),
            fault,
            rolled_back: AtomicBool::new(false),
            open: AtomicUsize::new(0),
            seen: Mutex::default(),
        }
    }
}

impl Queryable for Broken {
    fn querier(&self, range: TimeRange) -> Result<Box<dyn Querier + '_>, StorageError> {
        let range = match self.fault {
            Fault::ExcludesTheLastMillisecond => TimeRange::new(range.min_ms, range.max_ms.saturating_sub(1)),
            Fault::IgnoresTheRange => TimeRange::ALL,
            Fault::RefusesAllOfTime if range.max_ms == i64::MAX => return Err(StorageError::Closed),
            _ => range,
        };
        let inner = self.inner.querier(TimeRange::ALL)?;
        Ok(Box::new(BrokenQuerier { store: self, inner, range }))
    }
}

struct BrokenQuerier<'s> {
    store: &'s Broken,
    inner: Box<dyn Querier + 's>,
    range: TimeRange,
}

impl BrokenQuerier<'_> {
    fn matchers(&self, matchers: &[Matcher]) -> Vec<Matcher> {
        let mut kept = matchers.to_vec();
        match self.store.fault {
            Fault::IgnoresMatchers(op) => kept.retain(|m| m.op != op),
            Fault::TakesTheFirstMatcherOnly => kept.truncate(1),
            _ => {}
        }
        kept
    }

    fn loses(&self, matchers: &[Matcher], labels: &Labels) -> bool {
        match self.store.fault {
            Fault::LosesASeries => labels.metric_name() == "sparse",
            Fault::NeverSelectsAbsence => matchers.iter().any(|m| !labels.has(&m.name)),
            _ => false,
        }
    }

    fn cx(&self, cx: &QueryCx) -> QueryCx {
        if self.store.fault == Fault::IgnoresCancellation { QueryCx::unlimited() } else { cx.clone() }
    }

    fn list(&self, mut list: LabelList) -> LabelList {
        if self.store.fault == Fault::LosesALabel && !list.values.is_empty() {
            list.values.remove(0);
        }
        list
    }

    fn label_arguments<'m>(&self, matchers: &'m [Matcher], hints: &LabelHints) -> (&'m [Matcher], LabelHints) {
        let matchers = if self.store.fault == Fault::IgnoresMatchersOfLabels { &[] } else { matchers };
        let hints = if self.store.fault == Fault::IgnoresLimits { LabelHints::default() } else { *hints };
        (matchers, hints)
    }
}

impl Querier for BrokenQuerier<'_> {
    fn select<'q>(
        &'q self,
        matchers: &[Matcher],
        hints: &SelectHints,
        cx: &QueryCx,
    ) -> Result<Box<dyn SeriesSet<'q> + 'q>, StorageError> {
        let cx = self.cx(cx);
        let fresh = self.store.inner.querier(TimeRange::ALL)?;
        let source = if self.store.fault == Fault::SeesLaterCommits { &fresh } else { &self.inner };
        let mut set = source.select(&self.matchers(matchers), hints, &cx)?;
        let latest = Arc::new(AtomicUsize::new(0));
        let mut entries = Vec::new();
        while let Some(mut series) = set.next_series()? {
            if self.loses(matchers, &series.labels) {
                continue;
            }
            let mut samples = SampleBatch::new();
            while series.samples.next_batch(&mut samples)? {}
            let number = latest.fetch_add(1, Ordering::Relaxed) + 1;
            let cursor = BrokenCursor::new(self.store.fault, samples, self.range, cx.clone(), (number, latest.clone()));
            entries.push(SeriesEntry { labels: series.labels, samples: Box::new(cursor) });
        }
        if self.store.fault == Fault::ReturnsSeriesBackwards {
            entries.reverse();
        }
        Ok(Box::new(VecSeriesSet::new(entries)))
    }

    fn label_names(&self, matchers: &[Matcher], hints: &LabelHints, cx: &QueryCx) -> Result<LabelList, StorageError> {
        let (matchers, hints) = self.label_arguments(matchers, hints);
        self.inner.label_names(matchers, &hints, &self.cx(cx)).map(|list| self.list(list))
    }

    fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        hints: &LabelHints,
        cx: &QueryCx,
    ) -> Result<LabelList, StorageError> {
        let (matchers, hints) = self.label_arguments(matchers, hints);
        self.inner.label_values(name, matchers, &hints, &self.cx(cx)).map(|list| self.list(list))
    }
}

struct BrokenCursor {
    fault: Fault,
    samples: SampleBatch,
    range: TimeRange,
    cx: QueryCx,
    at: usize,
    sought: Option<i64>,
    ended: bool,
    number: usize,
    latest: Arc<AtomicUsize>,
}

impl BrokenCursor {
    fn new(
        fault: Fault,
        samples: SampleBatch,
        range: TimeRange,
        cx: QueryCx,
        (number, latest): (usize, Arc<AtomicUsize>),
    ) -> Self {
        BrokenCursor { fault, samples, range, cx, at: 0, sought: None, ended: false, number, latest }
    }

    fn is_wanted(&self, t: i64) -> bool {
        self.range.contains(t) || (self.fault == Fault::SeeksOutOfTheRange && self.sought.is_some())
    }

    fn push(&self, row: usize, out: &mut SampleBatch) {
        let t = self.samples.timestamps[row];
        let histogram = self.samples.histograms.iter().find(|(r, _)| *r as usize == row);
        match histogram {
            Some((_, h)) => out.push_histogram(t, h.clone()),
            None => out.push_float(t, self.samples.floats[row]),
        }
        out.set_start_timestamp(self.samples.start_timestamps.get(row).copied().unwrap_or(0));
    }

    fn is_out_of_turn(&self) -> bool {
        self.fault == Fault::ReadsTheLatestEntryOnly && self.number != self.latest.load(Ordering::Relaxed)
    }

    fn end(&mut self, out: &mut SampleBatch) -> bool {
        let again = std::mem::replace(&mut self.ended, true);
        let invented = match self.sought {
            Some(t) if self.fault == Fault::InventsSamplesPastTheEnd && !again => Some(t),
            None if self.fault == Fault::GoesOnAfterTheEnd && again => Some(i64::MAX),
            _ => None,
        };
        invented.map(|t| out.push_float(t, 0.0)).is_some()
    }
}

impl SampleCursor for BrokenCursor {
    fn next_batch(&mut self, out: &mut SampleBatch) -> Result<bool, StorageError> {
        self.cx.check()?;
        if self.fault == Fault::ClearsTheBatch {
            out.clear();
        }
        if self.is_out_of_turn() {
            return Ok(false);
        }
        let before = out.len();
        while self.at < self.samples.len() && out.len() < before + 100 {
            if self.is_wanted(self.samples.timestamps[self.at]) {
                self.push(self.at, out);
            }
            self.at += 1;
        }
        Ok(out.len() > before || self.end(out))
    }

    fn seek(&mut self, t_ms: i64) {
        let t = if self.fault == Fault::SeeksTooFar { t_ms.saturating_add(1) } else { t_ms };
        self.sought = Some(t);
        let to = self.samples.timestamps.partition_point(|at| *at < t);
        self.at = if self.fault == Fault::SeeksBack { to } else { to.max(self.at) };
    }
}

impl Appendable for Broken {
    fn appender(&self) -> Box<dyn Appender + '_> {
        self.open.fetch_add(1, Ordering::Relaxed);
        Box::new(BrokenAppender {
            store: self,
            inner: Some(self.inner.appender()),
            last: None,
            failed: false,
            count: 0,
        })
    }
}

struct BrokenAppender<'s> {
    store: &'s Broken,
    inner: Option<Box<dyn Appender + 's>>,
    last: Option<Labels>,
    failed: bool,
    count: usize,
}

impl Drop for BrokenAppender<'_> {
    fn drop(&mut self) {
        self.store.open.fetch_sub(1, Ordering::Relaxed);
    }
}

fn forged(series: u64) -> Appended {
    Appended::new(SeriesRef(series), false)
}

impl BrokenAppender<'_> {
    /// Refuses, or takes without storing, before the store is asked.
    fn intercept(
        &mut self,
        key: SeriesKey<'_>,
        point: &Point<'_>,
        options: &AppendOptions<'_>,
    ) -> Option<Result<Appended, AppendError>> {
        let t = point.timestamp_ms;
        let read_only = || AppendError::ReadOnly { reason: "broken".to_owned() };
        let is_float = matches!(point.value, PointValue::Float(_));
        match self.store.fault {
            Fault::RefusesExemplars if !options.exemplars.is_empty() => Some(Err(read_only())),
            Fault::RefusesNewNames if !self.last.as_ref()?.metric_name().is_ascii() => Some(Err(read_only())),
            Fault::StopsAfterARollback if self.store.rolled_back.load(Ordering::Relaxed) => Some(Err(read_only())),
            Fault::RefusesNegativeTimes if t < 0 => {
                Some(Err(AppendError::OutOfBounds { timestamp_ms: t, min_valid_ms: 0 }))
            }
            Fault::ForgetsReferences => match key {
                SeriesKey::Ref(r) => Some(Err(AppendError::UnknownReference { reference: r.0 })),
                _ => None,
            },
            Fault::KeepsOneSampleACommit if self.count > 0 => Some(Ok(forged(1))),
            Fault::RefusesRepetition => {
                let labels = self.last.clone()?;
                let new = self.store.seen.lock().unwrap().insert((labels, t));
                (!new).then_some(Err(AppendError::Duplicate { timestamp_ms: t }))
            }
            Fault::TakesInvalidHistograms if !is_float => match point.value {
                PointValue::Histogram(h) => h.validate().is_err().then(|| Ok(forged(1))),
                PointValue::FloatHistogram(h) => h.validate().is_err().then(|| Ok(forged(1))),
                PointValue::Float(_) => None,
            },
            _ => None,
        }
    }

    fn append_inner(
        &mut self,
        key: SeriesKey<'_>,
        point: Point<'_>,
        options: &AppendOptions<'_>,
    ) -> Result<Appended, AppendError> {
        let fault = self.store.fault;
        let other = Labels::from_pairs([("no", "labels")]);
        let cut = self.last.as_ref().map(|l| Labels::from_pairs(l.iter().map(|(n, v)| (n, v.get(..100).unwrap_or(v)))));
        let inner = self.inner.as_mut().expect("open until it ends");
        let key = match (key, fault) {
            (SeriesKey::Labels(l), Fault::TakesEmptyLabels) if l.is_empty() => SeriesKey::Labels(&other),
            (SeriesKey::Labels(_), Fault::CutsLabelValues) => SeriesKey::Labels(cut.as_ref().unwrap_or(&other)),
            (SeriesKey::RefOrLabels(r, _), Fault::IgnoresTheLabelsOfAReference) => SeriesKey::Ref(r),
            (SeriesKey::Ref(r), Fault::MapsUnknownReferencesToTheLastSeries) => {
                SeriesKey::RefOrLabels(r, self.last.as_ref().unwrap_or(&other))
            }
            (key, _) => key,
        };
        inner.append(key, point, options)
    }

    fn distort(&self, result: Result<Appended, AppendError>) -> Result<Appended, AppendError> {
        match (result, self.store.fault) {
            (Err(AppendError::OutOfOrder { .. }), Fault::TakesLateSamplesSilently) => Ok(forged(1)),
            (
                Err(AppendError::DuplicateFloat { .. } | AppendError::Duplicate { .. }),
                Fault::TakesConflictsSilently,
            ) => Ok(forged(1)),
            (Ok(appended), Fault::ReportsEverythingAsNew) => Ok(Appended::new(appended.series, true)),
            (Ok(appended), Fault::GivesOneReferenceToAll) => Ok(Appended::new(SeriesRef(1), appended.created)),
            (result, _) => result,
        }
    }

    fn with_altered_point(
        &mut self,
        key: SeriesKey<'_>,
        point: Point<'_>,
        options: &AppendOptions<'_>,
    ) -> Result<Appended, AppendError> {
        let fault = self.store.fault;
        let hint = |hint| if fault == Fault::ForgetsGauges { CounterResetHint::Unknown } else { hint };
        let start_timestamp_ms = if fault == Fault::DropsStartTimestamps { 0 } else { point.start_timestamp_ms };
        let point = Point { start_timestamp_ms, ..point };
        match point.value {
            PointValue::Float(v) if fault == Fault::NormalisesNan => {
                let value = PointValue::Float(if v.is_nan() { f64::NAN } else { v + 0.0 });
                self.append_inner(key, Point { value, ..point }, options)
            }
            PointValue::Histogram(h) if fault == Fault::StoresHistogramsAsFloats => {
                self.append_inner(key, Point { value: PointValue::Float(h.sum), ..point }, options)
            }
            PointValue::FloatHistogram(h) if fault == Fault::StoresHistogramsAsFloats => {
                self.append_inner(key, Point { value: PointValue::Float(h.sum), ..point }, options)
            }
            PointValue::Histogram(h) => {
                let h = Histogram { counter_reset_hint: hint(h.counter_reset_hint), ..h.clone() };
                self.append_inner(key, Point { value: PointValue::Histogram(&h), ..point }, options)
            }
            PointValue::FloatHistogram(h) => {
                let h = FloatHistogram { counter_reset_hint: hint(h.counter_reset_hint), ..h.clone() };
                self.append_inner(key, Point { value: PointValue::FloatHistogram(&h), ..point }, options)
            }
            PointValue::Float(_) => self.append_inner(key, point, options),
        }
    }

    fn loses_everything(&self) -> bool {
        match self.store.fault {
            Fault::LosesCommits => true,
            Fault::PoisonsOnError => self.failed,
            Fault::LosesOverlappingTransactions => self.store.open.load(Ordering::Relaxed) > 1,
            _ => false,
        }
    }
}

impl Appender for BrokenAppender<'_> {
    fn append(
        &mut self,
        key: SeriesKey<'_>,
        point: Point<'_>,
        options: &AppendOptions<'_>,
    ) -> Result<Appended, AppendError> {
        if let SeriesKey::Labels(labels) | SeriesKey::RefOrLabels(_, labels) = key {
            self.last = Some(labels.clone());
        }
        if let Some(result) = self.intercept(key, &point, options) {
            return result;
        }
        let result = self.with_altered_point(key, point, options);
        self.failed |= result.is_err();
        self.count += 1;
        if self.store.fault == Fault::CommitsAtOnce
            && let Some(inner) = self.inner.replace(self.store.inner.appender())
        {
            let _ = inner.commit();
        }
        self.distort(result)
    }

    fn append_batch(&mut self, rows: &[(SeriesRef, Point<'_>)], rejected: &mut Vec<RejectedRow>) {
        for (row, (series, point)) in rows.iter().enumerate() {
            let result = self.append(SeriesKey::Ref(*series), *point, &AppendOptions::default());
            if let Err(error) = result
                && self.store.fault != Fault::SwallowsRefusedRows
            {
                rejected.push(RejectedRow { row, error });
            }
        }
    }

    fn commit(mut self: Box<Self>) -> Result<CommitStats, CommitError> {
        let mut inner = self.inner.take().expect("open until it ends");
        if self.loses_everything() {
            return Ok(CommitStats::default());
        }
        if self.store.fault == Fault::CommitsSomethingOfNothing && self.count == 0 {
            let labels = Labels::from_pairs([("made", "up")]);
            let _ = inner.append(SeriesKey::Labels(&labels), Point::float(0, 0.0), &AppendOptions::default());
        }
        let stats = inner.commit()?;
        Ok(if self.store.fault == Fault::ReportsNothing { CommitStats::default() } else { stats })
    }

    fn rollback(self: Box<Self>) {
        self.store.rolled_back.store(true, Ordering::Relaxed);
    }
}
