//! What must hold for any samples, and for any bytes.

use std::collections::BTreeMap;

use promethium_model::{FloatHistogram, HistogramValue, SampleBatch, Span, is_stale};

use super::generate::{Float, Random, floats, histograms, to_float};
use crate::*;

const ENCODINGS: [Encoding; 6] = [
    Encoding::Xor,
    Encoding::Histogram,
    Encoding::FloatHistogram,
    Encoding::Xor2,
    Encoding::HistogramSt,
    Encoding::FloatHistogramSt,
];

fn encode_floats(encoding: Encoding, samples: &[Float]) -> Vec<u8> {
    let (mut xor, mut xor2) = (XorAppender::new(), Xor2Appender::new());
    for (start, t, v) in samples {
        match encoding {
            Encoding::Xor => xor.push(*t, *v),
            _ => xor2.push(*start, *t, *v),
        }
    }
    if encoding == Encoding::Xor { xor.to_bytes() } else { xor2.bytes().to_vec() }
}

fn decoded(encoding: Encoding, bytes: &[u8]) -> Result<SampleBatch, ChunkError> {
    let mut out = SampleBatch::new();
    decode(encoding, bytes, &mut out).map(|()| out)
}

/// Floats by their bits, with start timestamps.
fn rows(batch: &SampleBatch) -> Vec<(i64, i64, u64)> {
    let start = |row: usize| batch.start_timestamps.get(row).copied().unwrap_or(0);
    let rows = batch.timestamps.iter().zip(&batch.floats).enumerate();
    rows.map(|(row, (t, v))| (start(row), *t, v.to_bits())).collect()
}

#[test]
fn a_chunk_that_is_gone_on_with_is_as_if_it_had_never_been_put_down() {
    let mut random = Random::new(11);
    for _ in 0..300 {
        let samples = floats(&mut random, 60, false);
        for cut in 0..=samples.len() {
            let bytes = encode_floats(Encoding::Xor, &samples[..cut]);
            let mut out = SampleBatch::new();
            let mut chunk = match cut {
                0 => XorAppender::new(),
                _ => XorAppender::resume(&bytes, &mut out).unwrap(),
            };
            assert_eq!((chunk.len(), out.len(), chunk.to_bytes()), (cut, cut, bytes));
            let newest = |at: usize| at.checked_sub(1).map(|at| (samples[at].1, samples[at].2.to_bits()));
            assert_eq!(chunk.previous().map(|(t, v)| (t, v.to_bits())), cut.checked_sub(1).and_then(newest));
            samples[cut..].iter().for_each(|(_, t, v)| chunk.push(*t, *v));
            assert_eq!(chunk.to_bytes(), encode_floats(Encoding::Xor, &samples), "put down after {cut} samples");
        }
    }
}

#[test]
fn floats_come_back_bit_by_bit() {
    let mut random = Random::new(1);
    let mut samples_in_all = 0;
    for _ in 0..300 {
        for encoding in [Encoding::Xor, Encoding::Xor2] {
            let samples = floats(&mut random, 300, encoding == Encoding::Xor2);
            samples_in_all += samples.len();
            let expected: Vec<_> = samples.iter().map(|(start, t, v)| (*start, *t, v.to_bits())).collect();
            let bytes = encode_floats(encoding, &samples);
            assert_eq!(rows(&decoded(encoding, &bytes).unwrap()), expected);
            let mut timestamps = vec![7];
            decode_timestamps(encoding, &bytes, &mut timestamps).unwrap();
            assert!(timestamps[1..].iter().eq(samples.iter().map(|(_, t, _)| t)));
            let half = samples.len() / 2;
            let mut prefix = SampleBatch::new();
            decode_prefix(encoding, &bytes, half, &mut prefix).unwrap();
            assert_eq!(rows(&prefix), expected[..half]);
        }
    }
    assert!(samples_in_all > 30_000, "{samples_in_all}");
}

#[test]
fn decoding_appends_to_what_is_there() {
    let mut random = Random::new(2);
    for _ in 0..100 {
        let mut out = SampleBatch::new();
        let mut expected = Vec::new();
        for encoding in [Encoding::Xor, Encoding::Xor2, Encoding::Xor, Encoding::Xor2] {
            let samples = floats(&mut random, 20, encoding == Encoding::Xor2);
            expected.extend(samples.iter().map(|(start, t, v)| (*start, *t, v.to_bits())));
            decode(encoding, &encode_floats(encoding, &samples), &mut out).unwrap();
        }
        assert_eq!(rows(&out), expected);
        assert!([0, out.len()].contains(&out.start_timestamps.len()));
    }
}

/// A histogram without its layout: buckets by index, those that are not empty.
#[derive(Debug, PartialEq)]
struct Observed {
    schema: i32,
    numbers: [u64; 4],
    sides: [BTreeMap<i64, u64>; 2],
    bounds: Vec<f64>,
}

fn side(spans: &[Span], counts: &[f64]) -> BTreeMap<i64, u64> {
    let mut start = 0;
    let mut indexes = Vec::new();
    for span in spans {
        start += i64::from(span.offset);
        indexes.extend(start..start + i64::from(span.length));
        start += i64::from(span.length);
    }
    assert_eq!(indexes.len(), counts.len());
    indexes.into_iter().zip(counts).filter(|(_, n)| **n != 0.0).map(|(i, n)| (i, n.to_bits())).collect()
}

fn observed(h: &FloatHistogram) -> Observed {
    Observed {
        schema: h.schema,
        numbers: [h.zero_threshold, h.zero_count, h.count, h.sum].map(f64::to_bits),
        sides: [side(&h.positive_spans, &h.positive_buckets), side(&h.negative_spans, &h.negative_buckets)],
        bounds: h.custom_bounds.to_vec(),
    }
}

/// Random histograms of one kind, in one batch, with start timestamps or without.
fn histogram_batch(random: &mut Random, most: u64, float: bool, with_starts: bool) -> SampleBatch {
    let mut batch = SampleBatch::new();
    for (start, t, h) in histograms(random, most, with_starts) {
        let value = match float {
            true => HistogramValue::Float(to_float(random, &h).into()),
            false => HistogramValue::Int(h.into()),
        };
        batch.push_histogram(t, value);
        batch.set_start_timestamp(start);
    }
    batch
}

fn st(batch: &SampleBatch, row: usize) -> i64 {
    batch.start_timestamps.get(row).copied().unwrap_or(0)
}

#[test]
fn histograms_come_back_whatever_their_chunks() {
    let mut random = Random::new(3);
    let mut rows_in_all = 0;
    for round in 0..240 {
        let (float, with_starts) = (round % 2 == 1, round % 4 > 1);
        let batch = histogram_batch(&mut random, 200, float, with_starts);
        let encodings = Encodings { xor2: false, histogram_start_timestamps: with_starts };
        let rule = if round % 3 == 0 { SplitRule::BY_SIZE } else { SplitRule::MERGE };
        let chunks = encode(&batch, encodings, rule);
        let mut again = SampleBatch::new();
        for chunk in &chunks {
            let before = again.len();
            decode(chunk.encoding, &chunk.data, &mut again).unwrap();
            assert_eq!((again.timestamps[before], *again.timestamps.last().unwrap()), (chunk.min_ms, chunk.max_ms));
            check_stats(chunk, &again, before);
        }
        assert_eq!(again.timestamps, batch.timestamps);
        for row in 0..batch.len() {
            let (a, b) = (batch.histograms[row].1.to_float(), again.histograms[row].1.to_float());
            assert_eq!(observed(&a), observed(&b), "row {row}");
            assert_eq!(st(&batch, row), st(&again, row), "row {row}");
        }
        rows_in_all += batch.len();
    }
    assert!(rows_in_all > 15_000, "{rows_in_all}");
}

fn check_stats(chunk: &EncodedChunk, decoded: &SampleBatch, before: usize) {
    let mut stats = HistogramStats::default();
    decode_histogram_stats(chunk.encoding, &chunk.data, &mut stats).unwrap();
    assert_eq!(stats.timestamps, decoded.timestamps[before..]);
    for (row, (_, h)) in decoded.histograms[before..].iter().enumerate() {
        let h = h.to_float();
        assert_eq!((stats.counts[row], stats.sums[row].to_bits()), (h.count, h.sum.to_bits()));
    }
}

/// Chunks of all encodings, small and large.
fn chunks(random: &mut Random) -> Vec<(Encoding, Vec<u8>)> {
    let mut chunks = Vec::new();
    for encoding in ENCODINGS {
        for most in [3, 40] {
            if !encoding.is_histogram() {
                chunks.push((encoding, encode_floats(encoding, &floats(random, most, encoding == Encoding::Xor2))));
                continue;
            }
            let float = matches!(encoding, Encoding::FloatHistogram | Encoding::FloatHistogramSt);
            let batch = histogram_batch(random, most, float, encoding.has_start_timestamps());
            let encodings = Encodings { xor2: false, histogram_start_timestamps: encoding.has_start_timestamps() };
            let all = encode(&batch, encodings, SplitRule::UNLIMITED);
            chunks.extend(all.into_iter().map(|chunk| (chunk.encoding, chunk.data.into_vec())));
        }
    }
    chunks
}

#[test]
fn a_cut_chunk_is_an_error() {
    let mut random = Random::new(4);
    let mut cuts = 0;
    for _ in 0..15 {
        for (encoding, bytes) in chunks(&mut random) {
            for len in 0..bytes.len() {
                assert!(decoded(encoding, &bytes[..len]).is_err(), "{encoding:?} cut to {len} of {}", bytes.len());
                cuts += 1;
            }
            let mut longer = bytes.clone();
            longer.extend([0xff; 9]);
            assert_eq!(decoded(encoding, &longer).unwrap().len(), sample_count(encoding, &bytes));
        }
    }
    assert!(cuts > 20_000, "{cuts}");
}

/// Whatever the bytes: no panic, an error leaves nothing behind, and a success has as many rows as the header counts.
fn check_any(encoding: Encoding, bytes: &[u8]) -> bool {
    let mut out = SampleBatch::new();
    out.push_float(1, 1.0);
    let before = out.clone();
    let mut stats = HistogramStats::default();
    let stats_read = decode_histogram_stats(encoding, bytes, &mut stats);
    match decode(encoding, bytes, &mut out) {
        Ok(()) => {
            assert_eq!(out.len(), 1 + sample_count(encoding, bytes));
            assert!(out.timestamps[1..].is_sorted_by(|a, b| a < b));
            assert!(stats_read.is_ok());
            true
        }
        Err(_) => {
            assert_eq!(out, before);
            assert_eq!(stats.timestamps.len() + stats.counts.len() + stats.sums.len(), 0);
            assert_eq!(stats_read.is_err(), encoding.is_histogram());
            false
        }
    }
}

#[test]
fn changed_chunks_are_refused_or_read_but_never_more() {
    let mut random = Random::new(5);
    let (mut read, mut refused) = (0, 0);
    for _ in 0..60 {
        for (encoding, bytes) in chunks(&mut random) {
            for _ in 0..12 {
                let mut changed = bytes.clone();
                for _ in 0..=random.below(3) {
                    let at = random.below(changed.len() as u64) as usize;
                    changed[at] ^= 1 << random.below(8);
                }
                *if check_any(encoding, &changed) { &mut read } else { &mut refused } += 1;
                check_any(random.pick(&ENCODINGS), &changed);
            }
        }
    }
    assert!(read > 500 && refused > 500, "{read} read, {refused} refused");
}

#[test]
fn any_bytes_are_refused_or_read() {
    let mut random = Random::new(6);
    for _ in 0..20_000 {
        let len = random.below(200) as usize;
        let mut bytes: Vec<u8> = (0..len).map(|_| random.next() as u8).collect();
        if let Some(first) = bytes.first_mut() {
            *first &= 0xc0;
        }
        check_any(random.pick(&ENCODINGS), &bytes);
    }
}

/// Spans without buckets cost two bits once, but memory in every sample.
#[test]
fn spans_are_not_multiplied_without_bound() {
    let mut bytes = vec![0; 4_000];
    bytes[..3].copy_from_slice(&[0x7f, 0xff, 0]);
    // Threshold 0 in a byte, schema 0 in a bit, 2,047 positive spans; the rest is zero.
    bytes[4..7].copy_from_slice(&[0b0111_1001, 0xff, 0b1100_0000]);
    let error = decoded(Encoding::Histogram, &bytes).unwrap_err();
    assert!(matches!(error, ChunkError::TooManySpans { samples: 0x7fff, .. }), "{error}");
}

#[test]
fn stale_rows_are_marked_in_the_float_column_too() {
    let mut random = Random::new(7);
    let mut stale = 0;
    for _ in 0..40 {
        let batch = histogram_batch(&mut random, 100, false, false);
        for chunk in encode(&batch, Encodings::CLASSIC, SplitRule::MERGE) {
            let out = decoded(chunk.encoding, &chunk.data).unwrap();
            for (row, h) in &out.histograms {
                assert_eq!(is_stale(out.floats[*row as usize]), h.is_stale());
                stale += usize::from(h.is_stale());
            }
        }
    }
    assert!(stale > 20, "{stale}");
}
