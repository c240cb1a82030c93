//! What a query holds at its peak, counted at the allocator. It counts every allocation there is, so that only one test of this
//! binary measures at a time.
#![cfg(feature = "engine")]
#![expect(unsafe_code, reason = "an allocator that counts has to be one")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use promethium_model::{
    AppendOptions, Appendable, InstantOptions, Labels, Limits, MemStore, Point, QueryCx, QueryEngine, QueryError,
    RangeOptions, SeriesKey,
};
use promethium_promql::{Engine, EngineOptions, Features};

#[path = "memory/hostile.rs"]
mod hostile;

static ALONE: Mutex<()> = Mutex::new(());

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// PERF: two relaxed atomic operations a call, in this test alone.
// SAFETY: every call goes to the system's allocator unchanged, whose contract is the caller's to keep; counting touches no
// memory of the allocation.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(live, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const STEP_MS: i64 = 15_000;
const STEPS: i64 = 1_000;

/// `series` counters in ten groups, long enough for a thousand steps.
fn store(series: usize) -> MemStore {
    let store = MemStore::new();
    let mut tx = store.appender();
    for i in 0..series {
        let pairs = [("__name__", "x_total".to_owned()), ("group", (i % 10).to_string()), ("i", i.to_string())];
        let labels = Labels::from_pairs(pairs);
        for s in 0..STEPS {
            let point = Point::float(s * STEP_MS, (s * (i as i64 % 7 + 1)) as f64);
            tx.append(SeriesKey::Labels(&labels), point, &AppendOptions::default()).unwrap();
        }
    }
    tx.commit().unwrap();
    store
}

/// Bytes above what was held before.
fn peak_of(engine: &Engine, store: &MemStore, query: &str) -> usize {
    let before = LIVE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let options = RangeOptions::new(0, (STEPS - 1) * STEP_MS, STEP_MS);
    let output = engine.range(store, query, &options, &QueryCx::unlimited()).unwrap();
    drop(output);
    PEAK.load(Ordering::Relaxed) - before
}

#[test]
fn a_streamed_sum_grows_with_its_groups() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (few, many) = (store(100), store(1_000));
    let engine = Engine::new(EngineOptions::default().with_features(Features::all()));
    let query = "sum by (group) (rate(x_total[5m]))";
    let matrix = 1_000 * STEPS as usize * 8;
    let (at_few, at_many) = (peak_of(&engine, &few, query), peak_of(&engine, &many, query));
    println!("100 series: {at_few} bytes, 1,000 series: {at_many} bytes, their rates: {matrix}");
    // Ten groups of a thousand steps, the column at hand and its samples, and the answer.
    assert!(at_many < 1_000_000, "{at_many}");
    assert!(at_many < matrix / 8, "{at_many}");
    // Ten times the series: labels of series pass by, columns do not pile up.
    assert!(at_many < at_few * 2, "{at_few} became {at_many}");
    let threads = Engine::new(engine.options().clone().with_threads(2));
    let at_threads = peak_of(&threads, &many, query);
    println!("on two threads: {at_threads}");
    assert!(at_threads < matrix / 3, "{at_threads}");
    let whole = peak_of(&engine, &many, "topk(1, rate(x_total[5m]))");
    assert!(whole > matrix, "the count counts: {whole}");
}

/// An instant query at the end of the hostile data, or a range over all of it: bytes at its peak, and how it ended.
fn measured(engine: &Engine, store: &MemStore, query: &str, instant: bool) -> (usize, Result<(), QueryError>) {
    let end_ms = (hostile::SAMPLES - 1) * hostile::STEP_MS;
    let cx = QueryCx::unlimited();
    let before = LIVE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let output = if instant {
        engine.instant(store, query, &InstantOptions::at(end_ms), &cx)
    } else {
        engine.range(store, query, &RangeOptions::new(0, end_ms, hostile::STEP_MS), &cx)
    };
    let peak = PEAK.load(Ordering::Relaxed).saturating_sub(before);
    (peak, output.map(drop))
}

fn hostile_store() -> MemStore {
    let store = MemStore::new();
    hostile::fill(&store);
    store
}

fn engine_with(max_query_memory_bytes: usize) -> Engine {
    let mut limits = Limits::default();
    limits.max_query_memory_bytes = max_query_memory_bytes;
    Engine::new(EngineOptions::default().with_features(Features::all()).with_limits(limits))
}

#[test]
fn no_query_holds_more_than_its_limit() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let store = hostile_store();
    // A new engine each time: what it keeps of patterns is no query's.
    hostile::check_limits(|limit, query, instant| measured(&engine_with(limit), &store, query, instant));
}

/// What dashboards ask: must fit into twice what it takes.
const USUAL: &[&str] = &[
    "x_total",
    "rate(x_total[5m])",
    "sum(x_total)",
    "sum by (g) (rate(x_total[5m]))",
    "avg by (i) (x_total)",
    "max by (g) (x_total)",
    "topk(5, rate(x_total[5m]))",
    "quantile(0.9, x_total)",
    "x_total / on (i) x_total",
    "rate(x_total[5m]) * on (g) group_left sum by (g) (x_total)",
    "x_total and x_total",
    "x_total or x_total",
    "histogram_quantile(0.9, sum by (le) (rate(b_bucket[5m])))",
    "histogram_quantile(0.9, rate(b_bucket[5m]))",
    "label_replace(x_total, \"a\", \"$1\", \"i\", \"(.*)\")",
    "max_over_time(rate(x_total[5m])[30m:1m])",
    "avg_over_time(x_total[30m])",
    "count by (__name__) ({__name__=~\".+\"})",
    "histogram_quantile(0.9, sum(rate(h[5m])))",
    "rate(h[5m])",
    "sort_desc(x_total)",
    "absent(x_total{i=\"none\"})",
];

#[test]
fn usual_queries_fit_into_twice_what_they_take() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let store = hostile_store();
    let mut refused = Vec::new();
    for (query, instant) in USUAL.iter().flat_map(|q| [(q, true), (q, false)]) {
        let engine = engine_with(usize::MAX);
        // Once more: the first compiles the patterns.
        measured(&engine, &store, query, instant).1.unwrap();
        let (peak, outcome) = measured(&engine, &store, query, instant);
        outcome.unwrap();
        let limit = 2 * peak + (64 << 10);
        if let (_, Err(error)) = measured(&engine_with(limit), &store, query, instant) {
            refused.push(format!("{query} (instant: {instant}) takes {peak} bytes, of {limit}: {error}"));
        }
    }
    assert!(refused.is_empty(), "{} refused:\n{}", refused.len(), refused.join("\n"));
}
