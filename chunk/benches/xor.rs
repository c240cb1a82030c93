//! Encoding and decoding XOR chunks of 120 samples: time a sample, and bytes a sample on standard output.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use promethium_chunk::{XorAppender, decode_xor};
use promethium_model::SampleBatch;

const SAMPLES: i64 = 120;
const START_MS: i64 = 1_717_200_000_000;

/// Deterministic noise in 0..1.
fn noise(i: i64) -> f64 {
    ((i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 11) as f64 / (1_u64 << 53) as f64
}

fn shapes() -> Vec<(&'static str, Vec<(i64, f64)>)> {
    let series = |t: fn(i64) -> i64, v: fn(i64) -> f64| (0..SAMPLES).map(|i| (START_MS + t(i), v(i))).collect();
    let steady: fn(i64) -> i64 = |i| i * 15_000;
    let jitter: fn(i64) -> i64 = |i| i * 15_000 + (noise(i) * 100.0) as i64 - 50;
    vec![
        ("constant", series(steady, |_| 42.0)),
        ("counter", series(jitter, |i| (i * 37 + (noise(i) * 20.0) as i64) as f64)),
        ("gauge", series(jitter, |i| (noise(i) * 1000.0).round() / 10.0)),
        ("random", series(jitter, noise)),
    ]
}

fn encode(samples: &[(i64, f64)]) -> XorAppender {
    let mut chunk = XorAppender::new();
    for (t, v) in samples {
        chunk.push(*t, *v);
    }
    chunk
}

fn chunk(c: &mut Criterion) {
    for (name, samples) in shapes() {
        let bytes = encode(&samples).bytes().to_vec();
        println!("chunk/{name}: {:.2} bytes a sample", bytes.len() as f64 / samples.len() as f64);
        let mut group = c.benchmark_group(format!("chunk/{name}"));
        group.throughput(Throughput::Elements(samples.len() as u64));
        group.bench_function("encode", |b| b.iter(|| encode(black_box(&samples))));
        let mut out = SampleBatch::new();
        group.bench_function("decode", |b| {
            b.iter(|| {
                out.clear();
                decode_xor(black_box(&bytes), &mut out).unwrap();
            });
        });
    }
}

criterion_group!(benches, chunk);
criterion_main!(benches);
