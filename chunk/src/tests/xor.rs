use promethium_model::{NORMAL_NAN, STALE_NAN, SampleBatch};

use super::hex;
use crate::*;

fn encode(samples: &[(i64, f64)]) -> Vec<u8> {
    let mut chunk = XorAppender::new();
    for (t, v) in samples {
        chunk.push(*t, *v);
    }
    chunk.to_bytes()
}

fn decode(bytes: &[u8]) -> Result<Vec<(i64, u64)>, ChunkError> {
    let mut out = SampleBatch::new();
    decode_xor(bytes, &mut out)?;
    Ok(out.timestamps.iter().copied().zip(out.floats.iter().map(|v| v.to_bits())).collect())
}

fn by_bits(samples: &[(i64, f64)]) -> Vec<(i64, u64)> {
    samples.iter().map(|(t, v)| (*t, v.to_bits())).collect()
}

const T: i64 = 1_717_200_000_000;

#[test]
fn bytes_are_those_of_prometheus() {
    let samples = [
        (T, 42.0),
        (T + 15_000, 42.0),
        (T + 30_000, 42.0),
        (T + 45_001, 43.5),
        (T + 60_000, 43.5),
        (T + 75_000, STALE_NAN),
    ];
    let expected = hex("00 06 80 d0 c4 91 fa 63 40 45 00 00 00 00 00 00 98 75 \
                        10 00 3c 02 ef ff 90 00 38 bd fe d7 00 00 00 00 00 08");
    assert_eq!(encode(&samples), expected);
    assert_eq!(decode(&expected).unwrap(), by_bits(&samples));
}

#[test]
fn a_steady_series_takes_two_bits_a_sample() {
    let samples: Vec<_> = (0..120).map(|i| (T + i * 15_000, 1.0)).collect();
    assert_eq!(encode(&samples).len(), 48);
}

#[test]
fn spare_bytes_are_ignored_and_missing_ones_found() {
    let mut bytes = hex("00 01 f4 cf c4 91 fa 63 bf d1 16 87 2b 02 0c 4a 00");
    let whole = decode(&bytes).unwrap();
    assert_eq!(whole[0].0, 1_717_199_999_994);
    bytes.pop();
    assert_eq!(decode(&bytes).unwrap(), whole);
    for len in 2..bytes.len() {
        assert!(matches!(decode(&bytes[..len]), Err(ChunkError::Truncated { .. })), "{len}");
    }
    assert_eq!(decode(&[]), Err(ChunkError::Truncated { len: 0, samples: 0 }));
}

#[test]
fn every_delta_class_round_trips_at_its_edges() {
    let edges = [0, 1, 8191, 8192, 8193, 65_535, 65_536, 65_537, 524_287, 524_288, 524_289, 1 << 40];
    let mut samples = vec![(T, 0.0)];
    let mut delta = 1_000_000;
    for edge in edges {
        for dod in [edge, -edge] {
            delta += dod;
            if delta <= 0 {
                delta = 2 << 40;
            }
            let last = samples.last().unwrap().0;
            samples.push((last + delta, edge as f64));
        }
    }
    assert_eq!(decode(&encode(&samples)).unwrap(), by_bits(&samples));
}

#[test]
fn extreme_times_and_odd_bits_round_trip() {
    let odd = [f64::from_bits(0x7ff0_0000_0000_0001), NORMAL_NAN, STALE_NAN, -0.0, f64::INFINITY, f64::MIN_POSITIVE];
    let samples: Vec<_> = odd.iter().enumerate().map(|(i, v)| (i64::MAX - 6 + i as i64, *v)).collect();
    assert_eq!(decode(&encode(&samples)).unwrap(), by_bits(&samples));
    let far = [(i64::MIN, 1.0), (-1, 2.0)];
    assert_eq!(decode(&encode(&far)).unwrap(), by_bits(&far));
}

#[test]
fn a_failed_decode_leaves_the_batch_alone() {
    let mut out = SampleBatch::new();
    out.push_float(1, 1.0);
    assert!(decode_xor(&[0, 9, 1], &mut out).is_err());
    assert_eq!(out.len(), 1);
    assert_eq!(out.floats.len(), 1);
}

/// Values of all widths, some of which stay.
fn values(seed: u64) -> impl Fn(i64) -> (i64, f64) {
    move |i| {
        let noise = (i as u64 / 2 + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (T + i * 15_000 + i64::from(i % 7 == 0), f64::from_bits(noise >> (noise % 60) << (noise % 11)))
    }
}

#[test]
fn a_chunk_in_the_buffer_of_another_has_the_same_bytes() {
    let mut reused = XorAppender::new();
    for (seed, samples) in [(1, 240), (2, 3), (3, 120), (4, 0), (5, 1), (6, 130)] {
        reused = reused.restart();
        assert!(reused.is_empty() && reused.to_bytes().is_empty());
        let samples: Vec<_> = (0..samples).map(values(seed)).collect();
        for (t, v) in &samples {
            reused.push(*t, *v);
        }
        let expected = encode(&samples);
        let mut copy = vec![0xff; expected.len()];
        reused.copy_to(&mut copy);
        assert_eq!((reused.to_bytes(), copy, reused.byte_len()), (expected.clone(), expected.clone(), expected.len()));
        let restarted = reused.clone().restart();
        let is_fitting = samples.is_empty() || restarted.capacity() <= 2 * expected.len() + 64;
        assert!(is_fitting, "{} for {}", restarted.capacity(), expected.len());
    }
}
