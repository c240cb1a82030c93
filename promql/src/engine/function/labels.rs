//! `label_replace` and `label_join`: whole series change their labels.

use promethium_model::labels::{METRIC_NAME, is_valid_label_name};
use promethium_model::{LabelsBuilder, QueryError};

use super::super::column::Series;
use super::super::eval::{Collected, Evaluator, Sink};
use super::super::output::merge_equal;
use super::super::steps::Steps;
use crate::parser::ExprId;

/// Longest value that a function may give a label, in bytes: one is at most doubled by each call, of which there can be many.
const MAX_VALUE_BYTES: usize = 1 << 20;

impl<'a> Evaluator<'a> {
    pub(super) fn label_replace(&self, args: &[ExprId], steps: Steps, sink: Sink<'_>) -> Result<(), QueryError> {
        let [_, destination, replacement, source, pattern] = args else { return Ok(()) };
        let pattern = self.text(*pattern)?;
        let regex = self
            .regexes
            .get(&pattern)
            .map_err(|_| QueryError::Execution(format!("invalid regular expression in label_replace(): {pattern}")))?;
        let _program = self.budget.hold(regex.program_bytes())?;
        let destination = self.label_name(*destination, "destination", "label_replace")?;
        let (replacement, source) = (self.text(*replacement)?, self.text(*source)?);
        // Each reference takes at most the whole value.
        let references = replacement.matches('$').count();
        self.relabelled(args[0], steps, sink, |series| {
            let value = series.labels.get(&source).unwrap_or("");
            self.check_label(series, replacement.len() + references.saturating_mul(value.len()))?;
            if let Some(new) = regex.expand(value, &replacement) {
                set_label(series, &destination, &new);
            }
            Ok(())
        })
    }

    pub(super) fn label_join(&self, args: &[ExprId], steps: Steps, sink: Sink<'_>) -> Result<(), QueryError> {
        let sources: Vec<String> =
            args[3..].iter().map(|a| self.label_name(*a, "source", "label_join")).collect::<Result<_, _>>()?;
        let destination = self.label_name(args[1], "destination", "label_join")?;
        let separator = self.text(args[2])?;
        self.relabelled(args[0], steps, sink, |series| {
            let values: Vec<&str> = sources.iter().map(|l| series.labels.get(l).unwrap_or("")).collect();
            let bytes: usize = values.iter().map(|v| v.len() + separator.len()).sum();
            self.check_label(series, bytes)?;
            set_label(series, &destination, &values.join(&separator));
            Ok(())
        })
    }

    fn relabelled(
        &self,
        arg: ExprId,
        steps: Steps,
        sink: Sink<'_>,
        change: impl Fn(&mut Series) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let mut all = Collected::new(self.budget);
        self.vector(arg, steps, &mut |mut series| {
            change(&mut series)?;
            all.push(series)
        })?;
        all.series = merge_equal(std::mem::take(&mut all.series), self.budget)?;
        all.hand_on(sink)
    }

    /// Whether there is room for a series with a label of so many bytes: the value, what it is built from, and the new set.
    fn check_label(&self, series: &Series, bytes: usize) -> Result<(), QueryError> {
        if bytes > MAX_VALUE_BYTES {
            let text = format!("label values of more than {MAX_VALUE_BYTES} bytes cannot be made");
            return Err(QueryError::Execution(text));
        }
        self.budget.room_for(4 * bytes + 2 * series.bytes())
    }

    fn text(&self, id: ExprId) -> Result<String, QueryError> {
        Ok(String::from_utf8_lossy(self.string(id)?).into_owned())
    }

    fn label_name(&self, id: ExprId, role: &str, function: &str) -> Result<String, QueryError> {
        let bytes = self.string(id)?;
        match std::str::from_utf8(bytes) {
            Ok(name) if is_valid_label_name(name) => Ok(name.to_owned()),
            _ => {
                let shown = String::from_utf8_lossy(bytes);
                Err(QueryError::Execution(format!("invalid {role} label name in {function}(): {shown}")))
            }
        }
    }
}

/// Sets a label, or with an empty value removes it. A name that is set anew is no longer waiting to be dropped.
fn set_label(series: &mut Series, name: &str, value: &str) {
    series.labels = LabelsBuilder::from_labels(&series.labels).set(name, value).build();
    if name == METRIC_NAME {
        series.drop_name = false;
    }
}
