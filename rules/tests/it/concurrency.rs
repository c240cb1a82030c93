//! What may happen while a group runs. The engine calls back into the manager from within a query: a lock that is held
//! there would never come free.

use std::sync::{Arc, Mutex, OnceLock, Weak};

use promethium_model::{
    InstantOptions, Matcher, MemStore, QueryCx, QueryEngine, QueryError, QueryOutput, QueryValue, Queryable,
    RangeOptions,
};
use promethium_rules::{Discard, RuleGlobals, RuleHealth, RuleManager, RuleSource, RuleView};

use crate::harness::options;

/// Looks at its manager whenever it is asked, and panics when asked for `panic`.
#[derive(Default)]
struct CuriousEngine {
    manager: OnceLock<Weak<RuleManager>>,
    seen: Mutex<Vec<(usize, usize)>>,
}

impl QueryEngine for CuriousEngine {
    fn check(&self, query: &str) -> Result<String, QueryError> {
        Ok(query.to_owned())
    }

    fn selector(&self, text: &str) -> Result<Vec<Matcher>, QueryError> {
        Err(QueryError::Invalid(text.to_owned()))
    }

    fn instant(
        &self,
        store: &dyn Queryable,
        query: &str,
        options: &InstantOptions,
        cx: &QueryCx,
    ) -> Result<QueryOutput, QueryError> {
        assert_ne!(query, "panic", "asked to");
        cx.check()?;
        let manager = self.manager.get().and_then(Weak::upgrade).unwrap();
        let sink = MemStore::new();
        // This very group is running, so there is nothing to run for this call.
        let ran = manager.evaluate(options.time_ms + 100_000, store, &sink, &Discard);
        assert!(manager.next_due_ms(options.time_ms).is_some());
        assert!(manager.alerts().is_empty());
        self.seen.lock().unwrap().push((ran, manager.groups().len() + manager.metrics().groups.len()));
        Ok(QueryOutput { value: QueryValue::Vector(Vec::new()), annotations: Default::default() })
    }

    fn range(
        &self,
        _store: &dyn Queryable,
        query: &str,
        _options: &RangeOptions,
        _cx: &QueryCx,
    ) -> Result<QueryOutput, QueryError> {
        Err(QueryError::Invalid(query.to_owned()))
    }
}

fn curious(rules: &str) -> (Arc<CuriousEngine>, Arc<RuleManager>) {
    let engine = Arc::new(CuriousEngine::default());
    let manager = Arc::new(RuleManager::new(Arc::clone(&engine) as Arc<dyn QueryEngine>, options()));
    engine.manager.set(Arc::downgrade(&manager)).unwrap();
    manager.load(&[RuleSource::new("rules.yml", rules)], &RuleGlobals::default(), 0).unwrap();
    (engine, manager)
}

#[test]
fn views_do_not_wait_for_a_query_and_a_group_does_not_run_twice() {
    let (engine, manager) = curious("groups: [{name: g, rules: [{alert: A, expr: up}, {record: r, expr: up}]}]");
    let store = MemStore::new();
    assert_eq!(manager.evaluate(100_000, &store, &store, &Discard), 1);
    assert_eq!(*engine.seen.lock().unwrap(), [(0, 2), (0, 2)]);
}

#[test]
fn a_panicking_engine_poisons_nothing() {
    let (_, manager) = curious("groups: [{name: g, rules: [{record: a, expr: up}, {record: b, expr: panic}]}]");
    let store = MemStore::new();
    for ts_ms in [0, 60_000] {
        let run = std::panic::AssertUnwindSafe(|| manager.evaluate_all_at(ts_ms, &store, &store, &Discard));
        assert!(std::panic::catch_unwind(run).is_err());
    }
    let RuleView::Recording(first) = &manager.groups()[0].rules[0] else { panic!("a recording rule") };
    assert_eq!((first.health, first.last_evaluation_ms), (RuleHealth::Ok, Some(60_000)));
    manager.load(&[], &RuleGlobals::default(), 120_000).unwrap();
    assert!(manager.groups().is_empty());
}

#[test]
fn threads_share_the_groups_that_are_due() {
    let groups: String = (0..8).map(|i| format!("- {{name: g{i}, rules: [{{record: r, expr: x}}]}}\n")).collect();
    let engine = Arc::new(crate::harness::ScriptEngine);
    let manager = RuleManager::new(engine, options());
    manager.load(&[RuleSource::new("rules.yml", format!("groups:\n{groups}"))], &RuleGlobals::default(), 0).unwrap();
    let store = MemStore::new();
    let ran: usize = std::thread::scope(|scope| {
        let run = || manager.evaluate(60_000, &store, &store, &Discard);
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(ran, 8);
    assert!(manager.metrics().groups.iter().all(|group| group.iterations_total == 1));
}
