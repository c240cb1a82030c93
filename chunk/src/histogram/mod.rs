//! Histogram chunks, with integer and with float counts, with and without start timestamps.
//!
//! A chunk has one layout: schema, zero threshold, spans and custom bounds stand once, with the first sample. What both
//! kinds share is written over [`Native`]; the columns of counts and buckets are each kind's own.

mod append;
mod decode;
mod fit;
mod float;
mod integer;
mod layout;
mod native;
mod recode;
mod reduce;
mod spans;
mod stats;

pub use append::{FloatHistogramAppender, HistogramAppender, NativeAppender, Placement};
pub(crate) use decode::{Rows, decode_rows};
pub use layout::MAX_SPANS_OF_A_CHUNK;
pub use native::Native;
pub use stats::{HistogramStats, decode_histogram_stats};
