//! What `/api/v1/rules` and `/api/v1/alerts` answer, as types of `serde`: for hosts with an HTTP server of their own, and for clients that
//! read the answer of any Prometheus.
//!
//! Filters and pages are the business of whoever answers: `promethium-api` has all of Prometheus'. These types are the `data` of an answer.
//!
//! ```
//! use promethium_rules::shapes::{RuleData, RulesData};
//!
//! let answer = r#"{"groups":[{"name":"g","file":"a.yml","interval":60,"limit":0,"evaluationTime":0.002,
//!     "lastEvaluation":"2026-01-02T03:04:05Z","rules":[{"type":"recording","name":"a:b","query":"sum(a)","labels":{},
//!     "health":"ok","evaluationTime":0.001,"lastEvaluation":"2026-01-02T03:04:05Z"}]}]}"#;
//! let data: RulesData = serde_json::from_str(answer)?;
//! let RuleData::Recording(rule) = &data.groups[0].rules[0] else { panic!("a recording rule") };
//! assert_eq!((rule.query.as_str(), rule.health.as_str()), ("sum(a)", "ok"));
//! # Ok::<(), serde_json::Error>(())
//! ```

use std::collections::BTreeMap;

use promethium_model::calendar;
use promethium_model::float::format_e;
use serde::{Deserialize, Serialize, Serializer};

use crate::file::SortedPairs;
use crate::state::AlertInstance;
use crate::view::{AlertRuleView, GroupView, RecordRuleView, RuleView};

/// Names and texts.
pub type Texts = BTreeMap<String, String>;

/// The `data` of `/api/v1/rules`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RulesData {
    /// Sorted by file, then name.
    pub groups: Vec<GroupData>,
    /// With which the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "groupNextToken")]
    pub group_next_token: Option<String>,
}

/// A group. Durations are seconds, times RFC 3339.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct GroupData {
    /// Its name.
    pub name: String,
    /// Its file.
    pub file: String,
    /// In file order.
    pub rules: Vec<RuleData>,
    /// Between evaluations.
    #[serde(serialize_with = "seconds")]
    pub interval: f64,
    /// Series or alerts that one rule may give; 0 = no limit.
    #[serde(default)]
    pub limit: u64,
    /// Of the last evaluation.
    #[serde(serialize_with = "seconds")]
    pub evaluation_time: f64,
    /// When it was; `0001-01-01T00:00:00Z` before the first.
    pub last_evaluation: String,
}

/// A rule, told apart by `type`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum RuleData {
    /// An alerting rule.
    Alerting(AlertingRuleData),
    /// A recording rule.
    Recording(RecordingRuleData),
}

/// An alerting rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AlertingRuleData {
    /// `unknown`, `inactive`, `pending` or `firing`.
    pub state: String,
    /// The `alertname`.
    pub name: String,
    /// In canonical form.
    pub query: String,
    /// `for`.
    #[serde(serialize_with = "seconds")]
    pub duration: f64,
    /// `keep_firing_for`.
    #[serde(default, serialize_with = "seconds")]
    pub keep_firing_for: f64,
    /// Templates as written.
    pub labels: Texts,
    /// Templates as written.
    pub annotations: Texts,
    /// Pending and firing ones; `None` where the request excludes them.
    pub alerts: Option<Vec<AlertData>>,
    /// `unknown`, `ok` or `err`.
    pub health: String,
    /// Why the last evaluation failed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub last_error: String,
    /// Of the last evaluation.
    #[serde(serialize_with = "seconds")]
    pub evaluation_time: f64,
    /// When it was.
    pub last_evaluation: String,
}

/// A recording rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RecordingRuleData {
    /// The metric.
    pub name: String,
    /// In canonical form.
    pub query: String,
    /// That it sets.
    #[serde(default)]
    pub labels: Texts,
    /// `unknown`, `ok` or `err`.
    pub health: String,
    /// Why the last evaluation failed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub last_error: String,
    /// Of the last evaluation.
    #[serde(serialize_with = "seconds")]
    pub evaluation_time: f64,
    /// When it was.
    pub last_evaluation: String,
}

/// The `data` of `/api/v1/alerts`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AlertsData {
    /// Pending and firing alerts of all rules.
    pub alerts: Vec<AlertData>,
}

/// An alert.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AlertData {
    /// `alertname` included.
    pub labels: Texts,
    /// Rendered.
    pub annotations: Texts,
    /// `pending` or `firing`.
    pub state: String,
    /// Since when its expression holds.
    pub active_at: String,
    /// Since when it fires on although its expression no longer holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_firing_since: Option<String>,
    /// The newest value, as `1e+00`.
    pub value: String,
}

impl RulesData {
    /// All groups, on one page.
    #[must_use]
    pub fn of(groups: &[GroupView]) -> Self {
        RulesData { groups: groups.iter().map(GroupData::of).collect(), group_next_token: None }
    }
}

impl AlertsData {
    /// Those of `alerts` that are active: [`RuleManager::alerts`](crate::RuleManager::alerts) has no others.
    #[must_use]
    pub fn of(alerts: &[AlertInstance]) -> Self {
        AlertsData { alerts: active(alerts) }
    }
}

impl GroupData {
    fn of(group: &GroupView) -> Self {
        GroupData {
            name: group.name.clone(),
            file: group.file.clone(),
            rules: group.rules.iter().map(RuleData::of).collect(),
            interval: group.interval_ms as f64 / 1e3,
            limit: group.limit as u64,
            evaluation_time: group.evaluation_seconds,
            last_evaluation: time(group.last_evaluation_ms),
        }
    }
}

impl RuleData {
    fn of(rule: &RuleView) -> Self {
        match rule {
            RuleView::Alerting(rule) => RuleData::Alerting(AlertingRuleData::of(rule)),
            RuleView::Recording(rule) => RuleData::Recording(RecordingRuleData::of(rule)),
        }
    }
}

impl AlertingRuleData {
    fn of(rule: &AlertRuleView) -> Self {
        AlertingRuleData {
            state: rule.state.as_str().to_owned(),
            name: rule.name.clone(),
            query: rule.query.clone(),
            duration: rule.duration_ms as f64 / 1e3,
            keep_firing_for: rule.keep_firing_for_ms as f64 / 1e3,
            labels: texts(&rule.labels),
            annotations: texts(&rule.annotations),
            alerts: Some(active(&rule.alerts)),
            health: rule.health.as_str().to_owned(),
            last_error: rule.last_error.clone().unwrap_or_default(),
            evaluation_time: rule.evaluation_seconds,
            last_evaluation: time(rule.last_evaluation_ms),
        }
    }
}

impl RecordingRuleData {
    fn of(rule: &RecordRuleView) -> Self {
        RecordingRuleData {
            name: rule.name.clone(),
            query: rule.query.clone(),
            labels: texts(&rule.labels),
            health: rule.health.as_str().to_owned(),
            last_error: rule.last_error.clone().unwrap_or_default(),
            evaluation_time: rule.evaluation_seconds,
            last_evaluation: time(rule.last_evaluation_ms),
        }
    }
}

fn active(alerts: &[AlertInstance]) -> Vec<AlertData> {
    let data = |alert: &AlertInstance| AlertData {
        labels: alert.labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        annotations: texts(&alert.annotations),
        state: alert.state.as_str().to_owned(),
        active_at: time(Some(alert.active_at_ms)),
        keep_firing_since: alert.keep_firing_since_ms.map(|ms| time(Some(ms))),
        value: format_e(alert.value),
    };
    alerts.iter().filter(|alert| alert.is_active()).map(data).collect()
}

/// An empty text is no label.
fn texts(pairs: &SortedPairs) -> Texts {
    pairs.iter().filter(|(_, text)| !text.is_empty()).cloned().collect()
}

/// RFC 3339 in UTC with as many decimals as it needs; what never was is the year 1.
fn time(ms: Option<i64>) -> String {
    let Some(ms) = ms else { return "0001-01-01T00:00:00Z".to_owned() };
    let mut out = String::new();
    let millis = calendar::push_utc(&mut out, ms);
    if millis != 0 {
        out.push_str(format!(".{millis:03}").trim_end_matches('0'));
    }
    out.push('Z');
    out
}

/// Whole seconds without a point, as Go writes them.
fn seconds<S: Serializer>(seconds: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    match seconds.fract() == 0.0 && seconds.abs() < 1e15 {
        true => serializer.serialize_i64(*seconds as i64),
        false => serializer.serialize_f64(*seconds),
    }
}
