//! Floats as text.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use promethium_model::float::{parse_go, push_g, push_json};

/// Counters, gauges and ratios, from a fixed generator.
fn values() -> Vec<f64> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state >> 33
    };
    (0..1_000)
        .map(|i| match i % 3 {
            0 => next() as f64,
            1 => next() as f64 / 1_000.0,
            _ => next() as f64 / next().max(1) as f64,
        })
        .collect()
}

fn floats(c: &mut Criterion) {
    let values = values();
    let texts: Vec<String> = values.iter().map(f64::to_string).collect();
    let mut group = c.benchmark_group("floats");
    group.throughput(Throughput::Elements(values.len() as u64));
    for (name, push) in [("format g", push_g as fn(&mut String, f64)), ("format json", push_json)] {
        let mut out = String::with_capacity(64 << 10);
        group.bench_function(name, |bench| {
            bench.iter(|| {
                out.clear();
                values.iter().for_each(|v| push(&mut out, *v));
                out.len()
            });
        });
    }
    group.bench_function("format by std", |bench| {
        use std::fmt::Write;
        let mut out = String::with_capacity(64 << 10);
        bench.iter(|| {
            out.clear();
            values.iter().filter(|v| write!(out, "{v}").is_ok()).count()
        });
    });
    group.bench_function("parse", |bench| {
        bench.iter(|| texts.iter().filter(|t| parse_go(black_box(t.as_bytes())).is_ok()).count());
    });
    group.finish();
}

criterion_group!(benches, floats);
criterion_main!(benches);
