//! Label sets: the operations on every path.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use promethium_model::{Labels, Matcher};

/// The labels of a usual target of a cluster.
fn series(i: usize) -> Labels {
    Labels::from_pairs([
        ("__name__", "http_request_duration_seconds_bucket".to_owned()),
        ("cluster", "production-eu-west".to_owned()),
        ("code", "200".to_owned()),
        ("handler", "/api/v1/query_range".to_owned()),
        ("instance", format!("10.0.{}.{}:9100", i / 250, i % 250)),
        ("job", "api-server".to_owned()),
        ("le", "0.25".to_owned()),
        ("namespace", "monitoring".to_owned()),
    ])
}

fn labels(c: &mut Criterion) {
    let mut group = c.benchmark_group("labels");
    let (a, b) = (series(7), series(8));
    group.bench_function("compare", |bench| bench.iter(|| black_box(&a).cmp(black_box(&b))));
    group.bench_function("equal", |bench| bench.iter(|| black_box(&a) == black_box(&a.clone())));
    group.bench_function("get first", |bench| bench.iter(|| black_box(&a).get(black_box("__name__"))));
    group.bench_function("get last", |bench| bench.iter(|| black_box(&a).get(black_box("namespace"))));
    group.bench_function("get absent", |bench| bench.iter(|| black_box(&a).get(black_box("zone"))));
    group.bench_function("hash", |bench| bench.iter(|| black_box(&a).hash()));
    group.bench_function("without name", |bench| bench.iter(|| black_box(&a).without_name()));
    group.bench_function("build", |bench| bench.iter(|| Labels::from_pairs(black_box(&a).iter())));
    let many: Vec<Labels> = (0..10_000).map(series).collect();
    let matcher = Matcher::equal("job", "api-server");
    group.bench_function("match 10k series", |bench| {
        bench.iter(|| many.iter().filter(|l| matcher.matches(l.get("job").unwrap_or(""))).count());
    });
    group.bench_function("sort 10k series", |bench| {
        bench.iter_batched(
            || many.iter().rev().cloned().collect::<Vec<_>>(),
            |mut all| {
                all.sort_unstable();
                all
            },
            criterion::BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, labels);
criterion_main!(benches);
