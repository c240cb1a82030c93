//! A store, an engine that knows a few forms, a notifier that remembers, and a manager over them.

use std::sync::{Arc, Mutex};

use promethium_model::labels::METRIC_NAME;
use promethium_model::{
    AppendOptions, Appendable, Labels, ManualClock, Matcher, MemStore, Point, Position, QueryError, QueryValue,
    Queryable, QueryableExt, SampleValue, SeriesKey, TimeRange, VectorSample, is_stale,
};
use promethium_rules::testing::ScriptedEngine;
use promethium_rules::{Alert, Notifier, RuleGlobals, RuleManager, RuleOptions, RuleSource};

const LOOKBACK_MS: i64 = 300_000;

/// Knows `metric`, `metric == n`, `metric > n`, `sum(metric)`, a number, `"text"` and `fail(reason)`; what holds `!!`
/// is a parse error. Prints an expression with single blanks.
pub(crate) fn engine() -> ScriptedEngine {
    ScriptedEngine::new(|asked| evaluate(asked.store, asked.query, asked.time_ms)).with_check(|query| {
        match query.find("!!") {
            Some(at) => Err(QueryError::Parse {
                position: Position::of(query, at),
                message: "unexpected character: '!'".to_owned(),
            }),
            None => Ok(query.split_whitespace().collect::<Vec<_>>().join(" ")),
        }
    })
}

fn evaluate(store: &dyn Queryable, query: &str, time_ms: i64) -> Result<QueryValue, QueryError> {
    if let Some(reason) = query.strip_prefix("fail(").and_then(|q| q.strip_suffix(')')) {
        return Err(QueryError::Execution(reason.to_owned()));
    }
    if let Some(text) = query.strip_prefix('"').and_then(|q| q.strip_suffix('"')) {
        return Ok(QueryValue::String { timestamp_ms: time_ms, value: text.to_owned() });
    }
    if let Ok(value) = query.parse() {
        return Ok(QueryValue::Scalar { timestamp_ms: time_ms, value });
    }
    if let Some(metric) = query.strip_prefix("sum(").and_then(|q| q.strip_suffix(')')) {
        let samples = select(store, metric, time_ms)?;
        let sum = samples.iter().map(float).sum();
        let total = VectorSample { labels: Labels::empty(), timestamp_ms: time_ms, value: SampleValue::Float(sum) };
        return Ok(QueryValue::Vector(if samples.is_empty() { Vec::new() } else { vec![total] }));
    }
    let words: Vec<&str> = query.split(' ').collect();
    let mut samples = select(store, words[0], time_ms)?;
    if let [_, operator, number] = words[..] {
        let number: f64 = number.parse().unwrap();
        samples.retain(|s| if operator == ">" { float(s) > number } else { float(s) == number });
    }
    Ok(QueryValue::Vector(samples))
}

fn float(sample: &VectorSample) -> f64 {
    match sample.value {
        SampleValue::Float(v) => v,
        SampleValue::Histogram(_) => 0.0,
    }
}

fn select(store: &dyn Queryable, metric: &str, time_ms: i64) -> Result<Vec<VectorSample>, QueryError> {
    let range = TimeRange::new(time_ms - LOOKBACK_MS + 1, time_ms);
    let series = store.read_all(range, &[Matcher::equal(METRIC_NAME, metric)])?;
    let newest = series.into_iter().filter_map(|(labels, batch)| Some((labels, *batch.floats.last()?)));
    Ok(newest
        .filter(|(_, v)| !is_stale(*v))
        .map(|(labels, v)| VectorSample { labels, timestamp_ms: time_ms, value: SampleValue::Float(v) })
        .collect())
}

/// Keeps what it is told.
#[derive(Default)]
pub(crate) struct Inbox(Mutex<Vec<Alert>>);

impl Inbox {
    pub(crate) fn take(&self) -> Vec<Alert> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Notifier for Inbox {
    fn notify(&self, alerts: Vec<Alert>) {
        assert!(!alerts.is_empty());
        self.0.lock().unwrap().extend(alerts);
    }
}

pub(crate) struct World {
    pub(crate) store: MemStore,
    pub(crate) inbox: Inbox,
    pub(crate) rules: RuleManager,
}

pub(crate) fn options() -> RuleOptions {
    RuleOptions::default().with_external_url("http://prom").with_clock(Arc::new(ManualClock::new(0)))
}

impl World {
    pub(crate) fn new(rules: &str) -> Self {
        let world = World::empty(options());
        world.load(rules, 0);
        world
    }

    pub(crate) fn empty(options: RuleOptions) -> Self {
        World { store: MemStore::new(), inbox: Inbox::default(), rules: RuleManager::new(Arc::new(engine()), options) }
    }

    pub(crate) fn load(&self, rules: &str, now_ms: i64) {
        self.rules.load(&[RuleSource::new("rules.yml", rules)], &RuleGlobals::default(), now_ms).unwrap();
    }

    /// Stores `metric{…} value` at second `at_s`.
    pub(crate) fn put(&self, at_s: i64, series: &[(&str, &str)], value: f64) {
        let mut appender = self.store.appender();
        let labels = Labels::from_pairs(series.iter().copied());
        let point = Point::float(at_s * 1_000, value);
        appender.append(SeriesKey::Labels(&labels), point, &AppendOptions::default()).unwrap();
        appender.commit().unwrap();
    }

    /// Evaluates every group at second `at_s`.
    pub(crate) fn tick(&self, at_s: i64) {
        self.rules.evaluate_all_at(at_s * 1_000, &self.store, &self.store, &self.inbox);
    }

    /// Runs what is due at `now_ms`.
    pub(crate) fn run(&self, now_ms: i64) -> usize {
        self.rules.evaluate(now_ms, &self.store, &self.store, &self.inbox)
    }

    /// All samples of a metric as `{labels} seconds=value …`, one line a series.
    pub(crate) fn dump(&self, metric: &str) -> Vec<String> {
        let all = self.store.read_all(TimeRange::ALL, &[Matcher::equal(METRIC_NAME, metric)]).unwrap();
        all.iter()
            .map(|(labels, batch)| {
                let mut line = format!("{:?}", labels.without_name());
                for (t, v) in batch.timestamps.iter().zip(&batch.floats) {
                    let value = if is_stale(*v) { "stale".to_owned() } else { v.to_string() };
                    line.push_str(&format!(" {}={value}", t / 1_000));
                }
                line
            })
            .collect()
    }
}

/// A peer that cannot be started skips its tests, where it is not required.
pub(crate) fn skip_without(peer: &str, error: &std::io::Error) {
    assert!(std::env::var_os("PROMETHIUM_REQUIRE_PEERS").is_none(), "{peer} cannot be started: {error}");
    println!("skipped: {peer} cannot be started: {error}");
}
