//! Evaluation over columns: a series is one column of values, one a step, with a bitmap of presence.

mod aggregate;
mod binary;
mod bitmap;
mod budget;
mod column;
mod eval;
mod explain;
mod fetch;
mod function;
pub(crate) mod histogram;
mod kahan;
mod naive;
mod naming;
mod notes;
mod output;
mod prepared;
mod quantile;
mod query;
mod samples;
mod selector;
mod smoothed;
mod sorting;
mod steps;
mod top_level;
mod window;

pub use explain::{Analysis, ExplainedNode, Explanation, NodeCost};
pub use naive::NaiveEngine;
pub use prepared::{FetchedSeries, Prepared, QueryTime, Selection};
pub use query::{Engine, EngineOptions};

/// Whether two floats are equal up to a relative error; zero must be exact.
pub(crate) fn almost_equal(a: f64, b: f64, epsilon: f64) -> bool {
    if a.to_bits() == b.to_bits() || a == b || (a.is_nan() && b.is_nan() && stale_alike(a, b)) {
        return true;
    }
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < epsilon * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < epsilon
}

fn stale_alike(a: f64, b: f64) -> bool {
    promethium_model::is_stale(a) == promethium_model::is_stale(b)
}
