//! The samples of one series as range functions see them: floats and histograms apart, stale markers gone.

use std::sync::Arc;

use promethium_model::{CounterResetHint, FloatHistogram, SampleBatch, is_stale};

use super::column::{Column, histogram_bytes};
use super::steps::Steps;

/// Both columns are in time order. Start timestamps are empty when no sample has one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples {
    pub(crate) times: Vec<i64>,
    pub(crate) floats: Vec<f64>,
    pub(crate) start_times: Vec<i64>,
    pub(crate) histogram_times: Vec<i64>,
    pub(crate) histograms: Vec<Arc<FloatHistogram>>,
    pub(crate) histogram_start_times: Vec<i64>,
}

impl Samples {
    /// Takes the rows of a batch, which is left empty.
    pub(crate) fn take(&mut self, batch: &mut SampleBatch) {
        self.clear();
        if batch.is_float_only() && !batch.floats.iter().any(|v| is_stale(*v)) {
            std::mem::swap(&mut self.times, &mut batch.timestamps);
            std::mem::swap(&mut self.floats, &mut batch.floats);
            std::mem::swap(&mut self.start_times, &mut batch.start_timestamps);
        } else {
            self.split(batch);
        }
        batch.clear();
    }

    fn split(&mut self, batch: &SampleBatch) {
        let mut histograms = batch.histograms.iter().peekable();
        for (row, (t, v)) in batch.timestamps.iter().zip(&batch.floats).enumerate() {
            let start = batch.start_timestamps.get(row).copied();
            if let Some((_, h)) = histograms.next_if(|(at, _)| *at as usize == row) {
                if !h.is_stale() {
                    self.histogram_times.push(*t);
                    self.histograms.push(h.to_float());
                    self.histogram_start_times.extend(start);
                }
            } else if !is_stale(*v) {
                self.times.push(*t);
                self.floats.push(*v);
                self.start_times.extend(start);
            }
        }
    }

    /// Bytes that [`Samples::of_column`] takes, histograms that must be changed included, and a number a sample for the
    /// function that works on them.
    pub(crate) fn bytes_of_column(column: &Column) -> usize {
        let histograms: usize = column.histograms.iter().map(|(_, h)| 24 + histogram_bytes(h)).sum();
        24 * column.present.count() + histograms
    }

    /// The samples of an evaluated column, at the times of its steps.
    pub(crate) fn of_column(column: &Column, steps: Steps) -> Samples {
        let mut samples = Samples::default();
        samples.times.reserve_exact(column.present.count());
        samples.floats.reserve_exact(column.present.count());
        for step in column.present.ones() {
            samples.times.push(steps.time(step));
            samples.floats.push(column.values[step]);
        }
        for (step, h) in &column.histograms {
            samples.histogram_times.push(steps.time(*step as usize));
            samples.histograms.push(without_reset_hint(h));
        }
        samples
    }

    fn clear(&mut self) {
        self.times.clear();
        self.floats.clear();
        self.start_times.clear();
        self.histogram_times.clear();
        self.histograms.clear();
        self.histogram_start_times.clear();
    }

    /// The start timestamp of float `i`, 0 when unknown.
    pub(crate) fn start_time(&self, i: usize) -> i64 {
        self.start_times.get(i).copied().unwrap_or(0)
    }

    /// The start timestamp of histogram `i`, 0 when unknown.
    pub(crate) fn histogram_start_time(&self, i: usize) -> i64 {
        self.histogram_start_times.get(i).copied().unwrap_or(0)
    }

    pub(crate) fn has_histograms(&self) -> bool {
        !self.histograms.is_empty()
    }
}

/// What a hint said of the sample before in storage does not hold of the step before.
pub(super) fn without_reset_hint(h: &Arc<FloatHistogram>) -> Arc<FloatHistogram> {
    let mut h = Arc::clone(h);
    if matches!(h.counter_reset_hint, CounterResetHint::Reset | CounterResetHint::NotReset) {
        Arc::make_mut(&mut h).counter_reset_hint = CounterResetHint::Unknown;
    }
    h
}
