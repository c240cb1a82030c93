//! Times and durations as values: what `toTime` and `toDuration` make. Times are in UTC.
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::arithmetic_side_effects
    )
)]

use promethium_model::calendar::Date;

use super::value::Value;

const NANOS: i128 = 1_000_000_000;
const DAY_SECONDS: i64 = 86_400;
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

pub(super) const TIME_METHODS: &[&str] = &[
    "Format",
    "String",
    "Unix",
    "UnixMilli",
    "UnixMicro",
    "UnixNano",
    "Year",
    "Month",
    "Day",
    "Hour",
    "Minute",
    "Second",
    "Nanosecond",
    "Weekday",
    "YearDay",
    "IsZero",
    "UTC",
    "GoString",
];
pub(super) const DURATION_METHODS: &[&str] =
    &["String", "Hours", "Minutes", "Seconds", "Milliseconds", "Microseconds", "Nanoseconds"];

/// A moment, nanoseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GoTime(pub(super) i64);

/// A span of time, nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GoDuration(pub(super) i64);

struct Parts {
    date: Date,
    seconds: i64,
    nanos: i64,
    days: i64,
}

impl GoTime {
    fn parts(self) -> Parts {
        let seconds = self.0.div_euclid(1_000_000_000);
        let days = seconds.div_euclid(DAY_SECONDS);
        Parts {
            date: Date::of_epoch_day(days),
            seconds: seconds.rem_euclid(DAY_SECONDS),
            nanos: self.0.rem_euclid(1_000_000_000),
            days,
        }
    }

    /// `2022-01-25 12:36:43.123 +0000 UTC`.
    pub(super) fn text(self) -> String {
        self.format("2006-01-02 15:04:05.999999999 -0700 MST")
    }

    pub(super) fn method<'a>(self, name: &str) -> Option<Value<'a>> {
        let Parts { date, seconds, nanos, days } = self.parts();
        Some(match name {
            "String" => Value::text(self.text()),
            "GoString" => Value::text(self.format("time.Date(2006, time.January, 2, 15, 4, 5, 0, time.UTC)")),
            "Unix" => Value::Int(self.0.div_euclid(1_000_000_000)),
            "UnixMilli" => Value::Int(self.0.div_euclid(1_000_000)),
            "UnixMicro" => Value::Int(self.0.div_euclid(1_000)),
            "UnixNano" => Value::Int(self.0),
            "Year" => Value::Int(date.year),
            "Month" => Value::Named(month(date.month), date.month, "time.Month"),
            "Day" => Value::Int(date.day),
            "Hour" => Value::Int(seconds.div_euclid(3_600)),
            "Minute" => Value::Int(seconds.div_euclid(60).rem_euclid(60)),
            "Second" => Value::Int(seconds.rem_euclid(60)),
            "Nanosecond" => Value::Int(nanos),
            "Weekday" => Value::Named(weekday(days), weekday_number(days), "time.Weekday"),
            "YearDay" => Value::Int(date.day_of_year()),
            "IsZero" => Value::Bool(false),
            "UTC" => Value::Time(self),
            _ => return None,
        })
    }

    /// Go's `Format`: the layout shows how the reference time, Mon Jan 2 15:04:05 2006 in UTC−7, would be written.
    pub(super) fn format(self, layout: &str) -> String {
        let parts = self.parts();
        let mut out = String::with_capacity(layout.len());
        let mut rest = layout;
        while !rest.is_empty() {
            let known = LAYOUT.iter().find(|(token, _)| {
                // `Jan` and `Mon` are not the beginnings of other words.
                rest.strip_prefix(token).is_some_and(|after| {
                    !matches!(*token, "Jan" | "Mon") || !after.starts_with(|c: char| c.is_ascii_lowercase())
                })
            });
            if let Some((token, write)) = known {
                out.push_str(&write(&parts));
                rest = rest.get(token.len()..).unwrap_or_default();
            } else if let Some((text, after)) = fraction(rest, parts.nanos, out.ends_with(|c: char| c.is_ascii_digit()))
            {
                out.push_str(&text);
                rest = after;
            } else {
                let mut chars = rest.chars();
                out.extend(chars.next());
                rest = chars.as_str();
            }
        }
        out
    }
}

type Writer = fn(&Parts) -> String;

/// The pieces of a layout, longer ones before those that they begin with.
const LAYOUT: &[(&str, Writer)] = &[
    ("January", |p| month(p.date.month).to_owned()),
    ("Jan", |p| month(p.date.month).chars().take(3).collect()),
    ("Monday", |p| weekday(p.days).to_owned()),
    ("Mon", |p| weekday(p.days).chars().take(3).collect()),
    ("MST", |_| "UTC".to_owned()),
    ("2006", |p| format!("{:04}", p.date.year)),
    ("__2", |p| format!("{:>3}", p.date.day_of_year())),
    ("002", |p| format!("{:03}", p.date.day_of_year())),
    ("_2", |p| format!("{:>2}", p.date.day)),
    ("01", |p| format!("{:02}", p.date.month)),
    ("02", |p| format!("{:02}", p.date.day)),
    ("03", |p| format!("{:02}", twelve(p))),
    ("04", |p| format!("{:02}", p.seconds.div_euclid(60).rem_euclid(60))),
    ("05", |p| format!("{:02}", p.seconds.rem_euclid(60))),
    ("06", |p| format!("{:02}", p.date.year.rem_euclid(100))),
    ("15", |p| format!("{:02}", p.seconds.div_euclid(3_600))),
    ("PM", |p| if p.seconds >= 43_200 { "PM" } else { "AM" }.to_owned()),
    ("pm", |p| if p.seconds >= 43_200 { "pm" } else { "am" }.to_owned()),
    ("-07:00:00", |_| "+00:00:00".to_owned()),
    ("-070000", |_| "+000000".to_owned()),
    ("-07:00", |_| "+00:00".to_owned()),
    ("-0700", |_| "+0000".to_owned()),
    ("-07", |_| "+00".to_owned()),
    ("Z07:00:00", |_| "Z".to_owned()),
    ("Z070000", |_| "Z".to_owned()),
    ("Z07:00", |_| "Z".to_owned()),
    ("Z0700", |_| "Z".to_owned()),
    ("Z07", |_| "Z".to_owned()),
    ("1", |p| p.date.month.to_string()),
    ("2", |p| p.date.day.to_string()),
    ("3", |p| twelve(p).to_string()),
    ("4", |p| p.seconds.div_euclid(60).rem_euclid(60).to_string()),
    ("5", |p| p.seconds.rem_euclid(60).to_string()),
];

/// `.000` writes all its digits, `.999` drops trailing zeros; both stand behind seconds and before no further digit.
fn fraction(layout: &str, nanos: i64, after_digit: bool) -> Option<(String, &str)> {
    let point = layout.chars().next().filter(|c| matches!(c, '.' | ','))?;
    let digits = layout.get(1..)?;
    let digit = digits.chars().next().filter(|c| matches!(c, '0' | '9'))?;
    let count = digits.find(|c| c != digit).unwrap_or(digits.len());
    let after = digits.get(count..)?;
    if after.starts_with(|c: char| c.is_ascii_digit()) || (digit == '9' && !after_digit) {
        return None;
    }
    let all = format!("{nanos:09}");
    let shown: String = all.chars().chain(std::iter::repeat('0')).take(count).collect();
    let shown = if digit == '9' { shown.trim_end_matches('0') } else { &shown };
    Some((if shown.is_empty() { String::new() } else { format!("{point}{shown}") }, after))
}

fn twelve(parts: &Parts) -> i64 {
    match parts.seconds.div_euclid(3_600).rem_euclid(12) {
        0 => 12,
        hour => hour,
    }
}

fn month(number: i64) -> &'static str {
    usize::try_from(number.saturating_sub(1)).ok().and_then(|i| MONTHS.get(i)).copied().unwrap_or("January")
}

/// The first of January 1970 was a Thursday.
fn weekday_number(days: i64) -> i64 {
    days.saturating_add(4).rem_euclid(7)
}

fn weekday(days: i64) -> &'static str {
    usize::try_from(weekday_number(days)).ok().and_then(|i| WEEKDAYS.get(i)).copied().unwrap_or("Sunday")
}

impl GoDuration {
    /// `1h2m3.5s`; below a second in the largest unit that gives a whole part.
    pub(super) fn text(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nanos = self.0.unsigned_abs();
        if nanos < 1_000_000_000 {
            return match nanos {
                0 => "0s".to_owned(),
                1..1_000 => format!("{sign}{nanos}ns"),
                1_000..1_000_000 => format!("{sign}{}µs", decimal(nanos, 3)),
                _ => format!("{sign}{}ms", decimal(nanos, 6)),
            };
        }
        let whole = nanos.div_euclid(1_000_000_000);
        let (hours, minutes) = (whole.div_euclid(3_600), whole.div_euclid(60).rem_euclid(60));
        let seconds = decimal(nanos.rem_euclid(60_000_000_000), 9);
        match (hours, minutes) {
            (0, 0) => format!("{sign}{seconds}s"),
            (0, _) => format!("{sign}{minutes}m{seconds}s"),
            _ => format!("{sign}{hours}h{minutes}m{seconds}s"),
        }
    }

    pub(super) fn method<'a>(self, name: &str) -> Option<Value<'a>> {
        let nanos = self.0;
        Some(match name {
            "String" => Value::text(self.text()),
            "Hours" => Value::Float(nanos as f64 / 3.6e12),
            "Minutes" => Value::Float(nanos as f64 / 6e10),
            "Seconds" => Value::Float(nanos as f64 / 1e9),
            "Milliseconds" => Value::Int(nanos / 1_000_000),
            "Microseconds" => Value::Int(nanos / 1_000),
            "Nanoseconds" => Value::Int(nanos),
            _ => return None,
        })
    }
}

/// A number of units of 10^-`places`, without trailing zeros.
fn decimal(value: u64, places: u32) -> String {
    let unit = 10u64.saturating_pow(places);
    let (whole, rest) = (value.checked_div(unit).unwrap_or(0), value.checked_rem(unit).unwrap_or(0));
    let fraction = format!("{rest:0width$}", width = places as usize);
    match fraction.trim_end_matches('0') {
        "" => whole.to_string(),
        fraction => format!("{whole}.{fraction}"),
    }
}

/// Seconds as a moment, kept to milliseconds.
pub(super) fn moment(seconds: f64) -> Result<GoTime, String> {
    if !seconds.is_finite() {
        return Err("value is NaN or Inf".to_owned());
    }
    nanos_of(seconds, "a nanoseconds timestamp")
        .map(|nanos| GoTime(nanos.div_euclid(1_000_000).saturating_mul(1_000_000)))
}

/// Seconds as a span.
pub(super) fn span(seconds: f64) -> Result<GoDuration, String> {
    if !seconds.is_finite() {
        return Err("value is NaN or Inf".to_owned());
    }
    nanos_of(seconds, "a nanoseconds duration").map(GoDuration)
}

fn nanos_of(seconds: f64, what: &str) -> Result<i64, String> {
    let nanos = seconds * 1e9;
    if nanos.abs() >= i64::MAX as f64 {
        let value = promethium_model::float::format_g(seconds);
        return Err(format!("{value} cannot be represented as {what} since it overflows int64"));
    }
    // Whole seconds and the fraction apart: their product with 10⁹ is not exact together.
    let whole = seconds.trunc() as i128;
    let fraction = ((seconds - seconds.trunc()) * 1e9).round() as i128;
    i64::try_from(whole.saturating_mul(NANOS).saturating_add(fraction)).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_layouts() {
        let t = GoTime(1_643_114_203_123_000_000);
        for (layout, text) in [
            ("2006-01-02T15:04:05Z07:00", "2022-01-25T12:36:43Z"),
            ("Mon Jan _2 15:04:05.000 2006", "Tue Jan 25 12:36:43.123 2022"),
            ("Monday, 02-Jan-06 3:04PM MST", "Tuesday, 25-Jan-22 12:36PM UTC"),
            ("15:04:05.999999", "12:36:43.123"),
            ("January 2, 2006 -0700", "January 25, 2022 +0000"),
            ("002 Janet", "025 Janet"),
        ] {
            assert_eq!(t.format(layout), text, "{layout}");
        }
        assert_eq!(t.text(), "2022-01-25 12:36:43.123 +0000 UTC");
        assert_eq!(GoTime(0).text(), "1970-01-01 00:00:00 +0000 UTC");
        assert_eq!(GoTime(-1_000_000).text(), "1969-12-31 23:59:59.999 +0000 UTC");
    }

    #[test]
    fn durations_print_as_in_go() {
        for (nanos, text) in [
            (0, "0s"),
            (7, "7ns"),
            (1_500, "1.5µs"),
            (-2_000_000, "-2ms"),
            (1_500_000_000, "1.5s"),
            (90_000_000_000, "1m30s"),
            (3_600_000_000_000, "1h0m0s"),
            (i64::MIN, "-2562047h47m16.854775808s"),
        ] {
            assert_eq!(GoDuration(nanos).text(), text);
        }
        assert_eq!(moment(1_643_114_203.123_9).map(|t| t.0), Ok(1_643_114_203_123_000_000));
        assert!(moment(f64::NAN).is_err() && moment(1e300).is_err());
    }
}
