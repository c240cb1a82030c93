//! Where buckets begin and end.

use promethium_model::FloatHistogram;
use promethium_model::histogram::{CUSTOM_BUCKETS_SCHEMA, custom_bound, exponential_bound};

use super::sparse::Sparse;

/// The upper bound of bucket `index` of an exponential schema; the lower one is that of `index − 1`.
pub(crate) fn upper_bound(schema: i32, index: i32) -> f64 {
    exponential_bound(i64::from(index), schema)
}

/// A bucket with its range, clipped at the zero bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bucket {
    pub(crate) lower: f64,
    pub(crate) upper: f64,
    pub(crate) count: f64,
    pub(crate) kind: BucketKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BucketKind {
    Negative,
    Zero,
    Positive,
    Custom,
}

/// All buckets from the lowest up, clipped at the zero bucket, explicit empty ones included; the zero bucket only when it counts
/// something.
pub(crate) fn ascending(h: &FloatHistogram) -> Vec<Bucket> {
    buckets_beyond(h, h.zero_threshold)
}

/// The same with the bounds of the schema, even inside the zero bucket.
pub(crate) fn unclipped(h: &FloatHistogram) -> Vec<Bucket> {
    buckets_beyond(h, 0.0)
}

fn buckets_beyond(h: &FloatHistogram, clip: f64) -> Vec<Bucket> {
    let sparse = Sparse::<f64>::of(h);
    let w = h.zero_threshold;
    let mut out = Vec::with_capacity(sparse.positive.len() + sparse.negative.len() + 1);
    for (i, count) in sparse.negative.iter().rev() {
        let (lower, upper) = (-upper_bound(h.schema, *i), -upper_bound(h.schema, i - 1));
        out.push(Bucket {
            lower: lower.min(-clip),
            upper: upper.min(-clip),
            count: *count,
            kind: BucketKind::Negative,
        });
    }
    if h.zero_count != 0.0 {
        out.push(Bucket { lower: -w, upper: w, count: h.zero_count, kind: BucketKind::Zero });
    }
    for (i, count) in &sparse.positive {
        out.push(positive_bucket(h, *i, *count, clip));
    }
    out
}

fn positive_bucket(h: &FloatHistogram, i: i32, count: f64, clip: f64) -> Bucket {
    if h.schema == CUSTOM_BUCKETS_SCHEMA {
        let bound = |i| custom_bound(i64::from(i), &h.custom_bounds);
        return Bucket { lower: bound(i - 1), upper: bound(i), count, kind: BucketKind::Custom };
    }
    let (lower, upper) = (upper_bound(h.schema, i - 1), upper_bound(h.schema, i));
    Bucket { lower: lower.max(clip), upper: upper.max(clip), count, kind: BucketKind::Positive }
}
