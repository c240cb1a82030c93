//! Lines and smoothed curves through windows: `deriv`, `predict_linear`, `double_exponential_smoothing`.

use std::ops::Range;

use promethium_model::{QueryError, float};

use super::super::column::Column;
use super::lanes::{Fold, LANES, Lane, Sums, each_fold};
use super::{RangeCall, RangeSeries, walk};
use crate::parser::Function;

pub(super) fn linear(call: &RangeCall<'_>, series: &RangeSeries<'_>, out: &mut Column) {
    let deriv = call.function == Function::Deriv;
    let samples = series.samples;
    let start = |steps: &[usize], rows: &[Range<usize>]| {
        let mut fold = LeastSquares::default();
        for (lane, (step, rows)) in steps.iter().zip(rows).enumerate() {
            fold.origins[lane] = if deriv { samples.times[rows.start] } else { call.steps.time(*step) };
            fold.firsts[lane] = samples.floats[rows.start];
        }
        fold
    };
    each_fold(call, series, 2, start, |fold, steps, _| {
        for (lane, step) in steps.iter().enumerate() {
            let line = fold.line(lane);
            let v = if deriv { line.slope } else { line.slope * call.scalars[0][*step] + line.intercept };
            out.set(*step, v);
        }
    });
}

struct Line {
    /// Per second.
    slope: f64,
    /// At the origin.
    intercept: f64,
}

/// Sums of x (seconds from the origin), y, xy and x².
#[derive(Default)]
struct LeastSquares {
    origins: Lane<i64>,
    firsts: Lane,
    counts: Lane,
    /// Whether some value differs from the first.
    vary: Lane<bool>,
    x: Sums,
    y: Sums,
    xy: Sums,
    xx: Sums,
}

impl Fold for LeastSquares {
    #[inline]
    fn add(&mut self, times: Lane<i64>, y: Lane) {
        let x: Lane = std::array::from_fn(|k| (times[k] - self.origins[k]) as f64 / 1000.0);
        self.counts.iter_mut().for_each(|n| *n += 1.0);
        let firsts = self.firsts;
        self.vary.iter_mut().zip(y).zip(firsts).for_each(|((vary, y), first)| *vary |= y != first);
        self.x.add(x);
        self.y.add(y);
        self.xy.add(std::array::from_fn(|k| x[k] * y[k]));
        self.xx.add(std::array::from_fn(|k| x[k] * x[k]));
    }

    fn add_one(&mut self, lane: usize, time: i64, y: f64) {
        let x = (time - self.origins[lane]) as f64 / 1000.0;
        self.counts[lane] += 1.0;
        self.vary[lane] |= y != self.firsts[lane];
        self.x.add_one(lane, x);
        self.y.add_one(lane, y);
        self.xy.add_one(lane, x * y);
        self.xx.add_one(lane, x * x);
    }
}

impl LeastSquares {
    fn line(&self, lane: usize) -> Line {
        let first = self.firsts[lane];
        // A NaN in front differs even from itself: there is no line then.
        if !self.vary[lane] {
            let flat = if first.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first) };
            return Line { slope: flat.0, intercept: flat.1 };
        }
        let n = self.counts[lane];
        let (x, y) = (self.x.total(lane), self.y.total(lane));
        let covariance = self.xy.total(lane) - x * y / n;
        let variance = self.xx.total(lane) - x * x / n;
        let slope = covariance / variance;
        Line { slope, intercept: y / n - slope * x / n }
    }
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
    let values = &series.samples.floats[..];
    let start = |steps: &[usize], rows: &[Range<usize>]| {
        let mut fold = Smoothed::default();
        for (lane, (step, rows)) in steps.iter().zip(rows).enumerate() {
            fold.start(lane, (smoothing[*step], trend[*step]), values[rows.start], values[rows.start + 1]);
        }
        fold
    };
    each_fold(call, series, 2, start, |fold, steps, _| {
        steps.iter().enumerate().for_each(|(lane, step)| out.set(*step, fold.level[lane]));
    });
    Ok(())
}

/// NaN is let through, and gives NaN.
fn out_of_bounds(what: &str, letter: &str, factor: f64) -> Option<QueryError> {
    let refused = factor <= 0.0 || factor >= 1.0;
    let got = if factor.is_infinite() { float::format_g(factor) } else { format!("{factor:.6}") };
    refused.then(|| QueryError::Execution(format!("invalid {what} factor. Expected: 0 < {letter} < 1, got: {got}")))
}

/// Level and slope, and the level before.
#[derive(Default)]
struct Smoothed {
    smoothing: Lane,
    trend: Lane,
    before: Lane,
    level: Lane,
    slope: Lane,
}

impl Smoothed {
    /// From the first two values, between which the first slope lies.
    fn start(&mut self, k: usize, factors: (f64, f64), first: f64, second: f64) {
        (self.smoothing[k], self.trend[k]) = factors;
        (self.before[k], self.slope[k]) = (first, second - first);
        self.level[k] = factors.0 * second + (1.0 - factors.0) * (first + self.slope[k]);
    }

    #[inline]
    fn advance(&mut self, k: usize, v: f64) {
        let (smoothing, trend) = (self.smoothing[k], self.trend[k]);
        let slope = trend * (self.level[k] - self.before[k]) + (1.0 - trend) * self.slope[k];
        let level = smoothing * v + (1.0 - smoothing) * (self.level[k] + slope);
        (self.before[k], self.level[k], self.slope[k]) = (self.level[k], level, slope);
    }
}

impl Fold for Smoothed {
    const TAKEN: usize = 2;

    #[inline]
    fn add(&mut self, _: Lane<i64>, values: Lane) {
        (0..LANES).for_each(|k| self.advance(k, values[k]));
    }

    fn add_one(&mut self, lane: usize, _: i64, value: f64) {
        self.advance(lane, value);
    }

    /// The same as one by one, in registers.
    fn add_rest(&mut self, lane: usize, _: &[i64], values: &[f64]) {
        let (smoothing, trend) = (self.smoothing[lane], self.trend[lane]);
        let (mut before, mut level, mut slope) = (self.before[lane], self.level[lane], self.slope[lane]);
        for v in values {
            slope = trend * (level - before) + (1.0 - trend) * slope;
            (before, level) = (level, smoothing * v + (1.0 - smoothing) * (level + slope));
        }
        (self.before[lane], self.level[lane], self.slope[lane]) = (before, level, slope);
    }
}
