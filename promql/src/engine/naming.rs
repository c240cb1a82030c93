//! Dropping the metric name where each operation drops it: without delayed removal.

use std::collections::HashMap;
use std::mem::size_of;

use foldhash::fast::FixedState;
use promethium_model::labels::METRIC_NAME;
use promethium_model::{Labels, MatchOp, Matcher, QueryError};

use super::bitmap::Bitmap;
use super::budget::{Budget, Charge, table_bytes};
use super::column::{Series, label_bytes};
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
        if all.series.iter().any(|s| s.drop_name) {
            if self.is_range_call(id) {
                let mut nameless = Nameless::new(self.budget, false).of_whole_series();
                all.series.iter().filter(|s| s.drop_name).try_for_each(|s| nameless.pass(s))?;
            }
            all.series.iter_mut().filter(|s| s.drop_name).for_each(drop_metadata);
            all.series = merge_equal(std::mem::take(&mut all.series), self.budget)?;
        }
        all.hand_on(sink)
    }

    /// All series share a name, so dropping it keeps them apart: except for those with type or unit, which wait.
    fn drop_streaming(&self, names: Names, id: ExprId, steps: Steps, sink: Sink<'_>) -> Result<(), QueryError> {
        let mut nameless = Nameless::new(self.budget, true);
        if self.is_range_call(id) {
            nameless = nameless.of_whole_series();
        }
        let mut waiting = Collected::new(self.budget);
        self.vector_flagged(id, steps, &mut |mut series| {
            // Where one waits, all behind it do: series keep their order.
            if !waiting.series.is_empty() || (series.drop_name && is_described(&series.labels)) {
                return waiting.push(series);
            }
            if series.drop_name {
                nameless.pass(&series)?;
                // What is said of histograms names their metrics.
                if names == Names::Matter || !series.column.histograms.is_empty() {
                    drop_metadata(&mut series);
                }
                series.drop_name = false;
            }
            sink(series)
        })?;
        if waiting.series.is_empty() {
            return Ok(());
        }
        waiting.series.iter().filter(|s| s.drop_name).try_for_each(|s| nameless.pass(s))?;
        waiting.series.iter_mut().filter(|s| s.drop_name).for_each(drop_metadata);
        waiting.series = merge_equal(std::mem::take(&mut waiting.series), self.budget)?;
        waiting.hand_on(sink)
    }

    /// Whether the node is a function over ranges.
    fn is_range_call(&self, id: ExprId) -> bool {
        matches!(&self.node(id).op, Op::Call { function, .. } if function.takes_range())
    }

    /// Whether all series of a vector come from one metric, with their labels as stored.
    pub(super) fn has_one_name(&self, id: ExprId) -> bool {
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

/// The series of one vector whose names go, as they stream by: no two that are then equal may hold the same step.
pub(super) struct Nameless<'b> {
    /// Those that cannot clash with each other, nor have met one that can; without steps where they hold all of them.
    apart: Vec<(Labels, Option<Bitmap>)>,
    /// The steps by labels, once some can clash.
    met: Option<HashMap<Labels, Bitmap, FixedState>>,
    whole_series: bool,
    charge: Charge<'b>,
}

impl<'b> Nameless<'b> {
    /// For series of one metric, which only type and unit can make equal, or of several.
    pub(super) fn new(budget: &'b Budget<'b>, one_name: bool) -> Self {
        let met = if one_name { None } else { Some(HashMap::default()) };
        Nameless { apart: Vec::new(), met, whole_series: false, charge: budget.open() }
    }

    /// Refuses equal labels whatever the steps, as Prometheus does with what functions over ranges give.
    fn of_whole_series(mut self) -> Self {
        self.whole_series = true;
        self
    }

    /// Takes note of a series that is going to lose its name.
    ///
    /// # Errors
    ///
    /// When it clashes with an earlier one.
    pub(super) fn pass(&mut self, series: &Series) -> Result<(), QueryError> {
        let count = series.column.steps();
        self.charge.hold(label_bytes(&series.labels))?;
        let mut met = match self.met.take() {
            Some(met) => met,
            None if is_described(&series.labels) => self.index_apart(count)?,
            None => return self.keep_apart(series),
        };
        let steps = series.column.occupied();
        self.charge.hold(table_bytes(1, size_of::<(Labels, Bitmap)>()) + count / 8)?;
        let known = met.entry(series.labels.without(is_metadata)).or_insert_with(|| Bitmap::new(count));
        if known.overlaps(&steps) || (self.whole_series && known.any()) {
            return Err(duplicate_labels());
        }
        known.union(&steps);
        self.met = Some(met);
        Ok(())
    }

    fn keep_apart(&mut self, series: &Series) -> Result<(), QueryError> {
        let steps = (!series.column.is_full()).then(|| series.column.occupied());
        self.charge.hold(steps.as_ref().map_or(0, |steps| steps.bits() / 8))?;
        self.charge.push(&mut self.apart, (series.labels.clone(), steps))
    }

    /// The series so far, by the labels that they will have.
    fn index_apart(&mut self, count: usize) -> Result<HashMap<Labels, Bitmap, FixedState>, QueryError> {
        self.charge
            .hold(table_bytes(self.apart.len(), size_of::<(Labels, Bitmap)>()) + self.apart.len() * count / 8)?;
        let entry = |(labels, steps): (Labels, Option<Bitmap>)| {
            (labels.without(is_metadata), steps.unwrap_or_else(|| Bitmap::full(count)))
        };
        Ok(self.apart.drain(..).map(entry).collect())
    }
}

/// Whether a series has a type or a unit beside its name.
fn is_described(labels: &Labels) -> bool {
    labels.has("__type__") || labels.has("__unit__")
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
