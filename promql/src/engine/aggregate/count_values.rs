//! `count_values`: one group a distinct value.

use std::collections::HashMap;
use std::mem::size_of;

use foldhash::fast::FixedState;
use promethium_model::labels::is_valid_label_name;
use promethium_model::quote::go_quoted_bytes;
use promethium_model::{Labels, LabelsBuilder, QueryError, SampleValue, float};

use super::super::budget::table_bytes;
use super::super::column::{Column, Series, label_bytes};
use super::super::eval::{Collected, Evaluator, Sink, unexpected};
use super::super::histogram;
use super::super::steps::Steps;
use super::groups::group_labels;
use crate::plan::AggregatePlan;

impl<'a> Evaluator<'a> {
    pub(super) fn count_values(&self, plan: &AggregatePlan, steps: Steps, sink: Sink<'_>) -> Result<(), QueryError> {
        let Some(param) = plan.param else { return Err(unexpected("a parameter", self.node(plan.expr))) };
        let bytes = self.string(param)?;
        let label = std::str::from_utf8(bytes).ok().filter(|l| is_valid_label_name(l));
        let Some(label) = label else {
            return Err(QueryError::Execution(format!("invalid label name {}", go_quoted_bytes(bytes))));
        };
        let mut groups: HashMap<Labels, usize, FixedState> = HashMap::default();
        let mut counted: Vec<Series> = Vec::new();
        let mut charge = self.budget.open();
        self.vector(plan.expr, steps, &mut |series| {
            let base = LabelsBuilder::from_labels(&group_labels(plan, &series.labels));
            for step in series.column.occupied().ones() {
                self.budget.check_now_and_then(step)?;
                let Some(value) = series.column.value(step) else { continue };
                let labels = base.clone().set(label, &value_text(&value)).build();
                let at = *groups.entry(labels.clone()).or_insert(counted.len());
                if at == counted.len() {
                    charge.add(steps.count)?;
                    let entry = table_bytes(1, size_of::<(Labels, usize)>()) + label_bytes(&labels);
                    charge.hold(entry + Column::float_bytes(steps.count))?;
                    charge.push(&mut counted, Series::new(labels, Column::new(steps.count)))?;
                }
                let column = &mut counted[at].column;
                let so_far = column.float(step).unwrap_or(0.0);
                column.set(step, so_far + 1.0);
            }
            Ok(())
        })?;
        Collected::of(counted, charge).hand_on(sink)
    }
}

fn value_text(value: &SampleValue) -> String {
    match value {
        SampleValue::Float(v) => float::format_f(*v),
        SampleValue::Histogram(h) => histogram::text::text(h),
    }
}
