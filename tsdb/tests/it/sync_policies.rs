//! What each policy syncs, and when; and committers that share a sync.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use promethium_model::{Clock, ManualClock};
use promethium_tsdb::vfs::SimVfs;
use promethium_tsdb::{Db, DbOptions, Sync};

use crate::support::{START_MS, always, commit, commit_all, contents, expected, open, open_at, prefix_len, scrapes};

/// Calls that change the disk, by one commit: 1 is the write, 2 the write and a sync.
fn calls_of_commit(db: &Db, disk: &SimVfs, t: i64) -> u64 {
    let before = disk.calls();
    commit(db, &vec![(0, t, t as f64)]).unwrap();
    disk.calls() - before
}

#[test]
fn a_commit_syncs_when_the_policy_says_so() {
    let clock = Arc::new(ManualClock::new(START_MS));
    let interval = Sync::Interval(Duration::from_secs(1));
    for (policy, expected) in [(Sync::Always, [3, 3, 3]), (Sync::Never, [1, 1, 1]), (interval, [1, 3, 1])] {
        let disk = SimVfs::new(0);
        let db = open_at(&disk, DbOptions::default().sync(policy), clock.clone()).unwrap();
        let first = calls_of_commit(&db, &disk, clock.now_ms());
        clock.advance(Duration::from_secs(1));
        let second = calls_of_commit(&db, &disk, clock.now_ms());
        let third = calls_of_commit(&db, &disk, clock.now_ms() + 1);
        assert_eq!([first, second, third], expected, "{policy:?}");
    }
}

#[test]
fn the_pump_syncs_an_idle_tail() {
    let clock = Arc::new(ManualClock::new(START_MS));
    let disk = SimVfs::new(0);
    let db = open_at(&disk, DbOptions::default(), clock.clone()).unwrap();
    let budget = Duration::from_millis(100);
    commit(&db, &scrapes(1)[0]).unwrap();
    assert!(!db.maintain(START_MS + 999, budget).unwrap().synced, "not due");
    assert!(!db.maintain(START_MS + 1_000, Duration::ZERO).unwrap().synced, "no budget");
    assert!(db.maintain(START_MS + 1_000, budget).unwrap().synced);
    assert!(!db.maintain(START_MS + 9_000, budget).unwrap().synced, "nothing to sync");
    clock.advance(Duration::from_millis(1_500));
    commit(&db, &scrapes(2)[1]).unwrap();
    assert!(db.maintain(START_MS - 5_000, budget).unwrap().synced, "a clock that went back syncs early");
    disk.restart();
    let after = open(&disk, DbOptions::default()).unwrap();
    assert_eq!(prefix_len(&contents(&after), &scrapes(2)), Some(2));
}

#[test]
fn close_and_sync_make_everything_durable() {
    for close in [false, true] {
        let disk = SimVfs::new(4);
        let db = open(&disk, DbOptions::default().sync(Sync::Never)).unwrap();
        commit_all(&db, &scrapes(10));
        if close {
            db.close().unwrap();
        } else {
            db.sync().unwrap();
        }
        let bytes = disk.contents(Path::new("/data/wal/00000000")).unwrap();
        assert_eq!(bytes.len().is_multiple_of(promethium_tsdb::PAGE_BYTES), close, "a clean end is a whole page");
        disk.restart();
        let after = open(&disk, always()).unwrap();
        assert_eq!(prefix_len(&contents(&after), &scrapes(10)), Some(10));
        assert!(after.replay_report().torn_tail.is_none());
    }
}

#[test]
fn committers_at_once_lose_nothing() {
    let disk = SimVfs::new(5);
    let db = open(&disk, always().segment_bytes(64 << 10)).unwrap();
    let batches = |writer: usize| -> Vec<_> {
        (0..50)
            .map(|i| vec![(writer, START_MS + i * 1_000, i as f64), (100 + writer, START_MS + i * 1_000, 0.5)])
            .collect()
    };
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let db = &db;
            scope.spawn(move || commit_all(db, &batches(writer)));
        }
    });
    let all: Vec<_> = (0..8).flat_map(batches).collect();
    assert_eq!(contents(&db), expected(&all));
    disk.restart();
    assert_eq!(contents(&open(&disk, always()).unwrap()), expected(&all));
}

#[test]
fn readers_see_commits_whole_while_writers_write() {
    let db = Db::in_memory_with(DbOptions::default(), crate::support::clock()).unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for i in 0..400 {
                let batch = (0..20).map(|s| (s, START_MS + i * 1_000, i as f64)).collect();
                commit(&db, &batch).unwrap();
            }
        });
        while !writer.is_finished() {
            let lengths: std::collections::BTreeSet<usize> = contents(&db).values().map(Vec::len).collect();
            assert!(lengths.len() <= 1, "a commit was seen in part: {lengths:?}");
        }
    });
    assert_eq!(db.stats().samples, 8_000);
}
