//! What an operator has to say of single samples. Of each step the last remark stands, as in Prometheus.

use promethium_model::SampleValue;

use super::super::notes::{Notes, Origin};
use super::op::{Outcome, type_name};
use crate::parser::BinaryOp;

/// A remark on two samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remark {
    /// The types do not go together.
    Incompatible(&'static str, &'static str),
    Warning(&'static str),
    Info(&'static str),
}

/// At most one remark a step, each with the place of its sample among those of the step.
#[derive(Debug, Default)]
pub(crate) struct Remarks {
    /// Empty as long as there is nothing to say.
    by_step: Vec<Option<(usize, Remark)>>,
}

impl Remarks {
    /// The value of an outcome; what else it says is kept. `place` orders the samples of one step.
    pub(crate) fn take_value(
        &mut self,
        step: usize,
        place: usize,
        (a, b): (&SampleValue, &SampleValue),
        outcome: Outcome,
    ) -> Option<SampleValue> {
        let (value, remark) = match outcome {
            Outcome::Value(value) => return Some(value),
            Outcome::Filtered => return None,
            Outcome::Incompatible => (None, Remark::Incompatible(type_name(a), type_name(b))),
            Outcome::Failed(text) => (None, Remark::Warning(text)),
            Outcome::Noted(value, text) => (Some(value), Remark::Info(text)),
        };
        self.add(step, place, remark);
        value
    }

    fn add(&mut self, step: usize, place: usize, remark: Remark) {
        if self.by_step.len() <= step {
            self.by_step.resize(step + 1, None);
        }
        let last = &mut self.by_step[step];
        if last.is_none_or(|(earlier, _)| earlier <= place) {
            *last = Some((place, remark));
        }
    }

    /// Says what is to be said, step by step.
    pub(crate) fn finish(self, notes: &Notes<'_>, op: BinaryOp, origin: Origin) {
        let mut said: Vec<Remark> = Vec::new();
        for (_, remark) in self.by_step.into_iter().flatten() {
            if said.contains(&remark) {
                continue;
            }
            said.push(remark);
            match remark {
                Remark::Incompatible(a, b) => {
                    let text =
                        format!("incompatible sample types encountered for binary operator \"{op}\": {a} {op} {b}");
                    notes.info(origin, text);
                }
                Remark::Warning(text) => notes.warn(origin, text.replace("OP", op.as_str())),
                Remark::Info(text) => notes.info(origin, text),
            }
        }
    }
}
