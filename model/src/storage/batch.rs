//! Samples in columns.

use crate::sample::HistogramValue;

/// A run of one series' samples as columns: a struct of arrays in time order.
///
/// Row `i` is `timestamps[i]` with `floats[i]`, unless a histogram stands at row `i`; then the float column holds the
/// stale marker where that histogram is stale, and 0 otherwise. Stale markers keep their bits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SampleBatch {
    /// Milliseconds since the epoch, strictly increasing.
    pub timestamps: Vec<i64>,
    /// One float a row.
    pub floats: Vec<f64>,
    /// The rows that are histograms: row number and value, ascending by row. Empty for float series.
    pub histograms: Vec<(u32, HistogramValue)>,
    /// Start timestamps, one a row, 0 = unknown; empty when no row has one.
    pub start_timestamps: Vec<i64>,
}

impl SampleBatch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.timestamps.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.timestamps.is_empty()
    }

    /// Drops all rows, keeps the buffers.
    pub fn clear(&mut self) {
        self.timestamps.clear();
        self.floats.clear();
        self.histograms.clear();
        self.start_timestamps.clear();
    }

    /// Appends a float row.
    #[inline]
    pub fn push_float(&mut self, timestamp_ms: i64, value: f64) {
        self.timestamps.push(timestamp_ms);
        self.floats.push(value);
        if !self.start_timestamps.is_empty() {
            self.start_timestamps.push(0);
        }
    }

    /// Appends a histogram row.
    pub fn push_histogram(&mut self, timestamp_ms: i64, value: HistogramValue) {
        let row = u32::try_from(self.len()).expect("a batch has fewer than 2^32 rows");
        self.push_float(timestamp_ms, if value.is_stale() { crate::sample::STALE_NAN } else { 0.0 });
        self.histograms.push((row, value));
    }

    /// Sets the start timestamp of the newest row.
    pub fn set_start_timestamp(&mut self, start_timestamp_ms: i64) {
        if self.start_timestamps.is_empty() && start_timestamp_ms == 0 {
            return;
        }
        self.start_timestamps.resize(self.len(), 0);
        if let Some(last) = self.start_timestamps.last_mut() {
            *last = start_timestamp_ms;
        }
    }

    /// Whether all rows are floats.
    #[must_use]
    pub fn is_float_only(&self) -> bool {
        self.histograms.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::is_stale;
    use crate::{FloatHistogram, STALE_NAN};
    use std::sync::Arc;

    #[test]
    fn columns_stay_aligned() {
        let mut b = SampleBatch::new();
        b.push_float(1, 1.0);
        b.push_histogram(2, HistogramValue::Float(Arc::new(FloatHistogram { sum: STALE_NAN, ..Default::default() })));
        b.set_start_timestamp(7);
        b.push_float(3, 3.0);
        assert_eq!(b.timestamps, [1, 2, 3]);
        assert!(is_stale(b.floats[1]));
        assert_eq!(b.histograms[0].0, 1);
        assert_eq!(b.start_timestamps, [0, 7, 0]);
    }
}
