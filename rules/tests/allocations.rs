//! A tick of many rules with nothing active allocates no more than its queries do.

use std::sync::Arc;
use std::time::Duration;

use promethium_model::{
    AppendOptions, Appendable, Clock, InstantOptions, Labels, Limits, ManualClock, MemStore, Point, QueryCx,
    QueryEngine, SeriesKey,
};
use promethium_promql::{Engine, EngineOptions};
use promethium_rules::{Discard, RuleGlobals, RuleManager, RuleOptions, RuleSource};

const RULES: usize = 10_000;
const SERIES: usize = 3;
const AT_MS: i64 = 600_000;

fn expr(rule: usize) -> String {
    format!("rate(x[5m]) > {}", rule + 1_000_000)
}

fn store() -> MemStore {
    let store = MemStore::new();
    let mut appender = store.appender();
    for series in 0..SERIES {
        let labels = Labels::from_pairs([("__name__", "x".to_owned()), ("n", series.to_string())]);
        for step in 0..=AT_MS / 15_000 {
            let point = Point::float(step * 15_000, step as f64);
            appender.append(SeriesKey::Labels(&labels), point, &AppendOptions::default()).unwrap();
        }
    }
    appender.commit().unwrap();
    store
}

#[test]
fn a_tick_with_nothing_active_allocates_no_more_than_its_queries() {
    let rule = |i: usize| format!("  - {{alert: A{i}, expr: '{}', for: 5m, labels: {{severity: page}}}}\n", expr(i));
    let text = format!("groups:\n- name: g\n  rules:\n{}", (0..RULES).map(rule).collect::<String>());
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(0));
    let engine = Arc::new(Engine::new(EngineOptions::default()));
    let options = RuleOptions::default().with_clock(Arc::clone(&clock));
    let manager = RuleManager::new(Arc::clone(&engine) as Arc<dyn QueryEngine>, options);
    manager.load(&[RuleSource::new("f", text)], &RuleGlobals::default(), 0).unwrap();
    let store = store();
    let exprs: Vec<String> = (0..RULES).map(|i| engine.check(&expr(i)).unwrap()).collect();
    let limits = Limits::default();
    let tick = || manager.evaluate_all_at(AT_MS, &store, &store, &Discard);
    let queries = || {
        for expr in &exprs {
            let cx = QueryCx::unlimited()
                .with_timeout(Arc::clone(&clock), Duration::from_millis(limits.query_timeout_ms))
                .with_max_samples(limits.max_query_samples);
            drop(engine.instant(&store, expr, &InstantOptions::at(AT_MS), &cx).unwrap());
        }
    };
    tick();
    let of_queries = allocation_counter::measure(queries);
    let of_tick = allocation_counter::measure(tick);
    assert!(manager.alerts().is_empty() && of_queries.count_total > RULES as u64);
    // The list of groups and the settings are cloned once a tick.
    assert!(
        of_tick.count_total <= of_queries.count_total + 16,
        "{} allocations in a tick, {} in its queries",
        of_tick.count_total,
        of_queries.count_total
    );
}
