//! Variance, quantile and median absolute deviation of windows.

use std::ops::Range;

use super::super::column::Column;
use super::super::quantile;
use super::lanes::{Fold, Lane, Sums, each_fold};
use super::{RangeCall, RangeSeries, each_float_window};
use crate::parser::Function;

/// `stddev_over_time` and `stdvar_over_time`: Welford's method, mean and sum of squares compensated.
pub(super) fn variance(call: &RangeCall<'_>, series: &RangeSeries<'_>, out: &mut Column) {
    let root = call.function == Function::StddevOverTime;
    let start = |_: &[usize], _: &[Range<usize>]| Variances::default();
    each_fold(call, series, 1, start, |fold, steps, _| {
        for (lane, step) in steps.iter().enumerate() {
            let variance = fold.squares.total(lane) / fold.counts[lane];
            out.set(*step, if root { variance.sqrt() } else { variance });
        }
    });
}

#[derive(Default)]
struct Variances {
    counts: Lane,
    means: Sums,
    squares: Sums,
}

impl Fold for Variances {
    #[inline]
    fn add(&mut self, _: Lane<i64>, values: Lane) {
        self.counts.iter_mut().for_each(|n| *n += 1.0);
        let means = self.means.totals();
        let deltas: Lane = std::array::from_fn(|k| values[k] - means[k]);
        self.means.add(std::array::from_fn(|k| deltas[k] / self.counts[k]));
        let means = self.means.totals();
        self.squares.add(std::array::from_fn(|k| deltas[k] * (values[k] - means[k])));
    }

    fn add_one(&mut self, lane: usize, _: i64, value: f64) {
        self.counts[lane] += 1.0;
        let delta = value - self.means.total(lane);
        self.means.add_one(lane, delta / self.counts[lane]);
        self.squares.add_one(lane, delta * (value - self.means.total(lane)));
    }
}

pub(super) fn quantile_over_time(call: &RangeCall<'_>, series: &RangeSeries<'_>, out: &mut Column) {
    let mut sorted = Vec::new();
    each_float_window(call, series, 1, |step, rows| {
        let q = call.scalars[0][step];
        if !(0.0..=1.0).contains(&q) {
            quantile::warn_invalid(call.notes, call.first_origin, q);
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
