//! Decoding a node_exporter page, and writing one.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use promethium_exposition::Event;
use promethium_exposition::text::{Decoder, Encoder};
use promethium_model::MetricType;

const PAGE: &[u8] = include_bytes!("../testdata/node_exporter.txt");

fn split_labels(page: &[u8]) -> usize {
    let mut decoder = Decoder::new(page);
    let mut label_bytes = 0;
    while let Ok(Some(event)) = decoder.next_event() {
        if let Event::Sample(sample) = event {
            label_bytes += sample.series().labels().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        }
    }
    label_bytes
}

fn series_only(page: &[u8]) -> f64 {
    let mut decoder = Decoder::new(page);
    let mut sum = 0.0;
    while let Ok(Some(event)) = decoder.next_event_knowing(|_: &[u8]| true) {
        if let Event::Known(known) = event {
            sum += known.value;
        }
    }
    sum
}

fn label_sets(page: &[u8]) -> usize {
    let mut decoder = Decoder::new(page);
    let mut bytes = 0;
    while let Ok(Some(event)) = decoder.next_event() {
        if let Event::Sample(sample) = event {
            bytes += sample.series().to_labels().map_or(0, |labels| labels.packed_len());
        }
    }
    bytes
}

fn samples(page: &[u8]) -> u64 {
    page.split(|b| *b == b'\n').filter(|line| !line.is_empty() && !line.starts_with(b"#")).count() as u64
}

fn decode(c: &mut Criterion) {
    let mut by_bytes = c.benchmark_group("decode/bytes");
    by_bytes.throughput(Throughput::Bytes(PAGE.len() as u64));
    by_bytes.bench_function("split labels", |b| b.iter(|| split_labels(black_box(PAGE))));
    by_bytes.bench_function("known series", |b| b.iter(|| series_only(black_box(PAGE))));
    by_bytes.finish();

    let mut by_samples = c.benchmark_group("decode/samples");
    by_samples.throughput(Throughput::Elements(samples(PAGE)));
    by_samples.bench_function("split labels", |b| b.iter(|| split_labels(black_box(PAGE))));
    by_samples.bench_function("known series", |b| b.iter(|| series_only(black_box(PAGE))));
    by_samples.bench_function("label sets", |b| b.iter(|| label_sets(black_box(PAGE))));
    by_samples.finish();
}

fn encode(c: &mut Criterion) {
    let mut group = c.benchmark_group("encode/samples");
    group.throughput(Throughput::Elements(1_000));
    let hosts: Vec<String> = (0..1_000).map(|i| format!("host-{i}")).collect();
    group.bench_function("gauge with two labels", |b| {
        b.iter_batched(
            || String::with_capacity(1 << 17),
            |buffer| {
                let mut page = Encoder::with_buffer(buffer);
                let mut family = page.family("temperature_celsius", MetricType::Gauge, "Temperature.");
                for (i, host) in hosts.iter().enumerate() {
                    family.sample(&[("host", host), ("sensor", "core")], i as f64 / 8.0);
                }
                page.into_string()
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, decode, encode);
criterion_main!(benches);
