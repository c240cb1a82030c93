//! Alerting rules: states over time, their series, and what is sent.

use promethium_rules::{AlertState, RuleHealth, RuleView};

use crate::harness::World;

/// A rule file with one alert, `extra` being further fields of it.
fn rule(extra: &str) -> String {
    format!("groups:\n- name: g\n  rules:\n  - alert: Down\n    expr: up == 0\n{extra}")
}

/// One letter a minute: what the rule's alert is after `up` was 0 (`x`), 1 (`.`).
fn states(rule_fields: &str, ups: &str) -> String {
    let world = World::new(&rule(rule_fields));
    let mut out = String::new();
    for (i, up) in ups.chars().enumerate() {
        let at_s = i as i64 * 60;
        world.put(at_s, &[("__name__", "up"), ("job", "a")], f64::from(u8::from(up == '.')));
        world.tick(at_s);
        out.push(match world.rules.alerts().first().map(|alert| alert.state) {
            None => '.',
            Some(AlertState::Pending) => 'p',
            Some(AlertState::Firing) => 'F',
            Some(other) => panic!("{other:?} is no active state"),
        });
    }
    out
}

/// Fields of the rule, `up == 0` a minute, state a minute.
pub(crate) const STATES: &[(&str, &str, &str)] = &[
    ("", ".xx.x", ".FF.F"),
    ("    for: 1s\n", ".xx.x", ".pF.p"),
    ("    for: 2m\n", "xxxx", "ppFF"),
    ("    for: 2m\n", "xx.xxx", "pp.ppF"),
    ("    for: 5m\n", "xxxxxx.", "pppppF."),
    ("    keep_firing_for: 2m\n", "x....x", "FFF..F"),
    ("    keep_firing_for: 2m\n", "x..x...", "FFFFFF."),
    ("    for: 1m\n    keep_firing_for: 1m\n", "x.xx..", "p.pFF."),
    ("    for: 1m\n    keep_firing_for: 90s\n", "xx...xx", "pFFF.pF"),
];

#[test]
fn states_over_time() {
    for (fields, ups, expected) in STATES {
        assert_eq!(states(fields, ups), *expected, "{fields:?} {ups}");
    }
}

#[test]
fn alerts_are_stored_as_series_and_end_in_stale_markers() {
    let world = World::new(&rule("    for: 1m\n    labels: {severity: page}\n"));
    for (at_s, up) in [(0, 0.0), (60, 0.0), (120, 1.0)] {
        world.put(at_s, &[("__name__", "up"), ("job", "a")], up);
        world.tick(at_s);
    }
    let labels = |state: &str| format!(r#"{{alertname="Down", {state}job="a", severity="page"}}"#);
    assert_eq!(
        world.dump("ALERTS"),
        [
            format!("{} 60=1 120=stale", labels(r#"alertstate="firing", "#)),
            format!("{} 0=1 60=stale", labels(r#"alertstate="pending", "#)),
        ]
    );
    assert_eq!(world.dump("ALERTS_FOR_STATE"), [format!("{} 0=0 60=0 120=stale", labels(""))]);
}

#[test]
fn a_later_rule_sees_the_alert_of_an_earlier_one_in_the_same_evaluation() {
    let world = World::new(&rule("  - record: alerts:count\n    expr: sum(ALERTS)\n"));
    world.put(0, &[("__name__", "up")], 0.0);
    world.tick(0);
    assert_eq!(world.dump("alerts:count"), ["{} 0=1"]);
}

#[test]
fn alertname_and_rule_labels_win_over_the_sample_and_empty_ones_delete() {
    let world = World::new(&rule("    labels: {job: '{{ $labels.job }}!', gone: '', kept: '{{ $labels.nosuch }}'}\n"));
    world.put(0, &[("__name__", "up"), ("job", "a"), ("gone", "x"), ("alertname", "y"), ("alertstate", "z")], 0.0);
    world.tick(0);
    let alert = &world.rules.alerts()[0];
    assert_eq!(format!("{:?}", alert.labels), r#"{alertname="Down", alertstate="z", job="a!"}"#);
    // The series start from the rule's labels as written: what rendered to nothing shows its template.
    assert_eq!(
        world.dump("ALERTS"),
        [r#"{alertname="Down", alertstate="firing", job="a!", kept="{{ $labels.nosuch }}"} 0=1"#]
    );
}

#[test]
fn a_template_that_fails_does_not_lose_the_alert() {
    let world = World::new(&rule("    annotations: {summary: '{{ $labels.job | humanize }}'}\n"));
    world.put(0, &[("__name__", "up"), ("job", "one")], 0.0);
    world.tick(0);
    let alert = &world.rules.alerts()[0];
    assert_eq!(
        alert.annotations[0].1,
        "<error expanding template: error executing template __alert_Down: template: __alert_Down:1:129: executing \
         \"__alert_Down\" at <humanize>: error calling humanize: strconv.ParseFloat: parsing \"one\": invalid syntax>"
    );
    assert_eq!(world.inbox.take().len(), 1);
}

#[test]
fn equal_alerts_and_too_many_alerts_are_errors() {
    let world = World::new(&rule("    labels: {job: same}\n"));
    world.put(0, &[("__name__", "up"), ("job", "a")], 0.0);
    world.tick(0);
    assert_eq!(world.rules.alerts().len(), 1);
    world.put(60, &[("__name__", "up"), ("job", "b")], 0.0);
    world.tick(60);
    assert_eq!(
        last_error(&world).as_deref(),
        Some("vector contains metrics with the same labelset after applying alert labels")
    );
    // Nothing changed, and the failed evaluation marked nothing stale.
    assert_eq!(world.rules.alerts()[0].active_at_ms, 0);
    assert_eq!(world.dump("ALERTS").len(), 1);
    assert!(!world.dump("ALERTS")[0].contains("stale"));

    let limited = World::new(&rule("").replace("- name: g\n", "- name: g\n  limit: 1\n"));
    for (at_s, job) in [(0, "a"), (60, "b")] {
        limited.put(at_s, &[("__name__", "up"), ("job", job)], 0.0);
        limited.tick(at_s);
    }
    assert_eq!(last_error(&limited).as_deref(), Some("exceeded limit of 1 with 2 alerts"));
    assert!(limited.rules.alerts().is_empty());
}

fn last_error(world: &World) -> Option<String> {
    match &world.rules.groups()[0].rules[0] {
        RuleView::Alerting(rule) => {
            assert_eq!(rule.health == RuleHealth::Err, rule.last_error.is_some());
            rule.last_error.clone()
        }
        RuleView::Recording(rule) => rule.last_error.clone(),
    }
}

#[test]
fn alerts_are_sent_when_new_when_resolved_and_again_after_the_delay() {
    let world = World::new(&rule("    for: 30s\n    annotations: {summary: 'down {{ $value }}'}\n"));
    let mut sent = Vec::new();
    for at_s in (0..1_200).step_by(30) {
        let up = if at_s < 180 { 0.0 } else { 1.0 };
        world.put(at_s, &[("__name__", "up"), ("job", "a")], up);
        world.tick(at_s);
        sent.extend(world.inbox.take().into_iter().map(|alert| (at_s, alert)));
    }
    // Firing from 30 s; again when more than a minute has passed; resolved at 180 s, sent again for 15 minutes.
    let times: Vec<i64> = sent.iter().map(|(at_s, _)| *at_s).collect();
    let resolved = (180..=1_080).step_by(90);
    assert_eq!(times, [30, 120].into_iter().chain(resolved).collect::<Vec<i64>>());
    let (_, first) = &sent[0];
    assert_eq!((first.starts_at_ms, first.ends_at_ms), (30_000, 30_000 + 4 * 60_000));
    assert_eq!(first.generator_url, "http://prom/graph?g0.expr=up+%3D%3D+0&g0.tab=1");
    assert_eq!(first.annotations, [("summary".to_owned(), "down 0".to_owned())]);
    assert_eq!(format!("{:?}", first.labels), r#"{alertname="Down", job="a"}"#);
    assert!(sent[2..].iter().all(|(_, alert)| alert.ends_at_ms == 180_000 && alert.starts_at_ms == 30_000));
}

#[test]
fn the_view_shows_state_and_rule() {
    let world = World::new(&rule("    for: 5m\n    labels: {severity: '{{ $value }}'}\n"));
    let view = |world: &World| match world.rules.groups()[0].rules[0].clone() {
        RuleView::Alerting(rule) => rule,
        RuleView::Recording(rule) => panic!("{rule:?}"),
    };
    let before = view(&world);
    assert_eq!(
        (before.state, before.health, before.last_evaluation_ms),
        (AlertState::Unknown, RuleHealth::Unknown, None)
    );
    world.tick(0);
    assert_eq!(view(&world).state, AlertState::Inactive);
    world.put(60, &[("__name__", "up")], 0.0);
    world.tick(60);
    let after = view(&world);
    assert_eq!(
        (after.state, after.health, after.last_evaluation_ms),
        (AlertState::Pending, RuleHealth::Ok, Some(60_000))
    );
    assert_eq!((after.query.as_str(), after.duration_ms), ("up == 0", 300_000));
    assert_eq!(after.labels, [("severity".to_owned(), "{{ $value }}".to_owned())]);
    assert_eq!(after.alerts[0].labels.get("severity"), Some("0"));
}
