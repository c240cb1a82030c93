//! Sample lines: a name, labels in braces, a value, perhaps a timestamp, perhaps an exemplar; one blank between them.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use promethium_model::NORMAL_NAN;

use super::diagnose::{ExemplarBraces, NO_EOF, SeriesBraces, in_word, line_start, timestamp, unexpected, value};
use crate::error::DecodeError;
use crate::event::{Name, RawLabel};
use crate::exemplars::ExemplarList;
use crate::scan::{Before, Cursor, MetricName, Scope, parse_value, take_labels, take_simple_decimal};
use crate::series::Series;
use crate::strict_number::parse_number;

/// Reads the metric name and the labels of the line at the cursor. `series` holds that of the line before.
#[inline(always)]
pub(super) fn take_series<'a>(
    cursor: &mut Cursor<'a>,
    scope: &Scope<'a>,
    before: &mut Before<'a>,
    series: &mut Series<'a>,
) -> Result<(), DecodeError> {
    let start = cursor.at;
    let line = cursor.rest();
    let shares = before.take();
    let shared = shares.shared_with_line(line);
    let mut name = None;
    if shared.is_some() {
        cursor.at = cursor.at.saturating_add(series.name.text.len());
        name = Some(series.name.text);
    } else if cursor.peek() != b'{' {
        cursor.skip_metric_name();
        name = Some(scope.name(start, cursor.at)?);
    }
    let bare = name;
    let mut plain = false;
    if cursor.peek() == b'{' {
        cursor.advance();
        let shared = shared.unwrap_or_else(|| shares.shared_with_labels(cursor.rest()));
        let (kept, closed) = shares.keep_shared(if bare.is_some() { shared } else { 0 }, &mut series.labels);
        cursor.at = cursor.at.saturating_add(kept);
        let names = MetricName::Of(&mut name);
        plain = closed || take_labels::<SeriesBraces>(cursor, scope, names, &mut series.labels)?;
    } else {
        series.labels.clear();
    }
    series.in_page = cursor.since(start);
    let Some(text) = name else {
        return Err(unnamed(cursor, scope));
    };
    series.name = Name { text, quoted: bare.is_none() };
    if scope.strict {
        return refuse_quoted_names(series, scope);
    }
    if plain && bare.is_some() {
        *before = Before::new(line, text, series.in_page);
    }
    Ok(())
}

/// Prometheus misses the name only behind the value.
#[cold]
fn unnamed<'a>(cursor: &mut Cursor<'a>, scope: &Scope<'a>) -> DecodeError {
    let start = cursor.at;
    value(cursor);
    scope.diagnosis.while_parsing("metric name not set", start, cursor.at)
}

/// Quoted names are younger than the specification.
#[cold]
fn refuse_quoted_names<'a>(series: &Series<'a>, scope: &Scope<'a>) -> Result<(), DecodeError> {
    let quoted = |label: &RawLabel<'_>| !promethium_model::labels::is_legacy_label_name(label.name);
    if series.name.quoted || series.labels.iter().any(quoted) || has_quoted_label_name(series) {
        return Err(scope.diagnosis.plain("names are not quoted in OpenMetrics 1.0", scope.diagnosis.entry));
    }
    Ok(())
}

/// A legal name may be quoted, too: a quote that follows the brace or a comma opens a name.
fn has_quoted_label_name(series: &Series<'_>) -> bool {
    let page = series.in_page;
    let start = page.as_ptr().addr();
    series.labels.iter().any(|label| {
        let at = label.name.as_ptr().addr().wrapping_sub(start);
        at.checked_sub(1).and_then(|before| page.get(before)) == Some(&b'"')
    })
}

/// What a sample's value is missed with.
pub(super) const NO_VALUE: &str = "expected value after metric";

/// Reads a blank and the value. `expected` is what is said where there is none.
#[inline(always)]
pub(super) fn take_value<'a>(cursor: &mut Cursor<'a>, scope: &Scope<'a>, expected: &str) -> Result<f64, DecodeError> {
    if cursor.peek() == b' ' {
        let mut number = *cursor;
        number.advance();
        if let Some(value) = take_simple_decimal(&mut number, ends_word) {
            *cursor = number;
            return Ok(value);
        }
    }
    take_any_value(cursor, scope, expected)
}

fn ends_word(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n')
}

/// Words, many digits, and what is no number.
#[inline(never)]
fn take_any_value<'a>(cursor: &mut Cursor<'a>, scope: &Scope<'a>, expected: &str) -> Result<f64, DecodeError> {
    let start = cursor.at;
    let token = take_word(cursor);
    if token.is_empty() {
        return Err(unexpected(scope.diagnosis, expected, start, value));
    }
    let value = number(token, scope, cursor)?;
    Ok(if value.is_nan() { NORMAL_NAN } else { value })
}

/// Passes a blank and the word behind it. Where there is none, the cursor stays.
fn take_word<'a>(cursor: &mut Cursor<'a>) -> &'a [u8] {
    let mut ahead = *cursor;
    if ahead.at_end() || ahead.peek() != b' ' {
        return &[];
    }
    ahead.advance();
    let start = ahead.at;
    ahead.skip_while(in_word);
    let word = ahead.since(start);
    if !word.is_empty() {
        *cursor = ahead;
    }
    word
}

/// A number by the rules of the mode; the cursor is behind it.
fn number<'a>(token: &[u8], scope: &Scope<'a>, cursor: &Cursor<'a>) -> Result<f64, DecodeError> {
    let start = cursor.at.saturating_sub(token.len());
    if scope.strict {
        return parse_number(token).ok_or_else(|| scope.diagnosis.while_parsing("not a number", start, cursor.at));
    }
    parse_value(token).map_err(|error| scope.diagnosis.while_parsing(error, start, cursor.at))
}

/// What follows the value of a sample.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LineEnd {
    /// Seconds, as written.
    pub(super) timestamp: Option<f64>,
}

/// Reads what follows the value, and passes the line break. An exemplar goes to `exemplars`.
#[inline(always)]
pub(super) fn take_line_end<'a>(
    cursor: &mut Cursor<'a>,
    scope: &Scope<'a>,
    exemplars: &mut ExemplarList<'a>,
) -> Result<LineEnd, DecodeError> {
    exemplars.clear();
    let mut timestamp = None;
    if !starts_exemplar(cursor) && cursor.peek() != b'\n' {
        timestamp = Some(take_timestamp(cursor, scope, "invalid timestamp")?);
    }
    if starts_exemplar(cursor) {
        take_exemplar(cursor, scope, exemplars)?;
    }
    take_line_break(cursor, scope, "expected next entry after timestamp")?;
    Ok(LineEnd { timestamp })
}

#[inline(always)]
fn starts_exemplar(cursor: &Cursor<'_>) -> bool {
    cursor.peek() == b' ' && cursor.rest().starts_with(b" # {")
}

#[inline(always)]
fn take_line_break<'a>(cursor: &mut Cursor<'a>, scope: &Scope<'a>, expected: &str) -> Result<(), DecodeError> {
    if cursor.at_end() {
        return Err(scope.diagnosis.plain(NO_EOF, cursor.at));
    }
    if cursor.peek() != b'\n' {
        return Err(unexpected(scope.diagnosis, expected, cursor.at, timestamp));
    }
    cursor.advance();
    Ok(())
}

/// A blank and seconds. What is no timestamp at all, Prometheus takes for the start of the next line.
#[inline]
fn take_timestamp<'a>(cursor: &mut Cursor<'a>, scope: &Scope<'a>, invalid: &str) -> Result<f64, DecodeError> {
    let mut ahead = *cursor;
    ahead.advance();
    if cursor.peek() == b' '
        && let Some(seconds) = take_simple_decimal(&mut ahead, ends_word)
    {
        *cursor = ahead;
        return Ok(seconds);
    }
    take_any_timestamp(cursor, scope, invalid)
}

fn take_any_timestamp<'a>(cursor: &mut Cursor<'a>, scope: &Scope<'a>, invalid: &str) -> Result<f64, DecodeError> {
    let start = cursor.at;
    let token = take_word(cursor);
    if token.is_empty() {
        return Err(no_timestamp(scope, start));
    }
    let seconds = number(token, scope, cursor)?;
    if seconds.is_finite() {
        return Ok(seconds);
    }
    Err(scope.diagnosis.plain(format_args!("{invalid} {}", go_float(seconds)), start.saturating_add(1)))
}

fn no_timestamp(scope: &Scope<'_>, at: usize) -> DecodeError {
    let page = scope.diagnosis.page;
    if at >= page.len() {
        return scope.diagnosis.plain(NO_EOF, at);
    }
    // The blank is a token of its own there, and what follows it starts an entry.
    let entry = if page.get(at) == Some(&b' ') { at.saturating_add(1) } else { at };
    let mut diagnosis = scope.diagnosis;
    diagnosis.entry = entry;
    unexpected(diagnosis, "expected a valid start token", entry, |cursor| match cursor.peek() {
        b' ' | b'\n' => timestamp(cursor),
        _ => line_start(cursor),
    })
}

/// What is not finite, as Go's `%f` prints it.
fn go_float(value: f64) -> &'static str {
    match value {
        v if v.is_nan() => "NaN",
        v if v > 0.0 => "+Inf",
        _ => "-Inf",
    }
}

/// ` # {…} value [timestamp]`, up to the line break.
fn take_exemplar<'a>(
    cursor: &mut Cursor<'a>,
    scope: &Scope<'a>,
    exemplars: &mut ExemplarList<'a>,
) -> Result<(), DecodeError> {
    cursor.at = cursor.at.saturating_add(b" # {".len());
    take_labels::<ExemplarBraces>(cursor, scope, MetricName::Never, &mut exemplars.labels)?;
    if !scope.strict {
        // Prometheus stores them as they stand.
        exemplars.labels.iter_mut().for_each(|label| label.escaped = false);
    }
    let value = take_value(cursor, scope, "expected value after exemplar labels")?;
    let mut timestamp_ms = None;
    if !cursor.at_end() && cursor.peek() != b'\n' {
        let at = cursor.at;
        let seconds = match take_word(&mut { *cursor }).is_empty() {
            true => return Err(unexpected(scope.diagnosis, "expected timestamp or comment", at, timestamp)),
            false => take_timestamp(cursor, scope, "invalid exemplar timestamp")?,
        };
        timestamp_ms = Some(milliseconds(seconds));
        if !cursor.at_end() && cursor.peek() != b'\n' {
            let expected = "expected next entry after exemplar timestamp";
            return Err(unexpected(scope.diagnosis, expected, cursor.at, timestamp));
        }
    }
    exemplars.finish(value, timestamp_ms);
    Ok(())
}

/// Seconds as milliseconds, cut off, as Go converts them.
#[inline]
pub(super) fn milliseconds(seconds: f64) -> i64 {
    let ms = seconds * 1_000.0;
    // What does not fit becomes the smallest integer in Go on the usual machines.
    const END: f64 = 9_223_372_036_854_775_808.0;
    if (-END..END).contains(&ms) { ms as i64 } else { i64::MIN }
}
