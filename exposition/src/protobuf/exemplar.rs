//! Times and exemplars.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use super::labels::{label, take_plain_labels};
use super::wire::{Fields, WireError, take_fixed64, take_varint};
use crate::event::RawLabel;

/// `google.protobuf.Timestamp`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timestamp {
    seconds: i64,
    nanos: i32,
}

impl Timestamp {
    /// Reads a message; what it does not say stays.
    #[inline]
    pub(super) fn merge(&mut self, message: &[u8]) -> Result<(), WireError> {
        let mut rest = message;
        // Both fields, each once and in order, as nearly always.
        if let [0x08, after @ ..] = rest {
            rest = after;
            self.seconds = take_varint(&mut rest)?.cast_signed();
        }
        if let [0x10, after @ ..] = rest {
            rest = after;
            self.nanos = (take_varint(&mut rest)? as u32).cast_signed();
        }
        if rest.is_empty() { Ok(()) } else { self.merge_any(rest) }
    }

    fn merge_any(&mut self, message: &[u8]) -> Result<(), WireError> {
        let mut fields = Fields::new(message);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => self.seconds = value.varint()?.cast_signed(),
                2 => self.nanos = (value.varint()? as u32).cast_signed(),
                _ => {}
            }
        }
        Ok(())
    }

    /// Milliseconds since the epoch, cut off.
    pub(super) fn milliseconds(self) -> i64 {
        let fraction = i64::from(self.nanos).checked_div(1_000_000).unwrap_or(0);
        self.seconds.wrapping_mul(1_000).wrapping_add(fraction)
    }
}

/// One `Exemplar`; its labels are a range of a list.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ExemplarMessage {
    labels: (usize, usize),
    pub(super) value: f64,
    pub(super) timestamp: Option<Timestamp>,
}

impl ExemplarMessage {
    /// One whose labels start at the end of the list.
    pub(super) fn starting(labels: &[RawLabel<'_>]) -> Self {
        ExemplarMessage { labels: (labels.len(), labels.len()), ..Self::default() }
    }

    /// Reads a message; what it does not say stays.
    pub(super) fn merge<'a>(&mut self, message: &'a [u8], labels: &mut Vec<RawLabel<'a>>) -> Result<(), WireError> {
        let mut rest = message;
        take_plain_labels(&mut rest, labels);
        // The value behind them, as nearly always.
        if let [0x11, after @ ..] = rest {
            rest = after;
            self.value = f64::from_bits(take_fixed64(&mut rest)?);
        }
        let mut fields = Fields::new(rest);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => labels.push(label(value.bytes()?)?),
                2 => self.value = value.double()?,
                3 => self.timestamp.get_or_insert_default().merge(value.bytes()?)?,
                _ => {}
            }
        }
        self.labels.1 = labels.len();
        Ok(())
    }

    pub(super) fn labels<'l, 'a>(&self, labels: &'l [RawLabel<'a>]) -> &'l [RawLabel<'a>] {
        labels.get(self.labels.0..self.labels.1).unwrap_or_default()
    }

    pub(super) fn timestamp_ms(&self) -> Option<i64> {
        self.timestamp.map(Timestamp::milliseconds)
    }
}
