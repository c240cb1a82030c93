//! `Metric`.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use super::exemplar::{ExemplarMessage, Timestamp};
use super::histogram::{HistogramMessage, SummaryMessage};
use super::labels::{label, take_plain_labels};
use super::wire::{Fields, WireError};
use crate::event::RawLabel;

/// A metric, of whichever type; storage is kept from one to the next.
#[derive(Clone, Debug, Default)]
pub(super) struct MetricMessage<'a> {
    pub(super) labels: Vec<RawLabel<'a>>,
    /// The labels as they stand in the page, where they lie together.
    pub(super) label_bytes: Option<&'a [u8]>,
    pub(super) timestamp_ms: i64,
    pub(super) gauge: f64,
    pub(super) untyped: f64,
    pub(super) counter: f64,
    pub(super) counter_start: Option<Timestamp>,
    pub(super) counter_exemplar: Option<ExemplarMessage>,
    pub(super) counter_labels: Vec<RawLabel<'a>>,
    pub(super) summary: SummaryMessage,
    pub(super) histogram: HistogramMessage<'a>,
}

impl<'a> MetricMessage<'a> {
    /// Reads a message in place of what was there.
    #[inline]
    pub(super) fn read(&mut self, message: &'a [u8]) -> Result<(), WireError> {
        self.clear();
        let mut rest = message;
        self.label_bytes = Some(take_plain_labels(&mut rest, &mut self.labels));
        let mut fields = Fields::new(rest);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => {
                    self.label_bytes = None;
                    self.labels.push(label(value.bytes()?)?);
                }
                2 => merge_value(&mut self.gauge, value.bytes()?)?,
                3 => self.merge_counter(value.bytes()?)?,
                4 => self.summary.merge(value.bytes()?)?,
                5 => merge_value(&mut self.untyped, value.bytes()?)?,
                6 => self.timestamp_ms = value.varint()?.cast_signed(),
                7 => self.histogram.merge(value.bytes()?)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.labels.clear();
        self.timestamp_ms = 0;
        (self.gauge, self.untyped, self.counter) = (0.0, 0.0, 0.0);
        (self.counter_start, self.counter_exemplar) = (None, None);
        self.counter_labels.clear();
        self.summary.clear();
        self.histogram.clear();
    }

    fn merge_counter(&mut self, message: &'a [u8]) -> Result<(), WireError> {
        let mut fields = Fields::new(message);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => self.counter = value.double()?,
                2 => {
                    let labels = &mut self.counter_labels;
                    let exemplar = self.counter_exemplar.get_or_insert_with(|| ExemplarMessage::starting(labels));
                    exemplar.merge(value.bytes()?, labels)?;
                }
                3 => self.counter_start.get_or_insert_default().merge(value.bytes()?)?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// `Gauge` and `Untyped`.
fn merge_value(target: &mut f64, message: &[u8]) -> Result<(), WireError> {
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        if number == 1 {
            *target = value.double()?;
        }
    }
    Ok(())
}
