//! Values and timestamps.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::fmt;

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
#[inline(always)]
pub(crate) fn take_simple_decimal(cursor: &mut Cursor<'_>, ends: impl Fn(u8) -> bool) -> Option<f64> {
    let start = cursor.rest();
    let unsigned = start.strip_prefix(b"-").unwrap_or(start);
    let mut rest = unsigned;
    let mut mantissa = 0u64;
    let whole_digits = take_digits(&mut rest, &mut mantissa);
    let mut fraction_digits = 0;
    if let Some(fraction) = rest.strip_prefix(b".") {
        rest = fraction;
        fraction_digits = take_digits(&mut rest, &mut mantissa);
    }
    if whole_digits == 0 || whole_digits.saturating_add(fraction_digits) > MAX_DIGITS {
        return None;
    }
    let mut exponent = 0i32.wrapping_sub(fraction_digits as i32);
    if let Some(written) = rest.strip_prefix(b"e") {
        rest = written;
        exponent = exponent.wrapping_add(take_exponent(&mut rest)?);
    }
    // Behind the page there is one line break more.
    if !ends(rest.first().copied().unwrap_or(b'\n')) {
        return None;
    }
    let magnitude = scale(mantissa as f64, exponent)?;
    cursor.at = cursor.at.wrapping_add(start.len()).wrapping_sub(rest.len());
    Some(if unsigned.len() < start.len() { -magnitude } else { magnitude })
}

/// A sign, which may be missing, and one or two digits.
#[inline(always)]
fn take_exponent(rest: &mut &[u8]) -> Option<i32> {
    let (negative, digits) = match *rest {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let (exponent, after) = match digits {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9', after @ ..] => {
            (i32::from(tens & 0xf).wrapping_mul(10).wrapping_add(i32::from(ones & 0xf)), after)
        }
        [ones @ b'0'..=b'9', after @ ..] => (i32::from(ones & 0xf), after),
        _ => return None,
    };
    *rest = after;
    Some(if negative { exponent.wrapping_neg() } else { exponent })
}

/// `mantissa` × 10^`exponent`, where that takes one rounding.
#[inline(always)]
fn scale(mantissa: f64, exponent: i32) -> Option<f64> {
    let power = *POWERS_OF_TEN.get(exponent.unsigned_abs() as usize)?;
    Some(if exponent < 0 { mantissa / power } else { mantissa * power })
}

const WORD: usize = 8;

const POWERS_UP_TO_A_WORD: [u64; WORD + 1] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// Appends the digits at the start of `rest` to the number, and passes them; how many there are. With more than nineteen
/// in all the number wraps around.
#[inline(always)]
pub(crate) fn take_digits(rest: &mut &[u8], number: &mut u64) -> usize {
    let mut digits = 0usize;
    while let Some(word) = rest.first_chunk::<WORD>() {
        let word = u64::from_le_bytes(*word) ^ 0x3030_3030_3030_3030;
        let len = digits_at_start(word);
        if len > 0 {
            // The digits move to the end of the word, with zeros before them.
            let aligned = word.wrapping_shl((WORD.wrapping_sub(len) as u32).wrapping_mul(8));
            let power = POWERS_UP_TO_A_WORD.get(len).copied().unwrap_or(1);
            *number = number.wrapping_mul(power).wrapping_add(eight_digits(aligned));
        }
        digits = digits.saturating_add(len);
        *rest = rest.get(len..).unwrap_or_default();
        if len < WORD {
            return digits;
        }
    }
    while let [byte @ b'0'..=b'9', after @ ..] = *rest {
        *number = number.wrapping_mul(10).wrapping_add(u64::from(byte & 0xf));
        digits = digits.saturating_add(1);
        *rest = after;
    }
    digits
}

/// How many of the word's lowest bytes are below ten.
#[inline(always)]
fn digits_at_start(word: u64) -> usize {
    let above_nine = (word & 0x7f7f_7f7f_7f7f_7f7f).wrapping_add(0x7676_7676_7676_7676) | word;
    (above_nine & 0x8080_8080_8080_8080).trailing_zeros() as usize / 8
}

/// The number that eight bytes below ten spell, the lowest byte first: by pairs, by fours, and all.
#[inline(always)]
fn eight_digits(word: u64) -> u64 {
    const EVERY_FOURTH: u64 = 0x0000_00ff_0000_00ff;
    let pairs = word.wrapping_mul(10).wrapping_add(word >> 8);
    let high = (pairs & EVERY_FOURTH).wrapping_mul(0x000f_4240_0000_0064);
    let low = ((pairs >> 16) & EVERY_FOURTH).wrapping_mul(0x0000_2710_0000_0001);
    high.wrapping_add(low) >> 32
}

/// A token that is no number. Its text is Go's, and is made only when somebody reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumberError<'t> {
    /// A byte that Go's floats may have and these not.
    Character,
    Float(&'t [u8], FloatError),
    /// An integer of more than 63 bits.
    IntegerRange(&'t [u8]),
}

impl fmt::Display for NumberError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NumberError::Character => f.write_str("unsupported character in float"),
            NumberError::Float(token, error) => {
                write!(f, "strconv.ParseFloat: parsing {}: {error}", go_quoted_bytes(token))
            }
            NumberError::IntegerRange(digits) => {
                write!(f, "strconv.ParseInt: parsing {}: value out of range", go_quoted_bytes(digits))
            }
        }
    }
}

/// A value as Prometheus reads it: Go's floats without `p`, `P` and `_`.
pub(crate) fn parse_value(token: &[u8]) -> Result<f64, NumberError<'_>> {
    if token.iter().any(|b| matches!(b, b'p' | b'P' | b'_')) {
        return Err(NumberError::Character);
    }
    parse_go(token).map_err(|error| NumberError::Float(token, error))
}

/// Decimal digits as milliseconds.
pub(crate) fn parse_timestamp(digits: &[u8]) -> Result<i64, NumberError<'_>> {
    let add = |sum: i64, digit: &u8| sum.checked_mul(10)?.checked_add(i64::from(digit.wrapping_sub(b'0')));
    digits.iter().try_fold(0, add).ok_or(NumberError::IntegerRange(digits))
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
    fn digits_are_read_by_words_and_by_bytes() {
        for len in 0..=19 {
            for behind in ["", "\n", "x", " 17", ".", ":", "/", "\u{e9}", "xxxxxxxxxxxxxxxx", "\0\0\0\0\0\0\0\0"] {
                let digits: String = "9081726354433221100"[..len].to_owned();
                let text = format!("{digits}{behind}");
                let (mut rest, mut number) = (text.as_bytes(), 7);
                assert_eq!(take_digits(&mut rest, &mut number), len, "{text:?}");
                assert_eq!(rest, behind.as_bytes(), "{text:?}");
                let expected: u64 = digits.bytes().fold(7, |n, d| n.wrapping_mul(10).wrapping_add(u64::from(d - b'0')));
                assert_eq!(number, expected, "{text:?}");
            }
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
