//! Samples: what a series is made of.

use std::sync::Arc;

use crate::histogram::{FloatHistogram, Histogram};

/// The bits of the stale marker: a NaN that says "the series ended here".
pub const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;
/// The stale marker. Compare with [`is_stale`], never with `==`.
pub const STALE_NAN: f64 = f64::from_bits(STALE_NAN_BITS);
/// The bits of the ordinary NaN that parsers and PromQL produce.
pub const NORMAL_NAN_BITS: u64 = 0x7ff8_0000_0000_0001;
/// The ordinary NaN.
pub const NORMAL_NAN: f64 = f64::from_bits(NORMAL_NAN_BITS);

/// Whether `v` is the stale marker, by its bits.
#[inline]
#[must_use]
pub fn is_stale(v: f64) -> bool {
    v.to_bits() == STALE_NAN_BITS
}

/// A native histogram as stored: integer or float counts.
#[derive(Clone, Debug, PartialEq)]
pub enum HistogramValue {
    /// Integer counts, buckets as deltas.
    Int(Arc<Histogram>),
    /// Float counts, buckets absolute.
    Float(Arc<FloatHistogram>),
}

impl HistogramValue {
    /// Whether this is the stale marker (it sits in the sum).
    #[must_use]
    pub fn is_stale(&self) -> bool {
        match self {
            HistogramValue::Int(h) => is_stale(h.sum),
            HistogramValue::Float(h) => is_stale(h.sum),
        }
    }

    /// The float form, which PromQL works on.
    #[must_use]
    pub fn to_float(&self) -> Arc<FloatHistogram> {
        match self {
            HistogramValue::Int(h) => Arc::new(h.to_float()),
            HistogramValue::Float(h) => Arc::clone(h),
        }
    }
}

/// The value of a sample in a query result.
#[derive(Clone, Debug, PartialEq)]
pub enum SampleValue {
    /// A float.
    Float(f64),
    /// A native histogram.
    Histogram(Arc<FloatHistogram>),
}

/// A sample on its way into a store.
#[derive(Clone, Copy, Debug)]
pub struct Point<'a> {
    /// Milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// When the counter behind this sample started, milliseconds since the epoch; 0 = unknown.
    pub start_timestamp_ms: i64,
    /// Float or histogram.
    pub value: PointValue<'a>,
}

impl Point<'_> {
    /// A float sample without a start timestamp.
    #[must_use]
    pub fn float(timestamp_ms: i64, value: f64) -> Self {
        Point { timestamp_ms, start_timestamp_ms: 0, value: PointValue::Float(value) }
    }

    /// A stale marker.
    #[must_use]
    pub fn stale(timestamp_ms: i64) -> Self {
        Point::float(timestamp_ms, STALE_NAN)
    }
}

/// The value of a [`Point`]; histograms are borrowed until the store has taken them over.
#[derive(Clone, Copy, Debug)]
pub enum PointValue<'a> {
    /// A float.
    Float(f64),
    /// A histogram with integer counts.
    Histogram(&'a Histogram),
    /// A histogram with float counts.
    FloatHistogram(&'a FloatHistogram),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stale_is_decided_by_bits() {
        assert!(is_stale(STALE_NAN));
        assert!(!is_stale(NORMAL_NAN));
        assert!(!is_stale(f64::NAN));
        assert!(STALE_NAN.is_nan() && NORMAL_NAN.is_nan());
    }
}
