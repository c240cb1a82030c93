//! The data of those tables, but for that of `BenchmarkRangeQuery`, which is in the library.

use std::sync::Arc;

use promethium::model::{
    AppendOptions, Appendable, CounterResetHint, FloatHistogram, Histogram, Labels, Point, PointValue, SeriesKey, Span,
};
use promethium_benches::INTERVAL_MS;

/// Series by series: faster to make than scrape by scrape, and the same in the end.
fn write(store: &dyn Appendable, labels: &Labels, points: i64, interval_ms: i64, value: impl Fn(i64) -> f64) {
    let mut tx = store.appender();
    let mut key = None;
    for i in 0..points {
        let by = key.map_or(SeriesKey::Labels(labels), |r| SeriesKey::RefOrLabels(r, labels));
        let sample = Point::float(i * interval_ms, value(i));
        let appended = tx.append(by, sample, &AppendOptions::default()).expect("the data is in order");
        // What a transaction creates has its reference for good once that is committed.
        key = (i > 0).then_some(appended.series);
    }
    tx.commit().expect("memory does not fail");
}

/// Series of 372 samples one after the other, as many as fit.
pub(crate) fn sparse(store: &dyn Appendable, points: i64) {
    const SAMPLES: i64 = 372;
    for l in 0..=points / SAMPLES {
        let labels = Labels::from_pairs([("__name__", "sparse".to_owned()), ("l", l.to_string())]);
        let mut tx = store.appender();
        for i in l * SAMPLES..points.min((l + 1) * SAMPLES) {
            let sample = Point::float(i * INTERVAL_MS, i as f64);
            tx.append(SeriesKey::Labels(&labels), sample, &AppendOptions::default()).expect("the data is in order");
        }
        tx.commit().expect("memory does not fail");
    }
}

/// Two metrics of as many instances each, named by hexadecimal texts of the length of a UUID.
pub(crate) fn join(store: &dyn Appendable, instances: u64, points: i64) {
    for metric in ["rpc_request_success_total", "rpc_request_error_total"] {
        for i in 0..instances {
            // Evenly spread, so that a sixteenth begins with 0.
            let bits = i.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let instance =
                format!("{:08x}-{:04x}-4000-8000-{:012x}", bits >> 32, bits >> 16 & 0xFFFF, bits & 0xFFFF_FFFF);
            let labels = Labels::from_pairs([
                ("__name__", metric),
                ("environment", "staging"),
                ("cluster", "test-kubernetes-cluster"),
                ("namespace", "test-kubernetes-namespace"),
                ("job", "worker"),
                ("rpc_method", "fetch-my-data-from-this-service"),
                ("domain", "test-domain"),
                ("instance", &instance),
            ]);
            write(store, &labels, points, INTERVAL_MS, |p| (p + i as i64) as f64);
        }
    }
}

pub(crate) const HISTOGRAM_INTERVAL_MS: i64 = 15_000;

/// `native_histogram_series` with the exponential schema 1, or with custom bounds.
pub(crate) fn histograms(store: &dyn Appendable, series: i64, points: i64, custom: bool) {
    for h in 0..series {
        let pairs =
            [("__name__", "native_histogram_series".to_owned()), ("foo", "bar".to_owned()), ("h", h.to_string())];
        let labels = Labels::from_pairs(pairs);
        let mut tx = store.appender();
        for i in 0..points {
            let (integers, floats);
            let value = if custom {
                floats = custom_histogram(i);
                PointValue::FloatHistogram(&floats)
            } else {
                integers = exponential_histogram(i);
                PointValue::Histogram(&integers)
            };
            let point = Point { timestamp_ms: i * HISTOGRAM_INTERVAL_MS, start_timestamp_ms: 0, value };
            tx.append(SeriesKey::Labels(&labels), point, &AppendOptions::default()).expect("the data is in order");
        }
        tx.commit().expect("memory does not fail");
    }
}

fn spans() -> Vec<Span> {
    vec![Span { offset: 0, length: 2 }, Span { offset: 1, length: 2 }]
}

fn exponential_histogram(i: i64) -> Histogram {
    let n = i as u64;
    Histogram {
        counter_reset_hint: CounterResetHint::Unknown,
        schema: 1,
        zero_threshold: 0.001,
        zero_count: 2 + n,
        count: 12 + 9 * n,
        sum: 18.4 * (i + 1) as f64,
        positive_spans: spans(),
        negative_spans: spans(),
        positive_deltas: vec![i + 1, 1, -1, 0],
        negative_deltas: vec![i + 1, 1, -1, 0],
        custom_bounds: Arc::from([].as_slice()),
    }
}

fn custom_histogram(i: i64) -> FloatHistogram {
    let n = i as f64;
    FloatHistogram {
        counter_reset_hint: CounterResetHint::Unknown,
        schema: promethium::model::histogram::CUSTOM_BUCKETS_SCHEMA,
        zero_threshold: 0.0,
        zero_count: 0.0,
        count: 5.0 + 4.0 * n,
        sum: 18.4 * (n + 1.0),
        positive_spans: spans(),
        negative_spans: Vec::new(),
        positive_buckets: vec![n + 1.0, n + 2.0, n + 1.0, n + 1.0],
        negative_buckets: Vec::new(),
        custom_bounds: Arc::from([0.0, 1.0, 2.0, 3.0, 4.0].as_slice()),
    }
}

pub(crate) const INFO_INTERVAL_MS: i64 = 2_000;

/// A hundred info series, and the counters of one target.
pub(crate) fn info(store: &dyn Appendable, points: i64) {
    for i in 0..100 {
        let cluster = if i % 2 == 0 { "us-east" } else { "eu-south" };
        let labels = Labels::from_pairs([
            ("__name__", "target_info"),
            ("instance", &format!("instance{i}")),
            ("job", &format!("job{i}")),
            ("k8s_cluster_name", cluster),
        ]);
        write(store, &labels, points, INFO_INTERVAL_MS, |_| 1.0);
    }
    for code in ["200", "400", "500"] {
        let labels = Labels::from_pairs([
            ("__name__", "http_server_request_duration_seconds_count"),
            ("instance", "instance0"),
            ("job", "job0"),
            ("http_status_code", code),
        ]);
        write(store, &labels, points, INFO_INTERVAL_MS, |p| p as f64);
    }
}
