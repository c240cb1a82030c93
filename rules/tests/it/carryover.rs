//! Series over failures, changes of the group and rules that come and go, against a model that keeps plain lists.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use promethium_model::{Labels, Matcher, MemStore, QueryError, QueryableExt, TimeRange, is_stale};
use promethium_rules::testing::{ScriptedEngine, vector};
use promethium_rules::{Discard, RuleGlobals, RuleManager, RuleSource};
use proptest::prelude::*;

use crate::harness::options;

const SERIES: usize = 3;
const RULES: [&str; 2] = ["a", "b"];

/// What each rule's query gives: the numbers of its series, or nothing when it fails.
type Results = BTreeMap<&'static str, Option<BTreeSet<usize>>>;

fn engine(results: &Arc<Mutex<Results>>) -> Arc<ScriptedEngine> {
    let results = Arc::clone(results);
    Arc::new(ScriptedEngine::new(move |asked| {
        let results = results.lock().unwrap();
        let series = results[asked.query].as_ref().ok_or_else(|| QueryError::Execution("asked to".to_owned()))?;
        Ok(vector(asked.time_ms, series.iter().map(|n| (Labels::from_pairs([("n", n.to_string())]), 1.0))))
    }))
}

#[derive(Clone, Debug)]
enum Step {
    /// Evaluate; per rule the series that it gives, `None` when it fails.
    Tick([Option<[bool; SERIES]>; 2]),
    /// Load a group with these rules, in this order; another limit makes it another group.
    Load { rules: Vec<&'static str>, limit: u8 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let result = || prop::option::weighted(0.85, any::<[bool; SERIES]>());
    let tick = [result(), result()].prop_map(Step::Tick);
    let rules = prop::sample::subsequence(RULES.to_vec(), 0..=2).prop_shuffle();
    let load = (rules, 10u8..12).prop_map(|(rules, limit)| Step::Load { rules, limit });
    prop::collection::vec(prop_oneof![3 => tick, 1 => load], 1..30)
}

/// Times and values, `None` for a stale marker.
type Samples = Vec<(i64, Option<f64>)>;

/// What should be stored: per rule and series its samples.
#[derive(Default)]
struct Model {
    rules: Vec<&'static str>,
    limit: u8,
    given: BTreeMap<&'static str, BTreeSet<usize>>,
    vanished: Vec<(&'static str, usize)>,
    stored: BTreeMap<(&'static str, usize), Samples>,
}

impl Model {
    fn load(&mut self, rules: &[&'static str], limit: u8) {
        if (self.rules.as_slice(), self.limit) == (rules, limit) {
            return;
        }
        for rule in self.rules.iter().filter(|rule| !rules.contains(rule)) {
            let gone = self.given.remove(rule).unwrap_or_default();
            self.vanished.extend(gone.into_iter().map(|n| (*rule, n)));
        }
        (self.rules, self.limit) = (rules.to_vec(), limit);
    }

    fn tick(&mut self, ts_ms: i64, results: &Results) {
        for rule in self.rules.clone() {
            let Some(now) = &results[rule] else { continue };
            let before = self.given.insert(rule, now.clone()).unwrap_or_default();
            now.iter().for_each(|n| self.store(rule, *n, ts_ms, Some(1.0)));
            before.difference(now).for_each(|n| self.store(rule, *n, ts_ms, None));
        }
        for (rule, n) in std::mem::take(&mut self.vanished) {
            self.store(rule, n, ts_ms, None);
        }
    }

    /// The first sample of a time stands.
    fn store(&mut self, rule: &'static str, n: usize, ts_ms: i64, value: Option<f64>) {
        let samples = self.stored.entry((rule, n)).or_default();
        if samples.last().is_none_or(|(newest_ms, _)| *newest_ms < ts_ms) {
            samples.push((ts_ms, value));
        }
    }
}

fn stored(store: &MemStore, rule: &str, n: usize) -> Option<Samples> {
    let matchers = [Matcher::equal("__name__", rule), Matcher::equal("n", n.to_string())];
    let found = store.read_all(TimeRange::ALL, &matchers).unwrap();
    let (_, batch) = found.first()?;
    let values = batch.floats.iter().map(|v| (!is_stale(*v)).then_some(*v));
    Some(batch.timestamps.iter().copied().zip(values).collect())
}

fn file(rules: &[&str], limit: u8) -> String {
    let rules: Vec<String> = rules.iter().map(|name| format!("{{record: {name}, expr: {name}}}")).collect();
    format!("groups: [{{name: g, limit: {limit}, rules: [{}]}}]", rules.join(", "))
}

proptest! {
    #[test]
    fn series_are_stored_and_ended_as_the_model_says(steps in steps()) {
        let table: Arc<Mutex<Results>> = Arc::default();
        let manager = RuleManager::new(engine(&table), options());
        let (store, mut model, mut ts_ms) = (MemStore::new(), Model::default(), 0);
        manager.load(&[RuleSource::new("f", file(&[], 0))], &RuleGlobals::default(), 0).unwrap();
        for step in steps {
            match step {
                Step::Load { rules, limit } => {
                    let source = RuleSource::new("f", file(&rules, limit));
                    manager.load(&[source], &RuleGlobals::default(), ts_ms).unwrap();
                    model.load(&rules, limit);
                }
                Step::Tick(results) => {
                    ts_ms += 60_000;
                    let numbers = |seen: [bool; SERIES]| (0..SERIES).filter(|n| seen[*n]).collect();
                    let results: Results = RULES.into_iter().zip(results.map(|r| r.map(numbers))).collect();
                    *table.lock().unwrap() = results.clone();
                    manager.evaluate_all_at(ts_ms, &store, &store, &Discard);
                    model.tick(ts_ms, &results);
                }
            }
            for (rule, n) in RULES.iter().flat_map(|rule| (0..SERIES).map(move |n| (*rule, n))) {
                prop_assert_eq!(stored(&store, rule, n), model.stored.get(&(rule, n)).cloned(), "{} {}", rule, n);
            }
        }
    }
}
