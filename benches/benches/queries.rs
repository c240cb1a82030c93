//! Prometheus' benchmarks of its engine, rebuilt: over the real store, and over the samples in memory as they are.
//!
//! | group | rows |
//! |---|---|
//! | `range_query` | `BenchmarkRangeQuery` |
//! | `window` | functions over a day at 1,000 steps, beside the reading of their samples and the same over a minute |
//! | `join` | `BenchmarkJoinQuery` |
//! | `histogram`, `custom_buckets` | `BenchmarkNativeHistograms` and `…CustomBuckets`, on a tenth of the series |
//! | `info` | `BenchmarkInfoFunction` |
//!
//! `PROMETHIUM_BENCH_SHARE` multiplies series counts of joins and histograms (default 0.1; Prometheus takes 1). A run with
//! `--quick` takes a few minutes.

#[path = "queries/data.rs"]
mod data;
#[path = "queries/tables.rs"]
mod tables;

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main};
use promethium::model::{
    Appendable, MatchOp, Matcher, MemStore, QueryCx, QueryEngine, Queryable, RangeOptions, SampleBatch, SelectHints,
    TimeRange,
};
use promethium::promql::{Engine, EngineOptions, Features};
use promethium::tsdb::{Db, DbOptions};
use promethium_benches::{INTERVAL_MS, RangeQueryData};

/// A store that can be filled and asked.
trait Store: Appendable + Queryable {}

impl<T: Appendable + Queryable> Store for T {}

fn stores() -> [(&'static str, Box<dyn Store>); 2] {
    let db = Db::in_memory(DbOptions::default()).expect("memory does not fail");
    [("tsdb", Box::new(db)), ("memory", Box::new(MemStore::new()))]
}

fn engine() -> Engine {
    // The joins of Prometheus' table at 5,000 steps and 2,000 series hold more than 50 million points and columns at once.
    let mut options = EngineOptions::default().with_features(Features::all());
    options.limits.max_query_samples = 200_000_000;
    Engine::new(options)
}

fn share() -> f64 {
    std::env::var("PROMETHIUM_BENCH_SHARE").ok().and_then(|s| s.parse().ok()).unwrap_or(0.1)
}

fn group<'c>(c: &'c mut Criterion, name: &str) -> BenchmarkGroup<'c, WallTime> {
    let mut group = c.benchmark_group(name);
    group.sample_size(10).measurement_time(Duration::from_secs(1)).warm_up_time(Duration::from_millis(200));
    group
}

fn bench(
    group: &mut BenchmarkGroup<'_, WallTime>,
    id: BenchmarkId,
    store: &dyn Store,
    query: &str,
    range: RangeOptions,
) {
    let engine = engine();
    let run = || engine.range(store, query, &range, &QueryCx::unlimited()).unwrap_or_else(|e| panic!("{query}: {e}"));
    // Parses, plans and executes, as Prometheus' benchmarks do.
    group.bench_function(id, |b| b.iter(|| black_box(run())));
}

/// So many steps that end at `end_ms`.
fn last_steps(end_ms: i64, steps: i64) -> RangeOptions {
    RangeOptions::new(end_ms - (steps - 1) * INTERVAL_MS, end_ms, INTERVAL_MS)
}

fn range_queries(c: &mut Criterion) {
    let data = RangeQueryData::full();
    for (name, store) in stores() {
        data.write(&*store, &[("one", 1), ("hundred", 100)]).expect("memory does not fail");
        for size in ["one", "hundred"] {
            let mut group = group(c, &format!("range_query/{name}/{size}"));
            for (row, steps) in tables::RANGE {
                let query = row.replace('X', size);
                for steps in *steps {
                    let range = last_steps(data.end_ms(), *steps);
                    bench(&mut group, BenchmarkId::new(&query, steps), &*store, &query, range);
                }
            }
        }
        windows(c, name, &*store, data.end_ms());
    }
}

fn sparse(c: &mut Criterion) {
    let data = RangeQueryData::full();
    for (name, store) in stores() {
        data::sparse(&*store, data.points);
        let mut group = group(c, &format!("range_query/{name}/sparse"));
        for (query, steps) in tables::SPARSE {
            for steps in *steps {
                let range = last_steps(data.end_ms(), *steps);
                bench(&mut group, BenchmarkId::new(*query, steps), &*store, query, range);
            }
        }
        group.finish();
    }
}

/// `f(a_hundred[1d])` at 1,000 steps, beside what bounds it: reading its samples, and `f(a_hundred[1m])`.
fn windows(c: &mut Criterion, name: &str, store: &dyn Store, end_ms: i64) {
    const DAY_MS: i64 = 86_400_000;
    let steps = 1_000;
    let range = last_steps(end_ms, steps);
    let mut group = group(c, &format!("window/{name}"));
    let samples = TimeRange::new(range.start_ms - DAY_MS + 1, end_ms);
    group.bench_function("read", |b| b.iter(|| black_box(read(store, "a_hundred", samples))));
    for function in tables::WINDOWS {
        for width in ["1m", "1d"] {
            let query = format!("{function}(a_hundred[{width}])");
            bench(&mut group, BenchmarkId::new(&query, steps), store, &query, range);
        }
    }
    group.finish();
}

/// Reads all samples of a metric in columns; returns how many there are.
fn read(store: &dyn Store, metric: &str, range: TimeRange) -> usize {
    let querier = store.querier(range).expect("memory does not fail");
    let matcher = Matcher::new(MatchOp::Equal, "__name__", metric).expect("a name is no pattern");
    let mut hints = SelectHints::default();
    (hints.start_ms, hints.end_ms) = (range.min_ms, range.max_ms);
    let mut set = querier.select(&[matcher], &hints, &QueryCx::unlimited()).expect("memory does not fail");
    let (mut batch, mut rows) = (SampleBatch::new(), 0);
    while let Some(mut series) = set.next_series().expect("memory does not fail") {
        batch.clear();
        series.samples.seek(range.min_ms);
        while series.samples.next_batch(&mut batch).expect("memory does not fail") {}
        rows += batch.len();
    }
    rows
}

fn joins(c: &mut Criterion) {
    const STEPS: i64 = 5_000;
    let instances = (1_000.0 * share()) as u64;
    let points = STEPS + 40;
    for (name, store) in stores() {
        data::join(&*store, instances, points);
        let mut group = group(c, &format!("join/{name}/{instances}"));
        for row in tables::JOIN {
            let query = row
                .split(' ')
                .map(|word| match word.strip_prefix('E') {
                    _ if word == "S" => "rpc_request_success_total".to_owned(),
                    Some(rest) => format!("rpc_request_error_total{rest}"),
                    None => word.to_owned(),
                })
                .collect::<Vec<_>>()
                .join(" ");
            let range = last_steps((points - 1) * INTERVAL_MS, STEPS);
            bench(&mut group, BenchmarkId::new(*row, STEPS), &*store, &query, range);
        }
        group.finish();
    }
}

fn histograms(c: &mut Criterion) {
    const TWO_HOURS_MS: i64 = 7_200_000;
    let series = (3_000.0 * share()) as i64;
    let points = TWO_HOURS_MS / data::HISTOGRAM_INTERVAL_MS + 1;
    let range = RangeOptions::new(0, TWO_HOURS_MS, 30_000);
    for (table, custom, rows) in
        [("histogram", false, tables::HISTOGRAMS), ("custom_buckets", true, &tables::HISTOGRAMS[..5])]
    {
        for (name, store) in stores() {
            data::histograms(&*store, series, points, custom);
            let mut group = group(c, &format!("{table}/{name}/{series}"));
            for row in rows {
                let query = row.replace('X', "native_histogram_series");
                bench(&mut group, BenchmarkId::new(*row, 241), &*store, &query, range);
            }
            group.finish();
        }
    }
}

fn info(c: &mut Criterion) {
    for (name, store) in stores() {
        data::info(&*store, 3_600);
        let mut group = group(c, &format!("info/{name}"));
        for row in tables::INFO {
            let query = row.replace("C[", "http_server_request_duration_seconds_count[");
            bench(&mut group, BenchmarkId::new(*row, 241), &*store, &query, RangeOptions::new(0, 7_200_000, 30_000));
        }
        group.finish();
    }
}

criterion_group!(benches, sparse, info, joins, histograms, range_queries);
criterion_main!(benches);
