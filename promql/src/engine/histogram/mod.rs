//! Native histograms as the language computes with them.

pub(crate) mod arithmetic;
pub(crate) mod bounds;
pub(crate) mod extended;
pub(crate) mod rate;
pub(crate) mod reset;
mod sparse;
pub(crate) mod statistics;
pub(crate) mod stats_only;
pub(crate) mod sum;
pub(crate) mod text;
pub(crate) mod trim;

use std::sync::Arc;

use promethium_model::{CounterResetHint, FloatHistogram, Spans};

use super::column::Column;
pub(crate) use sparse::Sparse;

/// Whether two histograms are the same: numbers by their bits, buckets by index. Explicit empty buckets count, the hint
/// does not.
pub(crate) fn equal(a: &FloatHistogram, b: &FloatHistogram) -> bool {
    let scalars = |h: &FloatHistogram| {
        (h.schema, h.count.to_bits(), h.sum.to_bits(), h.zero_count.to_bits(), h.zero_threshold.to_bits())
    };
    let same_bits = |a: &[(i32, f64)], b: &[(i32, f64)]| {
        a.len() == b.len() && a.iter().zip(b).all(|(x, y)| x.0 == y.0 && x.1.to_bits() == y.1.to_bits())
    };
    if scalars(a) != scalars(b) || a.custom_bounds != b.custom_bounds {
        return false;
    }
    let (a, b) = (Sparse::<f64>::of(a), Sparse::<f64>::of(b));
    same_bits(&a.positive, &b.positive) && same_bits(&a.negative, &b.negative)
}

/// Every number times `factor`; below zero that makes a gauge.
pub(crate) fn multiplied(h: &FloatHistogram, factor: f64) -> FloatHistogram {
    let mut h = h.clone();
    let times = |v: &mut f64| *v *= factor;
    [&mut h.count, &mut h.sum, &mut h.zero_count].into_iter().for_each(times);
    h.positive_buckets.iter_mut().chain(&mut h.negative_buckets).for_each(times);
    if factor < 0.0 {
        h.counter_reset_hint = CounterResetHint::Gauge;
    }
    h
}

/// [`multiplied`], without the buckets that are then empty.
pub(crate) fn scaled(h: &FloatHistogram, factor: f64) -> FloatHistogram {
    compacted(&multiplied(h, factor))
}

/// Every number divided by `divisor`; by zero, the buckets go.
pub(crate) fn divided(h: &FloatHistogram, divisor: f64) -> FloatHistogram {
    let mut h = h.clone();
    let by = |v: &mut f64| *v /= divisor;
    [&mut h.count, &mut h.sum, &mut h.zero_count].into_iter().for_each(by);
    if divisor == 0.0 {
        (h.positive_spans, h.negative_spans) = (Spans::default(), Spans::default());
        h.positive_buckets.clear();
        h.negative_buckets.clear();
    }
    h.positive_buckets.iter_mut().chain(&mut h.negative_buckets).for_each(by);
    if divisor < 0.0 {
        h.counter_reset_hint = CounterResetHint::Gauge;
    }
    compacted(&h)
}

/// Without empty buckets and spans.
pub(crate) fn compacted(h: &FloatHistogram) -> FloatHistogram {
    let mut sparse = Sparse::<f64>::of(h);
    sparse.compact();
    sparse.into_histogram()
}

/// Multiplies all histograms of a column.
pub(crate) fn scale_all(column: &mut Column, factor: f64) {
    for (_, h) in &mut column.histograms {
        *h = Arc::new(multiplied(h, factor));
    }
}

/// The same histograms, each with explicit empty buckets wherever another one has a bucket.
pub(crate) fn with_common_layout(histograms: &[Arc<FloatHistogram>]) -> Vec<FloatHistogram> {
    let sparse: Vec<Sparse<f64>> = histograms.iter().map(|h| Sparse::of(h)).collect();
    let indexes = |side: fn(&Sparse<f64>) -> &Vec<(i32, f64)>| {
        let mut all: Vec<i32> = sparse.iter().flat_map(|h| side(h).iter().map(|(i, _)| *i)).collect();
        all.sort_unstable();
        all.dedup();
        all
    };
    let (positive, negative) = (indexes(|h| &h.positive), indexes(|h| &h.negative));
    let spread = |side: &[(i32, f64)], all: &[i32]| {
        let count = |i: &i32| side.binary_search_by_key(i, |(j, _)| *j).map_or(0.0, |at| side[at].1);
        all.iter().map(|i| (*i, count(i))).collect::<Vec<_>>()
    };
    let lay_out = |mut h: Sparse<f64>| {
        h.positive = spread(&h.positive, &positive);
        h.negative = spread(&h.negative, &negative);
        h.into_histogram()
    };
    sparse.iter().cloned().map(lay_out).collect()
}

#[cfg(test)]
mod tests;
