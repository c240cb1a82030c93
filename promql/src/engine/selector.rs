//! Instant selectors: the newest sample of each step's lookback window.

use promethium_model::{HistogramValue, Labels, QueryError, SampleBatch, is_stale};

use super::column::{Column, Series};
use super::eval::{Evaluator, Sink};
use super::histogram::stats_only;
use super::notes::Notes;
use super::samples::Samples;
use super::steps::Steps;
use crate::plan::SelectorPlan;

impl<'a> Evaluator<'a> {
    pub(crate) fn selector(&self, selector: &SelectorPlan, steps: Steps, sink: Sink<'_>) -> Result<(), QueryError> {
        let times = steps.shifted(selector.shift);
        let (stats_only, lookback_ms, budget) = (selector.stats_only, self.lookback_ms, self.budget);
        let work = |labels: &Labels, batch: &mut SampleBatch, _: &mut Samples, _: &Notes<'_>| {
            if stats_only && !batch.is_float_only() {
                stats_only::strip(batch, times, lookback_ms);
            }
            budget.room_for(Column::float_bytes(times.count))?;
            let mut column = Column::new(times.count);
            each_newest(batch, times, lookback_ms, |step, row| place(&mut column, batch, step, row));
            Ok(column.any().then(|| Series::new(labels.clone(), column)))
        };
        self.fetcher.map(selector.fetch, self.budget, self.notes, &work, sink)
    }

    /// Like [`Evaluator::selector`], with what `of_row` makes of the selected rows in place of their values.
    pub(crate) fn selector_rows(
        &self,
        selector: &SelectorPlan,
        times: Steps,
        of_row: &(dyn Fn(&SampleBatch, usize) -> f64 + Sync),
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let (lookback_ms, budget) = (self.lookback_ms, self.budget);
        let work = |labels: &Labels, batch: &mut SampleBatch, _: &mut Samples, _: &Notes<'_>| {
            budget.room_for(Column::float_bytes(times.count))?;
            let mut column = Column::new(times.count);
            each_newest(batch, times, lookback_ms, |step, row| column.set(step, of_row(batch, row)));
            Ok(column.any().then(|| Series::new(labels.clone(), column)))
        };
        self.fetcher.map(selector.fetch, self.budget, self.notes, &work, sink)
    }
}

fn place(column: &mut Column, batch: &SampleBatch, step: usize, row: usize) {
    match histogram_at(batch, row) {
        Some(h) => column.push_histogram(step, h.to_float()),
        None => column.set(step, batch.floats[row]),
    }
}

/// The histogram of a row; `None` for a float.
pub(super) fn histogram_at(batch: &SampleBatch, row: usize) -> Option<&HistogramValue> {
    if batch.histograms.is_empty() {
        return None;
    }
    let at = batch.histograms.binary_search_by_key(&(row as u32), |(r, _)| *r).ok()?;
    Some(&batch.histograms[at].1)
}

/// Calls `on_row` with the newest row of each step's window `(t − lookback, t]`, unless that row is stale. One walk over
/// the rows.
#[inline]
pub(super) fn each_newest(batch: &SampleBatch, times: Steps, lookback_ms: i64, mut on_row: impl FnMut(usize, usize)) {
    let timestamps = &batch.timestamps[..];
    let mut after = 0;
    for step in 0..times.count {
        let t = times.time(step);
        while after < timestamps.len() && timestamps[after] <= t {
            after += 1;
        }
        let Some(row) = after.checked_sub(1) else { continue };
        if timestamps[row] > t.saturating_sub(lookback_ms) && !is_stale(batch.floats[row]) {
            on_row(step, row);
        }
    }
}
