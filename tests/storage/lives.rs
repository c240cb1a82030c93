//! Many short lives on one simulated disk: killed between operations, at moments that no clock decides.

use std::path::Path;
use std::sync::Arc;

use promethium::model::ManualClock;
use promethium::tsdb::vfs::SimVfs;
use promethium::tsdb::{Db, Sync};

use crate::oracle::{Contents, after, contents, difference, is_kept};
use crate::rng::Rng;
use crate::workload::{Upkeep, apply, op, options_of, time_of};

const DIR: &str = "/data";
const LIVES: u64 = 160;
/// Twenty chunk ranges, so that series leave, come back under other references, and are found in files under both.
const OPS: usize = 330;
/// Operations of a life at most: some of the lives of a disk are long, others short.
const LONGEST: [u64; 4] = [60, 25, 12, 4];

fn open(disk: &SimVfs, seed: u64, n: usize) -> (Db, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(time_of(n)));
    let options = options_of(Sync::Always, seed);
    let db = Db::open_with(Arc::new(disk.clone()), Path::new(DIR), options, clock.clone());
    (db.unwrap_or_else(|e| panic!("seed {seed}, operation {n}: {e}")), clock)
}

/// Does every operation, is killed after some, and must have everything each time.
fn live(seed: u64) -> usize {
    let (disk, mut rng) = (SimVfs::new(seed), Rng::new(seed));
    let mut expected = Contents::new();
    let (mut db, mut clock) = open(&disk, seed, 0);
    let (mut deaths, mut left) = (0, 20);
    for n in 0..OPS {
        let op = op(seed / 4, n, Upkeep::With);
        apply(&db, &op, n, &clock).unwrap_or_else(|e| panic!("seed {seed}, operation {n}: {op:?}: {e}"));
        expected = after(&expected, &[op]);
        left -= 1;
        if left == 0 {
            disk.kill();
            // The dead do not close what they had open.
            std::mem::forget(db);
            (db, clock) = open(&disk, seed, n);
            let found = contents(&db);
            assert!(is_kept(&found, &expected), "seed {seed}, operation {n}: {}", difference(&found, &expected));
            let longest = LONGEST[rng.below(LONGEST.len() as u64) as usize];
            left = 1 + rng.below(longest);
            deaths += 1;
        }
    }
    deaths
}

#[test]
fn whoever_comes_next_finds_everything() {
    let deaths: usize = (0..LIVES).map(live).sum();
    assert!(deaths >= 3_000, "only {deaths} deaths");
}
