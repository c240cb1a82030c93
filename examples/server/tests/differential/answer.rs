//! Answers in one form, whoever gave them, and what counts as the same answer.

use std::collections::BTreeMap;
use std::fmt;

use promethium::model::{Labels, QueryError, QueryOutput, QueryValue, SampleValue};
use serde_json::Value;

/// Relative distance of floats that count as equal: sums run in another order and with other compensation.
const TOLERANCE: f64 = 1e-9;

/// Labels by name, so that order plays no part.
pub(crate) type Metric = BTreeMap<String, String>;

/// Times and values.
pub(crate) type Samples = Vec<(i64, f64)>;

/// What a query gave.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// A refusal: the API's name of its kind, and its words.
    Error(String, String),
    /// Type name and text of a string.
    Text(i64, String),
    /// A scalar, vector or matrix by type name; a scalar is one series without labels.
    Data(&'static str, Vec<(Metric, Samples)>),
}

impl Answer {
    /// Whether there is at least one sample.
    pub(crate) fn has_data(&self) -> bool {
        matches!(self, Answer::Data(_, series) if !series.is_empty())
    }

    /// Of the engine.
    pub(crate) fn of_engine(result: Result<QueryOutput, QueryError>) -> Answer {
        match result {
            Err(error) => Answer::Error(error.error_type().as_str().to_owned(), error.to_string()),
            Ok(output) => of_value(output.value),
        }
    }

    /// Of a body of the HTTP API.
    pub(crate) fn of_api(body: &Value) -> Answer {
        if body["status"] != "success" {
            let text = |field: &str| body[field].as_str().expect("an error has a kind and a text").to_owned();
            return Answer::Error(text("errorType"), text("error"));
        }
        let result = &body["data"]["result"];
        match body["data"]["resultType"].as_str().expect("a type") {
            "scalar" => Answer::Data("scalar", vec![(Metric::new(), vec![sample(result)])]),
            "string" => Answer::Text(time_ms(&result[0]), result[1].as_str().expect("a text").to_owned()),
            "vector" => Answer::Data("vector", rows(result, |row| vec![sample(&row["value"])])),
            "matrix" => Answer::Data("matrix", rows(result, |row| elements(&row["values"]).map(sample).collect())),
            other => panic!("unknown type {other}"),
        }
    }
}

fn of_value(value: QueryValue) -> Answer {
    let kind = value.type_name();
    match value {
        QueryValue::Scalar { timestamp_ms, value } => {
            Answer::Data(kind, vec![(Metric::new(), vec![(timestamp_ms, value)])])
        }
        QueryValue::String { timestamp_ms, value } => Answer::Text(timestamp_ms, value),
        QueryValue::Vector(vector) => {
            let row = |s: promethium::model::VectorSample| {
                let SampleValue::Float(v) = s.value else { panic!("a histogram out of floats: {}", s.labels) };
                (metric(&s.labels), vec![(s.timestamp_ms, v)])
            };
            Answer::Data(kind, vector.into_iter().map(row).collect())
        }
        QueryValue::Matrix(matrix) => {
            Answer::Data(kind, matrix.into_iter().map(|s| (metric(&s.labels), s.floats)).collect())
        }
    }
}

/// A label set as a map.
pub(crate) fn metric(labels: &Labels) -> Metric {
    labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn elements(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().expect("a list").iter()
}

fn rows(result: &Value, samples: impl Fn(&Value) -> Samples) -> Vec<(Metric, Samples)> {
    let text = |v: &Value| v.as_str().expect("a label value").to_owned();
    let labels = |row: &Value| row["metric"].as_object().expect("labels").clone();
    let metric = |row: &Value| labels(row).iter().map(|(name, value)| (name.clone(), text(value))).collect();
    elements(result).map(|row| (metric(row), samples(row))).collect()
}

fn sample(pair: &Value) -> (i64, f64) {
    let text = pair[1].as_str().expect("a value is a text");
    (time_ms(&pair[0]), text.parse().expect("a value is a number"))
}

fn time_ms(seconds: &Value) -> i64 {
    (seconds.as_f64().expect("a time") * 1000.0).round() as i64
}

/// What is not the same, in words; none when the answers agree. With `ordered`, the order of a vector's values counts.
pub(crate) fn difference(theirs: &Answer, ours: &Answer, ordered: bool) -> Option<String> {
    match (theirs, ours) {
        (Answer::Error(kind, theirs), Answer::Error(our_kind, ours)) => {
            let same = kind == our_kind && comparable_words(theirs) == comparable_words(ours);
            (!same).then(|| format!("refused\n    theirs: {kind}: {theirs}\n    ours:   {our_kind}: {ours}"))
        }
        (Answer::Text(t, theirs), Answer::Text(u, ours)) if t == u && theirs == ours => None,
        (Answer::Data(kind, theirs), Answer::Data(our_kind, ours)) if kind == our_kind => {
            let order = if ordered { order_difference(theirs, ours) } else { None };
            order.or_else(|| data_difference(theirs, ours))
        }
        _ => Some(format!("\n    theirs: {}\n    ours:   {}", Brief(theirs), Brief(ours))),
    }
}

/// An error text without what the API adds to it. The two series of a many-to-many error came in no order in 2.42: its
/// words are sorted.
fn comparable_words(text: &str) -> Vec<&str> {
    let text = text.strip_prefix("invalid parameter \"query\": ").unwrap_or(text);
    if !text.starts_with("found duplicate series") {
        return vec![text];
    }
    let mut words: Vec<&str> = text.split(|c: char| " ,[]{};".contains(c)).collect();
    words.sort_unstable();
    words
}

fn order_difference(theirs: &[(Metric, Samples)], ours: &[(Metric, Samples)]) -> Option<String> {
    let values = |rows: &[(Metric, Samples)]| rows.iter().map(|(_, samples)| samples[0].1).collect::<Vec<_>>();
    let (theirs, ours) = (values(theirs), values(ours));
    let same = theirs.len() == ours.len() && theirs.iter().zip(&ours).all(|(a, b)| close(*a, *b));
    (!same).then(|| format!("order\n    theirs: {theirs:?}\n    ours:   {ours:?}"))
}

fn data_difference(theirs: &[(Metric, Samples)], ours: &[(Metric, Samples)]) -> Option<String> {
    let (by_labels, our_labels) = (index(theirs), index(ours));
    if by_labels.len() < theirs.len() || our_labels.len() < ours.len() {
        return Some("a label set occurs twice".to_owned());
    }
    if let Some(missing) = by_labels.keys().find(|metric| !our_labels.contains_key(*metric)) {
        return Some(format!("only theirs: {missing:?} {:?}", head(by_labels[*missing])));
    }
    if let Some(added) = our_labels.keys().find(|metric| !by_labels.contains_key(*metric)) {
        return Some(format!("only ours: {added:?} {:?}", head(our_labels[*added])));
    }
    let of_series = |(metric, theirs): (&&Metric, &&Samples)| {
        samples_difference(theirs, our_labels[*metric]).map(|text| format!("{metric:?}: {text}"))
    };
    by_labels.iter().find_map(of_series)
}

fn index(rows: &[(Metric, Samples)]) -> BTreeMap<&Metric, &Samples> {
    rows.iter().map(|(metric, samples)| (metric, samples)).collect()
}

fn head(samples: &Samples) -> &[(i64, f64)] {
    &samples[..samples.len().min(3)]
}

fn samples_difference(theirs: &Samples, ours: &Samples) -> Option<String> {
    let times = |samples: &Samples| samples.iter().map(|s| s.0).collect::<Vec<_>>();
    if times(theirs) != times(ours) {
        let only = |a: &Samples, b: &Samples| {
            a.iter().filter(|s| !b.iter().any(|r| r.0 == s.0)).take(3).copied().collect::<Samples>()
        };
        return Some(format!(
            "times\n    only theirs: {:?}\n    only ours:   {:?}",
            only(theirs, ours),
            only(ours, theirs)
        ));
    }
    let (at, other) = theirs.iter().zip(ours).find(|(a, b)| !close(a.1, b.1))?;
    Some(format!("at {}\n    theirs: {}\n    ours:   {}", at.0, at.1, other.1))
}

fn close(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()) && (a - b).is_finite()
}

/// The beginning of an answer.
struct Brief<'a>(&'a Answer);

impl fmt::Display for Brief<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:?}", self.0);
        let end = text.char_indices().nth(300).map_or(text.len(), |(at, _)| at);
        f.write_str(&text[..end])
    }
}
