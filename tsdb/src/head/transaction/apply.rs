//! What a commit does to the head.

use std::sync::Arc;

use promethium_model::{HistogramValue, SampleBatch, is_stale};

use super::targets::{HeldSeries, Target};
use super::{Batch, PendingFloat, PendingHistogram, Resolved, stale_histogram};
use crate::head::Head;
use crate::head::admission::{Admission, TimeBounds};
use crate::head::neighbours::{Neighbours, ROW_SERIES, Row};
use crate::head::out_of_order::LateValue;
use crate::head::series::{MemSeries, SeriesState, Stamp};
use crate::head::visibility::Turn;

/// What an applied transaction stored.
#[derive(Default)]
pub(crate) struct Applied {
    pub(crate) samples: usize,
    pub(crate) dropped: usize,
    /// Late samples: the log of late samples has to have them before they are inserted.
    pub(crate) late: Vec<LateSample>,
}

/// A late sample.
pub(crate) struct LateSample {
    pub(crate) series: Arc<MemSeries>,
    pub(crate) timestamp_ms: i64,
    pub(crate) start_timestamp_ms: i64,
    pub(crate) value: LateValue,
}

/// Count and time range of samples that were added, and how many more series are stale.
pub(crate) struct NewSamples {
    pub(crate) count: u64,
    pub(crate) min_ms: i64,
    pub(crate) max_ms: i64,
    pub(crate) stale_series: i64,
}

impl Default for NewSamples {
    fn default() -> Self {
        NewSamples { count: 0, min_ms: i64::MAX, max_ms: i64::MIN, stale_series: 0 }
    }
}

impl NewSamples {
    pub(crate) fn add(&mut self, more: &NewSamples) {
        self.count += more.count;
        self.min_ms = self.min_ms.min(more.min_ms);
        self.max_ms = self.max_ms.max(more.max_ms);
        self.stale_series += more.stale_series;
    }

    #[inline]
    pub(crate) fn note(&mut self, timestamp_ms: i64) {
        self.note_times(timestamp_ms, timestamp_ms, 1);
    }

    /// So many samples between two times.
    #[inline]
    pub(crate) fn note_times(&mut self, first_ms: i64, last_ms: i64, count: u64) {
        self.count += count;
        self.min_ms = self.min_ms.min(first_ms);
        self.max_ms = self.max_ms.max(last_ms);
    }
}

/// Where samples of a row of series go.
struct RowPlace<'a> {
    neighbours: &'a Neighbours,
    /// The first of the samples: place of its series, and target.
    first: u8,
    target: Target,
    /// The row that comes next, as it seems.
    ahead: &'a Row,
}

impl RowPlace<'_> {
    #[inline(always)]
    fn at(&self, sample: &PendingFloat) -> u8 {
        self.first ^ self.target.distance(sample.target)
    }
}

/// Adds samples up to the first that takes more than the shortest way; how many they are.
///
/// PERF: the loop in which a store spends its time: nothing is in it that most samples do not need.
#[inline(never)]
fn push_following(
    row: &mut [SeriesState; ROW_SERIES],
    place: &RowPlace<'_>,
    floats: &[PendingFloat],
    first_ms: i64,
    stamp: &Stamp,
    new: &mut NewSamples,
) -> usize {
    let mut last_ms = None;
    let mut taken = 0;
    for sample in floats {
        let (at, t_ms) = (place.at(sample), sample.timestamp_ms);
        Neighbours::prefetch(place.ahead, at);
        if t_ms < first_ms || !row[usize::from(at) % ROW_SERIES].push_following(t_ms, sample.value, stamp) {
            break;
        }
        place.neighbours.set_newest(at, Some(t_ms));
        if last_ms != Some(t_ms) {
            new.note_times(t_ms, t_ms, 0);
            last_ms = Some(t_ms);
        }
        taken += 1;
    }
    new.count += taken as u64;
    taken
}

/// A transaction while it is applied.
struct Application<'a> {
    series: &'a HeldSeries,
    bounds: &'a TimeBounds,
    stamp: Stamp,
    /// Samples before this are in blocks already.
    frontier_ms: i64,
    /// No sample before this is in order.
    first_ms: i64,
    new: NewSamples,
    applied: Applied,
}

impl Resolved {
    /// Adds the samples to their series. What turns out to be late is dropped, as a replay of the log would drop it, or
    /// returned, where there is a window for it.
    pub(crate) fn apply(&self, head: &Head, turn: &Turn) -> Applied {
        let stamp = head.stamp(turn);
        let frontier_ms = head.frontier_ms();
        let mut application = Application {
            series: &self.series,
            bounds: &self.bounds,
            stamp,
            frontier_ms,
            first_ms: self.bounds.min_valid_ms.max(frontier_ms),
            new: NewSamples::default(),
            applied: Applied { samples: self.already_stored, ..Applied::default() },
        };
        for batch in &self.batches {
            self.apply_floats(batch, &mut application);
            for run in batch.histograms.chunk_by(|a, b| a.target == b.target) {
                self.apply_histograms(run, &mut application);
            }
            for run in batch.float_histograms.chunk_by(|a, b| a.target == b.target) {
                self.apply_histograms(run, &mut application);
            }
        }
        self.apply_metadata();
        self.apply_exemplars(head);
        head.note_stored(&application.new);
        application.applied
    }

    fn apply_floats(&self, batch: &Batch, application: &mut Application<'_>) {
        let mut at = 0;
        while let Some(first) = batch.floats.get(at) {
            at += match self.series.place(first.target) {
                Some(place) => application.add_floats(place, batch, at),
                None => application.drop_float(),
            };
        }
    }

    fn apply_histograms(&self, run: &[PendingHistogram], application: &mut Application<'_>) {
        match run.first().and_then(|h| self.series.get(h.target)) {
            Some(series) => application.add_histograms(series, run),
            None => application.applied.dropped += run.len(),
        }
    }

    fn apply_metadata(&self) {
        for (target, metadata) in &self.metadata {
            if let Some(series) = self.series.get(*target) {
                series.lock().set_metadata(Arc::clone(metadata));
            }
        }
    }

    fn apply_exemplars(&self, head: &Head) {
        if self.exemplars.is_empty() {
            return;
        }
        for run in self.exemplars.chunk_by(|a, b| a.target == b.target) {
            let Some(labels) = self.labels(head, run[0].target) else { continue };
            let mut ring = head.exemplars.lock();
            for pending in run {
                // One that another commit overtook is dropped.
                let _ = ring.add(&labels, &pending.exemplar, pending.timestamp_ms);
            }
        }
    }
}

impl Application<'_> {
    /// Adds the samples of a row of series that lie together, from `from` on; how many they are.
    fn add_floats(&mut self, (neighbours, first): (&Neighbours, u8), batch: &Batch, from: usize) -> usize {
        let floats = &batch.floats[from..];
        let target = floats[0].target;
        let Some(row) = neighbours.row(first) else { return self.drop_float() };
        let ahead = floats.get(ROW_SERIES).and_then(|sample| self.series.place(sample.target));
        let place = RowPlace {
            neighbours,
            first,
            target,
            ahead: ahead.and_then(|(neighbours, at)| neighbours.row(at)).unwrap_or(row),
        };
        let in_row = floats.iter().take_while(|sample| sample.target.row() == target.row()).count();
        let (mut row, mut done) = (row.lock(), 0);
        while done < in_row {
            // The long way knows more kinds of chunks.
            let first_ms = if self.stamp.is_xor2 { i64::MAX } else { self.first_ms };
            let taken = push_following(&mut row, &place, &floats[done..in_row], first_ms, &self.stamp, &mut self.new);
            self.applied.samples += taken;
            done += taken;
            if let Some(sample) = floats[..in_row].get(done) {
                let at = place.at(sample);
                let state = &mut row[usize::from(at) % ROW_SERIES];
                self.add_float(state, sample, batch.float_start(from + done));
                neighbours.set_newest(at, state.newest_ms());
                done += 1;
            }
        }
        in_row
    }

    /// A float that begins a chunk, or takes more than the shortest way in any other respect.
    #[cold]
    #[inline(never)]
    fn add_float(&mut self, state: &mut SeriesState, sample: &PendingFloat, start_ms: i64) {
        let (t_ms, was_stale) = (sample.timestamp_ms, state.is_stale());
        if t_ms >= self.first_ms && state.newest_ms().is_none_or(|newest_ms| newest_ms < t_ms) {
            push_float(state, t_ms, start_ms, sample.value, &self.stamp);
            self.note(t_ms);
        } else {
            self.refuse_or_defer(state, sample, start_ms);
        }
        self.new.stale_series += i64::from(state.is_stale()) - i64::from(was_stale);
    }

    /// A sample whose series had no place in the head.
    #[cold]
    fn drop_float(&mut self) -> usize {
        self.applied.dropped += 1;
        1
    }

    /// What becomes of a sample that does not follow the newest.
    #[cold]
    fn refuse_or_defer(&mut self, state: &SeriesState, sample: &PendingFloat, start_timestamp_ms: i64) {
        let t_ms = sample.timestamp_ms;
        let compare = |state: &SeriesState| state.compare_float(t_ms, sample.value);
        match self.admit(state, t_ms, sample.reject_out_of_order, compare) {
            Some(Admission::New) => unreachable!("a sample that follows the newest is taken"),
            Some(Admission::Same) => self.applied.samples += 1,
            Some(Admission::OutOfOrder) => {
                if let Some(series) = self.series.get(sample.target) {
                    self.defer(series, t_ms, start_timestamp_ms, LateValue::Float(sample.value));
                }
            }
            None => self.applied.dropped += 1,
        }
    }

    fn add_histograms(&mut self, series: &Arc<MemSeries>, run: &[PendingHistogram]) {
        let mut state = series.lock();
        let was_stale = state.is_stale();
        for sample in run {
            let t_ms = sample.timestamp_ms;
            let admitted = self.admit(&state, t_ms, sample.reject_out_of_order, |state| match &sample.value {
                HistogramValue::Int(h) => state.compare_histogram(t_ms, h),
                HistogramValue::Float(h) => state.compare_float_histogram(t_ms, h),
            });
            match admitted {
                Some(Admission::New) => {
                    state.push_histogram(t_ms, sample.start_timestamp_ms, &sample.value, &self.stamp);
                    self.note(t_ms);
                }
                Some(Admission::Same) => self.applied.samples += 1,
                Some(Admission::OutOfOrder) => {
                    self.defer(series, t_ms, sample.start_timestamp_ms, LateValue::Histogram(sample.value.clone()));
                }
                None => self.applied.dropped += 1,
            }
        }
        self.end_run(series, &state, was_stale);
    }

    #[inline]
    fn admit(
        &self,
        state: &SeriesState,
        t_ms: i64,
        reject_out_of_order: bool,
        compare: impl FnOnce(&SeriesState) -> Result<(), promethium_model::AppendError>,
    ) -> Option<Admission> {
        let admitted = self.bounds.admit(t_ms, state.newest_ms(), reject_out_of_order, || compare(state)).ok()?;
        // The head went on to later times while this transaction was open.
        (admitted != Admission::New || t_ms >= self.frontier_ms).then_some(admitted)
    }

    #[inline]
    fn note(&mut self, t_ms: i64) {
        self.new.note(t_ms);
        self.applied.samples += 1;
    }

    fn defer(&mut self, series: &Arc<MemSeries>, timestamp_ms: i64, start_timestamp_ms: i64, value: LateValue) {
        self.applied.late.push(LateSample { series: Arc::clone(series), timestamp_ms, start_timestamp_ms, value });
    }

    fn end_run(&mut self, series: &MemSeries, state: &SeriesState, was_stale: bool) {
        series.note_newest(state);
        self.new.stale_series += i64::from(state.is_stale()) - i64::from(was_stale);
    }
}

/// Adds a float in order. A stale marker behind a histogram becomes a stale histogram.
pub(crate) fn push_float(state: &mut SeriesState, t_ms: i64, start_ms: i64, value: f64, stamp: &Stamp) {
    if is_stale(value)
        && let Some(kind) = state.histogram_kind()
    {
        state.push_histogram(t_ms, start_ms, &stale_histogram(kind), stamp);
        return;
    }
    state.push_float(t_ms, start_ms, value, stamp);
}

/// Adds samples in order, of whatever kinds.
pub(crate) fn push_all(state: &mut SeriesState, samples: &SampleBatch, stamp: &Stamp) {
    let mut histograms = samples.histograms.iter().peekable();
    for (row, (t_ms, value)) in samples.timestamps.iter().zip(&samples.floats).enumerate() {
        let start_ms = samples.start_timestamps.get(row).copied().unwrap_or(0);
        match histograms.next_if(|(at, _)| *at as usize == row) {
            Some((_, histogram)) => state.push_histogram(*t_ms, start_ms, histogram, stamp),
            None => push_float(state, *t_ms, start_ms, *value, stamp),
        }
    }
}

/// Inserts late samples, which the log has. How many had a time that the series' buffer has already.
pub(crate) fn insert_late(head: &Head, late: Vec<LateSample>) -> usize {
    let encodings = head.rules.encodings();
    let mut known = 0;
    for LateSample { series, timestamp_ms, start_timestamp_ms, value } in late {
        if series.lock().out_of_order_mut().insert(timestamp_ms, start_timestamp_ms, value, encodings) {
            head.note_late(timestamp_ms);
        } else {
            known += 1;
        }
    }
    known
}
