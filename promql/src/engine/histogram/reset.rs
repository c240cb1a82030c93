//! Whether a counter histogram was reset between two samples.

use std::sync::Arc;

use promethium_model::histogram::CUSTOM_BUCKETS_SCHEMA;
use promethium_model::{CounterResetHint, FloatHistogram};

use super::arithmetic::common_bounds;
use super::bounds::upper_bound;
use super::sparse::Sparse;

/// Whether `current` cannot have grown out of `previous`. The sum is never looked at: observations may be negative.
pub(crate) fn detect(current: &FloatHistogram, previous: &FloatHistogram) -> bool {
    match current.counter_reset_hint {
        CounterResetHint::Reset => return true,
        CounterResetHint::NotReset => return false,
        CounterResetHint::Unknown | CounterResetHint::Gauge => {}
    }
    by_values(current, previous)
}

/// The same, whatever the hint says.
pub(crate) fn by_values(current: &FloatHistogram, previous: &FloatHistogram) -> bool {
    if current.count < previous.count {
        return true;
    }
    if same_layout(current, previous) { fell_in_place(current, previous) } else { by_buckets(current, previous) }
}

/// The rest of [`by_values`] for any two.
pub(super) fn by_buckets(current: &FloatHistogram, previous: &FloatHistogram) -> bool {
    let (now, mut before) = (Sparse::<f64>::of(current), Sparse::<f64>::of(previous));
    if now.is_custom() {
        return !before.is_custom() || custom_fell(now, before);
    }
    if before.is_custom() || now.schema > before.schema || now.zero_threshold < before.zero_threshold {
        return true;
    }
    if now.zero_threshold > before.zero_threshold {
        if splits_bucket(&before, now.zero_threshold) {
            return true;
        }
        before.widen_zero_bucket(now.zero_threshold);
    }
    if now.zero_count < before.zero_count {
        return true;
    }
    before.reduce_to(now.schema);
    fell(&before.positive, &now.positive) || fell(&before.negative, &now.negative)
}

/// Whether buckets at the same places are the same buckets.
fn same_layout(a: &FloatHistogram, b: &FloatHistogram) -> bool {
    a.schema == b.schema
        && a.zero_threshold == b.zero_threshold
        && a.positive_spans == b.positive_spans
        && a.negative_spans == b.negative_spans
        && a.positive_buckets.len() == b.positive_buckets.len()
        && a.negative_buckets.len() == b.negative_buckets.len()
        && (Arc::ptr_eq(&a.custom_bounds, &b.custom_bounds) || a.custom_bounds == b.custom_bounds)
}

/// The rest of [`by_values`] for two of the same layout, which most neighbours are.
fn fell_in_place(current: &FloatHistogram, previous: &FloatHistogram) -> bool {
    let fell = |before: &[f64], now: &[f64]| {
        // What is not a number has fallen.
        let holds = |before: f64, now: f64| before == 0.0 || now >= before;
        !before.iter().zip(now).fold(true, |all, (before, now)| all & holds(*before, *now))
    };
    let positive = fell(&previous.positive_buckets, &current.positive_buckets);
    if current.schema == CUSTOM_BUCKETS_SCHEMA {
        return positive;
    }
    current.zero_count < previous.zero_count || positive || fell(&previous.negative_buckets, &current.negative_buckets)
}

/// Whether a zero bucket of this width would end inside a populated bucket.
fn splits_bucket(h: &Sparse<f64>, threshold: f64) -> bool {
    h.positive
        .iter()
        .chain(&h.negative)
        .any(|(i, n)| *n != 0.0 && upper_bound(h.schema, i - 1) < threshold && threshold < upper_bound(h.schema, *i))
}

fn custom_fell(mut now: Sparse<f64>, mut before: Sparse<f64>) -> bool {
    if now.bounds != before.bounds {
        let common: Arc<[f64]> = common_bounds(&now.bounds, &before.bounds);
        now.map_to_bounds(&common);
        before.map_to_bounds(&common);
    }
    fell(&before.positive, &now.positive)
}

/// Whether some populated bucket of before is missing or smaller now.
fn fell(before: &[(i32, f64)], now: &[(i32, f64)]) -> bool {
    let mut now = now.iter().peekable();
    before.iter().filter(|(_, n)| *n != 0.0).any(|(i, n)| {
        while now.next_if(|(j, _)| j < i).is_some() {}
        !now.peek().is_some_and(|(j, m)| j == i && m >= n)
    })
}
