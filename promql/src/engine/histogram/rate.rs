//! The rate family on histograms.

use std::sync::Arc;

use promethium_model::quote::go_quoted;
use promethium_model::{CounterResetHint, FloatHistogram};

use super::super::window::{Extent, Neighbours, RangeCall, RangeSeries, Window, assumed_zero, histogram_reset};
use super::arithmetic::{Added, add, subtract};
use super::sparse::Sparse;
use super::sum::warn_schema_mix;

/// `rate`, `increase` and `delta` of a window of histograms.
pub(crate) fn extrapolated(
    call: &RangeCall<'_>,
    series: &RangeSeries<'_>,
    window: &Window,
    neighbours: &Neighbours,
) -> Option<Arc<FloatHistogram>> {
    let samples = series.samples;
    let (first, last) = (window.histograms.start, window.histograms.end - 1);
    let first_ms = samples.histogram_times[first];
    let zero_at = assumed_zero(call, first_ms, samples.histogram_start_time(first), window.end_ms);
    let mut change = match (first == last, zero_at) {
        (true, None) => return None,
        (true, Some(_)) => Sparse::<f64>::of(&samples.histograms[first]),
        (false, _) => {
            let mut change = difference(call, series, neighbours, first, last)?;
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
fn difference(
    call: &RangeCall<'_>,
    series: &RangeSeries<'_>,
    neighbours: &Neighbours,
    first: usize,
    last: usize,
) -> Option<Sparse<f64>> {
    let histograms = &series.samples.histograms[..];
    let resets = neighbours.resets(first, last);
    let base = match resets {
        // What the first sample looked like does not matter then.
        [reset, ..] if *reset == first + 1 => Sparse::empty_like(&Sparse::of(&histograms[first + 1])),
        _ => Sparse::<f64>::of(&histograms[first]),
    };
    let one_schema = neighbours.one_schema(first, last);
    if !one_schema {
        check_schemas(call, series, first, last, base.is_custom())?;
    }
    warn_wrong_kind(call, series, (first, last), neighbours.any_gauge(first, last));
    let mut change = Sparse::<f64>::of(&histograms[last]);
    if !one_schema && !change.is_custom() {
        let coarsest = if call.is_counter() { &histograms[first + 1..=last] } else { &histograms[last..=last] };
        change.reduce_to(coarsest.iter().map(|h| h.schema).min().unwrap_or(base.schema).min(base.schema));
    }
    note_reconciled(call, subtract(&mut change, base.clone()).ok()?, "subtraction");
    for reset in resets {
        let lost = if *reset == first + 1 { base.clone() } else { Sparse::of(&histograms[reset - 1]) };
        note_reconciled(call, add(&mut change, lost).ok()?, "addition");
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

/// Of the first and the last sample; `any_gauge` is about those between them too.
fn warn_wrong_kind(call: &RangeCall<'_>, series: &RangeSeries<'_>, (first, last): (usize, usize), any_gauge: bool) {
    let gauge = |i: usize| series.samples.histograms[i].counter_reset_hint == CounterResetHint::Gauge;
    if call.is_counter() {
        if any_gauge {
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
    let gauge = |i: usize| samples.histograms[i].counter_reset_hint == CounterResetHint::Gauge;
    warn_wrong_kind(call, series, (a, b), gauge(a) || gauge(b));
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
