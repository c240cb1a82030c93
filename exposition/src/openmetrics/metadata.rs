//! Lines that start with `#`.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use promethium_model::MetricType;
use promethium_model::quote::{go_quoted, go_quoted_bytes};

use super::diagnose::{SeriesBraces, line_start, metadata_name, unexpected};
use crate::error::DecodeError;
use crate::event::{Escapes, Help, Name, Type, Unit};
use crate::page::{Found, Slots};
use crate::scan::{Cursor, Grammar, QuoteEnd, Scope, starts_metric_name};

#[derive(Clone, Copy)]
enum Keyword {
    Help,
    Type,
    Unit,
}

impl Keyword {
    /// What is said where the name is missing.
    fn no_name(self) -> &'static str {
        match self {
            Keyword::Help => "expected metric name after HELP",
            Keyword::Type => "expected metric name after TYPE",
            Keyword::Unit => "expected metric name after UNIT",
        }
    }

    /// What is said where the text is missing.
    fn no_text(self) -> &'static str {
        match self {
            Keyword::Help => "expected text in HELP",
            Keyword::Type => "expected text in TYPE",
            Keyword::Unit => "expected text in UNIT",
        }
    }
}

/// What a `#` line was.
pub(super) enum Comment {
    Metadata(Found),
    /// `# EOF`; the cursor is behind it and behind the line break that may follow.
    EndOfFile,
}

/// Reads the line whose `#` is at the cursor, and passes its line break.
pub(super) fn take_comment<'a>(
    cursor: &mut Cursor<'a>,
    scope: &Scope<'a>,
    slots: &mut Slots<'a>,
) -> Result<Comment, DecodeError> {
    let keyword = match cursor.rest() {
        [b'#', b' ', b'H', b'E', b'L', b'P', b' ', ..] => Keyword::Help,
        [b'#', b' ', b'T', b'Y', b'P', b'E', b' ', ..] => Keyword::Type,
        [b'#', b' ', b'U', b'N', b'I', b'T', b' ', ..] => Keyword::Unit,
        [b'#', b' ', b'E', b'O', b'F', ..] => return Ok(take_end_of_file(cursor)),
        _ => return Err(unexpected(scope.diagnosis, "expected a valid start token", cursor.at, line_start)),
    };
    cursor.at = cursor.at.saturating_add(b"# HELP ".len());
    take_metadata(cursor, scope, keyword, slots).map(Comment::Metadata)
}

fn take_end_of_file(cursor: &mut Cursor<'_>) -> Comment {
    cursor.at = cursor.at.saturating_add(b"# EOF".len());
    if !cursor.at_end() && cursor.peek() == b'\n' {
        cursor.advance();
    }
    Comment::EndOfFile
}

fn take_metadata<'a>(
    cursor: &mut Cursor<'a>,
    scope: &Scope<'a>,
    keyword: Keyword,
    slots: &mut Slots<'a>,
) -> Result<Found, DecodeError> {
    let name = take_family_name(cursor, scope, keyword)?;
    let text = take_text(cursor, scope, keyword)?;
    let end = cursor.at;
    cursor.advance();
    match keyword {
        Keyword::Help => {
            let text = help_text(text, end, scope)?;
            slots.help = Help { name, text, escapes: Escapes::Quoted };
            Ok(Found::Help)
        }
        Keyword::Type => {
            slots.family_type = Type { name, metric_type: metric_type(text, end, scope)? };
            Ok(Found::Type)
        }
        Keyword::Unit => {
            slots.unit = Unit { name, unit: unit(name, text, end, scope)? };
            Ok(Found::Unit)
        }
    }
}

fn take_family_name<'a>(cursor: &mut Cursor<'a>, scope: &Scope<'a>, keyword: Keyword) -> Result<Name<'a>, DecodeError> {
    let start = cursor.at;
    let refused = || unexpected(scope.diagnosis, keyword.no_name(), start, metadata_name);
    if cursor.at_end() {
        return Err(refused());
    }
    if cursor.peek() == b'"' && !scope.strict {
        cursor.advance();
        let QuoteEnd::Closed { .. } = cursor.skip_quoted(SeriesBraces::QUOTED_NAME) else { return Err(refused()) };
        let text = scope.name(start.saturating_add(1), cursor.at)?;
        cursor.advance();
        return Ok(Name { text, quoted: true });
    }
    if !starts_metric_name(cursor.peek()) {
        return Err(refused());
    }
    cursor.skip_metric_name();
    Ok(Name::plain(scope.name(start, cursor.at)?))
}

/// One blank, which must be there, and the rest of the line, which must end.
fn take_text<'a>(cursor: &mut Cursor<'a>, scope: &Scope<'a>, keyword: Keyword) -> Result<&'a [u8], DecodeError> {
    let at = cursor.at;
    let missing = || scope.diagnosis.plain(keyword.no_text(), at);
    if cursor.at_end() || cursor.peek() != b' ' {
        return Err(missing());
    }
    cursor.advance();
    let start = cursor.at;
    cursor.skip_to_line_end();
    let text = cursor.since(start);
    let carriage_return = scope.strict && text.last() == Some(&b'\r');
    if cursor.at_end() || carriage_return { Err(missing()) } else { Ok(text) }
}

fn help_text<'a>(text: &'a [u8], end: usize, scope: &Scope<'a>) -> Result<&'a str, DecodeError> {
    let start = end.saturating_sub(text.len());
    let help = match scope.utf8(start, end) {
        Some(help) => help,
        None => return Err(scope.diagnosis.about("help text", start, end, " is not a valid utf8 string")),
    };
    if scope.strict && ends_in_open_escape(help) {
        return Err(scope.diagnosis.plain("a backslash at the end of a help text escapes nothing", end));
    }
    Ok(help)
}

fn ends_in_open_escape(text: &str) -> bool {
    text.bytes().rev().take_while(|b| *b == b'\\').count() % 2 == 1
}

fn metric_type<'a>(text: &[u8], end: usize, scope: &Scope<'a>) -> Result<MetricType, DecodeError> {
    let start = end.saturating_sub(text.len());
    let known = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    known.ok_or_else(|| scope.diagnosis.about("invalid metric type", start, end, ""))
}

/// A unit ends the family's name, behind an underscore.
fn unit<'a>(name: Name<'a>, text: &'a [u8], end: usize, scope: &Scope<'a>) -> Result<&'a str, DecodeError> {
    let start = end.saturating_sub(text.len());
    let before = name.text.as_bytes().strip_suffix(text);
    match scope.utf8(start, end) {
        Some(unit) if unit.is_empty() || before.is_some_and(|rest| rest.ends_with(b"_")) => Ok(unit),
        _ => {
            let what = || format!("unit {} not a suffix of metric {}", go_quoted_bytes(text), go_quoted(name.text));
            Err(scope.diagnosis.failed(start, start, what))
        }
    }
}
