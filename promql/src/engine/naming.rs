//! Dropping the metric name where each operation drops it: without delayed removal.

use std::collections::HashSet;
use std::mem::size_of;

use foldhash::fast::FixedState;
use promethium_model::labels::METRIC_NAME;
use promethium_model::{Labels, MatchOp, Matcher, QueryError};

use super::budget::table_bytes;
use super::column::label_bytes;
use super::eval::{Collected, Evaluator, Names, Sink};
use super::output::{drop_metadata, duplicate_labels, is_metadata, merge_equal};
use super::steps::Steps;
use crate::parser::{ExprId, Function, ValueType};
use crate::plan::Op;

impl<'a> Evaluator<'a> {
    /// Evaluates a vector, drops the names that it wants dropped, and merges what then has equal labels.
    pub(super) fn vector_dropping(
        &self,
        names: Names,
        id: ExprId,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        if self.has_one_name(id) {
            self.drop_streaming(names, id, steps, sink)
        } else {
            self.drop_collected(id, steps, sink)
        }
    }

    fn drop_collected(&self, id: ExprId, steps: Steps, sink: Sink<'_>) -> Result<(), QueryError> {
        let mut all = Collected::new(self.budget);
        self.vector_flagged(id, steps, &mut |series| all.push(series))?;
        let dropped = all.series.iter_mut().filter(|s| s.drop_name).map(drop_metadata).count();
        if dropped > 0 {
            all.series = merge_equal(std::mem::take(&mut all.series), self.budget)?;
        }
        all.hand_on(sink)
    }

    /// All series share a name, so dropping it keeps them apart: except for those with type or unit, which wait.
    fn drop_streaming(&self, names: Names, id: ExprId, steps: Steps, sink: Sink<'_>) -> Result<(), QueryError> {
        let mut handed_on: Vec<Labels> = Vec::new();
        let mut charge = self.budget.open();
        let mut waiting = Collected::new(self.budget);
        self.vector_flagged(id, steps, &mut |mut series| {
            let described = series.labels.has("__type__") || series.labels.has("__unit__");
            // Where one waits, all behind it do: series keep their order.
            if !waiting.series.is_empty() || (series.drop_name && described) {
                return waiting.push(series);
            }
            if series.drop_name {
                // Type and unit matter where names do not, and what is said of histograms names their metrics.
                if names == Names::Matter || described || !series.column.histograms.is_empty() {
                    drop_metadata(&mut series);
                }
                series.drop_name = false;
                charge.hold(label_bytes(&series.labels))?;
                charge.push(&mut handed_on, series.labels.clone())?;
            }
            sink(series)
        })?;
        if waiting.series.is_empty() {
            return Ok(());
        }
        waiting.series.iter_mut().filter(|s| s.drop_name).for_each(drop_metadata);
        charge.hold(table_bytes(handed_on.len(), size_of::<Labels>()))?;
        let known: HashSet<Labels, FixedState> = handed_on.iter().map(|labels| labels.without(is_metadata)).collect();
        if waiting.series.iter().any(|s| known.contains(&s.labels)) {
            return Err(duplicate_labels());
        }
        waiting.series = merge_equal(std::mem::take(&mut waiting.series), self.budget)?;
        waiting.hand_on(sink)
    }

    /// Whether all series of a vector come from one metric, with their labels as stored.
    fn has_one_name(&self, id: ExprId) -> bool {
        let mut id = id;
        loop {
            id = match &self.node(id).op {
                Op::Selector(selector) => return pins_name(&selector.matchers),
                Op::Range(range) => return pins_name(&range.selector.matchers),
                Op::Subquery(subquery) => subquery.expr,
                Op::Unary { expr, .. } => *expr,
                Op::Call { function, args } if keeps_labels(*function) => {
                    let Some(inner) = args.iter().find(|a| self.plan.value_type(**a) != ValueType::Scalar) else {
                        return false;
                    };
                    *inner
                }
                Op::Binary(b) if self.plan.value_type(b.rhs) == ValueType::Scalar => b.lhs,
                Op::Binary(b) if self.plan.value_type(b.lhs) == ValueType::Scalar => b.rhs,
                _ => return false,
            };
        }
    }
}

fn pins_name(matchers: &[Matcher]) -> bool {
    matchers.iter().any(|m| m.op == MatchOp::Equal && m.name == METRIC_NAME)
}

/// Whether each series that goes in comes out with its labels, but for the name.
fn keeps_labels(function: Function) -> bool {
    use Function as F;
    !matches!(
        function,
        F::LabelReplace
            | F::LabelJoin
            | F::HistogramQuantile
            | F::HistogramQuantiles
            | F::HistogramFraction
            | F::Vector
            | F::Absent
            | F::AbsentOverTime
    )
}

/// Whether the operation itself may ask for the removal of names.
pub(super) fn can_drop_name(op: &Op) -> bool {
    !matches!(op, Op::Selector(_) | Op::Aggregate(_) | Op::Info(_))
}
