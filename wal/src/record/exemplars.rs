//! Exemplar records: `u64 first reference · u64 first time · repeat: varint Δreference · varint Δtime · u64 value · labels`.

use promethium_model::Labels;

use super::cursor::{push_pairs, push_varint};
use super::{Cursor, RecordError, RecordType, all_or_nothing, body, build_labels};

/// An exemplar of a series that an earlier record named.
#[derive(Clone, Debug, PartialEq)]
pub struct RefExemplar {
    /// The reference that a series record gave.
    pub series: u64,
    /// Milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// The observed value.
    pub value: f64,
    /// Usually a trace id.
    pub labels: Labels,
}

/// A record of type 4.
#[must_use]
pub fn encode_exemplars(exemplars: &[RefExemplar]) -> Vec<u8> {
    let mut record = vec![RecordType::Exemplars as u8];
    encode_exemplar_body(&mut record, exemplars);
    record
}

pub(crate) fn encode_exemplar_body(record: &mut Vec<u8>, exemplars: &[RefExemplar]) {
    let Some(base) = exemplars.first() else { return };
    record.extend_from_slice(&base.series.to_be_bytes());
    record.extend_from_slice(&base.timestamp_ms.to_be_bytes());
    for exemplar in exemplars {
        push_varint(record, exemplar.series.wrapping_sub(base.series) as i64);
        push_varint(record, exemplar.timestamp_ms.wrapping_sub(base.timestamp_ms));
        record.extend_from_slice(&exemplar.value.to_bits().to_be_bytes());
        let pairs: Vec<_> = exemplar.labels.iter().collect();
        push_pairs(record, pairs.into_iter());
    }
}

/// Appends the exemplars of a record of type 4 to `out`.
///
/// # Errors
///
/// When the record is of another type or cut short, a string is too long or not UTF-8, or a label is repeated.
pub fn decode_exemplars(record: &[u8], out: &mut Vec<RefExemplar>) -> Result<(), RecordError> {
    let rest = body(record, "exemplars", &[RecordType::Exemplars])?;
    all_or_nothing(out, |out| decode_exemplar_body(rest, out))
}

pub(crate) fn decode_exemplar_body(mut rest: Cursor<'_>, out: &mut Vec<RefExemplar>) -> Result<(), RecordError> {
    if rest.is_empty() {
        return Ok(());
    }
    let (base, base_ms) = (rest.u64("first reference")?, rest.i64("first timestamp")?);
    let mut pairs = Vec::new();
    while !rest.is_empty() {
        let series = base.wrapping_add(rest.varint("reference")? as u64);
        let timestamp_ms = base_ms.wrapping_add(rest.varint("timestamp")?);
        let value = rest.f64("value")?;
        rest.pairs(&mut pairs)?;
        out.push(RefExemplar { series, timestamp_ms, value, labels: build_labels(series, &pairs)? });
    }
    Ok(())
}
