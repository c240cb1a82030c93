//! When groups run: on their grid, never twice, late ones once.

use promethium_rules::{Grid, RuleGlobals, RuleSource};

use crate::harness::{World, options};

const RULES: &str = "groups:\n- name: fast\n  interval: 10s\n  rules: [{record: fast, expr: 1}]\n\
                     - name: slow\n  rules: [{record: slow, expr: 1}]\n";

#[test]
fn groups_run_at_their_grid_points_and_write_with_grid_time() {
    let world = World::new(RULES);
    let mut now_ms = 0;
    let mut runs = 0;
    while let Some(due_ms) = world.rules.next_due_ms(now_ms).filter(|due_ms| *due_ms < 120_000) {
        assert!(due_ms > now_ms);
        assert_eq!(world.run(due_ms - 1), 0);
        runs += world.run(due_ms);
        assert_eq!(world.run(due_ms), 0);
        now_ms = due_ms;
    }
    assert_eq!(runs, 12 + 2);
    for (name, interval_ms) in [("fast", 10_000), ("slow", 60_000)] {
        let grid = Grid::new("rules.yml", name, interval_ms);
        let first_ms = grid.newest_ms(0) + interval_ms;
        let expected: Vec<String> =
            (0..120_000 / interval_ms).map(|i| format!("{}=1", (first_ms + i * interval_ms) / 1_000)).collect();
        assert_eq!(world.dump(name), [format!("{{}} {}", expected.join(" "))]);
    }
}

#[test]
fn a_late_call_runs_once_at_the_newest_point_and_counts_what_was_missed() {
    let world = World::new(RULES);
    world.run(10_000);
    world.run(45_000);
    let metrics = world.rules.metrics();
    let fast = &metrics.groups[0];
    assert_eq!((fast.rule_group.as_str(), fast.interval_seconds), ("rules.yml;fast", 10.0));
    assert_eq!((fast.iterations_missed_total, fast.iterations_total, fast.evaluations_total), (2, 4, 2));
    let newest_ms = Grid::new("rules.yml", "fast", 10_000).newest_ms(45_000);
    assert_eq!(fast.last_evaluation_timestamp_seconds, newest_ms as f64 / 1e3);
}

#[test]
fn the_global_interval_is_for_groups_without_one() {
    let world = World::empty(options());
    assert_eq!(world.rules.next_due_ms(0), None);
    let globals = RuleGlobals::default().with_evaluation_interval_ms(5_000);
    world.rules.load(&[RuleSource::new("rules.yml", RULES)], &globals, 0).unwrap();
    let intervals: Vec<i64> = world.rules.groups().iter().map(|group| group.interval_ms).collect();
    assert_eq!(intervals, [10_000, 5_000]);
}

#[test]
fn a_clock_that_is_set_back_does_not_stop_the_rules() {
    let world = World::new(RULES);
    world.run(1_000_000);
    assert!(world.rules.next_due_ms(100_000).is_some_and(|due_ms| due_ms <= 100_000));
    assert_eq!(world.run(100_000), 2);
    assert!(world.rules.next_due_ms(100_000).is_some_and(|due_ms| due_ms > 100_000 && due_ms <= 110_000));
}
