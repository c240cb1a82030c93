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
    let queries = hostile::queries();
    let mut over = Vec::new();
    for limit in [2_usize << 20, 16 << 20] {
        let mut refused = 0;
        for (query, instant) in queries.iter().flat_map(|query| [(query, true), (query, false)]) {
            // A new engine each time: what it keeps of patterns is no query's.
            let (peak, outcome) = measured(&engine_with(limit), &db, query, instant);
            refused += usize::from(matches!(outcome, Err(QueryError::TooManyBytes { .. })));
            if peak > limit + limit / 10 {
                let shown: String = query.chars().take(90).collect();
                over.push(format!("{shown} (instant: {instant}): {peak} bytes of {limit}: {outcome:?}"));
            }
        }
        println!("{limit} bytes: {refused} of {} refused", 2 * queries.len());
        assert!(refused > 10 && refused < 2 * queries.len(), "{refused} refused");
    }
    assert!(over.is_empty(), "{} over their limit:\n{}", over.len(), over.join("\n"));
}
