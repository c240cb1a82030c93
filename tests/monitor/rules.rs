//! Rules through the monitor: wrong files, chains of rules, and an alert from pending to resolved.

use std::sync::Arc;

use promethium::MonitorError;
use promethium::rules::{Alert, AlertState, RuleGlobals, RuleSource};

use crate::support::{Page, Recorder, Rig, STEP_MS};

const GOOD: &str = "groups: [{name: g, interval: 15s, rules: [{record: twice, expr: 'jobs_total * 2'}]}]";

/// Wrong in expression, rule, duration, field and YAML.
const WRONG: [(&str, &str); 5] = [
    (
        "groups:\n- name: g\n  rules:\n  - record: fresh\n    expr: vector(1)\n  - record: other\n    expr: sum(\n",
        "wrong.yml: 7:11: group \"g\", rule 2, \"other\": could not parse expression: 1:5: parse error: unclosed left parenthesis",
    ),
    (
        "groups:\n- name: g\n  rules:\n  - alert: A\n    record: b\n    expr: up\n",
        "wrong.yml: 5:13: 4:12: group \"g\", rule 1, \"A\": only one of 'record' and 'alert' must be set",
    ),
    ("groups:\n- name: g\n  interval: soon\n", "wrong.yml: 3:13: not a valid duration string: \"soon\""),
    (
        "groups:\n- name: g\n  colour: red\n",
        "wrong.yml: 3:3: unknown field `colour`, expected one of name, interval, query_offset, limit, labels, rules",
    ),
    ("groups:\n- name: [\n", "wrong.yml: 2:9: expected string scalar"),
];

#[test]
fn a_wrong_rule_file_is_refused_with_file_line_and_column() {
    for (text, error) in WRONG {
        let builder = promethium::Monitor::builder().rules(RuleSource::new("good.yml", GOOD));
        let found = builder.rules(RuleSource::new("wrong.yml", text)).build().unwrap_err();
        assert_eq!(found.to_string(), error);
        assert!(matches!(found, MonitorError::Rules(_)));
    }
}

#[test]
fn a_wrong_rule_file_at_a_reload_changes_nothing() {
    let page = Page::new("jobs_total 4\n");
    let rig = Rig::new(|m| m.target(page.target("app")).rules(RuleSource::new("good.yml", GOOD)));
    rig.run(3);
    assert_eq!(rig.value("twice"), Some(8.0));
    let fresh = "groups: [{name: h, interval: 15s, rules: [{record: fresh, expr: vector(1)}]}]";
    for (text, error) in WRONG {
        let sources = [RuleSource::new("fresh.yml", fresh), RuleSource::new("wrong.yml", text)];
        let found = rig.monitor.reload_rules(&sources, &RuleGlobals::default()).unwrap_err();
        assert_eq!(found.to_string(), error);
        page.set(&format!("jobs_total {}\n", text.len()));
        rig.run_seconds(31);
        assert_eq!(rig.value("twice"), Some(2.0 * text.len() as f64), "the old rules go on");
        assert_eq!(rig.value("fresh"), None, "half of a load");
        assert_eq!(rig.monitor.rule_groups().len(), 1);
    }
}

#[test]
fn a_reload_replaces_the_rules_and_ends_their_series() {
    let page = Page::new("jobs_total 4\n");
    let rig = Rig::new(|m| m.target(page.target("app")).rules(RuleSource::new("r.yml", GOOD)));
    rig.run(3);
    let thrice = "groups: [{name: g, interval: 15s, rules: [{record: thrice, expr: 'jobs_total * 3'}]}]";
    let report = rig.monitor.reload_rules(&[RuleSource::new("r.yml", thrice)], &RuleGlobals::default()).unwrap();
    assert_eq!((report.groups, report.rules, report.unchanged), (1, 1, 0));
    rig.run(4);
    assert_eq!((rig.value("twice"), rig.value("thrice")), (None, Some(12.0)));
}

#[test]
fn a_rule_sees_what_the_rule_before_it_stored() {
    let chain = "groups: [{name: g, interval: 15s, rules: [
        {record: doubled, expr: 'jobs_total * 2'},
        {record: quadrupled, expr: 'doubled * 2'},
        {alert: Many, expr: 'quadrupled > 30'}]}]";
    let page = Page::new("jobs_total 5\n");
    let rig = Rig::new(|m| m.target(page.target("app")).rules(RuleSource::new("r.yml", chain)));
    rig.run(2);
    for jobs in [6.0, 7.0, 8.0] {
        page.set(&format!("jobs_total {jobs}\n"));
        let last_ms = rig.run_seconds(31);
        let stored = |name: &str| {
            rig.value_at(&format!("{name} == {}", jobs * if name == "doubled" { 2.0 } else { 4.0 }), last_ms)
        };
        assert_eq!((stored("doubled"), stored("quadrupled")), (Some(jobs * 2.0), Some(jobs * 4.0)));
    }
    assert_eq!(rig.monitor.alerts()[0].state, AlertState::Firing);
}

const QUEUE: &str = r#"
groups:
- name: queue
  interval: 15s
  rules:
  - alert: QueueTooLong
    expr: queue_length > 10
    for: 30s
    labels: {severity: page}
    annotations: {summary: "{{ $labels.instance }} has {{ $value }} waiting"}
"#;

#[test]
fn an_alert_is_pending_then_fires_then_is_resolved() {
    let (page, told) = (Page::new("queue_length 3\n"), Arc::new(Recorder::default()));
    let rig = Rig::new(|m| {
        let m = m.target(page.target("app")).rules(RuleSource::new("queue.yml", QUEUE));
        m.notifier(told.clone()).external_url("http://monitor.example")
    });
    let state = |rig: &Rig| rig.monitor.alerts().first().map(|alert| alert.state);
    rig.run_seconds(31);
    assert_eq!(state(&rig), None);

    page.set("queue_length 12\n");
    rig.run_seconds(30);
    let pending = rig.monitor.alerts().remove(0);
    assert_eq!((pending.state, pending.value), (AlertState::Pending, 12.0));
    assert_eq!(rig.value("ALERTS{alertstate='pending'}"), Some(1.0));
    assert!(told.take().is_empty(), "a pending alert is nobody's business");

    rig.run_seconds(30);
    assert_eq!(state(&rig), Some(AlertState::Firing));
    assert_eq!(rig.value("ALERTS{alertstate='firing', severity='page'}"), Some(1.0));
    assert_eq!(rig.value("ALERTS{alertstate='pending'}"), None);
    let fired = told.take();
    check_fired(&fired, pending.active_at_ms + 2 * STEP_MS);

    page.set("queue_length 1\n");
    let last_ms = rig.run_seconds(30);
    assert_eq!(state(&rig), None);
    assert_eq!(rig.value("ALERTS"), None);
    let resolved = told.take();
    assert_eq!(resolved.len(), 1);
    assert!((fired[0].starts_at_ms + 1..=last_ms).contains(&resolved[0].ends_at_ms), "{resolved:?}");
    assert_eq!((&resolved[0].labels, resolved[0].starts_at_ms), (&fired[0].labels, fired[0].starts_at_ms));
}

/// What the notifier is told when `QueueTooLong` fires.
fn check_fired(alerts: &[Alert], starts_at_ms: i64) {
    let [alert] = alerts else { panic!("{alerts:?}") };
    let labels = r#"{alertname="QueueTooLong", instance="in-process", job="app", severity="page"}"#;
    assert_eq!(alert.labels.to_string(), labels);
    assert_eq!(alert.annotations, [("summary".to_owned(), "in-process has 12 waiting".to_owned())]);
    assert_eq!(alert.starts_at_ms, starts_at_ms);
    assert!(alert.ends_at_ms > starts_at_ms);
    assert_eq!(alert.generator_url, "http://monitor.example/graph?g0.expr=queue_length+%3E+10&g0.tab=1");
}

#[test]
fn a_rule_that_fails_is_in_its_health_and_holds_up_nobody() {
    let failing = "groups: [{name: g, interval: 15s, rules: [
        {record: broken, expr: 'a * on(job) b'},
        {record: fine, expr: 'count(a)'}]}]";
    let page = Page::new("a{x=\"1\"} 1\na{x=\"2\"} 1\nb{x=\"1\"} 1\nb{x=\"2\"} 1\n");
    let rig = Rig::new(|m| m.target(page.target("app")).rules(RuleSource::new("r.yml", failing)));
    rig.run_seconds(31);
    assert_eq!((rig.value("broken"), rig.value("fine")), (None, Some(2.0)));
    let groups = rig.monitor.rule_groups();
    let promethium::rules::RuleView::Recording(broken) = &groups[0].rules[0] else { panic!("{groups:?}") };
    assert_eq!(broken.health, promethium::rules::RuleHealth::Err);
    assert!(broken.last_error.as_ref().unwrap().contains("many-to-many"), "{:?}", broken.last_error);
    assert_eq!(
        rig.own_metric("prometheus_rule_evaluation_failures_total{rule_group=\"r.yml;g\"}").as_deref(),
        Some("2")
    );
}
