//! `label_replace` and `label_join`: whole series change their labels.

use promethium_model::labels::{METRIC_NAME, is_valid_label_name};
use promethium_model::{LabelsBuilder, QueryError};

use super::super::column::Series;
use super::super::eval::{Collected, Evaluator, Sink};
use super::super::output::merge_equal;
use super::super::steps::Steps;
use crate::parser::ExprId;

impl<'a> Evaluator<'a> {
    pub(super) fn label_replace(&self, args: &[ExprId], steps: Steps, sink: Sink<'_>) -> Result<(), QueryError> {
        let [_, destination, replacement, source, pattern] = args else { return Ok(()) };
        let pattern = self.text(*pattern)?;
        let regex = self
            .regexes
            .get(&pattern)
            .map_err(|_| QueryError::Execution(format!("invalid regular expression in label_replace(): {pattern}")))?;
        let destination = self.label_name(*destination, "destination", "label_replace")?;
        let (replacement, source) = (self.text(*replacement)?, self.text(*source)?);
        self.relabelled(args[0], steps, sink, |series| {
            let value = series.labels.get(&source).unwrap_or("");
            let Some(new) = regex.expand(value, &replacement) else { return };
            set_label(series, &destination, &new);
        })
    }

    pub(super) fn label_join(&self, args: &[ExprId], steps: Steps, sink: Sink<'_>) -> Result<(), QueryError> {
        let destination = self.label_name(args[1], "destination", "label_join")?;
        let separator = self.text(args[2])?;
        let sources: Vec<String> =
            args[3..].iter().map(|a| self.label_name(*a, "source", "label_join")).collect::<Result<_, _>>()?;
        self.relabelled(args[0], steps, sink, |series| {
            let values: Vec<&str> = sources.iter().map(|l| series.labels.get(l).unwrap_or("")).collect();
            let joined = values.join(&separator);
            set_label(series, &destination, &joined);
        })
    }

    fn relabelled(
        &self,
        arg: ExprId,
        steps: Steps,
        sink: Sink<'_>,
        change: impl Fn(&mut Series),
    ) -> Result<(), QueryError> {
        let mut all = Collected::new(self.budget);
        self.vector(arg, steps, &mut |mut series| {
            change(&mut series);
            all.push(series)
        })?;
        merge_equal(all.series)?.into_iter().try_for_each(sink)
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
