//! Histograms at the boundaries of `anchored` and `smoothed` ranges.

use std::sync::Arc;

use promethium_model::histogram::CUSTOM_BUCKETS_SCHEMA;
use promethium_model::{CounterResetHint, FloatHistogram};

use super::super::window::{RangeCall, RangeSeries, Window, range_bounds};
use super::arithmetic::{Added, add, subtract};
use super::rate::{note_reconciled, warn_not_a};
use super::reset::detect;
use super::sparse::Sparse;
use super::sum::warn_schema_mix;
use crate::parser::Extension;

/// `rate`, `increase` and `delta` between the values at both ends of the range.
pub(crate) fn change(call: &RangeCall<'_>, series: &RangeSeries<'_>, window: &Window) -> Option<Arc<FloatHistogram>> {
    let samples = series.samples;
    let (times, histograms) = (&samples.histogram_times[..], &samples.histograms[..]);
    let (first, last) = range_bounds(call, times, &window.histograms, window.end_ms)?;
    check_schemas(call, series, first, last)?;
    let start_ms = window.end_ms.saturating_sub(call.range_ms);
    let smoothed = call.extension == Some(Extension::Smoothed);
    let at = |i: usize, t: i64| interpolated(call, (times[i], &histograms[i]), (times[i + 1], &histograms[i + 1]), t);
    let left_inside = smoothed && times[first] < start_ms && first < last;
    let left = if left_inside { at(first, start_ms)? } else { Arc::clone(&histograms[first]) };
    let right_inside = smoothed && last > window.histograms.start && times[last] > window.end_ms;
    let right = if right_inside { at(last - 1, window.end_ms)? } else { Arc::clone(&histograms[last]) };
    warn_wrong_kind(call, series, &histograms[first..=last], &left, &right);
    let mut change = Sparse::<f64>::of(&right);
    note_reconciled(call, subtract(&mut change, Sparse::of(&left)).ok()?, "subtraction");
    if call.is_counter() {
        let crossed = left_inside && detect(&histograms[first + 1], &histograms[first]);
        let from = if crossed { first + 1 } else { first };
        // With both ends inside the one reset there is nothing between them.
        if from < last || !crossed {
            let base = if crossed { &histograms[from] } else { &left };
            let inside = histograms.get(from + 1..last).unwrap_or(&[]);
            add_lost(call, &mut change, base, inside, &right)?;
        }
    }
    if call.is_rate() {
        change.divide(call.range_seconds());
    }
    change.hint = CounterResetHint::Gauge;
    change.compact();
    Some(Arc::new(change.into_histogram()))
}

/// Adds what the counter had counted at each reset.
fn add_lost(
    call: &RangeCall<'_>,
    change: &mut Sparse<f64>,
    base: &Arc<FloatHistogram>,
    inside: &[Arc<FloatHistogram>],
    right: &Arc<FloatHistogram>,
) -> Option<()> {
    let mut previous = base;
    for h in inside.iter().chain([right]) {
        if detect(h, previous) {
            note_reconciled(call, add(change, Sparse::of(previous)).ok()?, "addition");
        }
        previous = h;
    }
    Some(())
}

fn check_schemas(call: &RangeCall<'_>, series: &RangeSeries<'_>, first: usize, last: usize) -> Option<()> {
    let inside = &series.samples.histograms[first..=last];
    let custom = |h: &Arc<FloatHistogram>| h.schema == CUSTOM_BUCKETS_SCHEMA;
    if inside.iter().any(|h| custom(h) != custom(&inside[0])) {
        warn_schema_mix(call.notes, call.origin, series.labels.metric_name());
        return None;
    }
    Some(())
}

/// Counters are judged by their samples, gauges by the values at both ends, interpolated ones included.
fn warn_wrong_kind(
    call: &RangeCall<'_>,
    series: &RangeSeries<'_>,
    inside: &[Arc<FloatHistogram>],
    left: &Arc<FloatHistogram>,
    right: &Arc<FloatHistogram>,
) {
    let gauge = |h: &Arc<FloatHistogram>| h.counter_reset_hint == CounterResetHint::Gauge;
    if call.is_counter() {
        if inside.iter().any(gauge) {
            warn_not_a(call, series, "counter");
        }
    } else if !gauge(left) || !gauge(right) {
        warn_not_a(call, series, "gauge");
    }
}

fn interpolated(
    call: &RangeCall<'_>,
    a: (i64, &Arc<FloatHistogram>),
    b: (i64, &Arc<FloatHistogram>),
    t: i64,
) -> Option<Arc<FloatHistogram>> {
    let between = Between { a, b, counter: call.is_counter() };
    between.at(t, |added, operation| note_reconciled(call, added, operation))
}

/// Two neighbours, each with its time.
pub(crate) struct Between<'h> {
    pub(crate) a: (i64, &'h Arc<FloatHistogram>),
    pub(crate) b: (i64, &'h Arc<FloatHistogram>),
    /// Whether a reset in between makes the first one count as empty.
    pub(crate) counter: bool,
}

impl Between<'_> {
    /// The histogram at `t`, on the line from one to the other; `None` when their schemas do not mix.
    pub(crate) fn at(&self, t: i64, note: impl Fn(Added, &str)) -> Option<Arc<FloatHistogram>> {
        let ((t_a, a), (t_b, b)) = (self.a, self.b);
        if t == t_a {
            return Some(Arc::clone(a));
        }
        if t == t_b {
            return Some(Arc::clone(b));
        }
        let fraction = (t - t_a) as f64 / (t_b - t_a) as f64;
        let mut change = Sparse::<f64>::of(b);
        if self.counter && detect(b, a) {
            change.scale(fraction);
            return Some(Arc::new(change.into_histogram()));
        }
        note(subtract(&mut change, Sparse::of(a)).ok()?, "subtraction");
        change.scale(fraction);
        note(add(&mut change, Sparse::of(a)).ok()?, "addition");
        Some(Arc::new(change.into_histogram()))
    }
}
