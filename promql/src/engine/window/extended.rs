//! `anchored` and `smoothed` ranges: no extrapolation, but values at the very boundaries.

use std::ops::Range;

use promethium_model::QueryError;

use super::super::column::Column;
use super::super::histogram;
use super::super::samples::Samples;
use super::instant::{Sample, histogram_reset};
use super::{HISTOGRAM_WORK, RangeCall, RangeSeries, Window, counter, walk, warn_mixed_types};
use crate::parser::{Extension, Function};

/// Which functions take an extended range.
///
/// # Errors
///
/// For all others.
pub(super) fn check_function(extension: Option<Extension>, function: Function) -> Result<(), QueryError> {
    use Function as F;
    let (allowed, names): (&[Function], &str) = match extension {
        None => return Ok(()),
        Some(Extension::Anchored) => {
            (&[F::Changes, F::Delta, F::Increase, F::Rate, F::Resets], "changes, delta, increase, rate, resets")
        }
        Some(Extension::Smoothed) => (&[F::Delta, F::Increase, F::Rate], "delta, increase, rate"),
    };
    if allowed.contains(&function) {
        return Ok(());
    }
    let modifier = extension.map_or("", Extension::as_str);
    let name = function.name();
    Err(QueryError::Execution(format!("{modifier} modifier can only be used with: {names} - not with {name}")))
}

pub(super) fn apply(call: &RangeCall<'_>, series: &RangeSeries<'_>, out: &mut Column) {
    if matches!(call.function, Function::Changes | Function::Resets) {
        return events(call, series, out);
    }
    each_extended_window(call, series.samples, |window| {
        if !window.floats.is_empty() && !window.histograms.is_empty() {
            warn_mixed_types(call, series.labels);
        } else if !window.floats.is_empty() {
            if let Some(v) = of_floats(call, series.samples, &window) {
                out.set(window.step, v);
            }
        } else if let Some(h) = histogram::extended::change(call, series, &window) {
            out.push_histogram(window.step, h);
        }
    });
    counter::hint_at_name(call, series, out);
}

/// Windows that begin a lookback earlier and, smoothed, end a lookback later.
fn each_extended_window(call: &RangeCall<'_>, samples: &Samples, mut on_window: impl FnMut(Window)) {
    let ahead = if call.extension == Some(Extension::Smoothed) { call.lookback_ms } else { 0 };
    let mut ends = call.ends;
    ends.start_ms = ends.start_ms.saturating_add(ahead);
    let range_ms = call.range_ms.saturating_add(call.lookback_ms).saturating_add(ahead);
    walk::each_window(samples, ends, range_ms, |window| {
        if !call.goes_on(window.floats.len() + HISTOGRAM_WORK * window.histograms.len()) {
            return;
        }
        let end_ms = window.end_ms.saturating_sub(ahead);
        on_window(Window { end_ms, ..window });
    });
}

/// The rows that bound the range: the last at or before its start, and its end's.
pub(crate) fn bounds(call: &RangeCall<'_>, times: &[i64], rows: &Range<usize>, end_ms: i64) -> Option<(usize, usize)> {
    let start_ms = end_ms.saturating_sub(call.range_ms);
    let inside = &times[rows.clone()];
    let first = rows.start + inside.partition_point(|t| *t <= start_ms).saturating_sub(1);
    let last = match call.extension {
        Some(Extension::Smoothed) => rows.start + inside.partition_point(|t| *t < end_ms).min(inside.len() - 1),
        _ => rows.end - 1,
    };
    let before = times[last] <= start_ms;
    let after = call.extension == Some(Extension::Smoothed) && times[first] > end_ms;
    (!before && !after).then_some((first, last))
}

fn of_floats(call: &RangeCall<'_>, samples: &Samples, window: &Window) -> Option<f64> {
    let (first, last) = bounds(call, &samples.times, &window.floats, window.end_ms)?;
    let start_ms = window.end_ms.saturating_sub(call.range_ms);
    let values = &samples.floats[..];
    let smoothed = call.extension == Some(Extension::Smoothed);
    let at = |i: usize, t: i64| interpolated(samples, i, t, call.is_counter());
    let left =
        if smoothed && samples.times[first] < start_ms && first < last { at(first, start_ms) } else { values[first] };
    let right = if smoothed && last > window.floats.start && samples.times[last] > window.end_ms {
        at(last - 1, window.end_ms)
    } else {
        values[last]
    };
    let mut change = right - left;
    if call.is_counter() {
        let inside = (first..=last).filter(|i| samples.times[*i] > start_ms && samples.times[*i] < window.end_ms);
        let mut previous = left;
        for value in inside.map(|i| values[i]).chain([right]) {
            if value < previous {
                change += previous;
            }
            previous = value;
        }
    }
    Some(if call.is_rate() { change / call.range_seconds() } else { change })
}

/// The value at `t` on the line from row `i` to the next. A counter that fell in between starts from zero.
pub(crate) fn interpolated(samples: &Samples, i: usize, t: i64, counter: bool) -> f64 {
    let (a, b) = (samples.floats[i], samples.floats[i + 1]);
    let from = if counter && b < a { 0.0 } else { a };
    let fraction = (t - samples.times[i]) as f64 / (samples.times[i + 1] - samples.times[i]) as f64;
    from + (b - from) * fraction
}

/// `changes` and `resets` against the value at the start of the range.
fn events(call: &RangeCall<'_>, series: &RangeSeries<'_>, out: &mut Column) {
    let samples = series.samples;
    let differs = event_of(call, samples);
    each_extended_window(call, samples, |window| {
        let start_ms = window.end_ms.saturating_sub(call.range_ms);
        let (baseline, rest) = anchored(samples, &window, start_ms);
        if rest.is_empty() {
            return;
        }
        let sequence: Vec<Sample> = baseline.into_iter().chain(rest).collect();
        out.set(window.step, sequence.windows(2).filter(|pair| differs(pair[0], pair[1])).count() as f64);
    });
}

fn event_of<'c>(call: &'c RangeCall<'_>, samples: &'c Samples) -> impl Fn(Sample, Sample) -> bool + 'c {
    let changes = call.function == Function::Changes;
    move |a, b| match (a, b) {
        (Sample::Float(a), Sample::Float(b)) => {
            let (before, now) = (samples.floats[a], samples.floats[b]);
            if changes {
                before != now && !(before.is_nan() && now.is_nan())
            } else {
                now < before || anew(call, samples, a, b)
            }
        }
        (Sample::Histogram(a), Sample::Histogram(b)) if changes => {
            !histogram::equal(&samples.histograms[a], &samples.histograms[b])
        }
        (Sample::Histogram(a), Sample::Histogram(b)) => histogram_reset(call, samples, a, b),
        _ => true,
    }
}

fn anew(call: &RangeCall<'_>, samples: &Samples, a: usize, b: usize) -> bool {
    call.features.start_timestamps
        && counter::start_time_says_reset(
            (samples.times[a], samples.start_time(a)),
            (samples.times[b], samples.start_time(b)),
        )
}

/// The newest sample at or before the start, and all after it, in time order.
fn anchored(samples: &Samples, window: &Window, start_ms: i64) -> (Option<Sample>, Vec<Sample>) {
    let ordered = super::instant::in_time_order(samples, window.floats.clone(), window.histograms.clone());
    let time = |s: &Sample| match s {
        Sample::Float(i) => samples.times[*i],
        Sample::Histogram(i) => samples.histogram_times[*i],
    };
    let after = ordered.partition_point(|s| time(s) <= start_ms);
    let baseline = after.checked_sub(1).map(|i| ordered[i]);
    (baseline, ordered[after..].to_vec())
}
