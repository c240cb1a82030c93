//! Results against expectations.

use promethium_model::{FloatHistogram, MatrixSeries, QueryOutput, QueryValue, SampleValue, Severity, VectorSample};

use super::expect::{Expectations, ExpectedSeries};
use super::series::Value;
use crate::engine::{almost_equal, histogram};

const EPSILON: f64 = 1e-6;

type Checked = Result<(), String>;

/// Compares the value of an instant query.
pub(super) fn instant(expected: &Expectations, value: &QueryValue) -> Checked {
    match value {
        QueryValue::String { value, .. } => match &expected.string {
            Some(string) if string == value => Ok(()),
            other => Err(format!("expected {other:?}, got the string {value:?}")),
        },
        QueryValue::Scalar { value, .. } => scalar(expected, *value),
        QueryValue::Vector(vector) => {
            if expected.scalar.is_some() || expected.range.is_some() || expected.string.is_some() {
                return Err("expected another type, got an instant vector".to_owned());
            }
            compare_vector(expected, vector)
        }
        QueryValue::Matrix(matrix) => match expected.range {
            Some((start_ms, end_ms, step_ms)) => compare_matrix(expected, matrix, start_ms, end_ms, step_ms),
            None => Err("got a range vector, which was not expected".to_owned()),
        },
    }
}

pub(super) fn scalar(expected: &Expectations, value: f64) -> Checked {
    match expected.scalar {
        Some(scalar) if almost_equal(scalar, value, EPSILON) => Ok(()),
        Some(scalar) => Err(format!("expected scalar {scalar}, got {value}")),
        None => Err(format!("got scalar {value}, which was not expected")),
    }
}

/// Compares a range query's value.
pub(super) fn range(expected: &Expectations, value: &QueryValue, start_ms: i64, end_ms: i64, step_ms: i64) -> Checked {
    match value {
        QueryValue::Matrix(matrix) => compare_matrix(expected, matrix, start_ms, end_ms, step_ms),
        other => Err(format!("a range query gave a {}", other.type_name())),
    }
}

fn compare_vector(expected: &Expectations, vector: &[VectorSample]) -> Checked {
    for (i, sample) in vector.iter().enumerate() {
        let at = expected.series.iter().position(|s| s.labels == sample.labels);
        let Some(at) = at else { return Err(format!("unexpected series {} {}", sample.labels, shown(&sample.value))) };
        if expected.ordered && at != i {
            return Err(format!("{} is number {}, expected number {}", sample.labels, i + 1, at + 1));
        }
        let series = &expected.series[at];
        match series.values.0.as_slice() {
            [value] => compare_value(value, &sample.value).map_err(|e| format!("{}: {e}", series.labels))?,
            _ => return Err(format!("{}: an instant query has one value a series", series.labels)),
        }
    }
    let found = |s: &&ExpectedSeries| !vector.iter().any(|v| v.labels == s.labels);
    all_found(expected.series.iter().find(found), vector.len(), expected.series.len())
}

fn all_found(missing: Option<&ExpectedSeries>, got: usize, expected: usize) -> Checked {
    match missing {
        Some(series) => Err(format!("missing series {}", series.labels)),
        None if got != expected => Err(format!("expected {expected} series, got {got}")),
        None => Ok(()),
    }
}

fn compare_matrix(
    expected: &Expectations,
    matrix: &[MatrixSeries],
    start_ms: i64,
    end_ms: i64,
    step_ms: i64,
) -> Checked {
    if !matrix.is_sorted_by(|a, b| a.labels <= b.labels) {
        return Err("a matrix must be sorted by labels".to_owned());
    }
    let steps = ((end_ms - start_ms) / step_ms.max(1) + 1) as usize;
    if let Some(scalar) = expected.scalar {
        return Err(format!("a range query cannot give the scalar {scalar}"));
    }
    for series in matrix {
        let known = expected.series.iter().find(|s| s.labels == series.labels);
        let Some(known) = known else { return Err(format!("unexpected series {}", series.labels)) };
        if known.values.len() > steps {
            return Err(format!("{}: {} values for {steps} steps", known.labels, known.values.len()));
        }
        compare_points(known, series, start_ms, step_ms).map_err(|e| format!("{}: {e}", series.labels))?;
    }
    let found = |s: &&ExpectedSeries| !matrix.iter().any(|m| m.labels == s.labels);
    all_found(expected.series.iter().find(found), matrix.len(), expected.series.len())
}

fn compare_points(expected: &ExpectedSeries, got: &MatrixSeries, start_ms: i64, step_ms: i64) -> Checked {
    let mut compared = 0;
    for (i, value) in expected.values.0.iter().enumerate() {
        let t = start_ms + i as i64 * step_ms;
        let sample = value_at(got, t);
        match (value, sample) {
            (Value::Gap, None) => {}
            (Value::Gap, Some(sample)) => return Err(format!("at {t}: unexpected {}", shown(&sample))),
            (_, None) => return Err(format!("at {t}: expected {}, got nothing", expected_shown(value))),
            (value, Some(sample)) => {
                compare_value(value, &sample).map_err(|e| format!("at {t}: {e}"))?;
                compared += 1;
            }
        }
    }
    let points = got.floats.len() + got.histograms.len();
    if points == compared { Ok(()) } else { Err(format!("expected {compared} points, got {points}")) }
}

/// The sample of a series at one time.
pub(super) fn value_at(series: &MatrixSeries, t: i64) -> Option<SampleValue> {
    let float = series.floats.iter().find(|(at, _)| *at == t).map(|(_, v)| SampleValue::Float(*v));
    float.or_else(|| series.histograms.iter().find(|(at, _)| *at == t).map(|(_, h)| SampleValue::Histogram(h.clone())))
}

/// The middle step of a range query as an instant query's value.
pub(super) fn middle(expected: &Expectations, value: &QueryValue, time_ms: i64) -> Checked {
    let QueryValue::Matrix(matrix) = value else { return Err("a range query gave no matrix".to_owned()) };
    if expected.ordered {
        return Ok(());
    }
    if !matrix.is_sorted_by(|a, b| a.labels <= b.labels) {
        return Err("a matrix must be sorted by labels".to_owned());
    }
    let sample = |s: &MatrixSeries| {
        let value = value_at(s, time_ms)?;
        Some(VectorSample { labels: s.labels.clone(), timestamp_ms: time_ms, value })
    };
    let vector: Vec<VectorSample> = matrix.iter().filter_map(sample).collect();
    match (expected.scalar, vector.first()) {
        (Some(_), Some(VectorSample { value: SampleValue::Float(v), .. })) => scalar(expected, *v),
        (Some(_), _) => Err("expected a scalar, got nothing".to_owned()),
        (None, _) => compare_vector(expected, &vector),
    }
}

fn compare_value(expected: &Value, got: &SampleValue) -> Checked {
    let same = match (expected, got) {
        (Value::Float(a), SampleValue::Float(b)) => almost_equal(*a, *b, EPSILON),
        (Value::Histogram(a, hint), SampleValue::Histogram(b)) => same_histogram(a, b, *hint),
        _ => false,
    };
    if same { Ok(()) } else { Err(format!("expected {}, got {}", expected_shown(expected), shown(got))) }
}

fn same_histogram(a: &FloatHistogram, b: &FloatHistogram, with_hint: bool) -> bool {
    let (a, b) = (histogram::compacted(a), histogram::compacted(b));
    let close = |a: f64, b: f64| almost_equal(a, b, EPSILON);
    let all_close = |a: &[f64], b: &[f64]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| close(*a, *b));
    (!with_hint || a.counter_reset_hint == b.counter_reset_hint)
        && (a.schema, a.zero_threshold) == (b.schema, b.zero_threshold)
        && a.custom_bounds == b.custom_bounds
        && close(a.count, b.count)
        && close(a.sum, b.sum)
        && close(a.zero_count, b.zero_count)
        && (&a.positive_spans, &a.negative_spans) == (&b.positive_spans, &b.negative_spans)
        && all_close(&a.positive_buckets, &b.positive_buckets)
        && all_close(&a.negative_buckets, &b.negative_buckets)
}

fn shown(value: &SampleValue) -> String {
    match value {
        SampleValue::Float(v) => promethium_model::float::format_g(*v),
        SampleValue::Histogram(h) => format!("{} {:?}", histogram::text::text(h), h.counter_reset_hint),
    }
}

fn expected_shown(value: &Value) -> String {
    match value {
        Value::Gap => "nothing".to_owned(),
        Value::Float(v) => promethium_model::float::format_g(*v),
        Value::Histogram(h, _) => format!("{} {:?}", histogram::text::text(h), h.counter_reset_hint),
    }
}

/// Compares warnings and infos, each by its text with position.
pub(super) fn annotations(expected: &Expectations, output: &QueryOutput) -> Checked {
    for severity in [Severity::Warning, Severity::Info] {
        let wanted = expected.of_severity(severity);
        let got = output.annotations.texts(severity);
        if wanted.forbidden && !got.is_empty() {
            return Err(format!("unexpected annotations: {got:?}"));
        }
        if wanted.patterns.is_empty() {
            continue;
        }
        if let Some(pattern) = wanted.patterns.iter().find(|p| !got.iter().any(|text| p.matches(text))) {
            return Err(format!("expected an annotation like {pattern}, got {got:?}"));
        }
        if let Some(text) = got.iter().find(|text| !wanted.patterns.iter().any(|p| p.matches(text))) {
            return Err(format!("unexpected annotation {text:?}"));
        }
    }
    Ok(())
}
