//! Lines that start with `#`.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use promethium_model::MetricType;

use super::cursor::{self, Cursor, QuoteEnd};
use super::decoder::Scope;
use super::diagnose::Context;
use super::event::Raw;
use crate::error::DecodeError;

/// What a `#` line was. The cursor is at the line break that ends it.
#[derive(Clone, Copy)]
pub(super) enum Comment<'a> {
    Help {
        name: Raw<'a>,
        help: &'a str,
    },
    Type {
        name: Raw<'a>,
        metric_type: MetricType,
    },
    Other,
    /// A NUL where the comment's text should start: the page ends here.
    EndOfPage,
}

#[derive(Clone, Copy)]
enum Keyword {
    Help,
    Type,
}

impl Keyword {
    fn after(self) -> &'static str {
        match self {
            Keyword::Help => "expected metric name after HELP",
            Keyword::Type => "expected metric name after TYPE",
        }
    }
}

/// Reads the line whose `#` is at the cursor.
pub(super) fn take_comment<'a>(cursor: &mut Cursor<'a>, scope: &Scope<'a>) -> Result<Comment<'a>, DecodeError> {
    cursor.advance();
    let spaced = matches!(cursor.peek(), b' ' | b'\t');
    cursor.skip_blanks();
    match take_keyword(cursor) {
        Some(keyword) if spaced => take_metadata(cursor, scope, keyword),
        _ => Ok(take_other(cursor, spaced)),
    }
}

/// `HELP` or `TYPE` with at least one blank behind it.
fn take_keyword(cursor: &mut Cursor<'_>) -> Option<Keyword> {
    let keyword = match cursor.rest() {
        [b'H', b'E', b'L', b'P', b' ' | b'\t', ..] => Keyword::Help,
        [b'T', b'Y', b'P', b'E', b' ' | b'\t', ..] => Keyword::Type,
        _ => return None,
    };
    cursor.at = cursor.at.saturating_add(5);
    cursor.skip_blanks();
    Some(keyword)
}

/// A comment. A NUL directly behind `#` or `# `, or anywhere where no blank follows the `#`, ends the page.
#[cold]
fn take_other<'a>(cursor: &mut Cursor<'a>, spaced: bool) -> Comment<'a> {
    let start = cursor.at;
    cursor.skip_to_line_end();
    let text = cursor.since(start);
    let ends_page = if spaced { text.first() == Some(&0) } else { text.contains(&0) };
    if ends_page { Comment::EndOfPage } else { Comment::Other }
}

fn take_metadata<'a>(cursor: &mut Cursor<'a>, scope: &Scope<'a>, keyword: Keyword) -> Result<Comment<'a>, DecodeError> {
    let name = take_family_name(cursor, scope, keyword)?;
    let start = cursor.at;
    if cursor.peek() == 0 {
        return Err(text_error(cursor, scope, keyword));
    }
    cursor.skip_to_line_end();
    let text = metadata_text(cursor.since(start));
    match keyword {
        Keyword::Help => take_help(cursor, scope, name, text),
        Keyword::Type => take_type(cursor, scope, name, text),
    }
}

/// One separator is dropped from a text; nothing but blanks is no text.
fn metadata_text(after_name: &[u8]) -> &[u8] {
    if after_name.iter().all(|b| matches!(b, b' ' | b'\t')) {
        return &[];
    }
    after_name.get(1..).unwrap_or_default()
}

/// A NUL directly behind the family's name is where Prometheus expects the line to end.
#[cold]
fn text_error<'a>(cursor: &Cursor<'a>, scope: &Scope<'a>, keyword: Keyword) -> DecodeError {
    match keyword {
        Keyword::Help => scope.diagnosis.unexpected("linebreak expected after metadata", Context::LineStart, cursor.at),
        Keyword::Type => scope.diagnosis.about("invalid metric type", cursor.at, cursor.at, ""),
    }
}

fn take_family_name<'a>(cursor: &mut Cursor<'a>, scope: &Scope<'a>, keyword: Keyword) -> Result<Raw<'a>, DecodeError> {
    let start = cursor.at;
    if cursor.peek() == b'"' {
        cursor.advance();
        let QuoteEnd::Closed { escaped } = cursor.skip_quoted(false) else {
            return Err(scope.diagnosis.unexpected(keyword.after(), Context::MetadataName, start));
        };
        let name = scope.name(start.saturating_add(1), cursor.at)?;
        cursor.advance();
        return Ok(Raw { text: name, escaped });
    }
    if !cursor::starts_metric_name(cursor.peek()) {
        return Err(scope.diagnosis.unexpected(keyword.after(), Context::MetadataName, start));
    }
    cursor.skip_metric_name();
    Ok(Raw { text: scope.name(start, cursor.at)?, escaped: false })
}

fn take_help<'a>(
    cursor: &Cursor<'a>,
    scope: &Scope<'a>,
    name: Raw<'a>,
    text: &'a [u8],
) -> Result<Comment<'a>, DecodeError> {
    let start = cursor.at.saturating_sub(text.len());
    match scope.utf8(start, cursor.at) {
        Some(help) => Ok(Comment::Help { name, help }),
        None => Err(scope.diagnosis.about("help text", start, cursor.at, " is not a valid utf8 string")),
    }
}

fn take_type<'a>(
    cursor: &Cursor<'a>,
    scope: &Scope<'a>,
    name: Raw<'a>,
    text: &'a [u8],
) -> Result<Comment<'a>, DecodeError> {
    let metric_type = match text {
        b"counter" => MetricType::Counter,
        b"gauge" => MetricType::Gauge,
        b"histogram" => MetricType::Histogram,
        b"summary" => MetricType::Summary,
        b"untyped" => MetricType::Unknown,
        _ => {
            let start = cursor.at.saturating_sub(text.len());
            return Err(scope.diagnosis.about("invalid metric type", start, cursor.at, ""));
        }
    };
    Ok(Comment::Type { name, metric_type })
}
