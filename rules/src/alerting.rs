//! Alerting rules: one alert for each series of an expression's result.

use std::collections::hash_map::Entry;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use promethium_model::labels::METRIC_NAME;
use promethium_model::{Labels, SampleValue, VectorSample};

use crate::error::RuleError;
use crate::file::{AlertSpec, SortedPairs, TemplateText, texts_of};
use crate::notifier::{Alert, generator_path};
use crate::overlay::{SeriesMap, overlay};
use crate::rule::{EvalTimes, Host, RuleStatus};
use crate::state::{AlertBook, AlertInstance, AlertState, AlertTiming, Observation};
use crate::sync::lock;
use crate::template::{TemplateData, TemplateLimits};

pub(crate) const ALERT_NAME: &str = "alertname";
const ALERT_STATE: &str = "alertstate";
pub(crate) const ALERTS: &str = "ALERTS";
pub(crate) const ALERTS_FOR_STATE: &str = "ALERTS_FOR_STATE";

pub(crate) struct AlertingRule {
    pub(crate) expr: String,
    pub(crate) spec: AlertSpec,
    pub(crate) status: RuleStatus,
    // Labels of the server when the rule was loaded: a later load that leaves the rule alone does not change them.
    external_labels: Labels,
    // Held while the state moves, never while a query runs: the API reads it at any time.
    book: Mutex<AlertBook>,
    // Until storage was asked what was pending before a restart, nothing is written that would hide the answer.
    restored: AtomicBool,
}

impl AlertingRule {
    pub(crate) fn new(expr: String, spec: AlertSpec, external_labels: Labels) -> Self {
        AlertingRule {
            expr,
            spec,
            status: RuleStatus::default(),
            external_labels,
            book: Mutex::default(),
            restored: AtomicBool::new(false),
        }
    }

    /// The gravest state of the rule's alerts; unknown before the first evaluation.
    pub(crate) fn state(&self) -> AlertState {
        match self.status.get().last_evaluation_ms {
            Some(_) => lock(&self.book).state(),
            None => AlertState::Unknown,
        }
    }

    /// Pending and firing alerts.
    pub(crate) fn active(&self) -> Vec<AlertInstance> {
        lock(&self.book).iter().filter(|alert| alert.is_active()).cloned().collect()
    }

    /// Takes over the alerts of the rule's earlier version.
    pub(crate) fn adopt(&self, earlier: &AlertingRule) {
        let book = lock(&earlier.book).clone();
        *lock(&self.book) = book;
    }

    /// From now on the rule's own series are written.
    pub(crate) fn set_restored(&self) {
        self.restored.store(true, Ordering::Release);
    }

    /// Moves the time since when active alerts count as such, where `active_at_ms` knows another.
    pub(crate) fn move_active_at(&self, active_at_ms: impl Fn(&Labels) -> Option<i64>) {
        lock(&self.book).move_active_at(active_at_ms);
    }

    pub(crate) fn evaluate(
        &self,
        host: &Host<'_>,
        times: &EvalTimes,
        limit: usize,
    ) -> Result<Vec<VectorSample>, RuleError> {
        let samples = host.query(&self.expr, times.sample_ms())?;
        let seen = self.observations(&samples, host, times)?;
        let most = host.options.limits.max_alerts_per_rule;
        let limit = if limit == 0 { most } else { limit.min(most) };
        let timing = AlertTiming::new(self.spec.for_ms, self.spec.keep_firing_for_ms).with_limit(limit);
        let mut book = lock(&self.book);
        book.step(times.ts_ms, &timing, seen)?;
        if !self.restored.load(Ordering::Acquire) {
            return Ok(Vec::new());
        }
        Ok(self.state_samples(&book, times.sample_ms()))
    }

    /// The result as alerts: labels and annotations rendered.
    fn observations(
        &self,
        samples: &[VectorSample],
        host: &Host<'_>,
        times: &EvalTimes,
    ) -> Result<SeriesMap<Observation>, RuleError> {
        let mut seen = SeriesMap::with_capacity_and_hasher(samples.len(), Default::default());
        let (limits, url) = (&host.options.limits, host.options.external_url.as_str());
        for sample in samples {
            let data = TemplateData::new(&sample.labels, &sample.value, &self.external_labels, url)
                .at_ms(times.ts_ms)
                .with_queries(host);
            let within = |bytes: usize| {
                let mut own = TemplateLimits::of(limits).with_deadline(host.options.clock.clone());
                own.max_output_bytes = own.max_output_bytes.min(bytes);
                data.clone().with_limits(own)
            };
            let labels = match self.spec.labels.is_empty() {
                true => self.alert_labels(sample, &data),
                false => self.alert_labels(sample, &within(limits.max_label_value_bytes)),
            };
            let data = within(limits.max_annotation_bytes);
            match seen.entry(labels) {
                Entry::Vacant(new) => new.insert(Observation {
                    value: value_of(sample),
                    annotations: rendered(&self.spec.annotations, &data).collect(),
                }),
                Entry::Occupied(_) => return Err(RuleError::DuplicateAlert),
            };
        }
        Ok(seen)
    }

    fn alert_labels(&self, sample: &VectorSample, data: &TemplateData<'_>) -> Labels {
        let own: SortedPairs = rendered(&self.spec.labels, data).collect();
        let own = own.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let last = [(METRIC_NAME, ""), (ALERT_NAME, self.spec.alert.as_str())];
        overlay(sample.labels.iter().chain(own).chain(last))
    }

    /// `ALERTS` and `ALERTS_FOR_STATE` of every active alert.
    fn state_samples(&self, book: &AlertBook, timestamp_ms: i64) -> Vec<VectorSample> {
        let sample = |labels, v| VectorSample { labels, timestamp_ms, value: SampleValue::Float(v) };
        let mut samples = Vec::new();
        for alert in book.iter().filter(|alert| alert.is_active()) {
            let active_at_s = alert.active_at_ms.div_euclid(1_000);
            samples.push(sample(self.series_of(alert, ALERTS, alert.state.as_str()), 1.0));
            samples.push(sample(self.series_of(alert, ALERTS_FOR_STATE, ""), active_at_s as f64));
        }
        samples
    }

    /// Labels of an alert's own series. They start from the rule's labels as written, so that a label whose template
    /// rendered to nothing shows its template text: that is how Prometheus names these series.
    fn series_of(&self, alert: &AlertInstance, metric: &str, state: &str) -> Labels {
        let written = self.spec.labels.iter().map(|(name, template)| (name.as_str(), template.text()));
        let last = [(METRIC_NAME, metric), (ALERT_NAME, &self.spec.alert), (ALERT_STATE, state)];
        let last = last.into_iter().filter(|(name, value)| *name != ALERT_STATE || !value.is_empty());
        overlay(written.chain(&alert.labels).chain(last))
    }

    /// Hands the alerts that are due to the notifier.
    pub(crate) fn send_due(&self, host: &Host<'_>, times: &EvalTimes) {
        let due = lock(&self.book).take_due(times.ts_ms, host.options.resend_delay_ms, times.interval_ms);
        if due.is_empty() {
            return;
        }
        let generator_url = format!("{}{}", host.options.external_url, generator_path(&self.expr));
        host.notifier.notify(due.into_iter().map(|alert| outgoing(alert, &generator_url)).collect());
    }
}

/// An alert as the notifier gets it.
fn outgoing(alert: AlertInstance, generator_url: &str) -> Alert {
    let starts_at_ms = alert.fired_at_ms.unwrap_or(alert.active_at_ms);
    let ends_at_ms = alert.resolved_at_ms.or(alert.valid_until_ms).unwrap_or(starts_at_ms);
    Alert::new(alert.labels, starts_at_ms, ends_at_ms)
        .with_annotations(alert.annotations)
        .with_generator_url(generator_url)
}

/// The API shows 0 for native histograms.
fn value_of(sample: &VectorSample) -> f64 {
    match sample.value {
        SampleValue::Float(v) => v,
        SampleValue::Histogram(_) => 0.0,
    }
}

/// Templates filled in; one that fails gives its error as text, so that no alert is lost to it.
fn rendered<'a>(
    templates: &'a [(String, TemplateText)],
    data: &'a TemplateData<'_>,
) -> impl Iterator<Item = (String, String)> + 'a {
    templates.iter().map(move |(name, template)| {
        let text = template.template().render(data);
        (name.clone(), text.unwrap_or_else(|error| format!("<error expanding template: {error}>")))
    })
}

/// The labels as written, for the API.
pub(crate) fn written_labels(rule: &AlertingRule) -> SortedPairs {
    texts_of(&rule.spec.labels)
}
