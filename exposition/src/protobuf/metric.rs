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
use super::labels::{MORE_BYTES, label, take_plain_labels};
use super::wire::{Fields, WireError};
use crate::event::RawLabel;
use crate::scan::{common_start, keep_labels};

/// A metric, of whichever type; storage is kept from one to the next.
#[derive(Clone, Debug, Default)]
pub(super) struct MetricMessage<'a> {
    pub(super) labels: Vec<RawLabel<'a>>,
    /// How many of the labels are those of the metric before, and were not read again.
    pub(super) labels_kept: usize,
    /// The labels as they stand in the page, where they lie together at the start of the message.
    pub(super) label_bytes: Option<&'a [u8]>,
    message: &'a [u8],
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
        let mut fields = Fields::new(self.read_labels(message));
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

    /// Reads the labels at the start of the message, as far as they have the common shape; what follows them. The metrics of a
    /// family share most of their labels: those that the message before starts with too stay.
    #[inline(always)]
    fn read_labels(&mut self, message: &'a [u8]) -> &'a [u8] {
        let before = std::mem::replace(&mut self.message, message);
        let kept = match self.label_bytes.map(<[u8]>::len) {
            Some(run) => keep_labels(&mut self.labels, MORE_BYTES, run, common_start(before, message, run)),
            None => {
                self.labels.clear();
                0
            }
        };
        self.labels_kept = self.labels.len();
        let mut rest = message.get(kept..).unwrap_or_default();
        take_plain_labels(&mut rest, &mut self.labels);
        self.label_bytes = message.get(..message.len().saturating_sub(rest.len()));
        rest
    }

    /// Makes the labels those of a series. `has_before` says that the series has those of the metric before.
    #[inline]
    pub(super) fn put_labels(&self, series: &mut Vec<RawLabel<'a>>, has_before: bool) {
        series.truncate(if has_before { self.labels_kept } else { 0 });
        series.extend_from_slice(self.labels.get(series.len()..).unwrap_or_default());
    }

    fn clear(&mut self) {
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
