//! Deleted intervals of time.

mod file;
mod intervals;

pub use file::{TOMBSTONES_FILE, Tombstones};
pub use intervals::{Interval, Intervals};
