//! Variance, quantile and median absolute deviation of windows.

use super::super::column::Column;
use super::super::kahan::Kahan;
use super::super::quantile;
use super::{RangeCall, RangeSeries, each_float_window};
use crate::parser::Function;

/// `stddev_over_time` and `stdvar_over_time`: Welford's method, mean and sum of squares compensated.
pub(super) fn variance(call: &RangeCall<'_>, series: &RangeSeries<'_>, out: &mut Column) {
    let root = call.function == Function::StddevOverTime;
    each_float_window(call, series, 1, |step, rows| {
        let variance = population_variance(&series.samples.floats[rows]);
        out.set(step, if root { variance.sqrt() } else { variance });
    });
}

fn population_variance(values: &[f64]) -> f64 {
    let (mut mean, mut squares) = (Kahan::default(), Kahan::default());
    let mut count = 0.0;
    for v in values {
        count += 1.0;
        let delta = v - mean.total();
        mean.add(delta / count);
        squares.add(delta * (v - mean.total()));
    }
    squares.total() / count
}

pub(super) fn quantile_over_time(call: &RangeCall<'_>, series: &RangeSeries<'_>, out: &mut Column) {
    let mut sorted = Vec::new();
    each_float_window(call, series, 1, |step, rows| {
        let q = call.scalars[0][step];
        if !(0.0..=1.0).contains(&q) {
            quantile::warn_invalid(call.notes, call.first_span, q);
        }
        sorted.clear();
        sorted.extend_from_slice(&series.samples.floats[rows]);
        out.set(step, quantile::of(q, &mut sorted));
    });
}

/// The median of the distances from the median.
pub(super) fn mad(call: &RangeCall<'_>, series: &RangeSeries<'_>, out: &mut Column) {
    let mut sorted = Vec::new();
    each_float_window(call, series, 1, |step, rows| {
        sorted.clear();
        sorted.extend_from_slice(&series.samples.floats[rows]);
        if sorted.iter().any(|v| v.is_nan()) {
            return out.set(step, f64::NAN);
        }
        let median = quantile::of(0.5, &mut sorted);
        sorted.iter_mut().for_each(|v| *v = (*v - median).abs());
        out.set(step, quantile::of(0.5, &mut sorted));
    });
}
