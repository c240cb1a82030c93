//! PromQL: parser and columnar engine, exact to Prometheus

#[cfg(feature = "engine")]
mod engine;
#[cfg(feature = "parser")]
#[doc(hidden)]
pub mod fuzzing;
mod options;
#[cfg(feature = "parser")]
pub mod parser;
#[cfg(feature = "engine")]
mod plan;
#[cfg(feature = "engine")]
pub mod promqltest;

#[cfg(feature = "engine")]
pub use engine::{Engine, EngineOptions};
pub use options::Features;
