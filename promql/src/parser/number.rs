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

/// The kind and the length of the number or duration that `text` begins with; no kind when it is neither.
pub(crate) fn scan(text: &str) -> (Option<TokenKind>, usize) {
    let bytes = text.as_bytes();
    let number = number_length(bytes);
    if ends_word(bytes, number) {
        return (Some(TokenKind::Number), number);
    }
    let duration = duration_length(bytes);
    if duration > 0 && ends_word(bytes, duration) {
        return (Some(TokenKind::Duration), duration);
    }
    let bad = number.max(duration);
    let tail = length(bytes.get(bad..).unwrap_or(&[]), is_word);
    (None, bad.saturating_add(tail))
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b == b':'
}

fn ends_word(bytes: &[u8], len: usize) -> bool {
    len > 0 && !bytes.get(len).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_')
}

fn length(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|b| !belongs(*b)).unwrap_or(bytes.len())
}

/// Digits with single underscores between them.
fn digits_length(bytes: &[u8], is_digit: impl Fn(u8) -> bool) -> usize {
    let mut len = 0usize;
    loop {
        let run = length(bytes.get(len..).unwrap_or(&[]), &is_digit);
        len = len.saturating_add(run);
        let next = bytes.get(len.saturating_add(1)).copied();
        let continues = run > 0 && bytes.get(len) == Some(&b'_') && next.is_some_and(&is_digit);
        if !continues {
            return len;
        }
        len = len.saturating_add(1);
    }
}

fn number_length(bytes: &[u8]) -> usize {
    if let [b'0', b'x' | b'X', rest @ ..] = bytes {
        return hex_length(rest).saturating_add(2);
    }
    let mut len = digits_length(bytes, |b| b.is_ascii_digit());
    if bytes.get(len) == Some(&b'.') {
        let fraction = digits_length(bytes.get(len.saturating_add(1)..).unwrap_or(&[]), |b| b.is_ascii_digit());
        len = len.saturating_add(1).saturating_add(fraction);
    }
    if matches!(bytes.get(len), Some(b'e' | b'E')) {
        len = len.saturating_add(exponent_length(bytes.get(len..).unwrap_or(&[])));
    }
    len
}

/// `e` with an optional sign and digits; 0 when no digits follow.
fn exponent_length(bytes: &[u8]) -> usize {
    let sign = usize::from(matches!(bytes.get(1), Some(b'+' | b'-')));
    let start = sign.saturating_add(1);
    match digits_length(bytes.get(start..).unwrap_or(&[]), |b| b.is_ascii_digit()) {
        0 => 0,
        digits => start.saturating_add(digits),
    }
}

/// Hexadecimal digits, where an `e` must be followed by a further digit: Prometheus' scanner takes it for an exponent.
fn hex_length(bytes: &[u8]) -> usize {
    let len = digits_length(bytes, |b| b.is_ascii_hexdigit());
    match len.checked_sub(1).and_then(|last| bytes.get(last)) {
        Some(b'e' | b'E') => 0,
        _ => len,
    }
}

fn duration_length(bytes: &[u8]) -> usize {
    let mut len = 0usize;
    loop {
        let rest = bytes.get(len..).unwrap_or(&[]);
        let digits = length(rest, |b| b.is_ascii_digit());
        let unit = match rest.get(digits..).unwrap_or(&[]) {
            [b'm', b's', ..] => 2,
            [b's' | b'm' | b'h' | b'd' | b'w' | b'y', ..] => 1,
            _ => 0,
        };
        if digits == 0 || unit == 0 {
            return len;
        }
        len = len.saturating_add(digits).saturating_add(unit);
    }
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
            ("5q", None, 2),
            ("1__0", None, 4),
            ("1e", None, 2),
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
