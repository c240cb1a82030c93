//! Bodies of the fuzz targets; the corpus under `fuzz-corpus/` is replayed by the tests.
#![doc(hidden)]

use promethium_model::{Labels, Limits, QueryError, SampleValue, VectorSample};

use crate::file::{FileChecks, RuleSource, parse};
use crate::template::{GoTemplates, Render, TemplateData, TemplateQueries};
use crate::testing::ScriptedEngine;

/// A rule file of any bytes is read or refused.
pub fn rule_file(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let limits = Limits::default();
    let any_text = ScriptedEngine::new(|asked| Err(QueryError::Invalid(asked.query.to_owned())));
    let checks = FileChecks::new(&any_text, &GoTemplates, &limits);
    match parse(&[RuleSource::new("fuzz.yml", text)], &checks) {
        Ok(groups) => assert!(groups.iter().all(|group| !group.name.is_empty()), "a group without a name"),
        Err(errors) => assert!(errors.iter().next().is_some() && errors.to_string().starts_with("fuzz.yml: ")),
    }
    let strict = parse(&[RuleSource::new("fuzz.yml", text)], &checks).is_ok();
    let lenient = parse(&[RuleSource::new("fuzz.yml", text)], &checks.with_unknown_fields_ignored(true)).is_ok();
    assert!(lenient || !strict, "what is right with unknown fields refused is right with them ignored");
}

/// A template of any bytes is refused, or renders or fails in bounded space.
pub fn template(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(template) = GoTemplates.compile("fuzz", text) else { return };
    let labels = Labels::from_pairs([("__name__", "up"), ("job", "12.5")]);
    for value in [0.0, -1.5e-9, 1e300, f64::NAN, f64::INFINITY] {
        let value = SampleValue::Float(value);
        let data = TemplateData::new(&labels, &value, &labels, "http://localhost").with_queries(&OneSample);
        if let Ok(out) = template.render(&data) {
            assert!(out.len() <= 64 << 10, "a result over the limit");
        }
    }
}

/// Answers every query with one sample that bears the query.
struct OneSample;

impl TemplateQueries for OneSample {
    fn query(&self, expr: &str, time_ms: i64) -> Result<Vec<VectorSample>, String> {
        let labels = Labels::from_pairs([("a", expr)]);
        Ok(vec![VectorSample { labels, timestamp_ms: time_ms, value: SampleValue::Float(1.5) }])
    }
}
