//! Lines that start with `#`.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use promethium_model::MetricType;

use super::decoder::Text;
use crate::error::DecodeError;
use crate::event::{Escapes, Help, Name, Type};
use crate::page::Slots;
use crate::scan::{Context, Cursor, Grammar, QuoteEnd, Scope, metric_name_len, starts_metric_name};

/// What a `#` line was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comment {
    Help,
    Type,
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

/// Reads the line whose `#` is at the cursor, up to its line break.
#[inline]
pub(super) fn take_comment<'a>(
    cursor: &mut Cursor<'a>,
    scope: &Scope<'a>,
    slots: &mut Slots<'a>,
) -> Result<Comment, DecodeError> {
    match take_plain_metadata(cursor, scope, slots) {
        Some(found) => Ok(found),
        None => take_any_comment(cursor, scope, slots),
    }
}

/// Reads a metadata line as nearly all are: one blank between the words, a bare name, a text. `None` for every other shape, with
/// the cursor where it was.
#[inline(always)]
fn take_plain_metadata<'a>(cursor: &mut Cursor<'a>, scope: &Scope<'a>, slots: &mut Slots<'a>) -> Option<Comment> {
    let (keyword, rest) = cursor.rest().split_first_chunk::<KEYWORD_BYTES>()?;
    let name_start = cursor.at.saturating_add(KEYWORD_BYTES);
    match keyword {
        b"# HELP " => {
            let name_len = plain_name_len(rest)?;
            let [b' ', text @ ..] = rest.get(name_len..)? else { return None };
            if matches!(text.first()?, b' ' | b'\t' | b'\n') {
                return None;
            }
            let text_start = name_start.saturating_add(name_len).saturating_add(1);
            let text_end = text_start.saturating_add(memchr::memchr(b'\n', text)?);
            let name = Name::plain(scope.text.get(name_start..name_start.saturating_add(name_len))?);
            let text = scope.text.get(text_start..text_end)?;
            slots.help = Help { name, text, escapes: Escapes::Text };
            cursor.at = text_end;
            Some(Comment::Help)
        }
        b"# TYPE " => {
            let name = match slots.help.name.bare_start_of(rest) {
                Some(name) => name,
                None => scope.text.get(name_start..name_start.saturating_add(plain_name_len(rest)?))?,
            };
            let [b' ', text @ ..] = rest.get(name.len()..)? else { return None };
            let (metric_type, type_len) = type_line_end(text)?;
            slots.family_type = Type { name: Name::plain(name), metric_type };
            cursor.at = name_start.saturating_add(name.len()).saturating_add(1).saturating_add(type_len);
            Some(Comment::Type)
        }
        _ => None,
    }
}

const KEYWORD_BYTES: usize = b"# HELP ".len();

/// The length of the bare name that the text starts with.
#[inline(always)]
fn plain_name_len(text: &[u8]) -> Option<usize> {
    starts_metric_name(*text.first()?).then(|| metric_name_len(text))
}

/// The type that a line ends in, and its length.
#[inline(always)]
fn type_line_end(text: &[u8]) -> Option<(MetricType, usize)> {
    Some(match text {
        [b'g', b'a', b'u', b'g', b'e', b'\n', ..] => (MetricType::Gauge, 5),
        [b'c', b'o', b'u', b'n', b't', b'e', b'r', b'\n', ..] => (MetricType::Counter, 7),
        [b'h', b'i', b's', b't', b'o', b'g', b'r', b'a', b'm', b'\n', ..] => (MetricType::Histogram, 9),
        [b's', b'u', b'm', b'm', b'a', b'r', b'y', b'\n', ..] => (MetricType::Summary, 7),
        [b'u', b'n', b't', b'y', b'p', b'e', b'd', b'\n', ..] => (MetricType::Unknown, 7),
        _ => return None,
    })
}

/// Every other shape, and comments. Kept apart from lines of the plain shape.
#[inline(never)]
fn take_any_comment<'a>(
    cursor: &mut Cursor<'a>,
    scope: &Scope<'a>,
    slots: &mut Slots<'a>,
) -> Result<Comment, DecodeError> {
    cursor.advance();
    let spaced = matches!(cursor.peek(), b' ' | b'\t');
    cursor.skip_blanks();
    match take_keyword(cursor) {
        Some(keyword) if spaced => take_metadata(cursor, scope, keyword, slots),
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
fn take_other(cursor: &mut Cursor<'_>, spaced: bool) -> Comment {
    let start = cursor.at;
    cursor.skip_to_line_end();
    let text = cursor.since(start);
    let ends_page = if spaced { text.first() == Some(&0) } else { text.contains(&0) };
    if ends_page { Comment::EndOfPage } else { Comment::Other }
}

fn take_metadata<'a>(
    cursor: &mut Cursor<'a>,
    scope: &Scope<'a>,
    keyword: Keyword,
    slots: &mut Slots<'a>,
) -> Result<Comment, DecodeError> {
    let name = take_family_name(cursor, scope, keyword)?;
    if cursor.peek() == 0 {
        return Err(text_error(cursor, scope, keyword));
    }
    let start = cursor.at;
    cursor.skip_to_line_end();
    let text = metadata_text(cursor.since(start));
    match keyword {
        Keyword::Help => {
            slots.help = Help { name, text: help_text(cursor, scope, text)?, escapes: Escapes::Text };
            Ok(Comment::Help)
        }
        Keyword::Type => {
            slots.family_type = Type { name, metric_type: metric_type(cursor, scope, text)? };
            Ok(Comment::Type)
        }
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
        Keyword::Help => {
            Text::unexpected(scope.diagnosis, "linebreak expected after metadata", Context::LineStart, cursor.at)
        }
        Keyword::Type => scope.diagnosis.about("invalid metric type", cursor.at, cursor.at, ""),
    }
}

fn take_family_name<'a>(cursor: &mut Cursor<'a>, scope: &Scope<'a>, keyword: Keyword) -> Result<Name<'a>, DecodeError> {
    let start = cursor.at;
    if cursor.peek() == b'"' {
        cursor.advance();
        let QuoteEnd::Closed { .. } = cursor.skip_quoted(Text::QUOTED_NAME) else {
            return Err(Text::unexpected(scope.diagnosis, keyword.after(), Context::MetadataName, start));
        };
        let name = scope.name(start.saturating_add(1), cursor.at)?;
        cursor.advance();
        return Ok(Name::quoted(name));
    }
    if !starts_metric_name(cursor.peek()) {
        return Err(Text::unexpected(scope.diagnosis, keyword.after(), Context::MetadataName, start));
    }
    cursor.skip_metric_name();
    scope.name(start, cursor.at).map(Name::plain)
}

fn help_text<'a>(cursor: &Cursor<'a>, scope: &Scope<'a>, text: &'a [u8]) -> Result<&'a str, DecodeError> {
    let start = cursor.at.saturating_sub(text.len());
    match scope.utf8(start, cursor.at) {
        Some(help) => Ok(help),
        None => Err(scope.diagnosis.about("help text", start, cursor.at, " is not a valid utf8 string")),
    }
}

fn metric_type<'a>(cursor: &Cursor<'a>, scope: &Scope<'a>, text: &[u8]) -> Result<MetricType, DecodeError> {
    match text {
        b"counter" => Ok(MetricType::Counter),
        b"gauge" => Ok(MetricType::Gauge),
        b"histogram" => Ok(MetricType::Histogram),
        b"summary" => Ok(MetricType::Summary),
        b"untyped" => Ok(MetricType::Unknown),
        _ => {
            let start = cursor.at.saturating_sub(text.len());
            Err(scope.diagnosis.about("invalid metric type", start, cursor.at, ""))
        }
    }
}
