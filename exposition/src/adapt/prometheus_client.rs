//! The `prometheus-client` crate: its registry can only be asked for a page of OpenMetrics, so there is one in between.
//!
//! ```
//! use prometheus_client::metrics::counter::Counter;
//! use promethium_exposition::adapt::prometheus_client::families;
//! let mut registry = prometheus_client::registry::Registry::default();
//! let jobs = Counter::<u64>::default();
//! registry.register("jobs", "Jobs done", jobs.clone());
//! jobs.inc();
//! assert_eq!(families(&registry)?[0].name, "jobs_total");
//! # Ok::<(), promethium_exposition::DecodeError>(())
//! ```

use prometheus_client::registry::Registry;

use crate::content_type::Format;
use crate::error::DecodeError;
use crate::family::Family;
use crate::options::DecodeOptions;

/// What a registry holds.
///
/// # Errors
///
/// When the registry's page cannot be read, or its metrics fail to write themselves.
pub fn families(registry: &Registry) -> Result<Vec<Family>, DecodeError> {
    let mut page = String::new();
    prometheus_client::encoding::text::encode(&mut page, registry)
        .map_err(|error| DecodeError::Registry { message: error.to_string() })?;
    crate::collect(Format::OpenMetrics, page.as_bytes(), &DecodeOptions::new())
}
