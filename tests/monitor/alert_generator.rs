//! The four cases of Prometheus' compliance suite for alert generators, on a simulated clock: what `/api/v1/rules`,
//! `/api/v1/alerts` and `ALERTS` show at every evaluation, and what a receiver gets.
//!
//! Samples come every 15 seconds, as by remote write; groups run every 30 seconds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use promethium::api::{ApiRequest, Method, handle};
use promethium::model::{AppendOptions, Clock, Labels, Limits, ManualClock, Point, QueryCx, QueryValue, SeriesKey};
use promethium::notify::{AlertmanagerUrl, Alertmanagers};
use promethium::rules::RuleSource;
use promethium::{Monitor, Store};
use serde_json::Value;

use crate::support::START_MS;

const STEP_S: i64 = 15;
const INTERVAL_S: i64 = 30;

/// A received alert, times in seconds since the start of the world.
#[derive(Clone, Debug)]
struct Received {
    at_s: i64,
    labels: Value,
    annotations: Value,
    starts_s: i64,
    ends_s: i64,
    url: String,
}

struct World {
    monitor: Monitor,
    clock: Arc<ManualClock>,
    receiver: Arc<Alertmanagers>,
    received: Vec<Received>,
    now_s: i64,
}

fn seconds_of(time: &Value) -> i64 {
    // 2025-10-09T08:53:20.000Z and what follows within the hour or two.
    let text = time.as_str().unwrap();
    let part = |range: std::ops::Range<usize>| text[range].parse::<i64>().unwrap();
    let date = promethium::model::calendar::Date { year: part(0..4), month: part(5..7), day: part(8..10) };
    let seconds = date.epoch_day() * 86_400 + part(11..13) * 3_600 + part(14..16) * 60 + part(17..19);
    seconds - START_MS / 1_000
}

impl World {
    fn new(rules: &str) -> World {
        let clock = Arc::new(ManualClock::new(START_MS));
        let url = AlertmanagerUrl::new("http", "127.0.0.1:8080", "").unwrap();
        let receiver = Arc::new(Alertmanagers::new([url], Labels::empty(), &Limits::default()));
        let text = format!("groups:\n- name: g\n  interval: {INTERVAL_S}s\n  rules:\n{rules}");
        let monitor = Monitor::builder()
            .clock(clock.clone())
            .external_url("http://prom")
            .alertmanagers(Arc::clone(&receiver))
            .rules(RuleSource::new("compliance.yml", text))
            .build()
            .unwrap();
        World { monitor, clock, receiver, received: Vec::new(), now_s: 0 }
    }

    /// Time goes on to `until_s`; `value` gives each series' sample of a moment.
    fn run(&mut self, until_s: i64, series: &[(&str, &[(&str, &str)])], value: impl Fn(&str, i64) -> Option<f64>) {
        while self.now_s < until_s {
            if self.now_s % STEP_S == 0 {
                self.write(series, &value);
            }
            self.monitor.tick(self.clock.now_ms()).unwrap();
            self.receive();
            self.clock.advance(Duration::from_secs(1));
            self.now_s += 1;
        }
    }

    fn write(&self, series: &[(&str, &[(&str, &str)])], value: impl Fn(&str, i64) -> Option<f64>) {
        let store: &Arc<dyn Store> = self.monitor.store();
        let mut appender = store.appender();
        for (name, labels) in series {
            let id = labels.first().map_or(*name, |(_, v)| *v);
            let Some(v) = value(id, self.now_s) else { continue };
            let labels = Labels::from_pairs(labels.iter().copied().chain([("__name__", *name)]));
            let point = Point::float(self.clock.now_ms(), v);
            appender.append(SeriesKey::Labels(&labels), point, &AppendOptions::default()).unwrap();
        }
        appender.commit().unwrap();
    }

    fn receive(&mut self) {
        for queue in self.receiver.queues() {
            while let Some(delivery) = queue.next_delivery() {
                let body: Value = serde_json::from_str(delivery.body()).unwrap();
                for alert in body.as_array().unwrap() {
                    self.received.push(Received {
                        at_s: self.now_s,
                        labels: alert["labels"].clone(),
                        annotations: alert["annotations"].clone(),
                        starts_s: seconds_of(&alert["startsAt"]),
                        ends_s: seconds_of(&alert["endsAt"]),
                        url: alert["generatorURL"].as_str().unwrap().to_owned(),
                    });
                }
                delivery.finish(Ok(()), Duration::ZERO);
            }
        }
    }

    fn get(&self, path: &str) -> Value {
        let answer = handle(&self.monitor, &ApiRequest::new(Method::Get, path), &QueryCx::unlimited());
        assert_eq!(answer.status, 200, "{path}");
        serde_json::from_slice::<Value>(&answer.body).unwrap()["data"].clone()
    }

    /// The rule's state and its alerts' states; `/alerts` and `ALERTS` agree with `/rules`.
    fn states(&self, rule: &str) -> (String, Vec<String>) {
        let rules = self.get("/api/v1/rules?type=alert");
        let rules = rules["groups"][0]["rules"].as_array().unwrap();
        let found = rules.iter().find(|r| r["name"] == rule).unwrap();
        assert_eq!(found["health"], "ok", "{found}");
        let of_rule = found["alerts"].as_array().unwrap();
        let all = self.get("/api/v1/alerts");
        let all = all["alerts"].as_array().unwrap().iter().filter(|a| a["labels"]["alertname"] == rule);
        assert_eq!(all.collect::<Vec<_>>(), of_rule.iter().collect::<Vec<_>>());
        let mut states: Vec<String> = of_rule.iter().map(|a| a["state"].as_str().unwrap().to_owned()).collect();
        states.sort();
        assert_eq!(self.stored_states(rule), states, "ALERTS at {}", self.now_s);
        (found["state"].as_str().unwrap().to_owned(), states)
    }

    fn stored_states(&self, rule: &str) -> Vec<String> {
        let query = format!("ALERTS{{alertname=\"{rule}\"}}");
        let QueryValue::Vector(samples) = self.monitor.query(&query, self.clock.now_ms()).unwrap().value else {
            panic!("a selector gives a vector")
        };
        let mut states: Vec<String> = samples.iter().map(|s| s.labels.get("alertstate").unwrap().to_owned()).collect();
        states.sort();
        states
    }

    fn of(&self, rule: &str) -> Vec<&Received> {
        self.received.iter().filter(|alert| alert.labels["alertname"] == rule).collect()
    }
}

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
    let series: &[(&str, &[(&str, &str)])] = &[("m", &[("variant", "one")])];
    // Low, high for five minutes in two steps, low for 18 minutes, high, low.
    let value = |_: &str, s: i64| {
        Some(match s {
            ..120 => 5.0,
            120..180 => 12.0,
            180..420 => 15.0,
            420..1_500 => 3.0,
            1_500..1_800 => 20.0,
            _ => 1.0,
        })
    };
    let mut timeline: Vec<(String, i64)> = Vec::new();
    let mut until_s = 0;
    while until_s < 2_100 {
        until_s += STEP_S;
        world.run(until_s, series, value);
        if until_s < 60 {
            continue;
        }
        let (state, _) = world.states(rule);
        if timeline.last().is_none_or(|(last, _)| *last != state) {
            timeline.push((state, until_s));
        }
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
    // Both values were shown, and the second alert's own.
    let summaries: Vec<&str> = firing.iter().map(|a| a.annotations["summary"].as_str().unwrap()).collect();
    assert!(summaries.contains(&"value 15") && summaries.contains(&"value 20"), "{summaries:?}");
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
    let series: &[(&str, &[(&str, &str)])] = &[("m", &[("variant", "one")])];
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
    let series: &[(&str, &[(&str, &str)])] = &[("m", &[("variant", "one")])];
    // Data stops: the alert goes when the last sample is older than the lookback.
    let value = |_: &str, s: i64| (s < 300).then_some(if s >= 120 { 12.0 } else { 5.0 });
    let mut seen = Vec::new();
    let mut until_s = 60;
    world.run(until_s, series, value);
    while until_s < 900 {
        until_s += STEP_S;
        world.run(until_s, series, value);
        let (state, _) = world.states("PendingAndResolved");
        if seen.last() != Some(&state) {
            seen.push(state);
        }
        assert_eq!(world.states("AlwaysInactive"), ("inactive".to_owned(), Vec::new()));
    }
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
    let series: &[(&str, &[(&str, &str)])] = &[("m", &[("variant", "one")]), ("m", &[("variant", "two")])];
    let value = |id: &str, s: i64| Some(if id == "one" && (120..300).contains(&s) { 12.0 } else { 3.0 });
    world.run(1_500, series, value);
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
    let series: &[(&str, &[(&str, &str)])] =
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
        let (state, alerts) = world.states("NewAlerts");
        let (order, _) = world.states("OrderCheck");
        // A later rule sees what an earlier one wrote in the same evaluation.
        assert_eq!(order == "firing", !alerts.is_empty(), "at {until_s}");
        assert!(alerts.len() >= most && (state == "inactive") == alerts.is_empty());
        most = alerts.len();
        if let Some(last) = world.of("OrderCheck").iter().rfind(|a| a.at_s + 1 == world.now_s) {
            assert_eq!(last.annotations["count"], alerts.len().to_string());
        }
    }
    assert_eq!(most, 3);
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
