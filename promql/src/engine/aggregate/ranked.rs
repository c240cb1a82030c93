//! `quantile`, `topk` and `bottomk`: the values of a group in order, step by step.

use std::cmp::Ordering;
use std::mem::size_of;

use promethium_model::QueryError;
use promethium_model::float::format_g;

use super::super::bitmap::Bitmap;
use super::super::budget::Budget;
use super::super::column::{Column, Series};
use super::super::eval::{Evaluator, SCALAR_BYTES, Sink};
use super::super::quantile;
use super::super::steps::Steps;
use super::accumulate::ignored_histogram;
use super::groups::members;
use crate::parser::{AggregateOp, ExprId};
use crate::plan::AggregatePlan;

impl<'a> Evaluator<'a> {
    pub(super) fn quantile(
        &self,
        plan: &AggregatePlan,
        id: ExprId,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let quantiles = self.parameter(plan, steps)?;
        if let Some(param) = plan.param {
            quantile::warn_invalid_steps(self.notes, self.origin(id, param), &quantiles);
        }
        let mut charge = self.budget.hold(SCALAR_BYTES * steps.count)?;
        let all = self.collect(plan.expr, steps)?;
        if all.series.iter().any(|s| !s.column.histograms.is_empty()) {
            ignored_histogram(self.notes, self.origin(id, plan.expr), plan.op);
        }
        let mut values = Vec::new();
        charge.hold(2 * SCALAR_BYTES * all.series.len())?;
        for group in members(plan, &all.series, &mut charge)? {
            let _result = self.budget.hold(Column::float_bytes(steps.count))?;
            let mut column = Column::new(steps.count);
            for (step, q) in quantiles.iter().enumerate() {
                self.budget.check_now_and_then(step)?;
                values.clear();
                values.extend(group.state.iter().filter_map(|i| all.series[*i].column.float(step)));
                if !values.is_empty() {
                    column.set(step, quantile::of(*q, &mut values));
                }
            }
            if column.any() {
                sink(Series { labels: group.labels, drop_name: group.flags.of(&column), column })?;
            }
        }
        Ok(())
    }

    pub(super) fn ranked(
        &self,
        plan: &AggregatePlan,
        id: ExprId,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let counts = self.parameter(plan, steps)?;
        let mut charge = self.budget.hold(2 * SCALAR_BYTES * steps.count)?;
        let mut all = self.collect(plan.expr, steps)?;
        let Some(counts) = Counts::of(&counts)? else { return Ok(()) };
        if all.series.iter().any(|s| !s.column.histograms.is_empty()) {
            ignored_histogram(self.notes, self.origin(id, id), plan.op);
        }
        let groups = members(plan, &all.series, &mut charge)?;
        // A bitmap of what is kept, places in the order and in the ranking of a step, and the way to the sink.
        let ranked = steps.count / 8 + 64 + 3 * size_of::<(f64, usize)>() + size_of::<Option<Series>>();
        charge.hold(ranked * all.series.len())?;
        let mut order = Vec::with_capacity(all.series.len());
        for group in &groups {
            order.extend(keep_best(self.budget, plan.op, &mut all.series, &group.state, &counts)?);
        }
        if steps.count > 1 {
            order.sort_unstable();
        }
        let mut series: Vec<Option<Series>> = std::mem::take(&mut all.series).into_iter().map(Some).collect();
        all.series = order.into_iter().filter_map(|i| series[i].take()).filter(|s| s.column.any()).collect();
        all.hand_on(sink)
    }
}

/// Prometheus refuses counts from here on: the largest float below 2^63.
pub(crate) const LARGEST_COUNT: f64 = 9_223_372_036_854_774_784.0;

/// How many series each step keeps. Looked at once there is a vector, which may fail or have something to say before.
pub(super) struct Counts(Vec<usize>);

impl Counts {
    /// `None` when no step keeps any.
    ///
    /// # Errors
    ///
    /// For what is no count: NaN, or past 64 bits.
    pub(super) fn of(values: &[f64]) -> Result<Option<Counts>, QueryError> {
        let nan = values.iter().any(|v| v.is_nan());
        let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let min = values.iter().copied().fold(f64::INFINITY, f64::min);
        if !nan && max < 1.0 {
            return Ok(None);
        }
        if nan {
            return Err(QueryError::Execution("Parameter value is NaN".to_owned()));
        }
        if min <= -9_223_372_036_854_775_808.0 {
            return Err(QueryError::Execution(format!("Scalar value {} underflows int64", format_g(min))));
        }
        if max >= LARGEST_COUNT {
            return Err(QueryError::Execution(format!("Scalar value {} overflows int64", format_g(max))));
        }
        Ok(Some(Counts(values.iter().map(|v| v.max(0.0) as usize).collect())))
    }

    pub(super) fn at(&self, step: usize) -> usize {
        self.0[step]
    }
}

/// Removes from the members all samples but the best of each step; returns the members, best first by the first step.
fn keep_best(
    budget: &Budget<'_>,
    op: AggregateOp,
    series: &mut [Series],
    members: &[usize],
    counts: &Counts,
) -> Result<Vec<usize>, QueryError> {
    let steps = series[members[0]].column.steps();
    let mut kept: Vec<Bitmap> = members.iter().map(|_| Bitmap::new(steps)).collect();
    let mut first_order: Vec<usize> = Vec::new();
    let mut ranked: Vec<(f64, usize)> = Vec::with_capacity(members.len());
    for step in 0..steps {
        budget.check_now_and_then(step)?;
        ranked.clear();
        ranked.extend(members.iter().enumerate().filter_map(|(at, i)| series[*i].column.float(step).map(|v| (v, at))));
        // Of equal ones the earlier is ahead.
        let order = |a: &(f64, usize), b: &(f64, usize)| best_first(op, a.0, b.0).then(a.1.cmp(&b.1));
        let most = counts.at(step);
        if most < ranked.len() {
            ranked.select_nth_unstable_by(most, order);
            ranked.truncate(most);
        }
        ranked.sort_unstable_by(order);
        ranked.iter().for_each(|(_, at)| kept[*at].set(step));
        if step == 0 {
            first_order = ranked.iter().map(|(_, at)| members[*at]).collect();
        }
    }
    for (at, i) in members.iter().enumerate() {
        series[*i].column.histograms.clear();
        series[*i].column.retain(&kept[at]);
    }
    Ok(if steps == 1 { first_order } else { members.to_vec() })
}

/// NaN loses to every number.
fn best_first(op: AggregateOp, a: f64, b: f64) -> Ordering {
    match (a.is_nan(), b.is_nan()) {
        (false, false) if op == AggregateOp::Topk => b.partial_cmp(&a).unwrap_or(Ordering::Equal),
        (false, false) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
        (a_nan, b_nan) => a_nan.cmp(&b_nan),
    }
}
