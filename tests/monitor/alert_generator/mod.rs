//! The four cases of Prometheus' compliance suite for alert generators, on a simulated clock but through the doors: what
//! `/api/v1/rules`, `/api/v1/alerts`, `query` and `query_range` of `ALERTS` answer over HTTP, and what a server in
//! Alertmanager's place is sent.
//!
//! Samples come every 15 seconds, as by remote write; groups run every 30 seconds.

mod world;

use std::collections::BTreeMap;

use world::{INTERVAL_S, Received, STEP_S, Series, World, seconds_of};

/// Times of one kind of message, as distances from one to the next.
fn distances(times: &[i64]) -> Vec<i64> {
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn pending_and_firing_and_resolved() {
    let rule = "PendingAndFiringAndResolved";
    let mut world = World::new(&format!(
        "  - alert: {rule}\n    expr: m > 10\n    for: 90s\n    labels: {{rulegroup: PF, foo: bar}}\n    annotations: {{summary: 'value {{{{ $value }}}}'}}\n"
    ));
    let series: &[Series<'_>] = &[("m", &[("variant", "one")])];
    // Low, high for five minutes in three steps, low for 18 minutes, high, low.
    let value = |_: &str, s: i64| {
        Some(match s {
            ..120 => 5.0,
            120..180 => 12.0,
            180..300 => 15.0,
            300..420 => 18.0,
            420..1_500 => 3.0,
            1_500..1_800 => 20.0,
            _ => 1.0,
        })
    };
    let mut timeline: Vec<(String, i64)> = Vec::new();
    let mut texts = std::collections::BTreeSet::new();
    let mut until_s = 0;
    while until_s < 2_100 {
        until_s += STEP_S;
        world.run(until_s, series, value);
        if until_s < 60 {
            continue;
        }
        let shown = world.shown(rule);
        for alert in &shown.alerts {
            assert_eq!(
                alert["labels"],
                serde_json::json!({"alertname": rule, "foo": "bar", "rulegroup": "PF", "variant": "one"})
            );
            // In both states annotations follow the value.
            let text = alert["annotations"]["summary"].as_str().unwrap();
            let seen: f64 = alert["value"].as_str().unwrap().parse().unwrap();
            assert_eq!(text, format!("value {seen}"));
            texts.insert((shown.state.clone(), text.to_owned()));
            assert!(seconds_of(&alert["activeAt"]) <= until_s);
        }
        if timeline.last().is_none_or(|(last, _)| *last != shown.state) {
            timeline.push((shown.state, until_s));
        }
    }
    world.check_range(rule);
    for (state, text) in [
        ("pending", "value 12"),
        ("pending", "value 15"),
        ("firing", "value 15"),
        ("firing", "value 18"),
        ("firing", "value 20"),
    ] {
        assert!(texts.contains(&(state.to_owned(), text.to_owned())), "{state} with {text}: {texts:?}");
    }
    let states: Vec<&str> = timeline.iter().map(|(state, _)| state.as_str()).collect();
    assert_eq!(states, ["inactive", "pending", "firing", "inactive", "pending", "firing", "inactive"]);
    let pending_for = [timeline[2].1 - timeline[1].1, timeline[5].1 - timeline[4].1];
    assert_eq!(pending_for, [90, 90]);

    let received = world.of(rule);
    let firing: Vec<&&Received> = received.iter().filter(|a| a.ends_s > a.at_s).collect();
    let resolved: Vec<&&Received> = received.iter().filter(|a| a.ends_s <= a.at_s).collect();
    let episodes: BTreeMap<i64, Vec<i64>> = firing.iter().fold(BTreeMap::new(), |mut map, a| {
        map.entry(a.starts_s).or_insert_with(Vec::new).push(a.at_s);
        map
    });
    assert_eq!(episodes.len(), 2);
    for times in episodes.values() {
        // Again when more than a minute has passed, at the next evaluation.
        assert!(times.len() >= 2 && distances(times).iter().all(|d| *d == 90), "{times:?}");
    }
    assert!(firing.iter().all(|a| (a.ends_s - a.at_s - 4 * 60).abs() <= 1), "endsAt four delays ahead");
    // Both values of its time were sent, and the second alert's own.
    let summaries: Vec<&str> = firing.iter().map(|a| a.annotations["summary"].as_str().unwrap()).collect();
    assert!(["value 15", "value 18", "value 20"].iter().all(|text| summaries.contains(text)), "{summaries:?}");
    assert!(firing.iter().all(|a| a.labels["foo"] == "bar" && a.labels["variant"] == "one"));
    assert_eq!(firing[0].url, "http://prom/graph?g0.expr=m+%3E+10&g0.tab=1");
    // Resolved: at once, then every 90 seconds for a quarter of an hour; the first ends when the second alert starts.
    let first: Vec<i64> = resolved.iter().filter(|a| a.ends_s < 1_500).map(|a| a.at_s).collect();
    assert!(first.len() >= 10 && distances(&first).iter().all(|d| *d == 90), "{first:?}");
    assert!(first.last().unwrap() - first[0] <= 900);
    let ends: Vec<i64> = resolved.iter().filter(|a| a.ends_s < 1_500).map(|a| a.ends_s).collect();
    assert!(ends.iter().all(|end| *end == ends[0]) && first[0] - ends[0] <= 1);
}

#[test]
fn a_resolved_alert_is_silent_once_a_new_one_begins() {
    let rule = "Again";
    let mut world = World::new(&format!(
        "  - alert: {rule}\n    expr: m > 10\n    for: 60s\n    annotations: {{s: '{{{{ $value }}}}'}}\n"
    ));
    let series: &[Series<'_>] = &[("m", &[("variant", "one")])];
    world.run(1_200, series, |_, s| Some(if (120..300).contains(&s) || s >= 480 { 20.0 } else { 0.0 }));
    let received = world.of(rule);
    let resolved: Vec<i64> = received.iter().filter(|a| a.ends_s <= a.at_s).map(|a| a.at_s).collect();
    assert!(!resolved.is_empty() && resolved.iter().all(|at| *at < 480 + INTERVAL_S), "{resolved:?}");
}

#[test]
fn pending_and_resolved_and_always_inactive() {
    let mut world = World::new(
        "  - alert: PendingAndResolved\n    expr: m > 10\n    for: 10m\n  - alert: AlwaysInactive\n    expr: m < 0\n    for: 30s\n",
    );
    let series: &[Series<'_>] = &[("m", &[("variant", "one")])];
    // Data stops: the alert goes when the last sample is older than the lookback.
    let value = |_: &str, s: i64| (s < 300).then_some(if s >= 120 { 12.0 } else { 5.0 });
    let mut seen = Vec::new();
    let mut until_s = 60;
    world.run(until_s, series, value);
    while until_s < 900 {
        until_s += STEP_S;
        world.run(until_s, series, value);
        let state = world.shown("PendingAndResolved").state;
        if seen.last() != Some(&state) {
            seen.push(state);
        }
        let never = world.shown("AlwaysInactive");
        assert_eq!((never.state.as_str(), never.alerts.len()), ("inactive", 0));
    }
    world.check_range("PendingAndResolved");
    world.check_range("AlwaysInactive");
    assert_eq!(seen, ["inactive", "pending", "inactive"]);
    assert!(world.received.is_empty(), "{:?}", world.received);
}

#[test]
fn zero_for_and_small_for_with_templates() {
    let mut world = World::new(
        r#"  - alert: ZeroFor
    expr: m > 10
    labels: {rulegroup: Z, ba_dum: 'ts{{ if true }}s{{ end }}'}
    annotations:
      defined: '{{ define "x" }}{{ .arg0 }}/{{ .arg1 }}{{ end }}{{ template "x" (args $labels.variant 2) }}'
      queried: '{{ with query "m" | sortByLabel "variant" | first }}{{ label "variant" . }} {{ . | value }}{{ end }}'
      ranged: '{{ range query "m" | sortByLabel "variant" }}{{ .Labels.variant }}={{ .Value }};{{ end }}'
      human: '{{ humanize 1048576 }} {{ humanize1024 1048576 }} {{ humanizeDuration 135.3563 }} {{ humanizePercentage 0.5 }} {{ humanizeTimestamp 0 }}'
      texts: '{{ title "aa bb" }} {{ toUpper "x" }} {{ toLower "Y" }} {{ stripPort "h:1" }} {{ parseDuration "1m" }} {{ match "a.c" "abc" }} {{ reReplaceAll "a(.)" "$1" "ab" }}'
  - alert: SmallFor
    expr: m > 10
    for: 5s
    annotations: {summary: '{{ $value }}'}
"#,
    );
    let series: &[Series<'_>] = &[("m", &[("variant", "one")]), ("m", &[("variant", "two")])];
    let value = |id: &str, s: i64| Some(if id == "one" && (120..300).contains(&s) { 12.0 } else { 3.0 });
    let mut states = [Vec::new(), Vec::new()];
    let mut until_s = 60;
    world.run(until_s, series, value);
    while until_s < 1_500 {
        until_s += STEP_S;
        world.run(until_s, series, value);
        for (rule, states) in ["ZeroFor", "SmallFor"].into_iter().zip(&mut states) {
            states.push(world.shown(rule).state);
            states.dedup();
        }
    }
    assert_eq!(states, [vec!["inactive", "firing", "inactive"], vec!["inactive", "pending", "firing", "inactive"]]);
    world.check_range("ZeroFor");
    world.check_range("SmallFor");
    let zero = world.of("ZeroFor");
    let small = world.of("SmallFor");
    let first = zero[0];
    // `for: 0` fires in the evaluation that sees it, a small one in the next.
    assert_eq!(small[0].at_s - first.at_s, INTERVAL_S);
    assert!((first.at_s - first.starts_s).abs() <= 1 && first.at_s - 120 <= INTERVAL_S + 1);
    for (name, text) in [
        ("defined", "one/2"),
        ("queried", "one 12"),
        ("ranged", "one=12;two=3;"),
        ("human", "1.049M 1Mi 2m 15s 50% 1970-01-01 00:00:00 +0000 UTC"),
        ("texts", "Aa Bb X y h 60 true b"),
    ] {
        assert_eq!(first.annotations[name], text, "{name}");
    }
    assert_eq!(first.labels["ba_dum"], "tss");
    for received in [&zero, &small] {
        let resolved: Vec<i64> = received.iter().filter(|a| a.ends_s <= a.at_s).map(|a| a.at_s).collect();
        let span = resolved.last().unwrap() - resolved[0];
        assert!((800..=900).contains(&span), "resolved messages end after a quarter of an hour: {resolved:?}");
    }
}

#[test]
fn new_alerts_and_the_order_of_rules() {
    let mut world = World::new(
        r#"  - alert: NewAlerts
    expr: m > 10
    for: 60s
    labels: {variant: 'was {{ $labels.variant }}', copy: '{{ $labels.variant }}'}
    annotations: {summary: '{{ $labels.variant }}'}
  - alert: OrderCheck
    expr: count(ALERTS{alertname="NewAlerts"}) > 0
    annotations: {count: '{{ $value }}'}
"#,
    );
    let series: &[Series<'_>] =
        &[("m", &[("variant", "one")]), ("m", &[("variant", "two")]), ("m", &[("variant", "three")])];
    let value = |id: &str, s: i64| {
        let from = match id {
            "one" => 120,
            "two" => 180,
            _ => 240,
        };
        Some(if s >= from { 12.0 } else { 0.0 })
    };
    let mut most = 0;
    let mut until_s = 60;
    world.run(until_s, series, value);
    while until_s < 600 {
        until_s += STEP_S;
        world.run(until_s, series, value);
        let shown = world.shown("NewAlerts");
        let (state, alerts) = (&shown.state, shown.states());
        let order = world.shown("OrderCheck").state;
        // A later rule sees what an earlier one wrote in the same evaluation.
        assert_eq!(order == "firing", !alerts.is_empty(), "at {until_s}");
        assert!(alerts.len() >= most && (*state == "inactive") == alerts.is_empty());
        most = alerts.len();
        if let Some(last) = world.of("OrderCheck").iter().rfind(|a| a.at_s + 1 == world.now_s) {
            assert_eq!(last.annotations["count"], alerts.len().to_string());
        }
    }
    assert_eq!(most, 3);
    world.check_range("NewAlerts");
    world.check_range("OrderCheck");
    // Templates see the sample's own labels, also where the rule overrides them.
    let first = world.of("NewAlerts")[0];
    assert_eq!((&first.labels["variant"], &first.labels["copy"]), (&"was one".into(), &"one".into()));
    assert_eq!(first.annotations["summary"], "one");
    let starts: BTreeMap<String, i64> =
        world.of("NewAlerts").iter().map(|a| (a.labels["copy"].to_string(), a.starts_s)).collect();
    let mut times: Vec<i64> = starts.values().copied().collect();
    times.sort_unstable();
    assert_eq!(distances(&times), [60, 60]);
}
