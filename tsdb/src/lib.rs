//! Time-series storage in Prometheus' own data directory, with stated durability
pub mod chunk;
mod error;
pub mod vfs;
pub use error::TsdbError;
