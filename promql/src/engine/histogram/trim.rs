//! `</` and `>/`: the observations of a histogram below or above a bound.

use promethium_model::FloatHistogram;

use super::super::kahan::Kahan;
use super::bounds::{Bucket, BucketKind, unclipped};
use super::sparse::Sparse;

/// Keeps observations up to `x`.
pub(crate) fn keep_below(h: &FloatHistogram, x: f64) -> FloatHistogram {
    trimmed(h, x, Side::Below)
}

/// Keeps observations from `x` on.
pub(crate) fn keep_above(h: &FloatHistogram, x: f64) -> FloatHistogram {
    trimmed(h, x, Side::Above)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Below,
    Above,
}

/// What is left of a bucket, and where its middle lies.
struct Part {
    count: f64,
    middle: f64,
}

fn trimmed(h: &FloatHistogram, x: f64, side: Side) -> FloatHistogram {
    let populated = |counts: &[f64]| counts.iter().any(|c| *c != 0.0);
    let (positive, negative) = (populated(&h.positive_buckets), populated(&h.negative_buckets));
    let mut out = Sparse::<f64>::of(h);
    let mut total = Kahan::default();
    let mut sum = Kahan::default();
    let mut changed = false;
    let mut rest = Vec::new();
    for mut bucket in unclipped(h) {
        let before = bucket.count;
        // A zero bucket that counts less than nothing is not looked at.
        if before != 0.0 && (bucket.kind != BucketKind::Zero || before > 0.0) {
            narrow_zero_bucket(&mut bucket, positive, negative);
            let part = part_of(&bucket, x, side);
            changed |= part.count != before;
            bucket.count = part.count;
            if part.count != 0.0 {
                total.add(part.count);
                sum.add(part.count * part.middle);
            }
        }
        rest.push(bucket);
    }
    if !changed {
        return h.clone();
    }
    assign(&mut out, &rest);
    (out.count, out.sum) = (total.total(), sum.total());
    out.compact();
    out.into_histogram()
}

/// Puts the counts back where the buckets came from: the same order, negative ones from the outside in.
fn assign(out: &mut Sparse<f64>, buckets: &[Bucket]) {
    let of = |kind: BucketKind| buckets.iter().filter(move |b| b.kind == kind).map(|b| b.count);
    out.negative.iter_mut().rev().zip(of(BucketKind::Negative)).for_each(|((_, n), c)| *n = c);
    let positive = of(BucketKind::Positive).chain(of(BucketKind::Custom));
    out.positive.iter_mut().zip(positive).for_each(|((_, n), c)| *n = c);
    if let Some(zero) = of(BucketKind::Zero).next() {
        out.zero_count = zero;
    }
}

fn narrow_zero_bucket(bucket: &mut Bucket, positive: bool, negative: bool) {
    if bucket.kind == BucketKind::Zero {
        match (positive, negative) {
            (true, false) => bucket.lower = 0.0,
            (false, true) => bucket.upper = 0.0,
            _ => {}
        }
    }
}

fn part_of(bucket: &Bucket, x: f64, side: Side) -> Part {
    match (bucket.kind, bucket.lower == f64::NEG_INFINITY, bucket.upper == f64::INFINITY) {
        (BucketKind::Custom, true, true) => of_everything(bucket.count, x, side),
        (BucketKind::Custom, true, false) => of_lowest(bucket, x, side),
        (BucketKind::Custom, false, true) => of_highest(bucket, x, side),
        _ => of_finite(bucket, x, side),
    }
}

fn all(count: f64, middle: f64) -> Part {
    Part { count, middle }
}

const NOTHING: Part = Part { count: 0.0, middle: 0.0 };

fn of_everything(count: f64, x: f64, side: Side) -> Part {
    let edge = if side == Side::Below { f64::INFINITY } else { f64::NEG_INFINITY };
    if x == edge { all(count, 0.0) } else { NOTHING }
}

fn of_lowest(bucket: &Bucket, x: f64, side: Side) -> Part {
    let (u, count) = (bucket.upper, bucket.count);
    let middle = if u > 0.0 { u / 2.0 } else { u };
    match side {
        Side::Below if x >= u => all(count, middle),
        Side::Below if x > 0.0 => Part { count: count * x / u, middle: x / 2.0 },
        Side::Below if u <= 0.0 && x > f64::NEG_INFINITY => all(count, x),
        Side::Above if x == f64::NEG_INFINITY => all(count, middle),
        Side::Above if x >= 0.0 && x < u => Part { count: count * (1.0 - x / u), middle: (x + u) / 2.0 },
        _ => NOTHING,
    }
}

fn of_highest(bucket: &Bucket, x: f64, side: Side) -> Part {
    let (l, count) = (bucket.lower, bucket.count);
    match side {
        Side::Below if x == f64::INFINITY => all(count, l),
        Side::Above if x <= l => all(count, l),
        Side::Above if x < f64::INFINITY => all(count, x),
        _ => NOTHING,
    }
}

fn of_finite(bucket: &Bucket, x: f64, side: Side) -> Part {
    let Bucket { lower, upper, count, kind } = *bucket;
    if x.is_nan() && kind != BucketKind::Zero {
        return NOTHING;
    }
    // A zero bucket without width lies above a cut at zero.
    let below = if x <= lower {
        0.0
    } else if x >= upper {
        1.0
    } else {
        fraction_below(bucket, x)
    };
    let inside = x.clamp(lower, upper);
    let (kept, from, to) = match side {
        Side::Below => (count * below, lower, inside),
        Side::Above => (count * (1.0 - below), inside, upper),
    };
    Part { count: kept, middle: middle(kind, from, to) }
}

fn middle(kind: BucketKind, from: f64, to: f64) -> f64 {
    match kind {
        BucketKind::Zero | BucketKind::Custom => (from + to) / 2.0,
        BucketKind::Positive => (from * to).sqrt(),
        BucketKind::Negative => -(from * to).sqrt(),
    }
}

/// Which fraction of a bucket lies below `x`, inside it.
pub(super) fn fraction_below(bucket: &Bucket, x: f64) -> f64 {
    let Bucket { lower, upper, kind, .. } = *bucket;
    match kind {
        BucketKind::Zero | BucketKind::Custom => (x - lower) / (upper - lower),
        BucketKind::Positive => (x.log2() - lower.log2()) / (upper.log2() - lower.log2()),
        BucketKind::Negative => 1.0 - (x.abs().log2() - upper.abs().log2()) / (lower.abs().log2() - upper.abs().log2()),
    }
}
