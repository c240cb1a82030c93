//! The YAML of a test file, as written.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Visitor};

use crate::file::yaml::{DurationYaml, first_document, message_of};

type Texts = BTreeMap<String, Option<String>>;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TestFileYaml {
    pub(super) rule_files: Option<Vec<String>>,
    pub(super) evaluation_interval: Option<DurationYaml>,
    pub(super) group_eval_order: Option<Vec<String>>,
    pub(super) tests: Option<Vec<TestYaml>>,
    pub(super) fuzzy_compare: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TestYaml {
    pub(super) name: Option<String>,
    pub(super) interval: Option<DurationYaml>,
    pub(super) start_timestamp: Option<StartYaml>,
    pub(super) input_series: Option<Vec<SeriesYaml>>,
    pub(super) alert_rule_test: Option<Vec<AlertTestYaml>>,
    pub(super) promql_expr_test: Option<Vec<ExprTestYaml>>,
    pub(super) external_labels: Option<Texts>,
    pub(super) external_url: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SeriesYaml {
    pub(super) series: String,
    pub(super) values: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AlertTestYaml {
    pub(super) eval_time: Option<DurationYaml>,
    pub(super) alertname: Option<String>,
    pub(super) exp_alerts: Option<Vec<AlertYaml>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AlertYaml {
    pub(super) exp_labels: Option<Texts>,
    pub(super) exp_annotations: Option<Texts>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ExprTestYaml {
    pub(super) expr: String,
    pub(super) eval_time: Option<DurationYaml>,
    pub(super) exp_samples: Option<Vec<SampleYaml>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SampleYaml {
    pub(super) labels: String,
    pub(super) value: f64,
    pub(super) histogram: Option<String>,
}

/// A moment: seconds since the epoch or RFC 3339. Milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StartYaml(pub(super) i64);

impl<'de> Deserialize<'de> for StartYaml {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(StartVisitor)
    }
}

struct StartVisitor;

impl Visitor<'_> for StartVisitor {
    type Value = StartYaml;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time in seconds or in RFC 3339")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<StartYaml, E> {
        let error = || E::custom(format!("time: {text:?} is neither a number of seconds nor a time in RFC 3339"));
        if let Ok(seconds) = text.parse::<f64>() {
            return if seconds.is_finite() { Ok(StartYaml((seconds * 1e3).round() as i64)) } else { Err(error()) };
        }
        rfc3339_ms(text).map(StartYaml).ok_or_else(error)
    }
}

/// `2026-01-02T03:04:05.678+01:00` in milliseconds since the epoch.
fn rfc3339_ms(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| {
        text.get(range).filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?.parse::<i64>().ok()
    };
    let marks = [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")];
    let marked = marks.iter().all(|(at, mark)| text.get(*at..at + 1).is_some_and(|c| c.eq_ignore_ascii_case(mark)));
    let date = promethium_model::calendar::Date { year: number(0..4)?, month: number(5..7)?, day: number(8..10)? };
    let exists = marked && (1..=12).contains(&date.month) && (1..=date.days_in_month()).contains(&date.day);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    if !exists || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (millis, zone) = fraction_ms(text.get(19..)?)?;
    let seconds = date.epoch_day() * 86_400 + hour * 3_600 + minute * 60 + second - zone_seconds(zone)?;
    Some(seconds * 1_000 + millis)
}

/// Milliseconds of `.678`, and what follows.
fn fraction_ms(text: &str) -> Option<(i64, &str)> {
    let Some(digits) = text.strip_prefix('.') else { return Some((0, text)) };
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let three: String = digits[..end].chars().chain("000".chars()).take(3).collect();
    (end > 0).then(|| three.parse().ok().map(|ms| (ms, &digits[end..]))).flatten()
}

fn zone_seconds(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = match zone.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    Some(sign * (hours.parse::<i64>().ok()? * 3_600 + minutes.parse::<i64>().ok()? * 60))
}

/// Reads a test file; the error names line and column.
pub(super) fn read(text: &str, ignore_unknown_fields: bool) -> Result<TestFileYaml, String> {
    first_document(text, ignore_unknown_fields).map_err(|error| {
        let place = error.location().map(|l| format!("{}:{}: ", l.line(), l.column())).unwrap_or_default();
        format!("{place}{}", message_of(&error))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_rfc_3339() {
        for (text, ms) in [
            ("1970-01-01T00:00:01Z", Some(1_000)),
            ("2026-01-02T03:04:05.678Z", Some(1_767_323_045_678)),
            ("2026-01-02T04:04:05.6+01:00", Some(1_767_323_045_600)),
            ("2026-02-30T00:00:00Z", None),
            ("2026-01-02", None),
            ("x", None),
        ] {
            assert_eq!(rfc3339_ms(text), ms, "{text}");
        }
    }
}
