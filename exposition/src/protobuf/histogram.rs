//! `Histogram` and `Summary`.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use promethium_model::Span;

use super::exemplar::{ExemplarMessage, Timestamp};
use super::wire::{Fields, WireError, each_double, push_signed, zigzag};
use crate::event::RawLabel;

/// A `Summary`.
#[derive(Clone, Debug, Default)]
pub(super) struct SummaryMessage {
    pub(super) count: u64,
    pub(super) sum: f64,
    /// Quantile and value.
    pub(super) quantiles: Vec<(f64, f64)>,
    pub(super) start: Option<Timestamp>,
}

impl SummaryMessage {
    pub(super) fn clear(&mut self) {
        (self.count, self.sum, self.start) = (0, 0.0, None);
        self.quantiles.clear();
    }

    pub(super) fn merge(&mut self, message: &[u8]) -> Result<(), WireError> {
        let mut fields = Fields::new(message);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => self.count = value.varint()?,
                2 => self.sum = value.double()?,
                3 => self.quantiles.push(quantile(value.bytes()?)?),
                4 => self.start.get_or_insert_default().merge(value.bytes()?)?,
                _ => {}
            }
        }
        Ok(())
    }
}

fn quantile(message: &[u8]) -> Result<(f64, f64), WireError> {
    let mut quantile = (0.0, 0.0);
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => quantile.0 = value.double()?,
            2 => quantile.1 = value.double()?,
            _ => {}
        }
    }
    Ok(quantile)
}

/// A `Bucket`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BucketMessage {
    count: u64,
    count_float: f64,
    pub(super) upper_bound: f64,
    pub(super) exemplar: Option<ExemplarMessage>,
}

impl BucketMessage {
    /// A float count wins where there is one.
    pub(super) fn cumulative_count(&self) -> f64 {
        if self.count_float == 0.0 { self.count as f64 } else { self.count_float }
    }
}

/// One side of a native histogram.
#[derive(Clone, Debug, Default)]
pub(super) struct Side {
    pub(super) spans: Vec<Span>,
    pub(super) deltas: Vec<i64>,
    pub(super) counts: Vec<f64>,
}

impl Side {
    fn clear(&mut self) {
        self.spans.clear();
        self.deltas.clear();
        self.counts.clear();
    }
}

/// A `Histogram`, classic, native or both.
#[derive(Clone, Debug, Default)]
pub(super) struct HistogramMessage<'a> {
    pub(super) count: u64,
    pub(super) count_float: f64,
    pub(super) sum: f64,
    pub(super) buckets: Vec<BucketMessage>,
    pub(super) start: Option<Timestamp>,
    pub(super) schema: i32,
    pub(super) zero_threshold: f64,
    pub(super) zero_count: u64,
    pub(super) zero_count_float: f64,
    pub(super) negative: Side,
    pub(super) positive: Side,
    pub(super) exemplars: Vec<ExemplarMessage>,
    /// Labels of the exemplars, of buckets and of the whole.
    pub(super) exemplar_labels: Vec<RawLabel<'a>>,
}

impl<'a> HistogramMessage<'a> {
    pub(super) fn clear(&mut self) {
        (self.count, self.count_float, self.sum, self.start) = (0, 0.0, 0.0, None);
        (self.schema, self.zero_threshold, self.zero_count, self.zero_count_float) = (0, 0.0, 0, 0.0);
        self.buckets.clear();
        self.negative.clear();
        self.positive.clear();
        self.exemplars.clear();
        self.exemplar_labels.clear();
    }

    #[inline]
    pub(super) fn merge(&mut self, message: &'a [u8]) -> Result<(), WireError> {
        let mut fields = Fields::new(message);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => self.count = value.varint()?,
                2 => self.sum = value.double()?,
                3 => self.take_bucket(value.bytes()?)?,
                4 => self.count_float = value.double()?,
                5 => self.schema = value.sint32()?,
                6 => self.zero_threshold = value.double()?,
                7 => self.zero_count = value.varint()?,
                8 => self.zero_count_float = value.double()?,
                9 => self.negative.spans.push(span(value.bytes()?)?),
                10 => push_signed(value, &mut self.negative.deltas)?,
                11 => each_double(value, |v| self.negative.counts.push(v))?,
                12 => self.positive.spans.push(span(value.bytes()?)?),
                13 => push_signed(value, &mut self.positive.deltas)?,
                14 => each_double(value, |v| self.positive.counts.push(v))?,
                15 => self.start.get_or_insert_default().merge(value.bytes()?)?,
                16 => self.take_exemplar(value.bytes()?)?,
                _ => {}
            }
        }
        Ok(())
    }

    #[inline]
    fn take_bucket(&mut self, message: &'a [u8]) -> Result<(), WireError> {
        let mut bucket = BucketMessage::default();
        let mut fields = Fields::new(message);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => bucket.count = value.varint()?,
                2 => bucket.upper_bound = value.double()?,
                3 => {
                    let labels = &mut self.exemplar_labels;
                    let exemplar = bucket.exemplar.get_or_insert_with(|| ExemplarMessage::starting(labels));
                    exemplar.merge(value.bytes()?, labels)?;
                }
                4 => bucket.count_float = value.double()?,
                _ => {}
            }
        }
        self.buckets.push(bucket);
        Ok(())
    }

    fn take_exemplar(&mut self, message: &'a [u8]) -> Result<(), WireError> {
        let mut exemplar = ExemplarMessage::starting(&self.exemplar_labels);
        exemplar.merge(message, &mut self.exemplar_labels)?;
        self.exemplars.push(exemplar);
        Ok(())
    }

    /// Whether there is a native histogram in it: one without observations says so by a span without buckets.
    pub(super) fn is_native(&self) -> bool {
        !self.positive.spans.is_empty()
            || !self.negative.spans.is_empty()
            || self.zero_threshold > 0.0
            || self.zero_count > 0
    }

    pub(super) fn is_float(&self) -> bool {
        self.count_float > 0.0 || self.zero_count_float > 0.0
    }

    /// A float count wins where there is one.
    pub(super) fn total(&self) -> f64 {
        if self.count_float == 0.0 { self.count as f64 } else { self.count_float }
    }
}

#[inline]
fn span(message: &[u8]) -> Result<Span, WireError> {
    // Both numbers in one byte each, as nearly always.
    if let [0x08, offset @ ..0x80, 0x10, length @ ..0x80] = *message {
        return Ok(Span { offset: zigzag(u64::from(offset)) as i32, length: u32::from(length) });
    }
    let mut span = Span::default();
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => span.offset = value.sint32()?,
            2 => span.length = value.varint()? as u32,
            _ => {}
        }
    }
    Ok(span)
}
