//! For tests of what is built on rules: an engine that answers as the test says.
//!
//! Rules over real data are tested with the engine of `promethium-promql` and a `MemStore`, as [`unittest`](crate::unittest) does.
//! A scripted engine is for what no PromQL brings about at will: queries that fail, results of a given shape at a given time.

use promethium_model::{
    InstantOptions, Labels, Matcher, QueryCx, QueryEngine, QueryError, QueryOutput, QueryValue, Queryable,
    RangeOptions, SampleValue, VectorSample,
};

type Answer = dyn Fn(&Asked<'_>) -> Result<QueryValue, QueryError> + Send + Sync;
type Check = dyn Fn(&str) -> Result<String, QueryError> + Send + Sync;

/// An engine whose instant queries are answered by a closure. Every text is a query, until
/// [`with_check`](ScriptedEngine::with_check) says otherwise; selectors and range queries, which rules never ask for, are errors.
///
/// ```
/// use std::sync::Arc;
/// use promethium_model::{Labels, MemStore};
/// use promethium_rules::testing::{ScriptedEngine, vector};
/// use promethium_rules::{AlertState, Discard, RuleGlobals, RuleManager, RuleOptions, RuleSource};
///
/// // Something is wrong during the second minute.
/// let engine = ScriptedEngine::new(|asked| {
///     let wrong = (60_000..120_000).contains(&asked.time_ms);
///     Ok(vector(asked.time_ms, wrong.then(|| (Labels::from_pairs([("job", "node")]), 1.0))))
/// });
/// let rules = RuleManager::new(Arc::new(engine), RuleOptions::default());
/// let file = RuleSource::new("a.yml", "groups: [{name: g, rules: [{alert: Wrong, expr: anything at all}]}]");
/// rules.load(&[file], &RuleGlobals::default(), 0)?;
/// let store = MemStore::new();
/// let mut firing = Vec::new();
/// for minute in 0..3 {
///     rules.evaluate_all_at(minute * 60_000, &store, &store, &Discard);
///     firing.push(rules.alerts().iter().any(|alert| alert.state == AlertState::Firing));
/// }
/// assert_eq!(firing, [false, true, false]);
/// # Ok::<(), promethium_rules::RuleFileErrors>(())
/// ```
pub struct ScriptedEngine {
    answer: Box<Answer>,
    check: Box<Check>,
}

/// A query that waits for its answer.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Asked<'a> {
    /// The query, as [`QueryEngine::check`] printed it.
    pub query: &'a str,
    /// When, milliseconds since the epoch.
    pub time_ms: i64,
    /// Over what.
    pub store: &'a dyn Queryable,
    /// Within which bounds.
    pub cx: &'a QueryCx,
}

impl ScriptedEngine {
    /// An engine that answers so.
    #[must_use]
    pub fn new(answer: impl Fn(&Asked<'_>) -> Result<QueryValue, QueryError> + Send + Sync + 'static) -> Self {
        ScriptedEngine { answer: Box::new(answer), check: Box::new(|query| Ok(query.to_owned())) }
    }

    /// Checks and prints queries so.
    #[must_use]
    pub fn with_check(mut self, check: impl Fn(&str) -> Result<String, QueryError> + Send + Sync + 'static) -> Self {
        self.check = Box::new(check);
        self
    }
}

impl QueryEngine for ScriptedEngine {
    fn check(&self, query: &str) -> Result<String, QueryError> {
        (self.check)(query)
    }

    fn selector(&self, text: &str) -> Result<Vec<Matcher>, QueryError> {
        Err(QueryError::Invalid(format!("no selectors: {text}")))
    }

    fn instant(
        &self,
        store: &dyn Queryable,
        query: &str,
        options: &InstantOptions,
        cx: &QueryCx,
    ) -> Result<QueryOutput, QueryError> {
        let value = (self.answer)(&Asked { query, time_ms: options.time_ms, store, cx })?;
        Ok(QueryOutput { value, annotations: Default::default() })
    }

    fn range(
        &self,
        _store: &dyn Queryable,
        query: &str,
        _options: &RangeOptions,
        _cx: &QueryCx,
    ) -> Result<QueryOutput, QueryError> {
        Err(QueryError::Invalid(format!("no range queries: {query}")))
    }
}

/// A vector of floats at one time.
#[must_use]
pub fn vector(timestamp_ms: i64, samples: impl IntoIterator<Item = (Labels, f64)>) -> QueryValue {
    let sample = |(labels, v)| VectorSample { labels, timestamp_ms, value: SampleValue::Float(v) };
    QueryValue::Vector(samples.into_iter().map(sample).collect())
}
