//! What recording and alerting rules have in common: how a query is asked, and what is known of the last evaluation.

use std::sync::Mutex;
use std::time::Duration;

use promethium_model::{
    Appendable, InstantOptions, Labels, QueryEngine, QueryError, QueryValue, Queryable, SampleValue, VectorSample,
};

use crate::alerting::AlertingRule;
use crate::concurrency::Slots;
use crate::error::RuleError;
use crate::file::{RuleKind, RuleSpec, SortedPairs, texts_of};
use crate::metrics::EvaluationDurations;
use crate::notifier::Notifier;
use crate::options::RuleOptions;
use crate::recording::RecordingRule;
use crate::sync::lock;
use crate::template::TemplateQueries;
use crate::view::RuleHealth;

/// What an evaluation works with.
#[derive(Clone, Copy)]
pub(crate) struct Host<'a> {
    pub(crate) engine: &'a dyn QueryEngine,
    pub(crate) options: &'a RuleOptions,
    pub(crate) store: &'a dyn Queryable,
    pub(crate) sink: &'a dyn Appendable,
    pub(crate) notifier: &'a dyn Notifier,
    /// Where the time of evaluations is counted.
    pub(crate) durations: &'a EvaluationDurations,
    /// Threads for rules that may run side by side.
    pub(crate) slots: Option<&'a Slots>,
}

impl Host<'_> {
    /// Asks for a vector at `time_ms`; a scalar is a vector of one sample without labels.
    pub(crate) fn query(&self, expr: &str, time_ms: i64) -> Result<Vec<VectorSample>, RuleError> {
        let cx = self.options.query_cx();
        match self.engine.instant(self.store, expr, &InstantOptions::at(time_ms), &cx)?.value {
            QueryValue::Vector(samples) => Ok(samples),
            QueryValue::Scalar { timestamp_ms, value } => {
                Ok(vec![VectorSample { labels: Labels::empty(), timestamp_ms, value: SampleValue::Float(value) }])
            }
            QueryValue::String { .. } | QueryValue::Matrix(_) => Err(RuleError::NotAVector),
        }
    }
}

/// Templates ask as rules do.
impl TemplateQueries for Host<'_> {
    fn query(&self, expr: &str, time_ms: i64) -> Result<Vec<VectorSample>, String> {
        Host::query(self, expr, time_ms).map_err(|error| error.to_string())
    }
}

/// The times of one evaluation of a group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EvalTimes {
    /// The grid point.
    pub(crate) ts_ms: i64,
    /// How far queries look back from it; results carry the shifted time too.
    pub(crate) offset_ms: i64,
    pub(crate) interval_ms: i64,
}

impl EvalTimes {
    /// When queries run, and what results carry.
    pub(crate) fn sample_ms(&self) -> i64 {
        self.ts_ms.saturating_sub(self.offset_ms)
    }
}

pub(crate) enum Rule {
    Recording(RecordingRule),
    Alerting(AlertingRule),
}

impl Rule {
    pub(crate) fn new(spec: RuleSpec, external_labels: &Labels) -> Self {
        match spec.kind {
            RuleKind::Record(record) => Rule::Recording(RecordingRule::new(spec.expr, record)),
            RuleKind::Alert(alert) => Rule::Alerting(AlertingRule::new(spec.expr, alert, external_labels.clone())),
        }
    }

    pub(crate) fn status(&self) -> &RuleStatus {
        match self {
            Rule::Recording(rule) => &rule.status,
            Rule::Alerting(rule) => &rule.status,
        }
    }

    /// The samples to store.
    pub(crate) fn evaluate(
        &self,
        host: &Host<'_>,
        times: &EvalTimes,
        limit: usize,
    ) -> Result<Vec<VectorSample>, RuleError> {
        match self {
            Rule::Recording(rule) => rule.evaluate(host, times, limit),
            Rule::Alerting(rule) => rule.evaluate(host, times, limit),
        }
    }

    /// What pairs rules of an old and a new version of a group: name and labels.
    pub(crate) fn identity(&self) -> (&str, SortedPairs) {
        match self {
            Rule::Recording(rule) => (&rule.spec.record, rule.spec.labels.clone()),
            Rule::Alerting(rule) => (&rule.spec.alert, texts_of(&rule.spec.labels)),
        }
    }
}

/// What is known of a rule's last evaluation.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) health: RuleHealth,
    pub(crate) last_error: Option<String>,
    pub(crate) evaluation_seconds: f64,
    pub(crate) last_evaluation_ms: Option<i64>,
}

#[derive(Debug, Default)]
pub(crate) struct RuleStatus(Mutex<Outcome>);

impl RuleStatus {
    pub(crate) fn get(&self) -> Outcome {
        lock(&self.0).clone()
    }

    pub(crate) fn succeeded(&self) {
        let mut outcome = lock(&self.0);
        outcome.health = RuleHealth::Ok;
        outcome.last_error = None;
    }

    pub(crate) fn failed(&self, error: &RuleError) {
        let mut outcome = lock(&self.0);
        outcome.health = RuleHealth::Err;
        outcome.last_error = Some(error.to_string());
    }

    pub(crate) fn evaluated(&self, ts_ms: i64, took: Duration) {
        let mut outcome = lock(&self.0);
        outcome.evaluation_seconds = took.as_secs_f64();
        outcome.last_evaluation_ms = Some(ts_ms);
    }
}

/// Whether an error means that the host gave up, not that the rule failed.
pub(crate) fn is_canceled(error: &RuleError) -> bool {
    matches!(error, RuleError::Query(QueryError::Canceled { .. }))
}
