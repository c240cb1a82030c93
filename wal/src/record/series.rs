//! Series records: `repeat: u64 reference · uvarint n · n × (string name, string value)`.

use std::ops::Range;

use promethium_model::{Labels, LabelsBuilder};

use super::cursor::push_pairs;
use super::{Cursor, RecordError, RecordType, all_or_nothing, body};

/// A series of a record, its labels borrowed from it.
#[derive(Clone, Copy, Debug)]
pub struct SeriesEntry<'r, 'p> {
    /// The reference that later records use.
    pub reference: u64,
    /// Names and values in the order of the record. Prometheus sorts them by name; a record from elsewhere may not.
    pub pairs: &'p [(&'r str, &'r str)],
}

impl SeriesEntry<'_, '_> {
    /// Whether the labels are as a label set has them: strictly ascending names, no empty value, at least one pair.
    #[must_use]
    pub fn is_canonical(&self) -> bool {
        let sorted = self.pairs.iter().zip(self.pairs.iter().skip(1)).all(|(a, b)| a.0 < b.0);
        sorted && !self.pairs.is_empty() && self.pairs.iter().all(|(_, value)| !value.is_empty())
    }

    /// The labels as an owned set; empty values are left out.
    ///
    /// # Errors
    ///
    /// [`RecordError::RepeatedLabel`], and [`RecordError::NoLabels`] when nothing is left.
    pub fn to_labels(&self) -> Result<Labels, RecordError> {
        if self.is_canonical() {
            return Ok(Labels::from_sorted_pairs(self.pairs.iter().copied()));
        }
        let labels = build_labels(self.reference, self.pairs)?;
        if labels.is_empty() { Err(RecordError::NoLabels { reference: self.reference }) } else { Ok(labels) }
    }
}

/// Walks the series of a record without copying a label.
///
/// ```
/// use promethium_wal::{SeriesReader, encode_series_entry};
///
/// let mut record = Vec::new();
/// encode_series_entry(&mut record, 7, [("__name__", "up"), ("job", "node")].into_iter());
/// let mut series = SeriesReader::new(&record)?;
/// let entry = series.next_entry()?.unwrap();
/// assert_eq!((entry.reference, entry.pairs), (7, &[("__name__", "up"), ("job", "node")][..]));
/// assert!(series.next_entry()?.is_none());
/// # Ok::<(), promethium_wal::RecordError>(())
/// ```
#[derive(Debug)]
pub struct SeriesReader<'r> {
    rest: Cursor<'r>,
    pairs: Vec<(&'r str, &'r str)>,
}

impl<'r> SeriesReader<'r> {
    /// From the beginning of a series record.
    ///
    /// # Errors
    ///
    /// [`RecordError::WrongType`].
    pub fn new(record: &'r [u8]) -> Result<Self, RecordError> {
        Ok(SeriesReader { rest: body(record, "series", &[RecordType::Series])?, pairs: Vec::new() })
    }

    /// The next series, `None` at the end. A failed call ends the walk: what follows in the record has no known place.
    ///
    /// # Errors
    ///
    /// When the record is cut short, or a string is too long or not UTF-8.
    pub fn next_entry(&mut self) -> Result<Option<SeriesEntry<'r, '_>>, RecordError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let read = self.rest.u64("series reference").and_then(|reference| {
            self.rest.pairs(&mut self.pairs)?;
            Ok(reference)
        });
        match read {
            Ok(reference) => Ok(Some(SeriesEntry { reference, pairs: &self.pairs })),
            Err(error) => {
                self.rest = Cursor::new(&[]);
                Err(error)
            }
        }
    }
}

/// All series of a record, hardly a label of which is copied: for who makes series by the hundred thousand.
///
/// ```
/// use promethium_wal::{SeriesBatch, encode_series_entry};
///
/// let mut record = Vec::new();
/// encode_series_entry(&mut record, 7, [("__name__", "up"), ("job", "node")].into_iter());
/// SeriesBatch::decode(&record)?.for_each(|reference, packed, pairs| {
///     assert_eq!((reference, pairs), (7, &[("__name__", "up"), ("job", "node")][..]));
///     assert_eq!(packed, b"\x08__name__\x02up\x03job\x04node");
/// });
/// # Ok::<(), promethium_wal::RecordError>(())
/// ```
#[derive(Debug, Default)]
pub struct SeriesBatch<'r> {
    series: Vec<(u64, BatchLabels<'r>)>,
    pairs: Vec<(&'r str, &'r str)>,
}

#[derive(Debug)]
enum BatchLabels<'r> {
    /// As the record has them, which is as [`Labels::as_packed`] has them too.
    Packed(&'r [u8], Range<usize>),
    Owned(Labels),
}

impl<'r> SeriesBatch<'r> {
    /// The series of a series record.
    ///
    /// # Errors
    ///
    /// As [`decode_series`].
    pub fn decode(record: &'r [u8]) -> Result<Self, RecordError> {
        let mut rest = body(record, "series", &[RecordType::Series])?;
        let mut batch = SeriesBatch::default();
        while !rest.is_empty() {
            let reference = rest.u64("series reference")?;
            let first = batch.pairs.len();
            let labels = match packed_pairs(&mut rest, &mut batch.pairs) {
                Some(packed) => BatchLabels::Packed(packed, first..batch.pairs.len()),
                None => {
                    batch.pairs.truncate(first);
                    let mut pairs = Vec::new();
                    rest.pairs(&mut pairs)?;
                    BatchLabels::Owned(SeriesEntry { reference, pairs: &pairs }.to_labels()?)
                }
            };
            batch.series.push((reference, labels));
        }
        Ok(batch)
    }

    /// Calls `visit` with each series, in the order of the record: its reference, its labels as [`Labels::as_packed`] has them, and
    /// as pairs, sorted by name and without empty values.
    pub fn for_each(&self, mut visit: impl FnMut(u64, &[u8], &[(&str, &str)])) {
        for (reference, labels) in &self.series {
            match labels {
                BatchLabels::Packed(packed, pairs) => {
                    visit(*reference, packed, self.pairs.get(pairs.clone()).unwrap_or_default());
                }
                BatchLabels::Owned(labels) => {
                    visit(*reference, labels.as_packed(), &labels.iter().collect::<Vec<_>>());
                }
            }
        }
    }
}

/// Takes labels that are stored as they are packed, and appends them to `pairs`: strings of less than 128 bytes, whose length is one
/// byte here and there, ascending names, no empty value. `None`, and nothing is taken of `rest`, where they are not so.
fn packed_pairs<'r>(rest: &mut Cursor<'r>, pairs: &mut Vec<(&'r str, &'r str)>) -> Option<&'r [u8]> {
    let mut after = *rest;
    let count = after.count(2, "label count").ok().filter(|count| *count > 0)?;
    let all = after.rest();
    let mut len = 0_usize;
    for _ in 0..count.checked_mul(2)? {
        let string = all.get(len).filter(|string_len| **string_len < 128)?;
        len = len.checked_add(1)?.checked_add((*string).into())?;
    }
    let packed = after.take(len, "labels").ok()?;
    // One check for all of them: lengths are ASCII, so that no character reaches over one.
    let mut text = std::str::from_utf8(packed).ok()?;
    let first = pairs.len();
    for _ in 0..count {
        let (name, value);
        (name, text) = split_string(text)?;
        (value, text) = split_string(text)?;
        let is_behind = pairs.get(first..).and_then(<[_]>::last).is_none_or(|(before, _)| *before < name);
        if !is_behind || value.is_empty() {
            return None;
        }
        pairs.push((name, value));
    }
    *rest = after;
    Some(packed)
}

/// A string behind its length of one byte, and what follows.
#[inline]
fn split_string(text: &str) -> Option<(&str, &str)> {
    let len = usize::from(*text.as_bytes().first()?);
    text.get(1..)?.split_at_checked(len)
}

/// Appends one series to a series record; an empty `record` becomes one.
pub fn encode_series_entry<'a>(
    record: &mut Vec<u8>,
    reference: u64,
    labels: impl ExactSizeIterator<Item = (&'a str, &'a str)>,
) {
    if record.is_empty() {
        record.push(RecordType::Series as u8);
    }
    record.extend_from_slice(&reference.to_be_bytes());
    push_pairs(record, labels);
}

/// Appends the series of a record to `out`: the owned form of [`SeriesReader`].
///
/// # Errors
///
/// Also when a series has no labels or repeats one.
pub fn decode_series(record: &[u8], out: &mut Vec<(u64, Labels)>) -> Result<(), RecordError> {
    all_or_nothing(out, |out| {
        let mut series = SeriesReader::new(record)?;
        while let Some(entry) = series.next_entry()? {
            out.push((entry.reference, entry.to_labels()?));
        }
        Ok(())
    })
}

/// Labels in any order; empty values are left out.
pub(crate) fn build_labels(reference: u64, pairs: &[(&str, &str)]) -> Result<Labels, RecordError> {
    let mut builder = LabelsBuilder::new();
    for (name, value) in pairs {
        builder.push(name, value);
    }
    builder.try_build().map_err(|name| RecordError::RepeatedLabel { reference, name })
}
