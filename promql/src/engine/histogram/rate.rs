//! The rate family on histograms.

use std::sync::Arc;

use promethium_model::quote::go_quoted;
use promethium_model::{CounterResetHint, FloatHistogram};

use super::super::window::{Extent, RangeCall, RangeSeries, Window, assumed_zero, histogram_reset};
use super::arithmetic::{Added, add, subtract};
use super::sparse::Sparse;
use super::sum::warn_schema_mix;

/// `rate`, `increase` and `delta` of a window of histograms.
pub(crate) fn extrapolated(
    call: &RangeCall<'_>,
    series: &RangeSeries<'_>,
    window: &Window,
) -> Option<Arc<FloatHistogram>> {
    let samples = series.samples;
    let (first, last) = (window.histograms.start, window.histograms.end - 1);
    let first_ms = samples.histogram_times[first];
    let zero_at = assumed_zero(call, first_ms, samples.histogram_start_time(first), window.end_ms);
    let mut change = match (first == last, zero_at) {
        (true, None) => return None,
        (true, Some(_)) => Sparse::<f64>::of(&samples.histograms[first]),
        (false, _) => {
            let mut change = difference(call, series, first, last)?;
            if zero_at.is_some() {
                add_noted(call, series, &mut change, &samples.histograms[first])?;
                change.hint = CounterResetHint::Gauge;
            }
            change
        }
    };
    let extent = Extent { first_ms, last_ms: samples.histogram_times[last], samples: last - first + 1, zero_at };
    change.scale(extent.factor(call, window.end_ms, change.count, samples.histograms[first].count));
    if first != last {
        change.hint = CounterResetHint::Gauge;
        change.compact();
    }
    Some(Arc::new(change.into_histogram()))
}

/// Adds what the counter had when it was first seen after its start.
fn add_noted(
    call: &RangeCall<'_>,
    series: &RangeSeries<'_>,
    change: &mut Sparse<f64>,
    first: &FloatHistogram,
) -> Option<()> {
    match add(change, Sparse::of(first)) {
        Ok(added) => note_reconciled(call, added, "addition"),
        Err(_) => {
            warn_schema_mix(call.notes, call.origin, series.labels.metric_name());
            return None;
        }
    }
    Some(())
}

/// Last minus first, plus for counters what was lost at resets.
fn difference(call: &RangeCall<'_>, series: &RangeSeries<'_>, first: usize, last: usize) -> Option<Sparse<f64>> {
    let samples = series.samples;
    let histograms = &samples.histograms[..];
    let counter = call.is_counter();
    let mut base = Sparse::<f64>::of(&histograms[first]);
    if counter && histogram_reset(call, samples, first, first + 1) {
        // What the first sample looked like does not matter then.
        base = Sparse::empty_like(&Sparse::of(&histograms[first + 1]));
    }
    check_schemas(call, series, first, last, base.is_custom())?;
    warn_wrong_kind(call, series, first, last);
    let coarsest = if counter { &histograms[first + 1..=last] } else { &histograms[last..=last] };
    let schema = coarsest.iter().map(|h| h.schema).min().unwrap_or(base.schema).min(base.schema);
    let mut change = Sparse::<f64>::of(&histograms[last]);
    if !change.is_custom() {
        change.reduce_to(schema);
    }
    note_reconciled(call, subtract(&mut change, base.clone()).ok()?, "subtraction");
    if counter {
        let mut previous = base;
        for (i, current) in histograms.iter().enumerate().take(last + 1).skip(first + 1) {
            if histogram_reset(call, samples, i - 1, i) {
                note_reconciled(call, add(&mut change, previous).ok()?, "addition");
            }
            previous = Sparse::of(current);
        }
    }
    Some(change)
}

/// Refuses a mix of exponential and custom buckets among the samples that matter.
fn check_schemas(
    call: &RangeCall<'_>,
    series: &RangeSeries<'_>,
    first: usize,
    last: usize,
    custom: bool,
) -> Option<()> {
    let from = if call.is_counter() { first + 1 } else { last };
    let fits = |h: &Arc<FloatHistogram>| (h.schema == promethium_model::histogram::CUSTOM_BUCKETS_SCHEMA) == custom;
    let histograms = &series.samples.histograms[..];
    if histograms[from..=last].iter().all(fits) {
        return Some(());
    }
    // Of what both ends say something is kept, of what lies between only the mix.
    let gauge = |i: usize| histograms[i].counter_reset_hint == CounterResetHint::Gauge;
    if !fits(&histograms[last]) && call.is_counter() && (gauge(first) || gauge(last)) {
        warn_not_a(call, series, "counter");
    }
    warn_schema_mix(call.notes, call.origin, series.labels.metric_name());
    None
}

fn warn_wrong_kind(call: &RangeCall<'_>, series: &RangeSeries<'_>, first: usize, last: usize) {
    let gauge = |i: usize| series.samples.histograms[i].counter_reset_hint == CounterResetHint::Gauge;
    if call.is_counter() {
        if (first..=last).any(gauge) {
            warn_not_a(call, series, "counter");
        }
    } else if !gauge(first) || !gauge(last) {
        warn_not_a(call, series, "gauge");
    }
}

pub(crate) fn warn_not_a(call: &RangeCall<'_>, series: &RangeSeries<'_>, kind: &str) {
    let name = go_quoted(series.labels.metric_name());
    call.notes.warn(call.origin, format!("this native histogram metric is not a {kind}: {name}"));
}

pub(super) fn note_reconciled(call: &RangeCall<'_>, added: Added, operation: &str) {
    if added.reconciled {
        call.notes.info(call.origin, format!("mismatched custom buckets were reconciled during {operation}"));
    }
}

/// `irate` and `idelta` of two neighbours.
pub(crate) fn instant(
    call: &RangeCall<'_>,
    series: &RangeSeries<'_>,
    a: usize,
    b: usize,
) -> Option<Arc<FloatHistogram>> {
    let samples = series.samples;
    let elapsed_ms = samples.histogram_times[b] - samples.histogram_times[a];
    if elapsed_ms == 0 {
        return None;
    }
    warn_wrong_kind(call, series, a, b);
    let mut change = Sparse::<f64>::of(&samples.histograms[b]);
    // After a reset, what was before does not matter: not even its kind of buckets.
    if !call.is_rate() || !histogram_reset(call, samples, a, b) {
        match subtract(&mut change, Sparse::of(&samples.histograms[a])) {
            Ok(added) => note_reconciled(call, added, "subtraction"),
            Err(_) => {
                warn_schema_mix(call.notes, call.origin, series.labels.metric_name());
                return None;
            }
        }
    }
    if call.is_rate() {
        change.divide(elapsed_ms as f64 / 1000.0);
    }
    change.hint = CounterResetHint::Gauge;
    change.compact();
    Some(Arc::new(change.into_histogram()))
}
