//! String literals: Go's escapes in `"` and `'`, none in backquotes.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

/// The length of the literal that `text` begins with, quotes included.
///
/// # Errors
///
/// The message of what is wrong.
pub(crate) fn scan(text: &str, quote: char) -> Result<usize, String> {
    let mut chars = text.char_indices().peekable();
    chars.next();
    while let Some((i, c)) = chars.next() {
        match c {
            c if c == quote => return Ok(i.saturating_add(1)),
            '\\' if quote != '`' => {
                let rest = text.get(i..).unwrap_or("");
                let (_, len) = escape(rest, quote)?;
                let end = i.saturating_add(len);
                while chars.peek().is_some_and(|(j, _)| *j < end) {
                    chars.next();
                }
            }
            '\n' if quote != '`' => break,
            _ => {}
        }
    }
    let what = if quote == '`' { "unterminated raw string" } else { "unterminated quoted string" };
    Err(what.to_owned())
}

/// The bytes that a literal stands for. They need not be UTF-8: `\xHH` is one byte.
///
/// # Errors
///
/// The message of a wrong escape.
pub(crate) fn unquote(literal: &str) -> Result<Vec<u8>, String> {
    let mut chars = literal.chars();
    let (Some(quote), Some(_)) = (chars.next(), chars.next_back()) else {
        return Err("invalid syntax".to_owned());
    };
    let mut rest = chars.as_str();
    if quote == '`' || !rest.contains('\\') {
        return Ok(rest.as_bytes().to_vec());
    }
    let mut out = Vec::with_capacity(rest.len());
    while let Some(at) = rest.find('\\') {
        let (plain, escaped) = rest.split_at(at);
        out.extend_from_slice(plain.as_bytes());
        let (unit, len) = escape(escaped, quote)?;
        unit.push_to(&mut out);
        rest = escaped.get(len..).unwrap_or("");
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(out)
}

enum Unit {
    Byte(u8),
    Char(char),
}

impl Unit {
    fn push_to(self, out: &mut Vec<u8>) {
        match self {
            Unit::Byte(b) => out.push(b),
            Unit::Char(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// Reads the escape that `text` begins with: what it means and how many bytes it takes.
fn escape(text: &str, quote: char) -> Result<(Unit, usize), String> {
    let Some(c) = text.chars().nth(1) else { return Err("escape sequence not terminated".to_owned()) };
    let simple = |b: u8| Ok((Unit::Byte(b), 2));
    match c {
        'a' => simple(0x07),
        'b' => simple(0x08),
        'f' => simple(0x0c),
        'n' => simple(b'\n'),
        'r' => simple(b'\r'),
        't' => simple(b'\t'),
        'v' => simple(0x0b),
        '\\' => simple(b'\\'),
        '0'..='7' => {
            let value = digits(text, 1, 3, 8)?;
            let byte =
                u8::try_from(value).map_err(|_| "escape sequence is an invalid Unicode code point".to_owned())?;
            Ok((Unit::Byte(byte), 4))
        }
        'x' => Ok((Unit::Byte(u8::try_from(digits(text, 2, 2, 16)?).unwrap_or(u8::MAX)), 4)),
        'u' => code_point(text, 4),
        'U' => code_point(text, 8),
        c if c == quote => Ok((Unit::Char(c), 2)),
        c => Err(format!("unknown escape sequence U+{:04X} '{c}'", u32::from(c))),
    }
}

fn code_point(text: &str, len: usize) -> Result<(Unit, usize), String> {
    let c = char::from_u32(digits(text, 2, len, 16)?);
    let c = c.ok_or_else(|| "escape sequence is an invalid Unicode code point".to_owned())?;
    Ok((Unit::Char(c), len.saturating_add(2)))
}

fn digits(text: &str, from: usize, len: usize, base: u32) -> Result<u32, String> {
    let mut value = 0u32;
    let mut chars = text.chars().skip(from);
    for _ in 0..len {
        let Some(c) = chars.next() else { return Err("escape sequence not terminated".to_owned()) };
        let digit = c
            .to_digit(base)
            .ok_or_else(|| format!("illegal character U+{:04X} '{c}' in escape sequence", u32::from(c)))?;
        value = value.saturating_mul(base).saturating_add(digit);
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quote_of(literal: &str) -> char {
        literal.chars().next().unwrap_or('"')
    }

    #[test]
    fn escapes_are_gos() {
        for (literal, bytes) in [
            (r#""a\n\"b\\""#, b"a\n\"b\\".as_slice()),
            (r"'it\'s'", b"it's"),
            (r#""\x41\101\u00e9\U0001F600""#, "AA\u{e9}\u{1F600}".as_bytes()),
            (r#""\xc5""#, b"\xc5"),
            (r"`raw\n`", br"raw\n"),
        ] {
            assert_eq!(unquote(literal).as_deref(), Ok(bytes), "{literal}");
            assert_eq!(scan(literal, quote_of(literal)), Ok(literal.len()));
        }
    }

    #[test]
    fn wrong_escapes_are_refused() {
        for (literal, message) in [
            (r#""\q""#, "unknown escape sequence U+0071 'q'"),
            (r#""\xg1""#, "illegal character U+0067 'g' in escape sequence"),
            (r#""\ud800""#, "escape sequence is an invalid Unicode code point"),
            (r#""\777""#, "escape sequence is an invalid Unicode code point"),
            (r#""\x4"#, "escape sequence not terminated"),
            ("\"abc", "unterminated quoted string"),
            ("\"a\nb\"", "unterminated quoted string"),
            ("`abc", "unterminated raw string"),
        ] {
            assert_eq!(scan(literal, quote_of(literal)), Err(message.to_owned()), "{literal}");
        }
    }
}
