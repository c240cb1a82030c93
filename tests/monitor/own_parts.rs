//! Parts of a host's own: a store, and a notifier that asks back.

use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

use promethium::model::{Appendable, Appender, MemStore, Querier, Queryable, StorageError, TimeRange};
use promethium::rules::{Alert, Notifier, RuleSource};
use promethium::{Monitor, MonitorError, Store, Table};

use crate::support::{Page, Rig, START_MS, STEP_MS};

/// A store of the host's own, whose upkeep fails at a time.
#[derive(Default)]
struct Own {
    inner: MemStore,
    kept_ms: Mutex<Vec<i64>>,
}

const LAST_UPKEEP_MS: i64 = START_MS + 2 * STEP_MS;

impl Queryable for Own {
    fn querier(&self, range: TimeRange) -> Result<Box<dyn Querier + '_>, StorageError> {
        self.inner.querier(range)
    }
}

impl Appendable for Own {
    fn appender(&self) -> Box<dyn Appender + '_> {
        self.inner.appender()
    }
}

impl Store for Own {
    fn maintain(&self, now_ms: i64, budget: Duration) -> Result<(), MonitorError> {
        assert!(!budget.is_zero());
        self.kept_ms.lock().unwrap().push(now_ms);
        if now_ms > LAST_UPKEEP_MS { Err(MonitorError::Backend("the tape is torn".into())) } else { Ok(()) }
    }
}

#[test]
fn a_store_of_the_hosts_own_is_written_asked_and_kept() {
    let store = Arc::new(Own::default());
    let rig = Rig::new(|m| m.store(store.clone()).target(Page::new("a 1\n").target("app")));
    rig.run(3);
    assert_eq!(rig.value("count_over_time(a[1m])"), Some(3.0));
    assert_eq!(store.inner.series_count(), 6);
    assert_eq!(*store.kept_ms.lock().unwrap(), [START_MS, START_MS + STEP_MS, LAST_UPKEEP_MS]);
    assert_eq!(rig.monitor.tick(rig.now_ms()).unwrap_err().to_string(), "the tape is torn");
    assert_eq!(rig.value("count_over_time(a[1m])"), Some(4.0), "the scrape before the upkeep stands");
    assert_eq!(rig.own_metric("prometheus_tsdb_head_series"), None, "no figures, no metrics");
    rig.monitor.close().unwrap();
}

/// Asks the monitor for more while it is told of an alert.
#[derive(Default)]
struct Curious {
    monitor: OnceLock<Weak<Monitor>>,
    heard: Mutex<Vec<String>>,
}

impl Notifier for Curious {
    fn notify(&self, alerts: Vec<Alert>) {
        let monitor = self.monitor.get().unwrap().upgrade().unwrap();
        let answer = monitor.query("sum(a)", START_MS + STEP_MS).unwrap();
        let line = format!("{} of {}: {}", alerts.len(), monitor.alerts().len(), Table(&answer));
        self.heard.lock().unwrap().push(line);
        assert!(!monitor.metrics_page().is_empty() && !monitor.rule_groups().is_empty());
    }
}

#[test]
fn a_notifier_may_ask_the_monitor() {
    let rules = "groups: [{name: g, interval: 15s, rules: [{alert: A, expr: 'a > 0'}]}]";
    let curious = Arc::new(Curious::default());
    let rig = Rig::new(|m| {
        m.target(Page::new("a 7\n").target("app")).rules(RuleSource::new("r.yml", rules)).notifier(curious.clone())
    });
    let monitor = Arc::new(rig.monitor);
    curious.monitor.set(Arc::downgrade(&monitor)).unwrap();
    for step in 0..3 {
        monitor.tick(START_MS + step * STEP_MS).unwrap();
    }
    assert_eq!(curious.heard.lock().unwrap()[0], "1 of 1: series  value\n{}      7\n");
}

#[test]
fn wrong_parts_leave_the_data_directory_alone() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("data");
    let page = Page::new("a 1\n");
    let wrong_rules = Monitor::builder().data_dir(&dir).rules(RuleSource::new("r.yml", "groups: 1"));
    assert!(matches!(wrong_rules.build(), Err(MonitorError::Rules(_))));
    for (target, error) in [
        (page.target("app").every_ms(0), r#"job "app": scrape interval cannot be 0"#),
        (page.target("b"), r#"job "b": target {instance="in-process", job="b"} is already scraped"#),
    ] {
        let builder = Monitor::builder().data_dir(&dir).target(page.target("b")).target(target);
        assert_eq!(builder.build().unwrap_err().to_string(), error);
    }
    assert!(!dir.exists());
}
