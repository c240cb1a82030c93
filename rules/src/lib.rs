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
//! use promethium_model::{Labels, MemStore, QueryEngine, QueryOutput, QueryValue, VectorSample, SampleValue};
//! # use promethium_model::{InstantOptions, Matcher, QueryCx, QueryError, Queryable, RangeOptions};
//! use promethium_rules::{AlertState, Discard, RuleGlobals, RuleManager, RuleOptions, RuleSource};
//! # struct Always;
//! # impl QueryEngine for Always {
//! #     fn check(&self, query: &str) -> Result<String, QueryError> { Ok(query.to_owned()) }
//! #     fn selector(&self, _: &str) -> Result<Vec<Matcher>, QueryError> { Ok(Vec::new()) }
//! #     fn instant(&self, _: &dyn Queryable, _: &str, o: &InstantOptions, _: &QueryCx) -> Result<QueryOutput, QueryError> {
//! #         let labels = Labels::from_pairs([("job", "node")]);
//! #         let sample = VectorSample { labels, timestamp_ms: o.time_ms, value: SampleValue::Float(0.0) };
//! #         Ok(QueryOutput { value: QueryValue::Vector(vec![sample]), annotations: Default::default() })
//! #     }
//! #     fn range(&self, _: &dyn Queryable, q: &str, _: &RangeOptions, _: &QueryCx) -> Result<QueryOutput, QueryError> {
//! #         Err(QueryError::Invalid(q.to_owned()))
//! #     }
//! # }
//! # let engine: Arc<dyn QueryEngine> = Arc::new(Always);
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
//! let store = MemStore::new();
//! rules.evaluate_all_at(60_000, &store, &store, &Discard);
//! assert_eq!(rules.alerts()[0].state, AlertState::Pending);
//! rules.evaluate_all_at(120_000, &store, &store, &Discard);
//! assert_eq!(rules.alerts()[0].state, AlertState::Firing);
//! # Ok::<(), promethium_rules::RuleFileErrors>(())
//! ```
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
mod state;
mod sync;
pub mod template;
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
pub use view::{AlertRuleView, GroupView, RecordRuleView, RuleHealth, RuleView};
