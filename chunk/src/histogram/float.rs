//! Float histograms: each number by XOR with itself in the sample before, buckets absolute.

use std::sync::Arc;

use promethium_model::{CounterResetHint, FloatHistogram, HistogramValue, Span, Spans, is_stale};

use super::fit::none_fell;
use super::layout::{Layout, LayoutRef};
use super::native::sealed::{Kind, State};
use super::reduce::reduced_side;
use super::spans::spread;
use crate::bits::{BitReader, BitWriter, WINDOW};
use crate::error::Fault;
use crate::value::XorValue;
use crate::{CounterResetHeader, Encoding};

impl Kind for FloatHistogram {
    type State = FloatState;

    const ENCODINGS: [Encoding; 2] = [Encoding::FloatHistogram, Encoding::FloatHistogramSt];
    const UNPLANNED_AFTER_GAUGE: CounterResetHeader = CounterResetHeader::Unknown;
    const PLANNED_UNKNOWN: CounterResetHeader = CounterResetHeader::NotReset;

    fn hint(&self) -> CounterResetHint {
        self.counter_reset_hint
    }

    fn sum(&self) -> f64 {
        self.sum
    }

    fn layout(&self) -> LayoutRef<'_> {
        LayoutRef {
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            positive: &self.positive_spans,
            negative: &self.negative_spans,
            bounds: &self.custom_bounds,
        }
    }

    fn stale(sum: f64) -> Self {
        FloatHistogram { sum, ..FloatHistogram::default() }
    }

    fn bucket_len(&self) -> usize {
        self.positive_buckets.len() + self.negative_buckets.len()
    }

    fn spread(&self, positive: &Spans, negative: &Spans) -> Self {
        FloatHistogram {
            positive_spans: positive.clone(),
            negative_spans: negative.clone(),
            positive_buckets: spread(&self.positive_buckets, &self.positive_spans, positive),
            negative_buckets: spread(&self.negative_buckets, &self.negative_spans, negative),
            custom_bounds: Arc::clone(&self.custom_bounds),
            ..*self
        }
    }

    fn reduced(&self, schema: i32) -> Self {
        let by = self.schema.abs_diff(schema);
        let side = |spans: &[Span], counts: &[f64]| reduced_side(spans, counts, by, |a, b| a + b);
        let (positive_spans, positive_buckets) = side(&self.positive_spans, &self.positive_buckets);
        let (negative_spans, negative_buckets) = side(&self.negative_spans, &self.negative_buckets);
        FloatHistogram {
            schema,
            positive_spans,
            positive_buckets,
            negative_spans,
            negative_buckets,
            custom_bounds: Arc::clone(&self.custom_bounds),
            ..*self
        }
    }

    fn into_value(self) -> HistogramValue {
        HistogramValue::Float(Arc::new(self))
    }
}

/// The newest sample, each number with the window of its last change.
#[derive(Clone, Debug)]
pub struct FloatState {
    count: XorValue,
    zero_count: XorValue,
    sum: XorValue,
    /// Positive buckets, then negative ones.
    buckets: Vec<XorValue>,
}

impl State<FloatHistogram> for FloatState {
    fn read_first(buckets: usize, bits: &mut BitReader<'_>) -> Result<Self, Fault> {
        if buckets.saturating_mul(64) as u64 > bits.left().max(0) as u64 {
            return Err(Fault::Overrun);
        }
        let mut next = || XorValue::to_read(bits.read(64));
        let (count, zero_count, sum) = (next(), next(), next());
        Ok(FloatState { count, zero_count, sum, buckets: (0..buckets).map(|_| next()).collect() })
    }

    #[inline]
    fn read_next<const BUCKETS: bool>(&mut self, bits: &mut BitReader<'_>) -> Result<(), Fault> {
        self.count.read(bits)?;
        self.zero_count.read(bits)?;
        self.sum.read(bits)?;
        if is_stale(self.sum.get()) { Ok(()) } else { read_each(&mut self.buckets, bits) }
    }

    fn write_first(h: &FloatHistogram, out: &mut BitWriter) -> Self {
        let mut first = |value: f64| {
            out.float(value);
            XorValue::to_write(value)
        };
        let (count, zero_count, sum) = (first(h.count), first(h.zero_count), first(h.sum));
        let buckets = h.positive_buckets.iter().chain(&h.negative_buckets).map(|b| first(*b)).collect();
        FloatState { count, zero_count, sum, buckets }
    }

    fn write_next(&mut self, h: &FloatHistogram, out: &mut BitWriter) {
        self.count.write(h.count, out);
        self.zero_count.write(h.zero_count, out);
        self.sum.write(h.sum, out);
        let values = h.positive_buckets.iter().chain(&h.negative_buckets);
        for (bucket, value) in self.buckets.iter_mut().zip(values) {
            bucket.write(*value, out);
        }
    }

    fn histogram(&self, layout: &Layout, counter_reset_hint: CounterResetHint) -> FloatHistogram {
        let (positive, negative) = self.sides(layout);
        let values = |side: &[XorValue]| side.iter().map(|b| b.get()).collect();
        FloatHistogram {
            counter_reset_hint,
            schema: layout.schema,
            zero_threshold: layout.zero_threshold,
            zero_count: self.zero_count.get(),
            count: self.count.get(),
            sum: self.sum.get(),
            positive_spans: layout.positive.clone(),
            negative_spans: layout.negative.clone(),
            positive_buckets: values(positive),
            negative_buckets: values(negative),
            custom_bounds: Arc::clone(&layout.bounds),
        }
    }

    fn sum(&self) -> f64 {
        self.sum.get()
    }

    fn count(&self) -> f64 {
        self.count.get()
    }

    fn count_fell(&self, h: &FloatHistogram) -> bool {
        h.count < self.count.get()
    }

    fn zero_count_fell(&self, h: &FloatHistogram) -> bool {
        h.zero_count < self.zero_count.get()
    }

    fn buckets_grow(&self, layout: &Layout, h: &FloatHistogram) -> bool {
        let (positive, negative) = self.sides(layout);
        let grows = |old: &[Span], buckets: &[XorValue], new: &[Span], counts: &[f64]| {
            none_fell((old, buckets.iter().map(|b| b.get())), (new, counts.iter().copied()))
        };
        grows(&layout.positive, positive, &h.positive_spans, &h.positive_buckets)
            && grows(&layout.negative, negative, &h.negative_spans, &h.negative_buckets)
    }

    fn heap_bytes(&self) -> usize {
        self.buckets.capacity() * size_of::<XorValue>()
    }
}

/// Reads a change of each value.
///
/// PERF: one that stays is a zero. Of most histograms few buckets grow between two samples: where several stay, all of these that a
/// load begins with are passed over at once.
#[inline]
fn read_each(values: &mut [XorValue], bits: &mut BitReader<'_>) -> Result<(), Fault> {
    const SEVERAL: u32 = 4;
    // A copy of our own stays in registers.
    let mut reader = bits.clone();
    let mut left = values.iter_mut();
    while left.len() > 0 {
        let load = reader.window();
        let zeros = load.leading_zeros();
        if zeros >= SEVERAL {
            let same = (zeros.min(WINDOW) as usize).min(left.len());
            reader.skip(same as u32);
            left.nth(same - 1);
        } else if let Some(value) = left.next() {
            value.read_loaded(load, &mut reader)?;
        }
    }
    *bits = reader;
    Ok(())
}

impl FloatState {
    fn sides(&self, layout: &Layout) -> (&[XorValue], &[XorValue]) {
        self.buckets.split_at(layout.positive_buckets.min(self.buckets.len()))
    }
}
