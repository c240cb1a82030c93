//! Float rows of Prometheus' `BenchmarkRangeQuery` over the real store: parse, plan, evaluate.
//!
//! `PROMETHIUM_BENCH_POINTS` sets the samples a series (default 10,640: a day and 2,000 more; Prometheus takes 18,640).

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use promethium::model::{QueryCx, QueryEngine, RangeOptions};
use promethium::promql::{Engine, EngineOptions, Features};
use promethium::tsdb::{Db, DbOptions};
use promethium_benches::{INTERVAL_MS, RangeQueryData};

/// Expressions with `X` for the size, and the step counts they run at.
const ROWS: [(&str, &[i64]); 26] = [
    ("a_X", &[1, 1_000]),
    ("rate(a_X[1m])", &[1, 1_000]),
    ("rate(a_X[1d])", &[1, 1_000]),
    ("changes(a_X[1d])", &[1, 1_000]),
    ("absent_over_time(a_X[1d])", &[1, 1_000]),
    ("double_exponential_smoothing(a_X[1d], 0.3, 0.3)", &[1]),
    ("-a_X", &[1, 1_000]),
    ("a_X - b_X", &[1, 1_000]),
    ("a_X and b_X{l=~'.*[0-4]$'}", &[1, 1_000]),
    ("a_X or b_X{l=~'.*[0-4]$'}", &[1, 1_000]),
    ("a_X unless b_X{l=~'.*[0-4]$'}", &[1, 1_000]),
    ("a_X and b_X{l='notfound'}", &[1, 1_000]),
    ("abs(a_X)", &[1, 1_000]),
    ("label_replace(a_X, 'l2', '$1', 'l', '(.*)')", &[1, 1_000]),
    ("label_join(a_X, 'l2', '-', 'l', 'l')", &[1, 1_000]),
    ("sum(a_X)", &[1, 1_000]),
    ("avg(a_X)", &[1, 1_000]),
    ("sum without (l)(h_X)", &[1, 1_000]),
    ("sum by (le)(h_X)", &[1, 1_000]),
    ("topk(1, a_X)", &[1, 1_000]),
    ("rate(a_X[1m]) + rate(b_X[1m])", &[1, 1_000]),
    ("sum without (l)(rate(a_X[1m]))", &[1, 1_000]),
    ("histogram_quantile(0.9, rate(h_X[5m]))", &[1, 1_000]),
    ("a_X + on(l) group_right a_one", &[1, 1_000]),
    ("count({__name__!=''})", &[1]),
    ("timestamp(a_X)", &[1, 1_000]),
];

fn points() -> i64 {
    std::env::var("PROMETHIUM_BENCH_POINTS").ok().and_then(|p| p.parse().ok()).unwrap_or(8_640 + 2_000)
}

fn range_queries(c: &mut Criterion) {
    let data = RangeQueryData { points: points() };
    let db = Db::in_memory(DbOptions::default()).expect("memory does not fail");
    data.write(&db, &[("one", 1), ("hundred", 100)]).expect("memory does not fail");
    let mut options = EngineOptions::default();
    options.features = Features::all();
    let engine = Engine::new(options);
    for size in ["one", "hundred"] {
        let mut group = c.benchmark_group(format!("range_query/{size}"));
        group.sample_size(10).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(300));
        for (row, steps) in ROWS {
            let expr = row.replace('X', size);
            for &steps in steps {
                group.bench_function(BenchmarkId::new(&expr, steps), |b| {
                    let end = data.end_ms();
                    let options = RangeOptions::new(end - (steps - 1) * INTERVAL_MS, end, INTERVAL_MS);
                    b.iter(|| black_box(engine.range(&db, &expr, &options, &QueryCx::unlimited()).expect(&expr)));
                });
            }
        }
        group.finish();
    }
}

criterion_group!(benches, range_queries);
criterion_main!(benches);
