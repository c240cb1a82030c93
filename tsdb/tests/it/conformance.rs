//! The seams' own suites.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use promethium_model::SystemClock;
use promethium_model::conformance::{Keeps, appendable};
use promethium_tsdb::vfs::MemVfs;
use promethium_tsdb::{Db, DbOptions, Sync};

fn keeps() -> Keeps {
    Keeps::default().without_start_timestamps()
}

#[test]
fn with_start_timestamps() {
    let options = || DbOptions::default().start_timestamps(true);
    appendable(|| Db::in_memory(options()).unwrap(), Keeps::default()).assert_passed();
}

#[test]
fn in_memory() {
    appendable(|| Db::in_memory(DbOptions::default()).unwrap(), keeps()).assert_passed();
}

#[test]
fn with_a_log() {
    let make = || {
        let options = DbOptions::default().sync(Sync::Always).segment_bytes(64 << 10);
        Db::open_with(Arc::new(MemVfs::new()), Path::new("/data"), options, Arc::new(SystemClock::new())).unwrap()
    };
    appendable(make, keeps()).assert_passed();
}

#[test]
fn on_the_real_disk() {
    let tmp = tempfile::tempdir().unwrap();
    let next = AtomicU64::new(0);
    let make = || {
        let dir = tmp.path().join(next.fetch_add(1, Ordering::Relaxed).to_string());
        Db::open(dir, DbOptions::default()).unwrap()
    };
    appendable(make, keeps()).assert_passed();
}
