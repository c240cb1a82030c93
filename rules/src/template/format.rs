//! Go's `fmt` verbs: `printf` of templates, and floats with a precision.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use promethium_model::float::{format_e, format_f, format_g};
use promethium_model::quote::go_quoted;

use super::eval::Value;

/// Widest field and longest fraction that a format may ask for.
const MAX_WIDTH: usize = 1_000;
const VERBS: &str = "svqdfFeEgG";

/// One verb of a format: `%-08.3f`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Directive {
    minus: bool,
    plus: bool,
    space: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
    verb: char,
}

enum Part<'a> {
    Text(&'a str),
    Verb(Directive),
}

/// Whether a format uses only verbs that exist here.
pub(super) fn check_format(format: &str) -> Result<(), String> {
    parts(format).map(drop)
}

/// Fills a format in, with Go's notes on missing, extra and mismatched arguments.
pub(super) fn sprintf(format: &str, arguments: &[Value]) -> Result<String, String> {
    let mut out = String::new();
    let mut left = arguments.iter();
    for part in parts(format)? {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Verb(directive) => match left.next() {
                Some(value) => out.push_str(&directive.apply(value)?),
                None => out.push_str(&format!("%!{}(MISSING)", directive.verb)),
            },
        }
    }
    let extra: Vec<String> = left.map(typed).collect::<Result<_, _>>()?;
    if !extra.is_empty() {
        out.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    Ok(out)
}

fn typed(value: &Value) -> Result<String, String> {
    Ok(format!("{}={}", value.type_name(), value.plain()?))
}

fn parts(format: &str) -> Result<Vec<Part<'_>>, String> {
    let mut parts = Vec::new();
    let mut rest = format;
    while let Some((text, after)) = rest.split_once('%') {
        parts.push(Part::Text(text));
        match after.strip_prefix('%') {
            Some(after) => {
                parts.push(Part::Text("%"));
                rest = after;
            }
            None => {
                let (directive, after) = directive(after)?;
                parts.push(Part::Verb(directive));
                rest = after;
            }
        }
    }
    parts.push(Part::Text(rest));
    Ok(parts)
}

fn directive(text: &str) -> Result<(Directive, &str), String> {
    let mut directive = Directive::default();
    let after_flags = text.trim_start_matches(|c| directive.take_flag(c));
    let (width, after_width) = digits(after_flags)?;
    directive.width = width.unwrap_or(0);
    let rest = match after_width.strip_prefix('.') {
        Some(fraction) => {
            let (precision, rest) = digits(fraction)?;
            directive.precision = Some(precision.unwrap_or(0));
            rest
        }
        None => after_width,
    };
    let Some(verb) = rest.chars().next() else { return Err("printf: no verb at the end of the format".to_owned()) };
    if !VERBS.contains(verb) {
        return Err(format!("printf: verb %{verb} is not available in these templates"));
    }
    directive.verb = verb;
    Ok((directive, rest.get(verb.len_utf8()..).unwrap_or_default()))
}

fn digits(text: &str) -> Result<(Option<usize>, &str), String> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    if number.is_empty() {
        return Ok((None, rest));
    }
    match number.parse() {
        Ok(n) if n <= MAX_WIDTH => Ok((Some(n), rest)),
        _ => Err(format!("printf: width or precision above {MAX_WIDTH}")),
    }
}

impl Directive {
    fn take_flag(&mut self, c: char) -> bool {
        match c {
            '-' => self.minus = true,
            '+' => self.plus = true,
            ' ' => self.space = true,
            '0' => self.zero = true,
            _ => return false,
        }
        true
    }

    fn apply(&self, value: &Value) -> Result<String, String> {
        match (self.verb, value) {
            ('s' | 'v', Value::Text(text)) => Ok(self.pad(&self.cut(text), false)),
            ('q', Value::Text(text)) => Ok(self.pad(&go_quoted(&self.cut(text)), false)),
            ('v' | 'd', Value::Int(n)) => Ok(self.pad(&self.signed(self.integer(*n)), self.precision.is_none())),
            ('v', Value::Number(v)) => Ok(self.float(*v, 'g')),
            ('f' | 'F' | 'e' | 'E' | 'g' | 'G', Value::Number(v)) => Ok(self.float(*v, self.verb)),
            ('v' | 's', Value::Map(_)) => value.plain(),
            _ => Ok(format!("%!{}({})", self.verb, typed(value)?)),
        }
    }

    fn cut(&self, text: &str) -> String {
        text.chars().take(self.precision.unwrap_or(usize::MAX)).collect()
    }

    /// An integer with at least `precision` digits.
    fn integer(&self, n: i64) -> String {
        let sign = if n < 0 { "-" } else { "" };
        format!("{sign}{:0>width$}", n.unsigned_abs(), width = self.precision.unwrap_or(1))
    }

    fn float(&self, v: f64, verb: char) -> String {
        // Only %e and %f have a default precision; the others print the shortest digits.
        let precision = match verb {
            'g' | 'G' => self.precision,
            _ => Some(self.precision.unwrap_or(6)),
        };
        let text = float_text(v, verb.to_ascii_lowercase(), precision);
        let text = if matches!(verb, 'E' | 'G') { text.replace('e', "E") } else { text };
        // Go signs an infinity by itself; a plain one is printed +Inf.
        self.pad(&self.signed(text), v.is_finite())
    }

    fn signed(&self, text: String) -> String {
        if text.starts_with(['-', '+']) {
            return text;
        }
        match (self.plus, self.space) {
            (true, _) => format!("+{text}"),
            (false, true) => format!(" {text}"),
            (false, false) => text,
        }
    }

    /// Fills up to the width: blanks, or zeros after the sign where the value is a number.
    fn pad(&self, text: &str, zeros: bool) -> String {
        let missing = self.width.saturating_sub(text.chars().count());
        if self.minus {
            return format!("{text}{}", " ".repeat(missing));
        }
        if !(self.zero && zeros) {
            return format!("{}{text}", " ".repeat(missing));
        }
        let digits = text.trim_start_matches(['-', '+', ' ']);
        let sign = text.strip_suffix(digits).unwrap_or_default();
        format!("{sign}{}{digits}", "0".repeat(missing))
    }
}

/// A float as Go's `strconv` lays it out: `verb` is `e`, `f` or `g`, no precision means the shortest digits.
pub(super) fn float_text(v: f64, verb: char, precision: Option<usize>) -> String {
    let Some(precision) = precision.filter(|_| v.is_finite()) else {
        return match verb {
            'e' => format_e(v),
            'f' => format_f(v),
            _ => format_g(v),
        };
    };
    match verb {
        'f' => format!("{v:.precision$}"),
        'e' => exponent_text(v, precision),
        _ => general_text(v, precision.max(1)),
    }
}

/// `1.25e-03`: at least two digits of exponent, always signed.
fn exponent_text(v: f64, precision: usize) -> String {
    let text = format!("{v:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, magnitude) = exponent.strip_prefix('-').map_or(('+', exponent), |magnitude| ('-', magnitude));
    format!("{mantissa}e{sign}{magnitude:0>2}")
}

/// `%g`: `digits` significant ones, trailing zeros dropped, an exponent below −4 and from `digits` on.
fn general_text(v: f64, digits: usize) -> String {
    let scientific = exponent_text(v, digits.saturating_sub(1));
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "+00"));
    let power: i32 = exponent.parse().unwrap_or(0);
    let decimals = i32::try_from(digits).unwrap_or(i32::MAX).saturating_sub(1).saturating_sub(power);
    if power < -4 || decimals < 0 {
        return format!("{}e{exponent}", without_trailing_zeros(mantissa));
    }
    let decimals = usize::try_from(decimals).unwrap_or(0);
    without_trailing_zeros(&format!("{v:.decimals$}")).to_owned()
}

fn without_trailing_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}
