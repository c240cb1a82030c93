//! The engine through its trait: limits, cancellation, the server's mode, sharing of selections.
#![cfg(feature = "engine")]

use std::sync::Arc;
use std::time::Duration;

use promethium_model::{
    AppendOptions, Appendable, InstantOptions, LabelHints, LabelList, Labels, Limits, ManualClock, Matcher, MemStore,
    Point, Querier, QueryCx, QueryEngine, QueryError, QueryOutput, QueryValue, Queryable, RangeOptions, SampleValue,
    SelectHints, SeriesKey, SeriesSet, StorageError, TimeRange,
};
use promethium_promql::{Engine, EngineOptions, Features};

/// `series` of each name, a sample a second from 0 to 60 s.
fn store(names: &[&str], series: usize) -> MemStore {
    let store = MemStore::new();
    let mut tx = store.appender();
    for name in names {
        for i in 0..series {
            let labels = Labels::from_pairs([("__name__", (*name).to_owned()), ("i", i.to_string())]);
            for s in 0..=60 {
                let point = Point::float(s * 1_000, (s * (i as i64 + 1)) as f64);
                tx.append(SeriesKey::Labels(&labels), point, &AppendOptions::default()).unwrap();
            }
        }
    }
    tx.commit().unwrap();
    store
}

fn range(engine: &Engine, store: &MemStore, query: &str) -> Result<QueryOutput, QueryError> {
    engine.range(store, query, &RangeOptions::new(0, 60_000, 1_000), &QueryCx::unlimited())
}

fn with_limits(change: impl FnOnce(&mut Limits)) -> Engine {
    let mut limits = Limits::default();
    change(&mut limits);
    Engine::new(EngineOptions::default().with_limits(limits))
}

fn rows(output: QueryOutput) -> Vec<(String, Vec<f64>)> {
    let QueryValue::Matrix(matrix) = output.value else { panic!("not a matrix") };
    matrix.into_iter().map(|s| (s.labels.to_string(), s.floats.iter().map(|(_, v)| *v).collect())).collect()
}

#[test]
fn the_sample_limit_is_met() {
    let store = store(&["x"], 10);
    let fits = with_limits(|l| l.max_query_samples = 2_000);
    assert!(range(&fits, &store, "x").is_ok());
    let error = range(&with_limits(|l| l.max_query_samples = 400), &store, "x").unwrap_err();
    assert!(matches!(error, QueryError::TooManySamples { limit: 400 }), "{error}");
    // Streaming: the sum holds one series at a time.
    assert!(range(&with_limits(|l| l.max_query_samples = 400), &store, "sum(rate(x[10s]))").is_ok());
}

#[test]
fn a_subquery_that_could_never_be_held_is_refused_at_once() {
    let store = store(&["x"], 1);
    let error = Engine::default()
        .instant(&store, "max_over_time(x[100y:1ms])", &InstantOptions::at(60_000), &QueryCx::unlimited())
        .unwrap_err();
    assert!(matches!(error, QueryError::TooManySamples { .. }), "{error}");
}

#[test]
fn the_budget_of_the_caller_counts_too_and_is_given_back() {
    let store = store(&["x"], 10);
    let cx = QueryCx::unlimited().with_max_samples(300);
    let error = Engine::default().range(&store, "x", &RangeOptions::new(0, 60_000, 1_000), &cx).unwrap_err();
    assert!(matches!(error, QueryError::TooManySamples { limit: 300 }), "{error}");
    assert!(cx.peak_samples() > 300);
    // What the failed query held was released.
    assert!(cx.acquire_samples(300).is_ok());
}

#[test]
fn steps_are_limited_and_positive() {
    let (engine, store) = (with_limits(|l| l.max_query_steps = 59), store(&["x"], 1));
    let error = range(&engine, &store, "x").unwrap_err();
    assert!(error.to_string().starts_with("exceeded maximum resolution of 59 points"), "{error}");
    assert!(range(&with_limits(|l| l.max_query_steps = 60), &store, "x").is_ok());
    let none = engine.range(&store, "x", &RangeOptions::new(0, 1, 0), &QueryCx::unlimited());
    assert!(matches!(none, Err(QueryError::Invalid(_))));
    let backwards = engine.range(&store, "x", &RangeOptions::new(1, 0, 1), &QueryCx::unlimited());
    assert!(matches!(backwards, Err(QueryError::Invalid(_))));
}

#[test]
fn queries_stop_when_told_or_out_of_time() {
    let (engine, store) = (Engine::default(), store(&["x"], 1));
    let canceled = QueryCx::unlimited();
    canceled.cancel();
    let error = engine.instant(&store, "x", &InstantOptions::at(0), &canceled).unwrap_err();
    assert_eq!(error.to_string(), "query was canceled in query execution");
    let clock = Arc::new(ManualClock::new(0));
    let late = QueryCx::unlimited().with_timeout(clock.clone(), Duration::from_secs(1));
    clock.advance(Duration::from_secs(1));
    let error = engine.instant(&store, "x", &InstantOptions::at(0), &late).unwrap_err();
    assert_eq!(error.to_string(), "query timed out in query execution");
}

/// A clock on which every look takes a second.
struct SlowClock(std::sync::atomic::AtomicU64);

impl promethium_model::Clock for SlowClock {
    fn now_ms(&self) -> i64 {
        0
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
    }
}

#[test]
fn a_single_long_series_is_no_excuse() {
    let (engine, store) = (Engine::default(), store(&["x"], 1));
    for query in ["sum_over_time(x[1m])", "quantile_over_time(0.5, x[1m])", "deriv(x[1m])"] {
        let clock = Arc::new(SlowClock(std::sync::atomic::AtomicU64::new(0)));
        let cx = QueryCx::unlimited().with_timeout(clock.clone(), Duration::from_secs(20));
        let error = engine.range(&store, query, &RangeOptions::new(0, 60_000, 20), &cx).unwrap_err();
        assert_eq!(error.to_string(), "query timed out in expression evaluation", "{query}");
        // It looked before it had gone through all of the 3,001 steps.
        assert!(clock.0.load(std::sync::atomic::Ordering::Relaxed) < 30, "{query}");
    }
}

#[test]
fn what_holds_a_vector_whole_looks_up_too() {
    let engine = Engine::new(EngineOptions::default().with_features(Features::all()));
    let store = store(&["x", "y"], 40);
    for query in [
        "topk(2, x)",
        "quantile(0.5, x)",
        "limitk(2, x)",
        "count_values(\"v\", x)",
        "x + y",
        "x or y",
        "x unless on (i) y",
        "histogram_fraction(0, 1, label_replace(x, \"le\", \"$1\", \"i\", \"(.*)\"))",
        "histogram_quantile(0.5, label_replace(x, \"le\", \"$1\", \"i\", \"(.*)\"))",
        "label_join(x, \"j\", \"-\", \"i\")",
    ] {
        let looks = |limit: u64| {
            let clock = Arc::new(SlowClock(std::sync::atomic::AtomicU64::new(0)));
            let cx = QueryCx::unlimited().with_timeout(clock.clone(), Duration::from_secs(limit));
            let output = engine.range(&store, query, &RangeOptions::new(0, 60_000, 500), &cx);
            (output, clock.0.load(std::sync::atomic::Ordering::Relaxed))
        };
        let (output, all) = looks(1_000_000);
        assert!(output.is_ok(), "{query}");
        // Reading looks once a series; what follows looks again, and stops where time ends in the midst of it.
        let series = if query.contains('y') { 80 } else { 40 };
        assert!(all > series + 5, "{query}: {all} looks");
        let (output, until) = looks(all - 2);
        let error = output.unwrap_err();
        assert_eq!(error.to_string(), "query timed out in expression evaluation", "{query}");
        assert!(until < all, "{query}");
    }
}

#[test]
fn an_analysis_counts_series_samples_and_time() {
    let (engine, store) = (Engine::default(), store(&["x_total"], 3));
    let clock: Arc<dyn promethium_model::Clock> = Arc::new(SlowClock(std::sync::atomic::AtomicU64::new(0)));
    let query = "sum(rate(x_total[10s])) / 2";
    let options = RangeOptions::new(20_000, 60_000, 10_000);
    let analysis = engine.analyze(&store, query, options, &QueryCx::unlimited(), &clock).unwrap();
    let cost = |i: usize| analysis.explanation.nodes[i].cost.unwrap();
    let texts: Vec<&str> = analysis.explanation.nodes.iter().map(|n| n.text.as_str()).collect();
    assert_eq!(texts[..3], ["operator /", "sum, one accumulator a group", "rate, streamed"]);
    assert_eq!((cost(0).series, cost(0).samples), (1, 5));
    assert_eq!((cost(2).series, cost(2).samples), (3, 15));
    assert!(cost(2).bytes >= 15 * 8 && cost(2).time > Duration::ZERO);
    let sum: Duration = analysis.explanation.nodes.iter().filter_map(|n| n.cost).map(|c| c.time).sum();
    assert!(sum <= analysis.time, "{sum:?} of {:?}", analysis.time);
    let plain = engine.range(&store, query, &options, &QueryCx::unlimited()).unwrap();
    assert_eq!(analysis.output, plain);
}

#[test]
fn selections_say_what_they_are_for() {
    let engine = Engine::default();
    let options = RangeOptions::new(60_000, 120_000, 15_000);
    let hints = |query: &str| engine.prepare(query, options).unwrap().selections().remove(0).hints;
    let rate = hints("sum by (a) (rate(x[1m]))");
    assert_eq!((rate.function.as_deref(), rate.range_ms, rate.step_ms, rate.by), (Some("rate"), 60_000, 15_000, false));
    let sum = hints("sum by (a, b) (x)");
    assert_eq!((sum.function.as_deref(), sum.by), (Some("sum"), true));
    assert_eq!((sum.grouping, sum.range_ms), (vec!["a".to_owned(), "b".to_owned()], 0));
    assert_eq!(hints("avg without (c) (x)").grouping, ["c"]);
    // Two that want different things of one selection say nothing.
    assert_eq!(hints("rate(x[1m]) / increase(x[1m])").function, None);
    let missing = engine.execute(&engine.prepare("x + y", options).unwrap(), Vec::new(), &QueryCx::unlimited());
    assert_eq!(missing.unwrap_err().to_string(), "expected series for 2 selections, got 0");
}

#[test]
fn without_delayed_removal_names_go_at_each_operation() {
    let (server, store) = (Engine::default(), store(&["a_total", "b_total"], 2));
    let query = |q: &str| range(&server, &store, q).map(rows);
    assert_eq!(query("sum by (__name__) (rate(a_total[10s]))").unwrap()[0].0, "{}");
    for clash in ["rate({__name__=~\"a_total|b_total\"}[10s])", "sum(-{__name__=~\".+_total\"})"] {
        let error = query(clash).unwrap_err();
        assert_eq!(error.to_string(), "vector cannot contain metrics with the same labelset", "{clash}");
    }
    // At a single step too, whatever is made of the clash.
    let clash = "count(abs({__name__=~\"a_total|b_total\"} @ 20))";
    assert_eq!(query(clash).unwrap_err().to_string(), "vector cannot contain metrics with the same labelset");
    let clash = "count({__name__=~\"a_total|b_total\"} <= bool on (i) group_left a_total)";
    let text = "multiple matches for labels: grouping labels must ensure unique matches";
    assert_eq!(query(clash).unwrap_err().to_string(), text);
    // One name at a time collides with nothing.
    assert_eq!(query("-(a_total > 200 or b_total < 0)").unwrap().len(), 0);
    assert_eq!(query("count(rate(a_total[10s]) * 2 + 1)").unwrap()[0].1.last(), Some(&2.0));
    assert_eq!(query("a_total > 100").unwrap()[0].0, "a_total{i=\"1\"}");
    assert_eq!(query("a_total > bool 100").unwrap()[0].0, "{i=\"0\"}");
}

#[test]
fn both_modes_agree_where_names_do_not_matter() {
    let store = store(&["a_total", "b_total"], 3);
    let delayed = Engine::new(EngineOptions::default().with_features(Features::all()));
    for query in [
        "sum(rate(a_total[10s]))",
        "a_total + on (i) b_total",
        "rate(a_total[5s]) / ignoring (x) rate(b_total[20s])",
        "topk(1, a_total) or b_total",
        "max_over_time(rate(a_total[10s])[20s:5s])",
        "label_replace(rate(a_total[10s]), \"j\", \"$1\", \"i\", \"(.*)\")",
        "quantile(0.5, a_total) + stddev(b_total)",
        "clamp(a_total, 1, 50) - (b_total ^ 2) % 7",
        "absent(nothing{q=\"1\"})",
    ] {
        assert_eq!(
            rows(range(&delayed, &store, query).unwrap()),
            rows(range(&Engine::default(), &store, query).unwrap()),
            "{query}"
        );
    }
}

#[test]
fn a_range_query_is_its_instant_queries() {
    let store = store(&["a_total", "b_total"], 3);
    let engine = Engine::new(EngineOptions::default().with_features(Features::all()));
    for query in [
        "a_total",
        "sum by (i) (rate(a_total[7s]))",
        "a_total - b_total offset 3s",
        "min_over_time(a_total[9s]) + changes(b_total[4s])",
        "avg_over_time(a_total[10s:3s]) * scalar(b_total{i=\"0\"})",
        "deriv(a_total[10s]) == on (i) group_left () deriv(b_total[10s])",
        "count_values(\"v\", a_total > 30)",
        "quantile_over_time(0.3, a_total[8s])",
        "bottomk(2, a_total) unless b_total{i=\"2\"}",
        "a_total @ 30 + a_total",
        "irate(a_total[5s]) and resets(b_total[6s]) >= 0",
    ] {
        let whole = rows(range(&engine, &store, query).unwrap());
        let mut points = 0;
        for second in (0..=60).step_by(7) {
            let at = InstantOptions::at(second * 1_000);
            let output = engine.instant(&store, query, &at, &QueryCx::unlimited()).unwrap();
            let QueryValue::Vector(vector) = output.value else { panic!("{query}") };
            for sample in vector {
                let SampleValue::Float(v) = sample.value else { panic!("{query}") };
                let options = RangeOptions::new(second * 1_000, second * 1_000 + 1_000, 1_000);
                let pair = engine.range(&store, query, &options, &QueryCx::unlimited()).unwrap();
                let series = rows(pair).into_iter().find(|(labels, _)| *labels == sample.labels.to_string());
                assert_eq!(series.map(|(_, values)| values[0].to_bits()), Some(v.to_bits()), "{query} at {second}s");
                points += 1;
            }
        }
        assert!(points > 0 && !whole.is_empty(), "{query}");
    }
}

#[test]
fn a_chain_of_any_length_evaluates() {
    let store = store(&["x"], 1);
    let query = format!("x{}", " + x".repeat(5_000));
    let output = Engine::default().instant(&store, &query, &InstantOptions::at(1_000), &QueryCx::unlimited()).unwrap();
    let QueryValue::Vector(vector) = output.value else { panic!("not a vector") };
    assert_eq!(vector[0].value, SampleValue::Float(5_001.0));
    let scalars = format!("1{}", " + 1".repeat(10_000));
    assert!(Engine::default().instant(&store, &scalars, &InstantOptions::at(0), &QueryCx::unlimited()).is_ok());
}

#[test]
fn check_prints_and_selector_reads() {
    let engine = Engine::default();
    assert_eq!(engine.check("sum (x)by(a)").unwrap(), "sum by (a) (x)");
    assert!(matches!(engine.check("sum("), Err(QueryError::Parse { .. })));
    assert_eq!(engine.selector("up{job=\"n\"}").unwrap().len(), 2);
}

#[test]
fn the_deepest_query_fits_a_thread_of_two_mebibytes() {
    let store = store(&["x"], 1);
    let run = move || {
        let depth = Limits::standard().max_query_depth / 2 - 2;
        for (open, close) in [("abs(", ")"), ("-(", ")"), ("sum(", ")"), ("(", " + x)"), ("max_over_time(", "[9s:1s])")]
        {
            let query = format!("{}x{}", open.repeat(depth), close.repeat(depth));
            for features in [Features::all(), Features::server()] {
                let engine = Engine::new(EngineOptions::default().with_features(features));
                let at = InstantOptions::at(30_000);
                let output = engine.instant(&store, &query, &at, &QueryCx::unlimited());
                assert!(output.is_ok(), "{open}: {output:?}");
            }
        }
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn with_type_labels_the_type_tells_a_counter() {
    let store = MemStore::new();
    for (name, kind) in [("a", "counter"), ("b_total", "gauge")] {
        let labels = Labels::from_pairs([("__name__", name), ("__type__", kind)]);
        let mut tx = store.appender();
        for s in 0..10 {
            tx.append(SeriesKey::Labels(&labels), Point::float(s * 1_000, s as f64), &AppendOptions::default())
                .unwrap();
        }
        tx.commit().unwrap();
    }
    let mut features = Features::server();
    features.type_and_unit_labels = true;
    let engine = Engine::new(EngineOptions::default().with_features(features));
    let infos = |query: &str| {
        let output = engine.instant(&store, query, &InstantOptions::at(9_000), &QueryCx::unlimited()).unwrap();
        output.annotations.texts(promethium_model::Severity::Info)
    };
    assert!(infos("rate(a[5s])").is_empty());
    let text = "metric might not be a counter, __type__ label is not set to \"counter\" or \"histogram\", got \"gauge\": \"b_total\"";
    assert_eq!(infos("rate(b_total[5s])"), [format!("PromQL info: {text} (1:6)")]);
}

#[test]
fn equal_selections_are_read_once() {
    let store = Counting { store: store(&["x"], 2), selects: std::sync::atomic::AtomicUsize::new(0) };
    let query = "rate(x[10s]) / rate(x[1m]) + x offset 5s - avg_over_time(x[20s:5s])";
    let options = RangeOptions::new(20_000, 60_000, 1_000);
    Engine::default().range(&store, query, &options, &QueryCx::unlimited()).unwrap();
    assert_eq!(store.selects.load(std::sync::atomic::Ordering::Relaxed), 1);
}

/// Counts the selections that an engine makes.
struct Counting {
    store: MemStore,
    selects: std::sync::atomic::AtomicUsize,
}

struct CountingQuerier<'q> {
    inner: Box<dyn Querier + 'q>,
    selects: &'q std::sync::atomic::AtomicUsize,
}

impl Queryable for Counting {
    fn querier(&self, range: TimeRange) -> Result<Box<dyn Querier + '_>, StorageError> {
        Ok(Box::new(CountingQuerier { inner: self.store.querier(range)?, selects: &self.selects }))
    }
}

impl Querier for CountingQuerier<'_> {
    fn select<'q>(
        &'q self,
        matchers: &[Matcher],
        hints: &SelectHints,
        cx: &QueryCx,
    ) -> Result<Box<dyn SeriesSet<'q> + 'q>, StorageError> {
        self.selects.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.inner.select(matchers, hints, cx)
    }

    fn label_names(&self, m: &[Matcher], hints: &LabelHints, cx: &QueryCx) -> Result<LabelList, StorageError> {
        self.inner.label_names(m, hints, cx)
    }

    fn label_values(
        &self,
        name: &str,
        m: &[Matcher],
        hints: &LabelHints,
        cx: &QueryCx,
    ) -> Result<LabelList, StorageError> {
        self.inner.label_values(name, m, hints, cx)
    }
}

#[test]
fn compiled_patterns_count_in_the_byte_budget() {
    let store = store(&["x"], 1);
    let small = with_limits(|l| l.max_query_memory_bytes = 100_000);
    assert!(range(&small, &store, r#"x{i=~"[01]+"}"#).is_ok());
    // Texts of some thirty bytes whose programs are larger than the budget.
    for query in [r#"x{i!~"([a-z]x|[0-9]y){500}"}"#, r#"label_replace(x, "a", "$1", "i", "([a-z]{500}|.*)")"#] {
        let error = range(&small, &store, query).unwrap_err();
        assert!(matches!(error, QueryError::TooManyBytes { limit: 100_000 }), "{query}: {error}");
    }
    let error = range(&Engine::default(), &store, r#"x{i=~"(\\pL\\pL\\pL\\pL){1000}"}"#).unwrap_err();
    let limit = Limits::default().max_regex_program_bytes;
    assert!(
        error.to_string().ends_with(&format!("regular expression exceeds compiled size in bytes of {limit}")),
        "{error}"
    );
}
