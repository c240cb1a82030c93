//! What hostile queries over the store hold at their peak, counted at the allocator: what the head selects for them is counted in
//! their budget too.

use std::sync::Arc;

use allocation_counter::measure;
use promethium::model::{
    InstantOptions, Limits, ManualClock, QueryCx, QueryEngine, QueryError, QueryOutput, RangeOptions,
};
use promethium::promql::{Engine, EngineOptions, Features};
use promethium::tsdb::{Db, DbOptions};

#[path = "../promql/tests/memory/hostile.rs"]
mod hostile;

const END_MS: i64 = (hostile::SAMPLES - 1) * hostile::STEP_MS;

fn engine_with(max_query_memory_bytes: usize) -> Engine {
    let mut limits = Limits::default();
    limits.max_query_memory_bytes = max_query_memory_bytes;
    Engine::new(EngineOptions::default().with_features(Features::all()).with_limits(limits))
}

fn run(engine: &Engine, db: &Db, query: &str, instant: bool) -> Result<QueryOutput, QueryError> {
    let cx = QueryCx::unlimited();
    if instant {
        engine.instant(db, query, &InstantOptions::at(END_MS), &cx)
    } else {
        engine.range(db, query, &RangeOptions::new(0, END_MS, hostile::STEP_MS), &cx)
    }
}

/// Bytes that a query held at its peak, and how it ended.
fn measured(engine: &Engine, db: &Db, query: &str, instant: bool) -> (usize, Result<(), QueryError>) {
    let mut outcome = None;
    let counted = measure(|| outcome = Some(run(engine, db, query, instant).map(drop)));
    (counted.bytes_max as usize, outcome.expect("the query was run"))
}

#[test]
fn no_query_over_the_store_holds_more_than_its_limit() {
    let db = Db::in_memory_with(DbOptions::default(), Arc::new(ManualClock::new(END_MS))).unwrap();
    hostile::fill(&db);
    // A new engine each time: what it keeps of patterns is no query's.
    hostile::check_limits(|limit, query, instant| measured(&engine_with(limit), &db, query, instant));
}
