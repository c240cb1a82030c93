//! Numbers as the specification of OpenMetrics writes them.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use promethium_model::float::{FloatError, parse_go};

/// A `number`: a real number, `inf` or `infinity` in any case with or without a sign, or `nan` in any case. What is too
/// large for a float is infinite.
pub(crate) fn parse_number(token: &[u8]) -> Option<f64> {
    match parse_go(token) {
        Ok(value) => Some(value),
        Err(FloatError::Range) if token.first() == Some(&b'-') => Some(f64::NEG_INFINITY),
        Err(FloatError::Range) => Some(f64::INFINITY),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_of_numbers() {
        for (text, value) in [
            ("1", 1.0),
            ("+1.", 1.0),
            ("-.5e+3", -500.0),
            ("1E-2", 0.01),
            ("007", 7.0),
            ("iNf", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("1e999", f64::INFINITY),
            ("-1e999", f64::NEG_INFINITY),
        ] {
            assert_eq!(parse_number(text.as_bytes()), Some(value), "{text}");
        }
        assert!(parse_number(b"nAn").is_some_and(f64::is_nan));
        for text in ["", "+", ".", "e5", "1e", "1e+", "0x1", "1_0", "+nan", "infinit", "1 ", "--1", "0b1", "0o1"] {
            assert_eq!(parse_number(text.as_bytes()), None, "{text}");
        }
    }
}
