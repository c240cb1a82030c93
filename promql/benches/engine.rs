//! The float rows of Prometheus' `BenchmarkRangeQuery`, over an in-memory store with a day of samples and 1,000 more, ten
//! seconds apart. Each iteration parses, plans and executes.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use promethium_model::{
    AppendOptions, Appendable, InstantOptions, Labels, LabelsBuilder, MemStore, Point, QueryCx, QueryEngine,
    RangeOptions, SeriesKey,
};
use promethium_promql::{Engine, EngineOptions, Features};

const INTERVAL_MS: i64 = 10_000;
const POINTS: i64 = 8_640 + 1_000;

const EXPRESSIONS: [&str; 39] = [
    "a_X",
    "rate(a_X[1m])",
    "rate(a_X[1m] smoothed)",
    "rate(a_X[1d])",
    "changes(a_X[1d])",
    "absent_over_time(a_X[1d])",
    "double_exponential_smoothing(a_X[1d], 0.3, 0.3)",
    "-a_X",
    "a_X - b_X",
    "a_X and b_X{l=~'.*[0-4]$'}",
    "a_X or b_X{l=~'.*[0-4]$'}",
    "a_X unless b_X{l=~'.*[0-4]$'}",
    "a_X and b_X{l='notfound'}",
    "abs(a_X)",
    "label_replace(a_X, 'l2', '$1', 'l', '(.*)')",
    "label_join(a_X, 'l2', '-', 'l', 'l')",
    "sum(a_X)",
    "avg(a_X)",
    "count_values('value', h_X)",
    "sum without (l)(h_X)",
    "sum by (l)(h_X)",
    "sum by (le)(h_X)",
    "a_X + on(l) group_right b_X",
    "rate(a_X[1m]) + rate(b_X[1m])",
    "limitk(1, a_X)",
    "limit_ratio(0.1, a_X)",
    "limit_ratio(-0.5, a_X)",
    "sum_over_time(a_X[1d])",
    "avg_over_time(a_X[1d])",
    "quantile_over_time(0.9, a_X[1h])",
    "topk(1, a_X)",
    "topk(5, a_X)",
    "limitk(5, a_X)",
    "limit_ratio(0.5, a_X)",
    "sum without (le)(h_X)",
    "sum without (l)(rate(a_X[1m]))",
    "sum without (l)(rate(a_X[1m])) / sum without (l)(rate(b_X[1m]))",
    "histogram_quantile(0.9, rate(h_X[5m]))",
    "timestamp(a_X)",
];

fn fill(store: &MemStore, name: &str, labels: &[(&str, String)], share: f64) {
    let mut builder = LabelsBuilder::new();
    builder.set("__name__", name);
    for (label, value) in labels {
        builder.set(label, value);
    }
    let labels: Labels = builder.build();
    let mut tx = store.appender();
    let mut key = None;
    for i in 0..POINTS {
        let point = Point::float(i * INTERVAL_MS, i as f64 + share);
        let by = key.map_or(SeriesKey::Labels(&labels), SeriesKey::Ref);
        let appended = tx.append(by, point, &AppendOptions::default()).expect("samples are in order");
        key = Some(appended.series);
    }
    tx.commit().expect("memory takes what it is given");
}

fn store(series: usize) -> MemStore {
    let store = MemStore::new();
    let bounds = (0..10).map(|b| b.to_string()).chain(["+Inf".to_owned()]);
    let bounds: Vec<String> = bounds.collect();
    for i in 0..series {
        let (l, share) = (i.to_string(), i as f64 / series as f64);
        fill(&store, "a_X", &[("l", l.clone())], share);
        fill(&store, "b_X", &[("l", l.clone())], share);
        // A tenth of the buckets: they are eleven times as many.
        if i % 10 == 0 {
            for le in &bounds {
                fill(&store, "h_X", &[("l", l.clone()), ("le", le.clone())], share);
            }
        }
    }
    store
}

fn range_queries(c: &mut Criterion) {
    let engine = Engine::new(EngineOptions::default().with_features(Features::all()));
    let end_ms = (POINTS - 1) * INTERVAL_MS;
    let cx = QueryCx::unlimited();
    for series in [1, 100] {
        let store = store(series);
        let mut group = c.benchmark_group(format!("{series}_series"));
        group.sample_size(10).measurement_time(std::time::Duration::from_secs(2));
        for query in EXPRESSIONS {
            group.bench_function(BenchmarkId::new(query, "instant"), |b| {
                b.iter(|| black_box(engine.instant(&store, query, &InstantOptions::at(end_ms), &cx).is_ok()));
            });
            let options = RangeOptions::new(end_ms - 1_000 * INTERVAL_MS, end_ms, INTERVAL_MS);
            group.bench_function(BenchmarkId::new(query, "1000 steps"), |b| {
                b.iter(|| black_box(engine.range(&store, query, &options, &cx).is_ok()));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, range_queries);
criterion_main!(benches);
