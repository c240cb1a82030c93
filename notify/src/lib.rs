//! Alerts to Alertmanager: one bounded queue for each, requests in batches, delivery by whoever has a network.
//!
//! # Should I use this?
//!
//! Use this crate when alerts of `promethium-rules` are to reach an Alertmanager. [`Alertmanagers`] is the
//! [`Notifier`](promethium_rules::Notifier) to hand to the rules. It does no I/O: a queue gives requests and is told
//! how they went, so any HTTP client and any runtime will do. With the feature `http`, `HttpSender` does it on tokio.
//! Whoever wants alerts elsewhere implements `Notifier` and needs none of this.
//!
//! [`Alertmanagers::apply`] takes a configuration as Prometheus has it: groups of targets with relabelling, relabelling of
//! alerts, credentials, TLS; on a reload, queues that are still wanted go on. TLS needs the feature `tls` beside `http`.
//!
//! ```
//! use std::time::Duration;
//! use promethium_model::{Labels, Limits};
//! use promethium_notify::{AlertmanagerUrl, Alertmanagers};
//! use promethium_rules::{Alert, Notifier};
//!
//! let url = AlertmanagerUrl::new("http", "127.0.0.1:9093", "/")?;
//! let alertmanagers = Alertmanagers::new([url], Labels::from_pairs([("site", "x")]), &Limits::default());
//! alertmanagers.notify(vec![Alert::new(Labels::from_pairs([("alertname", "Down")]), 1_000, 61_000)]);
//!
//! let queue = &alertmanagers.queues()[0];
//! let delivery = queue.next_delivery().expect("one alert waits");
//! assert_eq!(delivery.url(), "http://127.0.0.1:9093/api/v2/alerts");
//! assert_eq!(
//!     delivery.body(),
//!     r#"[{"endsAt":"1970-01-01T00:01:01.000Z","startsAt":"1970-01-01T00:00:01.000Z","labels":{"alertname":"Down","site":"x"}}]"#
//! );
//! // … post it …
//! delivery.finish(Ok(()), Duration::from_millis(3));
//! assert_eq!(alertmanagers.metrics()[0].sent_total, 1);
//! # Ok::<(), promethium_notify::NotifyError>(())
//! ```
//!
//! # What is promised
//!
//! A queue never grows over its limit: the oldest alerts give way. A request that fails is not repeated, because rules
//! send active alerts again anyway (`resend_delay_ms`); its alerts are counted as errors and as dropped. Every alert
//! that was taken in is counted exactly once, as sent or as dropped.

mod alertmanagers;
#[cfg(feature = "http")]
mod client;
mod config;
mod credentials;
mod error;
#[cfg(feature = "http")]
mod http;
mod payload;
mod queue;
mod url;

pub use alertmanagers::Alertmanagers;
#[cfg(feature = "tls")]
pub use client::install_tls_provider;
pub use config::{AlertmanagerConfig, ResolvedTargets, TargetGroup};
pub use credentials::{Credentials, Secret, TlsConfig};
pub use error::{NotifyError, SendError};
#[cfg(feature = "http")]
pub use http::HttpSender;
pub use payload::encode_alerts;
pub use queue::{AlertmanagerMetrics, AlertmanagerQueue, Delivery, SendOptions};
pub use url::AlertmanagerUrl;

/// The `Content-Type` of every request.
pub const CONTENT_TYPE: &str = "application/json";
/// The `User-Agent` of every request.
pub const USER_AGENT: &str = concat!("Promethium/", env!("CARGO_PKG_VERSION"));
