//! Labels in braces.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use super::cursor::{self, Cursor, QuoteEnd};
use super::find::{label_name_len, plain_text_len};
use super::grammar::{Context, Grammar};
use super::scope::Scope;
use crate::error::DecodeError;
use crate::event::RawLabel;

/// Whether a metric name may stand in the braces, as a quoted string without a value, and which one it was.
pub(crate) enum MetricName<'n, 'a> {
    /// It may; what was found before the braces or in them.
    Of(&'n mut Option<&'a str>),
    /// It may not: these are an exemplar's labels.
    Never,
}

/// Reads the inside of the braces and the closing one, from behind the opening one or behind a comma. `true` when all that it has
/// read were labels of the shape that nearly all have, up to the brace itself.
#[inline]
pub(crate) fn take_labels<'a, G: Grammar>(
    cursor: &mut Cursor<'a>,
    scope: &Scope<'a>,
    mut metric_name: MetricName<'_, 'a>,
    labels: &mut Vec<RawLabel<'a>>,
) -> Result<bool, DecodeError> {
    let mut plain = true;
    loop {
        if let Some(last) = take_plain_label(cursor, scope, labels) {
            if last {
                return Ok(plain);
            }
            continue;
        }
        plain = false;
        G::skip_blanks(cursor);
        let start = cursor.at;
        let mut escaped = false;
        let (quoted, name) = match cursor.peek() {
            b'}' => {
                cursor.advance();
                return Ok(false);
            }
            b'"' => (true, take_quoted_name::<G>(cursor, scope, &mut escaped)?),
            b if cursor::starts_label_name(b) => (false, take_label_name(cursor, scope)?),
            _ => return Err(G::unexpected(scope.diagnosis, "expected label name", Context::Labels, start)),
        };
        G::skip_blanks(cursor);
        if quoted && matches!(cursor.peek(), b',' | b'}') {
            if take_metric_name_end::<G>(cursor, scope, start, (&mut metric_name, name))? {
                return Ok(false);
            }
            continue;
        }
        if cursor.peek() != b'=' {
            return Err(missing_equal::<G>(cursor, scope, &metric_name));
        }
        cursor.advance();
        let value = take_label_value::<G>(cursor, scope, &mut escaped)?;
        labels.push(RawLabel { name, value, escaped });
        G::skip_blanks(cursor);
        take_separator::<G>(cursor, scope)?;
    }
}

/// Reads a label as nearly all are: a bare name, a value without escapes, a comma or the closing brace, and nothing between
/// them. `true` at the brace; `None` for every other shape, with the cursor where it was.
#[inline(always)]
fn take_plain_label<'a>(cursor: &mut Cursor<'a>, scope: &Scope<'a>, labels: &mut Vec<RawLabel<'a>>) -> Option<bool> {
    let rest = cursor.rest();
    let name_len = label_name_len(rest);
    if !rest.first().is_some_and(|b| cursor::starts_label_name(*b)) {
        return None;
    }
    let quoted = rest.get(name_len..)?.strip_prefix(b"=\"")?;
    let value_len = plain_text_len(quoted);
    let [b'"', separator @ (b',' | b'}'), after @ ..] = quoted.get(value_len..)? else { return None };
    if scope.strict && *separator == b',' && after.first() == Some(&b'}') {
        return None;
    }
    let start = cursor.at;
    let value_start = start.wrapping_add(name_len).wrapping_add(2);
    let value_end = value_start.wrapping_add(value_len);
    let name = scope.text.get(start..start.wrapping_add(name_len))?;
    let value = scope.text.get(value_start..value_end)?;
    labels.push(RawLabel { name, value, escaped: false });
    cursor.at = value_end.wrapping_add(2);
    Some(*separator == b'}')
}

/// Passes the comma behind a label.
#[inline(always)]
fn take_separator<'a, G: Grammar>(cursor: &mut Cursor<'a>, scope: &Scope<'a>) -> Result<(), DecodeError> {
    match cursor.peek() {
        b',' => {
            cursor.advance();
            if scope.strict && cursor.peek() == b'}' {
                return Err(G::unexpected(scope.diagnosis, "expected label name", Context::Labels, cursor.at));
            }
            Ok(())
        }
        b'}' => Ok(()),
        _ if G::COMMAS || scope.strict => {
            Err(G::unexpected(scope.diagnosis, "expected comma or brace close", Context::Labels, cursor.at))
        }
        _ => Ok(()),
    }
}

/// A bare name that is followed by what only a metric name may have behind it.
#[cold]
fn missing_equal<'a, G: Grammar>(
    cursor: &mut Cursor<'a>,
    scope: &Scope<'a>,
    metric_name: &MetricName<'_, 'a>,
) -> DecodeError {
    let never = matches!(metric_name, MetricName::Never);
    let expected = if never && matches!(cursor.peek(), b',' | b'}') { "expected label name" } else { "expected equal" };
    G::unexpected(scope.diagnosis, expected, Context::Labels, cursor.at)
}

/// Passes the comma or brace behind a quoted metric name; `true` at the brace.
fn take_metric_name_end<'a, G: Grammar>(
    cursor: &mut Cursor<'a>,
    scope: &Scope<'a>,
    name_start: usize,
    (metric_name, name): (&mut MetricName<'_, 'a>, &'a str),
) -> Result<bool, DecodeError> {
    let MetricName::Of(metric_name) = metric_name else {
        return Err(G::unexpected(scope.diagnosis, "expected label name", Context::Labels, cursor.at));
    };
    let closed = cursor.peek() == b'}';
    cursor.advance();
    if metric_name.replace(name).is_some() {
        return Err(scope.diagnosis.while_parsing("metric name already set", name_start, cursor.at));
    }
    Ok(closed)
}

#[inline(always)]
fn take_label_name<'a>(cursor: &mut Cursor<'a>, scope: &Scope<'a>) -> Result<&'a str, DecodeError> {
    let start = cursor.at;
    cursor.skip_label_name();
    scope.name(start, cursor.at)
}

/// Reads a quoted name.
fn take_quoted_name<'a, G: Grammar>(
    cursor: &mut Cursor<'a>,
    scope: &Scope<'a>,
    escaped: &mut bool,
) -> Result<&'a str, DecodeError> {
    let quote = cursor.at;
    cursor.advance();
    let start = cursor.at;
    match cursor.skip_quoted(G::QUOTED_NAME) {
        QuoteEnd::Closed { escaped: e } => *escaped |= e,
        QuoteEnd::Broken => {
            return Err(G::unexpected(scope.diagnosis, "expected label name", Context::Labels, quote));
        }
    }
    let name = scope.name(start, cursor.at)?;
    cursor.advance();
    Ok(name)
}

#[inline(always)]
fn take_label_value<'a, G: Grammar>(
    cursor: &mut Cursor<'a>,
    scope: &Scope<'a>,
    escaped: &mut bool,
) -> Result<&'a str, DecodeError> {
    G::skip_blanks(cursor);
    let quote = cursor.at;
    if cursor.peek() != b'"' {
        return Err(G::unexpected(scope.diagnosis, "expected label value", Context::LabelValue, quote));
    }
    cursor.advance();
    let start = cursor.at;
    match cursor.skip_quoted(G::LABEL_VALUE) {
        QuoteEnd::Closed { escaped: e } => *escaped |= e,
        QuoteEnd::Broken => {
            return Err(G::unexpected(scope.diagnosis, "expected label value", Context::LabelValue, quote));
        }
    }
    let end = cursor.at;
    cursor.advance();
    match scope.utf8(start, end) {
        Some(value) => Ok(value),
        None => Err(scope.diagnosis.about("invalid UTF-8 label value:", quote, cursor.at, "")),
    }
}
