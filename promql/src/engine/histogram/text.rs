//! A histogram as text, as `count_values` and messages show it.

use std::fmt::Write;

use promethium_model::FloatHistogram;
use promethium_model::float::format_g;

use super::bounds::{BucketKind, ascending};

pub(crate) fn text(h: &FloatHistogram) -> String {
    let mut out = format!("{{count:{}, sum:{}", format_g(h.count), format_g(h.sum));
    for bucket in ascending(h).into_iter().filter(|b| b.count != 0.0) {
        let closed_below = match bucket.kind {
            BucketKind::Negative | BucketKind::Zero => true,
            BucketKind::Positive => false,
            BucketKind::Custom => bucket.lower == f64::NEG_INFINITY,
        };
        let (open, close) =
            (if closed_below { '[' } else { '(' }, if bucket.kind == BucketKind::Negative { ')' } else { ']' });
        let (lower, upper, count) = (format_g(bucket.lower), format_g(bucket.upper), format_g(bucket.count));
        let _ = write!(out, ", {open}{lower},{upper}{close}:{count}");
    }
    out.push('}');
    out
}
