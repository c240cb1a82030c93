//! The body of a request: JSON as Prometheus writes it for Alertmanager's API v2.

use std::fmt::Write;

use promethium_model::calendar;
use promethium_rules::Alert;

/// Alerts as a JSON list. In each: `annotations` (unless empty), `endsAt`, `startsAt`, `generatorURL` (unless empty),
/// `labels`; times are RFC 3339 in UTC with three decimals; names are sorted; `<`, `>` and `&` are escaped.
#[must_use]
pub fn encode_alerts<'a>(alerts: impl IntoIterator<Item = &'a Alert>) -> String {
    let mut out = String::from("[");
    for (i, alert) in alerts.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        push_alert(&mut out, alert);
    }
    out.push(']');
    out
}

fn push_alert(out: &mut String, alert: &Alert) {
    out.push('{');
    if !alert.annotations.is_empty() {
        out.push_str("\"annotations\":");
        push_map(out, alert.annotations.iter().map(|(name, text)| (name.as_str(), text.as_str())));
        out.push(',');
    }
    out.push_str("\"endsAt\":");
    push_time(out, alert.ends_at_ms);
    out.push_str(",\"startsAt\":");
    push_time(out, alert.starts_at_ms);
    if !alert.generator_url.is_empty() {
        out.push_str(",\"generatorURL\":");
        push_string(out, &alert.generator_url);
    }
    out.push_str(",\"labels\":");
    push_map(out, alert.labels.iter());
    out.push('}');
}

fn push_map<'a>(out: &mut String, pairs: impl Iterator<Item = (&'a str, &'a str)>) {
    out.push('{');
    for (i, (name, value)) in pairs.enumerate() {
        if i > 0 {
            out.push(',');
        }
        push_string(out, name);
        out.push(':');
        push_string(out, value);
    }
    out.push('}');
}

/// A JSON string with the escapes of Go's encoder, the HTML ones included.
fn push_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// `"2026-01-02T03:04:05.678Z"`.
fn push_time(out: &mut String, time_ms: i64) {
    out.push('"');
    let millis = calendar::push_utc(out, time_ms);
    let _ = write!(out, ".{millis:03}Z\"");
}

#[cfg(test)]
mod tests {
    use super::*;
    use promethium_model::Labels;
    use proptest::prelude::*;

    fn time(time_ms: i64) -> String {
        let mut out = String::new();
        push_time(&mut out, time_ms);
        out
    }

    #[test]
    fn times_have_three_decimals() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_767_323_045_678, "2026-01-02T03:04:05.678Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_799_999, "2000-02-29T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (-62_135_596_800_000, "0001-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(time(ms), format!("\"{text}\""));
        }
    }

    #[test]
    fn keys_come_in_order_and_empty_fields_are_left_out() {
        let bare = Alert::new(Labels::from_pairs([("b", "2"), ("a", "<&>\"\\\n\u{1}\u{2028}é")]), 0, 1_500);
        let full = Alert::new(Labels::empty(), 0, 0)
            .with_annotations(vec![("z".into(), String::new()), ("s".into(), "x".into())])
            .with_generator_url("http://p/graph?g0.expr=up&g0.tab=1");
        assert_eq!(
            encode_alerts([&bare, &full]),
            concat!(
                r#"[{"endsAt":"1970-01-01T00:00:01.500Z","startsAt":"1970-01-01T00:00:00.000Z","#,
                r#""labels":{"a":"\u003c\u0026\u003e\"\\\n\u0001\u2028é","b":"2"}},"#,
                r#"{"annotations":{"s":"x","z":""},"endsAt":"1970-01-01T00:00:00.000Z","#,
                r#""startsAt":"1970-01-01T00:00:00.000Z","#,
                r#""generatorURL":"http://p/graph?g0.expr=up\u0026g0.tab=1","labels":{}}]"#
            )
        );
        assert_eq!(encode_alerts([]), "[]");
    }

    /// A body that a Prometheus server posted, byte for byte.
    #[test]
    fn bodies_are_those_of_prometheus() {
        let posted = concat!(
            r#"[{"annotations":{"e":"","z":"\u003cx\u003e\u2028\u0001\t"},"endsAt":"2026-11-23T00:51:55.730Z","#,
            r#""startsAt":"2026-11-23T00:51:41.730Z","generatorURL":"http://e/x/graph?g0.expr=vector%281%29+%3E+0+and+"#,
            r#"vector%282%29\u0026g0.tab=1","labels":{"alertname":"A\u003cb\u003e","q":"a\"\u0026\\é","site":"x"}},"#,
            r#"{"endsAt":"2026-11-23T00:51:55.730Z","startsAt":"2026-11-23T00:51:41.730Z","#,
            r#""generatorURL":"http://e/x/graph?g0.expr=vector%281%29\u0026g0.tab=1","labels":{"alertname":"B","site":"x"}}]"#
        );
        let (starts_at_ms, ends_at_ms) = (1_795_395_101_730, 1_795_395_115_730);
        let alert = |labels: &[(&str, &str)], expr| {
            let url = format!("http://e/x{}", promethium_rules::generator_path(expr));
            Alert::new(Labels::from_pairs(labels.iter().copied()), starts_at_ms, ends_at_ms).with_generator_url(url)
        };
        let a = alert(&[("alertname", "A<b>"), ("q", "a\"&\\é"), ("site", "x")], "vector(1) > 0 and vector(2)");
        let annotations = vec![("z".to_owned(), "<x>\u{2028}\u{1}\t".to_owned()), ("e".to_owned(), String::new())];
        let b = alert(&[("alertname", "B"), ("site", "x")], "vector(1)");
        assert_eq!(encode_alerts([&a.with_annotations(annotations), &b]), posted);
    }

    proptest! {
        #[test]
        fn any_text_survives(name in "\\PC{1,8}", value in any::<String>()) {
            let alert = Alert::new(Labels::from_pairs([(&name, &value)]), 0, 0)
                .with_annotations(vec![(name.clone(), value.clone())]);
            let read: serde_json::Value = serde_json::from_str(&encode_alerts([&alert])).unwrap();
            prop_assert_eq!(read[0]["annotations"][&name].as_str(), Some(value.as_str()));
            prop_assert_eq!(read[0]["labels"][&name].as_str().unwrap_or(""), value.as_str());
        }
    }
}
