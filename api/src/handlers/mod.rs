//! The endpoints: each a function from a request to the `data` of a success body.

mod admin;
mod alertmanagers;
mod alerts;
mod exemplars;
mod labels;
mod metadata;
mod query;
mod rules;
mod series;
mod stats;
mod status;
mod syntax;
mod target_metadata;
mod targets;

pub(crate) use admin::{clean_tombstones, delete_series, snapshot};
pub(crate) use alertmanagers::alertmanagers;
pub(crate) use alerts::alerts;
pub(crate) use exemplars::query_exemplars;
pub(crate) use labels::{label_names, label_values};
pub(crate) use metadata::metadata;
pub(crate) use query::{query, query_range};
pub(crate) use rules::rules;
pub(crate) use series::series;
pub(crate) use status::{build_info, config, flags, runtime_info, tsdb, tsdb_blocks, wal_replay};
pub(crate) use syntax::{format_query, parse_query};
pub(crate) use target_metadata::target_metadata;
pub(crate) use targets::{scrape_pools, targets};

use std::time::Duration;

use promethium_model::{Annotations, QueryCx};

use crate::error::ApiError;
use crate::host::ApiHost;
use crate::request::ApiRequest;

/// The warning on a truncated answer.
const TRUNCATED: &str = "results truncated due to limit";

/// What an endpoint works with.
pub(crate) struct Context<'h> {
    /// The program behind the API.
    pub(crate) host: &'h dyn ApiHost,
    /// Cancelled when the client goes away.
    pub(crate) cx: &'h QueryCx,
}

impl Context<'_> {
    /// The context of one look-up or query: the limits of the host, and a deadline that `timeout` may shorten.
    fn bounded(&self, timeout: Option<Duration>) -> QueryCx {
        let limits = self.host.limits();
        let longest = Duration::from_millis(limits.query_timeout_ms);
        let timeout = timeout.map_or(longest, |t| t.min(longest));
        let cx = self.cx.clone().with_timeout(self.host.clock(), timeout);
        cx.with_max_samples(limits.max_query_samples).with_max_bytes(limits.max_query_memory_bytes)
    }
}

/// Writes the value of `data`, and returns what the caller should know about it.
pub(crate) type Handler = fn(&Context<'_>, &ApiRequest, &mut String) -> Result<Annotations, ApiError>;

/// The same, where there may be nothing to say: 204.
pub(crate) type OptionalHandler = fn(&Context<'_>, &ApiRequest, &mut String) -> Result<Option<Annotations>, ApiError>;

/// Fails on a query string or form with a mistake in it. Series and rules do; elsewhere Prometheus leaves the bad pair out.
fn require_readable(request: &ApiRequest) -> Result<(), ApiError> {
    request.form_error().map_or(Ok(()), |e| Err(ApiError::Form(e.clone())))
}
