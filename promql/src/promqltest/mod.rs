//! Runner for scripts in the promqltest language, Prometheus' own format for tests of a PromQL engine.
//!
//! Public, so that somebody else's store or engine can prove itself with the same scripts: [`run`] takes any
//! [`QueryEngine`] and a closure that makes stores.
//!
//! ```
//! use promethium_promql::{Engine, EngineOptions, Features, promqltest};
//!
//! let script = "
//! load 1m
//!   http_requests_total{path=\"/\"} 0+60x10
//!
//! eval instant at 5m rate(http_requests_total[5m])
//!   {path=\"/\"} 1
//! ";
//! let engine = Engine::new(EngineOptions::default().with_features(Features::all()));
//! let report = promqltest::run(script, &engine, &promqltest::mem_store)?;
//! assert_eq!((report.passed(), report.failed()), (1, 0));
//! # Ok::<(), promqltest::ScriptError>(())
//! ```
//!
//! Each instant evaluation runs several times: as written; with `@` added to every selector at other evaluation times,
//! where no function depends on time; and each of those as a range query whose middle step is compared.

mod agree;
mod compare;
mod evaluate;
mod expect;
mod histogram_literal;
mod load;
mod nhcb;
mod rewrite;
mod script;
mod series;

use std::fmt;
use std::sync::Arc;

use promethium_model::{Appendable, Labels, MemStore, QueryEngine, Queryable, SampleValue};
use thiserror::Error;

pub use agree::{Checked, agree};
use script::Command;

/// A store that a script can fill and query.
pub trait TestStore: Queryable + Appendable {}

impl<T: Queryable + Appendable> TestStore for T {}

/// An empty [`MemStore`].
#[must_use]
pub fn mem_store() -> Box<dyn TestStore> {
    Box::new(MemStore::new())
}

/// A script cannot be run: it is malformed, or the store refused what it loads.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {message}")]
#[non_exhaustive]
pub struct ScriptError {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl ScriptError {
    fn new(line: usize, message: impl Into<String>) -> Self {
        ScriptError { line, message: message.into() }
    }
}

/// What became of one `eval`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EvalOutcome {
    /// Line of the statement, from 1.
    pub line: usize,
    /// The query.
    pub query: String,
    /// Why it failed; `None` when all of its executions passed.
    pub failure: Option<String>,
}

/// `line 3: rate(x[5m]): {}: expected 1, got 2`.
impl fmt::Display for EvalOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let EvalOutcome { line, query, failure } = self;
        write!(f, "line {line}: {query}: {}", failure.as_deref().unwrap_or("passed"))
    }
}

/// What became of a script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// One entry an `eval`, in order.
    pub outcomes: Vec<EvalOutcome>,
}

impl Report {
    /// How many evaluations passed.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.outcomes.iter().filter(|o| o.failure.is_none()).count()
    }

    /// How many did not.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.outcomes.len() - self.passed()
    }

    /// Those that did not.
    pub fn failures(&self) -> impl Iterator<Item = &EvalOutcome> {
        self.outcomes.iter().filter(|o| o.failure.is_some())
    }
}

/// Reads a series and its values in the language of `load`, `up{job="a"} 0+1x3 _ stale {{count:1}}`: one entry a step,
/// `None` for a gap. Histograms come as they are written.
///
/// # Errors
///
/// What is wrong with the text.
pub fn parse_series(text: &str) -> Result<(Labels, Vec<Option<SampleValue>>), String> {
    let line = series::parse_line(text)?;
    let value = |value: &series::Value| match value {
        series::Value::Gap => None,
        series::Value::Float(v) => Some(SampleValue::Float(*v)),
        series::Value::Histogram(h, _) => Some(SampleValue::Histogram(Arc::clone(h))),
    };
    let values = series::Values::parse(line.values)?;
    Ok((line.labels, values.0.iter().map(value).collect()))
}

/// Runs a script: `load` fills a store, `clear` starts a new one, `eval` asks the engine and compares.
///
/// The engine must have [`Features::all`](crate::Features::all), five minutes of lookback and subqueries every minute.
///
/// # Errors
///
/// When the script is malformed or a load is refused. A failed evaluation is no error, but an [`EvalOutcome`].
pub fn run(
    script: &str,
    engine: &dyn QueryEngine,
    new_store: &dyn Fn() -> Box<dyn TestStore>,
) -> Result<Report, ScriptError> {
    let mut report = Report::default();
    let mut store = new_store();
    let mut loader = load::Loader::default();
    for command in script::parse(script)? {
        match command {
            Command::Clear => {
                store = new_store();
                loader = load::Loader::default();
            }
            Command::Load(load) => loader.load(&load, &*store)?,
            Command::Eval(eval) => {
                let failure = evaluate::evaluate(&eval, engine, &*store).err();
                report.outcomes.push(EvalOutcome { line: eval.line, query: eval.query, failure });
            }
        }
    }
    Ok(report)
}

/// A [`MemStore`] with what the `load` statements of a script put into it.
///
/// # Errors
///
/// When the script is malformed or a load is refused.
pub fn loaded(script: &str) -> Result<Box<dyn TestStore>, ScriptError> {
    let (store, mut loader) = (mem_store(), load::Loader::default());
    for command in script::parse(script)? {
        if let Command::Load(load) = command {
            loader.load(&load, &*store)?;
        }
    }
    Ok(store)
}

/// Runs the evaluations of a script over data that is there already: no `load`, no `clear`.
///
/// # Errors
///
/// When the script is malformed, or does more than evaluate.
pub fn run_on(script: &str, engine: &dyn QueryEngine, store: &dyn Queryable) -> Result<Report, ScriptError> {
    let mut report = Report::default();
    for command in script::parse(script)? {
        match command {
            Command::Eval(eval) => {
                let failure = evaluate::evaluate(&eval, engine, store).err();
                report.outcomes.push(EvalOutcome { line: eval.line, query: eval.query, failure });
            }
            Command::Load(load) => return Err(ScriptError::new(load.line, "the data is there already")),
            Command::Clear => return Err(ScriptError::new(0, "the data is to stay")),
        }
    }
    Ok(report)
}

/// Asserts, in the language of the scripts, what an engine answers over a store: for tests of one's own.
///
/// Blank lines part the evaluations. The engine has the features that it was made with: `Engine::default()` is a Prometheus server
/// without flags, and takes no experimental function; see [`Features::all`](crate::Features::all).
///
/// ```
/// use promethium_model::{AppendOptions, Appendable, Labels, MemStore, Point, SeriesKey};
/// use promethium_promql::{Engine, assert_promql};
///
/// let store = MemStore::new();
/// let mut tx = store.appender();
/// let labels = Labels::from_pairs([("__name__", "queue_length")]);
/// tx.append(SeriesKey::Labels(&labels), Point::float(0, 7.0), &AppendOptions::default())?;
/// tx.commit()?;
/// assert_promql!(&Engine::default(), &store, "
///     eval instant at 0s queue_length * 2
///       {} 14
/// ");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// When an answer is another one, or the script is malformed.
#[macro_export]
macro_rules! assert_promql {
    ($engine:expr, $store:expr, $script:expr) => {
        match $crate::promqltest::run_on($script, $engine, $store) {
            Ok(report) => {
                let failures: Vec<String> = report.failures().map(ToString::to_string).collect();
                assert!(!report.outcomes.is_empty(), "nothing was evaluated");
                assert!(failures.is_empty(), "{}", failures.join("\n"));
            }
            Err(error) => panic!("{error}"),
        }
    };
}
