//! Floats as Go reads them.

use thiserror::Error;

/// Why a text is no float.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FloatError {
    /// Not a float at all.
    #[error("invalid syntax")]
    Syntax,
    /// Past the largest finite float; Go returns ±Inf and this error.
    #[error("value out of range")]
    Range,
}

/// Reads decimal and exponent forms, and `inf`, `infinity`, `nan` in any case, the first two with a sign: what the
/// exposition formats take. Hexadecimal floats and underscores are refused. Underflow gives zero.
///
/// ```
/// use promethium_model::float::parse_go;
/// assert_eq!(parse_go(b"+Inf"), Ok(f64::INFINITY));
/// assert!(parse_go(b"+nan").is_err());
/// assert!(parse_go(b"0x1p3").is_err());
/// ```
///
/// # Errors
///
/// See [`FloatError`]. NaN is returned as [`NORMAL_NAN`](crate::NORMAL_NAN).
pub fn parse_go(text: &[u8]) -> Result<f64, FloatError> {
    let (negative, body) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    match body.first() {
        Some(b'0'..=b'9' | b'.') => {}
        Some(b'i' | b'I' | b'n' | b'N') => return parse_word(body, negative, text.len() != body.len()),
        _ => return Err(FloatError::Syntax),
    }
    let value: f64 = fast_float2::parse(body).map_err(|_| FloatError::Syntax)?;
    if value.is_infinite() {
        return Err(FloatError::Range);
    }
    Ok(if negative { -value } else { value })
}

fn parse_word(word: &[u8], negative: bool, signed: bool) -> Result<f64, FloatError> {
    if word.eq_ignore_ascii_case(b"inf") || word.eq_ignore_ascii_case(b"infinity") {
        return Ok(if negative { f64::NEG_INFINITY } else { f64::INFINITY });
    }
    if !signed && word.eq_ignore_ascii_case(b"nan") {
        return Ok(crate::sample::NORMAL_NAN);
    }
    Err(FloatError::Syntax)
}

/// [`parse_go`], and hexadecimal floats (`0x1.8p3`) and underscores between digits of those with a base prefix: all that Go's
/// `ParseFloat` takes.
///
/// # Errors
///
/// See [`FloatError`].
pub fn parse_go_lenient(text: &str) -> Result<f64, FloatError> {
    let body = text.trim_start_matches(['+', '-']);
    if body.len() + 1 < text.len() || !(body.starts_with("0x") || body.starts_with("0X")) {
        return parse_go(text.as_bytes());
    }
    let magnitude = parse_hex(&body[2..])?;
    Ok(if text.starts_with('-') { -magnitude } else { magnitude })
}

/// `1.8p3`: hexadecimal mantissa, binary exponent in decimal (compulsory).
fn parse_hex(text: &str) -> Result<f64, FloatError> {
    let (mantissa, exponent) = text.split_once(['p', 'P']).ok_or(FloatError::Syntax)?;
    let mut exponent: i64 = exponent.parse().map_err(|_| FloatError::Syntax)?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    exponent -= 4 * fraction.chars().filter(|c| *c != '_').count() as i64;
    let (mut bits, mut digits, mut sticky) = (0u64, 0usize, false);
    for c in whole.chars().chain(fraction.chars()).filter(|c| *c != '_') {
        let digit = c.to_digit(16).ok_or(FloatError::Syntax)?;
        digits += 1;
        if bits >> 59 == 0 {
            bits = bits << 4 | u64::from(digit);
        } else {
            exponent += 4;
            sticky |= digit != 0;
        }
    }
    if digits == 0 {
        return Err(FloatError::Syntax);
    }
    // The sticky bit lies far below the 53 that are kept, so one rounding, that of the conversion, decides.
    let value = scale(bits | u64::from(sticky), exponent);
    if value.is_infinite() { Err(FloatError::Range) } else { Ok(value) }
}

fn scale(bits: u64, exponent: i64) -> f64 {
    if bits == 0 {
        return 0.0;
    }
    // Rounded once when the result is normal; a subnormal result may round twice, by at most one step.
    let mut value = bits as f64;
    let mut left = exponent.clamp(-2_000, 2_000);
    while left != 0 && value.is_finite() && value != 0.0 {
        let step = left.clamp(-1_000, 1_000);
        value *= 2f64.powi(step as i32);
        left -= step;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_syntax() {
        for (text, value) in [
            ("1", 1.0),
            ("-1.5e3", -1500.0),
            (".5", 0.5),
            ("2.", 2.0),
            ("+3", 3.0),
            ("007", 7.0),
            ("1E-3", 0.001),
            ("INF", f64::INFINITY),
            ("-infinity", f64::NEG_INFINITY),
            ("1e-999", 0.0),
        ] {
            assert_eq!(parse_go(text.as_bytes()), Ok(value), "{text}");
        }
        for text in
            ["", "+", "-", ".", "e1", "1e", "1_0", "0x10", "0x1p1", "+nan", "--1", "1 ", " 1", "nano", "in", "1f"]
        {
            assert_eq!(parse_go(text.as_bytes()), Err(FloatError::Syntax), "{text}");
        }
        assert_eq!(parse_go(b"1e999"), Err(FloatError::Range));
        assert_eq!(parse_go(b"NaN").map(f64::to_bits), Ok(crate::sample::NORMAL_NAN_BITS));
    }

    #[test]
    fn hexadecimal_floats() {
        for (text, value) in [("0x1p3", 8.0), ("-0x1.8p1", -3.0), ("0X.8p0", 0.5), ("0x10p-4", 1.0), ("0x1_0p0", 16.0)]
        {
            assert_eq!(parse_go_lenient(text), Ok(value), "{text}");
        }
        assert_eq!(parse_go_lenient("0x1"), Err(FloatError::Syntax));
        assert_eq!(parse_go_lenient("0xp1"), Err(FloatError::Syntax));
        assert_eq!(parse_go_lenient("0x1p5000"), Err(FloatError::Range));
        assert_eq!(parse_go_lenient("1.5"), Ok(1.5));
    }
}
