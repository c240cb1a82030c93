//! Samples on their way in: how one follows another.

use std::sync::Arc;

use crate::histogram::{CounterResetHint, FloatHistogram, Span};
use crate::sample::{HistogramValue, Point, PointValue};
use crate::storage::{AppendError, SampleBatch};

/// A buffered sample; histograms are shared from here on.
#[derive(Clone, Debug)]
pub(super) struct Row {
    timestamp_ms: i64,
    start_timestamp_ms: i64,
    value: RowValue,
}

#[derive(Clone, Debug)]
enum RowValue {
    /// By bits, so that NaNs compare.
    Float(u64),
    Histogram(HistogramValue),
}

impl Row {
    pub(super) fn of(point: Point<'_>) -> Result<Row, AppendError> {
        let value = match point.value {
            PointValue::Float(v) => RowValue::Float(v.to_bits()),
            PointValue::Histogram(h) => {
                h.validate()?;
                RowValue::Histogram(HistogramValue::Int(Arc::new(h.clone())))
            }
            PointValue::FloatHistogram(h) => {
                h.validate()?;
                RowValue::Histogram(HistogramValue::Float(Arc::new(h.clone())))
            }
        };
        Ok(Row { timestamp_ms: point.timestamp_ms, start_timestamp_ms: point.start_timestamp_ms, value })
    }

    pub(super) fn newest_of(samples: &SampleBatch) -> Option<Row> {
        let i = samples.len().checked_sub(1)?;
        let value = match samples.histograms.last() {
            Some((row, h)) if *row as usize == i => RowValue::Histogram(h.clone()),
            _ => RowValue::Float(samples.floats[i].to_bits()),
        };
        let start_timestamp_ms = samples.start_timestamps.last().copied().unwrap_or(0);
        Some(Row { timestamp_ms: samples.timestamps[i], start_timestamp_ms, value })
    }

    /// `Ok(false)` when the newest row already says the same.
    pub(super) fn follows(&self, newest: Option<&Row>) -> Result<bool, AppendError> {
        let Some(newest) = newest else { return Ok(true) };
        let timestamp_ms = self.timestamp_ms;
        if timestamp_ms > newest.timestamp_ms {
            return Ok(true);
        }
        if timestamp_ms < newest.timestamp_ms {
            return Err(AppendError::OutOfOrder { timestamp_ms, newest_ms: newest.timestamp_ms });
        }
        match (&newest.value, &self.value) {
            (RowValue::Float(a), RowValue::Float(b)) if a == b => Ok(false),
            (RowValue::Histogram(a), RowValue::Histogram(b)) if same_histogram(a, b) => Ok(false),
            (RowValue::Float(a), RowValue::Float(b)) => {
                Err(AppendError::DuplicateFloat { timestamp_ms, existing: f64::from_bits(*a), new: f64::from_bits(*b) })
            }
            (RowValue::Histogram(_), RowValue::Float(new)) => {
                Err(AppendError::DuplicateFloatOverHistogram { timestamp_ms, new: f64::from_bits(*new) })
            }
            _ => Err(AppendError::Duplicate { timestamp_ms }),
        }
    }

    pub(super) fn push_to(self, samples: &mut SampleBatch) {
        match self.value {
            RowValue::Float(bits) => samples.push_float(self.timestamp_ms, f64::from_bits(bits)),
            RowValue::Histogram(h) => samples.push_histogram(self.timestamp_ms, as_read(h)),
        }
        samples.set_start_timestamp(self.start_timestamp_ms);
    }
}

/// An explicit reset is never returned from storage: readers compare the values.
fn as_read(h: HistogramValue) -> HistogramValue {
    let reset = CounterResetHint::Reset;
    match h {
        HistogramValue::Int(mut h) if h.counter_reset_hint == reset => {
            Arc::make_mut(&mut h).counter_reset_hint = CounterResetHint::Unknown;
            HistogramValue::Int(h)
        }
        HistogramValue::Float(mut h) if h.counter_reset_hint == reset => {
            Arc::make_mut(&mut h).counter_reset_hint = CounterResetHint::Unknown;
            HistogramValue::Float(h)
        }
        other => other,
    }
}

/// Equality as a store sees it: floats by their bits, without the counter-reset hint and without empty spans.
fn same_histogram(a: &HistogramValue, b: &HistogramValue) -> bool {
    match (a, b) {
        (HistogramValue::Int(a), HistogramValue::Int(b)) => {
            (a.positive_deltas == b.positive_deltas && a.negative_deltas == b.negative_deltas)
                && same_shape(&a.to_float(), &b.to_float())
        }
        (HistogramValue::Float(a), HistogramValue::Float(b)) => {
            same_bits(&a.positive_buckets, &b.positive_buckets)
                && same_bits(&a.negative_buckets, &b.negative_buckets)
                && same_shape(a, b)
        }
        _ => false,
    }
}

/// All but the buckets.
fn same_shape(a: &FloatHistogram, b: &FloatHistogram) -> bool {
    let scalars = |h: &FloatHistogram| [h.zero_threshold, h.zero_count, h.count, h.sum];
    a.schema == b.schema
        && same_bits(&scalars(a), &scalars(b))
        && same_bits(&a.custom_bounds, &b.custom_bounds)
        && runs(&a.positive_spans) == runs(&b.positive_spans)
        && runs(&a.negative_spans) == runs(&b.negative_spans)
}

fn same_bits(a: &[f64], b: &[f64]) -> bool {
    a.iter().map(|v| v.to_bits()).eq(b.iter().map(|v| v.to_bits()))
}

/// First bucket and length of every span that is not empty.
fn runs(spans: &[Span]) -> Vec<(i64, u32)> {
    let mut end = 0;
    let mut runs = Vec::with_capacity(spans.len());
    for span in spans {
        let start = end + i64::from(span.offset);
        end = start + i64::from(span.length);
        runs.push((start, span.length));
    }
    runs.retain(|(_, length)| *length > 0);
    runs
}
