//! Every limit is met once.

use promethium_model::{
    AppendError, AppendOptions, Appendable, Clock, CommitError, Exemplar, FloatHistogram, LabelHints, Labels, Limits,
    MatchOp, Matcher, Point, PointValue, QueryCx, Queryable, QueryableExt, SelectHints, SeriesKey, StorageError,
    TimeRange,
};
use promethium_tsdb::vfs::SimVfs;
use promethium_tsdb::{Db, DbOptions, TsdbError};

use crate::support::{Batch, START_MS, always, clock, commit, contents, labels, open};

fn with(change: impl FnOnce(&mut Limits)) -> DbOptions {
    let mut limits = Limits::default();
    change(&mut limits);
    DbOptions::default().limits(limits)
}

fn append(db: &Db, labels: &Labels, point: Point<'_>) -> Result<(), AppendError> {
    let mut tx = db.appender();
    tx.append(SeriesKey::Labels(labels), point, &AppendOptions::default())?;
    tx.commit().expect("a commit");
    Ok(())
}

#[test]
fn known_series_go_on_at_the_series_limit() {
    let db = Db::in_memory_with(with(|l| l.max_series = 3), clock()).unwrap();
    for series in 0..3 {
        append(&db, &labels(series), Point::float(START_MS, 1.0)).unwrap();
    }
    let refused = append(&db, &labels(3), Point::float(START_MS, 1.0));
    assert!(matches!(refused, Err(AppendError::SeriesLimit { limit: 3 })), "{refused:?}");
    append(&db, &labels(0), Point::float(START_MS + 1, 2.0)).unwrap();
    assert_eq!(db.stats().series, 3);
}

#[test]
fn transactions_that_race_to_the_series_limit_do_not_pass_it() {
    let db = Db::in_memory_with(with(|l| l.max_series = 2), clock()).unwrap();
    let (mut a, mut b) = (db.appender(), db.appender());
    for (tx, base) in [(&mut a, 0), (&mut b, 10)] {
        for series in 0..2 {
            let point = Point::float(START_MS, 1.0);
            tx.append(SeriesKey::Labels(&labels(base + series)), point, &AppendOptions::default()).unwrap();
        }
    }
    let (first, second) = (a.commit().unwrap(), b.commit().unwrap());
    assert_eq!((first.samples, first.dropped), (2, 0));
    assert_eq!((second.samples, second.dropped, second.series_created), (0, 2, 0));
    assert_eq!(contents(&db).len(), 2);
}

#[test]
fn a_smaller_limit_keeps_the_oldest_series_at_the_next_start() {
    let disk = SimVfs::new(0);
    let batch: Batch = (0..10).map(|s| (s, START_MS, 1.0)).collect();
    commit(&open(&disk, always()).unwrap(), &batch).unwrap();
    let db = open(&disk, with(|l| l.max_series = 4)).unwrap();
    let report = db.replay_report();
    assert_eq!((report.series, report.series_over_limit, report.unknown_series_samples), (4, 6, 6));
    commit(&db, &vec![(0, START_MS + 1, 2.0)]).unwrap();
}

#[test]
fn a_transaction_takes_no_more_samples_than_it_may_and_can_be_committed() {
    let db = Db::in_memory_with(with(|l| l.max_transaction_samples = 3), clock()).unwrap();
    let mut tx = db.appender();
    let series = labels(0);
    let options = AppendOptions::default();
    let added = tx.append(SeriesKey::Labels(&series), Point::float(START_MS, 0.0), &options).unwrap();
    let rows: Vec<_> = (1..5).map(|i| (added.series, Point::float(START_MS + i, i as f64))).collect();
    let mut rejected = Vec::new();
    tx.append_batch(&rows, &mut rejected);
    let is_over = |error: &AppendError| matches!(error, AppendError::TransactionLimit { limit: 3 });
    assert!(rejected.iter().all(|row| is_over(&row.error)), "{rejected:?}");
    assert_eq!(rejected.iter().map(|row| row.row).collect::<Vec<_>>(), [2, 3]);
    let refused = tx.append(SeriesKey::Labels(&series), Point::float(START_MS + 9, 9.0), &options);
    assert!(refused.as_ref().is_err_and(is_over), "{refused:?}");
    assert_eq!(tx.commit().unwrap().samples, 3);
    assert_eq!(db.read_all(TimeRange::ALL, &[]).unwrap()[0].1.floats, [0.0, 1.0, 2.0]);
}

#[test]
fn what_a_query_selects_of_the_head_is_counted_until_it_is_handed_out() {
    const SERIES: usize = 1_000;
    let db = Db::in_memory_with(DbOptions::default(), clock()).unwrap();
    commit(&db, &(0..SERIES).map(|series| (series, START_MS, 1.0)).collect()).unwrap();
    let querier = db.querier(TimeRange::ALL).unwrap();
    let hints = SelectHints::sorted(TimeRange::ALL);
    let cx = QueryCx::unlimited().with_max_bytes(1 << 20);
    let mut set = querier.select(&[], &hints, &cx).unwrap();
    let all = cx.held_bytes();
    assert!((SERIES * 50..SERIES * 300).contains(&all), "{all}");
    set.next_series().unwrap().unwrap();
    assert!(cx.held_bytes() < all);
    while set.next_series().unwrap().is_some() {}
    assert_eq!(cx.held_bytes(), 0);
    let few = QueryCx::unlimited().with_max_bytes(all / 2);
    let refused = querier.select(&[], &hints, &few).map(drop);
    assert!(matches!(refused, Err(StorageError::TooManyBytes { limit }) if limit == all / 2), "{refused:?}");
    assert_eq!(few.held_bytes(), 0);
}

#[test]
fn samples_too_far_ahead_or_behind_are_refused() {
    let clock = clock();
    let db = Db::in_memory_with(with(|l| l.max_future_ms = 1_000), clock.clone()).unwrap();
    let series = labels(0);
    let now = clock.now_ms();
    let ahead = append(&db, &series, Point::float(now + 1_001, 1.0));
    assert!(matches!(ahead, Err(AppendError::TooFarInFuture { max_ms, .. }) if max_ms == now + 1_000), "{ahead:?}");
    append(&db, &series, Point::float(now + 1_000, 1.0)).unwrap();
    let oldest = now + 1_000 - 3_600_000;
    let behind = append(&db, &labels(1), Point::float(oldest - 1, 1.0));
    assert!(
        matches!(behind, Err(AppendError::OutOfBounds { min_valid_ms, .. }) if min_valid_ms == oldest),
        "{behind:?}"
    );
    append(&db, &labels(1), Point::float(oldest, 1.0)).unwrap();
}

#[test]
fn labels_have_limits() {
    let db = Db::in_memory_with(
        with(|l| (l.max_labels, l.max_label_name_bytes, l.max_label_value_bytes) = (2, 8, 8)),
        clock(),
    );
    let db = db.unwrap();
    let cases = [
        (vec![("a", "1"), ("b", "2"), ("c", "3")], "labels of a series: 3 exceed the limit of 2"),
        (vec![("ninebytes", "1")], "bytes of a label name: 9 exceed the limit of 8"),
        (vec![("a", "ninebytes")], "bytes of a label value: 9 exceed the limit of 8"),
    ];
    for (pairs, text) in cases {
        let refused = append(&db, &Labels::from_pairs(pairs), Point::float(START_MS, 1.0)).unwrap_err();
        assert_eq!(refused.to_string(), text);
    }
    append(&db, &Labels::from_pairs([("a", "8 bytes."), ("8 bytes.", "b")]), Point::float(START_MS, 1.0)).unwrap();
    assert_eq!(db.stats().series, 1);
}

#[test]
fn histograms_that_are_not_valid_are_refused() {
    let db = Db::in_memory_with(DbOptions::default(), clock()).unwrap();
    let histogram = FloatHistogram { count: -1.0, ..FloatHistogram::default() };
    let point = Point { timestamp_ms: START_MS, start_timestamp_ms: 0, value: PointValue::FloatHistogram(&histogram) };
    assert!(matches!(append(&db, &labels(0), point), Err(AppendError::InvalidHistogram(_))));
    assert!(db.read_all(TimeRange::ALL, &[]).unwrap().is_empty());
}

#[test]
fn options_that_cannot_work_are_refused() {
    let bad = [
        DbOptions::default().segment_bytes(0),
        DbOptions::default().segment_bytes(100_000),
        DbOptions::default().chunk_range_ms(0),
        DbOptions::default().chunk_range_ms(i64::MAX),
        DbOptions::default().out_of_order_window_ms(-1),
        DbOptions::default().max_exemplars(usize::MAX),
        DbOptions::default().open_threads(257),
        DbOptions::default().open_threads(0),
        with(|l| l.max_series = usize::MAX),
    ];
    for options in bad {
        let error = Db::in_memory(options).unwrap_err();
        assert!(matches!(error, TsdbError::InvalidOption { .. }), "{error}");
    }
}

#[test]
fn a_directory_serves_one_at_a_time() {
    let tmp = tempfile::tempdir().unwrap();
    let first = Db::open(tmp.path(), DbOptions::default()).unwrap();
    let error = Db::open(tmp.path(), DbOptions::default()).unwrap_err();
    assert!(matches!(&error, TsdbError::Locked { dir } if dir == tmp.path()), "{error}");
    assert!(error.to_string().contains("in use by another process"));
    first.close().unwrap();
    assert!(!tmp.path().join("lock").exists());
    let second = Db::open(tmp.path(), DbOptions::default()).unwrap();
    assert!(second.replay_report().was_clean);
}

#[test]
fn a_closed_store_takes_and_gives_nothing() {
    for db in [Db::in_memory_with(DbOptions::default(), clock()).unwrap(), open(&SimVfs::new(0), always()).unwrap()] {
        let mut tx = db.appender();
        let point = Point::float(START_MS, 1.0);
        tx.append(SeriesKey::Labels(&labels(0)), point, &AppendOptions::default()).unwrap();
        db.close().unwrap();
        assert!(matches!(tx.commit(), Err(CommitError::ReadOnly { .. })));
        assert!(matches!(append(&db, &labels(0), point), Err(AppendError::ReadOnly { .. })));
        assert!(matches!(db.querier(TimeRange::ALL), Err(StorageError::Closed)));
        db.close().unwrap();
    }
}

/// Files below `dir` that this process holds open.
#[cfg(target_os = "linux")]
fn open_files(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let held =
        std::fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    held.filter(|target| target.starts_with(dir)).collect()
}

/// Blocks and full head chunk files are mapped, not held open, so that a store needs a handful of open files however much
/// it keeps.
#[test]
#[cfg(target_os = "linux")]
fn open_files_do_not_grow_with_the_data() {
    const RANGE_MS: i64 = 60_000;
    const RANGES: i64 = 14;
    const STEP_MS: usize = 10_000;
    const MOST_OPEN_FILES: usize = 7;
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    let options = DbOptions::default().chunk_range_ms(RANGE_MS).max_block_ms(RANGE_MS).out_of_order_window_ms(RANGE_MS);
    let db =
        Db::open_with(std::sync::Arc::new(promethium_tsdb::vfs::StdVfs), dir.path(), options, clock.clone()).unwrap();
    for t in (0..RANGES * RANGE_MS).step_by(STEP_MS) {
        clock.set_wall_ms(START_MS + t);
        append(&db, &labels(0), Point::float(START_MS + t, t as f64)).unwrap();
        db.maintain(START_MS + t, std::time::Duration::from_secs(60)).unwrap();
    }
    let (_, samples) = db.read_all(TimeRange::ALL, &[]).unwrap().remove(0);
    assert_eq!(samples.len() as i64, RANGES * RANGE_MS / STEP_MS as i64);
    assert!(db.stats().blocks as i64 >= RANGES - 5, "{:?}", db.stats());
    let open = open_files(dir.path());
    assert!((1..=MOST_OPEN_FILES).contains(&open.len()), "{open:?}");
}

/// What a look-up asks of a store.
type LookUp = fn(&Db, &QueryCx) -> Result<usize, StorageError>;

fn texts(db: &Db, cx: &QueryCx, name: Option<&str>, matchers: &[Matcher]) -> Result<usize, StorageError> {
    let (querier, hints) = (db.querier(TimeRange::ALL)?, LabelHints::default());
    let list = match name {
        Some(name) => querier.label_values(name, matchers, &hints, cx)?,
        None => querier.label_names(matchers, &hints, cx)?,
    };
    Ok(list.values.len())
}

const LOOK_UPS: [(&str, usize, LookUp); 6] = [
    ("values", 500, |db, cx| texts(db, cx, Some("i"), &[])),
    ("values of some series", 500, |db, cx| texts(db, cx, Some("i"), &[Matcher::equal("__name__", "m")])),
    ("values that pass", 111, |db, cx| {
        texts(db, cx, Some("i"), &[Matcher::new(MatchOp::Regex, "i", "1.*").unwrap(), Matcher::equal("__name__", "m")])
    }),
    ("names", 2 + 500, |db, cx| texts(db, cx, None, &[])),
    ("names on some series", 2 + 500, |db, cx| texts(db, cx, None, &[Matcher::equal("__name__", "m")])),
    ("exemplars", 500, |db, cx| Ok(db.exemplars(TimeRange::ALL, &[Vec::new()], cx)?.len())),
];

/// A head, or a block and an empty head, of five hundred series with an exemplar each, and each with a label of its own name.
fn to_look_up(in_block: bool) -> Db {
    let options = DbOptions::default().max_exemplars(1_000);
    let clock = clock();
    let db = Db::open_with(std::sync::Arc::new(SimVfs::new(0)), "/data".as_ref(), options, clock.clone()).unwrap();
    let exemplar =
        [Exemplar { labels: Labels::from_pairs([("trace", "1")]), value: 1.0, timestamp_ms: Some(START_MS) }];
    let mut tx = db.appender();
    for i in 0..500 {
        let own = format!("own_{i}");
        let labels = Labels::from_pairs([("__name__", "m"), ("i", &i.to_string()), (&own, "1")]);
        let appended = AppendOptions::default().with_exemplars(&exemplar);
        tx.append(SeriesKey::Labels(&labels), Point::float(START_MS, 1.0), &appended).unwrap();
    }
    tx.commit().unwrap();
    if in_block {
        let late = START_MS + 8 * 3_600_000;
        clock.set_wall_ms(late);
        append(&db, &Labels::from_pairs([("__name__", "m")]), Point::float(late, 1.0)).unwrap();
        db.maintain(late, std::time::Duration::from_secs(60)).unwrap();
        assert_eq!((db.stats().blocks, db.stats().series), (1, 1));
    }
    db
}

/// Look-ups of labels and exemplars hold no more than the query may, and give back what they held.
#[test]
fn look_ups_are_in_the_budget_of_bytes() {
    for in_block in [false, true] {
        let db = to_look_up(in_block);
        for (what, expected, look_up) in LOOK_UPS {
            let ample = QueryCx::unlimited().with_max_bytes(1 << 20);
            assert_eq!(look_up(&db, &ample).unwrap(), expected, "{what}, {in_block}");
            assert_eq!(ample.held_bytes(), 0, "{what}, {in_block}");
            let scarce = QueryCx::unlimited().with_max_bytes(2_000);
            let refused = look_up(&db, &scarce);
            assert!(
                matches!(refused, Err(StorageError::TooManyBytes { limit: 2_000 })),
                "{what}, {in_block}: {refused:?}"
            );
            assert_eq!(scarce.held_bytes(), 0, "{what}, {in_block}");
            let cancelled = QueryCx::unlimited();
            cancelled.cancel();
            assert!(matches!(look_up(&db, &cancelled), Err(StorageError::Canceled)), "{what}, {in_block}");
        }
    }
}
