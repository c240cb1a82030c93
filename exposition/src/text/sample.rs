//! Sample lines: a name, labels in braces, a value, perhaps a timestamp.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use promethium_model::NORMAL_NAN;

use super::decoder::Text;
use super::diagnose::in_value;
use crate::error::DecodeError;
use crate::event::Name;
use crate::scan::{
    Before, Context, Cursor, Grammar, MetricName, Scope, parse_timestamp, parse_value, take_digits, take_labels,
    take_simple_decimal,
};
use crate::series::Series;

/// Reads the metric name and the labels of the line whose first token is at the cursor; `false` when no name was found.
/// `series` holds that of the line before; `expected` is the name of the family that was described last.
#[inline(always)]
pub(super) fn take_series<'a>(
    cursor: &mut Cursor<'a>,
    scope: &Scope<'a>,
    (before, expected): (&mut Before<'a>, Name<'a>),
    series: &mut Series<'a>,
) -> Result<bool, DecodeError> {
    let start = scope.diagnosis.entry;
    let line = Cursor { at: start, ..*cursor }.rest();
    let shares = before.take();
    let (bare, shared) = match shares.shared_with_line(line) {
        Some(shared) => {
            cursor.at = start.saturating_add(series.name.text.len()).saturating_add(1);
            (Some(series.name.text), shared)
        }
        None => {
            let name = take_name(cursor, scope, expected)?;
            if !take_brace(cursor) {
                series.labels.clear();
                series.in_page = cursor.since(start);
                series.name = Name::plain(name.unwrap_or_default());
                return Ok(name.is_some());
            }
            (name, if name.is_some() { shares.shared_with_labels(cursor.rest()) } else { 0 })
        }
    };
    let (kept, closed) = shares.keep_shared(shared, &mut series.labels);
    cursor.at = cursor.at.saturating_add(kept);
    let mut name = bare;
    let plain = closed || take_labels::<Text>(cursor, scope, MetricName::Of(&mut name), &mut series.labels)?;
    series.in_page = cursor.since(start);
    let Some(bare) = bare else {
        series.name = Name::quoted(name.unwrap_or_default());
        return Ok(name.is_some());
    };
    series.name = Name::plain(bare);
    if plain && !scope.strict && line.get(bare.len()) == Some(&b'{') {
        *before = Before::new(line, bare, series.in_page);
    }
    Ok(true)
}

/// The metric name before the braces, if it is there.
#[inline(always)]
fn take_name<'a>(
    cursor: &mut Cursor<'a>,
    scope: &Scope<'a>,
    expected: Name<'a>,
) -> Result<Option<&'a str>, DecodeError> {
    if let Some(name) = expected.bare_start_of(cursor.rest())
        && cursor.at == scope.diagnosis.entry
    {
        cursor.at = cursor.at.saturating_add(name.len());
        return Ok(Some(name));
    }
    if cursor.peek() == b'{' {
        return Ok(None);
    }
    cursor.skip_metric_name();
    // Blanks before the name belong to it: that is how Prometheus reads them.
    scope.name(scope.diagnosis.entry, cursor.at).map(Some)
}

/// Passes the opening brace, and blanks before it, if it is there.
#[inline(always)]
fn take_brace(cursor: &mut Cursor<'_>) -> bool {
    let mut brace = *cursor;
    brace.skip_blanks();
    let found = brace.peek() == b'{';
    if found {
        brace.advance();
        *cursor = brace;
    }
    found
}

/// Reads the value. `named` is whether the series has a metric name: Prometheus misses it only here.
#[inline(always)]
pub(super) fn take_value<'a>(cursor: &mut Cursor<'a>, scope: &Scope<'a>, named: bool) -> Result<f64, DecodeError> {
    cursor.skip_blanks();
    if !named {
        return Err(unnamed(cursor, scope));
    }
    match take_simple_decimal(cursor, |b| matches!(b, b'\n' | b' ' | b'\t')) {
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
#[inline(never)]
fn take_any_value<'a>(cursor: &mut Cursor<'a>, scope: &Scope<'a>) -> Result<f64, DecodeError> {
    let start = cursor.at;
    cursor.skip_while(in_value);
    let token = cursor.since(start);
    if token.is_empty() {
        return Err(Text::unexpected(scope.diagnosis, "expected value after metric", Context::Value, start));
    }
    match parse_value(token) {
        Ok(value) if value.is_nan() => Ok(NORMAL_NAN),
        Ok(value) => Ok(value),
        Err(error) => Err(scope.diagnosis.while_parsing(error, start, cursor.at)),
    }
}

/// Reads what follows the value, and passes the line break.
#[inline(always)]
pub(super) fn take_line_end<'a>(cursor: &mut Cursor<'a>, scope: &Scope<'a>) -> Result<Option<i64>, DecodeError> {
    let timestamp_ms = if cursor.peek() == b'\n' { None } else { take_timestamp(cursor, scope)? };
    cursor.advance();
    Ok(timestamp_ms)
}

// Any number of so many digits fits.
const SHORT_TIMESTAMP: usize = 18;

/// Blanks, then digits or nothing, then blanks up to the line break.
#[inline(never)]
fn take_timestamp<'a>(cursor: &mut Cursor<'a>, scope: &Scope<'a>) -> Result<Option<i64>, DecodeError> {
    cursor.skip_blanks();
    let start = cursor.at;
    let mut ms = 0;
    let digits = take_digits(&mut cursor.rest(), &mut ms);
    cursor.at = start.saturating_add(digits);
    let mut timestamp_ms = None;
    let mut expected = "expected timestamp or new record";
    if digits > 0 {
        let parsed =
            if digits <= SHORT_TIMESTAMP { Ok(ms.cast_signed()) } else { parse_timestamp(cursor.since(start)) };
        timestamp_ms = Some(parsed.map_err(|e| scope.diagnosis.while_parsing(e, start, cursor.at))?);
        expected = "expected next entry after timestamp";
        cursor.skip_blanks();
    }
    if cursor.peek() != b'\n' {
        return Err(Text::unexpected(scope.diagnosis, expected, Context::Timestamp, cursor.at));
    }
    Ok(timestamp_ms)
}
