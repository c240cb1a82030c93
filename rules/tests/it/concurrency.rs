//! What may happen while a group runs. The engine calls back into the manager from within a query: a lock that is held
//! there would never come free.

use std::sync::{Arc, Mutex, Weak};

use promethium_model::MemStore;
use promethium_rules::testing::{Asked, ScriptedEngine, vector};
use promethium_rules::{Discard, RuleGlobals, RuleHealth, RuleManager, RuleSource, RuleView};

use crate::harness::options;

/// Runs and groups that the engine saw, each time it was asked.
type Seen = Arc<Mutex<Vec<(usize, usize)>>>;

/// A manager whose engine looks at it whenever it is asked, and panics when asked for `panic`.
fn curious(rules: &str) -> (Seen, Arc<RuleManager>) {
    let seen = Seen::default();
    let manager = Arc::new_cyclic(|manager: &Weak<RuleManager>| {
        let (manager, seen) = (manager.clone(), Arc::clone(&seen));
        let look = move |asked: &Asked<'_>| {
            assert_ne!(asked.query, "panic", "asked to");
            asked.cx.check()?;
            let manager = manager.upgrade().unwrap();
            // This very group is running, so there is nothing to run for this call.
            let ran = manager.evaluate(asked.time_ms + 100_000, asked.store, &MemStore::new(), &Discard);
            assert!(manager.next_due_ms(asked.time_ms).is_some());
            assert!(manager.alerts().is_empty());
            seen.lock().unwrap().push((ran, manager.groups().len() + manager.metrics().groups.len()));
            Ok(vector(asked.time_ms, []))
        };
        RuleManager::new(Arc::new(ScriptedEngine::new(look)), options())
    });
    manager.load(&[RuleSource::new("rules.yml", rules)], &RuleGlobals::default(), 0).unwrap();
    (seen, manager)
}

#[test]
fn views_do_not_wait_for_a_query_and_a_group_does_not_run_twice() {
    let (seen, manager) = curious("groups: [{name: g, rules: [{alert: A, expr: up}, {record: r, expr: up}]}]");
    let store = MemStore::new();
    assert_eq!(manager.evaluate(100_000, &store, &store, &Discard), 1);
    assert_eq!(*seen.lock().unwrap(), [(0, 2), (0, 2)]);
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
    let engine = Arc::new(crate::harness::engine());
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
