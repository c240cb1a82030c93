//! A series and its values: `http_requests_total{job="a"} 0+10x5 _ stale`.

use std::sync::Arc;

use promethium_model::labels::METRIC_NAME;
use promethium_model::{FloatHistogram, Labels, LabelsBuilder, STALE_NAN, duration, float};

use super::histogram_literal;
use crate::parser::{parse_integer, unquote};

/// A line split into its series and the text of its values.
pub(super) struct SeriesLine<'l> {
    pub(super) labels: Labels,
    pub(super) is_start_times: bool,
    pub(super) values: &'l str,
}

pub(super) fn parse_line(line: &str) -> Result<SeriesLine<'_>, String> {
    let name_end = line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':')).unwrap_or(line.len());
    let (name, mut rest) = line.split_at(name_end);
    let mut builder = LabelsBuilder::new();
    builder.set(METRIC_NAME, name);
    if let Some(inside) = rest.strip_prefix('{') {
        rest = braces(inside, &mut builder)?;
    }
    let (is_start_times, values) = match rest.strip_prefix("@st") {
        Some(values) => (true, values),
        None => (false, rest),
    };
    if !values.is_empty() && !values.starts_with(char::is_whitespace) {
        return Err(format!("expected values after the series, found {values:?}"));
    }
    Ok(SeriesLine { labels: builder.build(), is_start_times, values: values.trim() })
}

/// Reads labels up to the closing brace; returns what follows it.
fn braces<'t>(text: &'t str, builder: &mut LabelsBuilder) -> Result<&'t str, String> {
    let mut rest = text.trim_start();
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Ok(after);
        }
        let (name, quoted, after) = label_name(rest)?;
        rest = after.trim_start();
        match rest.strip_prefix('=') {
            Some(value) => {
                let (value, after) = quoted_string(value.trim_start())?;
                builder.set(&name, &value);
                rest = after.trim_start();
            }
            None if quoted => {
                builder.set(METRIC_NAME, &name);
            }
            None => return Err(format!("expected '=' after label {name:?}")),
        }
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
        if rest.is_empty() {
            return Err("expected a closing brace".to_owned());
        }
    }
}

fn label_name(text: &str) -> Result<(String, bool, &str), String> {
    if text.starts_with(['"', '\'', '`']) {
        let (name, rest) = quoted_string(text)?;
        return Ok((name, true, rest));
    }
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    if end == 0 {
        return Err(format!("expected a label name, found {text:?}"));
    }
    Ok((text[..end].to_owned(), false, &text[end..]))
}

pub(super) fn quoted_string(text: &str) -> Result<(String, &str), String> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'));
    let quote = quote.ok_or_else(|| format!("expected a string, found {text:?}"))?;
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, c)| {
        let ends = *c == quote && !escaped;
        escaped = *c == '\\' && !escaped && quote != '`';
        ends
    });
    let (end, _) = end.ok_or("unterminated string")?;
    let bytes = unquote(&text[..=end])?;
    Ok((String::from_utf8(bytes).map_err(|e| e.to_string())?, &text[end + 1..]))
}

/// One value of a sequence.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Gap,
    Float(f64),
    /// With whether its counter reset hint was spelled out.
    Histogram(Arc<FloatHistogram>, bool),
}

/// A sequence of values, one a step.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Values(pub(super) Vec<Value>);

impl Values {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn parse(text: &str) -> Result<Values, String> {
        let mut out = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            rest = item(rest, &mut out)?.trim_start();
        }
        Ok(Values(out))
    }
}

/// Reads one item and returns what follows it.
fn item<'t>(text: &'t str, out: &mut Vec<Value>) -> Result<&'t str, String> {
    if let Some(rest) = text.strip_prefix('_') {
        let (n, rest) = repetitions(rest)?;
        out.extend(std::iter::repeat_n(Value::Gap, n.unwrap_or(1)));
        return Ok(rest);
    }
    if let Some(rest) = text.strip_prefix("stale") {
        out.push(Value::Float(STALE_NAN));
        return Ok(rest);
    }
    if text.starts_with("{{") { histogram_item(text, out) } else { float_item(text, out) }
}

fn float_item<'t>(text: &'t str, out: &mut Vec<Value>) -> Result<&'t str, String> {
    let (first, rest) = number(text)?;
    let (increment, rest) = match rest.chars().next() {
        Some('+' | '-') => {
            let (increment, rest) = number(rest)?;
            (Some(increment), rest)
        }
        _ => (None, rest),
    };
    let (times, rest) = repetitions(rest)?;
    if increment.is_some() && times.is_none() {
        return Err(format!("expected xN after {text:?}"));
    }
    let mut value = first;
    for i in 0..=times.unwrap_or(0) {
        if i > 0 {
            value += increment.unwrap_or(0.0);
        }
        out.push(Value::Float(value));
    }
    Ok(rest)
}

fn histogram_item<'t>(text: &'t str, out: &mut Vec<Value>) -> Result<&'t str, String> {
    let (first, mut named, rest) = histogram_literal::parse(text)?;
    let sign = rest.chars().next().filter(|c| matches!(c, '+' | '-'));
    let (increment, rest) = match sign {
        Some(_) => {
            let (increment, increment_named, rest) = histogram_literal::parse(&rest[1..])?;
            named = increment_named;
            (Some(increment), rest)
        }
        None => (None, rest),
    };
    let (times, rest) = repetitions(rest)?;
    let mut value = first;
    for i in 0..=times.unwrap_or(0) {
        if let (Some(increment), true) = (&increment, i > 0) {
            value = histogram_literal::combined(&value, increment, sign == Some('-'))?;
        }
        out.push(Value::Histogram(Arc::new(value.clone()), named));
    }
    Ok(rest)
}

/// `xN`, if it stands here; a word must not go on.
fn repetitions(text: &str) -> Result<(Option<usize>, &str), String> {
    let Some(rest) = text.strip_prefix('x') else {
        return if text.is_empty() || text.starts_with(char::is_whitespace) {
            Ok((None, text))
        } else {
            Err(format!("unexpected {text:?} in series values"))
        };
    };
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let n: usize = rest[..end].parse().map_err(|_| format!("expected a number after x, found {rest:?}"))?;
    if n > 1_000_000 {
        return Err("more than a million repetitions".to_owned());
    }
    Ok((Some(n), &rest[end..]))
}

/// A signed number or duration, in seconds, and what follows it.
pub(super) fn number(text: &str) -> Result<(f64, &str), String> {
    let unsigned = text.trim_start_matches(['+', '-']);
    let sign = &text[..text.len() - unsigned.len()];
    let len = unsigned_length(unsigned);
    let (word, rest) = unsigned.split_at(len);
    let magnitude = match duration::parse_ms(word) {
        Ok(ms) if word.ends_with(|c: char| c.is_ascii_alphabetic()) => ms as f64 / 1000.0,
        _ => match parse_integer(word) {
            // A leading zero means octal here too.
            Some(integer) => integer as f64,
            None => float::parse_go(word.as_bytes()).map_err(|e| format!("{text:?}: {e}"))?,
        },
    };
    Ok((if sign == "-" { -magnitude } else { magnitude }, rest))
}

fn unsigned_length(text: &str) -> usize {
    let word = text.get(..3).unwrap_or("");
    if word.eq_ignore_ascii_case("inf") || word.eq_ignore_ascii_case("nan") {
        return 3;
    }
    let bytes = text.as_bytes();
    let mut len = 0;
    while let Some(b) = bytes.get(len) {
        let exponent = matches!(b, b'+' | b'-') && len > 0 && matches!(bytes[len - 1], b'e' | b'E');
        if !(b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E') || exponent || is_unit(*b)) {
            break;
        }
        len += 1;
    }
    len
}

fn is_unit(b: u8) -> bool {
    matches!(b, b'y' | b'w' | b'd' | b'h' | b'm' | b's')
}

/// Start times relative to their samples, in milliseconds; `None` is unknown. An item `*` repeats what was known last.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct StartTimes(pub(super) Vec<Option<i64>>);

impl StartTimes {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The same for so many samples, from the start again wherever they end.
    pub(super) fn cycled(&self, samples: usize) -> StartTimes {
        StartTimes(self.0.iter().copied().cycle().take(samples).collect())
    }

    pub(super) fn parse(text: &str) -> Result<StartTimes, String> {
        let mut out = Vec::new();
        for item in text.split_whitespace() {
            if let Some(rest) = item.strip_prefix('_') {
                let (n, _) = repetitions(rest)?;
                out.extend(std::iter::repeat_n(None, n.unwrap_or(1)));
                continue;
            }
            if let Some(rest) = item.strip_prefix('*') {
                let (n, _) = repetitions(rest)?;
                let known = out.iter().rev().find_map(|v| *v).unwrap_or(0);
                out.extend(std::iter::repeat_n(Some(known), n.unwrap_or(0) + 1));
                continue;
            }
            let mut values = Vec::new();
            let rest = float_item(item, &mut values)?;
            if !rest.is_empty() {
                return Err(format!("unexpected {rest:?} in start times"));
            }
            out.extend(values.into_iter().map(|v| match v {
                Value::Float(seconds) => Some((seconds * 1000.0).round() as i64),
                _ => None,
            }));
        }
        Ok(StartTimes(out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(text: &str) -> Vec<f64> {
        let of = |v: &Value| match v {
            Value::Float(v) => *v,
            _ => f64::NEG_INFINITY,
        };
        Values::parse(text).unwrap().0.iter().map(of).collect()
    }

    #[test]
    fn sequences() {
        let gap = f64::NEG_INFINITY;
        assert_eq!(floats("1 2.5 _ -3"), [1.0, 2.5, gap, -3.0]);
        assert_eq!(floats("1+2x3"), [1.0, 3.0, 5.0, 7.0]);
        assert_eq!(floats("010 08 0x1"), [8.0, 8.0, 0.0, 0.0]);
        assert_eq!(floats("-2-1x2 1e-1x1"), [-2.0, -3.0, -4.0, 0.1, 0.1]);
        assert_eq!(floats("_x3 1m30s"), [gap, gap, gap, 90.0]);
        assert!(floats("NaN stale").iter().all(|v| v.is_nan()));
        assert_eq!(floats("Inf -inf"), [f64::INFINITY, f64::NEG_INFINITY]);
        for bad in ["1+2", "x3", "1x", "foo", "1,2", "_2"] {
            assert!(Values::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn series_lines() {
        let line = parse_line(r#"{"utf8.name", "l.x"="a b}", y='q'} 1 2"#).unwrap();
        assert_eq!(line.labels.metric_name(), "utf8.name");
        assert_eq!(line.labels.get("l.x"), Some("a b}"));
        assert_eq!(line.values, "1 2");
        assert!(parse_line("a{b=\"c\"}@st 0x1").unwrap().is_start_times);
        assert_eq!(parse_line("{} 1").unwrap().labels, Labels::empty());
        assert!(parse_line("a{b=\"c\" 1").is_err());
    }
}
