//! A histogram as two lists of indexed buckets: the form that arithmetic works on.

use std::sync::Arc;

use promethium_model::histogram::CUSTOM_BUCKETS_SCHEMA;
use promethium_model::{CounterResetHint, FloatHistogram, Span};

use super::super::kahan::Kahan;
use super::bounds::upper_bound;

/// A number that can be summed: plain, or with compensation.
pub(crate) trait Amount: Copy {
    fn of(value: f64) -> Self;
    fn plus(&mut self, other: Self);
    fn value(self) -> f64;
    fn times(self, factor: f64) -> Self;
    fn over(self, divisor: f64) -> Self;
}

impl Amount for f64 {
    fn of(value: f64) -> Self {
        value
    }

    fn plus(&mut self, other: Self) {
        *self += other;
    }

    fn value(self) -> f64 {
        self
    }

    fn times(self, factor: f64) -> Self {
        self * factor
    }

    fn over(self, divisor: f64) -> Self {
        self / divisor
    }
}

impl Amount for Kahan {
    fn of(value: f64) -> Self {
        Kahan::starting_at(value)
    }

    fn plus(&mut self, other: Self) {
        self.add(other.sum);
        if other.compensation != 0.0 {
            self.add(other.compensation);
        }
    }

    fn value(self) -> f64 {
        self.total()
    }

    fn times(self, factor: f64) -> Self {
        Kahan { sum: self.sum * factor, compensation: self.compensation * factor }
    }

    fn over(self, divisor: f64) -> Self {
        Kahan { sum: self.sum / divisor, compensation: self.compensation / divisor }
    }
}

/// A histogram whose buckets are `(index, amount)`, ascending; explicit empty buckets are kept until compacted.
#[derive(Clone, Debug)]
pub(crate) struct Sparse<N> {
    pub(crate) hint: CounterResetHint,
    pub(crate) schema: i32,
    pub(crate) zero_threshold: f64,
    pub(crate) zero_count: N,
    pub(crate) count: N,
    pub(crate) sum: N,
    pub(crate) positive: Vec<(i32, N)>,
    pub(crate) negative: Vec<(i32, N)>,
    pub(crate) bounds: Arc<[f64]>,
}

impl<N: Amount> Sparse<N> {
    pub(crate) fn of(h: &FloatHistogram) -> Self {
        Sparse {
            hint: h.counter_reset_hint,
            schema: h.schema,
            zero_threshold: h.zero_threshold,
            zero_count: N::of(h.zero_count),
            count: N::of(h.count),
            sum: N::of(h.sum),
            positive: indexed(&h.positive_spans, &h.positive_buckets),
            negative: indexed(&h.negative_spans, &h.negative_buckets),
            bounds: Arc::clone(&h.custom_bounds),
        }
    }

    /// Bytes of its buckets.
    pub(crate) fn bytes(&self) -> usize {
        (self.positive.capacity() + self.negative.capacity()) * std::mem::size_of::<(i32, N)>()
    }

    /// Without any observations, in the layout of `h`.
    pub(crate) fn empty_like(h: &Sparse<N>) -> Self {
        Sparse {
            hint: CounterResetHint::Unknown,
            schema: h.schema,
            zero_threshold: 0.0,
            zero_count: N::of(0.0),
            count: N::of(0.0),
            sum: N::of(0.0),
            positive: Vec::new(),
            negative: Vec::new(),
            bounds: Arc::clone(&h.bounds),
        }
    }

    pub(crate) fn into_histogram(self) -> FloatHistogram {
        let (positive_spans, positive_buckets) = spanned(&self.positive);
        let (negative_spans, negative_buckets) = spanned(&self.negative);
        FloatHistogram {
            counter_reset_hint: self.hint,
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count: self.zero_count.value(),
            count: self.count.value(),
            sum: self.sum.value(),
            positive_spans: positive_spans.into(),
            negative_spans: negative_spans.into(),
            positive_buckets,
            negative_buckets,
            custom_bounds: self.bounds,
        }
    }

    pub(crate) fn is_custom(&self) -> bool {
        self.schema == CUSTOM_BUCKETS_SCHEMA
    }

    pub(crate) fn compact(&mut self) {
        self.positive.retain(|(_, n)| n.value() != 0.0);
        self.negative.retain(|(_, n)| n.value() != 0.0);
    }

    fn amounts(&mut self) -> impl Iterator<Item = &mut N> {
        let buckets = self.positive.iter_mut().chain(&mut self.negative).map(|(_, n)| n);
        [&mut self.count, &mut self.sum, &mut self.zero_count].into_iter().chain(buckets)
    }

    pub(crate) fn scale(&mut self, factor: f64) {
        self.amounts().for_each(|n| *n = n.times(factor));
        if factor < 0.0 {
            self.hint = CounterResetHint::Gauge;
        }
    }

    /// Not the same as scaling by the inverse, to the last digit.
    pub(crate) fn divide(&mut self, divisor: f64) {
        self.amounts().for_each(|n| *n = n.over(divisor));
    }

    pub(crate) fn has_infinity(&self) -> bool {
        let buckets = self.positive.iter().chain(&self.negative).map(|(_, n)| *n);
        [self.count, self.sum, self.zero_count].into_iter().chain(buckets).any(|n| n.value().is_infinite())
    }

    /// Merges buckets until the resolution is that of the coarser `schema`.
    pub(crate) fn reduce_to(&mut self, schema: i32) {
        if schema >= self.schema {
            return;
        }
        let shift = (self.schema - schema).unsigned_abs();
        let target = |i: i32| ((i - 1) >> shift) + 1;
        self.positive = remapped(&self.positive, target);
        self.negative = remapped(&self.negative, target);
        self.schema = schema;
    }

    /// Widens the zero bucket to at least `threshold`; a populated bucket in which it would end is taken in whole.
    pub(crate) fn widen_zero_bucket(&mut self, threshold: f64) {
        let schema = self.schema;
        let mut threshold = threshold;
        loop {
            let crossed = |(i, n): &(i32, N)| {
                let inside = upper_bound(schema, i - 1) < threshold && threshold < upper_bound(schema, *i);
                (inside && n.value() != 0.0).then(|| upper_bound(schema, *i))
            };
            match self.positive.iter().chain(&self.negative).find_map(crossed) {
                Some(outer) => threshold = outer,
                None => break,
            }
        }
        let mut absorbed = self.zero_count;
        for side in [&mut self.positive, &mut self.negative] {
            side.retain(|(i, n)| {
                let inside = upper_bound(schema, *i) <= threshold;
                if inside {
                    absorbed.plus(*n);
                }
                !inside
            });
        }
        self.zero_count = absorbed;
        self.zero_threshold = threshold;
    }

    /// Moves custom buckets to coarser bounds: each goes to the first bound at or above its own.
    pub(crate) fn map_to_bounds(&mut self, bounds: &Arc<[f64]>) {
        let own = Arc::clone(&self.bounds);
        let target = |i: i32| match own.get(i.unsigned_abs() as usize) {
            Some(upper) => bounds.partition_point(|b| b < upper) as i32,
            None => bounds.len() as i32,
        };
        self.positive = remapped(&self.positive, target);
        self.positive.retain(|(_, n)| n.value() != 0.0);
        self.bounds = Arc::clone(bounds);
    }

    /// Adds the amounts of `other`, which has the same layout.
    pub(crate) fn add_aligned(&mut self, other: &Sparse<N>) {
        self.count.plus(other.count);
        self.sum.plus(other.sum);
        self.zero_count.plus(other.zero_count);
        self.positive = merged(&self.positive, &other.positive);
        self.negative = merged(&self.negative, &other.negative);
    }
}

fn indexed<N: Amount>(spans: &[Span], counts: &[f64]) -> Vec<(i32, N)> {
    let mut out = Vec::with_capacity(counts.len());
    let mut counts = counts.iter();
    let mut next = 0i32;
    for span in spans {
        next = next.saturating_add(span.offset);
        for count in counts.by_ref().take(span.length as usize) {
            out.push((next, N::of(*count)));
            next = next.saturating_add(1);
        }
    }
    out
}

fn spanned<N: Amount>(buckets: &[(i32, N)]) -> (Vec<Span>, Vec<f64>) {
    let mut spans: Vec<Span> = Vec::new();
    let mut next = 0i32;
    for (i, _) in buckets {
        match spans.last_mut() {
            Some(span) if *i == next => span.length += 1,
            _ => spans.push(Span { offset: i - next, length: 1 }),
        }
        next = i + 1;
    }
    (spans, buckets.iter().map(|(_, n)| n.value()).collect())
}

/// `target` must not decrease.
fn remapped<N: Amount>(buckets: &[(i32, N)], target: impl Fn(i32) -> i32) -> Vec<(i32, N)> {
    let mut out: Vec<(i32, N)> = Vec::with_capacity(buckets.len());
    for (i, n) in buckets {
        let to = target(*i);
        match out.last_mut() {
            Some((last, sum)) if *last == to => sum.plus(*n),
            _ => out.push((to, *n)),
        }
    }
    out
}

fn merged<N: Amount>(a: &[(i32, N)], b: &[(i32, N)]) -> Vec<(i32, N)> {
    let mut out = Vec::with_capacity(a.len().max(b.len()));
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    loop {
        match (a.peek(), b.peek()) {
            (Some((i, n)), Some((j, m))) if i == j => {
                let mut sum = *n;
                sum.plus(*m);
                out.push((*i, sum));
                a.next();
                b.next();
            }
            (Some(x), Some(y)) if x.0 < y.0 => out.extend(a.next()),
            (_, Some(_)) => out.extend(b.next()),
            (Some(_), None) => out.extend(a.next()),
            (None, None) => return out,
        }
    }
}
