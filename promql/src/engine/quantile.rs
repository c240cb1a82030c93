//! The quantile of plain values.

use std::cmp::Ordering;

use promethium_model::float::format_g;

use super::function::{go_max, go_min};
use super::notes::{Notes, Origin};

/// Interpolated between neighbours, NaN smallest; reorders `values`, as far as it has to.
pub(crate) fn of(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    let last = values.len() - 1;
    let rank = q * last as f64;
    let below = rank.floor();
    let weight = rank - below;
    let (_, below, above) = values.select_nth_unstable_by((below as usize).min(last), nan_first);
    let below = *below;
    let above = above.iter().copied().min_by(nan_first).unwrap_or(below);
    below * (1.0 - weight) + above * weight
}

fn nan_first(a: &f64, b: &f64) -> Ordering {
    a.partial_cmp(b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

pub(crate) fn warn_invalid(notes: &Notes<'_>, origin: Origin, q: f64) {
    notes.warn(origin, format!("quantile value should be between 0 and 1, got {}", format_g(q)));
}

/// Warns of the quantiles that a function is given, step by step.
pub(crate) fn warn_invalid_arguments(notes: &Notes<'_>, origins: &[Origin], quantiles: &[Vec<f64>]) {
    let steps = quantiles.first().map_or(0, Vec::len);
    for (origin, q) in (0..steps).flat_map(|step| origins.iter().zip(quantiles.iter().map(move |q| q[step]))) {
        if !(0.0..=1.0).contains(&q) {
            warn_invalid(notes, *origin, q);
        }
    }
}

/// Warns of the quantiles of all steps that are out of bounds: of a NaN, of the largest, of the smallest. Beside a NaN only an
/// infinity is largest or smallest.
pub(crate) fn warn_invalid_steps(notes: &Notes<'_>, origin: Origin, quantiles: &[f64]) {
    if let Some(nan) = quantiles.iter().find(|q| q.is_nan()) {
        warn_invalid(notes, origin, *nan);
    }
    let extreme = |start: f64, pick: fn(f64, f64) -> f64| quantiles.iter().copied().fold(start, pick);
    let (max, min) = (extreme(f64::MIN, go_max), extreme(f64::MAX, go_min));
    if max > 1.0 {
        warn_invalid(notes, origin, max);
    }
    if min < 0.0 {
        warn_invalid(notes, origin, min);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpolates_between_ranks() {
        assert_eq!(of(0.5, &mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(of(0.25, &mut [1.0, 2.0]), 1.25);
        assert_eq!(of(-0.1, &mut [1.0]), f64::NEG_INFINITY);
        assert_eq!(of(1.1, &mut [1.0]), f64::INFINITY);
        assert!(of(f64::NAN, &mut [1.0]).is_nan() && of(0.5, &mut []).is_nan());
        assert_eq!(of(1.0, &mut [f64::NAN, 1.0]), 1.0);
        assert!(of(0.0, &mut [f64::NAN, 1.0]).is_nan());
    }
}
