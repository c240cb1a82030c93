//! PromQL as of Prometheus 3.14: a parser, a columnar engine over any store, and the runner of the promqltest scripts.
//!
//! # Should I use this?
//!
//! Take this crate when you want to *ask*: to evaluate PromQL over your own data, to check, print or rewrite queries, or
//! to prove your own engine or store with Prometheus' test language. Whoever wants a whole monitoring core takes the
//! `promethium` facade. The engine knows nothing of files, threads or clocks: samples come from a
//! [`Queryable`](promethium_model::Queryable), time, deadline and budget from its caller.
//!
//! ```
//! use promethium_model::{
//!     AppendOptions, Appendable, InstantOptions, Labels, MemStore, Point, QueryCx, QueryEngine, QueryValue,
//!     SampleValue, SeriesKey,
//! };
//! use promethium_promql::{Engine, EngineOptions};
//!
//! // A counter that grows by 60 a minute.
//! let store = MemStore::new();
//! let labels = Labels::from_pairs([("__name__", "http_requests_total"), ("path", "/")]);
//! let mut tx = store.appender();
//! for minute in 0..=10 {
//!     let point = Point::float(minute * 60_000, minute as f64 * 60.0);
//!     tx.append(SeriesKey::Labels(&labels), point, &AppendOptions::default())?;
//! }
//! tx.commit()?;
//!
//! let engine = Engine::new(EngineOptions::default());
//! let query = "sum by (path) (rate(http_requests_total[5m]))";
//! let output = engine.instant(&store, query, &InstantOptions::at(600_000), &QueryCx::unlimited())?;
//! let QueryValue::Vector(vector) = output.value else { panic!("a sum is a vector") };
//! assert_eq!(vector[0].labels.to_string(), r#"{path="/"}"#);
//! assert_eq!(vector[0].value, SampleValue::Float(1.0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # To begin
//!
//! Stores and engines meet in `promethium-model`: depend on that crate too, for labels, samples, options and answers, and for the
//! traits whose methods are called above.
//!
//! * *Data*: `promethium-tsdb`'s `Db` in place of the [`MemStore`](promethium_model::MemStore), or a store of your own: two small traits,
//!   [`Queryable`](promethium_model::Queryable) and [`Querier`](promethium_model::Querier), as in the facade's example `own_store`. Where
//!   samples must be waited for, `Engine::prepare` and `Engine::execute` need no trait at all.
//! * *Answers* are a [`QueryValue`](promethium_model::QueryValue) to match on, with
//!   [`Annotations`](promethium_model::Annotations) beside it; `promethium::Table` prints one, `promethium-api` has the JSON of
//!   Prometheus' HTTP API.
//! * *Features*: `Engine::default()` is a Prometheus server without flags. What is experimental there is off until
//!   [`Features`] turns it on.
//! * *Tests* of your own queries are scripts: see `assert_promql!`.
//!
//! # What is here
//!
//! * [`parser`]: text to a flat syntax tree with byte positions, and back to canonical text, to Prometheus' format over several
//!   lines and to the JSON of `/api/v1/parse_query`; walks and rewriting. Usable alone, without the engine
//!   (`default-features = false, features = ["parser"]`).
//! * `Engine`: evaluates over columns. A series is one column of values, one a step; a window function walks the
//!   decoded samples once; `sum(rate(x[5m]))` streams series by series into one accumulator a group.
//! * `Engine::explain` tells how a query would be evaluated, `Engine::analyze` what each part of it cost;
//!   `Engine::prepare` says what it will read, for stores that answer later.
//! * [`promqltest`]: Prometheus' own test language, for any engine and any store.
//! * [`Features`]: what Prometheus keeps behind feature flags is an option here.
//!
//! # Limits
//!
//! Everything that a query can make large is bounded by [`Limits`](promethium_model::Limits): bytes, nesting and
//! parts of the text (`max_query_parts` bounds what it costs to parse, whatever it says), steps of a range, samples and bytes
//! held at once, compiled patterns included. A chain of binary operators of any length is no nesting. What a
//! query holds at its peak stays within `max_query_memory_bytes`, with what its store selects for it where the store counts that
//! (see `QueryCx::acquire_bytes`), as the TSDB does for its head and its blocks; regular expressions that an engine keeps compiled are its own. A query that is canceled, or out of time, hears of it within a bounded
//! number of samples, wherever it is: see [`QueryCx`](promethium_model::QueryCx).
//!
//! # Examples
//!
//! `cargo run --example explain -- 'sum by (job) (rate(x[5m]))'` prints a plan; with `--load FILE.test` the query runs over the data
//! that a script loads, and every node comes with its cost:
//!
//! ```text
//! operator /: vector  [19.187µs, 2 series, 102 samples, 832 bytes]
//!   sum by (job), one accumulator a group: vector  [12.729µs, 2 series, 102 samples, 832 bytes]
//!     rate, streamed: vector  [25.458µs, 3 series, 153 samples, 1248 bytes]
//!       [300s] of selection 1: matrix  [0ns, 0 series, 0 samples, 0 bytes]
//!   newest of selection 0: vector  [2.914µs, 2 series, 102 samples, 832 bytes]
//! selection 0: {__name__="up"} from 300.001 to 3600
//! selection 1: {__name__="http_requests_total"} from 300.001 to 3600
//! in all 65.316µs; a matrix of 2 series
//! ```
//!
//! `--example promqltest` runs scripts.

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
pub use engine::{
    Analysis, Engine, EngineOptions, ExplainedNode, Explanation, FetchedSeries, NaiveEngine, NodeCost, Prepared,
    QueryTime, Selection,
};
pub use options::Features;
