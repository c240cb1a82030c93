//! Constants of templates: numbers, characters and strings as Go writes them.
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::arithmetic_side_effects
    )
)]

use promethium_model::float::{FloatError, parse_go};
use promethium_model::quote::go_quoted;

use super::node::Number;

/// The text of a quoted string; `None` when Go would not take it. Bytes that are no UTF-8 become U+FFFD.
pub(super) fn unquote(text: &str) -> Option<String> {
    match text.chars().next()? {
        '`' => Some(text.strip_prefix('`')?.strip_suffix('`')?.replace('\r', "")),
        quote => {
            let bytes = unquoted_bytes(text.strip_prefix(quote)?.strip_suffix(quote)?, quote)?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        }
    }
}

fn unquoted_bytes(body: &str, quote: char) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(c) = rest.chars().next() {
        rest = rest.get(c.len_utf8()..)?;
        if c == '\\' {
            rest = escape(rest, quote, &mut out)?;
        } else {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    Some(out)
}

/// What follows a backslash; gives what follows that.
fn escape<'t>(text: &'t str, quote: char, out: &mut Vec<u8>) -> Option<&'t str> {
    let c = text.chars().next()?;
    let after = text.get(c.len_utf8()..)?;
    let simple = match c {
        'a' => Some(7),
        'b' => Some(8),
        'f' => Some(12),
        'n' => Some(b'\n'),
        'r' => Some(b'\r'),
        't' => Some(b'\t'),
        'v' => Some(11),
        '\\' => Some(b'\\'),
        '"' | '\'' if c == quote => u8::try_from(c).ok(),
        _ => None,
    };
    if let Some(byte) = simple {
        out.push(byte);
        return Some(after);
    }
    let (digits, radix, start) = match c {
        'x' => (2, 16, after),
        'u' => (4, 16, after),
        'U' => (8, 16, after),
        '0'..='7' => (3, 8, text),
        _ => return None,
    };
    let number = start.get(..digits).filter(|d| d.chars().all(|c| c.is_digit(radix)))?;
    let number = u32::from_str_radix(number, radix).ok()?;
    match c {
        'u' | 'U' => out.extend_from_slice(char::from_u32(number)?.encode_utf8(&mut [0; 4]).as_bytes()),
        _ => out.push(u8::try_from(number).ok()?),
    }
    start.get(digits..)
}

/// A number or character constant.
pub(super) fn number(text: &str) -> Result<Number, String> {
    if text.starts_with('\'') {
        let value = character(text).ok_or_else(|| format!("malformed character constant: {text}"))?;
        return Ok(Number { int: Some(value), float: Some(value as f64), prefers_float: false });
    }
    if text.ends_with('i') && !is_hex(text) {
        return Err(format!("complex constant {text} is not available in these templates"));
    }
    match integer(text) {
        Some(Ok(value)) => Ok(Number { int: Some(value), float: Some(value as f64), prefers_float: false }),
        Some(Err(())) => Err(format!("integer overflow: {}", go_quoted(text))),
        None => decimal(text).ok_or_else(|| format!("illegal number syntax: {}", go_quoted(text))),
    }
}

fn is_hex(text: &str) -> bool {
    text.trim_start_matches(['+', '-']).get(..2).is_some_and(|p| p.eq_ignore_ascii_case("0x"))
}

fn character(text: &str) -> Option<i64> {
    let body = text.strip_prefix('\'')?.strip_suffix('\'')?;
    let bytes = unquoted_bytes(body, '\'')?;
    if let ([byte], true) = (bytes.as_slice(), body.starts_with('\\')) {
        return Some(i64::from(*byte));
    }
    let text = std::str::from_utf8(&bytes).ok()?;
    let mut chars = text.chars();
    let c = chars.next()?;
    chars.next().is_none().then(|| i64::from(u32::from(c)))
}

/// An integer of any base; `None` when the text is none, `Some(Err)` when it does not fit.
fn integer(text: &str) -> Option<Result<i64, ()>> {
    let unsigned = text.trim_start_matches(['+', '-']);
    let lower = unsigned.to_ascii_lowercase();
    let (digits, radix) = match lower.get(..2) {
        Some("0x") => (lower.get(2..)?, 16),
        Some("0o") => (lower.get(2..)?, 8),
        Some("0b") => (lower.get(2..)?, 2),
        Some(_) if lower.starts_with('0') => (lower.get(1..)?, 8),
        _ => (lower.as_str(), 10),
    };
    let digits = without_underscores(digits, radix != 10)?;
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let signed = if text.starts_with('-') { format!("-{digits}") } else { digits };
    Some(i64::from_str_radix(&signed, radix).map_err(drop))
}

/// Underscores stand between digits only; after a base prefix one may lead.
fn without_underscores(digits: &str, after_prefix: bool) -> Option<String> {
    let lead = digits.starts_with('_') && !after_prefix;
    if lead || digits.ends_with('_') || digits.contains("__") {
        return None;
    }
    Some(digits.replace('_', ""))
}

/// Go's `ParseFloat`: decimal, hexadecimal with an exponent, underscores between digits.
pub(super) fn float(text: &str) -> Result<f64, FloatError> {
    let plain = without_underscores(text, false).ok_or(FloatError::Syntax)?;
    if is_hex(&plain) { hex_float(&plain).ok_or(FloatError::Syntax) } else { parse_go(plain.as_bytes()) }
}

fn decimal(text: &str) -> Option<Number> {
    let value = float(text).ok().filter(|v| v.is_finite())?;
    // A whole number may serve as an integer too.
    let int = Some(value as i64).filter(|n| *n as f64 == value);
    Some(Number { int, float: Some(value), prefers_float: true })
}

/// `0x1.8p3`.
fn hex_float(text: &str) -> Option<f64> {
    let (negative, body) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let body = body.strip_prefix('+').unwrap_or(body).to_ascii_lowercase();
    let (mantissa, exponent) = body.strip_prefix("0x")?.split_once('p')?;
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut value = 0.0;
    for c in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(c.to_digit(16)?);
    }
    let shift = exponent.saturating_sub(i32::try_from(fraction.len()).ok()?.saturating_mul(4));
    let value = value * 2f64.powi(shift);
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_in_go() {
        for (text, int, float) in [
            ("7", Some(7), true),
            ("-0x1F", Some(-31), true),
            ("0b101", Some(5), true),
            ("0o17", Some(15), true),
            ("017", Some(15), true),
            ("1_000", Some(1000), true),
            ("1e3", Some(1000), true),
            ("1.5", None, true),
            (".5", None, true),
            ("0x1p4", Some(16), true),
            ("'a'", Some(97), true),
            ("'\\n'", Some(10), true),
            ("'\\u00e9'", Some(0xe9), true),
        ] {
            let number = number(text).unwrap();
            assert_eq!((number.int, number.float.is_some()), (int, float), "{text}");
        }
        assert_eq!(number("99999999999999999999"), Err("integer overflow: \"99999999999999999999\"".to_owned()));
        assert_eq!(number("'ab'"), Err("malformed character constant: 'ab'".to_owned()));
        assert_eq!(number("1__0"), Err("illegal number syntax: \"1__0\"".to_owned()));
    }

    #[test]
    fn strings_are_read_as_in_go() {
        for (text, value) in [
            ("\"a\\tb\\\"\\x41\\101\\u00e9\\U0001F600\"", Some("a\tb\"AAé😀")),
            ("`a\\t`", Some("a\\t")),
            ("\"\\q\"", None),
            ("\"\\'\"", None),
            ("\"\\xff\"", Some("\u{fffd}")),
        ] {
            assert_eq!(unquote(text).as_deref(), value, "{text}");
        }
    }
}
