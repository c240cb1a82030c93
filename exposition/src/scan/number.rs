//! Values and timestamps.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use promethium_model::float::{FloatError, parse_go};
use promethium_model::quote::go_quoted_bytes;

use super::cursor::Cursor;

// Up to this many digits a mantissa is below 2^53, so exact; and so are powers of ten up to 10^22. One multiplication
// or division of two exact numbers rounds once, so the result is the nearest float.
const MAX_DIGITS: usize = 15;

const POWERS_OF_TEN: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// Reads `-12.75` and `1.25e+06` with at most fifteen digits, and moves past it. `None` for every other shape, or where
/// the byte behind it does not end a number, with the cursor where it was: [`parse_value`] decides those.
#[inline]
pub(crate) fn take_simple_decimal(cursor: &mut Cursor<'_>, ends: impl Fn(u8) -> bool) -> Option<f64> {
    let mut ahead = *cursor;
    let negative = take_byte(&mut ahead, b'-');
    let (mut mantissa, mut digits) = (0u64, 0usize);
    take_digits(&mut ahead, &mut mantissa, &mut digits);
    let whole_digits = digits;
    if take_byte(&mut ahead, b'.') {
        take_digits(&mut ahead, &mut mantissa, &mut digits);
    }
    if whole_digits == 0 || digits > MAX_DIGITS {
        return None;
    }
    let exponent = if take_byte(&mut ahead, b'e') { take_exponent(&mut ahead)? } else { 0 };
    if !ends(ahead.peek()) {
        return None;
    }
    let fraction_digits = i32::try_from(digits.wrapping_sub(whole_digits)).ok()?;
    let magnitude = scale(mantissa as f64, exponent.wrapping_sub(fraction_digits))?;
    *cursor = ahead;
    Some(if negative { -magnitude } else { magnitude })
}

#[inline(always)]
fn take_byte(cursor: &mut Cursor<'_>, byte: u8) -> bool {
    let found = cursor.peek() == byte;
    if found {
        cursor.advance();
    }
    found
}

/// A sign, which may be missing, and one or two digits.
#[inline]
fn take_exponent(cursor: &mut Cursor<'_>) -> Option<i32> {
    let negative = take_byte(cursor, b'-');
    if !negative {
        take_byte(cursor, b'+');
    }
    let (mut exponent, mut digits) = (0u64, 0usize);
    take_digits(cursor, &mut exponent, &mut digits);
    if !(1..=2).contains(&digits) {
        return None;
    }
    let exponent = i32::try_from(exponent).ok()?;
    Some(if negative { exponent.wrapping_neg() } else { exponent })
}

/// `mantissa` × 10^`exponent`, where that takes one rounding.
#[inline(always)]
fn scale(mantissa: f64, exponent: i32) -> Option<f64> {
    let power = *POWERS_OF_TEN.get(exponent.unsigned_abs() as usize)?;
    Some(if exponent < 0 { mantissa / power } else { mantissa * power })
}

#[inline(always)]
fn take_digits(cursor: &mut Cursor<'_>, mantissa: &mut u64, digits: &mut usize) {
    while let digit @ 0..=9 = cursor.peek().wrapping_sub(b'0') {
        *mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
        *digits = digits.saturating_add(1);
        cursor.advance();
    }
}

/// A value as Prometheus reads it: Go's floats without `p`, `P` and `_`.
///
/// # Errors
///
/// The message, in Go's words.
pub(crate) fn parse_value(token: &[u8]) -> Result<f64, String> {
    if token.iter().any(|b| matches!(b, b'p' | b'P' | b'_')) {
        return Err("unsupported character in float".to_owned());
    }
    parse_go(token)
        .map_err(|error: FloatError| format!("strconv.ParseFloat: parsing {}: {error}", go_quoted_bytes(token)))
}

/// Decimal digits as milliseconds.
///
/// # Errors
///
/// The message, in Go's words, when there are more than fit.
pub(crate) fn parse_timestamp(digits: &[u8]) -> Result<i64, String> {
    let add = |sum: i64, digit: &u8| sum.checked_mul(10)?.checked_add(i64::from(digit.wrapping_sub(b'0')));
    digits
        .iter()
        .try_fold(0, add)
        .ok_or_else(|| format!("strconv.ParseInt: parsing {}: value out of range", go_quoted_bytes(digits)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    fn simple(text: &str) -> Option<f64> {
        let ends = |b| matches!(b, b'\n' | b' ' | b'\t');
        take_simple_decimal(&mut Cursor { page: text.as_bytes(), at: 0 }, ends)
    }

    #[test]
    fn shapes_of_the_short_way() {
        assert_eq!(simple("0"), Some(0.0));
        assert_eq!(simple("-0").map(f64::to_bits), Some((-0.0f64).to_bits()));
        assert_eq!(simple("12.50 7"), Some(12.5));
        assert_eq!(simple("3."), Some(3.0));
        assert_eq!(simple("1.445745e+06"), Some(1_445_745.0));
        assert_eq!(simple("12e-3\n"), Some(0.012));
        for other in
            ["", "-", ".5", "1e", "1e+", "1e100", "1e38", "1E3", "+1", "0x1", "1_0", "NaN", "1}", "1234567890123456"]
        {
            assert_eq!(simple(other), None, "{other}");
        }
    }

    #[test]
    fn timestamps_end_at_63_bits() {
        assert_eq!(parse_timestamp(b"9223372036854775807"), Ok(i64::MAX));
        assert!(parse_timestamp(b"9223372036854775808").is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            rng_seed: RngSeed::Fixed(17),
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn the_short_way_agrees_with_the_long_one(text in "-?[0-9]{1,9}(\\.[0-9]{0,8})?(e[+-]?[0-9]{1,2})?") {
            let long = parse_value(text.as_bytes()).map(f64::to_bits);
            if let Some(short) = simple(&text) {
                prop_assert_eq!(Ok(short.to_bits()), long);
            } else {
                prop_assert!(text.contains('e') || text.bytes().filter(u8::is_ascii_digit).count() > MAX_DIGITS);
            }
        }
    }
}
