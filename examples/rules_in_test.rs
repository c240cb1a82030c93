//! An alerting rule under test, twice over: by a file of tests in promtool's format, and step by step from Rust. Run both with
//! `cargo test --example rules_in_test`, or the second as a program.

use std::sync::Arc;

use promethium::model::{AppendOptions, Appendable, Labels, MemStore, Point, SeriesKey};
use promethium::promql::{Engine, EngineOptions};
use promethium::rules::{AlertState, Discard, RuleGlobals, RuleManager, RuleOptions, RuleSource};

const RULES: &str = include_str!("rules_in_test/disks.yml");

/// The tests that a team already has, as one test of `cargo test`. What fails is printed as `promtool test rules` prints it.
#[test]
fn the_rules_pass_their_tests() -> Result<(), promethium::rules::unittest::Failures> {
    promethium::rules::unittest::run("examples/rules_in_test/*.test.yml")
}

/// The state of `DiskFull` after each of `free`'s minutes: for what no test file can say, such as what the program does then.
fn states(free: &[f64]) -> Result<Vec<Option<AlertState>>, Box<dyn std::error::Error>> {
    let store = MemStore::new();
    let rules = RuleManager::new(Arc::new(Engine::new(EngineOptions::default())), RuleOptions::default());
    rules.load(&[RuleSource::new("disks.yml", RULES)], &RuleGlobals::default(), 0)?;
    let series = Labels::from_pairs([("__name__", "disk_free_ratio"), ("device", "sda")]);
    let mut states = Vec::new();
    for (minute, value) in (0..).zip(free) {
        let now_ms = minute * 60_000;
        let mut tx = store.appender();
        tx.append(SeriesKey::Labels(&series), Point::float(now_ms, *value), &AppendOptions::default())?;
        tx.commit()?;
        rules.evaluate_all_at(now_ms, &store, &store, &Discard);
        states.push(rules.alerts().first().map(|alert| alert.state));
    }
    Ok(states)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let free = [0.5, 0.09, 0.08, 0.07, 0.06, 0.05, 0.04, 0.3];
    for (minute, state) in states(&free)?.iter().enumerate() {
        println!("minute {minute}: {:?} with {} free", state, free[minute]);
    }
    Ok(())
}

#[test]
fn a_full_disk_pages_after_five_minutes_and_a_free_one_does_not() {
    use AlertState::{Firing, Pending};
    let seen = states(&[0.5, 0.09, 0.08, 0.07, 0.06, 0.05, 0.04, 0.3]).expect("the rules are right");
    let pending = Some(Pending);
    assert_eq!(seen, [None, pending, pending, pending, pending, pending, Some(Firing), None]);
}
