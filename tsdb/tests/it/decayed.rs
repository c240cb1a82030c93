//! Chunks that decay in their files while the store runs: blocks have what the log still knows of them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use promethium_model::{ManualClock, MemStore, Queryable};
use promethium_tsdb::vfs::SimVfs;
use promethium_tsdb::{Db, DbOptions};

use crate::life::{everything, scrape};
use crate::support::{START_MS, always, contents, open_at};

const FILE: &str = "/data/chunks_head/000001";
const STEP_MS: i64 = 60_000;
const SERIES: usize = 6;

fn options() -> DbOptions {
    always().segment_bytes(32 << 10)
}

/// Two hours and a half of floats and histograms, the full chunks of which are in files.
fn with_files(disk: &SimVfs, clock: &Arc<ManualClock>, model: &MemStore) -> Db {
    let db = open_at(disk, options(), Arc::clone(clock)).unwrap();
    assert_eq!(run(&db, clock, model, 0..150), 0);
    assert_eq!(db.stats().blocks, 0);
    db
}

/// Scrapes and upkeep; how many chunks came back from the log.
fn run(db: &Db, clock: &ManualClock, model: &MemStore, minutes: std::ops::Range<i64>) -> usize {
    let mut restored = 0;
    for minute in minutes {
        let t = START_MS + minute * STEP_MS;
        clock.set_wall_ms(t);
        scrape(db, t, SERIES);
        scrape(model, t, SERIES);
        restored += db.maintain(t, Duration::MAX).unwrap().restored_chunks;
    }
    restored
}

fn flip_all(disk: &SimVfs, path: &Path, from: usize, step: usize) {
    let len = disk.contents(path).unwrap().len();
    (from..len).step_by(step).for_each(|at| assert!(disk.flip_bit(path, at, 3)));
}

#[test]
fn a_block_has_what_a_decayed_chunk_had() {
    for step in [400, 60] {
        let (disk, clock, model) = (SimVfs::new(1), Arc::new(ManualClock::new(START_MS)), MemStore::new());
        let db = with_files(&disk, &clock, &model);
        flip_all(&disk, Path::new(FILE), 40, step);
        assert_ne!(everything(&db), everything(&model), "chunks are missed");
        assert!(run(&db, &clock, &model, 150..330) > 0);
        assert!(db.stats().blocks > 0);
        assert_eq!(everything(&db), everything(&model));
        drop(db);
        assert_eq!(everything(&open_at(&disk, options(), clock).unwrap()), everything(&model));
    }
}

#[test]
fn what_the_log_does_not_have_either_is_lost_alone() {
    let (disk, clock, model) = (SimVfs::new(1), Arc::new(ManualClock::new(START_MS)), MemStore::new());
    let db = with_files(&disk, &clock, &model);
    flip_all(&disk, Path::new(FILE), 40, 60);
    // Behind the series.
    flip_all(&disk, Path::new("/data/wal/00000000"), 2_000, 50);
    assert_eq!(run(&db, &clock, &model, 150..330), 0);
    assert!(db.stats().blocks > 0, "the store goes on");
    let (found, all) = (everything(&db), everything(&model));
    assert!(found != all && found.lines().count() == all.lines().count());
    let newest = |db: &dyn Queryable| contents(db).into_values().map(|rows| rows.last().copied()).collect::<Vec<_>>();
    assert_eq!(newest(&db), newest(&model));
}
