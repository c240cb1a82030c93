//! Histogram records: integer and float counts, exponential and custom buckets, with and without start timestamps.

use promethium_model::HistogramValue;
use promethium_model::histogram::CUSTOM_BUCKETS_SCHEMA;

use super::cursor::push_varint;
use super::histogram::{read_histogram, write_histogram};
use super::samples::V2Frame;
use super::{Cursor, RecordError, RecordType, all_or_nothing, body};

/// A histogram of a series that an earlier record named.
#[derive(Clone, Debug, PartialEq)]
pub struct RefHistogram {
    /// The reference that a series record gave.
    pub series: u64,
    /// When the counter started, milliseconds since the epoch; 0 = unknown.
    pub start_timestamp_ms: i64,
    /// Milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// The histogram.
    pub histogram: HistogramValue,
}

const ACCEPTED: [RecordType; 6] = [
    RecordType::Histograms,
    RecordType::FloatHistograms,
    RecordType::CustomHistograms,
    RecordType::CustomFloatHistograms,
    RecordType::HistogramsV2,
    RecordType::FloatHistogramsV2,
];

/// Appends the histograms of a record of type 7, 8, 9, 10, 12 or 13 to `out`. What they say is not validated: a span may
/// cover more buckets than there are.
///
/// # Errors
///
/// When the record is of another type or cut short, or a number does not fit its field.
pub fn decode_histograms(record: &[u8], out: &mut Vec<RefHistogram>) -> Result<(), RecordError> {
    let rest = body(record, "histograms", &ACCEPTED)?;
    if rest.is_empty() {
        return Ok(());
    }
    let is_float = |float: RecordType, custom: RecordType| {
        RecordType::of(record).is_some_and(|kind| kind == float || kind == custom)
    };
    all_or_nothing(out, |out| match RecordType::of(record) {
        Some(RecordType::HistogramsV2) => decode_v2(rest, false, out),
        Some(RecordType::FloatHistogramsV2) => decode_v2(rest, true, out),
        _ => decode_v1(rest, is_float(RecordType::FloatHistograms, RecordType::CustomFloatHistograms), out),
    })
}

fn decode_v1(mut rest: Cursor<'_>, is_float: bool, out: &mut Vec<RefHistogram>) -> Result<(), RecordError> {
    let (base, base_ms) = (rest.u64("first reference")?, rest.i64("first timestamp")?);
    while !rest.is_empty() {
        let series = base.wrapping_add(rest.varint("reference")? as u64);
        let timestamp_ms = base_ms.wrapping_add(rest.varint("timestamp")?);
        let histogram = read_histogram(&mut rest, is_float)?;
        out.push(RefHistogram { series, start_timestamp_ms: 0, timestamp_ms, histogram });
    }
    Ok(())
}

fn decode_v2(mut rest: Cursor<'_>, is_float: bool, out: &mut Vec<RefHistogram>) -> Result<(), RecordError> {
    let mut frame = V2Frame::first(&mut rest)?;
    loop {
        out.push(RefHistogram {
            series: frame.reference,
            start_timestamp_ms: frame.start_ms,
            timestamp_ms: frame.timestamp_ms,
            histogram: read_histogram(&mut rest, is_float)?,
        });
        if rest.is_empty() {
            return Ok(());
        }
        frame.next(&mut rest)?;
    }
}

/// The records for a batch of histograms without start timestamps, in the order of Prometheus: 7, 9, 8, 10, each where
/// there is something for it.
///
/// Those with custom buckets have records of their own, so that older readers can pass over them; the record that they
/// are left out of still counts from the first histogram of the batch, as Prometheus writes it.
#[must_use]
pub fn encode_histograms(histograms: &[RefHistogram]) -> Vec<Vec<u8>> {
    let kinds = [
        (false, RecordType::Histograms, RecordType::CustomHistograms),
        (true, RecordType::FloatHistograms, RecordType::CustomFloatHistograms),
    ];
    let mut records = Vec::new();
    for (float, plain_type, custom_type) in kinds {
        let of_kind: Vec<_> = histograms.iter().filter(|h| is_float(h) == float).collect();
        let (custom, plain): (Vec<_>, Vec<_>) = of_kind.iter().copied().partition(|h| is_custom(h));
        records.extend(encode_v1(plain_type, of_kind.first().copied(), &plain));
        records.extend(encode_v1(custom_type, custom.first().copied(), &custom));
    }
    records
}

fn encode_v1(kind: RecordType, base: Option<&RefHistogram>, histograms: &[&RefHistogram]) -> Option<Vec<u8>> {
    let base = base.filter(|_| !histograms.is_empty())?;
    let mut record = vec![kind as u8];
    record.extend_from_slice(&base.series.to_be_bytes());
    record.extend_from_slice(&base.timestamp_ms.to_be_bytes());
    histograms.iter().for_each(|h| push_v1(&mut record, base.series, base.timestamp_ms, h));
    Some(record)
}

fn push_v1(record: &mut Vec<u8>, base: u64, base_ms: i64, h: &RefHistogram) {
    push_varint(record, h.series.wrapping_sub(base) as i64);
    push_varint(record, h.timestamp_ms.wrapping_sub(base_ms));
    write_histogram(record, &h.histogram);
}

/// Histograms of one record as a record of the same type that counts from the same base.
pub(crate) fn encode_v1_histograms(record: &[u8], histograms: &[RefHistogram]) -> Vec<u8> {
    let base = record.get(..17).unwrap_or(record);
    let mut again = base.to_vec();
    let mut rest = Cursor::new(base.get(1..).unwrap_or_default());
    if let (Ok(base), Ok(base_ms)) = (rest.u64("first reference"), rest.i64("first timestamp")) {
        histograms.iter().for_each(|h| push_v1(&mut again, base, base_ms, h));
    }
    again
}

/// The records for a batch of histograms with start timestamps: 12, then 13, each where there is something for it.
/// Prometheus reads them since 3.11; older ones pass over them in silence.
#[must_use]
pub fn encode_histograms_v2(histograms: &[RefHistogram]) -> Vec<Vec<u8>> {
    let kinds = [(false, RecordType::HistogramsV2), (true, RecordType::FloatHistogramsV2)];
    kinds
        .into_iter()
        .filter_map(|(float, kind)| encode_v2(kind, histograms.iter().filter(|h| is_float(h) == float)))
        .collect()
}

fn encode_v2<'a>(kind: RecordType, histograms: impl Iterator<Item = &'a RefHistogram>) -> Option<Vec<u8>> {
    let mut record = vec![kind as u8];
    let mut frame: Option<V2Frame> = None;
    for h in histograms {
        match &mut frame {
            None => frame = Some(V2Frame::write_first(&mut record, h.series, h.start_timestamp_ms, h.timestamp_ms)),
            Some(frame) => frame.write_next(&mut record, h.series, h.start_timestamp_ms, h.timestamp_ms),
        }
        write_histogram(&mut record, &h.histogram);
    }
    frame.map(|_| record)
}

fn is_float(h: &RefHistogram) -> bool {
    matches!(h.histogram, HistogramValue::Float(_))
}

fn is_custom(h: &RefHistogram) -> bool {
    let schema = match &h.histogram {
        HistogramValue::Int(h) => h.schema,
        HistogramValue::Float(h) => h.schema,
    };
    schema == CUSTOM_BUCKETS_SCHEMA
}
