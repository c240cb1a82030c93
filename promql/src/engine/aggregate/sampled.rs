//! `limitk` and `limit_ratio`: some series of each group, with all their samples.

use promethium_model::float::format_g;
use promethium_model::{Labels, QueryError};

use super::super::bitmap::Bitmap;
use super::super::eval::{Evaluator, SCALAR_BYTES, Sink};
use super::super::steps::Steps;
use super::groups::members;
use super::ranked::Counts;
use crate::parser::ExprId;
use crate::plan::AggregatePlan;

impl<'a> Evaluator<'a> {
    /// The first `k` of each group at each step.
    pub(super) fn limitk(&self, plan: &AggregatePlan, steps: Steps, sink: Sink<'_>) -> Result<(), QueryError> {
        let counts = self.parameter(plan, steps)?;
        let mut charge = self.budget.hold(4 * SCALAR_BYTES * steps.count)?;
        let mut all = self.collect(plan.expr, steps)?;
        let Some(counts) = Counts::of(&counts)? else { return Ok(()) };
        for group in members(plan, &all.series, &mut charge)? {
            let mut taken = vec![0usize; steps.count];
            for i in group.state {
                self.budget.check()?;
                let mut kept = Bitmap::new(steps.count);
                for step in all.series[i].column.occupied().ones().filter(|step| taken[*step] < counts.at(*step)) {
                    kept.set(step);
                }
                kept.ones().for_each(|step| taken[step] += 1);
                all.series[i].column.retain(&kept);
            }
        }
        all.series.retain(|s| s.column.any());
        all.hand_on(sink)
    }

    /// Each series by its hash; groups do not matter.
    pub(super) fn limit_ratio(
        &self,
        plan: &AggregatePlan,
        id: ExprId,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let ratios = self.parameter(plan, steps)?;
        let _ratios = self.budget.hold(2 * SCALAR_BYTES * steps.count)?;
        let (none, invalid) = (ratios.iter().all(|r| *r == 0.0), ratios.iter().any(|r| r.is_nan()));
        // The vector is evaluated in any case: it may fail, or have something to say.
        self.vector(plan.expr, steps, &mut |mut series| {
            if none || invalid {
                return Ok(());
            }
            let mut kept = Bitmap::new(steps.count);
            let sampled = |(_, ratio): &(usize, &f64)| is_sampled(&series.labels, **ratio);
            ratios.iter().enumerate().filter(sampled).for_each(|(step, _)| kept.set(step));
            series.column.retain(&kept);
            if series.column.any() { sink(series) } else { Ok(()) }
        })?;
        if invalid {
            return Err(QueryError::Execution("Ratio value is NaN".to_owned()));
        }
        self.warn_of_ratios(plan, id, &ratios);
        Ok(())
    }

    fn warn_of_ratios(&self, plan: &AggregatePlan, id: ExprId, ratios: &[f64]) {
        let Some(param) = plan.param else { return };
        let origin = self.origin(id, param);
        let max = ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let min = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        for (extreme, cap) in [(max, 1.0), (min, -1.0)] {
            if extreme.abs() > 1.0 && extreme.signum() == cap {
                let (got, cap) = (format_g(extreme), format_g(cap));
                let text = format!("ratio value should be between -1 and 1, got {got}, capping to {cap}");
                self.notes.warn(origin, text);
            }
        }
    }
}

/// A negative ratio takes exactly what its positive complement leaves.
fn is_sampled(labels: &Labels, ratio: f64) -> bool {
    let ratio = ratio.clamp(-1.0, 1.0);
    let offset = labels.hash() as f64 / u64::MAX as f64;
    match ratio {
        r if r > 0.0 => offset < r,
        r if r < 0.0 => offset >= 1.0 + r,
        _ => false,
    }
}
