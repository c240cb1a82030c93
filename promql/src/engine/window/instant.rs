//! Functions that compare neighbours: `irate`, `idelta`, `changes`, `resets`.

use std::ops::Range;
use std::sync::Arc;

use promethium_model::FloatHistogram;

use super::super::column::Column;
use super::super::histogram;
use super::super::samples::Samples;
use super::counter::{advance, reset_positions, start_time_says_reset};
use super::{HISTOGRAM_WORK, RangeCall, RangeSeries, Window, walk, warn_mixed_types};

/// `irate` and `idelta`: the last two samples of the window.
pub(super) fn instant(call: &RangeCall<'_>, series: &RangeSeries<'_>, out: &mut Column) {
    let samples = series.samples;
    walk::each_window(samples, call.ends, call.range_ms, |window| {
        if window.histograms.is_empty() {
            if let Some(v) = of_floats(call, samples, &window) {
                out.set(window.step, v);
            }
            return;
        }
        match last_two(samples, &window) {
            Some((Sample::Float(_), Sample::Float(_))) => {
                if let Some(v) = of_floats(call, samples, &window) {
                    out.set(window.step, v);
                }
            }
            Some((Sample::Histogram(a), Sample::Histogram(b))) => {
                if let Some(h) = histogram::rate::instant(call, series, a, b) {
                    out.push_histogram(window.step, h);
                }
            }
            Some(_) => warn_mixed_types(call, series.labels),
            None => {}
        }
    });
}

fn of_floats(call: &RangeCall<'_>, samples: &Samples, window: &Window) -> Option<f64> {
    if window.floats.len() < 2 {
        return None;
    }
    let (a, b) = (window.floats.end - 2, window.floats.end - 1);
    let elapsed_ms = samples.times[b] - samples.times[a];
    if elapsed_ms == 0 {
        return None;
    }
    let (before, now) = (samples.floats[a], samples.floats[b]);
    let reset = call.is_rate() && (now < before || starts_anew(call, samples, a, b));
    let change = if reset { now } else { now - before };
    Some(if call.is_rate() { change / (elapsed_ms as f64 / 1000.0) } else { change })
}

fn starts_anew(call: &RangeCall<'_>, samples: &Samples, a: usize, b: usize) -> bool {
    call.features.start_timestamps
        && start_time_says_reset((samples.times[a], samples.start_time(a)), (samples.times[b], samples.start_time(b)))
}

/// A sample of either type, by its position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Sample {
    Float(usize),
    Histogram(usize),
}

fn last_two(samples: &Samples, window: &Window) -> Option<(Sample, Sample)> {
    let mut merged: Vec<(i64, Sample)> = Vec::with_capacity(4);
    for i in window.floats.clone().rev().take(2) {
        merged.push((samples.times[i], Sample::Float(i)));
    }
    for i in window.histograms.clone().rev().take(2) {
        merged.push((samples.histogram_times[i], Sample::Histogram(i)));
    }
    merged.sort_by_key(|(t, _)| *t);
    match merged.as_slice() {
        [.., (_, a), (_, b)] => Some((*a, *b)),
        _ => None,
    }
}

/// How often neighbours differ.
pub(super) fn changes(call: &RangeCall<'_>, samples: &Samples, out: &mut Column) {
    let differ = |a: f64, b: f64| a != b && !(a.is_nan() && b.is_nan());
    if !samples.has_histograms() {
        return count_floats(call, samples, out, |i| differ(samples.floats[i - 1], samples.floats[i]));
    }
    count_mixed(call, samples, out, &|a, b| match (a, b) {
        (Sample::Float(a), Sample::Float(b)) => differ(samples.floats[a], samples.floats[b]),
        (Sample::Histogram(a), Sample::Histogram(b)) => {
            !histogram::equal(&samples.histograms[a], &samples.histograms[b])
        }
        _ => true,
    });
}

/// How often the counter fell, or its type changed.
pub(super) fn resets(call: &RangeCall<'_>, samples: &Samples, out: &mut Column) {
    let fell = |a: usize, b: usize| samples.floats[b] < samples.floats[a] || starts_anew(call, samples, a, b);
    if !samples.has_histograms() {
        return resets_of_floats(call, samples, out);
    }
    count_mixed(call, samples, out, &|a, b| match (a, b) {
        (Sample::Float(a), Sample::Float(b)) => fell(a, b),
        (Sample::Histogram(a), Sample::Histogram(b)) => histogram_reset(call, samples, a, b),
        _ => true,
    });
}

/// Most counters never fall: where the few did is known before the windows are.
fn resets_of_floats(call: &RangeCall<'_>, samples: &Samples, out: &mut Column) {
    let resets = reset_positions(call, samples);
    let mut inside = 0..0;
    walk::each_window(samples, call.ends, call.range_ms, |window| {
        advance(&resets, &mut inside, &window.floats);
        out.set(window.step, inside.len() as f64);
    });
}

pub(crate) fn histogram_reset(call: &RangeCall<'_>, samples: &Samples, a: usize, b: usize) -> bool {
    let (before, now): (&Arc<FloatHistogram>, &Arc<FloatHistogram>) = (&samples.histograms[a], &samples.histograms[b]);
    let starts = call.features.start_timestamps
        && start_time_says_reset(
            (samples.histogram_times[a], samples.histogram_start_time(a)),
            (samples.histogram_times[b], samples.histogram_start_time(b)),
        );
    starts || histogram::reset::detect(now, before)
}

/// Running totals of events make every window one subtraction.
fn count_floats(call: &RangeCall<'_>, samples: &Samples, out: &mut Column, event: impl Fn(usize) -> bool) {
    let mut total = 0u32;
    let mut totals = Vec::with_capacity(samples.floats.len());
    for i in 0..samples.floats.len() {
        total += u32::from(i > 0 && event(i));
        totals.push(total);
    }
    walk::each_window(samples, call.ends, call.range_ms, |window| {
        let events = totals[window.floats.end - 1] - totals[window.floats.start];
        out.set(window.step, f64::from(events));
    });
}

/// As [`count_floats`], of both types. Pairs that no window holds are not looked at.
fn count_mixed(call: &RangeCall<'_>, samples: &Samples, out: &mut Column, event: &dyn Fn(Sample, Sample) -> bool) {
    let merged = in_time_order(samples, 0..samples.floats.len(), 0..samples.histograms.len());
    let mut totals = vec![0u32; merged.len()];
    let mut looked = 0;
    walk::each_window(samples, call.ends, call.range_ms, |window| {
        // What is ahead of the window in each column is ahead of it in their merger.
        let (start, end) = (window.floats.start + window.histograms.start, window.floats.end + window.histograms.end);
        for i in start.max(looked)..end {
            if !call.goes_on(HISTOGRAM_WORK) {
                return;
            }
            totals[i] = if i == start { 0 } else { totals[i - 1] + u32::from(event(merged[i - 1], merged[i])) };
        }
        looked = end;
        out.set(window.step, f64::from(totals[end - 1] - totals[start]));
    });
}

/// Samples at these positions, both types merged by time.
pub(crate) fn in_time_order(samples: &Samples, floats: Range<usize>, histograms: Range<usize>) -> Vec<Sample> {
    let mut merged: Vec<(i64, Sample)> = Vec::with_capacity(floats.len() + histograms.len());
    merged.extend(floats.map(|i| (samples.times[i], Sample::Float(i))));
    merged.extend(histograms.map(|i| (samples.histogram_times[i], Sample::Histogram(i))));
    merged.sort_by_key(|(t, _)| *t);
    merged.into_iter().map(|(_, s)| s).collect()
}
