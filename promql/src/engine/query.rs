//! The engine as a whole: parse, plan, open storage, evaluate, hand out.

use promethium_model::{
    GoRegex, InstantOptions, Limits, Matcher, QueryCx, QueryEngine, QueryError, QueryOutput, QueryValue, Queryable,
    RangeOptions, StorageError, TimeRange,
};

use super::budget::Budget;
use super::eval::Evaluator;
use super::explain::Profile;
use super::fetch::Fetcher;
use super::notes::Notes;
use super::output;
use super::prepared::{Prepared, QueryTime};
use super::steps::Steps;
use crate::Features;
use crate::parser::{Ast, ParserOptions, RegexCache, ValueType, Walk, parse, parse_selector};
use crate::plan::{Op, Plan, PlanContext, QueryTimes, build};

/// How an [`Engine`] evaluates.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EngineOptions {
    /// Parts of the language.
    pub features: Features,
    /// How far an instant selector looks back, milliseconds; a query may ask for another.
    pub lookback_ms: i64,
    /// Distance of a subquery's evaluations where it names none, milliseconds. Prometheus takes its global evaluation
    /// interval.
    pub subquery_step_ms: i64,
    /// Samples, steps, bytes and nesting.
    pub limits: Limits,
    /// Threads that decode and evaluate the series of one selector side by side, the caller's included. Results are the
    /// same to the bit whatever their number. They live no longer than the query.
    pub threads: usize,
    /// Series that a thread takes at once: fewer share the work more evenly, more of them share it more cheaply. Results do
    /// not depend on it.
    pub series_per_turn: usize,
}

impl Default for EngineOptions {
    /// A Prometheus server's: five minutes of lookback, subqueries every minute.
    fn default() -> Self {
        EngineOptions {
            features: Features::default(),
            lookback_ms: 300_000,
            subquery_step_ms: 60_000,
            limits: Limits::default(),
            threads: 1,
            series_per_turn: 32,
        }
    }
}

impl EngineOptions {
    /// With these features.
    #[must_use]
    pub fn with_features(mut self, features: Features) -> Self {
        self.features = features;
        self
    }

    /// With so many threads a query; 0 counts as 1.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// With so many series a turn; 0 counts as 1.
    #[must_use]
    pub fn with_series_per_turn(mut self, series: usize) -> Self {
        self.series_per_turn = series;
        self
    }

    /// With these limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}

/// A PromQL engine. Holds options, and patterns that it compiled; one engine, or a clone of it, serves any number of threads and
/// stores.
///
/// A query runs on the thread that asks for it, with helpers only when [`EngineOptions::threads`] asks for them. Series are taken in the order in which storage gives them, so equal data
/// gives equal answers, to the last digit.
#[derive(Clone, Debug, Default)]
pub struct Engine {
    options: EngineOptions,
    regexes: RegexCache,
}

impl Engine {
    /// An engine with these options.
    #[must_use]
    pub fn new(options: EngineOptions) -> Self {
        Engine { options, regexes: RegexCache::default() }
    }

    /// Its options.
    #[must_use]
    pub fn options(&self) -> &EngineOptions {
        &self.options
    }

    fn parser_options(&self) -> ParserOptions {
        let regexes = self.regexes.clone();
        ParserOptions { regexes, ..ParserOptions::new(self.options.features, &self.options.limits) }
    }

    fn parse(&self, query: &str) -> Result<Ast, QueryError> {
        Ok(parse(query, &self.parser_options())?)
    }

    fn plan(&self, ast: &Ast, times: QueryTimes, lookback_ms: Option<i64>) -> Result<(Plan, i64), QueryError> {
        let lookback_ms = lookback_ms.unwrap_or(self.options.lookback_ms);
        let context = PlanContext { times, lookback_ms, subquery_step_ms: self.options.subquery_step_ms };
        Ok((build(ast, context)?, lookback_ms))
    }

    /// Parses, checks and plans a query for its times: what it will read is then known. See [`Prepared::selections`].
    ///
    /// # Errors
    ///
    /// [`QueryError::Parse`], or [`QueryError::Invalid`] for steps and durations that make no sense.
    pub fn prepare(&self, query: &str, time: impl Into<QueryTime>) -> Result<Prepared, QueryError> {
        let (steps, times, lookback_ms) = match time.into() {
            QueryTime::Instant(options) => {
                let times = QueryTimes { start_ms: options.time_ms, end_ms: options.time_ms, interval_ms: 0 };
                (Steps::single(options.time_ms), times, options.lookback_ms)
            }
            QueryTime::Range(options) => {
                let (start_ms, end_ms, interval_ms) = (options.start_ms, options.end_ms, options.step_ms);
                (self.check_steps(&options)?, QueryTimes { start_ms, end_ms, interval_ms }, options.lookback_ms)
            }
        };
        let limit = self.options.limits.max_query_memory_bytes;
        if parsed_bytes(query) > limit {
            return Err(QueryError::TooManyBytes { limit });
        }
        let ast = self.parse(query)?;
        if times.interval_ms > 0 {
            check_range_type(ast.value_type())?;
        }
        let (plan, lookback_ms) = self.plan(&ast, times, lookback_ms)?;
        Ok(Prepared { query: query.to_owned(), plan, times, steps, lookback_ms })
    }

    /// Executes a prepared query over a store.
    ///
    /// # Errors
    ///
    /// See [`QueryError`].
    pub fn execute_on(
        &self,
        prepared: &Prepared,
        store: &dyn Queryable,
        cx: &QueryCx,
    ) -> Result<QueryOutput, QueryError> {
        self.execute_profiled(prepared, store, cx, None)
    }

    pub(super) fn execute_profiled(
        &self,
        prepared: &Prepared,
        store: &dyn Queryable,
        cx: &QueryCx,
        profile: Option<&Profile>,
    ) -> Result<QueryOutput, QueryError> {
        let Prepared { query, plan, times, steps, lookback_ms } = prepared;
        cx.check().map_err(at_start)?;
        let range = Fetcher::range_of(plan).unwrap_or(TimeRange::new(times.start_ms, times.end_ms));
        let querier = store.querier(range)?;
        let cx = &cx.clone().with_max_bytes(self.options.limits.max_query_memory_bytes);
        let budget = Budget::new(cx, &self.options.limits);
        let notes = Notes::counted(query, &budget);
        let _plan = budget.hold(parsed_bytes(query) + program_bytes(plan))?;
        let evaluator = Evaluator {
            plan,
            fetcher: Fetcher::new(&*querier, plan, *times, &self.options),
            budget: &budget,
            notes: &notes,
            features: self.options.features,
            lookback_ms: *lookback_ms,
            regexes: &self.regexes,
            profile,
        };
        let value =
            if times.interval_ms > 0 { range_value(&evaluator, *steps) } else { instant_value(&evaluator, *steps) };
        Ok(QueryOutput { value: value?, annotations: notes.take() })
    }

    fn check_steps(&self, options: &RangeOptions) -> Result<Steps, QueryError> {
        if options.step_ms <= 0 {
            let text = "zero or negative query resolution step widths are not accepted. Try a positive integer";
            return Err(QueryError::Invalid(text.to_owned()));
        }
        if options.end_ms < options.start_ms {
            return Err(QueryError::Invalid("end timestamp must not be before start time".to_owned()));
        }
        let steps = Steps::between(options.start_ms, options.end_ms, options.step_ms);
        let most = self.options.limits.max_query_steps;
        // As Prometheus counts: distances between steps, so that one step more than the limit passes.
        if steps.count > most.saturating_add(1) {
            let text = format!(
                "exceeded maximum resolution of {most} points per timeseries. Try decreasing the query resolution (?step=XX)"
            );
            return Err(QueryError::Invalid(text));
        }
        Ok(steps)
    }
}

impl QueryEngine for Engine {
    fn check(&self, query: &str) -> Result<String, QueryError> {
        Ok(self.parse(query)?.to_string())
    }

    fn format(&self, query: &str) -> Result<String, QueryError> {
        Ok(self.parse(query)?.pretty())
    }

    fn syntax_json(&self, query: &str) -> Result<String, QueryError> {
        Ok(self.parse(query)?.to_json())
    }

    fn selectors(&self, query: &str) -> Result<Vec<Vec<Matcher>>, QueryError> {
        let mut found = Vec::new();
        self.parse(query)?.walk(|_, expr| {
            if let Some(selector) = expr.selector() {
                found.push(selector.all_matchers());
            }
            Walk::Into
        });
        Ok(found)
    }

    fn selector(&self, text: &str) -> Result<Vec<Matcher>, QueryError> {
        Ok(parse_selector(text, &self.parser_options())?)
    }

    fn instant(
        &self,
        store: &dyn Queryable,
        query: &str,
        options: &InstantOptions,
        cx: &QueryCx,
    ) -> Result<QueryOutput, QueryError> {
        self.execute_on(&self.prepare(query, *options)?, store, cx)
    }

    fn range(
        &self,
        store: &dyn Queryable,
        query: &str,
        options: &RangeOptions,
        cx: &QueryCx,
    ) -> Result<QueryOutput, QueryError> {
        self.execute_on(&self.prepare(query, *options)?, store, cx)
    }
}

/// Bytes that the syntax tree and the plan of a text take at most, each.
fn parsed_bytes(query: &str) -> usize {
    const BYTES_A_BYTE: usize = 256;
    query.len() * BYTES_A_BYTE
}

/// Bytes of the programs of a plan's matchers.
fn program_bytes(plan: &Plan) -> usize {
    let matchers = plan.fetches.iter().flat_map(|fetch| fetch.matchers.iter());
    matchers.filter_map(Matcher::regex).map(GoRegex::program_bytes).sum()
}

/// A query that was stopped before it began says so.
fn at_start(error: StorageError) -> QueryError {
    match error {
        StorageError::Canceled => QueryError::Canceled { stage: "query execution" },
        StorageError::TimedOut => QueryError::Timeout { stage: "query execution" },
        other => other.into(),
    }
}

fn check_range_type(value_type: ValueType) -> Result<(), QueryError> {
    match value_type {
        ValueType::Scalar | ValueType::Vector => Ok(()),
        other => {
            let found = other.described();
            let text = format!("invalid expression type \"{found}\" for range query, must be Scalar or instant Vector");
            Err(QueryError::Invalid(text))
        }
    }
}

fn range_value(evaluator: &Evaluator<'_>, steps: Steps) -> Result<QueryValue, QueryError> {
    let root = evaluator.plan.root;
    if evaluator.plan.value_type(root) == ValueType::Scalar {
        let values = evaluator.scalar(root, steps)?;
        return Ok(QueryValue::Matrix(output::scalar_to_matrix(values, steps, evaluator.budget)?));
    }
    let mut all = evaluator.collect(root, steps)?;
    all.series = output::finish(all.series, evaluator.budget)?;
    Ok(QueryValue::Matrix(output::to_matrix(all, steps, evaluator.budget)?))
}

fn instant_value(evaluator: &Evaluator<'_>, steps: Steps) -> Result<QueryValue, QueryError> {
    let root = evaluator.plan.root;
    let timestamp_ms = steps.start_ms;
    match evaluator.plan.value_type(root) {
        ValueType::Scalar => {
            let value = evaluator.scalar(root, steps)?.first().copied().unwrap_or(f64::NAN);
            Ok(QueryValue::Scalar { timestamp_ms, value })
        }
        ValueType::String => {
            let bytes = match &evaluator.node(root).op {
                Op::String(bytes) => bytes.as_slice(),
                _ => &[],
            };
            Ok(QueryValue::String { timestamp_ms, value: String::from_utf8_lossy(bytes).into_owned() })
        }
        ValueType::Vector => {
            let mut all = evaluator.collect(root, steps)?;
            all.series = output::finish(all.series, evaluator.budget)?;
            let (series, _charge) = all.into_parts();
            Ok(QueryValue::Vector(output::to_vector(series, timestamp_ms, evaluator.budget)?))
        }
        ValueType::Matrix => evaluator.top_level_range(root, steps).map(QueryValue::Matrix),
    }
}
