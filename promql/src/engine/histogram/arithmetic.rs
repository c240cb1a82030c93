//! Adding and subtracting histograms of different layouts.

use std::sync::Arc;

use promethium_model::{CounterResetHint, FloatHistogram, SampleValue};

use super::super::binary::Outcome;
use super::sparse::{Amount, Sparse};

/// What happened on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Added {
    /// One side was known to be a reset, the other not to be one.
    pub(crate) hints_collide: bool,
    /// Custom bounds differed.
    pub(crate) reconciled: bool,
}

/// Exponential and custom buckets do not mix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Incompatible;

/// Adds `b` to `a`, both brought to a common layout first.
pub(crate) fn add<N: Amount>(a: &mut Sparse<N>, b: Sparse<N>) -> Result<Added, Incompatible> {
    if a.is_custom() != b.is_custom() {
        return Err(Incompatible);
    }
    let mut b = b;
    let (hint, hints_collide) = combined_hint(a.hint, b.hint);
    a.hint = hint;
    let reconciled = if a.is_custom() { align_custom(a, &mut b) } else { align_exponential(a, &mut b) };
    a.add_aligned(&b);
    Ok(Added { hints_collide, reconciled })
}

/// Subtracts `b` from `a`.
pub(crate) fn subtract<N: Amount>(a: &mut Sparse<N>, b: Sparse<N>) -> Result<Added, Incompatible> {
    let mut b = b;
    let hint = b.hint;
    b.scale(-1.0);
    b.hint = hint;
    add(a, b)
}

fn combined_hint(a: CounterResetHint, b: CounterResetHint) -> (CounterResetHint, bool) {
    use CounterResetHint::{Gauge, Unknown};
    if a == b {
        return (a, false);
    }
    if a == Gauge || b == Gauge {
        return (Gauge, false);
    }
    (Unknown, a != Unknown && b != Unknown)
}

fn align_custom<N: Amount>(a: &mut Sparse<N>, b: &mut Sparse<N>) -> bool {
    if a.bounds == b.bounds {
        return false;
    }
    let common = common_bounds(&a.bounds, &b.bounds);
    a.map_to_bounds(&common);
    b.map_to_bounds(&common);
    true
}

/// The bounds that both lists have.
pub(crate) fn common_bounds(a: &[f64], b: &[f64]) -> Arc<[f64]> {
    a.iter().copied().filter(|x| b.contains(x)).collect()
}

fn align_exponential<N: Amount>(a: &mut Sparse<N>, b: &mut Sparse<N>) -> bool {
    while a.zero_threshold != b.zero_threshold {
        if a.zero_threshold < b.zero_threshold {
            a.widen_zero_bucket(b.zero_threshold);
        } else {
            b.widen_zero_bucket(a.zero_threshold);
        }
    }
    let schema = a.schema.min(b.schema);
    a.reduce_to(schema);
    b.reduce_to(schema);
    false
}

/// `a + b` or `a - b` as an operator: a difference is a gauge.
pub(crate) fn for_operator(subtraction: bool, a: &FloatHistogram, b: &FloatHistogram) -> Outcome {
    let (mut sum, b) = (Sparse::<f64>::of(a), Sparse::of(b));
    let added = if subtraction { subtract(&mut sum, b) } else { add(&mut sum, b) };
    let Ok(added) = added else {
        return Outcome::Failed("incompatible bucket layout encountered for binary operator OP");
    };
    if added.hints_collide {
        return Outcome::Failed(if subtraction {
            "conflicting counter resets during histogram subtraction"
        } else {
            "conflicting counter resets during histogram addition"
        });
    }
    if subtraction {
        sum.hint = CounterResetHint::Gauge;
    }
    sum.compact();
    let value = SampleValue::Histogram(Arc::new(sum.into_histogram()));
    match (added.reconciled, subtraction) {
        (false, _) => Outcome::Value(value),
        (true, false) => Outcome::Noted(value, "mismatched custom buckets were reconciled during addition"),
        (true, true) => Outcome::Noted(value, "mismatched custom buckets were reconciled during subtraction"),
    }
}

/// `a + b` or `a - b` and nothing more: no hint forced, no bucket dropped.
pub(crate) fn combined_plainly(a: &FloatHistogram, b: &FloatHistogram, minus: bool) -> Option<FloatHistogram> {
    let (mut sum, b) = (Sparse::<f64>::of(a), Sparse::of(b));
    let added = if minus { subtract(&mut sum, b) } else { add(&mut sum, b) };
    added.ok().map(|_| sum.into_histogram())
}
