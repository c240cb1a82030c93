//! `*_over_time` but for the statistics.

use std::ops::Range;
use std::sync::Arc;

use super::super::column::Column;
use super::super::samples::Samples;
use super::super::{histogram, kahan};
use super::lanes::{LANES, Sums, each_fold};
use super::sliding::SlidingExtreme;
use super::{HISTOGRAM_WORK, RangeCall, RangeSeries, each_float_window, walk, warn_mixed_types};
use crate::parser::Function;

/// `count_over_time`, `present_over_time`, and the times of first and last sample.
pub(super) fn of_window(call: &RangeCall<'_>, samples: &Samples, out: &mut Column) {
    let ms = |t: Option<&i64>, u: Option<&i64>, pick: fn(i64, i64) -> i64| match (t, u) {
        (Some(t), Some(u)) => pick(*t, *u),
        (Some(t), None) | (None, Some(t)) => *t,
        (None, None) => 0,
    };
    walk::each_window(samples, call.ends, call.range_ms, |window| {
        let (floats, histograms) =
            (&samples.times[window.floats.clone()], &samples.histogram_times[window.histograms.clone()]);
        let value = match call.function {
            Function::PresentOverTime => 1.0,
            Function::CountOverTime => (floats.len() + histograms.len()) as f64,
            Function::TsOfFirstOverTime => ms(floats.first(), histograms.first(), i64::min) as f64 / 1000.0,
            _ => ms(floats.last(), histograms.last(), i64::max) as f64 / 1000.0,
        };
        out.set(window.step, value);
    });
}

/// `first_over_time` and `last_over_time`: of either type.
pub(super) fn boundary(call: &RangeCall<'_>, samples: &Samples, out: &mut Column) {
    let first = call.function == Function::FirstOverTime;
    walk::each_window(samples, call.ends, call.range_ms, |window| {
        let pick = |rows: &std::ops::Range<usize>| if first { rows.clone().next() } else { rows.clone().next_back() };
        let float = pick(&window.floats).map(|i| (samples.times[i], i));
        let histogram = pick(&window.histograms).map(|i| (samples.histogram_times[i], i));
        match (float, histogram) {
            (Some((_, i)), None) => out.set(window.step, samples.floats[i]),
            (Some((t, i)), Some((u, _))) if (t < u) == first => out.set(window.step, samples.floats[i]),
            (_, Some((_, i))) => out.push_histogram(window.step, Arc::clone(&samples.histograms[i])),
            (None, None) => {}
        }
    });
}

/// `sum_over_time` and `avg_over_time`, summed anew for every window: compensation cannot be taken back out of a sum.
pub(super) fn sum_or_avg(call: &RangeCall<'_>, series: &RangeSeries<'_>, out: &mut Column) {
    let samples = series.samples;
    if !samples.has_histograms() && call.steps.count >= LANES {
        return sum_or_avg_of_floats(call, series, out);
    }
    let of = if call.function == Function::SumOverTime { kahan::sum } else { kahan::mean };
    walk::each_window(samples, call.ends, call.range_ms, |window| {
        if !call.goes_on(window.floats.len() + HISTOGRAM_WORK * window.histograms.len()) {
            return;
        }
        if window.histograms.is_empty() {
            out.set(window.step, of(&samples.floats[window.floats]));
        } else if !window.floats.is_empty() {
            warn_mixed_types(call, series.labels);
        } else if let Some(h) = histogram::sum::over_time(call, series, &window) {
            out.push_histogram(window.step, h);
        }
    });
}

fn sum_or_avg_of_floats(call: &RangeCall<'_>, series: &RangeSeries<'_>, out: &mut Column) {
    let average = call.function == Function::AvgOverTime;
    let values = &series.samples.floats[..];
    let start = |_: &[usize], _: &[Range<usize>]| Sums::default();
    each_fold(call, series, 1, start, |sums, steps, rows| {
        for (lane, (step, rows)) in steps.iter().zip(rows).enumerate() {
            let kahan = sums.lane(lane);
            let v = match average {
                false if kahan.sum.is_infinite() => kahan.sum,
                false => kahan.total(),
                // A sum that overflowed is no way to the mean. A mean starts with its first value, a sum with 0: that makes
                // a difference for −0 alone.
                true if !kahan.sum.is_finite() || kahan.sum == 0.0 => kahan::mean(&values[rows.clone()]),
                true => kahan.sum / rows.len() as f64 + kahan.compensation / rows.len() as f64,
            };
            out.set(*step, v);
        }
    });
}

/// `min_over_time`, `max_over_time`, and the times of either.
pub(super) fn extreme(call: &RangeCall<'_>, series: &RangeSeries<'_>, out: &mut Column) {
    let samples = series.samples;
    let max = matches!(call.function, Function::MaxOverTime | Function::TsOfMaxOverTime);
    let time = matches!(call.function, Function::TsOfMinOverTime | Function::TsOfMaxOverTime);
    let mut sliding = SlidingExtreme::default();
    each_float_window(call, series, 1, |step, rows| {
        let values = &samples.floats[..];
        // Of equal ones the latest time is told, but the earliest value: zeros have signs.
        let best = match (max, time) {
            (true, true) => sliding.advance(values, &rows, |a, b| a >= b),
            (false, true) => sliding.advance(values, &rows, |a, b| a <= b),
            (true, false) => sliding.advance(values, &rows, |a, b| a > b),
            (false, false) => sliding.advance(values, &rows, |a, b| a < b),
        };
        // All NaN: the last one stands for them.
        let best = best.unwrap_or(rows.end - 1);
        out.set(step, if time { samples.times[best] as f64 / 1000.0 } else { values[best] });
    });
}
