//! Chunks whose bytes are known from Prometheus 3.14, written and read.

use promethium_model::{CounterResetHint, FloatHistogram, Histogram, HistogramValue, STALE_NAN, SampleBatch, Span};

use super::hex;
use crate::*;

const T: i64 = 1_717_200_000_000;

const SAMPLES: [(i64, f64); 6] =
    [(0, 42.0), (15_000, 42.0), (30_000, 42.0), (45_001, 43.5), (60_000, 43.5), (75_000, STALE_NAN)];

fn xor2(start: impl Fn(usize) -> i64) -> Vec<u8> {
    let mut chunk = Xor2Appender::new();
    for (i, (t, v)) in SAMPLES.iter().enumerate() {
        chunk.push(start(i), T + t, *v);
    }
    chunk.bytes().to_vec()
}

fn decoded(encoding: Encoding, bytes: &[u8]) -> SampleBatch {
    let mut out = SampleBatch::new();
    decode(encoding, bytes, &mut out).unwrap();
    out
}

fn check_xor2(bytes: &[u8], start: impl Fn(usize) -> i64) {
    let out = decoded(Encoding::Xor2, bytes);
    for (i, (t, v)) in SAMPLES.iter().enumerate() {
        assert_eq!((out.timestamps[i], out.floats[i].to_bits()), (T + t, v.to_bits()), "row {i}");
        assert_eq!(out.start_timestamps.get(i).copied().unwrap_or(0), start(i), "row {i}");
    }
    assert_eq!(out.len(), SAMPLES.len());
}

#[test]
fn xor2_without_start_timestamps() {
    let expected = hex("00 06 00 80 d0 c4 91 fa 63 40 45 00 00 00 00 00 00 98 75 30 00 74 02 f7 ff 98 00 3c");
    assert_eq!(xor2(|_| 0), expected);
    check_xor2(&expected, |_| 0);
}

#[test]
fn xor2_with_one_start_timestamp() {
    let expected = hex("00 06 80 80 d0 c4 91 fa 63 40 45 00 00 00 00 00 00 90 4e 98 75 \
                        30 00 74 02 f7 ff 98 00 3c");
    assert_eq!(xor2(|_| T - 5_000), expected);
    check_xor2(&expected, |_| T - 5_000);
}

#[test]
fn xor2_with_a_start_timestamp_that_jumps() {
    let start = |i: usize| if i < 3 { T - 5_000 } else { T + 44_000 };
    let expected = hex("00 06 83 80 d0 c4 91 fa 63 40 45 00 00 00 00 00 00 90 4e 98 75 \
                        30 00 74 02 fe f2 54 37 ff 9f 07 53 38 00 3f e0 ea 5c");
    assert_eq!(xor2(start), expected);
    check_xor2(&expected, start);
}

#[test]
fn steady_chunks_are_as_small_as_prometheus_makes_them() {
    for (samples, xor_len, xor2_len) in [(120, 48, 34), (130, 51, 50)] {
        let (mut xor, mut xor2) = (XorAppender::new(), Xor2Appender::new());
        for i in 0..samples {
            xor.push(T + i * 15_000, 1.0);
            xor2.push(0, T + i * 15_000, 1.0);
        }
        assert_eq!((xor.byte_len(), xor2.bytes().len()), (xor_len, xor2_len), "{samples} samples");
    }
}

fn first() -> Histogram {
    Histogram {
        schema: 1,
        zero_threshold: 0.5,
        zero_count: 3,
        count: 12,
        sum: 18.5,
        positive_spans: [Span { offset: -2, length: 2 }].into(),
        positive_deltas: vec![1, 2],
        negative_spans: [Span { offset: 1, length: 1 }].into(),
        negative_deltas: vec![5],
        ..Histogram::default()
    }
}

fn second() -> Histogram {
    Histogram { zero_count: 4, count: 14, sum: 20.5, positive_deltas: vec![1, 3], ..first() }
}

fn write<H: Native>(encoding: Encoding, start: i64, histograms: [&H; 2]) -> Vec<u8> {
    let header = NativeAppender::header_of_next(None, histograms[0]);
    let mut chunk = NativeAppender::start(encoding, header, start, T, histograms[0]);
    assert_eq!(chunk.push(start, T + 15_000, histograms[1]), Placement::Appended);
    chunk.bytes().to_vec()
}

fn check_histograms(encoding: Encoding, bytes: &[u8], expected: [HistogramValue; 2], start: i64) {
    let out = decoded(encoding, bytes);
    assert_eq!(out.timestamps, [T, T + 15_000]);
    assert_eq!(out.histograms, expected.into_iter().zip(0..).map(|(h, row)| (row, h)).collect::<Vec<_>>());
    assert_eq!(out.start_timestamps, if start == 0 { vec![] } else { vec![start; 2] });
}

#[test]
fn integer_histograms() {
    let expected = hex("00 02 00 f3 8c 65 68 c6 3f c0 00 31 fa 23 12 80 18 c9 a0 19 40 00 00 00 00 00 46 58 \
                        5f 83 a9 89 47 68 5a 20");
    let with_start = hex("00 02 80 f3 8c 65 68 c6 3f c0 00 31 fa 23 12 80 18 c9 a0 19 40 00 00 00 00 00 46 58 \
                          5d 00 ff 83 a9 89 47 68 5a 20");
    assert_eq!(write(Encoding::Histogram, 0, [&first(), &second()]), expected);
    assert_eq!(write(Encoding::HistogramSt, T - 1_000, [&first(), &second()]), with_start);
    let histograms = || {
        let later = Histogram { counter_reset_hint: CounterResetHint::NotReset, ..second() };
        [HistogramValue::Int(first().into()), HistogramValue::Int(later.into())]
    };
    check_histograms(Encoding::Histogram, &expected, histograms(), 0);
    check_histograms(Encoding::HistogramSt, &with_start, histograms(), T - 1_000);
}

#[test]
fn float_histograms() {
    let expected = hex(
        "00 02 00 f3 8c 65 68 c6 3f c0 00 31 fa 23 12 80 08 05 00 00 00 00 00 00 08 01 00 00 00 00 00 00 \
                        08 06 50 00 00 00 00 00 07 fe 00 00 00 00 00 00 08 01 00 00 00 00 00 00 08 02 80 00 00 00 00 00 \
                        1f 07 53 1b 41 eb 0b da 16 d6 16",
    );
    let (first, second) = (first().to_float(), second().to_float());
    assert_eq!(write(Encoding::FloatHistogram, 0, [&first, &second]), expected);
    let later = FloatHistogram { counter_reset_hint: CounterResetHint::NotReset, ..second };
    let histograms = [HistogramValue::Float(first.into()), HistogramValue::Float(later.into())];
    check_histograms(Encoding::FloatHistogram, &expected, histograms, 0);
}
