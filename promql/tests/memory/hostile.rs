//! Queries that make much of little, and data for them.

use promethium_model::{
    AppendOptions, Appendable, CounterResetHint, FloatHistogram, Labels, Point, PointValue, QueryError, SeriesKey,
    Span, Spans,
};

pub(crate) const STEP_MS: i64 = 15_000;
pub(crate) const SAMPLES: i64 = 240;

fn append(store: &dyn Appendable, pairs: &[(&str, &str)], samples: i64, value: impl Fn(i64) -> f64) {
    let labels = Labels::from_pairs(pairs.iter().copied());
    let mut tx = store.appender();
    for s in 0..samples {
        let point = Point::float(s * STEP_MS, value(s));
        tx.append(SeriesKey::Labels(&labels), point, &AppendOptions::default()).unwrap();
    }
    tx.commit().unwrap();
}

fn histogram(i: i64, s: i64) -> FloatHistogram {
    let count = (s * (1 + i % 3) + 1) as f64;
    FloatHistogram {
        counter_reset_hint: CounterResetHint::Unknown,
        schema: 3,
        zero_threshold: 0.001,
        zero_count: count,
        count: 21.0 * count,
        sum: 55.0 * count,
        positive_spans: [Span { offset: (i % 7) as i32, length: 20 }].into(),
        negative_spans: Spans::default(),
        positive_buckets: vec![count; 20],
        negative_buckets: Vec::new(),
        custom_bounds: std::sync::Arc::from([].as_slice()),
    }
}

/// Counters, native and classic histograms, many metrics, long label values, info metrics.
pub(crate) fn fill(store: &dyn Appendable) {
    for i in 0..800i64 {
        let (i_text, group) = (i.to_string(), (i % 10).to_string());
        append(store, &[("__name__", "x_total"), ("g", &group), ("i", &i_text)], SAMPLES, |s| (s * (i % 7 + 1)) as f64);
        append(store, &[("__name__", &format!("m_{i}")), ("instance", &i_text), ("job", "j")], 20, |s| s as f64);
    }
    for i in 0..200i64 {
        let (i_text, long) = (i.to_string(), "long".repeat(1_000));
        append(store, &[("__name__", "long"), ("i", &i_text), ("l", &long)], 20, |s| s as f64);
        let info = [("__name__", "target_info"), ("instance", &*i_text), ("job", "j"), ("version", &*long)];
        append(store, &info, 20, |_| 1.0);
    }
    for i in 0..40i64 {
        let i_text = i.to_string();
        for (b, le) in ["0.1", "0.2", "0.5", "1", "2", "5", "+Inf"].into_iter().enumerate() {
            // Counts that fall from one bucket to the next have to be repaired.
            append(store, &[("__name__", "b_bucket"), ("i", &i_text), ("le", le)], SAMPLES, |s| {
                ((s + 7) * ((b as i64 * 3) % 5 + 1)) as f64
            });
        }
        let labels = Labels::from_pairs([("__name__", "h"), ("i", i_text.as_str())]);
        let mut tx = store.appender();
        for s in 0..SAMPLES {
            let h = histogram(i, s);
            let point =
                Point { timestamp_ms: s * STEP_MS, start_timestamp_ms: 0, value: PointValue::FloatHistogram(&h) };
            tx.append(SeriesKey::Labels(&labels), point, &AppendOptions::default()).unwrap();
        }
        tx.commit().unwrap();
    }
}

/// Each as an instant query at the end of the data, and over all of it.
fn queries() -> Vec<String> {
    let doubled = |of: &str, times: usize| {
        let opened = "label_join(".repeat(times);
        format!("{opened}{of}{}", ", \"d\", \"\", \"d\", \"d\")".repeat(times))
    };
    let expanded = |of: &str, times: usize| {
        let opened = "label_replace(".repeat(times);
        format!("{opened}{of}{}", ", \"l\", \"$1$1$1$1\", \"l\", \"(.*)\")".repeat(times))
    };
    let generated = [
        doubled("label_replace(x_total, \"d\", \"$1\", \"i\", \"(.*)\")", 24),
        doubled("label_replace(long, \"d\", \"$1\", \"l\", \"(.*)\")", 12),
        expanded("long", 8),
        format!("x_total{}", " + 1".repeat(12_000)),
        format!("1{}", " + 1".repeat(12_000)),
        format!("vector(1){}", " + vector(1)".repeat(4_000)),
        format!("x_total{}", " or x_total".repeat(30)),
        format!("sum by ({}) (x_total)", "label_of_this_name, ".repeat(3_000)),
        format!("{}x_total{}", "(".repeat(190), ")".repeat(190)),
        format!("{}x_total", "-".repeat(190)),
        format!("{}x_total{}", "abs(".repeat(190), ")".repeat(190)),
        format!("{}x_total{}", "sort(".repeat(100), ")".repeat(100)),
        format!("{{__name__=\"x_total\"{}}}", ", i!~\"a.b.*c[0-9]+\"".repeat(2_000)),
        format!("x_total{{i=~\"{}\"}}", "[0-9]+|".repeat(5_000)),
        format!("label_replace(x_total, \"a\", \"{}\", \"i\", \"(.*)\")", "$1".repeat(10_000)),
        format!("\"{}\"", "text".repeat(15_000)),
        "clamp(clamp(x_total, scalar(x_total), 1e9), 0, 1)".to_owned(),
    ];
    generated.into_iter().chain(TABLE.iter().map(|q| (*q).to_owned())).collect()
}

const TABLE: &[&str] = &[
    "x_total",
    "{__name__=~\".+\"}",
    "-x_total",
    "x_total + 1",
    "x_total > bool 3",
    "x_total + x_total",
    "x_total - on (i) x_total",
    "rate(x_total[5m]) / rate(x_total[10m])",
    "x_total * on (g) group_left sum by (g) (x_total)",
    "x_total + fill(0) rate(x_total[5m])",
    "x_total and x_total",
    "x_total or -x_total",
    "x_total unless long",
    "x_total == x_total != x_total",
    "topk(500, x_total)",
    "topk by (i) (1, x_total)",
    "bottomk(1, rate(x_total[5m]))",
    "limitk(500, x_total)",
    "limit_ratio(0.9, x_total)",
    "quantile(0.5, x_total)",
    "quantile by (i) (0.5, x_total)",
    "sum(x_total)",
    "sum by (i) (x_total)",
    "avg by (i) (x_total)",
    "stddev by (i) (x_total)",
    "min by (i) (x_total)",
    "group by (i) (x_total)",
    "count by (__name__) ({__name__=~\".+\"})",
    "count_values(\"v\", x_total)",
    "count_values(\"v\", rate(x_total[1m]) * 1.1)",
    "count_values(\"v\", h)",
    "count_values by (l) (\"v\", long)",
    "sort(x_total)",
    "sort_desc(-x_total)",
    "sort_by_label(x_total, \"i\")",
    "label_replace(x_total, \"a\", \"$1-$1-$1\", \"i\", \"(.*)\")",
    "label_join(x_total, \"a\", \"-\", \"i\", \"g\", \"__name__\")",
    "label_replace(long, \"__name__\", \"$1\", \"l\", \"(.*)\")",
    "histogram_quantile(0.9, b_bucket)",
    "histogram_quantile(0.9, rate(b_bucket[5m]))",
    "histogram_quantiles(b_bucket, \"q\", 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)",
    "histogram_fraction(0, 1, b_bucket)",
    "histogram_quantile(0.9, x_total)",
    "h",
    "-h",
    "h + h",
    "h * 2",
    "sum(h)",
    "sum by (i) (h)",
    "avg by (i) (h)",
    "rate(h[5m])",
    "increase(h[30m] smoothed)",
    "sum_over_time(h[10m])",
    "last_over_time(h[10m])",
    "histogram_count(sum by (i) (h))",
    "histogram_quantiles(h, \"q\", 0.1, 0.5, 0.9)",
    "h @ end()",
    "x_total @ end()",
    "max_over_time(h[10m:15s])",
    "rate(x_total[30m])",
    "increase(x_total[30m] anchored)",
    "rate(x_total[5m] smoothed)",
    "sum_over_time(x_total[30m])",
    "quantile_over_time(0.5, x_total[30m])",
    "mad_over_time(x_total[30m])",
    "max_over_time(x_total[30m])",
    "deriv(x_total[30m])",
    "predict_linear(x_total[30m], 60)",
    "double_exponential_smoothing(x_total[10m], 0.5, 0.5)",
    "changes(x_total[30m])",
    "rate({__name__=~\"m_.*\"}[5m])",
    "rate({__name__=~\".+\"}[5m])",
    "max_over_time(x_total[50m:1s])",
    "sum_over_time(rate(x_total[5m])[30m:1s])",
    "max_over_time(vector(1)[1000h:1s])",
    "min_over_time(vector(1)[2000h:1s])",
    "max_over_time(vector(1)[200000h:1s])",
    "absent_over_time(x_total[30m])",
    "absent(x_total)",
    "vector(scalar(x_total)) + vector(time())",
    "timestamp(x_total)",
    "round(x_total, 2)",
    "info(m_1 or m_2 or m_3)",
    "info({__name__=~\"m_.*\"}, {version=~\".+\"})",
    "long + on (i) group_left (l) long",
];

/// Runs all queries, as instant queries and over all the data, under two limits. `measured` takes the limit, the query and whether
/// it is an instant query; it gives the bytes at the peak and how the query ended. None may hold a tenth more than its limit.
pub(crate) fn check_limits(measured: impl Fn(usize, &str, bool) -> (usize, Result<(), QueryError>)) {
    let queries = queries();
    assert!(queries.len() >= 50);
    let mut over = Vec::new();
    for limit in [2_usize << 20, 16 << 20] {
        let mut refused = 0;
        for (query, instant) in queries.iter().flat_map(|query| [(query, true), (query, false)]) {
            let (peak, outcome) = measured(limit, query, instant);
            refused += usize::from(matches!(outcome, Err(QueryError::TooManyBytes { .. })));
            if peak > limit + limit / 10 {
                let shown: String = query.chars().take(90).collect();
                over.push(format!("{shown} (instant: {instant}): {peak} bytes of {limit}: {outcome:?}"));
            }
        }
        println!("{limit} bytes: {refused} of {} refused", 2 * queries.len());
        assert!(refused > 10 && refused < 2 * queries.len(), "{refused} refused");
    }
    assert!(over.is_empty(), "{} over their limit:\n{}", over.len(), over.join("\n"));
}
