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
    let magnitude = super::hex::parse(&body[2..])?;
    Ok(if text.starts_with('-') { -magnitude } else { magnitude })
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
