//! Prometheus' HTTP API as request to response functions, and a router to mount.
//!
//! # Should I use this?
//!
//! Yes, if Grafana, `promtool` or any other client of Prometheus should talk to *your* program: implement [`ApiHost`]
//! over your store and engine, and either call [`handle`] from the server that you have, or mount `axum_router` (feature
//! `axum`). Nothing here knows a runtime unless that feature is on. Whoever wants store, engine, rules and scraping as
//! well takes the `promethium` facade, whose `Monitor` is such a host.
//!
//! ```
//! use std::sync::Arc;
//! use promethium_api::{ApiHost, ApiRequest, Method, handle};
//! use promethium_model::*;
//!
//! # struct NoEngine;
//! # impl QueryEngine for NoEngine {
//! #     fn check(&self, query: &str) -> Result<String, QueryError> { Ok(query.to_owned()) }
//! #     fn selector(&self, text: &str) -> Result<Vec<Matcher>, QueryError> { Ok(vec![Matcher::equal("__name__", text)]) }
//! #     fn instant(&self, _: &dyn Queryable, _: &str, _: &InstantOptions, _: &QueryCx) -> Result<QueryOutput, QueryError> {
//! #         Err(QueryError::Invalid("no engine".to_owned()))
//! #     }
//! #     fn range(&self, _: &dyn Queryable, _: &str, _: &RangeOptions, _: &QueryCx) -> Result<QueryOutput, QueryError> {
//! #         Err(QueryError::Invalid("no engine".to_owned()))
//! #     }
//! # }
//! struct Host {
//!     store: MemStore,
//!     engine: NoEngine, // yours, or promethium-promql's
//!     clock: Arc<dyn Clock>,
//!     limits: Limits,
//! }
//!
//! impl ApiHost for Host {
//!     fn queryable(&self) -> &dyn Queryable { &self.store }
//!     fn engine(&self) -> &dyn QueryEngine { &self.engine }
//!     fn clock(&self) -> Arc<dyn Clock> { self.clock.clone() }
//!     fn limits(&self) -> &Limits { &self.limits }
//! }
//!
//! # let store = MemStore::new();
//! # let mut tx = store.appender();
//! # let up = Labels::from_pairs([("__name__", "up"), ("job", "node")]);
//! # tx.append(SeriesKey::Labels(&up), Point::float(1_000, 1.0), &AppendOptions::default())?;
//! # tx.commit()?;
//! # let host = Host { store, engine: NoEngine, clock: Arc::new(ManualClock::new(0)), limits: Limits::default() };
//! let request = ApiRequest::new(Method::Get, "/api/v1/series?match[]=up");
//! let response = handle(&host, &request, &QueryCx::unlimited());
//! assert_eq!(response.status, 200);
//! assert_eq!(response.body, br#"{"status":"success","data":[{"__name__":"up","job":"node"}]}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What answers
//!
//! | path | methods |
//! |---|---|
//! | `/api/v1/query`, `/api/v1/query_range`, `/api/v1/query_exemplars` | GET, POST |
//! | `/api/v1/format_query`, `/api/v1/parse_query` | GET, POST |
//! | `/api/v1/labels`, `/api/v1/series` | GET, POST |
//! | `/api/v1/label/<name>/values` | GET |
//! | `/api/v1/rules`, `/api/v1/alerts`, `/api/v1/alertmanagers` | GET |
//! | `/api/v1/targets`, `/api/v1/targets/metadata`, `/api/v1/scrape_pools`, `/api/v1/metadata` | GET |
//! | `/api/v1/status/{buildinfo,runtimeinfo,config,flags,tsdb,tsdb/blocks,walreplay}` | GET |
//! | `/api/v1/admin/tsdb/{delete_series,clean_tombstones,snapshot}`, if the host is an [`AdminHost`], too | POST, PUT |
//! | `/metrics` | GET |
//! | `/-/healthy`, `/-/ready` | GET, HEAD |
//!
//! Bodies are Prometheus' to the byte: order of keys, layouts of numbers, escapes, error texts, statuses, at most
//! [`MAX_ANNOTATIONS`] warnings and infos each. Nothing below another path than `/api/v1/admin` changes anything, and no answer
//! is one that a browser may take for a page.
//!
//! What differs, by intent: times are whole milliseconds, as samples are, and a step below one is refused; NaN is not a
//! time; parameters are text, so that bytes that are no UTF-8 become U+FFFD; forms are urlencoded, never multipart; lists
//! whose order Prometheus leaves to chance are sorted; `runtimeinfo` has Go's keys without Go's meaning; `stats` holds what can be measured around an engine, which is total
//! time, samples read and peak samples.
//!
//! # Limits
//!
//! A form body has at most [`MAX_FORM_BYTES`], a request at most [`MAX_PARAMETERS`]. Queries and look-ups are bound by
//! `query_timeout_ms`, `max_query_samples` and `max_query_steps` of the host's `Limits`, which bounds the answer, too; the
//! router of the feature `axum` also bounds how many run at once.

#[cfg(feature = "axum")]
mod axum_router;
mod compression;
mod cors;
mod counting;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod handlers;
mod host;
mod json;
mod parameter;
mod request;
mod response;
mod router;
mod view;

#[cfg(feature = "axum")]
pub use axum_router::{RouterOptions, axum_router, axum_router_with};
pub use error::{ApiError, ParameterError};
pub use host::{AdminHost, ApiHost, CorsOrigins, Readiness};
pub use json::push_query_value;
pub use parameter::{MAX_TIME_MS, MIN_TIME_MS, parse_duration_ns, parse_time_ms};
pub use request::{ApiRequest, FormError, MAX_FORM_BYTES, MAX_PARAMETERS, Method};
pub use response::{ApiResponse, MAX_ANNOTATIONS};
pub use router::handle;
pub use view::{
    AlertState, AlertView, AlertingView, AlertmanagersView, BuildInfo, DroppedTargetView, FamilyMetadata,
    RuleGroupView, RuleHealth, RuleKind, RuleView, RuntimeInfo, TargetHealth, TargetMetadata, TargetView, TargetsView,
    TsdbStatus, WalReplay,
};
