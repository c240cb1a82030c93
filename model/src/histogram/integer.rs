//! Histograms with integer counts.

use std::sync::Arc;

use super::{CounterResetHint, FloatHistogram, Spans};

/// A native histogram with integer counts: what exporters expose.
///
/// Bucket counts are deltas: the first of a side is absolute, each further one the difference to its predecessor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// Counter-reset hint.
    pub counter_reset_hint: CounterResetHint,
    /// −4 to 8, or [`CUSTOM_BUCKETS_SCHEMA`](super::CUSTOM_BUCKETS_SCHEMA).
    pub schema: i32,
    /// Half width of the zero bucket.
    pub zero_threshold: f64,
    /// Observations in the zero bucket.
    pub zero_count: u64,
    /// All observations, NaN ones included.
    pub count: u64,
    /// Sum of observations; the stale marker sits here.
    pub sum: f64,
    /// Layout of the positive buckets.
    pub positive_spans: Spans,
    /// Layout of the negative buckets.
    pub negative_spans: Spans,
    /// Positive bucket counts as deltas.
    pub positive_deltas: Vec<i64>,
    /// Negative bucket counts as deltas.
    pub negative_deltas: Vec<i64>,
    /// Upper bounds of custom buckets, strictly increasing; empty for exponential schemas.
    pub custom_bounds: Arc<[f64]>,
}

impl Histogram {
    /// The float form, bucket counts made absolute.
    #[must_use]
    pub fn to_float(&self) -> FloatHistogram {
        FloatHistogram {
            counter_reset_hint: self.counter_reset_hint,
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count: self.zero_count as f64,
            count: self.count as f64,
            sum: self.sum,
            positive_spans: self.positive_spans.clone(),
            negative_spans: self.negative_spans.clone(),
            positive_buckets: absolute(&self.positive_deltas),
            negative_buckets: absolute(&self.negative_deltas),
            custom_bounds: Arc::clone(&self.custom_bounds),
        }
    }
}

fn absolute(deltas: &[i64]) -> Vec<f64> {
    deltas
        .iter()
        .scan(0i64, |count, delta| {
            *count = count.wrapping_add(*delta);
            Some(*count as f64)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Span;

    #[test]
    fn float_form_has_absolute_buckets() {
        let h = Histogram {
            count: 7,
            positive_spans: [Span { offset: -1, length: 3 }].into(),
            positive_deltas: vec![1, 2, -1],
            ..Histogram::default()
        };
        let f = h.to_float();
        assert_eq!(f.positive_buckets, [1.0, 3.0, 2.0]);
        assert_eq!(f.count, 7.0);
    }
}
