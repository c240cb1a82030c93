//! A Prometheus-compatible monitoring core inside any Rust program: read what exporters expose, keep it in a
//! Gorilla-compressed time-series database, ask it PromQL, raise alerts.
//!
//! # Should I use this?
//!
//! Yes, when your program should watch itself or others and answer for it: the [`Monitor`] composes the crates of the family
//! behind one type. Whoever needs one part only — a PromQL engine over their own store, a decoder of exposition pages, rules in a
//! test — depends on that crate alone; all of them are re-exported here as modules.
//!
//! No, when what you want is a cluster, a long-term store on object storage, or dashboards: this is the core that such things
//! are built around.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use promethium::model::{Clock, ManualClock};
//! use promethium::rules::RuleSource;
//! use promethium::scrape::{Source, TargetConfig};
//! use promethium::{Monitor, Table};
//!
//! let clock = Arc::new(ManualClock::new(1_760_000_000_000));
//! let monitor = Monitor::builder()
//!     .in_memory() // or .data_dir("data")
//!     .clock(clock.clone()) // or none: the system's
//!     .target(TargetConfig::new("app", Source::closure(|| "queue_length 12\n".into())).every_ms(15_000))
//!     .rules(RuleSource::new("app.yml", "
//! groups:
//! - name: app
//!   interval: 15s
//!   rules:
//!   - alert: QueueTooLong
//!     expr: queue_length > 10
//!     for: 1m
//! "))
//!     .build()?;
//! for _ in 0..12 {
//!     clock.advance(Duration::from_secs(15));
//!     monitor.tick(clock.now_ms())?;
//! }
//! let answer = monitor.query("max_over_time(queue_length[2m])", clock.now_ms())?;
//! println!("{}", Table(&answer));
//! assert_eq!(monitor.alerts()[0].state, promethium::rules::AlertState::Firing);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | none (default) | everything synchronous: no runtime, no network |
//! | `http` | HTTP targets, delivery to Alertmanager, and the background `Runner` on tokio |
//! | `axum` | `api::axum_router`, to mount `/api/v1` into a program's own router |

mod error;
mod monitor;
#[cfg(feature = "http")]
mod runner;
mod store;
mod table;

pub use promethium_api as api;
pub use promethium_exposition as exposition;
pub use promethium_model as model;
pub use promethium_notify as notify;
pub use promethium_promql as promql;
pub use promethium_rules as rules;
pub use promethium_scrape as scrape;
pub use promethium_tsdb as tsdb;

pub use error::MonitorError;
pub use monitor::{Description, Monitor, MonitorBuilder, TickReport};
#[cfg(feature = "http")]
pub use runner::{Runner, RunnerError};
pub use store::Store;
pub use table::Table;

/// The README's programs are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadMe;
