//! The state of groups and rules, as the HTTP API shows it.

use crate::file::SortedPairs;
use crate::state::{AlertInstance, AlertState};

/// A group. Times are milliseconds since the epoch, durations as named.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct GroupView {
    /// The file, as it was named.
    pub file: String,
    /// Its name.
    pub name: String,
    /// Milliseconds between evaluations.
    pub interval_ms: i64,
    /// Series or alerts that one rule may give; 0 = no limit.
    pub limit: usize,
    /// In file order.
    pub rules: Vec<RuleView>,
    /// How long the last evaluation took.
    pub evaluation_seconds: f64,
    /// When it was; `None` before the first.
    pub last_evaluation_ms: Option<i64>,
}

/// A rule.
#[derive(Clone, Debug, PartialEq)]
pub enum RuleView {
    /// An alerting rule.
    Alerting(AlertRuleView),
    /// A recording rule.
    Recording(RecordRuleView),
}

/// An alerting rule.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AlertRuleView {
    /// That of its gravest alert; unknown before the first evaluation.
    pub state: AlertState,
    /// The `alertname`.
    pub name: String,
    /// Its expression, printed canonically.
    pub query: String,
    /// `for`.
    pub duration_ms: i64,
    /// `keep_firing_for`.
    pub keep_firing_for_ms: i64,
    /// Templates as written, labels of the group included.
    pub labels: SortedPairs,
    /// Templates as written.
    pub annotations: SortedPairs,
    /// Pending and firing alerts, in the order in which they were first seen.
    pub alerts: Vec<AlertInstance>,
    /// Whether the last evaluation succeeded.
    pub health: RuleHealth,
    /// Why it did not.
    pub last_error: Option<String>,
    /// How long it took.
    pub evaluation_seconds: f64,
    /// When it was; `None` before the first.
    pub last_evaluation_ms: Option<i64>,
}

/// A recording rule.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RecordRuleView {
    /// The metric it stores.
    pub name: String,
    /// Its expression, printed canonically.
    pub query: String,
    /// Labels it sets, those of the group included.
    pub labels: SortedPairs,
    /// Whether the last evaluation succeeded.
    pub health: RuleHealth,
    /// Why it did not.
    pub last_error: Option<String>,
    /// How long it took.
    pub evaluation_seconds: f64,
    /// When it was; `None` before the first.
    pub last_evaluation_ms: Option<i64>,
}

/// Whether a rule's last evaluation succeeded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RuleHealth {
    /// Not evaluated yet.
    #[default]
    Unknown,
    /// It did.
    Ok,
    /// It did not.
    Err,
}

impl RuleHealth {
    /// The name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            RuleHealth::Unknown => "unknown",
            RuleHealth::Ok => "ok",
            RuleHealth::Err => "err",
        }
    }
}
