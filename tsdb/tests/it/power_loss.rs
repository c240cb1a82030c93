//! Power loss at every call that changes the disk, by several seeds.

use std::time::Duration;

use promethium_tsdb::vfs::{Fault, FaultKind, SimVfs};
use promethium_tsdb::{DbOptions, PAGE_BYTES, Sync};

use crate::support::{Batch, always, clock, commit, commit_all, contents, open, open_at, prefix_len, scrapes};

/// Time between the commits of a workload.
const STEP: Duration = Duration::from_millis(250);

/// Commits until the power goes. Returns how many commits were acknowledged.
fn run(disk: &SimVfs, options: DbOptions, batches: &[Batch]) -> usize {
    let clock = clock();
    let Ok(db) = open_at(disk, options, clock.clone()) else { return 0 };
    let commit_one = |batch: &&Batch| {
        let result = commit(&db, batch);
        clock.advance(STEP);
        result.is_ok()
    };
    let acknowledged = batches.iter().take_while(commit_one).count();
    // Some workloads end with a clean close: its calls are points too.
    let _ = db.close();
    acknowledged
}

/// Cuts the power at call `k`, opens what is left, and checks that it is a prefix that holds at least what `promised`
/// says of the acknowledged commits. `false` when the workload ended before call `k`.
fn cut_at(k: u64, seed: u64, options: &DbOptions, batches: &[Batch], promised: fn(usize) -> usize) -> bool {
    let disk = SimVfs::new(seed);
    disk.plan(Some(Fault { call: k, persistent: true, kind: FaultKind::PowerLoss }));
    let acknowledged = run(&disk, options.clone(), batches);
    let was_cut = disk.calls() >= k;
    disk.restart();
    let db = open(&disk, options.clone()).unwrap_or_else(|e| panic!("seed {seed}, call {k}: {e}"));
    let found = contents(&db);
    let recovered = prefix_len(&found, batches).unwrap_or_else(|| {
        panic!("seed {seed}, call {k}: not a prefix of the commits: {found:?}\n{:?}", db.replay_report())
    });
    assert!(
        recovered >= promised(acknowledged),
        "seed {seed}, call {k}: {acknowledged} commits were acknowledged, {recovered} came back"
    );
    goes_on(&db, batches, recovered, &disk, options);
    was_cut
}

/// What was recovered can be built upon, and survives a second power loss.
fn goes_on(db: &promethium_tsdb::Db, batches: &[Batch], recovered: usize, disk: &SimVfs, options: &DbOptions) {
    let rest = &batches[recovered..batches.len().min(recovered + 2)];
    for batch in rest {
        commit(db, batch).expect("a commit after recovery");
    }
    db.sync().expect("a sync after recovery");
    disk.restart();
    let again = open(disk, options.clone()).expect("a second recovery");
    assert_eq!(prefix_len(&contents(&again), batches), Some(recovered + rest.len()));
}

/// Runs all cuts and returns how many there were.
fn sweep(options: &DbOptions, batches: &[Batch], seeds: std::ops::Range<u64>, promised: fn(usize) -> usize) -> u64 {
    let mut points = 0;
    for seed in seeds {
        let mut k = 1;
        while cut_at(k, seed, options, batches, promised) {
            k += 1;
        }
        points += k - 1;
    }
    points
}

#[test]
fn nothing_acknowledged_is_lost_under_always() {
    let points = sweep(&always(), &scrapes(40), 0..12, |acknowledged| acknowledged);
    assert!(points >= 1_000, "only {points} points");
}

#[test]
fn nothing_is_lost_when_the_power_goes_again_during_recovery() {
    let batches = scrapes(12);
    let mut points = 0;
    for seed in 0..6 {
        for k in (2..40).step_by(3) {
            let mut j = 1;
            while cut_twice(k, j, seed, &batches) {
                j += 1;
            }
            points += j - 1;
        }
    }
    assert!(points >= 300, "only {points} points");
}

/// Cuts the power at call `k`, and again at call `j` of the recovery. `false` when the recovery took fewer calls.
fn cut_twice(k: u64, j: u64, seed: u64, batches: &[Batch]) -> bool {
    let power_loss = |call| Some(Fault { call, persistent: true, kind: FaultKind::PowerLoss });
    let disk = SimVfs::new(seed);
    disk.plan(power_loss(k));
    let acknowledged = run(&disk, always(), batches);
    disk.restart();
    let second = disk.calls() + j;
    disk.plan(power_loss(second));
    let was_cut = match open(&disk, always()) {
        Err(_) => true,
        Ok(_) => disk.calls() >= second,
    };
    disk.restart();
    let db = open(&disk, always()).unwrap_or_else(|e| panic!("seed {seed}, calls {k} and {j}: {e}"));
    let recovered = prefix_len(&contents(&db), batches);
    assert!(
        recovered.is_some_and(|r| r >= acknowledged),
        "seed {seed}, calls {k} and {j}: {acknowledged}, {recovered:?}"
    );
    was_cut
}

#[test]
fn nothing_acknowledged_is_lost_across_segments() {
    // Segments of one page, and batches that fill one quickly.
    let options = always().segment_bytes(PAGE_BYTES as u64);
    let wide: Vec<Batch> = (0..16)
        .map(|i| (0..600).map(|s| (s, crate::support::START_MS + i * 1_000, (s as f64).sqrt() * i as f64)).collect())
        .collect();
    let points = sweep(&options, &wide, 0..6, |acknowledged| acknowledged);
    assert!(points >= 300, "only {points} points");
}

#[test]
fn an_interval_bounds_what_is_lost() {
    // What was committed more than a second before the last acknowledged commit is there.
    let per_interval = (Duration::from_secs(1).as_millis() / STEP.as_millis()) as usize;
    assert_eq!(per_interval, 4);
    let promised = |acknowledged: usize| acknowledged.saturating_sub(5);
    let points =
        sweep(&DbOptions::default().sync(Sync::Interval(Duration::from_secs(1))), &scrapes(40), 0..12, promised);
    assert!(points >= 500, "only {points} points");
}

#[test]
fn a_prefix_survives_without_any_sync() {
    let points = sweep(&DbOptions::default().sync(Sync::Never), &scrapes(40), 0..12, |_| 0);
    assert!(points >= 400, "only {points} points");
}

#[test]
fn a_killed_process_loses_nothing_whatever_the_policy() {
    for policy in [Sync::Never, Sync::default(), Sync::Always] {
        let disk = SimVfs::new(1);
        let batches = scrapes(30);
        let options = DbOptions::default().sync(policy);
        let db = open(&disk, options.clone()).unwrap();
        commit_all(&db, &batches);
        disk.kill();
        let after = open(&disk, options).unwrap();
        assert!(!after.replay_report().was_clean);
        assert_eq!(prefix_len(&contents(&after), &batches), Some(30), "{policy:?}");
    }
}
