//! `application/x-www-form-urlencoded`, as Go's `net/url` reads it: a bad pair is left out, the first mistake is kept.

use thiserror::Error;

use super::MAX_PARAMETERS;

/// Why a query string or a form body could not be read whole. The texts are Go's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FormError {
    /// A percent sign without two hexadecimal digits.
    #[error("invalid URL escape {}", promethium_model::quote::go_quoted_bytes(escape))]
    Escape {
        /// The percent sign and up to two bytes after it.
        escape: Vec<u8>,
    },
    /// A pair with a semicolon in it.
    #[error("invalid semicolon separator in query")]
    Semicolon,
    /// A form body of more than [`MAX_FORM_BYTES`](crate::MAX_FORM_BYTES).
    #[error("http: POST too large")]
    TooLarge,
    /// More than [`MAX_PARAMETERS`] parameters.
    #[error("more than {MAX_PARAMETERS} parameters")]
    TooMany,
}

impl FormError {
    /// Whether the request went over a limit. Prometheus overlooks the other mistakes on some endpoints.
    pub(crate) fn is_limit(&self) -> bool {
        matches!(self, FormError::TooLarge | FormError::TooMany)
    }
}

/// Appends the pairs of `text` to `pairs` and returns the first mistake.
pub(super) fn parse_pairs(text: &[u8], pairs: &mut Vec<(String, String)>) -> Option<FormError> {
    let mut first_error = None;
    for pair in text.split(|b| *b == b'&').filter(|pair| !pair.is_empty()) {
        if pairs.len() >= MAX_PARAMETERS {
            return Some(FormError::TooMany);
        }
        match parse_pair(pair) {
            Ok(pair) => pairs.push(pair),
            Err(error) => drop(first_error.get_or_insert(error)),
        }
    }
    first_error
}

fn parse_pair(pair: &[u8]) -> Result<(String, String), FormError> {
    if pair.contains(&b';') {
        return Err(FormError::Semicolon);
    }
    let mut halves = pair.splitn(2, |b| *b == b'=');
    let mut half = || unescape(halves.next().unwrap_or_default(), Plus::IsBlank);
    let (name, value) = (half()?, half()?);
    Ok((text_of(name), text_of(value)))
}

/// Parameters are text: bytes that are no UTF-8 become U+FFFD.
fn text_of(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

/// What `+` stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Plus {
    /// In a path.
    IsPlus,
    /// In a query string or a form.
    IsBlank,
}

/// Resolves `%XX`, and `+` where it is a blank.
pub(super) fn unescape(text: &[u8], plus: Plus) -> Result<Vec<u8>, FormError> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        rest = after;
        match byte {
            b'%' => {
                let (decoded, after) = unescape_one(after)?;
                out.push(decoded);
                rest = after;
            }
            b'+' if plus == Plus::IsBlank => out.push(b' '),
            other => out.push(*other),
        }
    }
    Ok(out)
}

/// The byte that the two digits at the start of `digits` stand for, and what follows.
fn unescape_one(digits: &[u8]) -> Result<(u8, &[u8]), FormError> {
    if let [high, low, after @ ..] = digits
        && let (Some(high), Some(low)) = (hex_digit(*high), hex_digit(*low))
    {
        return Ok((high << 4 | low, after));
    }
    let escape = std::iter::once(b'%').chain(digits.iter().take(2).copied()).collect();
    Err(FormError::Escape { escape })
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (Vec<(String, String)>, Option<FormError>) {
        let mut pairs = Vec::new();
        let error = parse_pairs(text.as_bytes(), &mut pairs);
        (pairs, error)
    }

    #[test]
    fn pairs_are_decoded() {
        for (text, expected) in [
            ("", vec![]),
            ("a=1&b=2", vec![("a", "1"), ("b", "2")]),
            ("&&a=1&", vec![("a", "1")]),
            ("a", vec![("a", "")]),
            ("=x", vec![("", "x")]),
            ("a=b=c", vec![("a", "b=c")]),
            ("match%5B%5D=up%7Bjob%3D%22a+b%22%7D", vec![("match[]", "up{job=\"a b\"}")]),
            ("q=%C3%A9%ff", vec![("q", "é\u{fffd}")]),
            ("q=1%2B1", vec![("q", "1+1")]),
        ] {
            let expected: Vec<_> = expected.into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
            assert_eq!(parsed(text), (expected, None), "{text}");
        }
    }

    #[test]
    fn a_bad_pair_is_left_out_and_the_first_mistake_kept() {
        for (text, kept, message) in [
            ("a=%zz&b=1", 1, "invalid URL escape \"%zz\""),
            ("a=%4", 0, "invalid URL escape \"%4\""),
            ("a=%", 0, "invalid URL escape \"%\""),
            ("%g1=2;3&c=1", 1, "invalid semicolon separator in query"),
            ("a=%41%5&b;c", 0, "invalid URL escape \"%5\""),
        ] {
            let (pairs, error) = parsed(text);
            assert_eq!((pairs.len(), error.unwrap().to_string().as_str()), (kept, message), "{text}");
        }
    }

    #[test]
    fn parameters_are_limited() {
        let (pairs, error) = parsed(&"a&".repeat(MAX_PARAMETERS + 1));
        assert_eq!((pairs.len(), error), (MAX_PARAMETERS, Some(FormError::TooMany)));
        assert_eq!(parsed(&"a&".repeat(MAX_PARAMETERS)).1, None);
    }
}
