//! Prometheus durations: `1h30m`, `5m`, `1y2w3d4h5m6s7ms`.

use thiserror::Error;

// Largest to smallest, the order in which they must occur.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 24 * 3_600_000),
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// The longest duration, what fits an `i64` of nanoseconds: about 292 years.
pub const MAX_DURATION_MS: i64 = i64::MAX / 1_000_000;

/// Why a text is no duration. The texts are Prometheus'.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DurationError {
    /// Nothing there.
    #[error("empty duration string")]
    Empty,
    /// Not of the form number-unit-number-unit, or units repeated or out of order.
    #[error("not a valid duration string: {text}", text = crate::quote::go_quoted(.0))]
    Invalid(String),
    /// A unit that does not exist.
    #[error("unknown unit {unit} in duration {text}", unit = crate::quote::go_quoted(.unit), text = crate::quote::go_quoted(.text))]
    UnknownUnit {
        /// The unit.
        unit: String,
        /// The whole text.
        text: String,
    },
    /// Longer than [`MAX_DURATION_MS`].
    #[error("duration out of range")]
    OutOfRange,
}

/// Reads a duration, in milliseconds: whole numbers, each with a unit of `y w d h m s ms`, every unit at most once and
/// in that order; a bare `0` too.
///
/// ```
/// use promethium_model::duration::parse_ms;
/// assert_eq!(parse_ms("1h30m"), Ok(5_400_000));
/// assert!(parse_ms("30m1h").is_err());
/// ```
///
/// # Errors
///
/// See [`DurationError`].
pub fn parse_ms(text: &str) -> Result<i64, DurationError> {
    if text == "0" {
        return Ok(0);
    }
    if text.is_empty() {
        return Err(DurationError::Empty);
    }
    let mut total: u64 = 0;
    let mut rest = text;
    let mut next_unit = 0;
    while !rest.is_empty() {
        let (number, unit, after) = split_component(rest).ok_or_else(|| DurationError::Invalid(text.to_owned()))?;
        let position = UNITS
            .iter()
            .position(|(name, _)| *name == unit)
            .ok_or_else(|| DurationError::UnknownUnit { unit: unit.to_owned(), text: text.to_owned() })?;
        if position < next_unit {
            return Err(DurationError::Invalid(text.to_owned()));
        }
        next_unit = position + 1;
        let number: u64 = number.parse().map_err(|_| DurationError::Invalid(text.to_owned()))?;
        total = number
            .checked_mul(UNITS[position].1)
            .and_then(|ms| total.checked_add(ms))
            .filter(|ms| *ms <= MAX_DURATION_MS.unsigned_abs())
            .ok_or(DurationError::OutOfRange)?;
        rest = after;
    }
    Ok(i64::try_from(total).unwrap_or(MAX_DURATION_MS))
}

/// Splits `12mRest` into `12`, `m`, `Rest`.
fn split_component(text: &str) -> Option<(&str, &str, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let after_number = &text[digits..];
    let unit_len = after_number.find(|c: char| c.is_ascii_digit()).unwrap_or(after_number.len());
    (digits > 0 && unit_len > 0).then(|| (&text[..digits], &after_number[..unit_len], &after_number[unit_len..]))
}

/// Writes a duration of milliseconds the way Prometheus prints one: largest units first, where years, weeks and days
/// are used only when the whole value divides by them; zero is `0s`.
///
/// ```
/// use promethium_model::duration::format_ms;
/// assert_eq!(format_ms(5_400_000), "1h30m");
/// assert_eq!(format_ms(86_400_000), "1d");
/// assert_eq!(format_ms(90_000_000), "25h");
/// ```
#[must_use]
pub fn format_ms(ms: i64) -> String {
    if ms == 0 {
        return "0s".to_owned();
    }
    let mut out = String::new();
    if ms < 0 {
        out.push('-');
    }
    let mut rest = ms.unsigned_abs();
    for (unit, size) in UNITS {
        let exact_only = matches!(unit, "y" | "w" | "d");
        if exact_only && !rest.is_multiple_of(size) {
            continue;
        }
        let n = rest / size;
        if n > 0 {
            out.push_str(&n.to_string());
            out.push_str(unit);
            rest -= n * size;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    #[test]
    fn units_in_order_once_each() {
        assert_eq!(
            parse_ms("1y2w3d4h5m6s7ms"),
            Ok(31_536_000_000 + 1_209_600_000 + 259_200_000 + 14_400_000 + 300_000 + 6_000 + 7)
        );
        assert_eq!(parse_ms("0"), Ok(0));
        assert_eq!(parse_ms("0s"), Ok(0));
        assert_eq!(parse_ms("1ms"), Ok(1));
        for bad in ["1m1h", "1m1m", "5", "m5", "-1m", " 1m", "1s5"] {
            assert_eq!(parse_ms(bad), Err(DurationError::Invalid(bad.to_owned())), "{bad}");
        }
        assert_eq!(parse_ms(""), Err(DurationError::Empty));
        assert_eq!(parse_ms("300y"), Err(DurationError::OutOfRange));
        assert_eq!(parse_ms("9999999999999999999s"), Err(DurationError::OutOfRange));
        assert!(matches!(parse_ms("99999999999999999999s"), Err(DurationError::Invalid(_))));
        assert!(matches!(parse_ms("1.5m"), Err(DurationError::UnknownUnit { .. })));
        assert_eq!(parse_ms("5q").unwrap_err().to_string(), "unknown unit \"q\" in duration \"5q\"");
        assert_eq!(parse_ms("1m1h").unwrap_err().to_string(), "not a valid duration string: \"1m1h\"");
    }

    #[test]
    fn printing_uses_days_only_when_exact() {
        for (ms, text) in [
            (0, "0s"),
            (1, "1ms"),
            (61_000, "1m1s"),
            (604_800_000, "1w"),
            (691_200_000, "8d"),
            (-60_000, "-1m"),
            (31_536_000_000, "1y"),
        ] {
            assert_eq!(format_ms(ms), text);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

        #[test]
        fn printed_durations_read_back(ms in 0..MAX_DURATION_MS) {
            prop_assert_eq!(parse_ms(&format_ms(ms)), Ok(ms));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,20}") {
            let _ = parse_ms(&text);
        }
    }
}
