//! The data of those tables, but for that of `BenchmarkRangeQuery`, which is in the library.

use std::ops::Range;
use std::sync::Arc;

use promethium::model::{
    AppendOptions, Appendable, CounterResetHint, FloatHistogram, Histogram, Labels, Point, PointValue, SeriesKey,
    SeriesRef, Span, Spans,
};
use promethium_benches::INTERVAL_MS;

/// A sample to be written.
enum Value {
    Float(f64),
    Integers(Histogram),
    Floats(FloatHistogram),
}

/// A series to be written: which of the points it has, and what it is at each.
struct Written {
    labels: Labels,
    points: Range<i64>,
    value: Box<dyn Fn(i64) -> Value>,
}

/// Writes scrape by scrape, as a head takes it.
fn write(store: &dyn Appendable, series: &[Written], points: i64, interval_ms: i64) {
    let mut known: Vec<Option<SeriesRef>> = vec![None; series.len()];
    for point in 0..points {
        let mut tx = store.appender();
        for (series, known) in series.iter().zip(&mut known).filter(|(s, _)| s.points.contains(&point)) {
            let key = known.map_or(SeriesKey::Labels(&series.labels), |r| SeriesKey::RefOrLabels(r, &series.labels));
            let value = (series.value)(point);
            let value = match &value {
                Value::Float(v) => PointValue::Float(*v),
                Value::Integers(h) => PointValue::Histogram(h),
                Value::Floats(h) => PointValue::FloatHistogram(h),
            };
            let sample = Point { timestamp_ms: point * interval_ms, start_timestamp_ms: 0, value };
            let appended = tx.append(key, sample, &AppendOptions::default()).expect("the data is in order");
            // What a transaction creates has its reference for good once that is committed.
            *known = (point > series.points.start).then_some(appended.series);
        }
        tx.commit().expect("memory does not fail");
    }
}

/// Series of 372 samples one after the other, as many as fit.
pub(crate) fn sparse(store: &dyn Appendable, points: i64) {
    const SAMPLES: i64 = 372;
    let one = |l: i64| Written {
        labels: Labels::from_pairs([("__name__", "sparse".to_owned()), ("l", l.to_string())]),
        points: l * SAMPLES..(l + 1) * SAMPLES,
        value: Box::new(|i| Value::Float(i as f64)),
    };
    let series: Vec<Written> = (0..=points / SAMPLES).map(one).collect();
    write(store, &series, points, INTERVAL_MS);
}

/// Two metrics of as many instances each, named by hexadecimal texts of the length of a UUID.
pub(crate) fn join(store: &dyn Appendable, instances: u64, points: i64) {
    let mut series = Vec::new();
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
            let value = Box::new(move |p| Value::Float((p + i as i64) as f64));
            series.push(Written { labels, points: 0..points, value });
        }
    }
    write(store, &series, points, INTERVAL_MS);
}

pub(crate) const HISTOGRAM_INTERVAL_MS: i64 = 15_000;

/// `native_histogram_series` with the exponential schema 1, or with custom bounds.
pub(crate) fn histograms(store: &dyn Appendable, series: i64, points: i64, custom: bool) {
    let one = |h: i64| {
        let pairs =
            [("__name__", "native_histogram_series".to_owned()), ("foo", "bar".to_owned()), ("h", h.to_string())];
        let value: Box<dyn Fn(i64) -> Value> = match custom {
            true => Box::new(|i| Value::Floats(custom_histogram(i))),
            false => Box::new(|i| Value::Integers(exponential_histogram(i))),
        };
        Written { labels: Labels::from_pairs(pairs), points: 0..points, value }
    };
    let series: Vec<Written> = (0..series).map(one).collect();
    write(store, &series, points, HISTOGRAM_INTERVAL_MS);
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
        positive_spans: spans().into(),
        negative_spans: spans().into(),
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
        positive_spans: spans().into(),
        negative_spans: Spans::default(),
        positive_buckets: vec![n + 1.0, n + 2.0, n + 1.0, n + 1.0],
        negative_buckets: Vec::new(),
        custom_bounds: Arc::from([0.0, 1.0, 2.0, 3.0, 4.0].as_slice()),
    }
}

pub(crate) const INFO_INTERVAL_MS: i64 = 2_000;

/// A hundred info series, and the counters of one target.
pub(crate) fn info(store: &dyn Appendable, points: i64) {
    let mut series = Vec::new();
    for i in 0..100 {
        let cluster = if i % 2 == 0 { "us-east" } else { "eu-south" };
        let labels = Labels::from_pairs([
            ("__name__", "target_info"),
            ("instance", &format!("instance{i}")),
            ("job", &format!("job{i}")),
            ("k8s_cluster_name", cluster),
        ]);
        series.push(Written { labels, points: 0..points, value: Box::new(|_| Value::Float(1.0)) });
    }
    for code in ["200", "400", "500"] {
        let labels = Labels::from_pairs([
            ("__name__", "http_server_request_duration_seconds_count"),
            ("instance", "instance0"),
            ("job", "job0"),
            ("http_status_code", code),
        ]);
        series.push(Written { labels, points: 0..points, value: Box::new(|p| Value::Float(p as f64)) });
    }
    write(store, &series, points, INFO_INTERVAL_MS);
}
