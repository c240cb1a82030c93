//! Encoding and decoding chunks of 120 samples: time a sample, and bytes a sample or a chunk on standard output.
//!
//! `mix` is the mix of value classes that a host with its containers exposes; `appender` and `iterator` are the tables of
//! Prometheus' own benchmark of its chunk encodings.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime};
use promethium_chunk::{
    Encoding, FloatHistogramAppender, HistogramAppender, HistogramStats, NativeAppender, Placement, Xor2Appender,
    XorAppender, decode, decode_histogram_stats,
};
use promethium_model::{Histogram, SampleBatch, Span};

#[path = "mix/mod.rs"]
mod mix;

/// Start timestamp, timestamp, value.
type Sample = (i64, i64, f64);

const START_MS: i64 = 1_717_200_000_000;
const CHUNK: i64 = 120;

fn xor(samples: &[Sample]) -> Box<[u8]> {
    let mut chunk = XorAppender::new();
    samples.iter().for_each(|(_, t, v)| chunk.push(*t, *v));
    chunk.into_bytes()
}

fn xor2(samples: &[Sample]) -> Box<[u8]> {
    let mut chunk = Xor2Appender::new();
    samples.iter().for_each(|(start, t, v)| chunk.push(*start, *t, *v));
    chunk.into_bytes()
}

type Encode = fn(&[Sample]) -> Box<[u8]>;
const ENCODERS: [(&str, Encoding, Encode); 2] = [("XOR", Encoding::Xor, xor), ("XOR2", Encoding::Xor2, xor2)];

fn measure(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, chunks: &[&[Sample]]) {
    let samples: usize = chunks.iter().map(|c| c.len()).sum();
    group.throughput(Throughput::Elements(samples as u64));
    for (encoder, encoding, encode) in ENCODERS {
        let encoded: Vec<_> = chunks.iter().map(|samples| encode(samples)).collect();
        let bytes: usize = encoded.iter().map(|c| c.len()).sum();
        let a_chunk = bytes as f64 / chunks.len() as f64;
        println!("{name}/{encoder}: {:.3} bytes a sample, {a_chunk:.0} a chunk", bytes as f64 / samples as f64);
        group.bench_function(format!("{name}/{encoder}/encode"), |b| {
            b.iter(|| chunks.iter().map(|samples| black_box(encode(black_box(samples))).len()).sum::<usize>());
        });
        let mut out = SampleBatch::new();
        group.bench_function(format!("{name}/{encoder}/decode"), |b| {
            b.iter(|| {
                for chunk in &encoded {
                    out.clear();
                    decode(encoding, black_box(chunk), &mut out).unwrap();
                    black_box(&out);
                }
            });
        });
    }
}

/// All series of a host, and those of each class.
fn mix(c: &mut Criterion) {
    let series = mix::series(480);
    let mut group = c.benchmark_group("mix");
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(1));
    let chunks = |class: Option<mix::Class>| -> Vec<&[Sample]> {
        let of_class = series.iter().filter(|(of, _)| class.is_none_or(|class| *of == class));
        of_class.flat_map(|(_, samples)| samples.chunks(CHUNK as usize)).collect()
    };
    measure(&mut group, "all", &chunks(None));
    for class in mix::Class::ALL {
        measure(&mut group, &format!("{class:?}"), &chunks(Some(class)));
    }
}

/// Deterministic noise in −1..1.
fn noise(i: i64) -> f64 {
    ((i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

/// Of a sample's number.
type Time = fn(i64) -> i64;
/// Of a sample's number, the timestamp before, and its own.
type Start = fn(i64, i64, i64) -> i64;

/// Timestamps and start timestamps of the table; values are constant.
fn prometheus_table(c: &mut Criterion) {
    let times: [(&str, Time); 3] = [
        ("constant 15 s", |i| i * 15_000),
        ("jitter 50 ms", |i| i * 15_000 + (noise(i) * 50.0) as i64),
        ("60 s, a gap, jitter", |i| i * 60_000 + (noise(i) * 50.0) as i64 + if i > 60 { 1_800_000 } else { 0 }),
    ];
    let starts: [(&str, Start); 5] = [
        ("no start", |_, _, _| 0),
        ("constant start", |_, _, _| START_MS - 60_000),
        ("start of the delta", |_, before, _| before),
        ("start resets once", |i, _, _| START_MS - 60_000 + if i > 60 { 900_000 } else { 0 }),
        ("start appears late", |i, _, _| if i < 100 { 0 } else { START_MS }),
    ];
    let mut group = c.benchmark_group("table");
    group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_millis(700));
    for (time, t) in times {
        for (start, st) in starts {
            let row = |i: i64| (st(i, START_MS + t(i - 1), START_MS + t(i)), START_MS + t(i), 42.0);
            let samples: Vec<Sample> = (0..CHUNK).map(row).collect();
            measure(&mut group, &format!("{time}/{start}"), &[&samples]);
        }
    }
}

/// Scrapes in step, as most are: values that stay, and counters that grow by the same each time.
fn in_step(c: &mut Criterion) {
    type ValueAt = fn(i64) -> f64;
    let values: [(&str, ValueAt); 3] = [
        ("constant", |_| 42.0),
        ("counter of equal steps", |i| (1_000_000 + i * 7) as f64),
        ("counter of equal steps of 10 ms", |i| (100_000 + i * 1_500) as f64 / 100.0),
    ];
    let mut group = c.benchmark_group("in step");
    group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_millis(700));
    for (name, value) in values {
        // Chunks of one series, as they follow each other.
        let samples: Vec<Sample> = (0..100 * CHUNK).map(|i| (0, START_MS + i * 15_000, value(i))).collect();
        measure(&mut group, name, &samples.chunks(CHUNK as usize).collect::<Vec<_>>());
    }
}

/// Sixteen buckets on each side, of which each grows now and then.
fn histogram(i: i64) -> Histogram {
    let counts = |side: i64| (0..16).map(|b| (b + side) % 5 * 10 + i * (b % 4) / 2).collect::<Vec<i64>>();
    let deltas = |counts: &[i64]| {
        let mut before = 0;
        counts.iter().map(|n| n - std::mem::replace(&mut before, *n)).collect::<Vec<i64>>()
    };
    let (positive, negative) = (counts(0), counts(2));
    let zero_count = (i / 3) as u64;
    let count = positive.iter().chain(&negative).sum::<i64>() as u64 + zero_count;
    let spans = vec![Span { offset: -4, length: 8 }, Span { offset: 3, length: 8 }];
    Histogram {
        schema: 3,
        zero_threshold: 2f64.powi(-128),
        zero_count,
        count,
        sum: count as f64 * 0.37,
        positive_deltas: deltas(&positive),
        negative_deltas: deltas(&negative),
        positive_spans: spans.clone().into(),
        negative_spans: spans.into(),
        ..Histogram::default()
    }
}

fn histogram_chunk<H: promethium_chunk::Native>(encoding: Encoding, rows: &[H]) -> Box<[u8]> {
    let header = NativeAppender::header_of_next(None, &rows[0]);
    let mut chunk = NativeAppender::start(encoding, header, START_MS - 1_000, START_MS, &rows[0]);
    for (t, h) in (1..).zip(&rows[1..]) {
        assert_ne!(chunk.push(START_MS - 1_000, START_MS + t * 15_000, h), Placement::Recoded);
    }
    chunk.into_bytes()
}

/// One side of 32 buckets, into which so many observations fall between two samples, at random about the middle.
fn observed(at_once: usize) -> Vec<Histogram> {
    let mut counts = [0_i64; 32];
    let mut observations = 0..;
    let mut sample = || {
        for i in observations.by_ref().take(at_once) {
            let bucket = (0..4).map(|part| (noise(4 * i + part) + 1.0) * 4.0).sum::<f64>();
            counts[bucket as usize] += 1;
        }
        let count = counts.iter().sum::<i64>();
        let mut before = 0;
        Histogram {
            schema: 3,
            count: count as u64,
            sum: count as f64 * 0.37,
            positive_spans: [Span { offset: -10, length: 32 }].into(),
            positive_deltas: counts.iter().map(|n| n - std::mem::replace(&mut before, *n)).collect(),
            ..Histogram::default()
        }
    };
    (0..CHUNK).map(|_| sample()).collect()
}

fn histograms(c: &mut Criterion) {
    let mut group = c.benchmark_group("histograms");
    group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_millis(700));
    group.throughput(Throughput::Elements(CHUNK as u64));
    let steady = (0..CHUNK).map(histogram).collect();
    for (name, integer) in [("steady", steady), ("observed", observed(100)), ("quiet", observed(3))] {
        measure_histograms(&mut group, name, &integer);
    }
}

fn measure_histograms(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, integer: &[Histogram]) {
    let float: Vec<_> = integer.iter().map(Histogram::to_float).collect();
    for encoding in [Encoding::Histogram, Encoding::HistogramSt, Encoding::FloatHistogram, Encoding::FloatHistogramSt] {
        let is_float = matches!(encoding, Encoding::FloatHistogram | Encoding::FloatHistogramSt);
        let encode = || match is_float {
            true => histogram_chunk(encoding, &float),
            false => histogram_chunk(encoding, integer),
        };
        let bytes = encode();
        println!("histograms/{name}/{encoding:?}: {} bytes a chunk", bytes.len());
        group.bench_function(format!("{name}/{encoding:?}/encode"), |b| b.iter(|| black_box(encode()).len()));
        let mut out = SampleBatch::new();
        group.bench_function(format!("{name}/{encoding:?}/decode"), |b| {
            b.iter(|| {
                out.clear();
                decode(encoding, black_box(&bytes), &mut out).unwrap();
            });
        });
        let mut stats = HistogramStats::default();
        group.bench_function(format!("{name}/{encoding:?}/counts and sums"), |b| {
            b.iter(|| {
                stats.clear();
                decode_histogram_stats(encoding, black_box(&bytes), &mut stats).unwrap();
            });
        });
    }
}

/// Judging whether the next histogram fits.
fn appendable(c: &mut Criterion) {
    let rows = [histogram(0), histogram(1)];
    let open = HistogramAppender::start(Encoding::Histogram, Default::default(), 0, 0, &rows[0]);
    let float = FloatHistogramAppender::start(Encoding::FloatHistogram, Default::default(), 0, 0, &rows[0].to_float());
    let next = rows[1].to_float();
    c.bench_function("appendable/integer", |b| {
        b.iter(|| HistogramAppender::header_of_next(Some(&open), black_box(&rows[1])));
    });
    c.bench_function("appendable/float", |b| {
        b.iter(|| FloatHistogramAppender::header_of_next(Some(&float), black_box(&next)));
    });
}

criterion_group!(benches, mix, in_step, prometheus_table, histograms, appendable);
criterion_main!(benches);
