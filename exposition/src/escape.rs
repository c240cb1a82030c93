//! The two escaping rules of the text format, both ways.

use std::borrow::Cow;

use crate::encode::PageText;
use crate::scan::plain_text_len;

/// Resolves `\\`, `\n` and, inside quotes, `\"`; a backslash before anything else stays, and so does what follows it.
fn unescape(raw: &str, quoted: bool) -> Cow<'_, str> {
    if memchr::memchr(b'\\', raw.as_bytes()).is_none() {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        let next = if c == '\\' { chars.clone().next() } else { None };
        let resolved = match next {
            Some('\\') => '\\',
            Some('n') => '\n',
            Some('"') if quoted => '"',
            _ => {
                out.push(c);
                continue;
            }
        };
        out.push(resolved);
        chars.next();
    }
    Cow::Owned(out)
}

/// Label values and quoted names.
pub(crate) fn unescape_quoted(raw: &str) -> Cow<'_, str> {
    unescape(raw, true)
}

/// Help texts, where `\"` stays two characters.
pub(crate) fn unescape_help(raw: &str) -> Cow<'_, str> {
    unescape(raw, false)
}

/// Appends a label value or quoted name, without the quotes.
#[inline]
pub(crate) fn push_quoted_body(out: &mut PageText, text: &str) {
    if plain_text_len(text.as_bytes()) == text.len() {
        return out.push_short(text);
    }
    push_escaped(out, text, true);
}

/// Appends a help text.
pub(crate) fn push_help(out: &mut PageText, text: &str) {
    push_escaped(out, text, false);
}

fn push_escaped(out: &mut PageText, text: &str, quoted: bool) {
    if memchr::memchr3(b'\\', b'\n', if quoted { b'"' } else { b'\n' }, text.as_bytes()).is_none() {
        return out.push_str(text);
    }
    for piece in text.split_inclusive(|c| matches!(c, '\\' | '\n') || quoted && c == '"') {
        let mut chars = piece.chars();
        let escape = match chars.next_back() {
            Some('\\') => "\\\\",
            Some('\n') => "\\n",
            Some('"') if quoted => "\\\"",
            _ => {
                out.push_str(piece);
                continue;
            }
        };
        out.push_str(chars.as_str());
        out.push_str(escape);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_escapes_are_resolved() {
        assert_eq!(unescape_quoted(r#"a\\b\"c\nd\te\"#), "a\\b\"c\nd\\te\\");
        assert_eq!(unescape_help(r#"a\\b\"c\nd"#), "a\\b\\\"c\nd");
        assert!(matches!(unescape_quoted("plain"), Cow::Borrowed("plain")));
    }

    #[test]
    fn what_is_escaped_is_read_back() {
        for text in ["", "a", "\\", "\n", "\"", "é\\n\"\n", "\\\\\"\"\n\nz"] {
            let (mut quoted, mut help) = (PageText::default(), PageText::default());
            push_quoted_body(&mut quoted, text);
            push_help(&mut help, text);
            let (quoted, help) = (quoted.as_str(), help.as_str());
            assert_eq!(unescape_quoted(quoted), text);
            assert_eq!(unescape_help(help), text);
            assert!(!quoted.contains('\n') && !help.contains('\n'));
        }
    }
}
