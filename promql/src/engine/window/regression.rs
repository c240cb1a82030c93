//! Lines and smoothed curves through windows: `deriv`, `predict_linear`, `double_exponential_smoothing`.

use promethium_model::{QueryError, float};

use super::super::column::Column;
use super::super::kahan::Kahan;
use super::{RangeCall, RangeSeries, each_float_window, slices, walk};
use crate::parser::Function;

pub(super) fn linear(call: &RangeCall<'_>, series: &RangeSeries<'_>, out: &mut Column) {
    each_float_window(call, series, 2, |step, rows| {
        let (times, values) = slices(series.samples, &rows);
        if call.function == Function::Deriv {
            return out.set(step, least_squares(times, values, times[0]).slope);
        }
        let line = least_squares(times, values, call.steps.time(step));
        out.set(step, line.slope * call.scalars[0][step] + line.intercept);
    });
}

struct Line {
    /// Per second.
    slope: f64,
    /// At the origin.
    intercept: f64,
}

fn least_squares(times: &[i64], values: &[f64], origin_ms: i64) -> Line {
    let first = values[0];
    if values.iter().all(|v| *v == first) {
        let flat = if first.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first) };
        return Line { slope: flat.0, intercept: flat.1 };
    }
    let (mut x_sum, mut y_sum) = (Kahan::default(), Kahan::default());
    let (mut xy_sum, mut xx_sum) = (Kahan::default(), Kahan::default());
    for (t, y) in times.iter().zip(values) {
        let x = (t - origin_ms) as f64 / 1000.0;
        x_sum.add(x);
        y_sum.add(*y);
        xy_sum.add(x * y);
        xx_sum.add(x * x);
    }
    let n = values.len() as f64;
    let (x, y) = (x_sum.total(), y_sum.total());
    let covariance = xy_sum.total() - x * y / n;
    let variance = xx_sum.total() - x * x / n;
    let slope = covariance / variance;
    Line { slope, intercept: y / n - slope * x / n }
}

pub(super) fn double_exponential(
    call: &RangeCall<'_>,
    series: &RangeSeries<'_>,
    out: &mut Column,
) -> Result<(), QueryError> {
    let (smoothing, trend) = (&call.scalars[0], &call.scalars[1]);
    // Any sample in the window asks for factors that make sense, histograms included.
    let mut refused = None;
    walk::each_window(series.samples, call.ends, call.range_ms, |window| {
        if refused.is_none() {
            let smoothing = out_of_bounds("smoothing", "sf", smoothing[window.step]);
            refused = smoothing.or_else(|| out_of_bounds("trend", "tf", trend[window.step]));
        }
    });
    if let Some(error) = refused {
        return Err(error);
    }
    each_float_window(call, series, 2, |step, rows| {
        out.set(step, smoothed(&series.samples.floats[rows], smoothing[step], trend[step]));
    });
    Ok(())
}

/// NaN is let through, and gives NaN.
fn out_of_bounds(what: &str, letter: &str, factor: f64) -> Option<QueryError> {
    let refused = factor <= 0.0 || factor >= 1.0;
    let got = if factor.is_infinite() { float::format_g(factor) } else { format!("{factor:.6}") };
    refused.then(|| QueryError::Execution(format!("invalid {what} factor. Expected: 0 < {letter} < 1, got: {got}")))
}

fn smoothed(values: &[f64], smoothing: f64, trend: f64) -> f64 {
    let (mut before, mut level) = (0.0, values[0]);
    let mut slope = values[1] - values[0];
    for (i, v) in values.iter().enumerate().skip(1) {
        if i > 1 {
            slope = trend * (level - before) + (1.0 - trend) * slope;
        }
        (before, level) = (level, smoothing * v + (1.0 - smoothing) * (level + slope));
    }
    level
}
