//! The layout that all histograms of a chunk share.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use promethium_model::histogram::CUSTOM_BUCKETS_SCHEMA;
use promethium_model::{Span, Spans};

use super::spans::bucket_count;
use crate::bits::{BitReader, BitSink, BitWriter};
use crate::error::Fault;

/// The most spans that the samples of one chunk have together.
///
/// A span that covers no bucket takes two bits of the chunk once, but memory in each sample that is read.
pub const MAX_SPANS_OF_A_CHUNK: usize = 4 << 20;

// The schemas that readers know; above 8 the histogram is finer than what is stored today.
const KNOWN_SCHEMAS: std::ops::RangeInclusive<i64> = -9..=52;

/// Where a histogram's buckets lie.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    pub(crate) schema: i32,
    pub(crate) zero_threshold: f64,
    pub(crate) positive: Spans,
    pub(crate) negative: Spans,
    pub(crate) bounds: Arc<[f64]>,
    pub(crate) positive_buckets: usize,
    pub(crate) negative_buckets: usize,
}

/// As [`Layout`], borrowed of a histogram.
#[derive(Clone, Copy)]
pub struct LayoutRef<'a> {
    pub(crate) schema: i32,
    pub(crate) zero_threshold: f64,
    pub(crate) positive: &'a Spans,
    pub(crate) negative: &'a Spans,
    pub(crate) bounds: &'a Arc<[f64]>,
}

impl LayoutRef<'_> {
    pub(crate) fn to_owned(self) -> Layout {
        let is_custom = self.schema == CUSTOM_BUCKETS_SCHEMA;
        Layout {
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            positive: self.positive.to_shared(),
            negative: self.negative.to_shared(),
            bounds: if is_custom { Arc::clone(self.bounds) } else { Arc::default() },
            positive_buckets: bucket_count(self.positive),
            negative_buckets: bucket_count(self.negative),
        }
    }

    pub(crate) fn write(self, out: &mut BitWriter) {
        write_zero_threshold(self.zero_threshold, out);
        out.signed(self.schema.into());
        write_spans(self.positive, out);
        write_spans(self.negative, out);
        if self.schema == CUSTOM_BUCKETS_SCHEMA {
            write_bounds(self.bounds, out);
        }
    }
}

impl Layout {
    pub(crate) fn buckets(&self) -> usize {
        self.positive_buckets + self.negative_buckets
    }

    /// Reads the layout of a chunk that counts `samples`.
    pub(crate) fn read(bits: &mut BitReader<'_>, samples: usize) -> Result<Layout, Fault> {
        let zero_threshold = read_zero_threshold(bits);
        let schema = bits.signed();
        if !KNOWN_SCHEMAS.contains(&schema) && schema != i64::from(CUSTOM_BUCKETS_SCHEMA) {
            return Err(Fault::Schema(schema));
        }
        let positive = read_spans(bits)?;
        let negative = read_spans(bits)?;
        let spans = positive.len() + negative.len();
        if spans.saturating_mul(samples) > MAX_SPANS_OF_A_CHUNK {
            return Err(Fault::TooManySpans(spans));
        }
        let schema = schema as i32;
        let bounds = if schema == CUSTOM_BUCKETS_SCHEMA { read_bounds(bits)? } else { Arc::default() };
        let (positive_buckets, negative_buckets) = (bucket_count(&positive), bucket_count(&negative));
        // A bucket of the first sample takes at least one bit.
        if positive_buckets.saturating_add(negative_buckets) as u64 > bits.left().max(0) as u64 {
            return Err(Fault::Overrun);
        }
        Ok(Layout { schema, zero_threshold, positive, negative, bounds, positive_buckets, negative_buckets })
    }
}

// One byte stands for 2^(byte − 244) where the threshold is such a power.
const POWER_BIAS: i64 = 244;
const NO_POWER: u64 = 255;

fn write_zero_threshold(threshold: f64, out: &mut BitWriter) {
    out.reserve(1);
    match power_byte(threshold) {
        Some(byte) => out.push(byte, 8),
        None => {
            out.push(NO_POWER, 8);
            out.float(threshold);
        }
    }
}

fn power_byte(threshold: f64) -> Option<u64> {
    if threshold == 0.0 {
        return Some(0);
    }
    let bits = threshold.to_bits();
    // The sign and the fraction must be zero; the powers in question are all normal numbers.
    if bits & ((1 << 63) | ((1 << 52) - 1)) != 0 {
        return None;
    }
    let byte = (bits >> 52) as i64 - 1023 + POWER_BIAS;
    (1..=254).contains(&byte).then_some(byte as u64)
}

fn read_zero_threshold(bits: &mut BitReader<'_>) -> f64 {
    match bits.read(8) {
        0 => 0.0,
        NO_POWER => f64::from_bits(bits.read(64)),
        byte => f64::from_bits(((byte as i64 - POWER_BIAS + 1023) as u64) << 52),
    }
}

fn write_spans(spans: &[Span], out: &mut BitWriter) {
    out.unsigned(spans.len() as u64);
    for span in spans {
        out.unsigned(span.length.into());
        out.signed(span.offset.into());
    }
}

fn read_spans(bits: &mut BitReader<'_>) -> Result<Spans, Fault> {
    let count = bits.unsigned();
    // A span takes at least two bits.
    if count > (bits.left().max(0) / 2) as u64 {
        return Err(Fault::Overrun);
    }
    Ok((0..count).map(|_| read_span(bits)).collect::<Result<Spans, Fault>>()?.to_shared())
}

fn read_span(bits: &mut BitReader<'_>) -> Result<Span, Fault> {
    let (length, offset) = (bits.unsigned(), bits.signed());
    match (u32::try_from(length), i32::try_from(offset)) {
        (Ok(length), Ok(offset)) => Ok(Span { offset, length }),
        _ => Err(Fault::Span { offset, length }),
    }
}

// Bounds are stored as thousandths where that is exact, and where the number does not take more bits than the float.
const MAX_THOUSANDTHS: f64 = 33_554_430.0;

fn write_bounds(bounds: &[f64], out: &mut BitWriter) {
    out.unsigned(bounds.len() as u64);
    for bound in bounds {
        match thousandths(*bound) {
            Some(number) => out.unsigned(number + 1),
            None => {
                out.unsigned(0);
                out.float(*bound);
            }
        }
    }
}

fn thousandths(bound: f64) -> Option<u64> {
    let scaled = bound * 1000.0;
    if !(0.0..=MAX_THOUSANDTHS).contains(&scaled) {
        return None;
    }
    let whole = scaled.round();
    (whole / 1000.0 == bound).then_some(whole as u64)
}

fn read_bounds(bits: &mut BitReader<'_>) -> Result<Arc<[f64]>, Fault> {
    let count = bits.unsigned();
    if count > bits.left().max(0) as u64 {
        return Err(Fault::Overrun);
    }
    let bound = |_| match bits.unsigned() {
        0 => f64::from_bits(bits.read(64)),
        number => (number - 1) as f64 / 1000.0,
    };
    Ok((0..count).map(bound).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two_take_a_byte() {
        let cases = [(0.0, Some(0)), (2f64.powi(-128), Some(0x74)), (2f64.powi(-243), Some(1)), (1024.0, Some(254))];
        for (threshold, byte) in cases {
            assert_eq!(power_byte(threshold), byte, "{threshold}");
        }
        for other in [2f64.powi(-244), 2048.0, 0.001, -0.5, f64::NAN, f64::INFINITY, 5e-324] {
            assert_eq!(power_byte(other), None, "{other}");
        }
    }

    #[test]
    fn bounds_that_are_thousandths_are_stored_as_such() {
        assert_eq!(thousandths(0.005), Some(5));
        assert_eq!(thousandths(33_554.43), Some(33_554_430));
        for other in [33_554.431, -1.0, 0.0005, 1.0 / 3.0, f64::NAN, f64::INFINITY] {
            assert_eq!(thousandths(other), None, "{other}");
        }
    }
}
