//! The `prometheus` crate: what its registry gathers, without a text in between.
//!
//! ```
//! use promethium_exposition::adapt::prometheus::families;
//! let registry = prometheus::Registry::new();
//! let jobs = prometheus::IntCounter::new("jobs_total", "Jobs done.")?;
//! registry.register(Box::new(jobs.clone()))?;
//! jobs.inc();
//! let families = families(&registry.gather());
//! assert_eq!(families[0].name, "jobs_total");
//! # Ok::<(), prometheus::Error>(())
//! ```

use prometheus::proto;
use promethium_model::MetricType;

use crate::family::{BucketValue, Family, HistogramValue, Metric, MetricValue, SummaryValue};

/// What a registry gathered.
#[must_use]
pub fn families(gathered: &[proto::MetricFamily]) -> Vec<Family> {
    gathered.iter().map(family).collect()
}

fn family(family: &proto::MetricFamily) -> Family {
    let field_type = family.get_field_type();
    Family {
        name: family.name().to_owned(),
        help: family.help().to_owned(),
        unit: String::new(),
        metric_type: metric_type(field_type),
        metrics: family.get_metric().iter().map(|m| metric(m, field_type)).collect(),
    }
}

fn metric_type(field_type: proto::MetricType) -> MetricType {
    match field_type {
        proto::MetricType::COUNTER => MetricType::Counter,
        proto::MetricType::GAUGE => MetricType::Gauge,
        proto::MetricType::SUMMARY => MetricType::Summary,
        proto::MetricType::HISTOGRAM => MetricType::Histogram,
        proto::MetricType::UNTYPED => MetricType::Unknown,
    }
}

fn metric(metric: &proto::Metric, field_type: proto::MetricType) -> Metric {
    let labels = metric.get_label().iter().map(|l| (l.name().to_owned(), l.value().to_owned())).collect();
    let single = |value| MetricValue::Single { value, exemplar: None };
    let value = match field_type {
        proto::MetricType::COUNTER => single(metric.get_counter().get_value()),
        proto::MetricType::GAUGE => single(metric.get_gauge().get_value()),
        proto::MetricType::SUMMARY => MetricValue::Summary(summary(metric.get_summary())),
        proto::MetricType::HISTOGRAM => MetricValue::Histogram(Box::new(histogram(metric.get_histogram()))),
        // The registry has no metrics without a type.
        proto::MetricType::UNTYPED => single(0.0),
    };
    let timestamp_ms = Some(metric.timestamp_ms()).filter(|ms| *ms != 0);
    Metric { labels, timestamp_ms, start_timestamp_ms: None, value }
}

fn summary(summary: &proto::Summary) -> SummaryValue {
    SummaryValue {
        count: Some(summary.sample_count() as f64),
        sum: Some(summary.sample_sum()),
        quantiles: summary.get_quantile().iter().map(|q| (q.quantile(), q.value())).collect(),
    }
}

/// The registry leaves the bucket up to +Inf out: it is the count.
fn histogram(histogram: &proto::Histogram) -> HistogramValue {
    let count = histogram.get_sample_count() as f64;
    let bucket = |b: &proto::Bucket| BucketValue {
        upper_bound: b.upper_bound(),
        cumulative_count: b.cumulative_count() as f64,
        exemplar: None,
    };
    let mut buckets: Vec<BucketValue> = histogram.get_bucket().iter().map(bucket).collect();
    if buckets.last().is_none_or(|b| b.upper_bound != f64::INFINITY) {
        buckets.push(BucketValue { upper_bound: f64::INFINITY, cumulative_count: count, exemplar: None });
    }
    HistogramValue { count: Some(count), sum: Some(histogram.get_sample_sum()), buckets, ..HistogramValue::default() }
}
