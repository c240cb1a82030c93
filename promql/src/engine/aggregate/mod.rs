//! Aggregations. Those that need one pass take the series as they stream by, into one accumulator a group; the others
//! hold the vector whole.

mod accumulate;
mod count_values;
mod groups;
mod ranked;
mod sampled;
mod variance;

use promethium_model::QueryError;

use super::column::{Column, Series};
use super::eval::{Evaluator, Names, Sink, unexpected};
use super::output::is_metadata;
use super::steps::Steps;
use crate::parser::{AggregateOp, ExprId};
use crate::plan::AggregatePlan;
use accumulate::Accumulator;
use groups::Groups;
pub(crate) use ranked::LARGEST_COUNT;

impl<'a> Evaluator<'a> {
    pub(crate) fn aggregate(
        &self,
        plan: &'a AggregatePlan,
        id: ExprId,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        use AggregateOp as A;
        match plan.op {
            A::Sum | A::Avg | A::Count | A::Min | A::Max | A::Group | A::Stddev | A::Stdvar => {
                self.accumulate(plan, id, steps, sink)
            }
            A::CountValues => self.count_values(plan, steps, sink),
            A::Quantile => self.quantile(plan, id, steps, sink),
            A::Topk | A::Bottomk => self.ranked(plan, id, steps, sink),
            A::Limitk => self.limitk(plan, steps, sink),
            A::LimitRatio => self.limit_ratio(plan, id, steps, sink),
        }
    }

    fn accumulate(&self, plan: &AggregatePlan, id: ExprId, steps: Steps, sink: Sink<'_>) -> Result<(), QueryError> {
        let mut groups: Groups<'_, Box<dyn Accumulator>> = Groups::new(plan);
        let mut charge = self.budget.open();
        // Groups by other labels have no name anyway.
        let names = match plan.grouping.iter().any(|l| is_metadata(l)) {
            true => Names::Matter,
            false => Names::DoNotMatter,
        };
        self.vector_for(names, plan.expr, steps, &mut |series| {
            self.budget.room_for(accumulate::bytes(plan.op, steps.count))?;
            let group = groups.of(&series, || accumulate::for_op(plan.op, steps.count));
            if group.is_new {
                charge.add(steps.count)?;
                charge.hold(group.label_bytes + accumulate::bytes(plan.op, steps.count))?;
            }
            let before = group.state.histogram_bytes();
            group.state.add(&series);
            charge.hold(group.state.histogram_bytes().saturating_sub(before))
        })?;
        let origin = self.origin(id, plan.expr);
        for group in groups.into_iter() {
            let _result = self.budget.hold(Column::float_bytes(steps.count) + group.state.histogram_bytes())?;
            let column = group.state.finish(self.notes, origin, plan.op);
            if column.any() {
                sink(Series { labels: group.labels, drop_name: group.flags.of(&column), column })?;
            }
        }
        Ok(())
    }

    /// The scalar parameter of an aggregation, one value a step.
    fn parameter(&self, plan: &AggregatePlan, steps: Steps) -> Result<Vec<f64>, QueryError> {
        match plan.param {
            Some(param) => self.scalar(param, steps),
            None => Err(unexpected("a parameter", self.node(plan.expr))),
        }
    }
}
