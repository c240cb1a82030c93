//! Quantile, fraction and variance of native histograms.

use promethium_model::FloatHistogram;
use promethium_model::histogram::CUSTOM_BUCKETS_SCHEMA;

use super::super::kahan::Kahan;
use super::bounds::{Bucket, BucketKind, ascending};
use super::trim::fraction_below;

/// What a result leaves to be said: the histogram holds NaN observations, which lie in no bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NanNote {
    /// The result is NaN.
    Nan,
    /// The result is higher than it should be.
    Skewed,
    /// They are left out of fractions.
    Excluded,
}

impl NanNote {
    pub(crate) fn text(self) -> &'static str {
        match self {
            NanNote::Nan => "input to histogram_quantile has NaN observations, result is NaN",
            NanNote::Skewed => "input to histogram_quantile has NaN observations, result is skewed higher",
            NanNote::Excluded => {
                "input to histogram_fraction has NaN observations, which are excluded from all fractions"
            }
        }
    }
}

struct Layout {
    custom: bool,
    positive: bool,
    negative: bool,
}

impl Layout {
    fn of(h: &FloatHistogram) -> Self {
        Layout {
            custom: h.schema == CUSTOM_BUCKETS_SCHEMA,
            positive: !h.positive_buckets.is_empty(),
            negative: !h.negative_buckets.is_empty(),
        }
    }

    /// A bucket across zero ends there when all observations have one sign.
    fn narrow(&self, bucket: &mut Bucket) {
        match (self.positive, self.negative) {
            (true, false) => bucket.lower = 0.0,
            (false, true) => bucket.upper = 0.0,
            _ => {}
        }
    }
}

/// The `q` quantile, interpolated inside its bucket.
pub(crate) fn quantile(q: f64, h: &FloatHistogram) -> (f64, Option<NanNote>) {
    if q < 0.0 {
        return (f64::NEG_INFINITY, None);
    }
    if q > 1.0 {
        return (f64::INFINITY, None);
    }
    if h.count == 0.0 || q.is_nan() {
        return (f64::NAN, None);
    }
    let upwards = h.sum.is_nan() || q < 0.5;
    let mut buckets = ascending(h);
    if !upwards {
        buckets.reverse();
    }
    let rank = if upwards { q * h.count } else { (1.0 - q) * h.count };
    let (mut bucket, mut cumulative, walked) = find(&buckets, rank);
    if let Some(bound) = narrow_for_quantile(h, &mut bucket) {
        return (bound, None);
    }
    cumulative = cumulative.min(h.count);
    if cumulative < rank {
        return if h.sum.is_nan() { (f64::NAN, Some(NanNote::Nan)) } else { (bucket.upper, None) };
    }
    let within = if upwards { rank - (cumulative - bucket.count) } else { cumulative - rank };
    let mut note = None;
    if h.sum.is_nan() {
        // The total takes in the buckets above; the last of them then stands for the one that was found.
        for further in &buckets[walked..] {
            bucket = *further;
            cumulative += further.count;
        }
        note = (cumulative < h.count).then_some(NanNote::Skewed);
    }
    (interpolate(&bucket, within / bucket.count), note)
}

/// The bucket at which the running count reaches `rank`, that count, and how many buckets were walked.
fn find(buckets: &[Bucket], rank: f64) -> (Bucket, f64, usize) {
    let mut cumulative = 0.0;
    for (i, bucket) in buckets.iter().enumerate().filter(|(_, b)| b.count != 0.0) {
        cumulative += bucket.count;
        if cumulative >= rank {
            return (*bucket, cumulative, i + 1);
        }
    }
    let nothing = Bucket { lower: 0.0, upper: 0.0, count: 0.0, kind: BucketKind::Zero };
    (buckets.last().copied().unwrap_or(nothing), cumulative, buckets.len())
}

/// Narrows a bucket at zero; some bound itself is the answer for open-ended ones.
fn narrow_for_quantile(h: &FloatHistogram, bucket: &mut Bucket) -> Option<f64> {
    let layout = Layout::of(h);
    if layout.custom {
        if bucket.lower == f64::NEG_INFINITY {
            if bucket.upper <= 0.0 {
                return Some(bucket.upper);
            }
            bucket.lower = 0.0;
        } else if bucket.upper == f64::INFINITY {
            return Some(bucket.lower);
        }
    } else if bucket.lower < 0.0 && bucket.upper > 0.0 {
        layout.narrow(bucket);
    }
    None
}

fn interpolate(bucket: &Bucket, fraction: f64) -> f64 {
    let Bucket { lower, upper, kind, .. } = *bucket;
    if kind == BucketKind::Custom || (lower <= 0.0 && upper >= 0.0) {
        return lower + (upper - lower) * fraction;
    }
    let (low, high) = (lower.abs().log2(), upper.abs().log2());
    if lower > 0.0 {
        return (low + (high - low) * fraction).exp2();
    }
    -(high + (low - high) * (1.0 - fraction)).exp2()
}

/// The fraction of observations between two bounds.
pub(crate) fn fraction(lower: f64, upper: f64, h: &FloatHistogram) -> (f64, Option<NanNote>) {
    if h.count == 0.0 || lower.is_nan() || upper.is_nan() {
        return (f64::NAN, None);
    }
    if lower >= upper {
        return (0.0, None);
    }
    let buckets = ascending(h);
    let (mut total, mut note) = (h.count, None);
    if h.sum.is_nan() {
        total = buckets.iter().map(|b| b.count).sum();
        note = (total < h.count).then_some(NanNote::Excluded);
    }
    let layout = Layout::of(h);
    let rank = |v: f64| rank_of(&buckets, &layout, v).unwrap_or(total).min(total);
    ((rank(upper) - rank(lower)) / h.count, note)
}

/// How many observations lie below `v`; `None` when it lies above all buckets.
fn rank_of(buckets: &[Bucket], layout: &Layout, v: f64) -> Option<f64> {
    let mut rank = 0.0;
    for bucket in buckets {
        let mut bucket = *bucket;
        let across_zero = bucket.lower <= 0.0 && bucket.upper >= 0.0;
        if across_zero {
            layout.narrow(&mut bucket);
        }
        if bucket.lower >= v {
            return Some(rank);
        }
        if bucket.upper > v {
            return Some(rank + inside(&bucket, across_zero, v));
        }
        rank += bucket.count;
    }
    None
}

fn inside(bucket: &Bucket, linear: bool, v: f64) -> f64 {
    if bucket.lower == f64::NEG_INFINITY {
        return bucket.count;
    }
    if bucket.upper == f64::INFINITY {
        return 0.0;
    }
    let kind = if linear { BucketKind::Zero } else { bucket.kind };
    bucket.count * fraction_below(&Bucket { kind, ..*bucket }, v)
}

/// The population variance, each bucket taken at its middle.
pub(crate) fn variance(h: &FloatHistogram) -> f64 {
    let mean = h.sum / h.count;
    let mut squares = Kahan::default();
    for bucket in ascending(h).iter().filter(|b| b.count != 0.0) {
        let delta = middle(bucket) - mean;
        squares.add(bucket.count * delta * delta);
    }
    squares.total() / h.count
}

fn middle(bucket: &Bucket) -> f64 {
    if bucket.kind == BucketKind::Custom {
        return (bucket.lower + bucket.upper) / 2.0;
    }
    if bucket.lower <= 0.0 && bucket.upper >= 0.0 {
        return 0.0;
    }
    let middle = (bucket.lower * bucket.upper).sqrt();
    if bucket.upper < 0.0 { -middle } else { middle }
}
