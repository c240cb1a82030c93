//! A query that is told to stop stops, and looks up often enough to hear it: counted in looks, not in time.
#![cfg(feature = "engine")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use promethium_model::{
    AppendOptions, Appendable, Clock, CounterResetHint, FloatHistogram, InstantOptions, Labels, MemStore, Point,
    PointValue, QueryCx, QueryEngine, QueryError, RangeOptions, SeriesKey, Span, Spans,
};
use promethium_promql::{Engine, EngineOptions, Features};

/// Every look at the time is counted; from one of them on, time is over.
struct CountingClock {
    looks: AtomicUsize,
    over_from: usize,
}

impl CountingClock {
    fn new(over_from: usize) -> Arc<CountingClock> {
        Arc::new(CountingClock { looks: AtomicUsize::new(0), over_from })
    }

    fn looks(&self) -> usize {
        self.looks.load(Ordering::Relaxed)
    }
}

impl Clock for CountingClock {
    fn now_ms(&self) -> i64 {
        0
    }

    fn monotonic(&self) -> Duration {
        let look = self.looks.fetch_add(1, Ordering::Relaxed);
        // The first look sets the deadline.
        if look > self.over_from { Duration::from_secs(2) } else { Duration::ZERO }
    }
}

const STEP_MS: i64 = 15_000;
const SAMPLES: i64 = 400;
const SERIES: i64 = 60;

fn store() -> MemStore {
    let store = MemStore::new();
    for i in 0..SERIES {
        let i_text = i.to_string();
        let labels = Labels::from_pairs([("__name__", "x_total"), ("i", i_text.as_str())]);
        let mut tx = store.appender();
        for s in 0..SAMPLES {
            // Falls at every other sample: each window has many resets.
            let point = Point::float(s * STEP_MS, (s % 2) as f64);
            tx.append(SeriesKey::Labels(&labels), point, &AppendOptions::default()).unwrap();
        }
        tx.commit().unwrap();
    }
    let labels = Labels::from_pairs([("__name__", "h")]);
    let mut tx = store.appender();
    for s in 0..SAMPLES {
        let h = FloatHistogram {
            counter_reset_hint: CounterResetHint::Unknown,
            schema: 0,
            zero_threshold: 0.001,
            zero_count: 0.0,
            count: (s % 2 * 4) as f64,
            sum: 1.0,
            positive_spans: [Span { offset: 0, length: 4 }].into(),
            negative_spans: Spans::default(),
            positive_buckets: vec![(s % 2) as f64; 4],
            negative_buckets: Vec::new(),
            custom_bounds: Arc::from([].as_slice()),
        };
        let point = Point { timestamp_ms: s * STEP_MS, start_timestamp_ms: 0, value: PointValue::FloatHistogram(&h) };
        tx.append(SeriesKey::Labels(&labels), point, &AppendOptions::default()).unwrap();
    }
    tx.commit().unwrap();
    store
}

fn engine() -> Engine {
    Engine::new(EngineOptions::default().with_features(Features::all()))
}

fn run(store: &MemStore, query: &str, clock: &Arc<CountingClock>) -> Result<(), QueryError> {
    let clock: Arc<dyn Clock> = clock.clone();
    let cx = QueryCx::unlimited().with_timeout(clock, Duration::from_secs(1));
    let range = RangeOptions::new(0, (SAMPLES - 1) * STEP_MS, STEP_MS);
    engine().range(store, query, &range, &cx).map(drop)
}

/// Queries, and how many samples or steps each of their stages goes through at least.
const HEAVY: &[(&str, i64)] = &[
    ("x_total", SERIES * SAMPLES),
    ("sum(rate(x_total[1h]))", SERIES * SAMPLES),
    ("rate(x_total[1h])", SERIES * SAMPLES * 100),
    ("sum_over_time(x_total[1h])", SERIES * SAMPLES * 150),
    ("quantile_over_time(0.5, x_total[1h])", SERIES * SAMPLES * 150),
    ("mad_over_time(x_total[1h])", SERIES * SAMPLES * 150),
    ("deriv(x_total[1h])", SERIES * SAMPLES * 150),
    ("changes(x_total[1h] anchored)", SERIES * SAMPLES * 150),
    ("increase(x_total[1h] smoothed)", SERIES * SAMPLES * 150),
    ("rate(h[1h])", SAMPLES * 150),
    ("sum_over_time(h[1h])", SAMPLES * 150),
    ("changes(h[1h])", SAMPLES * 150),
    ("resets(h[1h] anchored)", SAMPLES * 150),
    ("max_over_time(x_total[1h:1s])", SERIES * SAMPLES * 15),
    ("x_total * on (i) group_left x_total", SERIES * SAMPLES),
    ("topk(3, x_total)", SERIES * SAMPLES),
    ("quantile(0.5, x_total)", SERIES * SAMPLES),
    ("count_values(\"v\", x_total)", SERIES * SAMPLES),
    ("label_replace(x_total, \"a\", \"$1\", \"i\", \"(.*)\")", SERIES * SAMPLES),
    ("x_total or x_total offset 1m", SERIES * SAMPLES),
];

#[test]
fn queries_look_up_in_proportion_to_their_work() {
    // Samples between two looks, at most: a hundredth of a second at the dearest of these functions.
    const MOST: i64 = 1 << 17;
    let store = store();
    for (query, work) in HEAVY {
        let clock = CountingClock::new(usize::MAX);
        run(&store, query, &clock).unwrap();
        let looks = clock.looks() as i64;
        assert!(looks > 3 && work / looks < MOST, "{query}: {looks} looks in {work} samples");
    }
}

#[test]
fn a_query_stops_at_the_look_that_tells_it_to() {
    let store = store();
    for (query, _) in HEAVY {
        let all = CountingClock::new(usize::MAX);
        run(&store, query, &all).unwrap();
        // Whenever the end comes, there is hardly a further look.
        for share in [1, 2, 5, 9] {
            let over_from = all.looks() * share / 10;
            let clock = CountingClock::new(over_from);
            let outcome = run(&store, query, &clock);
            assert!(matches!(outcome, Err(QueryError::Timeout { .. })), "{query} at {over_from}: {outcome:?}");
            let further = clock.looks() - over_from;
            assert!(further <= 4, "{query} at {over_from} of {}: {further} further looks", all.looks());
        }
    }
}

#[test]
fn sorting_many_series_can_be_stopped() {
    let store = MemStore::new();
    let mut tx = store.appender();
    for i in 0..20_000i64 {
        let labels = Labels::from_pairs([("__name__", "many".to_owned()), ("i", (i * 7_919 % 20_000).to_string())]);
        tx.append(SeriesKey::Labels(&labels), Point::float(0, i as f64), &AppendOptions::default()).unwrap();
    }
    tx.commit().unwrap();
    for query in ["sort(many)", "sort_by_label(many, \"i\")", "many[1m]"] {
        let looks = |over_from: usize| {
            let counting = CountingClock::new(over_from);
            let clock: Arc<dyn Clock> = counting.clone();
            let cx = QueryCx::unlimited().with_timeout(clock, Duration::from_secs(1));
            let outcome = engine().instant(&store, query, &InstantOptions::at(0), &cx);
            (counting.looks(), outcome.is_ok())
        };
        let (all, ok) = looks(usize::MAX);
        assert!(ok);
        // Among the last looks are those of the sort: five runs, and their merging.
        let (seen, ok) = looks(all - 12);
        assert!(!ok && seen <= all - 8, "{query}: {seen} of {all}");
    }
}
