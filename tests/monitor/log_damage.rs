//! A log with a torn tail, or with damage: the store opens, and says what it found.

use std::path::Path;

use promethium::tsdb::PAGE_BYTES;
use promethium::tsdb::vfs::SimVfs;

use crate::support::{Contents, Page, Rig, START_MS, STEP_MS, before};

const SEGMENT: &str = "/data/wal/00000000";
const TICKS: usize = 40;

fn page() -> Page {
    Page::new("jobs_total 1\nqueue_length{queue=\"a\"} 2\n")
}

fn bytes(disk: &SimVfs) -> Vec<u8> {
    disk.contents(Path::new(SEGMENT)).unwrap()
}

#[test]
fn a_torn_tail_is_cut_off_and_reported() {
    let disk = SimVfs::new(1);
    let rig = Rig::on_disk(&disk, |m| m.target(page().target("app")));
    rig.run(TICKS);
    let whole = bytes(&disk).len();
    let last_ms = rig.run(1);
    let written = rig.contents();
    disk.kill();
    drop(rig);
    let mut torn = bytes(&disk);
    assert!(torn.len() > whole + 3);
    torn.truncate(torn.len() - 3);
    disk.put(Path::new(SEGMENT), torn);

    let rig = Rig::on_disk_at(&disk, last_ms + 1_000, |m| m.target(page().target("app")));
    assert_eq!(rig.contents(), before(&written, last_ms));
    let report = rig.monitor.store().replay_report().unwrap();
    let torn = report.torn_tail.as_ref().unwrap();
    assert_eq!((torn.path.as_path(), torn.offset), (Path::new(SEGMENT), whole as u64), "{torn}");
    assert!(torn.to_string().starts_with(&format!("{SEGMENT}: offset {whole}: ")), "{torn}");
    assert_eq!((report.damage_count, report.was_clean), (0, false));
    rig.run(2);
    assert_eq!(rig.value("up"), Some(1.0));
}

/// A page so wide that the log takes several of its own pages before a chunk is full and has a file of its own.
fn wide_page() -> Page {
    Page::new(&(0..1_200).map(|n| format!("wide{{n=\"{n}\"}} {}\n", f64::from(n).sqrt())).collect::<String>())
}

#[test]
fn damage_costs_nothing_before_it() {
    let disk = SimVfs::new(2);
    let rig = Rig::on_disk(&disk, |m| m.target(wide_page().target("app")));
    rig.run(TICKS);
    let (written, now_ms, offset) = (rig.contents(), rig.now_ms(), bytes(&disk).len() / 2);
    assert!(offset > 2 * PAGE_BYTES);
    rig.monitor.close().unwrap();
    drop(rig);
    assert!(disk.flip_bit(Path::new(SEGMENT), offset, 3));

    let rig = Rig::on_disk_at(&disk, now_ms, |m| m.target(wide_page().target("app")));
    let report = rig.monitor.store().replay_report().unwrap();
    assert_eq!((report.damage_count, report.was_clean, report.torn_tail.is_none()), (1, true, true));
    let damage = &report.damage[0];
    assert_eq!(damage.path, Path::new(SEGMENT));
    assert!((offset - PAGE_BYTES..=offset).contains(&(damage.offset as usize)), "{damage}, flipped at {offset}");
    assert!(damage.to_string().starts_with(&format!("{SEGMENT}: offset {}: ", damage.offset)), "{damage}");
    assert!(disk.contents(&report.set_aside[0]).is_some_and(|copy| copy.len() > offset));
    assert_eq!(rig.own_metric("prometheus_tsdb_wal_corruptions_total").as_deref(), Some("1"));

    let left = rig.contents();
    let times = |contents: &[Contents]| contents[0].1.iter().map(|(t, _)| *t).collect::<Vec<_>>();
    let lost_ms = times(&written).into_iter().find(|t| !times(&left).contains(t)).unwrap();
    assert!(lost_ms > START_MS + 10 * STEP_MS);
    assert_eq!(before(&left, lost_ms), before(&written, lost_ms), "every scrape before the damage");
    assert_eq!(times(&left).last(), times(&written).last(), "the log goes on behind the damage");
    let whole = left.iter().all(|(_, samples)| samples.iter().map(|(t, _)| *t).eq(times(&left)));
    assert!(whole, "half a scrape");
}

#[test]
fn a_restart_goes_on_where_the_last_run_ended() {
    for ending in [SimVfs::restart as fn(&SimVfs), SimVfs::kill, |_| ()] {
        let disk = SimVfs::new(3);
        let rig = Rig::on_disk(&disk, |m| m.target(page().target("app")));
        rig.run(5);
        let (written, now_ms) = (rig.contents(), rig.now_ms());
        ending(&disk);
        drop(rig);
        let rig = Rig::on_disk_at(&disk, now_ms, |m| m.target(page().target("app")));
        assert_eq!(rig.contents(), written);
        rig.run(5);
        assert_eq!(rig.value("count_over_time(up[10m])"), Some(10.0));
        assert_eq!(rig.value("changes(jobs_total[10m])"), Some(0.0));
        assert_eq!(rig.monitor.store().replay_report().unwrap().damage_count, 0);
    }
}
