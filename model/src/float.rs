//! Floats as Go prints and reads them: the layouts that Prometheus' users see.
//!
//! Digits are the shortest that read back equal; only the layout differs:
//!
//! | function | Go | where |
//! |---|---|---|
//! | [`format_g`] | `'g', -1` | text exposition, messages (`%g`), histogram strings |
//! | [`format_f`] | `'f', -1` | PromQL printer, `count_values` |
//! | [`format_e`] | `'e', -1` | value of an alert in the rules API |
//! | [`format_json`] | `'f'`, or `'e'` below 1e-6 and from 1e21 | sample values in the HTTP API |
//! | [`format_open_metrics`] | `'g'` with `.0` | `le` and `quantile` labels |

mod hex;
mod parse;

pub use parse::{FloatError, parse_go, parse_go_lenient};

/// Shortest decimal digits of a finite float: value = 0.d₁d₂… × 10^exponent.
struct Decimal {
    digits: [u8; 17],
    len: usize,
    exponent: i32,
}

impl Decimal {
    fn digits(&self) -> &[u8] {
        &self.digits[..self.len]
    }
}

fn decimal_of(magnitude: f64) -> Decimal {
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(magnitude);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.strip_prefix('+').unwrap_or(exponent).parse().unwrap_or(0);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut decimal = Decimal { digits: [0; 17], len: 0, exponent: exponent + whole.len() as i32 };
    let mut leading = true;
    for digit in whole.bytes().chain(fraction.bytes()) {
        if leading && digit == b'0' {
            decimal.exponent -= 1;
            continue;
        }
        leading = false;
        if decimal.len < decimal.digits.len() {
            decimal.digits[decimal.len] = digit;
            decimal.len += 1;
        }
    }
    while decimal.len > 0 && decimal.digits[decimal.len - 1] == b'0' {
        decimal.len -= 1;
    }
    if decimal.len == 0 {
        decimal = Decimal { digits: [b'0'; 17], len: 1, exponent: 1 };
    }
    decimal
}

/// Appends `v` as Go's `'g', -1`: exponent form when the decimal exponent is below −4 or at least 6, however many
/// digits there are.
pub fn push_g(out: &mut String, v: f64) {
    push_with(out, v, |out, d| {
        let exponent = d.exponent - 1;
        if (-4..6).contains(&exponent) { push_plain_form(out, d) } else { push_exponent_form(out, d) }
    });
}

/// Appends `v` as Go's `'f', -1`: never an exponent.
pub fn push_f(out: &mut String, v: f64) {
    push_with(out, v, push_plain_form);
}

/// Appends `v` as Go's `'e', -1`: always an exponent.
pub fn push_e(out: &mut String, v: f64) {
    push_with(out, v, push_exponent_form);
}

/// Appends `v` as the HTTP API prints sample values.
pub fn push_json(out: &mut String, v: f64) {
    let magnitude = v.abs();
    let exponent = magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude);
    push_with(out, v, |out, d| if exponent { push_exponent_form(out, d) } else { push_plain_form(out, d) });
}

/// Appends `v` as OpenMetrics wants `le` and `quantile`: `'g'`, with `.0` where there is neither point nor exponent.
pub fn push_open_metrics(out: &mut String, v: f64) {
    let start = out.len();
    // A negative zero is written as zero.
    push_g(out, if v == 0.0 { 0.0 } else { v });
    if v.is_finite() && !out[start..].contains(['.', 'e']) {
        out.push_str(".0");
    }
}

/// See [`push_g`].
#[must_use]
pub fn format_g(v: f64) -> String {
    text_of(v, push_g)
}

/// See [`push_f`].
#[must_use]
pub fn format_f(v: f64) -> String {
    text_of(v, push_f)
}

/// See [`push_e`].
#[must_use]
pub fn format_e(v: f64) -> String {
    text_of(v, push_e)
}

/// See [`push_json`].
#[must_use]
pub fn format_json(v: f64) -> String {
    text_of(v, push_json)
}

/// See [`push_open_metrics`].
#[must_use]
pub fn format_open_metrics(v: f64) -> String {
    text_of(v, push_open_metrics)
}

fn text_of(v: f64, push: impl Fn(&mut String, f64)) -> String {
    let mut out = String::with_capacity(24);
    push(&mut out, v);
    out
}

fn push_with(out: &mut String, v: f64, layout: impl Fn(&mut String, &Decimal)) {
    if v.is_nan() {
        return out.push_str("NaN");
    }
    if v.is_infinite() {
        return out.push_str(if v > 0.0 { "+Inf" } else { "-Inf" });
    }
    if v.is_sign_negative() {
        out.push('-');
    }
    layout(out, &decimal_of(v.abs()));
}

fn push_digits(out: &mut String, digits: &[u8]) {
    out.extend(digits.iter().map(|d| char::from(*d)));
}

fn push_zeros(out: &mut String, n: usize) {
    out.extend(std::iter::repeat_n('0', n));
}

fn push_plain_form(out: &mut String, d: &Decimal) {
    let digits = d.digits();
    if d.exponent <= 0 {
        out.push_str("0.");
        push_zeros(out, d.exponent.unsigned_abs() as usize);
        return push_digits(out, digits);
    }
    let whole = d.exponent.unsigned_abs() as usize;
    if digits.len() <= whole {
        push_digits(out, digits);
        return push_zeros(out, whole - digits.len());
    }
    push_digits(out, &digits[..whole]);
    out.push('.');
    push_digits(out, &digits[whole..]);
}

fn push_exponent_form(out: &mut String, d: &Decimal) {
    let (first, rest) = d.digits().split_at(1);
    push_digits(out, first);
    if !rest.is_empty() {
        out.push('.');
        push_digits(out, rest);
    }
    let exponent = if d.digits() == b"0" { 0 } else { d.exponent - 1 };
    out.push_str(if exponent < 0 { "e-" } else { "e+" });
    let magnitude = exponent.unsigned_abs();
    if magnitude < 10 {
        out.push('0');
    }
    out.push_str(&magnitude.to_string());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    #[test]
    fn g_switches_to_exponents_at_minus_5_and_at_6() {
        for (v, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (100000.0, "100000"),
            (1000000.0, "1e+06"),
            (1234567.0, "1.234567e+06"),
            (123456.7, "123456.7"),
            (1756047.3, "1.7560473e+06"),
            (1234567.89, "1.23456789e+06"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1e21, "1e+21"),
            (1e-300, "1e-300"),
            (f64::MAX, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
            (12345678.0, "1.2345678e+07"),
            (f64::INFINITY, "+Inf"),
            (f64::NAN, "NaN"),
            (-2.5, "-2.5"),
        ] {
            assert_eq!(format_g(v), text);
        }
    }

    #[test]
    fn f_has_no_exponent() {
        for (v, text) in [
            (1e21, "1000000000000000000000"),
            (1e-7, "0.0000001"),
            (0.5, "0.5"),
            (0.0, "0"),
            (123.0, "123"),
            (-1.25e3, "-1250"),
        ] {
            assert_eq!(format_f(v), text);
        }
    }

    #[test]
    fn e_always_has_one() {
        for (v, text) in [(1.0, "1e+00"), (0.0, "0e+00"), (-12.5, "-1.25e+01"), (1e100, "1e+100"), (0.001, "1e-03")] {
            assert_eq!(format_e(v), text);
        }
    }

    #[test]
    fn json_switches_at_1e_minus_6_and_1e21() {
        for (v, text) in [
            (1e-7, "1e-07"),
            (1e-6, "0.000001"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (0.0, "0"),
            (-0.0, "-0"),
            (1234567.5, "1234567.5"),
        ] {
            assert_eq!(format_json(v), text);
        }
    }

    #[test]
    fn open_metrics_has_a_point_or_an_exponent() {
        for (v, text) in [
            (1.0, "1.0"),
            (0.5, "0.5"),
            (0.0, "0.0"),
            (-0.0, "0.0"),
            (-1.0, "-1.0"),
            (1e6, "1e+06"),
            (f64::INFINITY, "+Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(format_open_metrics(v), text);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

        #[test]
        fn every_layout_reads_back(bits in any::<u64>()) {
            let v = f64::from_bits(bits);
            for text in [format_g(v), format_f(v), format_e(v), format_json(v)] {
                let back: f64 = text.trim_start_matches('+').parse().unwrap();
                prop_assert!(back.to_bits() == bits || v.is_nan() && back.is_nan(), "{text}");
            }
            let text = format_open_metrics(v);
            let back: f64 = text.trim_start_matches('+').parse().unwrap();
            prop_assert!(back == v || v.is_nan() && back.is_nan(), "{text}");
        }
    }
}
