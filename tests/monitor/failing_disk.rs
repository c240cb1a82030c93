//! A disk that is full, or fails: appends fail, what was acknowledged stays, queries and alerts go on.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use promethium::rules::{AlertState, RuleSource};
use promethium::scrape::Health;
use promethium::tsdb::vfs::{Fault, FaultKind, SimVfs};
use promethium::tsdb::{Db, DbOptions, Sync, TsdbError};
use promethium::{Monitor, MonitorBuilder, MonitorError};

use crate::support::{Page, Recorder, Rig, STEP_MS, before, clock, open_db};

const PAGE: &str = "jobs_total 1\n";
const RULES: &str = "groups: [{name: g, interval: 15s, rules: [{alert: Always, expr: vector(1), for: 1m}]}]";

fn compose(told: &Arc<Recorder>) -> impl FnOnce(MonitorBuilder) -> MonitorBuilder + use<> {
    let (target, notifier) = (Page::new(PAGE).target("app"), told.clone());
    move |m| m.target(target).rules(RuleSource::new("r.yml", RULES)).notifier(notifier)
}

/// Breaks the disk after two ticks, goes on for ten in vain, mends it and goes on: without a restart, and after one.
fn go_on_without(disk: &SimVfs, break_it: impl FnOnce(&SimVfs), reason: &str) {
    let told = Arc::new(Recorder::default());
    let rig = Rig::on_disk(disk, compose(&told));
    let last_ms = rig.run(2);
    let acknowledged = rig.contents();
    assert!(told.take().is_empty());
    break_it(disk);
    for _ in 0..10 {
        tick_in_vain(&rig, reason);
    }
    assert_eq!(rig.contents(), acknowledged, "what queries show");
    assert_eq!(rig.value_at("up", last_ms), Some(1.0));
    assert_eq!(rig.value_at("jobs_total", last_ms), Some(1.0));
    assert_eq!(rig.monitor.alerts()[0].state, AlertState::Firing, "rules that need no store go on");
    assert!(!told.take().is_empty());

    disk.set_capacity(None);
    disk.plan(None);
    goes_on(&rig);
    let (mended, now_ms) = (rig.contents(), rig.now_ms());
    assert_eq!(before(&mended, last_ms + 1), acknowledged, "after it was mended");
    drop(rig);
    let rig = Rig::on_disk_at(disk, now_ms, compose(&told));
    assert_eq!(rig.contents(), mended, "after a restart");
    goes_on(&rig);
}

/// One more tick of a monitor whose store takes nothing: the target says why.
fn tick_in_vain(rig: &Rig, reason: &str) {
    let _ = rig.monitor.tick(rig.now_ms());
    let target = rig.monitor.targets().remove(0);
    assert_eq!(target.health, Health::Down);
    let text = target.last_error;
    assert!(text.contains("/data/wal") && text.contains(reason), "{text}");
    rig.clock.advance(Duration::from_millis(STEP_MS.unsigned_abs()));
}

/// The next scrape is stored, without anybody's help.
fn goes_on(rig: &Rig) {
    rig.run(1);
    assert_eq!(rig.value("up"), Some(1.0));
    assert_eq!(rig.own_metric("promethium_tsdb_read_only").as_deref(), Some("0"));
}

#[test]
fn a_full_disk() {
    go_on_without(&SimVfs::new(1), |disk| disk.set_capacity(Some(0)), "no storage space");
}

#[test]
fn writes_that_fail() {
    for kind in [FaultKind::Error, FaultKind::ShortWrite(7)] {
        let fail = |disk: &SimVfs| {
            disk.plan(Some(Fault { call: disk.calls() + 1, persistent: true, kind }));
        };
        go_on_without(&SimVfs::new(2), fail, "");
    }
}

#[test]
fn a_call_that_fails_once_costs_nothing() {
    for (nth, kind) in [(1, FaultKind::Error), (1, FaultKind::ShortWrite(7)), (2, FaultKind::Error)] {
        let disk = SimVfs::new(3);
        let rig = Rig::on_disk(&disk, compose(&Arc::new(Recorder::default())));
        let last_ms = rig.run(2);
        let acknowledged = rig.contents();
        disk.plan(Some(Fault { call: disk.calls() + nth, persistent: false, kind }));
        goes_on(&rig);
        assert_eq!(before(&rig.contents(), last_ms + 1), acknowledged);
    }
}

#[test]
fn a_sync_that_fails_in_the_upkeep_is_told_by_the_tick() {
    let disk = SimVfs::new(4);
    let (clock, page) = (clock(), Page::new(PAGE));
    let options = DbOptions::default().sync(Sync::Interval(Duration::from_secs(1)));
    let db = Db::open_with(Arc::new(disk.clone()), Path::new("/data"), options, clock.clone()).unwrap();
    let monitor =
        Monitor::builder().clock(clock.clone()).store(Arc::new(db)).target(page.target("app")).build().unwrap();
    let rig = Rig { monitor, clock };
    rig.run(1);
    disk.plan(Some(Fault { call: disk.calls() + 1, persistent: true, kind: FaultKind::Error }));
    assert!(matches!(rig.monitor.tick(rig.now_ms() + 60_000), Err(MonitorError::Storage(_))));
    assert_eq!(rig.value("jobs_total"), Some(1.0));
}

#[test]
fn a_directory_in_use_is_refused_in_one_clear_line() {
    let disk = SimVfs::new(5);
    let rig = Rig::on_disk(&disk, |m| m);
    let error = open_db(&disk, rig.clock.clone()).unwrap_err();
    assert_eq!(error.to_string(), "/data: the data directory is in use by another process");
    rig.monitor.close().unwrap();
    open_db(&disk, rig.clock.clone()).unwrap();

    let dir = tempfile::tempdir().unwrap();
    let first = Monitor::builder().data_dir(dir.path()).build().unwrap();
    let error = Monitor::builder().data_dir(dir.path()).build().unwrap_err();
    let line = format!("{}: the data directory is in use by another process", dir.path().display());
    assert_eq!(error.to_string(), line);
    assert!(matches!(error, MonitorError::Storage(TsdbError::Locked { .. })));
    drop(first);
    Monitor::builder().data_dir(dir.path()).build().unwrap();
}

#[test]
fn a_directory_that_cannot_be_one_is_refused_with_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "not a directory").unwrap();
    let error = Monitor::builder().data_dir(&file).build().unwrap_err().to_string();
    assert!(error.starts_with(&file.display().to_string()) && !error.contains('\n'), "{error}");
}

#[test]
fn a_closed_monitor_says_so() {
    let page = Page::new(PAGE);
    let rig = Rig::on_disk(&SimVfs::new(6), |m| m.target(page.target("app")));
    rig.run(1);
    rig.monitor.close().unwrap();
    rig.monitor.close().unwrap();
    assert_eq!(rig.monitor.tick(rig.now_ms()).unwrap_err().to_string(), "storage is read-only: the store is closed");
    assert_eq!(rig.monitor.query("up", rig.now_ms()).unwrap_err().to_string(), "expanding series: storage is closed");
}
