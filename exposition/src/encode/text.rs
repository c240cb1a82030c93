//! The text format.

use promethium_model::MetricType;
use promethium_model::labels::{BUCKET_LABEL, QUANTILE_LABEL};

use super::lines::{Lines, Numbers};
use crate::escape::push_help;
use crate::family::{Family, HistogramValue, Metric, MetricValue, SummaryValue};
use crate::naming::EscapingScheme;

pub(super) fn encode(families: &[Family], escaping: EscapingScheme) -> Vec<u8> {
    let mut page = Lines::new(escaping, Numbers::Plain);
    families.iter().for_each(|family| push_family(&mut page, family));
    page.out.into_bytes()
}

/// The name of a type. The text format has fewer than OpenMetrics: a gauge histogram is written as histogram, info and
/// state set as gauge.
pub(crate) fn type_text(metric_type: MetricType) -> &'static str {
    match metric_type {
        MetricType::Counter => "counter",
        MetricType::Gauge | MetricType::Info | MetricType::StateSet => "gauge",
        MetricType::Histogram | MetricType::GaugeHistogram => "histogram",
        MetricType::Summary => "summary",
        MetricType::Unknown => "untyped",
    }
}

/// `# HELP` if there is a text, and `# TYPE`.
pub(crate) fn push_head(page: &mut Lines, name: &str, metric_type: MetricType, help: &str) {
    if !help.is_empty() {
        page.push_metadata("HELP", name);
        push_help(&mut page.out, help);
        page.out.push('\n');
    }
    page.push_metadata("TYPE", name);
    page.out.push_str(type_text(metric_type));
    page.out.push('\n');
}

fn push_family(page: &mut Lines, family: &Family) {
    push_head(page, &family.name, family.metric_type, &family.help);
    for metric in &family.metrics {
        match &metric.value {
            MetricValue::Single { value, .. } => line(page, (&family.name, ""), metric, None, *value),
            MetricValue::Summary(summary) => push_summary(page, &family.name, metric, summary),
            MetricValue::Histogram(histogram) => push_histogram(page, &family.name, metric, histogram),
        }
    }
}

fn push_summary(page: &mut Lines, name: &str, metric: &Metric, summary: &SummaryValue) {
    for (quantile, value) in &summary.quantiles {
        line(page, (name, ""), metric, Some((QUANTILE_LABEL, *quantile)), *value);
    }
    push_sum_and_count(page, name, metric, (summary.sum, summary.count));
}

/// A bucket for `+Inf` is added where there is none, if all observations are known.
fn push_histogram(page: &mut Lines, name: &str, metric: &Metric, histogram: &HistogramValue) {
    for bucket in &histogram.buckets {
        line(page, (name, "_bucket"), metric, Some((BUCKET_LABEL, bucket.upper_bound)), bucket.cumulative_count);
    }
    let count = histogram.count.or(histogram.native.as_ref().map(|_| histogram.total()));
    let open = histogram.buckets.last().is_none_or(|bucket| bucket.upper_bound != f64::INFINITY);
    if let Some(count) = count.filter(|_| open) {
        line(page, (name, "_bucket"), metric, Some((BUCKET_LABEL, f64::INFINITY)), count);
    }
    push_sum_and_count(page, name, metric, (histogram.known_sum(), count));
}

fn push_sum_and_count(page: &mut Lines, name: &str, metric: &Metric, (sum, count): (Option<f64>, Option<f64>)) {
    for (suffix, value) in [("_sum", sum), ("_count", count)] {
        if let Some(value) = value {
            line(page, (name, suffix), metric, None, value);
        }
    }
}

fn line(page: &mut Lines, name: (&str, &str), metric: &Metric, bound: Option<(&str, f64)>, value: f64) {
    page.push_series(name, &metric.labels, bound);
    page.out.push(' ');
    page.push_number(value);
    push_timestamp(page, metric.timestamp_ms);
    page.out.push('\n');
}

/// The format has no negative times: those are left out, and the scraper dates the sample.
pub(crate) fn push_timestamp(page: &mut Lines, timestamp_ms: Option<i64>) {
    if let Some(timestamp_ms) = timestamp_ms.filter(|t| *t >= 0) {
        page.out.push(' ');
        page.push_integer(timestamp_ms);
    }
}
