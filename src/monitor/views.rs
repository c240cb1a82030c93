//! The monitor as the HTTP API sees it: rules, alerts and targets in the API's own shapes.

use std::time::Duration;

use promethium_api::{
    AlertState, AlertView, AlertingView, RuleGroupView, RuleHealth, RuleKind, RuleView, TargetHealth, TargetView,
    TargetsView, TsdbStatus,
};
use promethium_model::Labels;
use promethium_rules as rules;
use promethium_scrape::{Health, TargetStatus};
use promethium_tsdb::{Cardinality, DbStats};

fn millis(ms: i64) -> Duration {
    Duration::from_millis(ms.max(0).unsigned_abs())
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

/// A rule group.
pub(super) fn group(group: rules::GroupView) -> RuleGroupView {
    RuleGroupView {
        name: group.name,
        file: group.file,
        rules: group.rules.into_iter().map(rule).collect(),
        interval: millis(group.interval_ms),
        limit: group.limit as u64,
        evaluation_time: seconds(group.evaluation_seconds),
        last_evaluation_ms: group.last_evaluation_ms,
    }
}

fn rule(rule: rules::RuleView) -> RuleView {
    match rule {
        rules::RuleView::Alerting(rule) => RuleView {
            name: rule.name,
            query: rule.query,
            labels: Labels::from_pairs(rule.labels),
            health: health(rule.health),
            last_error: rule.last_error.unwrap_or_default(),
            evaluation_time: seconds(rule.evaluation_seconds),
            last_evaluation_ms: rule.last_evaluation_ms,
            kind: RuleKind::Alerting(AlertingView {
                state: state(rule.state),
                hold: millis(rule.duration_ms),
                keep_firing_for: millis(rule.keep_firing_for_ms),
                annotations: Labels::from_pairs(rule.annotations),
                alerts: rule.alerts.into_iter().map(alert).collect(),
            }),
        },
        rules::RuleView::Recording(rule) => RuleView {
            name: rule.name,
            query: rule.query,
            labels: Labels::from_pairs(rule.labels),
            health: health(rule.health),
            last_error: rule.last_error.unwrap_or_default(),
            evaluation_time: seconds(rule.evaluation_seconds),
            last_evaluation_ms: rule.last_evaluation_ms,
            kind: RuleKind::Recording,
        },
    }
}

fn alert(alert: rules::AlertInstance) -> AlertView {
    AlertView {
        labels: alert.labels,
        annotations: Labels::from_pairs(alert.annotations),
        state: state(alert.state),
        active_at_ms: alert.active_at_ms,
        keep_firing_since_ms: alert.keep_firing_since_ms,
        value: alert.value,
    }
}

fn state(state: rules::AlertState) -> AlertState {
    match state {
        rules::AlertState::Unknown => AlertState::Unknown,
        rules::AlertState::Inactive => AlertState::Inactive,
        rules::AlertState::Pending => AlertState::Pending,
        rules::AlertState::Firing => AlertState::Firing,
    }
}

fn health(health: rules::RuleHealth) -> RuleHealth {
    match health {
        rules::RuleHealth::Unknown => RuleHealth::Unknown,
        rules::RuleHealth::Ok => RuleHealth::Ok,
        rules::RuleHealth::Err => RuleHealth::Err,
    }
}

/// The targets.
pub(super) fn targets(statuses: impl Iterator<Item = TargetStatus>) -> TargetsView {
    let active: Vec<TargetView> = statuses.map(target).collect();
    let mut pools: Vec<String> = active.iter().map(|t| t.scrape_pool.clone()).collect();
    pools.sort_unstable();
    pools.dedup();
    TargetsView { active, dropped: Vec::new(), dropped_counts: pools.into_iter().map(|pool| (pool, 0)).collect() }
}

fn target(status: TargetStatus) -> TargetView {
    let url = without_userinfo(&status.url);
    TargetView {
        discovered_labels: status.discovered_labels,
        labels: status.labels,
        scrape_pool: status.job,
        global_url: url.clone(),
        scrape_url: url,
        last_error: status.last_error,
        last_scrape_ms: status.last_scrape_ms,
        last_scrape_duration: status.last_duration,
        health: match status.health {
            Health::Unknown => TargetHealth::Unknown,
            Health::Up => TargetHealth::Up,
            Health::Down => TargetHealth::Down,
        },
        scrape_interval_ms: status.interval_ms,
        scrape_timeout_ms: status.timeout_ms,
    }
}

/// The URL of an Alertmanager that relabelling dropped, from its labels before that.
pub(super) fn dropped_alertmanager(labels: &Labels) -> String {
    let of = |name| labels.get(name).unwrap_or_default();
    format!("{}://{}{}", of("__scheme__"), of("__address__"), of("__alerts_path__"))
}

/// What the head holds.
pub(super) fn tsdb_status(stats: Option<&DbStats>, cardinality: Cardinality) -> TsdbStatus {
    TsdbStatus {
        series: cardinality.series as u64,
        label_pairs: cardinality.label_pairs as u64,
        chunks: stats.map_or(0, |stats| stats.chunks as u64),
        min_time_ms: stats.and_then(|stats| stats.min_time_ms),
        max_time_ms: stats.and_then(|stats| stats.max_time_ms),
        series_by_metric: cardinality.series_by_metric,
        values_by_label: cardinality.values_by_label,
        bytes_by_label: cardinality.bytes_by_label,
        series_by_pair: cardinality.series_by_pair,
    }
}

/// A URL without user name and password: the API shows it to whoever asks.
fn without_userinfo(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest[..end].rfind('@').map_or(0, |at| at + 1);
    format!("{scheme}://{}", &rest[host..])
}

#[cfg(test)]
mod tests {
    use super::without_userinfo;

    #[test]
    fn secrets_in_urls_are_not_shown() {
        for (url, shown) in [
            ("http://user:secret@host:9100/metrics", "http://host:9100/metrics"),
            ("http://host/a@b", "http://host/a@b"),
            ("http://a@b@host", "http://host"),
            ("", ""),
        ] {
            assert_eq!(without_userinfo(url), shown);
        }
    }
}
