//! Numbers and durations, which are one thing: a duration is its seconds.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use promethium_model::{duration, float};

use super::token::TokenKind;

/// The kind and the length of the number or duration that `text` begins with. Without a kind it is neither, and the
/// length is that of what was read until this was clear.
pub(crate) fn scan(text: &str) -> (Option<TokenKind>, usize) {
    let mut scanner = Scanner { bytes: text.as_bytes(), pos: 0 };
    let kind = if scanner.number() {
        Some(TokenKind::Number)
    } else if scanner.rest_of_duration() {
        Some(TokenKind::Duration)
    } else {
        None
    };
    (kind, scanner.pos)
}

struct Scanner<'a> {
    bytes: &'a [u8],
    pos: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.pos).copied()
    }

    fn accept(&mut self, belongs: impl Fn(u8) -> bool) -> bool {
        let found = self.peek().is_some_and(belongs);
        self.pos = self.pos.saturating_add(usize::from(found));
        found
    }

    fn accept_any(&mut self, bytes: &[u8]) -> bool {
        self.accept(|b| bytes.contains(&b))
    }

    /// Loose on purpose: that the number has a value is seen when it is computed. In hexadecimal an `e` that is not
    /// the first digit is taken for an exponent's.
    fn number(&mut self) -> bool {
        let hex = self.accept_any(b"0") && self.accept_any(b"xX");
        let is_digit = |b: u8| if hex { b.is_ascii_hexdigit() } else { b.is_ascii_digit() };
        if hex {
            self.accept_any(b"_");
        }
        self.accept_any(b".");
        self.accept(is_digit);
        let (mut dots, mut exponents) = (0u8, 0u8);
        loop {
            let sound = if self.accept_any(b".") {
                dots = dots.saturating_add(1);
                dots == 1 && !self.accept_any(b"_.") && !hex
            } else if self.accept_any(b"eE") {
                exponents = exponents.saturating_add(1);
                exponents == 1 && self.exponent()
            } else if self.accept_any(b"_") {
                self.goes_on()
            } else if !self.accept(is_digit) {
                return self.pos > 0 && !self.peek().is_some_and(is_word);
            } else {
                true
            };
            if !sound {
                return false;
            }
        }
    }

    fn exponent(&mut self) -> bool {
        self.accept_any(b"+-");
        self.goes_on()
    }

    /// What follows an underscore or an `e`.
    fn goes_on(&mut self) -> bool {
        !self.accept_any(b"._eE") && self.peek().is_some()
    }

    /// From the first unit on; its number was read already.
    fn rest_of_duration(&mut self) -> bool {
        if !self.accept_any(b"smhdwy") {
            return false;
        }
        self.accept_any(b"s");
        while self.accept(|b| b.is_ascii_digit()) {
            while self.accept(|b| b.is_ascii_digit()) {}
            if !self.accept_any(b"smhdw") {
                return false;
            }
            self.accept_any(b"s");
        }
        !self.accept(is_word)
    }
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

/// The value of a number token: first as an integer with Go's base prefixes (so `010` is 8), else as a float.
///
/// # Errors
///
/// Prometheus' message.
pub(crate) fn parse(text: &str) -> Result<f64, String> {
    if let Some(integer) = parse_integer(text) {
        return Ok(integer as f64);
    }
    float::parse_go_lenient(text).map_err(|error| {
        format!(
            "error parsing number: strconv.ParseFloat: parsing {}: {error}",
            promethium_model::quote::go_quoted(text)
        )
    })
}

/// Go's integers of base 0: `0x`, `0o`, `0b` and `0` prefixes, underscores.
pub(crate) fn parse_integer(text: &str) -> Option<i64> {
    let (base, digits) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, text.get(2..)?),
        [b'0', b'b' | b'B', ..] => (2, text.get(2..)?),
        [b'0', b'o' | b'O', ..] => (8, text.get(2..)?),
        [b'0', _, ..] => (8, text.get(1..)?),
        _ => (10, text),
    };
    if digits.contains('_') {
        return i64::from_str_radix(&digits.replace('_', ""), base).ok();
    }
    if digits.starts_with(['+', '-']) {
        return None;
    }
    i64::from_str_radix(digits, base).ok()
}

/// The value of a duration token, in seconds.
///
/// # Errors
///
/// Prometheus' message.
pub(crate) fn parse_duration(text: &str) -> Result<f64, String> {
    duration::parse_ms(text).map(|ms| ms as f64 / 1000.0).map_err(|e| e.to_string())
}

/// Seconds as milliseconds, rounded to nanoseconds first; `None` past about 292 years.
pub(crate) fn seconds_to_ms(seconds: f64) -> Option<i64> {
    let nanoseconds = (seconds * 1e9).round();
    if nanoseconds.abs() < 9_223_372_036_854_775_807.0 { Some((nanoseconds as i64) / 1_000_000) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_durations_share_their_beginning() {
        for (text, kind, len) in [
            ("1 ", Some(TokenKind::Number), 1),
            ("1_000)", Some(TokenKind::Number), 5),
            ("2.", Some(TokenKind::Number), 2),
            (".5e-3", Some(TokenKind::Number), 5),
            ("0x1e2", Some(TokenKind::Number), 5),
            ("1h30m]", Some(TokenKind::Duration), 5),
            ("5ms", Some(TokenKind::Duration), 3),
            ("5q", None, 1),
            ("1__0", None, 3),
            ("1e", None, 2),
            ("1by", None, 1),
            ("0son", None, 3),
            ("5m5]", None, 3),
            ("0x1e2e3", None, 6),
            ("1.5h)", Some(TokenKind::Duration), 4),
            ("5mé", Some(TokenKind::Duration), 2),
        ] {
            assert_eq!(scan(text), (kind, len), "{text}");
        }
        assert_eq!(scan("0x1e").0, None);
    }

    #[test]
    fn integers_have_gos_bases() {
        for (text, value) in [("0x3d", 61.0), ("1_000", 1000.0), ("010", 8.0), ("08", 8.0), ("0", 0.0), ("1e3", 1000.0)]
        {
            assert_eq!(parse(text), Ok(value), "{text}");
        }
        assert!(parse("1_000.5").is_err());
    }
}
