//! Shortest decimal digits of a float.

/// How many digits a [`Decimal`] has room for; those it does not use are zeros.
pub(super) const WIDTH: usize = 24;

/// Shortest decimal digits of a finite float that is not negative: value = 0.d₁d₂… × 10^exponent. Zero has one digit.
pub(super) struct Decimal {
    /// As text.
    pub(super) digits: [u8; WIDTH],
    pub(super) len: usize,
    pub(super) exponent: i32,
}

impl Decimal {
    pub(super) fn of(magnitude: f64) -> Self {
        match short_decimal(magnitude) {
            Some(short) => short,
            None if magnitude == 0.0 => Decimal { digits: [b'0'; WIDTH], len: 1, exponent: 1 },
            None => shortest(magnitude),
        }
    }

    pub(super) fn digits(&self) -> &[u8] {
        &self.digits[..self.len]
    }
}

// Two decimals of at most fifteen digits are never the same float, so one that reads back is the shortest.
const SHORT: f64 = 1e15;

/// Numbers of at most fifteen digits, of which at most three are behind the point: nearly all that exporters have.
#[inline]
fn short_decimal(magnitude: f64) -> Option<Decimal> {
    for (power, places) in [(1e3, 3), (1.0, 0)] {
        let scaled = magnitude * power;
        if (1.0..SHORT).contains(&scaled) {
            let n = (scaled + 0.5) as u64;
            // Both are exact, so the quotient is what reading the decimal gives.
            if n as f64 / power == magnitude {
                return Some(of_integer(n, places));
            }
        }
    }
    None
}

/// n / 10^places, for n from 1 to 10^16 − 1.
#[inline]
fn of_integer(n: u64, places: i32) -> Decimal {
    const WRITTEN: usize = 16;
    let (high, low) = (eight_digits(n / 100_000_000), eight_digits(n % 100_000_000));
    let raw = u128::from(high) | u128::from(low) << 64;
    let leading = raw.trailing_zeros() as usize / 8;
    let trailing = raw.leading_zeros() as usize / 8;
    let text = (raw >> (8 * leading)) | 0x3030_3030_3030_3030_3030_3030_3030_3030;
    let mut digits = [b'0'; WIDTH];
    digits[..WRITTEN].copy_from_slice(&text.to_le_bytes());
    Decimal { digits, len: WRITTEN - leading - trailing, exponent: (WRITTEN - leading) as i32 - places }
}

/// The eight digits of a number below 10^8, the first in the lowest byte: by fours, by pairs, and one by one, with divisions
/// by multiplication.
#[inline]
fn eight_digits(n: u64) -> u64 {
    let fours = (n / 10_000) | ((n % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let pairs = hundreds | (fours - hundreds * 100) << 16;
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | (pairs - tens * 10) << 8
}

fn shortest(magnitude: f64) -> Decimal {
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(magnitude);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.strip_prefix('+').unwrap_or(exponent).parse().unwrap_or(0);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let whole = whole.trim_start_matches('0');
    let mut fraction = fraction.trim_end_matches('0');
    let mut decimal = Decimal { digits: [b'0'; WIDTH], len: 0, exponent: exponent + whole.len() as i32 };
    if whole.is_empty() {
        let small = fraction.trim_start_matches('0');
        decimal.exponent -= (fraction.len() - small.len()) as i32;
        fraction = small;
    }
    for digit in whole.bytes().chain(fraction.bytes()).take(WIDTH) {
        decimal.digits[decimal.len] = digit;
        decimal.len += 1;
    }
    while decimal.len > 1 && decimal.digits[decimal.len - 1] == b'0' {
        decimal.len -= 1;
    }
    decimal
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    fn parts(decimal: &Decimal) -> (String, i32) {
        (String::from_utf8_lossy(decimal.digits()).into_owned(), decimal.exponent)
    }

    #[test]
    fn eight_digits_of_every_pair_and_at_the_ends() {
        let numbers = (0..10_000).flat_map(|n| [n, n * 10_000, 99_999_999 - n, n * 10_001 % 100_000_000]);
        for n in numbers {
            let text: String = eight_digits(n).to_le_bytes().iter().map(|d| char::from(b'0' + d)).collect();
            assert_eq!(text, format!("{n:08}"));
        }
    }

    #[test]
    fn short_decimals_are_found_and_others_are_not() {
        for (v, digits, exponent) in
            [(1.0, "1", 1), (0.25, "25", 0), (0.001, "1", -2), (1e14, "1", 15), (123_456.78, "12345678", 6)]
        {
            assert_eq!(short_decimal(v).as_ref().map(parts), Some((digits.to_owned(), exponent)), "{v}");
        }
        for v in [0.0, 1e15, 0.0001, 0.1 + 0.2, 1.0 / 3.0, f64::MAX, 5e-324, 999_999_999_999_999.9] {
            assert!(short_decimal(v).is_none(), "{v}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(3), cases: 2_000, ..ProptestConfig::default() })]

        #[test]
        fn the_short_way_agrees_with_the_long_one(n in 1u64..1_000_000_000_000_000, places in 0i32..5, ulps in -2i64..3) {
            let v = f64::from_bits((n as f64 / 10f64.powi(places)).to_bits().wrapping_add_signed(ulps));
            if let Some(short) = short_decimal(v) {
                prop_assert_eq!(parts(&short), parts(&shortest(v)));
            }
        }
    }
}
