//! Loading again: what runs on, what is carried over, what ends.

use promethium_model::Labels;
use promethium_rules::{AlertState, RuleGlobals, RuleSource};

use crate::harness::World;

const ALERT: &str = "  - alert: Down\n    expr: up == 0\n    for: 5m\n";

fn group(name: &str, rules: &str) -> String {
    format!("- name: {name}\n  rules:\n{rules}")
}

fn file(groups: &[String]) -> String {
    format!("groups:\n{}", groups.concat())
}

#[test]
fn an_unchanged_group_runs_on_even_with_other_external_labels() {
    let text = file(&[group("g", &format!("{ALERT}    annotations: {{from: '{{{{ $externalLabels.site }}}}'}}\n"))]);
    let world = World::new(&text);
    world.put(0, &[("__name__", "up")], 0.0);
    world.tick(0);
    let globals = RuleGlobals::default().with_external_labels(Labels::from_pairs([("site", "x")]));
    // Written differently, but the same rules.
    let again = text.replace("up == 0", "'up   ==   0'");
    let report = world.rules.load(&[RuleSource::new("rules.yml", again)], &globals, 0).unwrap();
    assert_eq!((report.groups, report.rules, report.unchanged, report.removed), (1, 1, 1, 0));
    world.put(290, &[("__name__", "up")], 0.0);
    world.tick(300);
    let alert = &world.rules.alerts()[0];
    assert_eq!((alert.state, alert.active_at_ms), (AlertState::Firing, 0));
    assert_eq!(alert.annotations[0].0, "from");
    assert_eq!(alert.annotations[0].1, "");
}

#[test]
fn a_changed_group_keeps_the_alerts_of_rules_that_are_still_there() {
    let world = World::new(&file(&[group("g", ALERT)]));
    world.put(0, &[("__name__", "up")], 0.0);
    world.tick(0);
    world.load(&file(&[group("g", &format!("{ALERT}  - record: new\n    expr: up\n"))]), 60_000);
    assert_eq!(world.rules.alerts()[0].active_at_ms, 0);
    world.put(290, &[("__name__", "up")], 0.0);
    world.tick(300);
    assert_eq!(world.rules.alerts()[0].state, AlertState::Firing);
    // Counters go on as well.
    assert_eq!(world.rules.metrics().groups[0].evaluations_total, 3);
}

#[test]
fn raising_for_puts_a_firing_alert_back_to_pending() {
    let world = World::new(&file(&[group("g", ALERT)]));
    for at_s in [0, 300] {
        world.put(at_s, &[("__name__", "up")], 0.0);
        world.tick(at_s);
    }
    assert_eq!(world.inbox.take().len(), 1);
    world.load(&file(&[group("g", &ALERT.replace("5m", "10m"))]), 300_000);
    world.put(360, &[("__name__", "up")], 0.0);
    world.tick(360);
    let alert = &world.rules.alerts()[0];
    assert_eq!((alert.state, alert.active_at_ms, alert.fired_at_ms), (AlertState::Pending, 0, None));
    assert!(world.inbox.take().is_empty());
    world.put(600, &[("__name__", "up")], 0.0);
    world.tick(600);
    assert_eq!(world.inbox.take()[0].starts_at_ms, 600_000);
}

#[test]
fn series_of_a_rule_that_is_gone_end_at_the_next_evaluation() {
    let two = "  - {record: a, expr: 1}\n  - {record: b, expr: 2}\n  - {record: b, expr: 2}\n";
    let world = World::new(&file(&[group("g", two)]));
    world.tick(0);
    world.load(&file(&[group("g", "  - {record: b, expr: 2}\n")]), 30_000);
    world.tick(60);
    world.tick(120);
    assert_eq!(world.dump("a"), ["{} 0=1 60=stale"]);
    // Of two equal rules the first pairs up; the series that it still writes is not ended by the other's leaving.
    assert_eq!(world.dump("b"), ["{} 0=2 60=2 120=2"]);
}

#[test]
fn series_of_a_removed_group_end_two_intervals_later_at_the_time_of_removal() {
    let gone = group("gone", "  - {record: a, expr: 1}\n  - {record: moved, expr: 2}\n");
    let world = World::new(&file(&[gone, group("stays", "  - {record: c, expr: 1}\n")]));
    world.tick(0);
    world.load(
        &file(&[group("stays", "  - {record: c, expr: 1}\n"), group("new", "  - {record: moved, expr: 2}\n")]),
        30_000,
    );
    world.tick(60);
    world.run(149_999);
    assert_eq!(world.dump("a"), ["{} 0=1"]);
    assert!(world.rules.next_due_ms(149_999).is_some_and(|due_ms| due_ms <= 150_000));
    world.run(150_000);
    assert_eq!(world.dump("a"), ["{} 0=1 30=stale"]);
    assert!(!world.dump("moved")[0].contains("stale"));
    world.run(1_000_000);
    assert_eq!(world.dump("a"), ["{} 0=1 30=stale"]);
}

/// A thousand groups, one of which changes: only that one is new, and a broken file changes nothing and says why.
#[test]
fn of_a_thousand_groups_only_what_changed_changes() {
    let one = |i: usize, expr: &str| group(&format!("g{i:04}"), &format!("  - {{alert: A{i}, expr: {expr}}}\n"));
    let all = |changed: Option<usize>| {
        let expr = |i: usize| if Some(i) == changed { "up == 1" } else { "up == 0" };
        file(&(0..1_000).map(|i| one(i, expr(i))).collect::<Vec<_>>())
    };
    let world = World::new(&all(None));
    world.put(0, &[("__name__", "up"), ("job", "a")], 0.0);
    world.tick(0);
    let before = world.rules.alerts();
    assert_eq!(before.len(), 1_000);

    let load = |text: &str| world.rules.load(&[RuleSource::new("rules.yml", text)], &RuleGlobals::default(), 30_000);
    let report = load(&all(Some(500))).unwrap();
    assert_eq!((report.groups, report.unchanged, report.removed), (1_000, 999, 0));
    assert_eq!(world.rules.alerts(), before);
    let evaluated = world.rules.groups().iter().filter(|group| group.last_evaluation_ms == Some(0)).count();
    assert_eq!(evaluated, 1_000);

    let broken = all(None).replace("alert: A777", "alert: A777, nosuch: 1");
    let error = load(&broken).unwrap_err().to_string();
    assert!(error.starts_with("rules.yml: ") && error.contains("nosuch"), "{error}");
    assert_eq!(world.rules.alerts(), before);
    assert_eq!(world.rules.groups()[500].rules.len(), 1);
    assert_eq!(load(&all(Some(500))).unwrap().unchanged, 1_000);
}

#[test]
fn further_documents_are_not_read_and_said_to_be_there() {
    let world = World::empty(crate::harness::options());
    let load = |text: &str| {
        world.rules.load(&[RuleSource::new("rules.yml", text)], &RuleGlobals::default(), 0).unwrap().warnings
    };
    let warning = "rules.yml: only the first YAML document is read, the others are ignored";
    assert_eq!(load("groups: []\n---\ngroups: [{name: x}]\n"), [warning]);
    assert_eq!(load("# a\n---\ngroups: []\n---\n# nothing\n"), Vec::<String>::new());
    assert_eq!(load("---\ngroups: []\n"), Vec::<String>::new());
    assert_eq!(load(""), Vec::<String>::new());
}
