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

use super::cursor::{self, Cursor, QuoteEnd};
use crate::error::DecodeError;

/// What the lexer expects next; it decides which token it sees.
#[derive(Clone, Copy)]
pub(super) enum Context {
    LineStart,
    MetadataName,
    Labels,
    LabelValue,
    Value,
    Timestamp,
}

/// Tells where and in which entry decoding stopped.
#[derive(Clone, Copy)]
pub(super) struct Diagnosis<'a> {
    pub(super) page: &'a [u8],
    /// Start of the line, blanks before its first token included.
    pub(super) entry: usize,
    pub(super) max_line_bytes: usize,
}

impl<'a> Diagnosis<'a> {
    /// `expected …, got … while parsing: …`: the token at `at` is not what was wanted.
    #[cold]
    pub(super) fn unexpected(self, expected: &str, context: Context, at: usize) -> DecodeError {
        let mut start = Cursor { page: self.page, at };
        start.skip_blanks();
        let mut end = start;
        let token = take_token(&mut end, context);
        // Prometheus quotes one byte past the token.
        let shown_end = end.at.saturating_add(1);
        self.failed(start.at, shown_end, || {
            let got = go_quoted_bytes(&self.excerpt(start.at, shown_end));
            format!("{expected}, got {got} ({token:?}) while parsing: {}", self.quoted_entry(shown_end))
        })
    }

    /// `… while parsing: …`, with the entry shown up to `end`.
    #[cold]
    pub(super) fn while_parsing(self, what: &str, at: usize, end: usize) -> DecodeError {
        self.failed(at, end, || format!("{what} while parsing: {}", self.quoted_entry(end)))
    }

    /// `what` and the bytes between two positions in quotes.
    #[cold]
    pub(super) fn about(self, what: &str, start: usize, end: usize, after: &str) -> DecodeError {
        self.failed(start, end, || format!("{what} {}{after}", go_quoted_bytes(&self.excerpt(start, end))))
    }

    /// An error at `at`; when the entry up to `end` is longer than a line may be, that is the error.
    fn failed(self, at: usize, end: usize, message: impl FnOnce() -> String) -> DecodeError {
        if end.saturating_sub(self.entry) > self.max_line_bytes.saturating_add(1) {
            return self.line_too_long();
        }
        let before = self.page.get(..at).unwrap_or(self.page);
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline.saturating_add(1));
        DecodeError::Syntax {
            message: message(),
            line: line_at(self.page, at),
            column: at.saturating_sub(line_start).saturating_add(1),
            offset: at,
        }
    }

    #[cold]
    pub(super) fn line_too_long(self) -> DecodeError {
        DecodeError::LineTooLong { line: line_at(self.page, self.entry), limit: self.max_line_bytes }
    }

    fn quoted_entry(self, end: usize) -> String {
        go_quoted_bytes(&self.excerpt(self.entry, end))
    }

    /// The page between two positions, with the line break that stands behind it.
    fn excerpt(self, start: usize, end: usize) -> Vec<u8> {
        let mut bytes = self.page.get(start..end.min(self.page.len())).unwrap_or_default().to_vec();
        if end > self.page.len() {
            bytes.push(b'\n');
        }
        bytes
    }
}

/// The line, from 1, in which a position lies.
pub(super) fn line_at(page: &[u8], at: usize) -> usize {
    let before = page.get(..at).unwrap_or(page);
    memchr::memchr_iter(b'\n', before).count().saturating_add(1)
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
        (Context::Labels, b'"') => take_string(cursor, false, "QSTRING"),
        (Context::Labels, b) if cursor::starts_label_name(b) => take_run(cursor, cursor::in_label_name, "LNAME"),
        (Context::LabelValue, b'"') => take_string(cursor, true, "LVALUE"),
        (Context::MetadataName, b'"') => take_string(cursor, false, "MNAME"),
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

fn take_string(cursor: &mut Cursor<'_>, nul_allowed: bool, name: &'static str) -> &'static str {
    cursor.advance();
    match cursor.skip_quoted(nul_allowed) {
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
