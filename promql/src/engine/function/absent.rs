//! `absent`: 1 where a vector has nothing.

use promethium_model::labels::METRIC_NAME;
use promethium_model::{Labels, LabelsBuilder, MatchOp, Matcher, QueryError};

use super::super::column::{Column, Series};
use super::super::eval::{Evaluator, Sink};
use super::super::steps::Steps;
use crate::parser::ExprId;
use crate::plan::Op;

/// The labels that a missing series would have had: those set by exactly one `=` matcher.
pub(crate) fn absent_labels(matchers: &[Matcher]) -> Labels {
    let mut builder = LabelsBuilder::new();
    let mut set: Vec<&str> = Vec::new();
    for matcher in matchers.iter().filter(|m| m.name != METRIC_NAME) {
        if matcher.op == MatchOp::Equal && !set.contains(&matcher.name.as_str()) {
            builder.set(&matcher.name, &matcher.value);
            set.push(&matcher.name);
        } else {
            builder.remove(&matcher.name);
        }
    }
    builder.build()
}

impl<'a> Evaluator<'a> {
    pub(super) fn absent(&self, arg: ExprId, steps: Steps, sink: Sink<'_>) -> Result<(), QueryError> {
        let mut absent = Column::constant(steps.count, 1.0);
        self.vector(arg, steps, &mut |series| {
            absent.present.subtract(&series.column.occupied());
            Ok(())
        })?;
        let labels = match &self.node(arg).op {
            Op::Selector(selector) => absent_labels(&selector.matchers),
            _ => Labels::empty(),
        };
        if absent.any() { sink(Series::new(labels, absent)) } else { Ok(()) }
    }
}
