//! Counters of rule evaluation, under Prometheus' names.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::summary::{DurationSummary, SummarySnapshot};

/// A snapshot of a manager's counters.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RuleMetrics {
    /// Sorted by file, then name.
    pub groups: Vec<GroupMetrics>,
    /// `prometheus_rule_evaluation_duration_seconds`: evaluations of single rules.
    pub rule_durations: SummarySnapshot,
    /// `prometheus_rule_group_duration_seconds`: evaluations of whole groups.
    pub group_durations: SummarySnapshot,
}

/// The quantiles that Prometheus shows of each kind of duration.
const RULE_QUANTILES: [f64; 3] = [0.5, 0.9, 0.99];
const GROUP_QUANTILES: [f64; 5] = [0.01, 0.05, 0.5, 0.9, 0.99];

/// How long evaluations take, over all groups of a manager, the removed ones included.
#[derive(Debug, Default)]
pub(crate) struct EvaluationDurations {
    pub(crate) rules: DurationSummary,
    pub(crate) groups: DurationSummary,
}

impl EvaluationDurations {
    /// The metrics at `now`, with those of the groups.
    pub(crate) fn metrics(&self, now: Duration, groups: Vec<GroupMetrics>) -> RuleMetrics {
        RuleMetrics {
            groups,
            rule_durations: self.rules.snapshot(now, &RULE_QUANTILES),
            group_durations: self.groups.snapshot(now, &GROUP_QUANTILES),
        }
    }
}

/// A snapshot of one group's counters; each field is a metric with the label `rule_group="<file>;<name>"`.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct GroupMetrics {
    /// `<file>;<name>`.
    pub rule_group: String,
    /// `prometheus_rule_evaluations_total`
    pub evaluations_total: u64,
    /// `prometheus_rule_evaluation_failures_total`
    pub evaluation_failures_total: u64,
    /// `prometheus_rule_group_iterations_total`, missed ones included.
    pub iterations_total: u64,
    /// `prometheus_rule_group_iterations_missed_total`
    pub iterations_missed_total: u64,
    /// `prometheus_rule_group_interval_seconds`
    pub interval_seconds: f64,
    /// `prometheus_rule_group_last_evaluation_timestamp_seconds`; 0 before the first.
    pub last_evaluation_timestamp_seconds: f64,
    /// `prometheus_rule_group_last_duration_seconds`
    pub last_duration_seconds: f64,
    /// `prometheus_rule_group_last_rule_duration_sum_seconds`
    pub last_rule_duration_sum_seconds: f64,
    /// `prometheus_rule_group_last_restore_duration_seconds`; 0 where nothing was to be restored.
    pub last_restore_duration_seconds: f64,
    /// `prometheus_rule_group_rules`
    pub rules: u64,
    /// `prometheus_rule_group_last_evaluation_samples`
    pub last_evaluation_samples: u64,
    /// Samples that the store refused for their time or for a conflict with a stored one. Prometheus logs these.
    pub samples_rejected_total: u64,
}

/// What a group counts as it runs. A changed group goes on with the counters of its earlier version.
#[derive(Debug, Default)]
pub(crate) struct GroupCounters {
    pub(crate) evaluations: Counter,
    pub(crate) failures: Counter,
    pub(crate) iterations: Counter,
    pub(crate) missed: Counter,
    pub(crate) last_samples: Counter,
    pub(crate) rejected: Counter,
}

/// A number that threads share.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(crate) fn set(&self, n: u64) {
        self.0.store(n, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
