//! Sample lines: a name, labels in braces, a value, perhaps a timestamp.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use promethium_model::NORMAL_NAN;

use super::cursor::{self, Cursor, QuoteEnd};
use super::decoder::Scope;
use super::diagnose::{Context, in_value};
use super::event::{RawLabel, Sample};
use super::number::{parse_timestamp, parse_value, take_simple_decimal};
use crate::error::DecodeError;

/// Reads the metric name and the labels of the line whose first token is at the cursor; `false` when no name was found.
#[inline]
pub(super) fn take_series<'a>(
    cursor: &mut Cursor<'a>,
    scope: &Scope<'a>,
    sample: &mut Sample<'a>,
) -> Result<bool, DecodeError> {
    let start = scope.diagnosis.entry;
    sample.labels.clear();
    let mut name = None;
    if cursor.peek() != b'{' {
        cursor.skip_while(cursor::in_metric_name);
        // Blanks before the name belong to it: that is how Prometheus reads them.
        name = Some(scope.name(start, cursor.at)?);
    }
    let mut brace = *cursor;
    brace.skip_blanks();
    if brace.peek() == b'{' {
        brace.advance();
        *cursor = brace;
        take_labels(cursor, scope, &mut name, &mut sample.labels)?;
    }
    sample.series = cursor.since(start);
    sample.name = name.unwrap_or_default();
    Ok(name.is_some())
}

/// Reads the inside of the braces and the closing one. A quoted string without a value is the metric name. A comma
/// may follow every label; Prometheus does not miss it between two.
#[inline]
fn take_labels<'a>(
    cursor: &mut Cursor<'a>,
    scope: &Scope<'a>,
    metric_name: &mut Option<&'a str>,
    labels: &mut Vec<RawLabel<'a>>,
) -> Result<(), DecodeError> {
    loop {
        cursor.skip_blanks();
        let start = cursor.at;
        let mut escaped = false;
        let (quoted, name) = match cursor.peek() {
            b'}' => {
                cursor.advance();
                return Ok(());
            }
            b'"' => (true, take_quoted_name(cursor, scope, &mut escaped)?),
            b if cursor::starts_label_name(b) => (false, take_label_name(cursor, scope)?),
            _ => return Err(scope.diagnosis.unexpected("expected label name", Context::Labels, start)),
        };
        cursor.skip_blanks();
        if quoted && matches!(cursor.peek(), b',' | b'}') {
            if take_metric_name_end(cursor, scope, start, metric_name.replace(name).is_some())? {
                return Ok(());
            }
            continue;
        }
        if cursor.peek() != b'=' {
            return Err(scope.diagnosis.unexpected("expected equal", Context::Labels, cursor.at));
        }
        cursor.advance();
        let value = take_label_value(cursor, scope, &mut escaped)?;
        labels.push(RawLabel { name, value, escaped });
        cursor.skip_blanks();
        if cursor.peek() == b',' {
            cursor.advance();
        }
    }
}

/// Passes the comma or brace behind a quoted metric name; `true` at the brace.
fn take_metric_name_end<'a>(
    cursor: &mut Cursor<'a>,
    scope: &Scope<'a>,
    name_start: usize,
    twice: bool,
) -> Result<bool, DecodeError> {
    let closed = cursor.peek() == b'}';
    cursor.advance();
    if twice {
        return Err(scope.diagnosis.while_parsing("metric name already set", name_start, cursor.at));
    }
    Ok(closed)
}

#[inline(always)]
fn take_label_name<'a>(cursor: &mut Cursor<'a>, scope: &Scope<'a>) -> Result<&'a str, DecodeError> {
    let start = cursor.at;
    cursor.skip_while(cursor::in_label_name);
    scope.name(start, cursor.at)
}

/// Reads a quoted name, which may hold anything but NUL.
fn take_quoted_name<'a>(
    cursor: &mut Cursor<'a>,
    scope: &Scope<'a>,
    escaped: &mut bool,
) -> Result<&'a str, DecodeError> {
    let quote = cursor.at;
    cursor.advance();
    let start = cursor.at;
    match cursor.skip_quoted(false) {
        QuoteEnd::Closed { escaped: e } => *escaped |= e,
        QuoteEnd::Broken => return Err(scope.diagnosis.unexpected("expected label name", Context::Labels, quote)),
    }
    let name = scope.name(start, cursor.at)?;
    cursor.advance();
    Ok(name)
}

#[inline(always)]
fn take_label_value<'a>(
    cursor: &mut Cursor<'a>,
    scope: &Scope<'a>,
    escaped: &mut bool,
) -> Result<&'a str, DecodeError> {
    cursor.skip_blanks();
    let quote = cursor.at;
    if cursor.peek() != b'"' {
        return Err(scope.diagnosis.unexpected("expected label value", Context::LabelValue, quote));
    }
    cursor.advance();
    let start = cursor.at;
    match cursor.skip_quoted(true) {
        QuoteEnd::Closed { escaped: e } => *escaped |= e,
        QuoteEnd::Broken => {
            return Err(scope.diagnosis.unexpected("expected label value", Context::LabelValue, quote));
        }
    }
    let end = cursor.at;
    cursor.advance();
    match scope.utf8(start, end) {
        Some(value) => Ok(value),
        None => Err(scope.diagnosis.about("invalid UTF-8 label value:", quote, cursor.at, "")),
    }
}

/// Reads the value. `named` is whether the series has a metric name: Prometheus misses it only here.
#[inline]
pub(super) fn take_value<'a>(cursor: &mut Cursor<'a>, scope: &Scope<'a>, named: bool) -> Result<f64, DecodeError> {
    cursor.skip_blanks();
    if !named {
        return Err(unnamed(cursor, scope));
    }
    match take_simple_decimal(cursor) {
        Some(value) => Ok(value),
        None => take_any_value(cursor, scope),
    }
}

#[cold]
fn unnamed<'a>(cursor: &mut Cursor<'a>, scope: &Scope<'a>) -> DecodeError {
    let start = cursor.at;
    match cursor.peek() {
        b'{' => cursor.advance(),
        _ => cursor.skip_while(in_value),
    }
    scope.diagnosis.while_parsing("metric name not set", start, cursor.at)
}

/// Words, many digits, and what is no number.
fn take_any_value<'a>(cursor: &mut Cursor<'a>, scope: &Scope<'a>) -> Result<f64, DecodeError> {
    let start = cursor.at;
    cursor.skip_while(in_value);
    let token = cursor.since(start);
    if token.is_empty() {
        return Err(scope.diagnosis.unexpected("expected value after metric", Context::Value, start));
    }
    match parse_value(token) {
        Ok(value) if value.is_nan() => Ok(NORMAL_NAN),
        Ok(value) => Ok(value),
        Err(message) => Err(scope.diagnosis.while_parsing(&message, start, cursor.at)),
    }
}

/// Reads what follows the value, and passes the line break.
#[inline]
pub(super) fn take_line_end<'a>(cursor: &mut Cursor<'a>, scope: &Scope<'a>) -> Result<Option<i64>, DecodeError> {
    let timestamp_ms = if cursor.peek() == b'\n' { None } else { take_timestamp(cursor, scope)? };
    cursor.advance();
    Ok(timestamp_ms)
}

/// Blanks, then digits or nothing, then blanks up to the line break.
fn take_timestamp<'a>(cursor: &mut Cursor<'a>, scope: &Scope<'a>) -> Result<Option<i64>, DecodeError> {
    cursor.skip_blanks();
    let start = cursor.at;
    cursor.skip_while(|b| b.is_ascii_digit());
    let digits = cursor.since(start);
    let mut timestamp_ms = None;
    let mut expected = "expected timestamp or new record";
    if !digits.is_empty() {
        let parsed = parse_timestamp(digits);
        timestamp_ms = Some(parsed.map_err(|m| scope.diagnosis.while_parsing(&m, start, cursor.at))?);
        expected = "expected next entry after timestamp";
        cursor.skip_blanks();
    }
    if cursor.peek() != b'\n' {
        return Err(scope.diagnosis.unexpected(expected, Context::Timestamp, cursor.at));
    }
    Ok(timestamp_ms)
}
