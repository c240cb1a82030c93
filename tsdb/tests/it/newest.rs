//! What an instant selector reads: of each series the newest sample, whatever lies over it.

use std::collections::BTreeMap;

use promethium_model::{Matcher, QueryCx, Queryable, SampleBatch, SelectHints, TimeRange};
use promethium_tsdb::vfs::SimVfs;
use promethium_tsdb::{Db, DbOptions};

use crate::support::{START_MS, commit, commit_all, open, scrapes};

const LOOKBACK_MS: i64 = 300_000;

/// The newest sample of each series, and how many samples the store gave for it.
type Newest = BTreeMap<String, (Option<(i64, u64)>, usize)>;

/// Looks back from `at_ms`.
fn newest(db: &Db, at_ms: i64, newest_only: bool) -> Newest {
    let range = TimeRange::new(at_ms - LOOKBACK_MS + 1, at_ms);
    let querier = db.querier(range).unwrap();
    let mut hints = SelectHints::sorted(range);
    hints.newest_only = newest_only;
    let mut set = querier.select(&[], &hints, &QueryCx::unlimited()).unwrap();
    let mut found = BTreeMap::new();
    while let Some(mut series) = set.next_series().unwrap() {
        let mut batch = SampleBatch::new();
        while series.samples.next_batch(&mut batch).unwrap() {}
        assert!(batch.timestamps.is_sorted() && batch.timestamps.iter().all(|t| range.contains(*t)));
        let last = batch.timestamps.last().copied().zip(batch.floats.last().map(|v| v.to_bits()));
        found.insert(series.labels.to_string(), (last, batch.len()));
    }
    found
}

/// Whether the short way and the long way agree; how many samples the short way gave.
fn check(db: &Db, at_ms: i64) -> usize {
    let (short, long) = (newest(db, at_ms, true), newest(db, at_ms, false));
    let what = |found: &Newest| -> Vec<_> { found.iter().map(|(labels, (last, _))| (labels.clone(), *last)).collect() };
    assert_eq!(what(&short), what(&long), "at {at_ms}");
    short.values().map(|(_, samples)| samples).sum()
}

#[test]
fn the_newest_sample_is_the_newest_whatever_lies_over_it() {
    let disk = SimVfs::new(3);
    let db = open(&disk, DbOptions::default().out_of_order_window_ms(600_000)).unwrap();
    commit_all(&db, &scrapes(200));
    let end_ms = START_MS + 199_000;
    let series = newest(&db, end_ms, true).len();
    assert!(series > 20);
    assert_eq!(check(&db, end_ms), series, "one sample each, without a look into the chunks");
    assert_eq!(check(&db, end_ms + 60_000), series);
    assert_eq!(check(&db, end_ms - 500), series, "the newest is too new: the one before it is at hand");
    assert!(check(&db, end_ms - 1_500) > series, "that is too new as well");
    // A reader of the past does not see what came since.
    let late = commit(&db, &vec![(1, end_ms - 250, 5.0)]).unwrap();
    assert_eq!(late.samples, 1);
    check(&db, end_ms);
    check(&db, end_ms - 200);
    db.delete(TimeRange::new(end_ms - 5_000, end_ms), &[Matcher::equal("instance", "host-2:9100")]).unwrap();
    check(&db, end_ms);
    assert_eq!(newest(&db, end_ms, true).values().filter(|(_, samples)| *samples == 1).count(), series - 2);
    check(&db, end_ms + LOOKBACK_MS - 1);
    assert_eq!(check(&db, end_ms + LOOKBACK_MS), 0);
}

#[test]
fn a_snapshot_of_the_past_keeps_its_newest_sample() {
    let db = Db::in_memory(DbOptions::default()).unwrap();
    commit_all(&db, &scrapes(50));
    let end_ms = START_MS + 49_000;
    let range = TimeRange::new(START_MS, end_ms + 10_000);
    let querier = db.querier(range).unwrap();
    commit(&db, &vec![(0, end_ms + 1_000, -1.0)]).unwrap();
    let mut hints = SelectHints::sorted(range);
    hints.newest_only = true;
    let matcher = Matcher::equal("instance", "host-0:9100");
    let mut set = querier.select(&[matcher], &hints, &QueryCx::unlimited()).unwrap();
    let mut batch = SampleBatch::new();
    let mut series = set.next_series().unwrap().expect("a series");
    while series.samples.next_batch(&mut batch).unwrap() {}
    assert_eq!(batch.timestamps, [end_ms], "the sample before the hidden one is at hand");
}
