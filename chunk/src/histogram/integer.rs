//! Integer histograms: counts as deltas of deltas, buckets too, and those are deltas between neighbours to begin with.

use std::sync::Arc;

use promethium_model::{CounterResetHint, Histogram, HistogramValue, Span, Spans, is_stale};

use super::fit::none_fell;
use super::layout::{Layout, LayoutRef};
use super::native::sealed::{Kind, State};
use super::reduce::reduced_side;
use super::spans::spread;
use crate::bits::{BitReader, BitWriter};
use crate::error::Fault;
use crate::value::XorValue;
use crate::{CounterResetHeader, Encoding};

impl Kind for Histogram {
    type State = IntegerState;

    const ENCODINGS: [Encoding; 2] = [Encoding::Histogram, Encoding::HistogramSt];
    const UNPLANNED_AFTER_GAUGE: CounterResetHeader = CounterResetHeader::NotReset;
    const PLANNED_UNKNOWN: CounterResetHeader = CounterResetHeader::Unknown;

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
        Histogram { sum, ..Histogram::default() }
    }

    fn bucket_len(&self) -> usize {
        self.positive_deltas.len() + self.negative_deltas.len()
    }

    fn spread(&self, positive: &Spans, negative: &Spans) -> Self {
        Histogram {
            positive_spans: positive.clone(),
            negative_spans: negative.clone(),
            positive_deltas: spread_deltas(&self.positive_deltas, &self.positive_spans, positive),
            negative_deltas: spread_deltas(&self.negative_deltas, &self.negative_spans, negative),
            custom_bounds: Arc::clone(&self.custom_bounds),
            ..*self
        }
    }

    fn reduced(&self, schema: i32) -> Self {
        let by = self.schema.abs_diff(schema);
        let side = |spans: &[Span], deltas: &[i64]| {
            let counts: Vec<i64> = absolute(deltas.iter().copied()).collect();
            let (spans, counts) = reduced_side(spans, &counts, by, i64::wrapping_add);
            (spans, to_deltas(counts))
        };
        let (positive_spans, positive_deltas) = side(&self.positive_spans, &self.positive_deltas);
        let (negative_spans, negative_deltas) = side(&self.negative_spans, &self.negative_deltas);
        let custom_bounds = Arc::clone(&self.custom_bounds);
        Histogram { schema, positive_spans, positive_deltas, negative_spans, negative_deltas, custom_bounds, ..*self }
    }

    fn into_value(self) -> HistogramValue {
        HistogramValue::Int(Arc::new(self))
    }
}

fn spread_deltas(deltas: &[i64], from: &[Span], to: &[Span]) -> Vec<i64> {
    let counts: Vec<i64> = absolute(deltas.iter().copied()).collect();
    to_deltas(spread(&counts, from, to))
}

/// Whether no count fell, of the same buckets; `false` too where a count is negative.
///
/// PERF: without a branch a bucket.
fn grows_alike(old_deltas: &[i64], new_deltas: &[i64]) -> bool {
    let (mut old, mut new, mut signs) = (0_i64, 0_i64, 0_i64);
    for (old_delta, new_delta) in old_deltas.iter().zip(new_deltas) {
        old = old.wrapping_add(*old_delta);
        new = new.wrapping_add(*new_delta);
        signs |= old | new | new.wrapping_sub(old);
    }
    signs >= 0
}

fn to_deltas(mut counts: Vec<i64>) -> Vec<i64> {
    let mut before = 0;
    for count in &mut counts {
        before = std::mem::replace(count, count.wrapping_sub(before));
    }
    counts
}

fn absolute(deltas: impl Iterator<Item = i64>) -> impl Iterator<Item = i64> {
    deltas.scan(0_i64, |count, delta| {
        *count = count.wrapping_add(delta);
        Some(*count)
    })
}

/// The newest sample and the differences that led to it.
#[derive(Clone, Debug)]
pub struct IntegerState {
    count: u64,
    count_delta: i64,
    zero_count: u64,
    zero_count_delta: i64,
    sum: XorValue,
    /// Positive buckets, then negative ones.
    buckets: Vec<i64>,
    /// What they changed by.
    bucket_deltas: Vec<i64>,
}

impl State<Histogram> for IntegerState {
    fn read_first(buckets: usize, bits: &mut BitReader<'_>) -> Result<Self, Fault> {
        let (count, zero_count) = (bits.unsigned(), bits.unsigned());
        let sum = XorValue::to_read(bits.read(64));
        let buckets: Vec<i64> = (0..buckets).map(|_| bits.signed()).collect();
        let bucket_deltas = vec![0; buckets.len()];
        Ok(IntegerState { count, count_delta: 0, zero_count, zero_count_delta: 0, sum, buckets, bucket_deltas })
    }

    #[inline]
    fn read_next<const BUCKETS: bool>(&mut self, bits: &mut BitReader<'_>) -> Result<(), Fault> {
        self.count_delta = self.count_delta.wrapping_add(bits.signed());
        self.count = self.count.wrapping_add_signed(self.count_delta);
        self.zero_count_delta = self.zero_count_delta.wrapping_add(bits.signed());
        self.zero_count = self.zero_count.wrapping_add_signed(self.zero_count_delta);
        self.sum.read(bits)?;
        if !is_stale(self.sum.get()) {
            match BUCKETS {
                true => bits.add_signed(&mut self.buckets, &mut self.bucket_deltas),
                false => bits.skip_signed(self.buckets.len()),
            }
        }
        Ok(())
    }

    fn write_first(h: &Histogram, out: &mut BitWriter) -> Self {
        out.unsigned(h.count);
        out.unsigned(h.zero_count);
        out.float(h.sum);
        let buckets = [&h.positive_deltas[..], &h.negative_deltas].concat();
        buckets.iter().for_each(|b| out.signed(*b));
        let bucket_deltas = vec![0; buckets.len()];
        let (count, zero_count, sum) = (h.count, h.zero_count, XorValue::to_write(h.sum));
        IntegerState { count, count_delta: 0, zero_count, zero_count_delta: 0, sum, buckets, bucket_deltas }
    }

    fn write_next(&mut self, h: &Histogram, out: &mut BitWriter) {
        if is_stale(h.sum) {
            out.unsigned(0);
            out.unsigned(0);
            self.sum.write(h.sum, out);
            return;
        }
        let count_delta = h.count.wrapping_sub(self.count) as i64;
        let zero_count_delta = h.zero_count.wrapping_sub(self.zero_count) as i64;
        out.signed(count_delta.wrapping_sub(self.count_delta));
        out.signed(zero_count_delta.wrapping_sub(self.zero_count_delta));
        self.sum.write(h.sum, out);
        (self.count, self.count_delta) = (h.count, count_delta);
        (self.zero_count, self.zero_count_delta) = (h.zero_count, zero_count_delta);
        let values = h.positive_deltas.iter().chain(&h.negative_deltas);
        for ((bucket, bucket_delta), value) in self.buckets.iter_mut().zip(&mut self.bucket_deltas).zip(values) {
            let delta = value.wrapping_sub(*bucket);
            out.signed(delta.wrapping_sub(*bucket_delta));
            (*bucket, *bucket_delta) = (*value, delta);
        }
    }

    fn histogram(&self, layout: &Layout, counter_reset_hint: CounterResetHint) -> Histogram {
        let (positive, negative) = self.sides(layout);
        Histogram {
            counter_reset_hint,
            schema: layout.schema,
            zero_threshold: layout.zero_threshold,
            zero_count: self.zero_count,
            count: self.count,
            sum: self.sum.get(),
            positive_spans: layout.positive.clone(),
            negative_spans: layout.negative.clone(),
            positive_deltas: positive.to_vec(),
            negative_deltas: negative.to_vec(),
            custom_bounds: Arc::clone(&layout.bounds),
        }
    }

    fn sum(&self) -> f64 {
        self.sum.get()
    }

    fn count(&self) -> f64 {
        self.count as f64
    }

    fn count_fell(&self, h: &Histogram) -> bool {
        h.count < self.count
    }

    fn zero_count_fell(&self, h: &Histogram) -> bool {
        h.zero_count < self.zero_count
    }

    fn buckets_grow(&self, layout: &Layout, h: &Histogram) -> bool {
        let (positive, negative) = self.sides(layout);
        let grows = |old: &[Span], buckets: &[i64], new: &[Span], deltas: &[i64]| {
            if old == new && grows_alike(buckets, deltas) {
                return true;
            }
            let counts = absolute(buckets.iter().copied());
            none_fell((old, counts), (new, absolute(deltas.iter().copied())))
        };
        grows(&layout.positive, positive, &h.positive_spans, &h.positive_deltas)
            && grows(&layout.negative, negative, &h.negative_spans, &h.negative_deltas)
    }

    fn heap_bytes(&self) -> usize {
        (self.buckets.capacity() + self.bucket_deltas.capacity()) * size_of::<i64>()
    }
}

impl IntegerState {
    fn sides(&self, layout: &Layout) -> (&[i64], &[i64]) {
        self.buckets.split_at(layout.positive_buckets.min(self.buckets.len()))
    }
}
