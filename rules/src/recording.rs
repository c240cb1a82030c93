//! Recording rules: the result of an expression under a new name.

use std::collections::HashSet;

use promethium_model::labels::METRIC_NAME;
use promethium_model::{Labels, VectorSample};

use crate::error::RuleError;
use crate::file::RecordSpec;
use crate::rule::{EvalTimes, Host, RuleStatus};

pub(crate) struct RecordingRule {
    pub(crate) expr: String,
    pub(crate) spec: RecordSpec,
    pub(crate) status: RuleStatus,
}

impl RecordingRule {
    pub(crate) fn new(expr: String, spec: RecordSpec) -> Self {
        RecordingRule { expr, spec, status: RuleStatus::default() }
    }

    pub(crate) fn evaluate(
        &self,
        host: &Host<'_>,
        times: &EvalTimes,
        limit: usize,
    ) -> Result<Vec<VectorSample>, RuleError> {
        let mut samples = host.query(&self.expr, times.sample_ms())?;
        for sample in &mut samples {
            sample.labels = self.relabelled(&sample.labels);
            sample.timestamp_ms = times.sample_ms();
        }
        if !are_distinct(&samples) {
            return Err(RuleError::DuplicateSeries);
        }
        match samples.len() {
            series if limit > 0 && series > limit => Err(RuleError::TooManySeries { limit, series }),
            _ => Ok(samples),
        }
    }

    fn relabelled(&self, labels: &Labels) -> Labels {
        let mut builder = labels.to_builder();
        builder.set(METRIC_NAME, &self.spec.record);
        for (name, value) in &self.spec.labels {
            builder.set(name, value);
        }
        builder.build()
    }
}

fn are_distinct(samples: &[VectorSample]) -> bool {
    let mut seen = HashSet::with_capacity(samples.len());
    samples.iter().all(|sample| seen.insert(&sample.labels))
}
