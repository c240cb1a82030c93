//! The monitor's own metrics, under Prometheus' names.

use promethium_exposition::text::Encoder;
use promethium_model::MetricType::{Counter, Gauge};
use promethium_notify::AlertmanagerMetrics;
use promethium_rules::{GroupMetrics, RuleMetrics};
use promethium_tsdb::DbStats;

/// Everything that goes onto the page.
pub(super) struct SelfMetrics {
    pub(super) store: Option<DbStats>,
    /// Places where the store's log was damaged when it was opened.
    pub(super) damage: Option<u64>,
    pub(super) rules: RuleMetrics,
    pub(super) alertmanagers: Vec<AlertmanagerMetrics>,
    pub(super) targets_up: usize,
    pub(super) targets: usize,
}

impl SelfMetrics {
    /// The page, in the text format 0.0.4.
    pub(super) fn page(&self) -> String {
        let mut page = Encoder::new();
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        page.family("promethium_build_info", Gauge, "Version of the running library.").sample(&version, 1.0);
        page.family("promethium_targets", Gauge, "Scrape targets.").sample(&[], self.targets as f64);
        page.family("promethium_targets_up", Gauge, "Scrape targets whose last scrape succeeded.")
            .sample(&[], self.targets_up as f64);
        if let Some(store) = &self.store {
            push_store(&mut page, store);
        }
        if let Some(damage) = self.damage {
            page.family("prometheus_tsdb_wal_corruptions_total", Counter, "Damage that was found in the log.")
                .sample(&[], damage as f64);
        }
        push_groups(&mut page, &self.rules.groups);
        push_alertmanagers(&mut page, &self.alertmanagers);
        page.into_string()
    }
}

fn push_store(page: &mut Encoder, store: &DbStats) {
    let read_only = f64::from(u8::from(store.read_only.is_some()));
    let times = [store.min_time_ms, store.max_time_ms].map(|t| t.unwrap_or(0) as f64);
    page.family("prometheus_tsdb_head_series", Gauge, "Series in the head.").sample(&[], store.series as f64);
    page.family("prometheus_tsdb_head_chunks", Gauge, "Chunks in the head.").sample(&[], store.chunks as f64);
    page.family("prometheus_tsdb_head_samples_appended_total", Counter, "Samples that the head took.")
        .sample(&[("type", "float")], store.samples as f64);
    page.family("prometheus_tsdb_head_min_time", Gauge, "Oldest time in the head, milliseconds.").sample(&[], times[0]);
    page.family("prometheus_tsdb_head_max_time", Gauge, "Newest time in the head, milliseconds.").sample(&[], times[1]);
    page.family("promethium_tsdb_head_chunk_bytes", Gauge, "Memory that chunks take.")
        .sample(&[], store.chunk_bytes as f64);
    page.family("promethium_tsdb_wal_written_bytes_total", Counter, "Bytes written to the log since it was opened.")
        .sample(&[], store.log_bytes as f64);
    page.family("promethium_tsdb_read_only", Gauge, "Whether the store refuses writes after a failure of its log.")
        .sample(&[], read_only);
}

type GroupFigure = (&'static str, promethium_model::MetricType, &'static str, fn(&GroupMetrics) -> f64);

const GROUP_FIGURES: [GroupFigure; 11] = [
    ("prometheus_rule_evaluations_total", Counter, "Rule evaluations.", |g| g.evaluations_total as f64),
    ("prometheus_rule_evaluation_failures_total", Counter, "Rule evaluations that failed.", |g| {
        g.evaluation_failures_total as f64
    }),
    ("prometheus_rule_group_iterations_total", Counter, "Scheduled evaluations of the group.", |g| {
        g.iterations_total as f64
    }),
    ("prometheus_rule_group_iterations_missed_total", Counter, "Evaluations missed because one took too long.", |g| {
        g.iterations_missed_total as f64
    }),
    ("prometheus_rule_group_interval_seconds", Gauge, "Interval of the group.", |g| g.interval_seconds),
    ("prometheus_rule_group_last_evaluation_timestamp_seconds", Gauge, "Time of the last evaluation.", |g| {
        g.last_evaluation_timestamp_seconds
    }),
    ("prometheus_rule_group_last_duration_seconds", Gauge, "Duration of the last evaluation.", |g| {
        g.last_duration_seconds
    }),
    ("prometheus_rule_group_last_evaluation_samples", Gauge, "Samples of the last evaluation.", |g| {
        g.last_evaluation_samples as f64
    }),
    ("prometheus_rule_group_last_rule_duration_sum_seconds", Gauge, "Sum of the rules' durations.", |g| {
        g.last_rule_duration_sum_seconds
    }),
    ("prometheus_rule_group_last_restore_duration_seconds", Gauge, "Duration of the restoration of alerts.", |g| {
        g.last_restore_duration_seconds
    }),
    ("prometheus_rule_group_rules", Gauge, "Rules of the group.", |g| g.rules as f64),
];

fn push_groups(page: &mut Encoder, groups: &[GroupMetrics]) {
    if groups.is_empty() {
        return;
    }
    for (name, metric_type, help, figure) in GROUP_FIGURES {
        let mut family = page.family(name, metric_type, help);
        for group in groups {
            family.sample(&[("rule_group", &group.rule_group)], figure(group));
        }
    }
}

type QueueFigure = (&'static str, promethium_model::MetricType, &'static str, fn(&AlertmanagerMetrics) -> f64);

const QUEUE_FIGURES: [QueueFigure; 7] = [
    ("prometheus_notifications_sent_total", Counter, "Alerts delivered.", |q| q.sent_total as f64),
    ("prometheus_notifications_errors_total", Counter, "Alerts in requests that failed.", |q| q.errors_total as f64),
    ("prometheus_notifications_dropped_total", Counter, "Alerts that were not delivered.", |q| q.dropped_total as f64),
    ("prometheus_notifications_queue_length", Gauge, "Alerts that wait.", |q| q.queue_length as f64),
    ("prometheus_notifications_queue_capacity", Gauge, "Alerts that may wait.", |q| q.queue_capacity as f64),
    ("prometheus_notifications_latency_seconds_sum", Counter, "Time of deliveries.", |q| q.latency_seconds_sum),
    ("prometheus_notifications_latency_seconds_count", Counter, "Deliveries.", |q| q.latency_seconds_count as f64),
];

fn push_alertmanagers(page: &mut Encoder, queues: &[AlertmanagerMetrics]) {
    page.family("prometheus_notifications_alertmanagers_discovered", Gauge, "Alertmanagers in use.")
        .sample(&[], queues.len() as f64);
    if queues.is_empty() {
        return;
    }
    for (name, metric_type, help, figure) in QUEUE_FIGURES {
        let mut family = page.family(name, metric_type, help);
        for queue in queues {
            family.sample(&[("alertmanager", &queue.alertmanager)], figure(queue));
        }
    }
}
