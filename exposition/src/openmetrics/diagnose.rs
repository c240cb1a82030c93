//! Error messages: what stands there instead, as Prometheus' lexer for OpenMetrics would name it.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use promethium_model::quote::go_quoted_bytes;

use crate::error::DecodeError;
use crate::scan::{
    Context, Cursor, Diagnosis, Grammar, MUTE, QuoteEnd, QuoteRules, in_label_name, in_metric_name, starts_label_name,
    starts_metric_name,
};

pub(super) const NO_EOF: &str = "data does not end with # EOF";

/// The rules for the braces of a series.
pub(super) enum SeriesBraces {}

/// The rules for the braces of an exemplar.
pub(super) enum ExemplarBraces {}

impl Grammar for SeriesBraces {
    const BLANKS: bool = false;
    const COMMAS: bool = true;
    const LABEL_VALUE: QuoteRules = QuoteRules { nul: true, line_break: false };
    const QUOTED_NAME: QuoteRules = QuoteRules { nul: false, line_break: true };

    #[cold]
    fn unexpected(diagnosis: Diagnosis<'_>, expected: &str, context: Context, at: usize) -> DecodeError {
        unexpected(diagnosis, expected, at, |cursor| match context {
            Context::LabelValue => label_value::<Self>(cursor),
            _ => in_braces::<Self>(cursor),
        })
    }
}

impl Grammar for ExemplarBraces {
    const BLANKS: bool = false;
    const COMMAS: bool = true;
    const LABEL_VALUE: QuoteRules = QuoteRules { nul: false, line_break: false };
    const QUOTED_NAME: QuoteRules = QuoteRules { nul: false, line_break: false };

    #[cold]
    fn unexpected(diagnosis: Diagnosis<'_>, expected: &str, context: Context, at: usize) -> DecodeError {
        unexpected(diagnosis, expected, at, |cursor| match context {
            Context::LabelValue => label_value::<Self>(cursor),
            _ => in_braces::<Self>(cursor),
        })
    }
}

/// `expected …, got … while parsing: …`: the token at `at` is not what was wanted. `lex` moves to where the lexer stops
/// and names the token.
#[cold]
pub(super) fn unexpected(
    diagnosis: Diagnosis<'_>,
    expected: &str,
    at: usize,
    lex: impl FnOnce(&mut Cursor<'_>) -> &'static str,
) -> DecodeError {
    if diagnosis.is_mute {
        return MUTE;
    }
    let mut end = Cursor { page: diagnosis.page, at };
    if end.at_end() {
        return past_end(diagnosis, expected);
    }
    let token = lex(&mut end);
    // Prometheus quotes one byte past the token.
    let shown_end = end.at.saturating_add(1).min(diagnosis.page.len());
    diagnosis.failed(at, shown_end, || {
        let got = go_quoted_bytes(&diagnosis.excerpt(at, shown_end));
        format!("{expected}, got {got} ({token:?}) while parsing: {}", diagnosis.quoted_entry(shown_end))
    })
}

/// At the end of the page the lexer shows the token that it read last.
fn past_end(diagnosis: Diagnosis<'_>, expected: &str) -> DecodeError {
    let end = diagnosis.page.len();
    let entry = diagnosis.page.get(diagnosis.entry..).unwrap_or_default();
    let last = diagnosis.entry.saturating_add(last_token(entry));
    diagnosis.failed(end, end, || {
        let got = go_quoted_bytes(&diagnosis.excerpt(last, end));
        format!("{expected}, got {got} (\"EOF\") while parsing: {}", diagnosis.quoted_entry(end))
    })
}

/// Where the last token of an entry starts that ends in a name, a string or a single byte.
fn last_token(entry: &[u8]) -> usize {
    let rest = match entry {
        [rest @ .., last] if in_metric_name(*last) => {
            let name = rest.iter().rev().take_while(|b| in_metric_name(**b)).count();
            rest.get(..rest.len().saturating_sub(name)).unwrap_or_default()
        }
        [rest @ .., b'"'] => rest.get(..memchr::memrchr(b'"', rest).unwrap_or(rest.len())).unwrap_or_default(),
        [rest @ .., _] => rest,
        [] => entry,
    };
    rest.len()
}

fn one(cursor: &mut Cursor<'_>, name: &'static str) -> &'static str {
    cursor.advance();
    name
}

fn run(cursor: &mut Cursor<'_>, inside: impl Fn(u8) -> bool, name: &'static str) -> &'static str {
    cursor.skip_while(inside);
    name
}

fn in_braces<G: Grammar>(cursor: &mut Cursor<'_>) -> &'static str {
    match cursor.peek() {
        b'}' => one(cursor, "BCLOSE"),
        b'=' => one(cursor, "EQUAL"),
        b',' => one(cursor, "COMMA"),
        b'"' => string(cursor, G::QUOTED_NAME, "QSTRING"),
        b if starts_label_name(b) => run(cursor, in_label_name, "LNAME"),
        _ => "INVALID",
    }
}

fn label_value<G: Grammar>(cursor: &mut Cursor<'_>) -> &'static str {
    match cursor.peek() {
        b'"' => string(cursor, G::LABEL_VALUE, "LVALUE"),
        _ => "INVALID",
    }
}

fn string(cursor: &mut Cursor<'_>, rules: QuoteRules, name: &'static str) -> &'static str {
    cursor.advance();
    match cursor.skip_quoted(rules) {
        QuoteEnd::Closed { .. } => one(cursor, name),
        QuoteEnd::Broken => "INVALID",
    }
}

/// At the start of a line, behind `# ` too.
pub(super) fn line_start(cursor: &mut Cursor<'_>) -> &'static str {
    match cursor.peek() {
        b'{' => one(cursor, "BOPEN"),
        b if starts_metric_name(b) => run(cursor, in_metric_name, "MNAME"),
        b'#' => keyword(cursor),
        _ => "INVALID",
    }
}

/// As far as a keyword is spelled right.
fn keyword(cursor: &mut Cursor<'_>) -> &'static str {
    cursor.advance();
    if cursor.peek() != b' ' || cursor.at_end() {
        return "INVALID";
    }
    cursor.advance();
    let rest = cursor.rest();
    let keywords: [&[u8]; 4] = [b"HELP ", b"TYPE ", b"UNIT ", b"EOF"];
    let common = |word: &&[u8]| rest.iter().zip(word.iter()).take_while(|(a, b)| a == b).count();
    cursor.at = cursor.at.saturating_add(keywords.iter().map(common).max().unwrap_or(0));
    "INVALID"
}

pub(super) fn metadata_name(cursor: &mut Cursor<'_>) -> &'static str {
    match cursor.peek() {
        b'"' => string(cursor, SeriesBraces::QUOTED_NAME, "MNAME"),
        _ => "INVALID",
    }
}

/// Where a value is expected, or braces.
pub(super) fn value(cursor: &mut Cursor<'_>) -> &'static str {
    match cursor.peek() {
        b'{' => one(cursor, "BOPEN"),
        b' ' => word(cursor, "VALUE"),
        _ => "INVALID",
    }
}

/// Where a timestamp, an exemplar or the end of the line is expected.
pub(super) fn timestamp(cursor: &mut Cursor<'_>) -> &'static str {
    match cursor.rest() {
        [b'\n', ..] => one(cursor, "LINEBREAK"),
        [b' ', b'#', b' ', b'{', ..] => {
            cursor.at = cursor.at.saturating_add(4);
            "COMMENT"
        }
        [b' ', ..] => word(cursor, "TIMESTAMP"),
        _ => "INVALID",
    }
}

/// A blank and what follows up to the next one.
fn word(cursor: &mut Cursor<'_>, name: &'static str) -> &'static str {
    cursor.advance();
    let start = cursor.at;
    cursor.skip_while(in_word);
    if cursor.at > start { name } else { "INVALID" }
}

/// Whether a byte may stand in a value or a timestamp.
pub(super) fn in_word(byte: u8) -> bool {
    !matches!(byte, b' ' | b'\n' | 0)
}
