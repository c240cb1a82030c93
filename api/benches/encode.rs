//! Encoding of answers: a matrix of 1,000 series with 1,000 steps, in bytes and in samples a second.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use promethium_api::push_query_value;
use promethium_model::{Labels, MatrixSeries, QueryCx, QueryValue};

const SERIES: usize = 1_000;
const STEPS: i64 = 1_000;

fn matrix(value_at: impl Fn(usize, i64) -> f64) -> QueryValue {
    let series = |i: usize| MatrixSeries {
        labels: Labels::from_pairs([
            ("__name__", "node_cpu_seconds_total"),
            ("cpu", &(i % 64).to_string()),
            ("instance", &format!("host-{i}:9100")),
            ("job", "node"),
            ("mode", "idle"),
        ]),
        floats: (0..STEPS).map(|step| (1_600_000_000_000 + step * 15_000, value_at(i, step))).collect(),
        histograms: Vec::new(),
    };
    QueryValue::Matrix((0..SERIES).map(series).collect())
}

fn encode(c: &mut Criterion) {
    let counters = matrix(|series, step| (series as i64 * 1_000 + step * 15) as f64);
    let rates = matrix(|series, step| (series as f64 + 1.0) / (step as f64 + 3.0));
    let gauges = matrix(|series, step| (series as i64 + step / 3 % 500) as f64 / 100.0);
    for (name, value) in [("whole", &counters), ("two decimals", &gauges), ("shortest of 17 digits", &rates)] {
        let mut out = String::new();
        push_query_value(&mut out, value, &QueryCx::unlimited()).expect("nothing says to stop");
        for (unit, throughput) in
            [("bytes", Throughput::Bytes(out.len() as u64)), ("samples", Throughput::Elements(SERIES as u64 * 1_000))]
        {
            let mut group = c.benchmark_group(format!("matrix 1000x1000/{name}"));
            group.throughput(throughput).sample_size(20);
            group.bench_function(unit, |b| {
                b.iter(|| {
                    out.clear();
                    push_query_value(&mut out, black_box(value), &QueryCx::unlimited()).expect("nothing says to stop");
                    black_box(out.len())
                });
            });
            group.finish();
        }
    }
}

criterion_group!(benches, encode);
criterion_main!(benches);
