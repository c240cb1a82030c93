//! Where buckets begin and end.

use promethium_model::FloatHistogram;
use promethium_model::histogram::CUSTOM_BUCKETS_SCHEMA;

use super::sparse::Sparse;

/// The upper bound of bucket `index` of an exponential schema; the lower one is that of `index − 1`.
pub(crate) fn upper_bound(schema: i32, index: i32) -> f64 {
    let index = i64::from(index);
    let (exponent, fraction) = if schema < 0 {
        (index << schema.unsigned_abs().min(4), 0.0)
    } else {
        let per_power = 1i64 << schema.min(8);
        (index.div_euclid(per_power), index.rem_euclid(per_power) as f64 / per_power as f64)
    };
    // 2^1024 is no float: the bucket that would end there ends at the largest one, the next at infinity.
    if exponent == 1024 && fraction == 0.0 {
        return f64::MAX;
    }
    if exponent >= 1024 {
        return f64::INFINITY;
    }
    let exponent = exponent.max(-1100) as i32;
    // In two halves, so that subnormal powers come out right.
    let half = exponent / 2;
    fraction.exp2() * 2f64.powi(half) * 2f64.powi(exponent - half)
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

/// All buckets from the lowest up, explicit empty ones included; the zero bucket only when it counts something.
pub(crate) fn ascending(h: &FloatHistogram) -> Vec<Bucket> {
    let sparse = Sparse::<f64>::of(h);
    let w = h.zero_threshold;
    let mut out = Vec::with_capacity(sparse.positive.len() + sparse.negative.len() + 1);
    for (i, count) in sparse.negative.iter().rev() {
        let (lower, upper) = (-upper_bound(h.schema, *i), -upper_bound(h.schema, i - 1));
        out.push(Bucket { lower: lower.min(-w), upper: upper.min(-w), count: *count, kind: BucketKind::Negative });
    }
    if h.zero_count != 0.0 {
        out.push(Bucket { lower: -w, upper: w, count: h.zero_count, kind: BucketKind::Zero });
    }
    for (i, count) in &sparse.positive {
        out.push(positive_bucket(h, *i, *count));
    }
    out
}

fn positive_bucket(h: &FloatHistogram, i: i32, count: f64) -> Bucket {
    if h.schema == CUSTOM_BUCKETS_SCHEMA {
        let bound = |i: i32| usize::try_from(i).ok().and_then(|i| h.custom_bounds.get(i)).copied();
        let lower = if i <= 0 { f64::NEG_INFINITY } else { bound(i - 1).unwrap_or(f64::INFINITY) };
        let upper = bound(i).unwrap_or(f64::INFINITY);
        return Bucket { lower, upper, count, kind: BucketKind::Custom };
    }
    let w = h.zero_threshold;
    let (lower, upper) = (upper_bound(h.schema, i - 1), upper_bound(h.schema, i));
    Bucket { lower: lower.max(w), upper: upper.max(w), count, kind: BucketKind::Positive }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_powers() {
        for (schema, index, bound) in [
            (0, 0, 1.0),
            (0, 1, 2.0),
            (0, -1, 0.5),
            (-4, 1, 65536.0),
            (1, 1, std::f64::consts::SQRT_2),
            (0, 1024, f64::MAX),
            (0, 1025, f64::INFINITY),
            (8, 256 * 1024, f64::MAX),
            (0, -1074, 5e-324),
        ] {
            assert_eq!(upper_bound(schema, index), bound, "schema {schema} index {index}");
        }
    }
}
