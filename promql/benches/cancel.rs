//! How long a query takes to stop: each of some heavy queries is canceled at random moments, from another thread.
//!
//! `cargo bench -p promethium-promql --bench cancel` prints the median, the 99th percentile and the longest time from
//! [`QueryCx::cancel`] to the end of the query, over 240 cancels. Not a criterion bench: what counts is the tail.

use std::hint::black_box;
use std::time::{Duration, Instant};

use promethium_model::{
    AppendOptions, Appendable, InstantOptions, Labels, MemStore, Point, QueryCx, QueryEngine, RangeOptions, SeriesKey,
};
use promethium_promql::{Engine, EngineOptions, Features};

const INTERVAL_MS: i64 = 10_000;
const POINTS: i64 = 2_000;
const SERIES: i64 = 150;
const MANY: i64 = 60_000;
const CANCELS_EACH: u32 = 30;

const QUERIES: &[(&str, bool)] = &[
    ("quantile_over_time(0.9, x_total[2h])", true),
    ("double_exponential_smoothing(x_total[2h], 0.3, 0.3)", true),
    ("sum_over_time(rate(x_total[5m])[1h:10s])", true),
    ("x_total * on (i) group_left rate(x_total[5m])", true),
    ("sort_by_label({__name__=~\"many|x_total\"}, \"i\")", false),
    ("topk(10, many)", false),
    ("many{i=~\"(.*[13579].*)+[a-f]?\"}", false),
    ("label_replace(many, \"l\", \"$1$2\", \"i\", \"(.*)([0-9])\")", false),
];

fn store() -> MemStore {
    let store = MemStore::new();
    for i in 0..SERIES {
        let labels = Labels::from_pairs([("__name__", "x_total".to_owned()), ("i", i.to_string())]);
        let mut tx = store.appender();
        for s in 0..POINTS {
            let point = Point::float(s * INTERVAL_MS, (s * (i % 7 + 1)) as f64);
            tx.append(SeriesKey::Labels(&labels), point, &AppendOptions::default()).expect("samples are in order");
        }
        tx.commit().expect("memory takes what it is given");
    }
    let mut tx = store.appender();
    for i in 0..MANY {
        let labels = Labels::from_pairs([("__name__", "many".to_owned()), ("i", (i * 7_919 % MANY).to_string())]);
        let point = Point::float((POINTS - 1) * INTERVAL_MS, i as f64);
        tx.append(SeriesKey::Labels(&labels), point, &AppendOptions::default()).expect("samples are in order");
    }
    tx.commit().expect("memory takes what it is given");
    store
}

fn run(engine: &Engine, store: &MemStore, query: &str, range: bool, cx: &QueryCx) -> bool {
    let end_ms = (POINTS - 1) * INTERVAL_MS;
    let output = if range {
        engine.range(store, query, &RangeOptions::new(0, end_ms, INTERVAL_MS), cx)
    } else {
        engine.instant(store, query, &InstantOptions::at(end_ms), cx)
    };
    black_box(output).is_ok()
}

/// From the cancel to the end; `None` when the query was done before.
fn canceled_after(engine: &Engine, store: &MemStore, (query, range): (&str, bool), wait: Duration) -> Option<Duration> {
    let cx = QueryCx::unlimited();
    std::thread::scope(|scope| {
        let canceling = cx.clone();
        let cancel = scope.spawn(move || {
            std::thread::sleep(wait);
            canceling.cancel();
            Instant::now()
        });
        let finished = run(engine, store, query, range, &cx);
        let ended = Instant::now();
        let canceled = cancel.join().expect("it only sleeps");
        (!finished).then(|| ended.saturating_duration_since(canceled))
    })
}

fn main() {
    let store = store();
    let engine = Engine::new(EngineOptions::default().with_features(Features::all()));
    let mut all = Vec::new();
    for (query, range) in QUERIES {
        let begun = Instant::now();
        run(&engine, &store, query, *range, &QueryCx::unlimited());
        let whole = begun.elapsed();
        // Moments spread over the query by the golden ratio: as good as random, and the same each time.
        let moments = (0..CANCELS_EACH).map(|i| whole.mul_f64((f64::from(i) * 0.618_034).fract() * 0.95));
        let mut times: Vec<Duration> =
            moments.filter_map(|wait| canceled_after(&engine, &store, (query, *range), wait)).collect();
        times.sort_unstable();
        let longest = times.last().copied().unwrap_or_default();
        println!("{query}: takes {whole:.1?}, {} canceled, longest {longest:.1?}", times.len());
        all.extend(times);
    }
    all.sort_unstable();
    let at = |share: f64| all[((all.len() - 1) as f64 * share) as usize];
    println!("{} cancels: median {:.2?}, p99 {:.2?}, longest {:.2?}", all.len(), at(0.5), at(0.99), at(1.0));
}
