//! Numbers: the four layouts of the API.

use promethium_model::float;

/// `00` to `99`.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut n = 0;
    while n < 100 {
        pairs[n] = [b'0' + (n / 10) as u8, b'0' + (n % 10) as u8];
        n += 1;
    }
    pairs
};

/// Writes a whole number.
pub(crate) fn push_integer(out: &mut String, n: u64) {
    // The last digits come first. PERF: two at a time, half the divisions.
    let mut digits = [b'0'; 20];
    let mut start = digits.len();
    let mut rest = n;
    while rest >= 100 {
        start -= 2;
        digits[start..start + 2].copy_from_slice(&PAIRS[(rest % 100) as usize]);
        rest /= 100;
    }
    let [tens, ones] = PAIRS[rest as usize];
    start -= 1;
    digits[start] = ones;
    if tens != b'0' {
        start -= 1;
        digits[start] = tens;
    }
    out.push_str(std::str::from_utf8(&digits[start..]).expect("digits are ASCII"));
}

/// Writes the timestamp of a sample: seconds, with three decimals unless they are zero.
pub(crate) fn push_timestamp(out: &mut String, timestamp_ms: i64) {
    if timestamp_ms < 0 {
        out.push('-');
    }
    let magnitude = timestamp_ms.unsigned_abs();
    push_integer(out, magnitude / 1_000);
    let millis = magnitude % 1_000;
    if millis != 0 {
        out.push('.');
        for divisor in [100, 10, 1] {
            out.push(char::from(b'0' + (millis / divisor % 10) as u8));
        }
    }
}

/// Writes the value of a sample: a string, since JSON has no NaN and no infinities.
pub(crate) fn push_sample_value(out: &mut String, value: f64) {
    out.push('"');
    push_shortest(out, value);
    out.push('"');
}

/// Above, floats no longer hold every whole number.
const MAX_WHOLE: f64 = 9_007_199_254_740_992.0;

// PERF: counters are whole numbers, whose digits are those of the integer; the digits of most others have the layout
// wanted already, which spares them their decomposition.
fn push_shortest(out: &mut String, value: f64) {
    if value.abs() < MAX_WHOLE && value.trunc() == value && (value != 0.0 || value.is_sign_positive()) {
        if value < 0.0 {
            out.push('-');
        }
        return push_integer(out, value.abs() as u64);
    }
    if value.is_finite() {
        let mut buffer = zmij::Buffer::new();
        let text = buffer.format_finite(value);
        if !text.contains('e') {
            return out.push_str(text.strip_suffix(".0").unwrap_or(text));
        }
    }
    float::push_json(out, value);
}

/// Writes a float as a JSON number: exponents without the leading zero that sample values have. JSON cannot say NaN and
/// the infinities, which no figure of a host should be; they show as 0.
pub(crate) fn push_float(out: &mut String, value: f64) {
    if !value.is_finite() {
        return out.push('0');
    }
    let start = out.len();
    float::push_json(out, value);
    if out[start..].contains("e-0") {
        let zero = out.len() - 2;
        out.remove(zero);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(push: impl FnOnce(&mut String)) -> String {
        let mut out = String::new();
        push(&mut out);
        out
    }

    #[test]
    fn timestamps_have_no_or_three_decimals() {
        for (ms, json) in [
            (0, "0"),
            (1, "0.001"),
            (1_000, "1"),
            (1_500, "1.500"),
            (1_435_781_451_781, "1435781451.781"),
            (-1_500, "-1.500"),
            (-1, "-0.001"),
            (i64::MAX, "9223372036854775.807"),
            (i64::MIN, "-9223372036854775.808"),
        ] {
            assert_eq!(text(|out| push_timestamp(out, ms)), json);
        }
    }

    #[test]
    fn sample_values_are_strings() {
        for (value, json) in [
            (0.0, "\"0\""),
            (-0.0, "\"-0\""),
            (1.0, "\"1\""),
            (1e-7, "\"1e-07\""),
            (1e-6, "\"0.000001\""),
            (1e20, "\"100000000000000000000\""),
            (1e21, "\"1e+21\""),
            (f64::NAN, "\"NaN\""),
            (f64::INFINITY, "\"+Inf\""),
            (f64::NEG_INFINITY, "\"-Inf\""),
        ] {
            assert_eq!(text(|out| push_sample_value(out, value)), json);
        }
    }

    #[test]
    fn floats_are_numbers() {
        for (value, json) in [
            (0.0, "0"),
            (60.0, "60"),
            (0.000144566, "0.000144566"),
            (5e-7, "5e-7"),
            (1.25e-9, "1.25e-9"),
            (1e-10, "1e-10"),
            (1e21, "1e+21"),
            (f64::NAN, "0"),
        ] {
            assert_eq!(text(|out| push_float(out, value)), json);
        }
    }

    #[test]
    fn small_whole_numbers_are_written_whole() {
        for n in (0..2_000).chain([u64::MAX]) {
            assert_eq!(text(|out| push_integer(out, n)), n.to_string());
            assert_eq!(text(|out| push_shortest(out, -(n as f64))), float::format_json(-(n as f64)));
        }
    }

    proptest! {
        #[test]
        fn sample_values_are_those_of_the_vocabulary(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            prop_assert_eq!(text(|out| push_shortest(out, value)), float::format_json(value));
        }

        #[test]
        fn so_are_those_of_everyday(mantissa in -1_000_000_000i64..1_000_000_000, exponent in -12i32..24) {
            let value = mantissa as f64 * 10f64.powi(exponent);
            prop_assert_eq!(text(|out| push_shortest(out, value)), float::format_json(value));
        }

        #[test]
        fn integers_are_written_whole(n in any::<u64>(), shift in 0u32..64) {
            prop_assert_eq!(text(|out| push_integer(out, n >> shift)), (n >> shift).to_string());
        }
    }
}
