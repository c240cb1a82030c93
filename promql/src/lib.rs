//! PromQL: parser and columnar engine, exact to Prometheus
mod options;
#[cfg(feature = "parser")]
pub mod parser;
pub use options::Features;
#[cfg(feature = "parser")]
#[doc(hidden)]
pub mod fuzzing;
