//! Strings under the verbs of `printf`.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::fmt::Write;

use promethium_model::quote::go_quoted;

use super::verb::Spec;
use crate::template::value::Value;

impl Spec {
    /// Words of the language itself: they are padded, never cut.
    pub(super) fn push_str(&self, out: &mut String, text: &str) {
        self.pad(out, text);
    }

    pub(super) fn string(&self, out: &mut String, verb: char, text: &str, value: &Value<'_>) {
        match verb {
            'v' if self.sharp_v => self.pad(out, &self.quoted(text)),
            'v' | 's' => self.pad(out, self.cut(text)),
            'q' => self.pad(out, &self.quoted(self.cut(text))),
            'x' | 'X' => self.pad(out, &self.hex(text.as_bytes(), verb == 'X')),
            _ => self.bad(out, verb, value),
        }
    }

    /// At most `precision` characters.
    fn cut<'t>(&self, text: &'t str) -> &'t str {
        let end = self.precision.and_then(|n| text.char_indices().nth(n)).map_or(text.len(), |(end, _)| end);
        text.get(..end).unwrap_or(text)
    }

    fn quoted(&self, text: &str) -> String {
        let can_backquote = |c: char| c != '`' && c != '\u{feff}' && (c == '\t' || !c.is_control());
        if self.sharp && text.chars().all(can_backquote) {
            return format!("`{text}`");
        }
        if self.plus { ascii_quoted(text) } else { go_quoted(text) }
    }

    /// Two digits a byte; a blank flag sets bytes apart, a sharp one puts `0x` before them.
    fn hex(&self, bytes: &[u8], upper: bool) -> String {
        let prefix = if upper { "0X" } else { "0x" };
        let mut out = String::new();
        for (i, byte) in bytes.iter().take(self.precision.unwrap_or(usize::MAX)).enumerate() {
            if self.space && i > 0 {
                out.push(' ');
            }
            if self.sharp && (self.space || i == 0) {
                out.push_str(prefix);
            }
            let _ = if upper { write!(out, "{byte:02X}") } else { write!(out, "{byte:02x}") };
        }
        out
    }
}

/// Quoted, with everything outside of ASCII escaped.
pub(super) fn ascii_quoted(text: &str) -> String {
    let mut out = String::new();
    for c in go_quoted(text).chars() {
        match u32::from(c) {
            0..=0x7f => out.push(c),
            n @ 0x80..=0xffff => drop(write!(out, "\\u{n:04x}")),
            n => drop(write!(out, "\\U{n:08x}")),
        }
    }
    out
}
