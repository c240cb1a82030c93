//! The records: series and samples.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use promethium_model::{Labels, LabelsBuilder};
use thiserror::Error;

const SERIES: u8 = 1;
const SAMPLES: u8 = 2;
// The longest label string that a packed label set can hold.
const MAX_STRING_BYTES: usize = (1 << 24) - 1;

/// A sample of a series that an earlier record named.
#[derive(Clone, Copy, Debug)]
pub struct RefSample {
    /// The reference that a series record gave.
    pub series: u64,
    /// Milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// The value, stale markers by their bits.
    pub value: f64,
}

/// What a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// References and labels.
    Series,
    /// Samples of floats.
    Samples,
    /// A kind that this store does not keep, or an empty record.
    Other,
}

/// A record whose checksum is right does not decode.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RecordError {
    #[error("record ends in the middle of a {0}")]
    Short(&'static str),
    #[error("label string is not UTF-8")]
    NotUtf8,
    #[error("label string of {0} bytes is too long")]
    LongString(u64),
    #[error("series {reference} repeats the label {name:?}")]
    RepeatedLabel { reference: u64, name: String },
    #[error("series {reference} has no labels")]
    NoLabels { reference: u64 },
}

/// What a record holds, by its first byte.
#[must_use]
pub fn record_kind(record: &[u8]) -> RecordKind {
    match record.first() {
        Some(&SERIES) => RecordKind::Series,
        Some(&SAMPLES) => RecordKind::Samples,
        _ => RecordKind::Other,
    }
}

/// Appends one series to a series record; an empty `record` becomes one.
pub fn encode_series_entry<'a>(
    record: &mut Vec<u8>,
    reference: u64,
    labels: impl ExactSizeIterator<Item = (&'a str, &'a str)>,
) {
    if record.is_empty() {
        record.push(SERIES);
    }
    record.extend_from_slice(&reference.to_be_bytes());
    push_uvarint(record, labels.len() as u64);
    for (name, value) in labels {
        push_string(record, name);
        push_string(record, value);
    }
}

/// One samples record.
pub fn encode_samples(samples: impl Iterator<Item = RefSample>) -> Vec<u8> {
    let mut samples = samples.peekable();
    let mut record = vec![SAMPLES];
    let Some(base) = samples.peek().copied() else { return record };
    record.extend_from_slice(&base.series.to_be_bytes());
    record.extend_from_slice(&base.timestamp_ms.to_be_bytes());
    for sample in samples {
        push_varint(&mut record, sample.series.wrapping_sub(base.series) as i64);
        push_varint(&mut record, sample.timestamp_ms.wrapping_sub(base.timestamp_ms));
        record.extend_from_slice(&sample.value.to_bits().to_be_bytes());
    }
    record
}

/// Appends the series of a record to `out`.
pub fn decode_series(record: &[u8], out: &mut Vec<(u64, Labels)>) -> Result<(), RecordError> {
    let mut bytes = Bytes(record.get(1..).unwrap_or_default());
    let mut pairs = Vec::new();
    while !bytes.is_empty() {
        let reference = bytes.u64("series reference")?;
        let labels = bytes.uvarint("label count")?;
        pairs.clear();
        for _ in 0..labels {
            pairs.push((bytes.string()?, bytes.string()?));
        }
        out.push((reference, build_labels(reference, &pairs)?));
    }
    Ok(())
}

fn build_labels(reference: u64, pairs: &[(&str, &str)]) -> Result<Labels, RecordError> {
    let mut builder = LabelsBuilder::new();
    let sorted = pairs.iter().zip(pairs.iter().skip(1)).all(|(a, b)| a.0 < b.0);
    let labels = if sorted && pairs.iter().all(|(_, value)| !value.is_empty()) {
        Labels::from_sorted_pairs(pairs.iter().copied())
    } else {
        for (name, value) in pairs {
            builder.push(name, value);
        }
        builder.try_build().map_err(|name| RecordError::RepeatedLabel { reference, name })?
    };
    if labels.is_empty() { Err(RecordError::NoLabels { reference }) } else { Ok(labels) }
}

/// Appends the samples of a record to `out`.
pub fn decode_samples(record: &[u8], out: &mut Vec<RefSample>) -> Result<(), RecordError> {
    let mut bytes = Bytes(record.get(1..).unwrap_or_default());
    if bytes.is_empty() {
        return Ok(());
    }
    let series = bytes.u64("first reference")?;
    let timestamp_ms = bytes.u64("first timestamp")? as i64;
    while !bytes.is_empty() {
        out.push(RefSample {
            series: series.wrapping_add(bytes.varint("reference")? as u64),
            timestamp_ms: timestamp_ms.wrapping_add(bytes.varint("timestamp")?),
            value: f64::from_bits(bytes.u64("value")?),
        });
    }
    Ok(())
}

/// What is left of a record.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[inline]
    fn u64(&mut self, what: &'static str) -> Result<u64, RecordError> {
        let (eight, rest) = self.0.split_first_chunk::<8>().ok_or(RecordError::Short(what))?;
        self.0 = rest;
        Ok(u64::from_be_bytes(*eight))
    }

    #[inline]
    fn uvarint(&mut self, what: &'static str) -> Result<u64, RecordError> {
        let mut value = 0_u64;
        for shift in (0..70_u32).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or(RecordError::Short(what))?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if *byte < 0x80 {
                return Ok(value);
            }
        }
        Err(RecordError::Short(what))
    }

    #[inline]
    fn varint(&mut self, what: &'static str) -> Result<i64, RecordError> {
        let raw = self.uvarint(what)?;
        Ok(((raw >> 1) as i64) ^ ((raw & 1) as i64).wrapping_neg())
    }

    fn string(&mut self) -> Result<&'a str, RecordError> {
        let len = self.uvarint("label string length")?;
        let short = usize::try_from(len).ok().filter(|l| *l <= MAX_STRING_BYTES);
        let len = short.ok_or(RecordError::LongString(len))?;
        let (text, rest) = self.0.split_at_checked(len).ok_or(RecordError::Short("label string"))?;
        self.0 = rest;
        std::str::from_utf8(text).map_err(|_| RecordError::NotUtf8)
    }
}

fn push_uvarint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn push_varint(out: &mut Vec<u8>, value: i64) {
    push_uvarint(out, ((value << 1) ^ (value >> 63)) as u64);
}

fn push_string(out: &mut Vec<u8>, text: &str) {
    push_uvarint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}
