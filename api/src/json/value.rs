//! The value of a query.

use promethium_model::{MatrixSeries, QueryCx, QueryValue, SampleValue, StorageError, VectorSample, float};

use super::histogram::push_histogram;
use super::number::{push_float, push_sample_value, push_timestamp};
use super::points::push_floats;
use super::{Object, Pace, push_string};

/// Writes the `result` of a query as the HTTP API shows it. Allocates for the buffer alone, never per sample.
///
/// ```
/// use promethium_model::{QueryCx, QueryValue};
/// let mut out = String::new();
/// let value = QueryValue::Scalar { timestamp_ms: 1_500, value: 2.0 };
/// promethium_api::push_query_value(&mut out, &value, &QueryCx::unlimited())?;
/// assert_eq!(out, r#"[1.5,"2"]"#);
/// # Ok::<(), promethium_model::StorageError>(())
/// ```
///
/// # Errors
///
/// When `cx` says to stop: it is asked every 64 KiB, between series or histograms.
pub fn push_query_value(out: &mut String, value: &QueryValue, cx: &QueryCx) -> Result<(), StorageError> {
    match value {
        QueryValue::Scalar { timestamp_ms, value } => push_scalar(out, *timestamp_ms, *value),
        QueryValue::String { timestamp_ms, value } => {
            push_lone(out, *timestamp_ms, |out| push_string(out, value));
        }
        QueryValue::Vector(samples) => return Pace::new(cx).push_array(out, samples, push_vector_sample),
        QueryValue::Matrix(series) => return Pace::new(cx).try_push_array(out, series, push_series),
    }
    Ok(())
}

/// A scalar is never in exponent form, unlike the samples of a vector.
fn push_scalar(out: &mut String, timestamp_ms: i64, value: f64) {
    push_lone(out, timestamp_ms, |out| {
        out.push('"');
        float::push_f(out, value);
        out.push('"');
    });
}

/// Scalars and strings have the time as a plain float: `1.5`, where samples have `1.500`.
fn push_lone(out: &mut String, timestamp_ms: i64, push: impl FnOnce(&mut String)) {
    out.push('[');
    push_float(out, timestamp_ms as f64 / 1_000.0);
    out.push(',');
    push(out);
    out.push(']');
}

fn push_vector_sample(out: &mut String, sample: &VectorSample) {
    let mut object = Object::open(out);
    object.labels("metric", &sample.labels);
    match &sample.value {
        SampleValue::Float(v) => {
            push_point(object.key("value"), sample.timestamp_ms, |out| push_sample_value(out, *v));
        }
        SampleValue::Histogram(h) => {
            push_point(object.key("histogram"), sample.timestamp_ms, |out| push_histogram(out, h));
        }
    }
    object.close();
}

fn push_series(pace: &mut Pace<'_>, out: &mut String, series: &MatrixSeries) -> Result<(), StorageError> {
    let mut object = Object::open(out);
    object.labels("metric", &series.labels);
    if !series.floats.is_empty() {
        push_floats(object.key("values"), &series.floats);
    }
    if !series.histograms.is_empty() {
        pace.push_array(object.key("histograms"), &series.histograms, |out, (t, h)| {
            push_point(out, *t, |out| push_histogram(out, h));
        })?;
    }
    object.close();
    Ok(())
}

fn push_point(out: &mut String, timestamp_ms: i64, push_value: impl FnOnce(&mut String)) {
    out.push('[');
    push_timestamp(out, timestamp_ms);
    out.push(',');
    push_value(out);
    out.push(']');
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use promethium_model::{FloatHistogram, Labels};

    fn json(value: &QueryValue) -> String {
        let mut out = String::new();
        push_query_value(&mut out, value, &QueryCx::unlimited()).expect("nothing says to stop");
        out
    }

    #[test]
    fn scalars_and_strings_have_plain_times_and_no_exponents() {
        for (timestamp_ms, value, expected) in [
            (1_500, 2.0, "[1.5,\"2\"]"),
            (1_000, 1e21, "[1,\"1000000000000000000000\"]"),
            (1_250, 1e-7, "[1.25,\"0.0000001\"]"),
            (0, f64::NAN, "[0,\"NaN\"]"),
        ] {
            assert_eq!(json(&QueryValue::Scalar { timestamp_ms, value }), expected);
        }
        let text = QueryValue::String { timestamp_ms: 1_000, value: "a<b\0".to_owned() };
        assert_eq!(json(&text), "[1,\"a\\u003cb\\u0000\"]");
    }

    #[test]
    fn vectors_and_matrices() {
        let labels = Labels::from_pairs([("__name__", "up"), ("job", "a<b")]);
        let h = Arc::new(FloatHistogram { count: 2.0, sum: 3.5, zero_count: 2.0, ..FloatHistogram::default() });
        let h_json = r#"{"count":"2","sum":"3.5","buckets":[[3,"-0","0","2"]]}"#;
        let sample = |value| VectorSample { labels: labels.clone(), timestamp_ms: 1_500, value };
        let vector =
            QueryValue::Vector(vec![sample(SampleValue::Float(1e21)), sample(SampleValue::Histogram(h.clone()))]);
        let metric = r#""metric":{"__name__":"up","job":"a<b"}"#;
        assert_eq!(
            json(&vector),
            format!(r#"[{{{metric},"value":[1.500,"1e+21"]}},{{{metric},"histogram":[1.500,{h_json}]}}]"#)
        );
        let matrix = QueryValue::Matrix(vec![
            MatrixSeries { labels: labels.clone(), floats: vec![(1_000, 1.0), (2_001, 0.5)], histograms: vec![] },
            MatrixSeries { labels: labels.clone(), floats: vec![], histograms: vec![(1_000, h.clone()), (2_000, h)] },
            MatrixSeries { labels, ..MatrixSeries::default() },
        ]);
        assert_eq!(
            json(&matrix),
            format!(
                r#"[{{{metric},"values":[[1,"1"],[2.001,"0.5"]]}},{{{metric},"histograms":[[1,{h_json}],[2,{h_json}]]}},{{{metric}}}]"#
            )
        );
        assert_eq!(json(&QueryValue::Vector(vec![])), "[]");
        assert_eq!(json(&QueryValue::Matrix(vec![])), "[]");
    }
}
