//! Alerts over a restart: what the second process makes of what the first one stored.

use std::sync::Arc;

use promethium_model::ManualClock;
use promethium_rules::{AlertState, Grid, RuleGlobals, RuleManager, RuleOptions, RuleSource};

use crate::harness::{Inbox, World, engine};

const RULES: &str = "groups:\n- name: g\n  rules:\n  - {alert: Long, expr: up == 0, for: 30m, labels: {severity: page}}\n\
                     \x20 - {alert: Short, expr: up == 0, for: 5m}\n";
const MINUTE_MS: i64 = 60_000;

fn process(now_ms: i64) -> RuleManager {
    let options = RuleOptions::default().with_clock(Arc::new(ManualClock::new(0)));
    let manager = RuleManager::new(Arc::new(engine()), options);
    manager.load(&[RuleSource::new("rules.yml", RULES)], &RuleGlobals::default(), now_ms).unwrap();
    manager
}

fn grid_ms(minute: i64) -> i64 {
    // The first millisecond at which the slot has come.
    Grid::new("rules.yml", "g", MINUTE_MS).newest_ms(minute * MINUTE_MS) + MINUTE_MS + 1
}

/// Minute by minute while `up` is 0; gives when each alert began to fire.
fn run(manager: &RuleManager, world: &World, minutes: std::ops::Range<i64>) -> [Option<i64>; 2] {
    let mut fired = [None, None];
    for minute in minutes {
        world.put(minute * 60, &[("__name__", "up"), ("job", "a")], 0.0);
        manager.evaluate(grid_ms(minute), &world.store, &world.store, &world.inbox);
        for alert in manager.alerts().iter().filter(|alert| alert.state == AlertState::Firing) {
            let i = usize::from(alert.labels.get("alertname") == Some("Short"));
            fired[i].get_or_insert(minute);
        }
    }
    fired
}

#[test]
fn an_alert_goes_on_where_it_was_and_a_short_one_begins_anew() {
    let world = World::empty(RuleOptions::default());
    assert_eq!(run(&process(grid_ms(0) - 1), &world, 1..11), [None, Some(6)]);
    // Nine minutes of 30 were spent by minute 10; the time up to the restoration at minute 16 does not count. Storage knows
    // whole seconds, which makes it one evaluation more.
    assert_eq!(run(&process(grid_ms(14)), &world, 15..50), [Some(16 + 21 + 1), Some(20)]);
}

#[test]
fn an_alert_that_fired_fires_again_at_once() {
    let world = World::empty(RuleOptions::default());
    assert_eq!(run(&process(grid_ms(0) - 1), &world, 1..40), [Some(31), Some(6)]);
    // After the second evaluation its time is back; the third fires.
    assert_eq!(run(&process(grid_ms(44)), &world, 45..60), [Some(47), Some(50)]);
}

#[test]
fn an_outage_beyond_the_tolerance_is_forgotten() {
    let world = World::empty(RuleOptions::default());
    run(&process(grid_ms(0) - 1), &world, 1..40);
    assert_eq!(run(&process(grid_ms(109)), &world, 110..150), [Some(140), Some(115)]);
}

#[test]
fn nothing_is_written_before_and_groups_of_later_loads_write_at_once() {
    let world = World::empty(RuleOptions::default());
    let manager = process(grid_ms(0) - 1);
    run(&manager, &world, 1..3);
    assert!(world.dump("ALERTS").is_empty());
    run(&manager, &world, 3..4);
    assert_eq!(world.dump("ALERTS").len(), 2);

    let other = RuleSource::new("other.yml", "groups: [{name: h, rules: [{alert: Late, expr: up == 0}]}]");
    let sources = [RuleSource::new("rules.yml", RULES), other];
    manager.load(&sources, &RuleGlobals::default(), grid_ms(3)).unwrap();
    manager.evaluate(grid_ms(5), &world.store, &world.store, &Inbox::default());
    assert!(world.dump("ALERTS").iter().any(|line| line.contains("Late")));
}
