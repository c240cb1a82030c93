//! Prometheus' functions on text and numbers.
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::arithmetic_side_effects
    )
)]

use std::net::IpAddr;

use promethium_model::float::FloatError;
use promethium_model::quote::go_quoted;
use promethium_model::regex::GoSearch;
use promethium_model::{RegexError, duration};

use super::constant;
use super::value::Value;

/// What number helpers take for a number: numbers, durations in seconds, and text.
pub(super) fn float(value: &Value<'_>) -> Result<f64, String> {
    match value {
        Value::Float(v) => Ok(*v),
        Value::Int(n) => Ok(*n as f64),
        Value::Str(_) | Value::Text(_) => parse_float(value.as_str().unwrap_or("")),
        Value::Nil => Err("can't convert <nil> to float".to_owned()),
        other => Err(format!("can't convert {} to float", other.type_name())),
    }
}

fn parse_float(text: &str) -> Result<f64, String> {
    constant::float(text).map_err(|error| {
        let why = match error {
            FloatError::Range => "value out of range",
            _ => "invalid syntax",
        };
        format!("strconv.ParseFloat: parsing {}: {why}", go_quoted(text))
    })
}

/// A Prometheus duration in seconds, with an optional minus.
pub(super) fn duration_seconds(text: &str) -> Result<f64, String> {
    let (sign, magnitude) = text.strip_prefix('-').map_or((1.0, text), |rest| (-1.0, rest));
    match duration::parse_ms(magnitude) {
        Ok(ms) => Ok(sign * (ms as f64 / 1e3)),
        Err(_) => Err(duration::parse_ms(text).map_or_else(|error| error.to_string(), |_| String::new())),
    }
}

pub(super) fn is_match(pattern: &str, text: &str) -> Result<bool, String> {
    GoSearch::new(pattern).map(|search| search.is_match(text)).map_err(|error| error.to_string())
}

pub(super) fn replace_all(pattern: &str, replacement: &str, text: &str, limit: usize) -> Result<String, String> {
    let search = GoSearch::new(pattern).map_err(|error| match error {
        // Prometheus compiles with a function that panics in these words.
        RegexError::Syntax(_) => format!("regexp: Compile({}): {error}", go_backquoted(pattern)),
        other => other.to_string(),
    })?;
    search.replace_all(text, replacement, limit).ok_or_else(|| super::too_long(limit))
}

/// Go quotes a pattern with back quotes where it can.
fn go_backquoted(text: &str) -> String {
    let plain = |c: char| c != '`' && c != '\u{feff}' && (c == '\t' || !c.is_control());
    if text.chars().all(plain) { format!("`{text}`") } else { go_quoted(text) }
}

/// The path of the expression browser that shows `expr` in this tab.
pub(super) fn link(expr: &str, tab: u8) -> String {
    format!("/graph?g0.expr={}&g0.tab={tab}", crate::notifier::form_escaped(expr))
}

/// The path of a URL.
pub(super) fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let path = rest.find('/').and_then(|start| rest.get(start..)).unwrap_or("");
    path.split(['?', '#']).next().unwrap_or("")
}

/// The first letter of each word raised, the rest kept. Words are runs of letters, digits, underscores and apostrophes.
pub(super) fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_word = false;
    for c in text.chars() {
        if in_word || !c.is_alphabetic() {
            out.push(c);
        } else {
            out.extend(titled(c));
        }
        in_word = c.is_alphanumeric() || c == '_' || (in_word && matches!(c, '\'' | '’'));
    }
    out
}

/// The title case of a letter: upper case, but for the few that have a form of their own.
fn titled(c: char) -> Vec<char> {
    match c {
        'ǆ' | 'Ǆ' | 'ǅ' => vec!['ǅ'],
        'ǉ' | 'Ǉ' | 'ǈ' => vec!['ǈ'],
        'ǌ' | 'Ǌ' | 'ǋ' => vec!['ǋ'],
        'ǳ' | 'Ǳ' | 'ǲ' => vec!['ǲ'],
        c => c.to_uppercase().collect(),
    }
}

/// Host and port, as Go's `SplitHostPort` reads them; `None` when it would not.
fn split_host_port(address: &str) -> Option<(&str, &str)> {
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            (host, after.strip_prefix(':')?)
        }
        None => address.rsplit_once(':').filter(|(host, _)| !host.contains(':'))?,
    };
    let odd = |text: &str| text.contains(['[', ']']);
    (!odd(host) && !odd(port) && !port.contains(':')).then_some((host, port))
}

pub(super) fn strip_port(address: &str) -> &str {
    split_host_port(address).map_or(address, |(host, _)| host)
}

/// The host name up to its first dot; addresses in numbers stay, and so does the port.
pub(super) fn strip_domain(address: &str) -> String {
    let (host, port) = split_host_port(address).unwrap_or((address, ""));
    if host.parse::<IpAddr>().is_ok() {
        return address.to_owned();
    }
    let host = host.split('.').next().unwrap_or(host);
    if port.is_empty() { host.to_owned() } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports() {
        for (address, host, short) in [
            ("a.b.c:9100", "a.b.c", "a:9100"),
            ("a.b.c", "a.b.c", "a"),
            ("[::1]:6006", "::1", "[::1]:6006"),
            ("::1", "::1", "::1"),
            ("10.0.0.1:80", "10.0.0.1", "10.0.0.1:80"),
            ("", "", ""),
        ] {
            assert_eq!((strip_port(address), strip_domain(address).as_str()), (host, short), "{address}");
        }
    }

    #[test]
    fn titles_paths_and_durations() {
        assert_eq!(title("aa bB-cc d'e 1x élan"), "Aa BB-Cc D'e 1x Élan");
        assert_eq!(path_of("http://h:1/a/b?x"), "/a/b");
        assert_eq!((path_of("http://h"), path_of("")), ("", ""));
        assert_eq!(duration_seconds("-1m30s"), Ok(-90.0));
        assert_eq!(duration_seconds("x").unwrap_err(), "not a valid duration string: \"x\"");
    }
}
