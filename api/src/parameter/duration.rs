//! Durations: float seconds or `1h30m`.

use promethium_model::duration;

use super::time::seconds;
use crate::error::{ApiError, ParameterError};
use crate::request::ApiRequest;

/// Reads a duration, in nanoseconds: float seconds, which may be negative, or a Prometheus duration.
///
/// ```
/// use promethium_api::parse_duration_ns;
/// assert_eq!(parse_duration_ns("1.5")?, 1_500_000_000);
/// assert_eq!(parse_duration_ns("2m")?, 120_000_000_000);
/// # Ok::<(), promethium_api::ParameterError>(())
/// ```
///
/// # Errors
///
/// [`ParameterError::Duration`] and [`ParameterError::DurationOverflow`].
pub fn parse_duration_ns(text: &str) -> Result<i64, ParameterError> {
    let refused = || ParameterError::Duration { text: text.to_owned() };
    if let Some(seconds) = seconds(text) {
        return seconds_to_ns(seconds, text);
    }
    duration::parse_ms(text).ok().and_then(|ms| ms.checked_mul(1_000_000)).ok_or_else(refused)
}

fn seconds_to_ns(seconds: f64, text: &str) -> Result<i64, ParameterError> {
    let ns = seconds * 1e9;
    if ns.is_nan() {
        return Err(ParameterError::Duration { text: text.to_owned() });
    }
    // 2^63 itself is past the end, though the comparison with the rounded maximum would let it through.
    if !(-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&ns) {
        return Err(ParameterError::DurationOverflow { text: text.to_owned() });
    }
    Ok(ns as i64)
}

/// A duration that must be given.
pub(crate) fn required_duration_ns(request: &ApiRequest, name: &'static str) -> Result<i64, ApiError> {
    parse_duration_ns(request.first(name).unwrap_or_default()).map_err(|e| e.named(name))
}

/// A duration that may be left out.
pub(crate) fn optional_duration_ns(request: &ApiRequest, name: &'static str) -> Result<Option<i64>, ApiError> {
    request.given(name).map(parse_duration_ns).transpose().map_err(|e| e.named(name))
}

/// `lookback_delta` in milliseconds, whose error has words of its own. 0 or less takes the engine's.
pub(crate) fn lookback_ms(request: &ApiRequest) -> Result<Option<i64>, ApiError> {
    let Some(text) = request.given("lookback_delta") else { return Ok(None) };
    let ns = parse_duration_ns(text).map_err(|e| ParameterError::Lookback(Box::new(e)))?;
    Ok((ns > 0).then_some(ns.div_euclid(1_000_000)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_that_are_read() {
        for (text, ns) in [
            ("0", 0),
            ("123", 123_000_000_000),
            ("123.333", 123_333_000_000),
            ("-1", -1_000_000_000),
            ("15s", 15_000_000_000),
            ("5m", 300_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("1e-3", 1_000_000),
            ("9223372036", 9_223_372_036_000_000_000),
        ] {
            assert_eq!(parse_duration_ns(text).unwrap(), ns, "{text}");
        }
    }

    #[test]
    fn texts_that_are_no_durations() {
        for text in ["", "x", "1x", "-1s", "1s1m"] {
            let message = parse_duration_ns(text).unwrap_err().to_string();
            assert_eq!(message, format!("cannot parse {text:?} to a valid duration"));
        }
        assert_eq!(parse_duration_ns("NaN").unwrap_err().to_string(), "cannot parse \"NaN\" to a valid duration");
        for text in ["1e300", "+Inf", "-Inf", "9223372036.9", "-9223372037"] {
            let message = parse_duration_ns(text).unwrap_err().to_string();
            assert_eq!(message, format!("cannot parse {text:?} to a valid duration. It overflows int64"));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,30}") {
            let _ = parse_duration_ns(&text);
        }
    }
}
