//! The scrape core: fetch, decode, append; targets are closures or HTTP URLs.
//!
//! # Should I use this?
//!
//! Take this crate to collect what exporters expose into any [`Appendable`](promethium_model::Appendable) store, with
//! Prometheus' semantics: `up` and the `scrape_*` series, stale markers, limits, label conflicts. The core is
//! synchronous and does no I/O of its own: it says what to fetch and when, and takes the response. Feature `http`
//! adds a client on tokio.
//!
//! ```
//! use promethium_model::{MemStore, Matcher, QueryableExt, TimeRange};
//! use promethium_scrape::{ScrapeTarget, Source, TargetConfig};
//! use std::time::Duration;
//!
//! let store = MemStore::new();
//! let config = TargetConfig::new("app", Source::closure(|| "jobs_done 7\n".to_owned())).at_once();
//! let mut target = ScrapeTarget::new(config, 0)?;
//! let response = target.source().fetch_in_process();
//! let report = target.ingest(&store, 1_000, Duration::ZERO, response);
//! assert!(report.up);
//! let jobs = store.read_all(TimeRange::ALL, &[Matcher::equal("__name__", "jobs_done")])?;
//! assert_eq!(jobs[0].1.floats, [7.0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Concepts
//!
//! * A [`ScrapeTarget`] is one thing to scrape: its configuration, its schedule, a cache of the series it exposed,
//!   and how it fared. [`ScrapeTarget::ingest`] makes one scrape of one response: all of it in one transaction, or
//!   none.
//! * [`Targets`] holds many. [`Targets::tick`] scrapes what is due, one after the other: deterministic, for tests and
//!   small hosts. A host with a runtime takes [`Targets::start_due`] and [`Targets::finish`] and fetches in between
//!   as it likes.
//! * [`Fetch`] is a client that blocks; under feature `http`, `HttpFetcher` is one that does not.

mod body;
mod cache;
mod config;
mod error;
mod fetch;
#[cfg(feature = "http")]
mod http;
mod labels;
mod metadata;
mod page;
mod report;
mod schedule;
mod target;
mod targets;

pub use body::gunzip;
pub use config::TargetConfig;
pub use error::{FetchError, ScrapeError};
pub use fetch::{Fetch, FetchRequest, FetchResponse, Source};
#[cfg(feature = "http")]
pub use http::HttpFetcher;
pub use report::{Health, Rejections, ScrapeReport, TargetStatus};
pub use target::ScrapeTarget;
pub use targets::{StartedScrape, TargetId, Targets};
