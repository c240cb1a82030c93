//! Integers and floats under the verbs of `printf`.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use promethium_model::float::{format_e, format_f, format_g};
use promethium_model::quote::go_quoted;

use super::text::ascii_quoted;
use super::verb::Spec;
use crate::template::value::Value;

impl Spec {
    pub(super) fn integer(&self, out: &mut String, verb: char, n: i128, value: &Value<'_>) {
        let magnitude = n.unsigned_abs();
        match verb {
            'v' if self.sharp_v && matches!(value, Value::Byte(_)) => {
                let hexadecimal = Spec { sharp: true, ..*self };
                hexadecimal.signed(out, n < 0, "0x", &format!("{magnitude:x}"));
            }
            'v' | 'd' => self.signed(out, n < 0, "", &self.digits(magnitude, magnitude.to_string())),
            'b' => self.based(out, n, "0b", format!("{magnitude:b}")),
            'o' => self.octal(out, n, false),
            'O' => self.octal(out, n, true),
            'x' => self.based(out, n, "0x", format!("{magnitude:x}")),
            'X' => self.based(out, n, "0X", format!("{magnitude:X}")),
            'c' => self.pad(out, &character(n).to_string()),
            'q' => self.pad(out, &self.quoted_character(character(n))),
            'U' => self.pad(out, &self.code_point(n)),
            _ => self.bad(out, verb, value),
        }
    }

    fn based(&self, out: &mut String, n: i128, prefix: &str, digits: String) {
        let digits = self.digits(n.unsigned_abs(), digits);
        self.signed(out, n < 0, if self.sharp { prefix } else { "" }, &digits);
    }

    fn octal(&self, out: &mut String, n: i128, marked: bool) {
        let digits = self.digits(n.unsigned_abs(), format!("{:o}", n.unsigned_abs()));
        let prefix = match (marked, self.sharp && !digits.starts_with('0')) {
            (true, _) => "0o",
            (false, true) => "0",
            (false, false) => "",
        };
        self.signed(out, n < 0, prefix, &digits);
    }

    /// At least `precision` digits; none at all for a zero under precision 0.
    fn digits(&self, magnitude: u128, digits: String) -> String {
        match self.precision {
            Some(0) if magnitude == 0 => String::new(),
            Some(precision) => format!("{digits:0>precision$}"),
            None => digits,
        }
    }

    /// Sign, prefix and digits, filled up to the width: with zeros between sign and digits where the flag asks for it.
    fn signed(&self, out: &mut String, negative: bool, prefix: &str, digits: &str) {
        let sign = match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            (false, false, false) => "",
        };
        let zeros = if self.zero && !self.minus && self.precision.is_none() {
            self.width.unwrap_or(0).saturating_sub(sign.len()).saturating_sub(digits.len())
        } else {
            0
        };
        self.pad(out, &format!("{sign}{prefix}{}{digits}", "0".repeat(zeros)));
    }

    fn quoted_character(&self, c: char) -> String {
        let text = c.to_string();
        let double = if self.plus { ascii_quoted(&text) } else { go_quoted(&text) };
        let inside = double.strip_prefix('"').and_then(|d| d.strip_suffix('"')).unwrap_or(&double);
        match c {
            '\'' => "'\\''".to_owned(),
            '"' => "'\"'".to_owned(),
            _ => format!("'{inside}'"),
        }
    }

    fn code_point(&self, n: i128) -> String {
        let digits = self.precision.unwrap_or(4).max(4);
        let number = format!("U+{:0>digits$}", format!("{:X}", n.unsigned_abs()));
        match char::from_u32(u32::try_from(n).unwrap_or(u32::MAX)).filter(|c| self.sharp && !c.is_control()) {
            Some(c) => format!("{number} '{c}'"),
            None => number,
        }
    }

    pub(super) fn float(&self, out: &mut String, verb: char, v: f64, value: &Value<'_>) {
        let (layout, precision) = match verb {
            'v' => ('g', None),
            'g' | 'G' | 'x' | 'X' | 'b' => (verb, None),
            'e' | 'E' | 'f' => (verb, Some(6)),
            'F' => ('f', Some(6)),
            _ => return self.bad(out, verb, value),
        };
        let text = laid_out(v, layout, self.precision.or(precision));
        let text = if self.sharp && v.is_finite() { self.with_point(&text, layout) } else { text };
        self.push_float(out, &text, v);
    }

    fn push_float(&self, out: &mut String, text: &str, v: f64) {
        let (negative, magnitude) = text.strip_prefix('-').map_or((false, text), |m| (true, m));
        let magnitude = magnitude.strip_prefix('+').unwrap_or(magnitude);
        let sign = match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            // An infinity shows its sign by itself.
            (false, false, false) if v == f64::INFINITY => "+",
            (false, false, false) => "",
        };
        if !(self.zero && !self.minus && v.is_finite()) {
            return self.pad(out, &format!("{sign}{magnitude}"));
        }
        let missing = self.width.unwrap_or(0).saturating_sub(sign.len()).saturating_sub(magnitude.len());
        out.push_str(sign);
        out.extend(std::iter::repeat_n('0', missing));
        out.push_str(magnitude);
    }

    /// `%#g` keeps its trailing zeros and its point; the other layouts get a point.
    fn with_point(&self, text: &str, layout: char) -> String {
        let (mantissa, exponent) = match text.find(['e', 'E', 'p', 'P']) {
            Some(at) => (text.get(..at).unwrap_or(text), text.get(at..).unwrap_or("")),
            None => (text, ""),
        };
        let mut mantissa = mantissa.to_owned();
        if !mantissa.contains('.') {
            mantissa.push('.');
        }
        if matches!(layout, 'g' | 'G') {
            let wanted = self.precision.unwrap_or(6);
            let digits = mantissa.trim_start_matches(['-', '0', '.']).chars().filter(char::is_ascii_digit).count();
            mantissa.extend(std::iter::repeat_n('0', wanted.saturating_sub(digits.max(1))));
        }
        mantissa + exponent
    }
}

fn character(n: i128) -> char {
    u32::try_from(n).ok().and_then(char::from_u32).unwrap_or('\u{fffd}')
}

fn laid_out(v: f64, layout: char, precision: Option<usize>) -> String {
    match layout {
        'x' | 'X' if v.is_finite() => hexadecimal(v, precision, layout == 'X'),
        'b' if v.is_finite() => binary(v),
        'E' | 'G' => float_text(v, layout.to_ascii_lowercase(), precision).replace('e', "E"),
        'x' | 'X' | 'b' => float_text(v, 'g', None),
        _ => float_text(v, layout, precision),
    }
}

/// A float as Go's `strconv` lays it out: `layout` is `e`, `f` or `g`, no precision means the shortest digits.
pub(in crate::template) fn float_text(v: f64, layout: char, precision: Option<usize>) -> String {
    let Some(precision) = precision.filter(|_| v.is_finite()) else {
        return match layout {
            'e' => format_e(v),
            'f' => format_f(v),
            _ => format_g(v),
        };
    };
    match layout {
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

/// `%g`: `digits` significant ones, trailing zeros dropped, an exponent below −4 and from `digits` on; a number that has
/// fewer digits than asked for goes without exponent up to its own length.
fn general_text(v: f64, digits: usize) -> String {
    let scientific = exponent_text(v, digits.saturating_sub(1));
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "+00"));
    let power: i32 = exponent.parse().unwrap_or(0);
    let digits = i32::try_from(digits).unwrap_or(i32::MAX);
    let mantissa = without_trailing_zeros(mantissa);
    let own = i32::try_from(mantissa.chars().filter(char::is_ascii_digit).count()).unwrap_or(i32::MAX);
    let threshold = if digits > own && own > power { own } else { digits };
    if power < -4 || power >= threshold {
        return format!("{mantissa}e{exponent}");
    }
    let decimals = usize::try_from(digits.saturating_sub(1).saturating_sub(power)).unwrap_or(0);
    without_trailing_zeros(&format!("{v:.decimals$}")).to_owned()
}

fn without_trailing_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// Mantissa and power of two: `v = mantissa · 2^power`, both whole; zero has power −1074.
fn decoded(v: f64) -> (u64, i64) {
    let bits = v.to_bits();
    let fraction = bits & 0x000f_ffff_ffff_ffff;
    match i64::try_from(bits >> 52 & 0x7ff).unwrap_or(0) {
        0 => (fraction, -1_074),
        power => (fraction | 1 << 52, power.saturating_sub(1_075)),
    }
}

/// `%b`: `4503599627370496p-52`.
fn binary(v: f64) -> String {
    let (mantissa, power) = decoded(v);
    format!("{}{mantissa}p{power:+}", if v.is_sign_negative() { "-" } else { "" })
}

/// `%x`: `0x1.8p+01`.
fn hexadecimal(v: f64, precision: Option<usize>, upper: bool) -> String {
    let sign = if v.is_sign_negative() { "-" } else { "" };
    let (mut mantissa, mut power) = decoded(v);
    if mantissa == 0 {
        power = 0;
    } else {
        // One digit before the point, 13 behind it.
        let shift = mantissa.leading_zeros().saturating_sub(11);
        mantissa <<= shift;
        power = power.saturating_sub(i64::from(shift)).saturating_add(52);
    }
    if let Some(digits) = precision.filter(|digits| *digits < 13) {
        let drop = u32::try_from(13usize.saturating_sub(digits).saturating_mul(4)).unwrap_or(0);
        mantissa = rounded(mantissa, drop);
        if mantissa >> 53 > 0 {
            mantissa >>= 1;
            power = power.saturating_add(1);
        }
    }
    let fraction = format!("{:013x}", mantissa & 0x000f_ffff_ffff_ffff);
    let fraction: String = match precision {
        Some(digits) => fraction.chars().chain(std::iter::repeat('0')).take(digits).collect(),
        None => fraction.trim_end_matches('0').to_owned(),
    };
    let point = if fraction.is_empty() { "" } else { "." };
    let exponent_sign = if power < 0 { '-' } else { '+' };
    let text = format!("{sign}0x{}{point}{fraction}p{exponent_sign}{:02}", mantissa >> 52, power.unsigned_abs());
    if upper { text.to_uppercase() } else { text }
}

/// The last `drop` bits rounded away, halves to even.
fn rounded(mantissa: u64, drop: u32) -> u64 {
    let unit = 1u64.checked_shl(drop).unwrap_or(1);
    let (whole, half) = (mantissa.checked_shr(drop).unwrap_or(0), unit.checked_shr(1).unwrap_or(0));
    let rest = mantissa & unit.saturating_sub(1);
    let up = rest > half || (rest == half && whole & 1 == 1);
    whole.saturating_add(u64::from(up)).saturating_mul(unit)
}
