//! Recording rules: the result of an expression under a new name.

use promethium_model::labels::METRIC_NAME;
use promethium_model::{Labels, VectorSample};

use crate::error::RuleError;
use crate::file::RecordSpec;
use crate::overlay::{SeriesSet, overlay};
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
        let own = self.spec.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        overlay(labels.iter().chain([(METRIC_NAME, self.spec.record.as_str())]).chain(own))
    }
}

fn are_distinct(samples: &[VectorSample]) -> bool {
    let mut seen = SeriesSet::with_capacity_and_hasher(samples.len(), Default::default());
    samples.iter().all(|sample| seen.insert(sample.labels.clone()))
}
