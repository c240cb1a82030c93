//! The records: what a log says, byte by byte.
//!
//! A record is one byte of type and a body. Numbers of fixed width are big-endian; `uvarint` is LEB128 and `varint` its
//! zig-zag form. Every decoder appends to what it is given and appends nothing when it fails. The tables of all bodies are
//! in `docs/format.md`.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

mod columns;
mod cursor;
mod exemplars;
mod histogram;
mod histograms;
mod markers;
mod metadata;
mod samples;
mod series;
mod tombstones;

use thiserror::Error;

pub use columns::SampleColumns;
pub(crate) use cursor::{Cursor, push_pairs, push_string, push_uvarint, push_varint};
pub use exemplars::{RefExemplar, decode_exemplars, encode_exemplars};
pub(crate) use exemplars::{decode_exemplar_body, encode_exemplar_body};
pub(crate) use histogram::{read_histogram, write_histogram};
pub(crate) use histograms::encode_v1_histograms;
pub use histograms::{RefHistogram, decode_histograms, encode_histograms, encode_histograms_v2};
pub use markers::{MmapMarker, decode_mmap_markers, encode_mmap_markers};
pub use metadata::{RefMetadata, decode_metadata, encode_metadata};
pub use samples::{
    RefSample, decode_sample_columns, decode_sample_columns_where, decode_samples, encode_sample_columns,
    encode_samples, encode_samples_v2, scatter_samples,
};
use series::build_labels;
pub use series::{SeriesBatch, SeriesEntry, SeriesReader, decode_series, encode_series_entry};
pub use tombstones::{RefTombstone, decode_tombstones, encode_tombstones};

/// The type of a record: its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RecordType {
    /// References and the labels that they stand for.
    Series = 1,
    /// Float samples.
    Samples = 2,
    /// Deleted intervals.
    Tombstones = 3,
    /// Exemplars.
    Exemplars = 4,
    /// In a WBL: up to where the out-of-order samples of series are in head chunk files.
    MmapMarkers = 5,
    /// Type, unit and help.
    Metadata = 6,
    /// Histograms with integer counts.
    Histograms = 7,
    /// Histograms with float counts.
    FloatHistograms = 8,
    /// Histograms with integer counts and custom bounds.
    CustomHistograms = 9,
    /// Histograms with float counts and custom bounds.
    CustomFloatHistograms = 10,
    /// Float samples with start timestamps.
    SamplesV2 = 11,
    /// Histograms with integer counts and start timestamps, custom bounds included.
    HistogramsV2 = 12,
    /// Histograms with float counts and start timestamps, custom bounds included.
    FloatHistogramsV2 = 13,
}

const TYPES: [RecordType; 13] = [
    RecordType::Series,
    RecordType::Samples,
    RecordType::Tombstones,
    RecordType::Exemplars,
    RecordType::MmapMarkers,
    RecordType::Metadata,
    RecordType::Histograms,
    RecordType::FloatHistograms,
    RecordType::CustomHistograms,
    RecordType::CustomFloatHistograms,
    RecordType::SamplesV2,
    RecordType::HistogramsV2,
    RecordType::FloatHistogramsV2,
];

impl RecordType {
    /// The type of a record; `None` for an empty record and for a type that is not known. Prometheus passes over both in
    /// silence; whoever replays should count them, because a damaged compression flag shows as an unknown type too.
    #[inline]
    #[must_use]
    pub fn of(record: &[u8]) -> Option<RecordType> {
        let byte = record.first()?;
        TYPES.get(usize::from(*byte).checked_sub(1)?).copied()
    }

    /// Whether records of this type hold floats: [`decode_sample_columns`] reads them.
    #[must_use]
    pub fn is_samples(self) -> bool {
        matches!(self, RecordType::Samples | RecordType::SamplesV2)
    }

    /// Whether records of this type hold histograms: [`decode_histograms`] reads them.
    #[must_use]
    pub fn is_histograms(self) -> bool {
        matches!(
            self,
            RecordType::Histograms
                | RecordType::FloatHistograms
                | RecordType::CustomHistograms
                | RecordType::CustomFloatHistograms
                | RecordType::HistogramsV2
                | RecordType::FloatHistogramsV2
        )
    }
}

/// A record whose checksum is right does not decode.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The record ends too early, or a varint in it has no end.
    #[error("record ends in the middle of a {0}")]
    Short(&'static str),
    /// The record is of another type than the decoder reads.
    #[error("expected a record of {expected}, found type {found}")]
    WrongType {
        /// What the decoder reads.
        expected: &'static str,
        /// The first byte; 0 for an empty record.
        found: u8,
    },
    /// A label string, unit or help text is not UTF-8.
    #[error("label string is not UTF-8")]
    NotUtf8,
    /// A string is longer than a packed label set can hold.
    #[error("label string of {0} bytes is too long")]
    LongString(u64),
    /// A series has two labels of one name.
    #[error("series {reference} repeats the label {name:?}")]
    RepeatedLabel {
        /// The reference.
        reference: u64,
        /// The name.
        name: String,
    },
    /// A series has no label with a value.
    #[error("series {reference} has no labels")]
    NoLabels {
        /// The reference.
        reference: u64,
    },
    /// The record goes on behind its end.
    #[error("{0} bytes follow the record")]
    TrailingBytes(usize),
    /// A number does not fit its field.
    #[error("{what} {value} is out of range")]
    OutOfRange {
        /// The field.
        what: &'static str,
        /// The number.
        value: i128,
    },
}

/// The body of a record, if it is of a type that `accept` names.
fn body<'a>(record: &'a [u8], expected: &'static str, accept: &[RecordType]) -> Result<Cursor<'a>, RecordError> {
    match (RecordType::of(record), record.split_first()) {
        (Some(kind), Some((_, body))) if accept.contains(&kind) => Ok(Cursor::new(body)),
        (_, first) => Err(RecordError::WrongType { expected, found: first.map_or(0, |(byte, _)| *byte) }),
    }
}

/// Lets `decode` append to `out`, and takes back what it appended when it fails.
fn all_or_nothing<T>(
    out: &mut Vec<T>,
    decode: impl FnOnce(&mut Vec<T>) -> Result<(), RecordError>,
) -> Result<(), RecordError> {
    let before = out.len();
    let result = decode(out);
    if result.is_err() {
        out.truncate(before);
    }
    result
}

/// What a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// References and labels.
    Series,
    /// Samples of floats.
    Samples,
    /// Any other type, or an empty record: see [`RecordType::of`].
    Other,
}

/// What a record holds, by its first byte: the coarse form of [`RecordType::of`].
#[must_use]
pub fn record_kind(record: &[u8]) -> RecordKind {
    match RecordType::of(record) {
        Some(RecordType::Series) => RecordKind::Series,
        Some(RecordType::Samples) => RecordKind::Samples,
        _ => RecordKind::Other,
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects)]
mod tests;
