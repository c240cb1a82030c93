//! Quoting as Go's `strconv.Quote` does it: the form of strings in messages and printed PromQL.

use std::fmt::Write;

/// `s` in double quotes with Go's escapes: `\a \b \f \n \r \t \v \\ \"`, `\xHH` for other control bytes, `\uHHHH` for
/// what is not printable.
///
/// ```
/// assert_eq!(promethium_model::quote::go_quoted("a\"b\n"), r#""a\"b\n""#);
/// ```
#[must_use]
pub fn go_quoted(s: &str) -> String {
    let mut out = String::with_capacity(s.len() + 2);
    out.push('"');
    for c in s.chars() {
        push_escaped(&mut out, c);
    }
    out.push('"');
    out
}

/// Like [`go_quoted`] for bytes that may not be UTF-8: a byte that does not decode is written `\xHH`.
#[must_use]
pub fn go_quoted_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push('"');
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            push_escaped(&mut out, c);
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out.push('"');
    out
}

fn push_escaped(out: &mut String, c: char) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\x0c' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\x0b' => out.push_str("\\v"),
        c if (c as u32) < 0x20 || c == '\x7f' => drop(write!(out, "\\x{:02x}", c as u32)),
        c if is_printable(c) => out.push(c),
        c if (c as u32) < 0x10000 => drop(write!(out, "\\u{:04x}", c as u32)),
        c => drop(write!(out, "\\U{:08x}", c as u32)),
    }
}

// Go's IsPrint: letters, marks, numbers, punctuation, symbols and the ASCII space. Controls, other spaces, format
// characters, private use and noncharacters are what falls out.
fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    let unprintable = c.is_control()
        || c.is_whitespace()
        || matches!(c as u32,
            0xad | 0x600..=0x605 | 0x61c | 0x6dd | 0x70f | 0x8e2 | 0x180e | 0x200b..=0x200f | 0x202a..=0x202e
            | 0x2060..=0x206f | 0xe000..=0xf8ff | 0xfdd0..=0xfdef | 0xfeff | 0xfff0..=0xfffb | 0xe0000..=0xe0fff
            | 0xf0000..=0x10ffff)
        || (c as u32) & 0xfffe == 0xfffe;
    !unprintable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_gos() {
        assert_eq!(go_quoted("a\u{1}\u{7f}\u{feff}é\u{1F600}"), "\"a\\x01\\x7f\\ufeffé\u{1F600}\"");
        assert_eq!(go_quoted_bytes(b"a\xc5z"), r#""a\xc5z""#);
        assert_eq!(go_quoted("\u{a0}"), "\"\\u00a0\"");
    }
}
