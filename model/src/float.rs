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

mod decimal;
mod hex;
mod parse;

use decimal::{Decimal, WIDTH};
pub use parse::{FloatError, parse_go, parse_go_lenient};

/// What floats are appended to: a text, or the bytes of one.
pub trait AsciiSink {
    /// Appends bytes that are all ASCII.
    fn push_ascii(&mut self, ascii: &[u8]);
}

impl AsciiSink for String {
    fn push_ascii(&mut self, ascii: &[u8]) {
        self.push_str(std::str::from_utf8(ascii).unwrap_or_default());
    }
}

impl AsciiSink for Vec<u8> {
    #[inline]
    fn push_ascii(&mut self, ascii: &[u8]) {
        self.extend_from_slice(ascii);
    }
}

/// Appends `v` as Go's `'g', -1`: exponent form when the decimal exponent is below −4 or at least 6, however many
/// digits there are.
pub fn push_g(out: &mut impl AsciiSink, v: f64) {
    push_with(out, v, push_shorter_form);
}

// Up to so many digits before the point 'g' has no exponent.
const G_DIGITS: i32 = 6;

fn push_shorter_form<S: AsciiSink>(out: &mut S, d: &Decimal) {
    if (-3..=G_DIGITS).contains(&d.exponent) { push_plain_form(out, d) } else { push_exponent_form(out, d) }
}

/// Appends `v` as Go's `'f', -1`: never an exponent.
pub fn push_f(out: &mut impl AsciiSink, v: f64) {
    push_with(out, v, push_plain_form);
}

/// Appends `v` as Go's `'e', -1`: always an exponent.
pub fn push_e(out: &mut impl AsciiSink, v: f64) {
    push_with(out, v, push_exponent_form);
}

/// Appends `v` as the HTTP API prints sample values.
pub fn push_json(out: &mut impl AsciiSink, v: f64) {
    let magnitude = v.abs();
    let exponent = magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude);
    push_with(out, v, |out, d| if exponent { push_exponent_form(out, d) } else { push_plain_form(out, d) });
}

/// Appends `v` as OpenMetrics wants `le` and `quantile`: `'g'`, with `.0` where there is neither point nor exponent.
pub fn push_open_metrics(out: &mut impl AsciiSink, v: f64) {
    // A negative zero is written as zero.
    push_with(out, if v == 0.0 { 0.0 } else { v }, |out, d| {
        push_shorter_form(out, d);
        if d.len as i32 <= d.exponent && d.exponent <= G_DIGITS {
            out.push_ascii(b".0");
        }
    });
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

fn push_with<S: AsciiSink>(out: &mut S, v: f64, layout: impl Fn(&mut S, &Decimal)) {
    if v.is_nan() {
        return out.push_ascii(b"NaN");
    }
    if v.is_infinite() {
        return out.push_ascii(if v > 0.0 { b"+Inf" } else { b"-Inf" });
    }
    if v.is_sign_negative() {
        out.push_ascii(b"-");
    }
    layout(out, &Decimal::of(v.abs()));
}

fn push_zeros(out: &mut impl AsciiSink, n: usize) {
    const ZEROS: [u8; 32] = [b'0'; 32];
    let mut left = n;
    while left > 0 {
        let piece = left.min(ZEROS.len());
        out.push_ascii(&ZEROS[..piece]);
        left -= piece;
    }
}

fn push_plain_form<S: AsciiSink>(out: &mut S, d: &Decimal) {
    if d.exponent <= 0 {
        out.push_ascii(b"0.");
        push_zeros(out, d.exponent.unsigned_abs() as usize);
        return out.push_ascii(d.digits());
    }
    let whole = d.exponent.unsigned_abs() as usize;
    if d.len > whole {
        return push_with_point(out, d, whole);
    }
    // Behind the digits there are zeros.
    out.push_ascii(&d.digits[..whole.min(WIDTH)]);
    push_zeros(out, whole.saturating_sub(WIDTH));
}

/// The digits with a point behind the first `whole`, which are not all. Copies of one length are cheaper than those of
/// the right one.
fn push_with_point(out: &mut impl AsciiSink, d: &Decimal, whole: usize) {
    let mut text = [b'0'; 2 * WIDTH];
    text[1..=WIDTH].copy_from_slice(&d.digits);
    text.copy_within(1..=whole, 0);
    text[whole] = b'.';
    out.push_ascii(&text[..=d.len]);
}

fn push_exponent_form<S: AsciiSink>(out: &mut S, d: &Decimal) {
    if d.len > 1 {
        push_with_point(out, d, 1);
    } else {
        out.push_ascii(d.digits());
    }
    let exponent = if d.digits() == b"0" { 0 } else { d.exponent - 1 };
    let sign = if exponent < 0 { b'-' } else { b'+' };
    let magnitude = exponent.unsigned_abs();
    let digit = |n: u32| b'0' + (n % 10) as u8;
    let text = [b'e', sign, digit(magnitude / 100), digit(magnitude / 10), digit(magnitude)];
    if magnitude < 100 {
        return out.push_ascii(&[b'e', sign, text[3], text[4]]);
    }
    out.push_ascii(&text);
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
