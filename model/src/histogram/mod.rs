//! Native histograms: integer and float, exponential (schemas −4 to 8) and with custom bounds (schema −53).

mod bounds;
mod float;
mod integer;
mod spans;
mod validate;

pub use bounds::{custom_bound, exponential_bound};
pub use float::FloatHistogram;
pub use integer::Histogram;
pub use spans::Spans;
pub use validate::HistogramError;

/// The schema of histograms with custom bucket bounds.
pub const CUSTOM_BUCKETS_SCHEMA: i32 = -53;
/// The coarsest exponential schema.
pub const MIN_EXPONENTIAL_SCHEMA: i32 = -4;
/// The finest exponential schema.
pub const MAX_EXPONENTIAL_SCHEMA: i32 = 8;

/// A run of consecutive buckets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// Gap to the end of the previous span in buckets; for the first span, the index of its first bucket.
    pub offset: i32,
    /// Number of buckets.
    pub length: u32,
}

/// What is known about a counter reset between this histogram and the one before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CounterResetHint {
    /// Nothing: compare the values.
    #[default]
    Unknown,
    /// There was a reset.
    Reset,
    /// There was none.
    NotReset,
    /// A gauge histogram, which never resets.
    Gauge,
}

/// Whether `schema` is an exponential one that can be stored.
#[must_use]
pub fn is_exponential_schema(schema: i32) -> bool {
    (MIN_EXPONENTIAL_SCHEMA..=MAX_EXPONENTIAL_SCHEMA).contains(&schema)
}

/// Number of buckets that `spans` cover.
#[must_use]
pub fn spanned_buckets(spans: &[Span]) -> u64 {
    spans.iter().map(|s| u64::from(s.length)).sum()
}
