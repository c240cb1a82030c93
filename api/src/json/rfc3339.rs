//! Times in objects.

use promethium_model::calendar;

// What Go prints for a time that was never set.
const NEVER: &str = "0001-01-01T00:00:00Z";
// The first and the last millisecond of the years 1 to 9999, beyond which RFC 3339 has no form.
const FIRST_MS: i64 = -62_135_596_800_000;
const LAST_MS: i64 = 253_402_300_799_999;

/// Writes a time as a string in RFC 3339, UTC, with as many decimals as it needs.
pub(crate) fn push_time(out: &mut String, time_ms: Option<i64>) {
    out.push('"');
    match time_ms {
        None => out.push_str(NEVER),
        Some(ms) => push_rfc3339(out, ms.clamp(FIRST_MS, LAST_MS)),
    }
    out.push('"');
}

fn push_rfc3339(out: &mut String, ms: i64) {
    let millis = calendar::push_utc(out, ms);
    if millis != 0 {
        let decimals = format!(".{millis:03}");
        out.push_str(decimals.trim_end_matches('0'));
    }
    out.push('Z');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameter::parse_time_ms;
    use proptest::prelude::*;

    fn text(time_ms: Option<i64>) -> String {
        let mut out = String::new();
        push_time(&mut out, time_ms);
        out
    }

    #[test]
    fn decimals_are_as_many_as_needed() {
        for (ms, json) in [
            (None, "\"0001-01-01T00:00:00Z\""),
            (Some(0), "\"1970-01-01T00:00:00Z\""),
            (Some(1_433_337_718_555), "\"2015-06-03T13:21:58.555Z\""),
            (Some(1_433_337_718_500), "\"2015-06-03T13:21:58.5Z\""),
            (Some(951_782_400_000), "\"2000-02-29T00:00:00Z\""),
            (Some(-1), "\"1969-12-31T23:59:59.999Z\""),
            (Some(i64::MAX), "\"9999-12-31T23:59:59.999Z\""),
            (Some(i64::MIN), "\"0001-01-01T00:00:00Z\""),
        ] {
            assert_eq!(text(ms), json);
        }
    }

    proptest! {
        #[test]
        fn printed_times_read_back(ms in FIRST_MS..LAST_MS) {
            prop_assert_eq!(parse_time_ms(text(Some(ms)).trim_matches('"')).unwrap(), ms);
        }
    }
}
