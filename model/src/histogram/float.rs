//! Histograms with float counts.

use std::sync::Arc;

use super::{CounterResetHint, Spans};

/// A native histogram with float counts: what PromQL computes with and recording rules store.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FloatHistogram {
    /// Counter-reset hint.
    pub counter_reset_hint: CounterResetHint,
    /// −4 to 8, or [`CUSTOM_BUCKETS_SCHEMA`](super::CUSTOM_BUCKETS_SCHEMA).
    pub schema: i32,
    /// Half width of the zero bucket.
    pub zero_threshold: f64,
    /// Observations in the zero bucket.
    pub zero_count: f64,
    /// All observations.
    pub count: f64,
    /// Sum of observations; the stale marker sits here.
    pub sum: f64,
    /// Layout of the positive buckets.
    pub positive_spans: Spans,
    /// Layout of the negative buckets.
    pub negative_spans: Spans,
    /// Positive bucket counts, absolute.
    pub positive_buckets: Vec<f64>,
    /// Negative bucket counts, absolute.
    pub negative_buckets: Vec<f64>,
    /// Upper bounds of custom buckets, strictly increasing; empty for exponential schemas.
    pub custom_bounds: Arc<[f64]>,
}
