//! Metrics of rules and of the delivery of alerts, with the names, types, labels and help texts of Prometheus 3.

use promethium_exposition::text::Encoder;
use promethium_model::MetricType::{self, Counter, Gauge, Summary};
use promethium_notify::AlertmanagerMetrics;
use promethium_rules::{GroupMetrics, RuleMetrics, SummarySnapshot};

/// One family: name, type, help, and where the value comes from.
type Figure<S> = (&'static str, MetricType, &'static str, fn(&S) -> f64);

const GROUP_FIGURES: [Figure<GroupMetrics>; 11] = [
    ("prometheus_rule_evaluations_total", Counter, "The total number of rule evaluations.", |g| {
        g.evaluations_total as f64
    }),
    ("prometheus_rule_evaluation_failures_total", Counter, "The total number of rule evaluation failures.", |g| {
        g.evaluation_failures_total as f64
    }),
    (
        "prometheus_rule_group_iterations_total",
        Counter,
        "The total number of scheduled rule group evaluations, whether executed or missed.",
        |g| g.iterations_total as f64,
    ),
    (
        "prometheus_rule_group_iterations_missed_total",
        Counter,
        "The total number of rule group evaluations missed due to slow rule group evaluation.",
        |g| g.iterations_missed_total as f64,
    ),
    ("prometheus_rule_group_interval_seconds", Gauge, "The interval of a rule group.", |g| g.interval_seconds),
    (
        "prometheus_rule_group_last_evaluation_timestamp_seconds",
        Gauge,
        "The timestamp of the last rule group evaluation in seconds.",
        |g| g.last_evaluation_timestamp_seconds,
    ),
    ("prometheus_rule_group_last_duration_seconds", Gauge, "The duration of the last rule group evaluation.", |g| {
        g.last_duration_seconds
    }),
    (
        "prometheus_rule_group_last_evaluation_samples",
        Gauge,
        "The number of samples returned during the last rule group evaluation.",
        |g| g.last_evaluation_samples as f64,
    ),
    (
        "prometheus_rule_group_last_rule_duration_sum_seconds",
        Gauge,
        "The sum of time in seconds it took to evaluate each rule in the group regardless of concurrency. This should be \
         higher than the group duration if rules are evaluated concurrently.",
        |g| g.last_rule_duration_sum_seconds,
    ),
    (
        "prometheus_rule_group_last_restore_duration_seconds",
        Gauge,
        "The duration of the last alert rules alerts restoration using the `ALERTS_FOR_STATE` series.",
        |g| g.last_restore_duration_seconds,
    ),
    ("prometheus_rule_group_rules", Gauge, "The number of rules.", |g| g.rules as f64),
];

const QUEUE_FIGURES: [Figure<AlertmanagerMetrics>; 4] = [
    ("prometheus_notifications_sent_total", Counter, "Total number of alerts sent.", |q| q.sent_total as f64),
    ("prometheus_notifications_errors_total", Counter, "Total number of sent alerts affected by errors.", |q| {
        q.errors_total as f64
    }),
    (
        "prometheus_notifications_dropped_total",
        Counter,
        "Total number of alerts dropped due to errors when sending to Alertmanager.",
        |q| q.dropped_total as f64,
    ),
    ("prometheus_notifications_queue_length", Gauge, "The number of alert notifications in the queue.", |q| {
        q.queue_length as f64
    }),
];

/// Durations over all groups, figures of each.
pub(super) fn push_rules(page: &mut Encoder, rules: &RuleMetrics) {
    push_summaries(
        page,
        ("prometheus_rule_evaluation_duration_seconds", "The duration for a rule to execute."),
        [(&[] as &[_], &rules.rule_durations)],
    );
    push_summaries(
        page,
        ("prometheus_rule_group_duration_seconds", "The duration of rule group evaluations."),
        [(&[] as &[_], &rules.group_durations)],
    );
    push_figures(page, &GROUP_FIGURES, "rule_group", &rules.groups, |group| &group.rule_group);
}

/// How many Alertmanagers there are, and figures of each; `capacity` is what a queue would hold where there is none.
pub(super) fn push_alertmanagers(page: &mut Encoder, queues: &[AlertmanagerMetrics], capacity: usize) {
    let discovered = "The number of alertmanagers discovered and active.";
    page.family("prometheus_notifications_alertmanagers_discovered", Gauge, discovered)
        .sample(&[], queues.len() as f64);
    let capacity = queues.first().map_or(capacity, |queue| queue.queue_capacity);
    let help = "The capacity of the alert notifications queue.";
    page.family("prometheus_notifications_queue_capacity", Gauge, help).sample(&[], capacity as f64);
    if queues.is_empty() {
        return;
    }
    push_figures(page, &QUEUE_FIGURES, "alertmanager", queues, |queue| &queue.alertmanager);
    let labels: Vec<[(&str, &str); 1]> =
        queues.iter().map(|queue| [("alertmanager", queue.alertmanager.as_str())]).collect();
    push_summaries(
        page,
        ("prometheus_notifications_latency_seconds", "Latency quantiles for sending alert notifications."),
        labels.iter().map(<[_; 1]>::as_slice).zip(queues.iter().map(|queue| &queue.latency)),
    );
}

/// A family each, with one sample a source; none without a source.
fn push_figures<S>(
    page: &mut Encoder,
    figures: &[Figure<S>],
    label: &str,
    sources: &[S],
    name_of: impl Fn(&S) -> &String,
) {
    for (name, metric_type, help, figure) in figures.iter().filter(|_| !sources.is_empty()) {
        let mut family = page.family(name, *metric_type, help);
        for source in sources {
            family.sample(&[(label, name_of(source))], figure(source));
        }
    }
}

fn push_summaries<'a>(
    page: &mut Encoder,
    (name, help): (&'static str, &str),
    metrics: impl IntoIterator<Item = (&'a [(&'a str, &'a str)], &'a SummarySnapshot)>,
) {
    let mut family = page.family(name, Summary, help);
    for (labels, summary) in metrics {
        family.summary(labels, &summary.quantiles, summary.sum_seconds, summary.count);
    }
}
