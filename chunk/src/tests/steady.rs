//! Runs of samples that are alike, which are read several at once.

use promethium_model::SampleBatch;

use super::generate::Random;
use crate::*;

type Rows = Vec<(i64, u64)>;

fn encode(encoding: Encoding, rows: &Rows) -> Vec<u8> {
    let (mut xor, mut xor2) = (XorAppender::new(), Xor2Appender::new());
    for (t, v) in rows {
        match encoding {
            Encoding::Xor => xor.push(*t, f64::from_bits(*v)),
            _ => xor2.push(0, *t, f64::from_bits(*v)),
        }
    }
    if encoding == Encoding::Xor { xor.to_bytes() } else { xor2.bytes().to_vec() }
}

fn decoded(encoding: Encoding, bytes: &[u8], at_most: usize) -> Result<Rows, ChunkError> {
    let mut out = SampleBatch::new();
    decode_prefix(encoding, bytes, at_most, &mut out)?;
    Ok(out.timestamps.iter().copied().zip(out.floats.iter().map(|v| v.to_bits())).collect())
}

/// Changes in a window of so many bits; now and then a sample that changes nothing, that is out of step, or that changes a bit
/// elsewhere.
fn in_one_window(random: &mut Random, significant: u32, interrupted: bool) -> Rows {
    let trailing = random.below(u64::from(65 - significant)) as u32;
    let mask = u64::MAX >> (64 - significant) << trailing;
    let (mut t, mut value) = (1_717_200_000_000, random.next());
    let mut rows = vec![(t, value)];
    for row in 0..90 {
        // The first change sets the window.
        let change = if row == 0 { mask } else { random.next() & mask };
        let (step, change) = match random.below(12) {
            0 if interrupted => (15_000, 0),
            1 if interrupted => (15_001, change),
            2 if interrupted => (15_000, 1 << random.below(64)),
            _ => (15_000, change),
        };
        (t, value) = (t + step, value ^ change);
        rows.push((t, value));
    }
    rows
}

#[test]
fn changes_in_windows_of_every_width_come_back() {
    let mut random = Random::new(31);
    for significant in 1..=64 {
        for interrupted in [false, true] {
            let rows = in_one_window(&mut random, significant, interrupted);
            for encoding in [Encoding::Xor, Encoding::Xor2] {
                let bytes = encode(encoding, &rows);
                for at_most in (0..=rows.len()).chain([usize::MAX]) {
                    let expected = &rows[..at_most.min(rows.len())];
                    assert_eq!(
                        decoded(encoding, &bytes, at_most).unwrap(),
                        expected,
                        "{significant} bits, {encoding:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_run_that_is_cut_short_is_found() {
    let mut random = Random::new(32);
    for significant in [1, 4, 10, 16, 25, 26, 60] {
        let rows = in_one_window(&mut random, significant, false);
        for encoding in [Encoding::Xor, Encoding::Xor2] {
            let bytes = encode(encoding, &rows);
            for len in 0..bytes.len() {
                let cut = decoded(encoding, &bytes[..len], usize::MAX);
                assert!(cut.is_err(), "{significant} bits, {len} bytes: {cut:?}");
            }
        }
    }
}

#[test]
fn times_that_do_not_ascend_are_refused_wherever_they_stand() {
    const FAR: i64 = 1 << 62;
    // Whether they ascend, and the differences from the first time on.
    let cases: [(bool, i64, &[i64]); 10] = [
        (true, 0, &[1]),
        (false, 0, &[0]),
        (false, 0, &[-1]),
        (false, 5, &[10, 10, 10, 0, 10]),
        (false, 5, &[10, 10, -10, 100, 100]),
        (true, -FAR, &[FAR, FAR - 1, 1]),
        (true, i64::MIN, &[FAR, FAR, FAR, FAR - 1]),
        // Around the whole of time.
        (false, 0, &[FAR, FAR, FAR, FAR, 1]),
        (false, i64::MAX, &[1]),
        (false, i64::MAX - 20, &[10, 10, 10]),
    ];
    for (ascends, first, differences) in cases {
        let mut rows = vec![(first, 1_u64)];
        for difference in differences {
            let last = rows[rows.len() - 1];
            rows.push((last.0.wrapping_add(*difference), last.1 + 1));
        }
        for encoding in [Encoding::Xor, Encoding::Xor2] {
            let read = decoded(encoding, &encode(encoding, &rows), usize::MAX);
            match ascends {
                true => assert_eq!(read.unwrap(), rows),
                false => {
                    assert!(matches!(read, Err(ChunkError::NotAscending { .. })), "{first}, {differences:?}: {read:?}");
                }
            }
        }
    }
}
