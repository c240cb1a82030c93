//! Times in objects.

use std::fmt::Write;

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
    let (seconds, millis) = (ms.div_euclid(1_000), ms.rem_euclid(1_000));
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (h, m, s) = (second / 3_600, second / 60 % 60, second % 60);
    // Writing to a string cannot fail.
    let _ = write!(out, "{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}");
    if millis != 0 {
        let decimals = format!(".{millis:03}");
        out.push_str(decimals.trim_end_matches('0'));
    }
    out.push('Z');
}

/// The Gregorian date of a day since the epoch. Years are counted from March, so that the leap day comes last.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
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
