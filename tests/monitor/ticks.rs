//! What a tick does, and that it does the same each time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use promethium::model::Clock;
use promethium::rules::{RuleOptions, RuleSource};
use promethium::scrape::{FetchRequest, FetchResponse, Health, Source, TargetConfig};
use promethium::tsdb::vfs::SimVfs;

use crate::support::{Page, Rig, STEP_MS};

const RULES: &str = "groups: [{name: g, interval: 1m, rules: [
    {record: rate1m, expr: 'rate(ticks_total[1m])'},
    {alert: Odd, expr: 'ticks_total % 2 == 1', for: 1m, labels: {n: '{{ $value }}'}}]}]";

/// A page that is another at each scrape.
fn counting() -> TargetConfig {
    let ticks = AtomicU64::new(0);
    let page = move || {
        let n = ticks.fetch_add(1, Ordering::SeqCst);
        let fading = if n.is_multiple_of(5) { String::new() } else { format!("fading{{n=\"{}\"}} 1\n", n % 3) };
        format!("ticks_total {n}\nratio {}\n{fading}", 0.1 * n as f64)
    };
    TargetConfig::new("counting", Source::closure(page)).every_ms(STEP_MS)
}

#[test]
fn the_same_ticks_give_the_same_data() {
    let run = |rig: Rig| {
        for _ in 0..200 {
            rig.monitor.tick(rig.now_ms()).unwrap();
            rig.clock.advance(std::time::Duration::from_millis(3_700));
        }
        rig.contents()
    };
    let compose = |m: promethium::MonitorBuilder| {
        // A store on disk is asked for alerts of a process before, one in memory is not.
        let options = RuleOptions::default().without_restore();
        let rules = RuleSource::new("r.yml", RULES);
        m.target(counting()).target(Page::new("a 1\n").target("b")).rules(rules).rule_options(options)
    };
    let (first, second) = (run(Rig::new(compose)), run(Rig::new(compose)));
    assert!(first.len() > 15 && first.iter().any(|(labels, _)| labels.starts_with("ALERTS")), "{}", first.len());
    assert_eq!(first, second);
    assert_eq!(first, run(Rig::on_disk(&SimVfs::new(1), compose)), "in memory and on disk");
}

#[test]
fn a_tick_says_what_it_did_and_when_the_next_is_due() {
    let rig = Rig::new(|m| m.target(Page::new("a 1\n").target("app")));
    let report = rig.monitor.tick(rig.now_ms()).unwrap();
    assert_eq!((report.scrapes.len(), report.rule_groups), (1, 0));
    assert!(report.scrapes[0].1.up);
    assert_eq!(rig.monitor.next_due_ms(rig.now_ms()), Some(rig.now_ms() + STEP_MS));
    let report = rig.monitor.tick(rig.now_ms() + STEP_MS - 1_000).unwrap();
    assert!(report.scrapes.is_empty());
    let nothing = Rig::new(|m| m);
    assert_eq!(nothing.monitor.next_due_ms(0), None);
    assert!(nothing.monitor.tick(nothing.now_ms()).unwrap().scrapes.is_empty());
}

#[test]
fn the_series_of_a_removed_target_end() {
    let page = Page::new("a 1\n");
    let rig = Rig::new(|m| m.target(page.target("stays")));
    let leaving = rig.monitor.add_target(page.target("leaves")).unwrap();
    rig.run(2);
    assert_eq!(rig.value("count(a)"), Some(2.0));
    assert!(rig.monitor.remove_target(leaving));
    assert!(!rig.monitor.remove_target(leaving));
    rig.run(3);
    assert_eq!(rig.value("count(a)"), Some(1.0));
    assert_eq!(rig.value("count({job='leaves'})"), None);
    assert_eq!(rig.monitor.targets().len(), 1);
}

#[test]
fn a_target_is_there_once() {
    let page = Page::new("a 1\n");
    let rig = Rig::new(|m| m.target(page.target("app")));
    let error = rig.monitor.add_target(page.target("app")).unwrap_err();
    assert_eq!(error.to_string(), r#"target {instance="in-process", job="app"} is already scraped"#);
}

#[test]
fn a_monitor_may_scrape_itself() {
    let rig = Rig::new(|m| m.target(Page::new("a 1\n").target("app")));
    let monitor = Arc::new(rig.monitor);
    let watched = Arc::downgrade(&monitor);
    let page = move || watched.upgrade().map_or_else(String::new, |monitor| monitor.metrics_page());
    monitor.add_target(TargetConfig::new("self", Source::closure(page)).every_ms(STEP_MS).at_once()).unwrap();
    for _ in 0..2 {
        let report = monitor.tick(rig.clock.now_ms()).unwrap();
        assert!(report.scrapes.iter().all(|(_, scrape)| scrape.up), "{report:?}");
        rig.clock.advance(std::time::Duration::from_secs(15));
    }
    let rig = Rig { monitor: Arc::into_inner(monitor).unwrap(), clock: rig.clock };
    assert_eq!(rig.value("promethium_targets_up{job='self'}"), Some(2.0));
    assert!(rig.value("prometheus_tsdb_head_series{job='self'}").is_some_and(|series| series > 12.0));
}

#[test]
fn a_url_is_fetched_with_the_hosts_client_and_takes_its_time() {
    let clock = crate::support::clock();
    let busy = clock.clone();
    let client = move |request: &FetchRequest| {
        assert_eq!((request.url.as_str(), request.timeout_ms), ("http://node:9100/metrics", 10_000));
        busy.advance(std::time::Duration::from_millis(250));
        Ok(FetchResponse::text("a 1\n"))
    };
    let target = || TargetConfig::new("node", Source::http("http://node:9100/metrics")).every_ms(STEP_MS).at_once();
    let builder = promethium::Monitor::builder().clock(clock.clone()).target(target());
    let rig = Rig { monitor: builder.fetch_with(Arc::new(client)).build().unwrap(), clock };
    rig.run(1);
    assert_eq!(rig.value("a{instance='node:9100'}"), Some(1.0));
    assert_eq!(rig.value("scrape_duration_seconds"), Some(0.25));

    let rig = Rig::new(|m| m.target(target()));
    rig.run(1);
    let status = rig.monitor.targets().remove(0);
    assert_eq!(
        (status.health, status.last_error.as_str()),
        (Health::Down, "no client to fetch \"http://node:9100/metrics\"")
    );
}
