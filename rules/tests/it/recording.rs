//! Recording rules: names, labels, staleness, errors.

use promethium_rules::{RuleGlobals, RuleHealth, RuleSource, RuleView};

use crate::harness::World;

fn rule(fields: &str) -> String {
    format!("groups:\n- name: g\n  rules:\n  - record: out\n{fields}")
}

fn outcome(world: &World, rule: usize) -> (RuleHealth, Option<String>) {
    match world.rules.groups()[0].rules[rule].clone() {
        RuleView::Recording(rule) => (rule.health, rule.last_error),
        RuleView::Alerting(rule) => (rule.health, rule.last_error),
    }
}

#[test]
fn results_take_the_rules_name_and_labels() {
    let world = World::new(&rule("    expr: up\n    labels: {team: x, instance: ''}\n"));
    world.put(0, &[("__name__", "up"), ("job", "a"), ("instance", "i"), ("team", "y")], 3.0);
    world.tick(0);
    assert_eq!(world.dump("out"), [r#"{job="a", team="x"} 0=3"#]);
}

#[test]
fn a_scalar_is_one_sample_and_a_string_is_an_error() {
    let world = World::new(&rule("    expr: 42\n  - record: text\n    expr: '\"x\"'\n"));
    world.tick(0);
    assert_eq!(world.dump("out"), ["{} 0=42"]);
    assert_eq!(outcome(&world, 1), (RuleHealth::Err, Some("rule result is not a vector or scalar".to_owned())));
}

#[test]
fn a_series_that_vanishes_is_marked_stale_once() {
    let world = World::new(&rule("    expr: up > 0\n"));
    for (at_s, up) in [(0, 1.0), (60, 0.0), (120, 0.0), (180, 2.0)] {
        world.put(at_s, &[("__name__", "up")], up);
        world.tick(at_s);
    }
    assert_eq!(world.dump("out"), ["{} 0=1 60=stale 180=2"]);
}

#[test]
fn a_failing_rule_marks_nothing_and_stops_nobody() {
    let world = World::new(&rule("    expr: fail(no luck)\n  - record: after\n    expr: up\n"));
    world.put(0, &[("__name__", "up")], 1.0);
    world.tick(0);
    assert_eq!(outcome(&world, 0), (RuleHealth::Err, Some("no luck".to_owned())));
    assert_eq!(outcome(&world, 1), (RuleHealth::Ok, None));
    assert_eq!(world.dump("after"), ["{} 0=1"]);
    let metrics = world.rules.metrics();
    let group = &metrics.groups[0];
    assert_eq!((group.evaluations_total, group.evaluation_failures_total), (2, 1));
    assert_eq!((group.rules, group.last_evaluation_samples, group.iterations_total), (2, 1, 1));
    assert_eq!(group.rule_group, "rules.yml;g");
}

#[test]
fn two_results_of_one_name_and_too_many_results_are_errors() {
    let world = World::new(&rule("    expr: up\n    labels: {job: same}\n"));
    world.put(0, &[("__name__", "up"), ("job", "a")], 1.0);
    world.put(0, &[("__name__", "up"), ("job", "b")], 1.0);
    world.tick(0);
    let error = "vector contains metrics with the same labelset after applying rule labels";
    assert_eq!(outcome(&world, 0), (RuleHealth::Err, Some(error.to_owned())));

    world.load(&rule("    expr: up\n").replace("- name: g\n", "- name: g\n  limit: 1\n"), 0);
    world.tick(60);
    assert_eq!(outcome(&world, 0), (RuleHealth::Err, Some("exceeded limit of 1 with 2 series".to_owned())));
    assert!(world.dump("out").is_empty());
}

#[test]
fn a_refused_sample_is_counted_and_leaves_the_others_in() {
    let world = World::new(&rule("    expr: up\n"));
    for job in ["a", "b"] {
        world.put(0, &[("__name__", "up"), ("job", job)], 1.0);
    }
    world.put(100, &[("__name__", "out"), ("job", "a")], 9.0);
    world.tick(60);
    assert_eq!(outcome(&world, 0), (RuleHealth::Err, Some("out of order sample".to_owned())));
    assert_eq!(world.dump("out"), [r#"{job="a"} 100=9"#, r#"{job="b"} 60=1"#]);
    let group = &world.rules.metrics().groups[0];
    assert_eq!((group.samples_rejected_total, group.evaluation_failures_total), (1, 0));
}

#[test]
fn the_offset_shifts_queries_and_results() {
    let text = rule("    expr: up\n").replace("- name: g\n", "- name: g\n  query_offset: 1m\n");
    let world = World::new(&text);
    world.put(0, &[("__name__", "up")], 1.0);
    world.put(60, &[("__name__", "up")], 2.0);
    world.tick(60);
    world.tick(120);
    assert_eq!(world.dump("out"), ["{} 0=1 60=2"]);

    // The global offset holds for groups that do not say so, of unchanged groups too.
    let world = World::new(&rule("    expr: up\n"));
    let globals = RuleGlobals::default().with_query_offset_ms(30_000);
    world.rules.load(&[RuleSource::new("rules.yml", rule("    expr: up\n"))], &globals, 0).unwrap();
    world.put(0, &[("__name__", "up")], 1.0);
    world.tick(60);
    assert_eq!(world.dump("out"), ["{} 30=1"]);
}
