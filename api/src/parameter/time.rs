//! Times: float seconds or RFC 3339.

use promethium_model::calendar::Date;
use promethium_model::float::{FloatError, parse_go, parse_go_lenient};

use crate::error::{ApiError, ParameterError};
use crate::request::ApiRequest;

/// The earliest time, −292273086-05-16T16:47:06Z: where a request for series or labels starts that names no start.
pub const MIN_TIME_MS: i64 = (i64::MIN / 1_000 + 62_135_596_801) * 1_000;
/// The latest time, 292277025-08-18T07:12:54.999Z.
pub const MAX_TIME_MS: i64 = (i64::MAX / 1_000 - 62_135_596_801) * 1_000 + 999;

// What Go's printer makes of the two, and what its reader cannot read back.
const MIN_TIME_TEXT: &str = "-292273086-05-16T16:47:06Z";
const MAX_TIME_TEXT: &str = "292277025-08-18T07:12:54.999999999Z";

// Longer texts cannot be hexadecimal floats that anybody writes.
const MAX_HEX_FLOAT_BYTES: usize = 24;

/// Reads a time, in milliseconds since the epoch: float seconds, rounded to milliseconds, or RFC 3339 with any number of
/// decimals. A float beyond [`MIN_TIME_MS`] or [`MAX_TIME_MS`] counts as that time; NaN is refused.
///
/// ```
/// use promethium_api::parse_time_ms;
/// assert_eq!(parse_time_ms("1435781451.781")?, 1_435_781_451_781);
/// assert_eq!(parse_time_ms("2015-07-01T22:10:51.781+02:00")?, 1_435_781_451_781);
/// # Ok::<(), promethium_api::ParameterError>(())
/// ```
///
/// # Errors
///
/// [`ParameterError::Timestamp`].
pub fn parse_time_ms(text: &str) -> Result<i64, ParameterError> {
    let by_name = || match text {
        MIN_TIME_TEXT => Some(MIN_TIME_MS),
        MAX_TIME_TEXT => Some(MAX_TIME_MS),
        _ => None,
    };
    seconds(text)
        .and_then(seconds_to_ms)
        .or_else(|| rfc3339_ms(text))
        .or_else(by_name)
        .ok_or_else(|| ParameterError::Timestamp { text: text.to_owned() })
}

/// A time that must be given.
pub(crate) fn required_time(request: &ApiRequest, name: &'static str) -> Result<i64, ApiError> {
    parse_time_ms(request.first(name).unwrap_or_default()).map_err(|e| e.named(name))
}

/// A time that may be left out.
pub(crate) fn optional_time(request: &ApiRequest, name: &'static str, default_ms: i64) -> Result<i64, ApiError> {
    let Some(text) = request.given(name) else { return Ok(default_ms) };
    parse_time_ms(text).map_err(|e| ParameterError::OptionalTimestamp { name, source: Box::new(e) }.named(name))
}

/// A number as Go's `ParseFloat` reads it.
pub(super) fn seconds(text: &str) -> Option<f64> {
    match parse_go(text.as_bytes()) {
        Err(FloatError::Syntax) if text.len() <= MAX_HEX_FLOAT_BYTES => parse_go_lenient(text).ok(),
        other => other.ok(),
    }
}

/// Milliseconds of float seconds, with the roundings of Prometheus: the fraction first to whole milliseconds, then cut.
fn seconds_to_ms(seconds: f64) -> Option<i64> {
    if seconds.is_nan() {
        return None;
    }
    let fraction = (seconds.fract() * 1_000.0).round() / 1_000.0;
    // A cast saturates, so that infinities become the extremes.
    let whole_ms = (seconds.trunc() as i64).saturating_mul(1_000);
    let fraction_ms = ((fraction * 1e9) as i64).div_euclid(1_000_000);
    Some(whole_ms.saturating_add(fraction_ms).clamp(MIN_TIME_MS, MAX_TIME_MS))
}

/// `2006-01-02T15:04:05.999Z` or with an offset `±15:04`, in milliseconds; further decimals are cut.
fn rfc3339_ms(text: &str) -> Option<i64> {
    let (date, time) = text.split_once('T')?;
    let (time, offset_s) = split_offset(time)?;
    let (clock, fraction) = time.split_once(['.', ',']).map_or((time, None), |(c, f)| (c, Some(f)));
    let days = date_to_days(date)?;
    let seconds = clock_to_seconds(clock)?;
    let millis = fraction.map_or(Some(0), fraction_to_ms)?;
    let total_s = days.checked_mul(86_400)?.checked_add(seconds)?.checked_sub(offset_s)?;
    total_s.checked_mul(1_000)?.checked_add(millis)
}

/// Splits the zone off a time of day.
fn split_offset(time: &str) -> Option<(&str, i64)> {
    if let Some(utc) = time.strip_suffix('Z') {
        return Some((utc, 0));
    }
    let (time, zone) = time.split_at_checked(time.len().checked_sub(6)?)?;
    let (sign, zone) = zone.split_at_checked(1)?;
    let (hours, minutes) = zone.split_once(':')?;
    let (hours, minutes) = (digits(hours, 2, 0, 24)?, digits(minutes, 2, 0, 60)?);
    let offset = hours.checked_mul(3_600)?.checked_add(minutes.checked_mul(60)?)?;
    match sign {
        "+" => Some((time, offset)),
        "-" => Some((time, offset.checked_neg()?)),
        _ => None,
    }
}

fn clock_to_seconds(clock: &str) -> Option<i64> {
    let mut parts = clock.split(':');
    let mut part = |max| digits(parts.next()?, 2, 0, max);
    let (hours, minutes, seconds) = (part(23)?, part(59)?, part(59)?);
    if parts.next().is_some() {
        return None;
    }
    hours.checked_mul(3_600)?.checked_add(minutes.checked_mul(60)?)?.checked_add(seconds)
}

fn fraction_to_ms(fraction: &str) -> Option<i64> {
    if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let thousandths: String = fraction.chars().chain("000".chars()).take(3).collect();
    thousandths.parse().ok()
}

/// Days since the epoch of a date of the Gregorian calendar.
fn date_to_days(date: &str) -> Option<i64> {
    let mut parts = date.split('-');
    let year = digits(parts.next()?, 4, 0, 9_999)?;
    let month = digits(parts.next()?, 2, 1, 12)?;
    let day = digits(parts.next()?, 2, 1, Date { year, month, day: 1 }.days_in_month())?;
    if parts.next().is_some() {
        return None;
    }
    Some(Date { year, month, day }.epoch_day())
}

/// Exactly `len` digits with a value from `min` to `max`.
fn digits(text: &str, len: usize, min: i64, max: i64) -> Option<i64> {
    if text.len() != len || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|n| (min..=max).contains(n))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_that_are_read() {
        for (text, ms) in [
            ("0", 0),
            ("-0.001", -1),
            ("-1.5", -1_500),
            ("1", 1_000),
            ("1435781451.781", 1_435_781_451_781),
            ("1435781451.7814", 1_435_781_451_781),
            ("1435781451.7816", 1_435_781_451_782),
            ("1600096945.4795", 1_600_096_945_480),
            ("1e3", 1_000_000),
            ("0x1p3", 8_000),
            ("2015-06-03T13:21:58.555Z", 1_433_337_718_555),
            ("2015-06-03T13:21:58Z", 1_433_337_718_000),
            ("2015-06-03T13:21:58.5559999Z", 1_433_337_718_555),
            ("2015-06-03T14:21:58.555+01:00", 1_433_337_718_555),
            ("2015-06-03T06:51:58-06:30", 1_433_337_718_000),
            ("1970-01-01T00:00:00Z", 0),
            ("1969-12-31T23:59:59.999Z", -1),
            ("2000-02-29T00:00:00Z", 951_782_400_000),
            ("0001-01-01T00:00:00Z", -62_135_596_800_000),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
            ("-292273086-05-16T16:47:06Z", -9_223_309_901_257_974_000),
            ("292277025-08-18T07:12:54.999999999Z", 9_223_309_901_257_974_999),
        ] {
            assert_eq!(parse_time_ms(text).unwrap(), ms, "{text}");
        }
    }

    #[test]
    fn huge_times_are_clamped() {
        for text in ["1e300", "+Inf", "9223372036854775808", "1795391875536000000000000"] {
            assert_eq!(parse_time_ms(text).unwrap(), MAX_TIME_MS, "{text}");
        }
        for text in ["-1e300", "-inf"] {
            assert_eq!(parse_time_ms(text).unwrap(), MIN_TIME_MS, "{text}");
        }
        // A client that sends milliseconds is read as seconds.
        assert_eq!(parse_time_ms("1600096945479").unwrap(), 1_600_096_945_479_000);
    }

    #[test]
    fn texts_that_are_no_times() {
        for text in [
            "",
            "x",
            "30s",
            "NaN",
            "1e999",
            " 1",
            "2015-06-03",
            "2015-06-03T13:21:58",
            "2015-06-03t13:21:58Z",
            "2015-06-03 13:21:58Z",
            "2015-6-3T13:21:58Z",
            "2015-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2015-13-01T00:00:00Z",
            "2015-06-03T24:00:00Z",
            "2015-06-03T13:21:60Z",
            "2015-06-03T13:21:58.Z",
            "2015-06-03T13:21:58+0100",
            "2015-06-03T13:21:58+25:00",
            "2015-06-03T13:21:58é00:00",
            "0x.8p-9223372036854775808",
        ] {
            let message = parse_time_ms(text).unwrap_err().to_string();
            assert_eq!(message, format!("cannot parse {text:?} to a valid timestamp"));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,30}") {
            let _ = parse_time_ms(&text);
        }

        #[test]
        fn text_near_the_grammar_is_read_or_refused(text in "[-+0-9TZ:.,einfxp]{0,30}") {
            let _ = parse_time_ms(&text);
        }

        #[test]
        fn milliseconds_survive(ms in -4_000_000_000_000i64..4_000_000_000_000) {
            let text = format!("{}{}.{:03}", if ms < 0 { "-" } else { "" }, ms.abs() / 1_000, ms.abs() % 1_000);
            let read = parse_time_ms(&text).unwrap();
            // Negative fractions are cut towards the past, as Go's clock does; nothing else moves.
            prop_assert!(read == ms || (ms < 0 && (read - ms).abs() <= 1), "{text}: {read}");
        }
    }
}
