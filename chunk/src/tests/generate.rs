//! Random samples of every class, by seed.

use std::sync::Arc;

use promethium_model::histogram::CUSTOM_BUCKETS_SCHEMA;
use promethium_model::{CounterResetHint, FloatHistogram, Histogram, NORMAL_NAN, STALE_NAN, Span};

/// SplitMix64.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Random(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub(super) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(super) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

/// Start timestamp, timestamp, value.
pub(super) type Float = (i64, i64, f64);

/// A float series of up to `most` samples, at least one.
pub(super) fn floats(random: &mut Random, most: u64, with_starts: bool) -> Vec<Float> {
    let mut t = random.pick(&[1_717_200_000_000, 0, -5_000, i64::MIN, -(1 << 50), i64::MAX - (1 << 40)]);
    let mut start = if with_starts && random.one_in(2) { t.saturating_sub(7_000) } else { 0 };
    let steady = random.pick(&[1, 15_000, 60_000]);
    let class = random.below(6);
    let (mut value, mut out) = (0.0, Vec::new());
    for _ in 0..=random.below(most) {
        value = next_value(random, class, value);
        out.push((start, t, value));
        let Some(next) = next_time(random, t, steady) else { break };
        if with_starts && random.one_in(9) {
            let before = t.wrapping_sub(random.below(100_000) as i64);
            start = random.pick(&[0, t, before, start, i64::MAX, i64::MIN]);
        }
        t = next;
    }
    out
}

fn next_value(random: &mut Random, class: u64, value: f64) -> f64 {
    match (class, random.below(12)) {
        (_, 0) if class > 1 => random.pick(&[STALE_NAN, NORMAL_NAN, 0.0, -0.0, f64::INFINITY, f64::MIN_POSITIVE / 8.0]),
        (0, _) => 1.0,
        (1, _) => value + random.below(40) as f64,
        (2, _) => (random.below(1_000) as f64).mul_add(0.01, value.abs().min(1e9)),
        (3, 1..6) => value,
        (4, _) => f64::from_bits(random.next()),
        _ => random.below(1 << 20) as f64 / 7.0,
    }
}

/// Mostly in step; now and then over the edges of every class of differences, and far.
fn next_time(random: &mut Random, t: i64, steady: i64) -> Option<i64> {
    let edges = [1, 4_095, 4_096, 4_097, 8_191, 8_192, 8_193, 65_535, 65_537, 524_287, 524_289, 1 << 33, 1 << 61];
    let step = match random.below(8) {
        0 => random.pick(&edges),
        1 => steady + random.below(7) as i64,
        2 if random.one_in(40) => i64::MAX,
        _ => steady,
    };
    t.checked_add(step)
}

/// A series of integer histograms: counters or gauges that grow, fall, change layout, go stale and return.
pub(super) fn histograms(random: &mut Random, most: u64, with_starts: bool) -> Vec<(i64, i64, Histogram)> {
    let mut t = random.pick(&[1_717_200_000_000, 0, -(1 << 40)]);
    let mut start = if with_starts && random.one_in(2) { t - 1_000 } else { 0 };
    let mut shape = Shape::new(random);
    let mut out = Vec::new();
    for _ in 0..=random.below(most) {
        shape.advance(random);
        out.push((start, t, shape.histogram(random)));
        t = next_time(random, t, 15_000).filter(|t| *t < 1 << 60).unwrap_or(t + 1);
        if with_starts && random.one_in(12) {
            start = t - random.below(50_000) as i64;
        }
    }
    out
}

struct Shape {
    schema: i32,
    zero_threshold: f64,
    zero_count: u64,
    bounds: Arc<[f64]>,
    gauge: bool,
    sides: [std::collections::BTreeMap<i64, u64>; 2],
}

impl Shape {
    fn new(random: &mut Random) -> Shape {
        let custom = random.one_in(4);
        Shape {
            schema: if custom { CUSTOM_BUCKETS_SCHEMA } else { random.below(13) as i32 - 4 },
            zero_threshold: if custom { 0.0 } else { random.pick(&[0.0, 0.001, 2f64.powi(-128), 0.5]) },
            zero_count: 0,
            bounds: if custom { bounds(random) } else { Arc::default() },
            gauge: random.one_in(4),
            sides: Default::default(),
        }
    }

    fn advance(&mut self, random: &mut Random) {
        if random.one_in(60) {
            *self = Shape::new(random);
        }
        let custom = self.schema == CUSTOM_BUCKETS_SCHEMA;
        for side in &mut self.sides[..if custom { 1 } else { 2 }] {
            for _ in 0..random.below(3) {
                let index = random.below(12) as i64 + if custom { 0 } else { random.pick(&[-6, -6, -6, 90_000]) };
                *side.entry(index).or_default() += random.below(5);
            }
            if random.one_in(15) {
                side.retain(|_, n| *n > 0);
            }
            if random.one_in(if self.gauge { 6 } else { 80 })
                && let Some(mut entry) = side.first_entry()
            {
                *entry.get_mut() /= 2;
            }
        }
        if !custom {
            self.zero_count += random.below(3);
        }
        if random.one_in(100) {
            self.zero_count = 0;
        }
    }

    fn histogram(&self, random: &mut Random) -> Histogram {
        if random.one_in(50) {
            return Histogram { sum: STALE_NAN, ..Histogram::default() };
        }
        let [positive, negative] = &self.sides;
        let count = positive.values().chain(negative.values()).sum::<u64>() + self.zero_count;
        let (positive_spans, positive_deltas) = side(random, positive);
        let (negative_spans, negative_deltas) = side(random, negative);
        Histogram {
            counter_reset_hint: match (self.gauge, random.below(40)) {
                (true, 1..) => CounterResetHint::Gauge,
                (false, 0) => CounterResetHint::Reset,
                (false, 1..20) => CounterResetHint::NotReset,
                _ => CounterResetHint::Unknown,
            },
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count: self.zero_count,
            count,
            sum: random.pick(&[count as f64 * 1.5, count as f64, NORMAL_NAN]),
            positive_spans: positive_spans.into(),
            negative_spans: negative_spans.into(),
            positive_deltas,
            negative_deltas,
            custom_bounds: Arc::clone(&self.bounds),
        }
    }
}

fn bounds(random: &mut Random) -> Arc<[f64]> {
    let scale = random.pick(&[0.001, 0.25, 1.0 / 3.0, 1e6]);
    (1..14).map(|i| f64::from(i) * scale).collect()
}

/// Spans over the buckets, not always as few as could be, and their counts as deltas.
fn side(random: &mut Random, buckets: &std::collections::BTreeMap<i64, u64>) -> (Vec<Span>, Vec<i64>) {
    let (mut spans, mut deltas): (Vec<Span>, Vec<i64>) = Default::default();
    let (mut end, mut before) = (0, 0);
    for (index, count) in buckets {
        match spans.last_mut() {
            Some(span) if *index == end && !random.one_in(10) => span.length += 1,
            _ => spans.push(Span { offset: (index - end) as i32, length: 1 }),
        }
        if random.one_in(30) {
            spans.push(Span { offset: 0, length: 0 });
        }
        end = index + 1;
        deltas.push(*count as i64 - before);
        before = *count as i64;
    }
    (spans, deltas)
}

/// The float form, at times with counts that no integer has.
pub(super) fn to_float(random: &mut Random, h: &Histogram) -> FloatHistogram {
    let mut float = h.to_float();
    if random.one_in(20) && !promethium_model::is_stale(float.sum) {
        float.count += 0.5;
        float.zero_count += if h.schema == CUSTOM_BUCKETS_SCHEMA { 0.0 } else { 0.25 };
    }
    float
}
