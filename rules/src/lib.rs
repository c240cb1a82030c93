//! Prometheus' rule groups and alert state machine as a library.
//!
//! # Should I use this?
//!
//! Use this crate when you have a store and a query engine behind `promethium-model`'s traits and want recording and
//! alerting rules over them: the same files, the same evaluation times, the same `ALERTS` series and the same sending
//! decisions as a Prometheus server. Whoever wants storage, engine and rules together takes the `promethium` facade.
//!
//! The crate has no thread and no clock of its own: the host calls [`RuleManager::evaluate`] when
//! [`RuleManager::next_due_ms`] says so, and passes the store to ask, the store to write to, and who is told of alerts.
//!
//! ```
//! use std::sync::Arc;
//! use promethium_model::{AppendOptions, Appendable, Labels, MemStore, Point, SeriesKey};
//! use promethium_promql::{Engine, EngineOptions};
//! use promethium_rules::{AlertState, Discard, RuleGlobals, RuleManager, RuleOptions, RuleSource};
//!
//! let engine = Arc::new(Engine::new(EngineOptions::default()));
//! let rules = RuleManager::new(engine, RuleOptions::default());
//! let file = RuleSource::new("node.yml", "
//! groups:
//! - name: node
//!   rules:
//!   - alert: Down
//!     expr: up == 0
//!     for: 1m
//! ");
//! rules.load(&[file], &RuleGlobals::default(), 0)?;
//!
//! let store = MemStore::new();
//! let series = Labels::from_pairs([("__name__", "up"), ("job", "node")]);
//! let mut tx = store.appender();
//! tx.append(SeriesKey::Labels(&series), Point::float(60_000, 0.0), &AppendOptions::default())?;
//! tx.commit()?;
//! rules.evaluate_all_at(60_000, &store, &store, &Discard);
//! assert_eq!(rules.alerts()[0].state, AlertState::Pending);
//! rules.evaluate_all_at(120_000, &store, &store, &Discard);
//! assert_eq!(rules.alerts()[0].state, AlertState::Firing);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Which way in
//!
//! * Tests of rules that already exist: [`unittest::run`] in `cargo test`, or the example `ruletest` on the command line.
//! * A check of rule files as `promtool check rules` makes it: [`file::check`].
//! * Rules in a program: [`RuleManager`], as above; `promethium::Monitor` composes it with storage and scraping.
//! * Tests of a program that has rules in it: [`testing`].
//! * What the HTTP API answers, for a server or a client of one's own: [`shapes`].
//!
//! # Concepts
//!
//! * A *group* is evaluated every `interval`, on a grid that its file and name shift ([`Grid`]); its rules run in file
//!   order, each seeing what the ones before wrote.
//! * A *recording rule* stores what its expression gives; an *alerting rule* keeps an [`AlertBook`], one
//!   [`AlertInstance`] per series of its result.
//! * A [`Notifier`] is told of alerts that are due; delivery is its business.
//! * Label and annotation texts go through a [`template::Render`].

mod alerting;
mod concurrency;
mod dependency;
mod error;
pub mod file;
pub mod fuzzing;
mod grid;
mod group;
mod manager;
mod metrics;
mod notifier;
mod options;
mod overlay;
mod recording;
mod restore;
mod rule;
pub mod shapes;
mod state;
mod summary;
mod sync;
pub mod template;
pub mod testing;
pub mod unittest;
mod view;
mod write;

pub use error::RuleError;
pub use file::{RuleFileErrors, RuleSource};
pub use grid::Grid;
pub use manager::{LoadReport, RuleManager};
pub use metrics::{GroupMetrics, RuleMetrics};
pub use notifier::{Alert, Discard, Notifier, generator_path};
pub use options::{RuleGlobals, RuleOptions};
pub use state::{AlertBook, AlertInstance, AlertState, AlertTiming, Observation, TooManyAlerts};
pub use summary::{DurationSummary, SUMMARY_WINDOW, SummarySnapshot};
pub use view::{AlertRuleView, GroupView, RecordRuleView, RuleHealth, RuleView};
