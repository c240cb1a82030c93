//! Alerts and samples as the messages of tests show them.

use promethium_model::float::format_e;
use promethium_model::float::format_g;
use promethium_model::{CounterResetHint, FloatHistogram, Labels, SampleValue, Span};

use crate::file::SortedPairs;

/// What a test compares of an alert.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct AlertText {
    pub(super) labels: Labels,
    pub(super) annotations: SortedPairs,
}

/// `[]`, or one numbered entry an alert.
pub(super) fn alerts_text(alerts: &[AlertText]) -> String {
    if alerts.is_empty() {
        return "[]".to_owned();
    }
    let entry = |(i, alert): (usize, &AlertText)| {
        let annotations = pairs_text(&alert.annotations);
        format!("{i}:{}", indented(&format!("\nLabels:{:?}\nAnnotations:{annotations}", alert.labels), "  "))
    };
    format!("[\n{}\n]", alerts.iter().enumerate().map(entry).collect::<Vec<_>>().join(",\n"))
}

/// Annotations print like labels, but may be empty.
fn pairs_text(pairs: &SortedPairs) -> String {
    let quoted = promethium_model::quote::go_quoted;
    let name = |name: &String| match promethium_model::labels::is_legacy_label_name(name) {
        true => name.clone(),
        false => quoted(name),
    };
    let pairs: Vec<String> = pairs.iter().map(|(n, v)| format!("{}={}", name(n), quoted(v))).collect();
    format!("{{{}}}", pairs.join(", "))
}

/// Every line but the first moved to the right.
pub(super) fn indented(lines: &str, indent: &str) -> String {
    lines.replace('\n', &format!("\n{indent}"))
}

/// A sample of an expression; a histogram in the notation of tests.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SampleText {
    pub(super) labels: Labels,
    pub(super) value: f64,
    pub(super) histogram: String,
}

impl SampleText {
    pub(super) fn new(labels: Labels, value: &SampleValue) -> Self {
        match value {
            SampleValue::Float(v) => SampleText { labels, value: *v, histogram: String::new() },
            SampleValue::Histogram(h) => SampleText { labels, value: 0.0, histogram: histogram_text(h) },
        }
    }

    /// Whether both are the same; `fuzzy` allows values to be neighbours.
    pub(super) fn agrees_with(&self, other: &SampleText, fuzzy: bool) -> bool {
        let (a, b) = (self.value, other.value);
        let values = a == b || (fuzzy && (a.next_up() == b || a.next_down() == b));
        values && self.labels == other.labels && self.histogram == other.histogram
    }
}

pub(super) fn samples_text(samples: &[SampleText]) -> String {
    if samples.is_empty() {
        return "nil".to_owned();
    }
    let one = |sample: &SampleText| match sample.histogram.is_empty() {
        true => format!("{:?} {}", sample.labels, format_e(sample.value).replace('e', "E")),
        false => format!("{:?} {}", sample.labels, sample.histogram),
    };
    samples.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// `{{schema:1 count:3 sum:5 buckets:[1 2]}}`: what is zero is left out, and so are empty buckets at the ends.
pub(super) fn histogram_text(h: &FloatHistogram) -> String {
    let mut fields = Vec::new();
    if h.schema != 0 {
        fields.push(format!("schema:{}", h.schema));
    }
    let numbers = [("count", h.count), ("sum", h.sum), ("z_bucket", h.zero_count), ("z_bucket_w", h.zero_threshold)];
    let numbers = numbers.into_iter().filter(|(_, v)| *v != 0.0);
    fields.extend(numbers.map(|(name, v)| format!("{name}:{}", format_g(v))));
    if !h.custom_bounds.is_empty() {
        fields.push(format!("custom_values:{}", list(&h.custom_bounds)));
    }
    match h.counter_reset_hint {
        CounterResetHint::Unknown => {}
        CounterResetHint::Reset => fields.push("counter_reset_hint:reset".to_owned()),
        CounterResetHint::NotReset => fields.push("counter_reset_hint:not_reset".to_owned()),
        CounterResetHint::Gauge => fields.push("counter_reset_hint:gauge".to_owned()),
    }
    let sides = [
        ("offset", "buckets", &h.positive_spans, &h.positive_buckets),
        ("n_offset", "n_buckets", &h.negative_spans, &h.negative_buckets),
    ];
    for (offset_name, name, spans, buckets) in sides {
        let (offset, buckets) = one_span(spans, buckets);
        if offset != 0 {
            fields.push(format!("{offset_name}:{offset}"));
        }
        if !buckets.is_empty() {
            fields.push(format!("{name}:{}", list(&buckets)));
        }
    }
    format!("{{{{{}}}}}", fields.join(" "))
}

fn list(values: &[f64]) -> String {
    format!("[{}]", values.iter().map(|v| format_g(*v)).collect::<Vec<_>>().join(" "))
}

/// All buckets from the first that holds something to the last, and the number of the first.
fn one_span(spans: &[Span], buckets: &[f64]) -> (i64, Vec<f64>) {
    let mut dense: Vec<f64> = Vec::new();
    let (mut buckets, mut first) = (buckets.iter(), 0);
    for (i, span) in spans.iter().enumerate() {
        match i {
            0 => first = i64::from(span.offset),
            _ => dense.extend(std::iter::repeat_n(0.0, usize::try_from(span.offset).unwrap_or(0))),
        }
        dense.extend(buckets.by_ref().take(span.length as usize));
    }
    let leading = dense.iter().take_while(|v| **v == 0.0).count();
    let end = dense.iter().rposition(|v| *v != 0.0).map_or(0, |last| last + 1);
    match dense.get(leading..end) {
        Some(kept) if !kept.is_empty() => (first + leading as i64, kept.to_vec()),
        _ => (0, Vec::new()),
    }
}
