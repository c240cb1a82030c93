//! `html`, `js` and `urlquery`.

use std::fmt::Write;

pub(super) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\0' => out.push('\u{fffd}'),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
    out
}

pub(super) fn js(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '\'' | '"' => out.extend(['\\', c]),
            '<' | '>' | '&' | '=' | '\0'..='\u{1f}' => drop(write!(out, "\\u{:04X}", u32::from(c))),
            c if c.is_ascii() || promethium_model::quote::go_quoted(c.encode_utf8(&mut [0; 4])).contains(c) => {
                out.push(c);
            }
            c => drop(write!(out, "\\u{:04X}", u32::from(c))),
        }
    }
    out
}

/// Escaped like a form value: blank becomes `+`.
pub(super) fn url_query(text: &str) -> String {
    crate::notifier::form_escaped(text)
}
