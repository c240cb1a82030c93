//! Hexadecimal floats, rounded once.

use super::FloatError;

/// Reads what follows `0x`: `1.8p3`, a hexadecimal mantissa and a binary exponent in decimal, which is compulsory.
/// Underscores may stand between digits.
pub(super) fn parse(text: &str) -> Result<f64, FloatError> {
    if !underscores_separate_digits(text) {
        return Err(FloatError::Syntax);
    }
    let text = text.replace('_', "");
    let (mantissa, exponent) = text.split_once(['p', 'P']).ok_or(FloatError::Syntax)?;
    let exponent = parse_exponent(exponent)?;
    let (bits, shift) = parse_mantissa(mantissa)?;
    let value = round(bits, exponent.saturating_add(shift));
    if value.is_infinite() { Err(FloatError::Range) } else { Ok(value) }
}

/// The prefix counts as a digit.
fn underscores_separate_digits(text: &str) -> bool {
    let mut after_digit = true;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '_' && !(after_digit && chars.peek().is_some_and(char::is_ascii_hexdigit)) {
            return false;
        }
        after_digit = c.is_ascii_hexdigit();
    }
    true
}

/// Beyond these bounds every mantissa that fits a line is zero or infinite.
const MAX_EXPONENT: i64 = 1 << 40;

fn parse_exponent(text: &str) -> Result<i64, FloatError> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(FloatError::Syntax);
    }
    let magnitude = digits.parse().unwrap_or(MAX_EXPONENT).min(MAX_EXPONENT);
    Ok(if text.starts_with('-') { -magnitude } else { magnitude })
}

/// The leading bits, of which the lowest also says whether a digit that was left out is not zero, and the exponent of
/// the lowest.
fn parse_mantissa(text: &str) -> Result<(u64, i64), FloatError> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.len() + fraction.len() == 0 {
        return Err(FloatError::Syntax);
    }
    let (mut bits, mut rest_is_zero) = (0u64, true);
    let mut exponent = -4 * fraction.len() as i64;
    for c in whole.chars().chain(fraction.chars()) {
        let digit = c.to_digit(16).ok_or(FloatError::Syntax)?;
        if bits >> 59 == 0 {
            bits = bits << 4 | u64::from(digit);
        } else {
            exponent += 4;
            rest_is_zero &= digit == 0;
        }
    }
    Ok((bits | u64::from(!rest_is_zero), exponent))
}

const FRACTION_BITS: i64 = 52;
const MIN_NORMAL_EXPONENT: i64 = -1022;

/// `bits` × 2^`exponent`, to the nearest float, ties to even.
fn round(bits: u64, exponent: i64) -> f64 {
    if bits == 0 {
        return 0.0;
    }
    let top = 63 - i64::from(bits.leading_zeros());
    let magnitude = top + exponent;
    if magnitude > 1023 {
        return f64::INFINITY;
    }
    // The exponent of the float's lowest bit; subnormal floats all share one.
    let lowest = magnitude.max(MIN_NORMAL_EXPONENT) - FRACTION_BITS;
    let fraction = shift_to_even(bits, lowest - exponent);
    // A fraction that was rounded up to the next power of two carries into the exponent, as it should.
    let biased = (magnitude - MIN_NORMAL_EXPONENT).max(0) as u64;
    f64::from_bits((biased << FRACTION_BITS) + fraction)
}

/// `bits` / 2^`by`, rounded to the nearest integer, ties to even.
fn shift_to_even(bits: u64, by: i64) -> u64 {
    match by {
        ..=0 => bits << by.unsigned_abs(),
        1..=63 => {
            let (quotient, rest, half) = (bits >> by, bits & ((1 << by) - 1), 1 << (by - 1));
            quotient + u64::from(rest > half || (rest == half && quotient & 1 == 1))
        }
        // Mantissas have at most 63 bits: this is less than half.
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    #[test]
    fn rounding_is_to_the_nearest_even() {
        let rows = [
            ("1p-1074", 5e-324),
            ("1p-1075", 0.0),
            ("1.8p-1075", 5e-324),
            ("1.8p-1074", 1e-323),
            ("1p-1022", f64::MIN_POSITIVE),
            ("0.fffffffffffff8p-1022", f64::MIN_POSITIVE),
            ("1.fffffffffffffp1023", f64::MAX),
            ("1.00000000000008p0", 1.0),
            ("1.000000000000080000000000000000001p0", 1.0 + f64::EPSILON),
            ("1.00000000000018p0", 1.0 + 2.0 * f64::EPSILON),
            ("0p99999999999999999999", 0.0),
            ("1p-99999999999999999999", 0.0),
            ("1p-9223372036854775808", 0.0),
            ("000000000000000000001p0", 1.0),
            ("0.00000000000000000001p80", 1.0),
            ("_1_0p0_1", 32.0),
            ("1e1p0", 481.0),
        ];
        for (text, value) in rows {
            assert_eq!(parse(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn what_is_refused() {
        for text in
            ["", "p1", ".p1", "1", "1.8", "1p", "1p+", "1p1.5", "1p 1", "gp1", "1__0p0", "1_p0", "1_.8p0", "1p1_"]
        {
            assert_eq!(parse(text), Err(FloatError::Syntax), "{text}");
        }
        for text in ["1p1024", "1.fffffffffffff8p1023", "1p99999999999999999999", "1p9223372036854775807"] {
            assert_eq!(parse(text), Err(FloatError::Range), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

        #[test]
        fn every_float_reads_back(bits in 0..0x7ff0_0000_0000_0000_u64) {
            let value = f64::from_bits(bits);
            let (lead, exponent) = if value.is_normal() { (1, (bits >> 52) as i64 - 1023) } else { (0, -1022) };
            let text = format!("{lead}.{:013x}p{exponent}", bits & ((1 << 52) - 1));
            prop_assert_eq!(parse(&text), Ok(value), "{}", text);
        }
    }
}
