//! One native histogram as records hold it.
//!
//! `u8 hint · varint schema · u64 zero threshold · zero count · count · u64 sum · spans+ · spans− · buckets+ · buckets− ·
//! [bounds]`. Integer histograms have uvarint counts and varint bucket deltas, float histograms u64 floats for all of them.
//! Spans are `uvarint n · n × (varint offset, uvarint length)`; bounds are there when the schema says custom buckets.

use std::sync::Arc;

use promethium_model::histogram::CUSTOM_BUCKETS_SCHEMA;
use promethium_model::{CounterResetHint, FloatHistogram, Histogram, HistogramValue, Span};

use super::cursor::{push_uvarint, push_varint};
use super::{Cursor, RecordError};

pub(crate) fn write_histogram(out: &mut Vec<u8>, histogram: &HistogramValue) {
    match histogram {
        HistogramValue::Int(h) => write_int(out, h),
        HistogramValue::Float(h) => write_float(out, h),
    }
}

pub(crate) fn read_histogram(rest: &mut Cursor<'_>, is_float: bool) -> Result<HistogramValue, RecordError> {
    Ok(if is_float {
        HistogramValue::Float(Arc::new(read_float(rest)?))
    } else {
        HistogramValue::Int(Arc::new(read_int(rest)?))
    })
}

fn write_int(out: &mut Vec<u8>, h: &Histogram) {
    out.push(hint_code(h.counter_reset_hint));
    push_varint(out, i64::from(h.schema));
    push_f64(out, h.zero_threshold);
    push_uvarint(out, h.zero_count);
    push_uvarint(out, h.count);
    push_f64(out, h.sum);
    push_spans(out, &h.positive_spans);
    push_spans(out, &h.negative_spans);
    for deltas in [&h.positive_deltas, &h.negative_deltas] {
        push_uvarint(out, deltas.len() as u64);
        deltas.iter().for_each(|delta| push_varint(out, *delta));
    }
    push_bounds(out, h.schema, &h.custom_bounds);
}

fn write_float(out: &mut Vec<u8>, h: &FloatHistogram) {
    out.push(hint_code(h.counter_reset_hint));
    push_varint(out, i64::from(h.schema));
    for field in [h.zero_threshold, h.zero_count, h.count, h.sum] {
        push_f64(out, field);
    }
    push_spans(out, &h.positive_spans);
    push_spans(out, &h.negative_spans);
    push_floats(out, &h.positive_buckets);
    push_floats(out, &h.negative_buckets);
    push_bounds(out, h.schema, &h.custom_bounds);
}

fn read_int(rest: &mut Cursor<'_>) -> Result<Histogram, RecordError> {
    let (counter_reset_hint, schema) = (read_hint(rest)?, read_schema(rest)?);
    let zero_threshold = rest.f64("zero threshold")?;
    let zero_count = rest.uvarint("zero count")?;
    let count = rest.uvarint("count")?;
    let sum = rest.f64("sum")?;
    let (positive_spans, negative_spans) = (read_spans(rest)?, read_spans(rest)?);
    let (positive_deltas, negative_deltas) = (read_deltas(rest)?, read_deltas(rest)?);
    let custom_bounds = read_bounds(rest, schema)?;
    Ok(Histogram {
        counter_reset_hint,
        schema,
        zero_threshold,
        zero_count,
        count,
        sum,
        positive_spans: positive_spans.into(),
        negative_spans: negative_spans.into(),
        positive_deltas,
        negative_deltas,
        custom_bounds,
    })
}

fn read_float(rest: &mut Cursor<'_>) -> Result<FloatHistogram, RecordError> {
    let (counter_reset_hint, schema) = (read_hint(rest)?, read_schema(rest)?);
    let (zero_threshold, zero_count) = (rest.f64("zero threshold")?, rest.f64("zero count")?);
    let (count, sum) = (rest.f64("count")?, rest.f64("sum")?);
    let (positive_spans, negative_spans) = (read_spans(rest)?, read_spans(rest)?);
    let (positive_buckets, negative_buckets) = (read_floats(rest, "bucket")?, read_floats(rest, "bucket")?);
    let custom_bounds = read_bounds(rest, schema)?;
    Ok(FloatHistogram {
        counter_reset_hint,
        schema,
        zero_threshold,
        zero_count,
        count,
        sum,
        positive_spans: positive_spans.into(),
        negative_spans: negative_spans.into(),
        positive_buckets,
        negative_buckets,
        custom_bounds,
    })
}

fn hint_code(hint: CounterResetHint) -> u8 {
    match hint {
        CounterResetHint::Unknown => 0,
        CounterResetHint::Reset => 1,
        CounterResetHint::NotReset => 2,
        CounterResetHint::Gauge => 3,
    }
}

fn read_hint(rest: &mut Cursor<'_>) -> Result<CounterResetHint, RecordError> {
    match rest.u8("counter reset hint")? {
        0 => Ok(CounterResetHint::Unknown),
        1 => Ok(CounterResetHint::Reset),
        2 => Ok(CounterResetHint::NotReset),
        3 => Ok(CounterResetHint::Gauge),
        other => Err(RecordError::OutOfRange { what: "counter reset hint", value: other.into() }),
    }
}

fn read_schema(rest: &mut Cursor<'_>) -> Result<i32, RecordError> {
    let value = rest.varint("schema")?;
    i32::try_from(value).map_err(|_| RecordError::OutOfRange { what: "schema", value: value.into() })
}

fn push_f64(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(&value.to_bits().to_be_bytes());
}

fn push_floats(out: &mut Vec<u8>, values: &[f64]) {
    push_uvarint(out, values.len() as u64);
    values.iter().for_each(|value| push_f64(out, *value));
}

fn read_floats(rest: &mut Cursor<'_>, what: &'static str) -> Result<Vec<f64>, RecordError> {
    (0..rest.count(8, what)?).map(|_| rest.f64(what)).collect()
}

fn read_deltas(rest: &mut Cursor<'_>) -> Result<Vec<i64>, RecordError> {
    (0..rest.count(1, "bucket count")?).map(|_| rest.varint("bucket")).collect()
}

fn push_bounds(out: &mut Vec<u8>, schema: i32, bounds: &[f64]) {
    if schema == CUSTOM_BUCKETS_SCHEMA {
        push_floats(out, bounds);
    }
}

fn read_bounds(rest: &mut Cursor<'_>, schema: i32) -> Result<Arc<[f64]>, RecordError> {
    if schema == CUSTOM_BUCKETS_SCHEMA { Ok(read_floats(rest, "custom bound")?.into()) } else { Ok(Arc::default()) }
}

fn push_spans(out: &mut Vec<u8>, spans: &[Span]) {
    push_uvarint(out, spans.len() as u64);
    for span in spans {
        push_varint(out, i64::from(span.offset));
        push_uvarint(out, u64::from(span.length));
    }
}

fn read_spans(rest: &mut Cursor<'_>) -> Result<Vec<Span>, RecordError> {
    (0..rest.count(2, "span count")?).map(|_| read_span(rest)).collect()
}

fn read_span(rest: &mut Cursor<'_>) -> Result<Span, RecordError> {
    let (offset, length) = (rest.varint("span offset")?, rest.uvarint("span length")?);
    Ok(Span {
        offset: i32::try_from(offset)
            .map_err(|_| RecordError::OutOfRange { what: "span offset", value: offset.into() })?,
        length: u32::try_from(length)
            .map_err(|_| RecordError::OutOfRange { what: "span length", value: length.into() })?,
    })
}
