//! Where windows come from: storage, or a subquery.

use promethium_model::{Labels, QueryError, SampleBatch};

use super::super::column::{Column, Series};
use super::super::eval::{Evaluator, Sink, unexpected};
use super::super::histogram::stats_only;
use super::super::notes::Notes;
use super::super::samples::Samples;
use super::super::steps::Steps;
use crate::parser::{ExprId, Extension};
use crate::plan::{Op, RangePlan, SubqueryPlan};

/// One series of a range vector, all windows' samples at once.
pub(crate) struct RangeSeries<'s> {
    pub(crate) labels: &'s Labels,
    pub(crate) drop_name: bool,
    pub(crate) samples: &'s Samples,
}

pub(crate) type OnRange<'s> = &'s mut dyn FnMut(RangeSeries<'_>) -> Result<(), QueryError>;

/// What is made of one series of a range vector, on any thread.
pub(crate) type RangeWork<'s> = &'s (dyn Fn(RangeSeries<'_>, &Notes<'_>) -> Result<Option<Series>, QueryError> + Sync);

impl<'a> Evaluator<'a> {
    /// Calls `on_series` for every series of a range vector.
    pub(crate) fn each_range(&self, id: ExprId, steps: Steps, on_series: OnRange<'_>) -> Result<(), QueryError> {
        match &self.node(id).op {
            Op::Range(range) => {
                let mut samples = Samples::default();
                let (ends, width_ms) = self.data_windows(range, steps);
                self.fetcher.each(range.selector.fetch, self.budget, self.notes, &mut |labels, batch| {
                    if range.selector.stats_only && !batch.is_float_only() {
                        stats_only::strip(batch, ends, width_ms);
                    }
                    samples.take(batch);
                    on_series(RangeSeries { labels, drop_name: false, samples: &samples })
                })
            }
            Op::Subquery(subquery) => self.subquery(subquery, steps, on_series),
            _ => Err(unexpected("a range", self.node(id))),
        }
    }

    /// Hands on what `work` makes of every series of a range vector, in the order of the series.
    pub(crate) fn map_range(
        &self,
        id: ExprId,
        steps: Steps,
        work: RangeWork<'_>,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let Op::Range(range) = &self.node(id).op else {
            return self.each_range(id, steps, &mut |series| match work(series, self.notes)? {
                Some(result) => sink(result),
                None => Ok(()),
            });
        };
        let (ends, width_ms) = self.data_windows(range, steps);
        let stats_only = range.selector.stats_only;
        let of_batch = |labels: &Labels, batch: &mut SampleBatch, samples: &mut Samples, notes: &Notes<'_>| {
            if stats_only && !batch.is_float_only() {
                stats_only::strip(batch, ends, width_ms);
            }
            samples.take(batch);
            work(RangeSeries { labels, drop_name: false, samples }, notes)
        };
        self.fetcher.map(range.selector.fetch, self.budget, self.notes, &of_batch, sink)
    }

    /// The windows of samples that the range reads, which are wider than the range when it is extended.
    fn data_windows(&self, range: &RangePlan, steps: Steps) -> (Steps, i64) {
        let mut ends = steps.shifted(range.selector.shift);
        let before = if range.selector.extension.is_some() { self.lookback_ms } else { 0 };
        let after = if range.selector.extension == Some(Extension::Smoothed) { self.lookback_ms } else { 0 };
        ends.start_ms = ends.start_ms.saturating_add(after);
        (ends, range.range_ms.saturating_add(before).saturating_add(after))
    }

    /// Evaluates the inner expression once, over all steps that some window covers.
    fn subquery(&self, subquery: &SubqueryPlan, steps: Steps, on_series: OnRange<'_>) -> Result<(), QueryError> {
        let inner = inner_steps(subquery, steps.shifted(subquery.shift));
        if inner.count == 0 {
            return Ok(());
        }
        // Each step takes room in every column: what could never be held is not begun.
        self.budget.refuse_above_limit(inner.count)?;
        self.budget.room_for(Column::float_bytes(inner.count))?;
        self.vector(subquery.expr, inner, &mut |series| {
            let Series { labels, drop_name, column } = series;
            let mut charge = self.budget.open();
            charge.add(column.cost())?;
            charge.hold(Samples::bytes_of_column(&column))?;
            let samples = Samples::of_column(&column, inner);
            drop(column);
            on_series(RangeSeries { labels: &labels, drop_name, samples: &samples })
        })
    }
}

/// All multiples of the subquery's step, counted from the epoch, in the union of the windows.
fn inner_steps(subquery: &SubqueryPlan, ends: Steps) -> Steps {
    let step = subquery.step_ms;
    let after = ends.start_ms.saturating_sub(subquery.range_ms);
    let first = after.div_euclid(step).saturating_add(1).saturating_mul(step);
    let last = ends.last_ms().div_euclid(step).saturating_mul(step);
    Steps::between(first, last, step)
}
