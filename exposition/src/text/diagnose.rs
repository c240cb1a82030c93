//! Error messages. Off the hot path: the decoder says where it stopped and what it wanted, and this names what is there
//! instead, as Prometheus' lexer would.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use promethium_model::quote::go_quoted_bytes;

use super::decoder::Text;
use crate::error::DecodeError;
use crate::scan::{Context, Cursor, Diagnosis, Grammar, MUTE, QuoteEnd, QuoteRules, in_label_name, starts_label_name};

impl Grammar for Text {
    const BLANKS: bool = true;
    const COMMAS: bool = false;
    const LABEL_VALUE: QuoteRules = QuoteRules { nul: true, line_break: true };
    const QUOTED_NAME: QuoteRules = QuoteRules { nul: false, line_break: true };

    /// `expected …, got … while parsing: …`.
    #[cold]
    fn unexpected(diagnosis: Diagnosis<'_>, expected: &str, context: Context, at: usize) -> DecodeError {
        if diagnosis.is_mute {
            return MUTE;
        }
        let mut start = Cursor { page: diagnosis.page, at };
        start.skip_blanks();
        let mut end = start;
        let token = take_token(&mut end, context);
        // Prometheus quotes one byte past the token.
        let shown_end = end.at.saturating_add(1);
        diagnosis.failed(start.at, shown_end, || {
            let got = go_quoted_bytes(&diagnosis.excerpt(start.at, shown_end));
            format!("{expected}, got {got} ({token:?}) while parsing: {}", diagnosis.quoted_entry(shown_end))
        })
    }
}

/// The name of the token here, as Prometheus prints it; the cursor moves to where its lexer stops.
fn take_token(cursor: &mut Cursor<'_>, context: Context) -> &'static str {
    let take_one = |cursor: &mut Cursor<'_>, name| {
        cursor.advance();
        name
    };
    let byte = cursor.peek();
    match (context, byte) {
        (Context::LineStart, 0) => take_one(cursor, "EOF"),
        (Context::LineStart | Context::Timestamp, b'\n') => take_one(cursor, "LINEBREAK"),
        (Context::Labels, b'}') => take_one(cursor, "BCLOSE"),
        (Context::Labels, b'=') => take_one(cursor, "EQUAL"),
        (Context::Labels, b',') => take_one(cursor, "COMMA"),
        (Context::Labels, b'"') => take_string(cursor, Text::QUOTED_NAME, "QSTRING"),
        (Context::Labels, b) if starts_label_name(b) => take_run(cursor, in_label_name, "LNAME"),
        (Context::LabelValue, b'"') => take_string(cursor, Text::LABEL_VALUE, "LVALUE"),
        (Context::MetadataName, b'"') => take_string(cursor, Text::QUOTED_NAME, "MNAME"),
        (Context::Value, b'{') => take_one(cursor, "BOPEN"),
        (Context::Value, b) if in_value(b) => take_run(cursor, in_value, "VALUE"),
        (Context::Timestamp, b'0'..=b'9') => take_run(cursor, |b| b.is_ascii_digit(), "TIMESTAMP"),
        _ => "INVALID",
    }
}

/// Whether a byte may stand in a value token.
pub(super) fn in_value(byte: u8) -> bool {
    !matches!(byte, b'{' | b' ' | b'\t' | b'\n' | 0)
}

fn take_run(cursor: &mut Cursor<'_>, inside: impl Fn(u8) -> bool, name: &'static str) -> &'static str {
    cursor.skip_while(inside);
    name
}

fn take_string(cursor: &mut Cursor<'_>, rules: QuoteRules, name: &'static str) -> &'static str {
    cursor.advance();
    match cursor.skip_quoted(rules) {
        QuoteEnd::Closed { .. } => {
            cursor.advance();
            name
        }
        QuoteEnd::Broken => {
            // The line break behind the page belongs to a string that is still open there.
            if cursor.at_end() {
                cursor.at = cursor.page.len().saturating_add(1);
            }
            "INVALID"
        }
    }
}
