//! Numbers: the four layouts of the API.

use promethium_model::float;

use super::ascii::Ascii;

/// Bytes of the longest number that has no exponent.
const LONGEST: usize = 24;

/// Writes a whole number.
pub(crate) fn push_integer(out: &mut String, n: u64) {
    let mut digits = Ascii::<LONGEST>::new();
    digits.integer(n);
    out.push_str(digits.as_str());
}

/// Writes the timestamp of a sample: seconds, with three decimals unless they are zero.
pub(crate) fn push_timestamp(out: &mut String, timestamp_ms: i64) {
    let mut digits = Ascii::<LONGEST>::new();
    digits.timestamp(timestamp_ms);
    out.push_str(digits.as_str());
}

/// Writes the value of a sample: a string, since JSON has no NaN and no infinities.
pub(crate) fn push_sample_value(out: &mut String, value: f64) {
    out.push('"');
    push_shortest(out, value);
    out.push('"');
}

fn push_shortest(out: &mut String, value: f64) {
    let mut digits = Ascii::<LONGEST>::new();
    if digits.plain_float(value) {
        out.push_str(digits.as_str());
    } else {
        float::push_json(out, value);
    }
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
