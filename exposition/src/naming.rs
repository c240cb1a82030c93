//! Escaping of names for readers that know only the classic character set, and back.

use std::fmt::{self, Write};
use std::str::FromStr;

use promethium_model::labels::is_legacy_metric_name;

/// How names outside the classic character set are exposed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EscapingScheme {
    /// As they are, quoted.
    AllowUtf8,
    /// What is not legal becomes `_`. There is no way back.
    #[default]
    Underscores,
    /// `.` becomes `_dot_`, `_` becomes `__`, and what else is not legal `__`.
    Dots,
    /// `U__` in front, `_` becomes `__`, and what is not legal `_<code point in hexadecimal>_`.
    Values,
}

impl EscapingScheme {
    /// The name in `escaping=` parameters.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            EscapingScheme::AllowUtf8 => "allow-utf-8",
            EscapingScheme::Underscores => "underscores",
            EscapingScheme::Dots => "dots",
            EscapingScheme::Values => "values",
        }
    }
}

impl fmt::Display for EscapingScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EscapingScheme {
    type Err = ();

    /// Knows the names of [`EscapingScheme::as_str`].
    fn from_str(s: &str) -> Result<Self, ()> {
        Ok(match s {
            "allow-utf-8" => EscapingScheme::AllowUtf8,
            "underscores" => EscapingScheme::Underscores,
            "dots" => EscapingScheme::Dots,
            "values" => EscapingScheme::Values,
            _ => return Err(()),
        })
    }
}

/// The name as a scheme exposes it. Names of labels are judged by the rule for metric names, as Prometheus' client
/// library does: `a:b` is legal.
///
/// ```
/// use promethium_exposition::naming::{EscapingScheme, escape_name};
/// assert_eq!(escape_name("http.status", EscapingScheme::Underscores), "http_status");
/// assert_eq!(escape_name("http.status", EscapingScheme::Dots), "http_dot_status");
/// assert_eq!(escape_name("http.status", EscapingScheme::Values), "U__http_2e_status");
/// ```
#[must_use]
pub fn escape_name(name: &str, scheme: EscapingScheme) -> String {
    match scheme {
        EscapingScheme::AllowUtf8 => name.to_owned(),
        _ if name.is_empty() => String::new(),
        EscapingScheme::Dots => escape_dots(name),
        _ if is_legacy_metric_name(name) => name.to_owned(),
        EscapingScheme::Underscores => name.char_indices().map(|(i, c)| if is_legal(c, i) { c } else { '_' }).collect(),
        EscapingScheme::Values => escape_values(name),
    }
}

/// The name in a page: a legal one stays as it is, whatever the scheme.
pub(crate) fn exposed_name(name: &str, scheme: EscapingScheme) -> String {
    if is_legacy_metric_name(name) { name.to_owned() } else { escape_name(name, scheme) }
}

// The position is that of the byte: a digit is legal anywhere but first.
fn is_legal(c: char, at: usize) -> bool {
    c.is_ascii_alphabetic() || c == '_' || c == ':' || (c.is_ascii_digit() && at > 0)
}

fn escape_dots(name: &str) -> String {
    let mut out = String::with_capacity(name.len() * 2);
    for (i, c) in name.char_indices() {
        match c {
            '_' => out.push_str("__"),
            '.' => out.push_str("_dot_"),
            c if is_legal(c, i) => out.push(c),
            _ => out.push_str("__"),
        }
    }
    out
}

fn escape_values(name: &str) -> String {
    let mut out = String::with_capacity(name.len() * 2);
    out.push_str("U__");
    for (i, c) in name.char_indices() {
        match c {
            '_' => out.push_str("__"),
            c if is_legal(c, i) => out.push(c),
            c => drop(write!(out, "_{:x}_", u32::from(c))),
        }
    }
    out
}

/// The name that a scheme has exposed as `escaped`. What is no product of the scheme stays as it is.
///
/// ```
/// use promethium_exposition::naming::{EscapingScheme, unescape_name};
/// assert_eq!(unescape_name("U__http_2e_status", EscapingScheme::Values), "http.status");
/// assert_eq!(unescape_name("U__broken_", EscapingScheme::Values), "U__broken_");
/// ```
#[must_use]
pub fn unescape_name(escaped: &str, scheme: EscapingScheme) -> String {
    match scheme {
        EscapingScheme::AllowUtf8 | EscapingScheme::Underscores => escaped.to_owned(),
        EscapingScheme::Dots => escaped.replace("_dot_", ".").replace("__", "_"),
        EscapingScheme::Values => unescape_values(escaped).unwrap_or_else(|| escaped.to_owned()),
    }
}

const MAX_HEX_DIGITS: usize = 6;

fn unescape_values(escaped: &str) -> Option<String> {
    let mut rest = escaped.strip_prefix("U__")?;
    let mut out = String::with_capacity(rest.len());
    while let Some((plain, escape)) = rest.split_once('_') {
        out.push_str(plain);
        if let Some(after) = escape.strip_prefix('_') {
            out.push('_');
            rest = after;
            continue;
        }
        let (digits, after) = escape.split_once('_')?;
        if digits.len() > MAX_HEX_DIGITS || digits.starts_with('+') {
            return None;
        }
        out.push(char::from_u32(u32::from_str_radix(digits, 16).ok()?)?);
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use EscapingScheme::{AllowUtf8, Dots, Underscores, Values};

    #[test]
    fn the_schemes() {
        for (name, underscores, dots, values) in [
            ("", "", "", ""),
            ("no:escaping_required", "no:escaping_required", "no:escaping__required", "no:escaping_required"),
            (
                "mysystem.prod.west.cpu.load",
                "mysystem_prod_west_cpu_load",
                "mysystem_dot_prod_dot_west_dot_cpu_dot_load",
                "U__mysystem_2e_prod_2e_west_2e_cpu_2e_load",
            ),
            (
                "cpu.load_total.barbar",
                "cpu_load_total_barbar",
                "cpu_dot_load__total_dot_barbar",
                "U__cpu_2e_load__total_2e_barbar",
            ),
            ("http.status:sum", "http_status:sum", "http_dot_status:sum", "U__http_2e_status:sum"),
            ("lab€l with 😱", "lab_l_with__", "lab__l__with____", "U__lab_20ac_l_20_with_20__1f631_"),
            ("9a", "_a", "__a", "U___39_a"),
        ] {
            assert_eq!(escape_name(name, AllowUtf8), name);
            assert_eq!(escape_name(name, Underscores), underscores, "{name}");
            assert_eq!(escape_name(name, Dots), dots, "{name}");
            assert_eq!(escape_name(name, Values), values, "{name}");
            assert_eq!(unescape_name(values, Values), name);
        }
    }

    #[test]
    fn what_is_no_escape_stays() {
        for text in ["U__a_", "U__a_zz_", "U__a_1234567_", "U__a_d800_", "U__a_110000_", "a_2e_b", "U__a_+2e_"] {
            assert_eq!(unescape_name(text, Values), text);
        }
        assert_eq!(unescape_name("U__", Values), "");
        assert_eq!(unescape_name("a_dot_b__c", Dots), "a.b_c");
        assert_eq!(unescape_name("a_b", Underscores), "a_b");
    }
}
