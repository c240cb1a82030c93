//! The values of parameters: times, durations, limits, selectors, label names. Texts in, numbers out, no panic.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]
#![cfg_attr(
    test,
    allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "tests may panic")
)]

mod duration;
mod escaped_name;
mod matchers;
mod number;
mod time;

pub use duration::parse_duration_ns;
pub(crate) use duration::{lookback_ms, optional_duration_ns, required_duration_ns};
pub(crate) use escaped_name::label_name;
pub(crate) use matchers::matcher_sets;
pub(crate) use number::{Limit, parse_bool, parse_integer};
pub use time::{MAX_TIME_MS, MIN_TIME_MS, parse_time_ms};
pub(crate) use time::{optional_time, required_time};
