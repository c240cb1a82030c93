//! Eight bytes at a time, in a register: where the first byte of a kind is.
//!
//! A mask has the top bit of a byte set where the byte is of the kind. Bits above the lowest set one may be wrong (the
//! subtraction borrows), so only [`first`] may be asked of a mask.
//!
//! PERF: on the node_exporter page of `benches/text.rs` names and label values go two to three times as fast as byte
//! by byte through a table.

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// The byte in all eight places.
const fn splat(byte: u8) -> u64 {
    LOW.wrapping_mul(byte as u64)
}

/// Where `byte` is.
#[inline(always)]
const fn equal(word: u64, byte: u8) -> u64 {
    let difference = word ^ splat(byte);
    difference.wrapping_sub(LOW) & !difference & HIGH
}

/// Where a byte of the closed range is; both ends are ASCII. Exact in every place.
#[inline(always)]
const fn between(word: u64, low: u8, high: u8) -> u64 {
    let ascii = word & !HIGH;
    let from_low = ascii.wrapping_add(splat(0x80_u8.wrapping_sub(low)));
    let above_high = ascii.wrapping_add(splat(0x7f_u8.wrapping_sub(high)));
    from_low & !above_high & !word & HIGH
}

/// Index of the first byte in the mask; 8 when there is none.
#[inline(always)]
pub(super) const fn first(mask: u64) -> usize {
    (mask.trailing_zeros() / 8) as usize
}

/// Where a byte is that cannot stand in a metric name.
#[inline(always)]
pub(super) const fn outside_metric_name(word: u64) -> u64 {
    let letter = between(word | splat(0x20), b'a', b'z');
    let digit_or_colon = between(word, b'0', b':');
    let underscore = between(word, b'_', b'_');
    !(letter | digit_or_colon | underscore) & HIGH
}

/// Where a quote, a backslash or a NUL is.
#[inline(always)]
pub(super) const fn in_quotes_special(word: u64) -> u64 {
    equal(word, b'"') | equal(word, b'\\') | equal(word, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    fn in_name(byte: u8) -> bool {
        byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':'
    }

    #[test]
    fn every_byte_in_every_place() {
        for place in 0..8 {
            for byte in 0..=255u8 {
                let mut bytes = [b'x'; 8];
                bytes[place] = byte;
                let word = u64::from_le_bytes(bytes);
                let name_end = if in_name(byte) { 8 } else { place };
                let quote_end = if matches!(byte, b'"' | b'\\' | 0) { place } else { 8 };
                assert_eq!(first(outside_metric_name(word)), name_end, "{byte} at {place}");
                assert_eq!(first(in_quotes_special(word)), quote_end, "{byte} at {place}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            rng_seed: RngSeed::Fixed(17),
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn the_first_is_the_first(bytes in any::<[u8; 8]>()) {
            let word = u64::from_le_bytes(bytes);
            prop_assert_eq!(first(outside_metric_name(word)), bytes.iter().position(|b| !in_name(*b)).unwrap_or(8));
            let special = bytes.iter().position(|b| matches!(b, b'"' | b'\\' | 0)).unwrap_or(8);
            prop_assert_eq!(first(in_quotes_special(word)), special);
        }
    }
}
