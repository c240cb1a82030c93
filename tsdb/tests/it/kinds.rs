//! Everything that a sample can be or bring: histograms, stale markers, start timestamps, exemplars, metadata, late
//! samples, deletes; each over a reopening.

use std::sync::Arc;

use promethium_model::{
    AppendError, AppendOptions, Appendable, CommitStats, Exemplar, FloatHistogram, Histogram, HistogramValue, Labels,
    Matcher, Metadata, MetricType, Point, PointValue, QueryCx, QueryableExt, STALE_NAN, SampleBatch, SeriesKey, Span,
    TimeRange, is_stale,
};
use promethium_tsdb::vfs::SimVfs;
use promethium_tsdb::{Db, DbOptions, FloatEncoding};

use crate::support::{START_MS, always, labels, open};

fn integer(n: u64) -> Histogram {
    Histogram {
        schema: 1,
        zero_threshold: 0.5,
        zero_count: n,
        count: 4 * n,
        sum: n as f64 * 1.5,
        positive_spans: [Span { offset: -2, length: 2 }].into(),
        positive_deltas: vec![n as i64, n as i64],
        ..Histogram::default()
    }
}

fn with_custom_bounds(n: u64) -> FloatHistogram {
    FloatHistogram {
        schema: -53,
        count: 3.0 * n as f64,
        sum: n as f64,
        positive_spans: [Span { offset: 0, length: 2 }].into(),
        positive_buckets: vec![n as f64, 2.0 * n as f64],
        custom_bounds: Arc::from([0.5, 1.0]),
        ..FloatHistogram::default()
    }
}

/// Appends values to one series, a second apart, in one transaction each.
fn append_each(db: &Db, series: usize, first: i64, values: &[PointValue<'_>]) {
    for (i, value) in values.iter().enumerate() {
        let t = START_MS + (first + i as i64) * 1_000;
        let point = Point { timestamp_ms: t, start_timestamp_ms: START_MS - 500, value: *value };
        let mut tx = db.appender();
        tx.append(SeriesKey::Labels(&labels(series)), point, &AppendOptions::default()).unwrap();
        assert!(tx.commit().unwrap().samples >= 1);
    }
}

fn read(db: &Db, series: usize) -> SampleBatch {
    let matcher = Matcher::equal("instance", format!("host-{series}:9100"));
    db.read_all(TimeRange::ALL, &[matcher]).unwrap().pop().map(|(_, batch)| batch).unwrap_or_default()
}

fn reopened(disk: &SimVfs, options: DbOptions) -> Db {
    disk.restart();
    let db = open(disk, options).unwrap();
    let report = db.replay_report();
    assert_eq!((report.damage_count, report.other_records, report.unknown_series_samples), (0, 0, 0));
    db
}

#[test]
fn histograms_and_floats_in_one_series_come_back() {
    let disk = SimVfs::new(1);
    let options = || always().segment_bytes(64 << 10);
    let db = open(&disk, options()).unwrap();
    let ints: Vec<_> = (1..40).map(integer).collect();
    let floats: Vec<_> = (1..40).map(with_custom_bounds).collect();
    append_each(&db, 0, 0, &ints.iter().map(PointValue::Histogram).collect::<Vec<_>>());
    append_each(&db, 0, 40, &[PointValue::Float(STALE_NAN)]);
    append_each(&db, 0, 41, &floats.iter().map(PointValue::FloatHistogram).collect::<Vec<_>>());
    append_each(&db, 0, 81, &[PointValue::Float(STALE_NAN), PointValue::Float(4.5), PointValue::Float(STALE_NAN)]);
    let before = read(&db, 0);
    assert_eq!(before.len(), 39 + 1 + 39 + 3);
    assert!(is_stale(before.floats[39]), "the stale marker behind a histogram");
    assert_eq!(before.histograms.len(), 39 + 1 + 39 + 1, "stale markers behind histograms are histograms");
    let HistogramValue::Int(third) = &before.histograms[2].1 else { panic!("an integer histogram") };
    assert_eq!((third.count, &third.positive_deltas[..]), (12, &[3, 3][..]));
    assert_eq!(db.stats().stale_series, 1);
    assert!(before.start_timestamps.is_empty());
    drop(db);
    let db = reopened(&disk, options());
    // Compared as text: NaNs are not equal to themselves.
    assert_eq!(format!("{:?}", read(&db, 0)), format!("{before:?}"));
    assert_eq!(db.stats().stale_series, 1);
}

#[test]
fn one_transaction_may_hold_every_kind() {
    let db = open(&SimVfs::new(1), always()).unwrap();
    let (h, fh) = (integer(3), with_custom_bounds(2));
    let mut tx = db.appender();
    let mut append = |series: usize, t: i64, value: PointValue<'_>| {
        let point = Point { timestamp_ms: START_MS + t, start_timestamp_ms: 0, value };
        tx.append(SeriesKey::Labels(&labels(series)), point, &AppendOptions::default()).unwrap();
    };
    append(0, 1, PointValue::Float(1.0));
    append(0, 2, PointValue::Histogram(&h));
    append(0, 3, PointValue::Float(STALE_NAN));
    append(0, 4, PointValue::FloatHistogram(&fh));
    append(0, 5, PointValue::Float(2.0));
    append(1, 1, PointValue::FloatHistogram(&fh));
    append(1, 2, PointValue::Float(2.0));
    append(1, 2, PointValue::Float(3.0));
    assert_eq!(tx.commit().unwrap(), CommitStats::new(7, 1, 2));
    let batch = read(&db, 0);
    assert_eq!(batch.timestamps, (1..6).map(|t| START_MS + t).collect::<Vec<_>>());
    assert_eq!(batch.histograms.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(read(&db, 1).floats, [0.0, 2.0]);
}

#[test]
fn floats_at_the_time_of_a_histogram_are_refused_with_prometheus_words() {
    let db = open(&SimVfs::new(1), always()).unwrap();
    append_each(&db, 0, 0, &[PointValue::Histogram(&integer(1))]);
    let refused = |value| {
        let mut tx = db.appender();
        let point = Point { timestamp_ms: START_MS, start_timestamp_ms: 0, value };
        tx.append(SeriesKey::Labels(&labels(0)), point, &AppendOptions::default()).unwrap_err().to_string()
    };
    assert_eq!(
        refused(PointValue::Float(1.5)),
        format!(
            "duplicate sample for timestamp {START_MS}; overrides not allowed: existing is a histogram, new value 1.5"
        )
    );
    assert_eq!(refused(PointValue::Histogram(&integer(2))), "duplicate sample for timestamp");
}

#[test]
fn start_timestamps_are_kept_when_asked_for() {
    for encoding in [FloatEncoding::Xor, FloatEncoding::Xor2] {
        let disk = SimVfs::new(1);
        let options = || always().start_timestamps(true).float_encoding(encoding);
        let db = open(&disk, options()).unwrap();
        append_each(&db, 0, 0, &[PointValue::Float(1.0), PointValue::Float(2.0)]);
        append_each(&db, 1, 0, &[PointValue::Histogram(&integer(1)), PointValue::Histogram(&integer(2))]);
        drop(db);
        let db = reopened(&disk, options());
        for series in [0, 1] {
            assert_eq!(read(&db, series).start_timestamps, [START_MS - 500, START_MS - 500], "series {series}");
        }
    }
}

#[test]
fn xor2_holds_what_xor_holds() {
    let disk = SimVfs::new(1);
    let options = || always().float_encoding(FloatEncoding::Xor2);
    let db = open(&disk, options()).unwrap();
    let values: Vec<_> = (0..300).map(|i| PointValue::Float(f64::from(i) * 0.25)).collect();
    append_each(&db, 0, 0, &values);
    drop(db);
    let db = reopened(&disk, options());
    assert_eq!(read(&db, 0).floats, (0..300).map(|i| f64::from(i) * 0.25).collect::<Vec<_>>());
}

#[test]
fn a_zero_stands_where_a_counter_started() {
    let db = open(&SimVfs::new(1), always().start_timestamp_zero_samples(true)).unwrap();
    append_each(&db, 0, 0, &[PointValue::Float(5.0)]);
    let mut tx = db.appender();
    let point =
        Point { timestamp_ms: START_MS + 1_000, start_timestamp_ms: START_MS - 500, value: PointValue::Float(6.0) };
    tx.append(SeriesKey::Labels(&labels(0)), point, &AppendOptions::default()).unwrap();
    tx.commit().unwrap();
    let batch = read(&db, 0);
    assert_eq!(batch.timestamps, [START_MS - 500, START_MS, START_MS + 1_000]);
    assert_eq!(batch.floats, [0.0, 5.0, 6.0]);
    append_each(&db, 1, 0, &[PointValue::Histogram(&integer(1))]);
    let HistogramValue::Int(zero) = &read(&db, 1).histograms[0].1 else { panic!("an integer histogram") };
    assert_eq!((zero.count, zero.schema, zero.zero_threshold), (0, 1, 0.5));
}

fn exemplar(trace: &str, value: f64) -> Exemplar {
    Exemplar { labels: Labels::from_pairs([("trace_id", trace)]), value, timestamp_ms: None }
}

#[test]
fn exemplars_come_with_samples_and_come_back() {
    let disk = SimVfs::new(1);
    let db = open(&disk, always()).unwrap();
    let append = |t: i64, exemplars: &[Exemplar]| {
        let mut tx = db.appender();
        let options = AppendOptions::default().with_exemplars(exemplars);
        let point = Point::float(START_MS + t, 1.0 + t as f64);
        let appended = tx.append(SeriesKey::Labels(&labels(0)), point, &options).unwrap();
        tx.commit().unwrap();
        appended.dropped_exemplars
    };
    assert_eq!(append(0, &[exemplar("a", 1.0)]), 0);
    let late = Exemplar { timestamp_ms: Some(START_MS - 1), ..exemplar("b", 1.0) };
    assert_eq!(append(1, &[exemplar("b", 2.0), late, exemplar(&"x".repeat(200), 1.0)]), 2);
    let all = |db: &Db| {
        db.exemplars(TimeRange::ALL, &[vec![Matcher::equal("__name__", "requests_total")]], &QueryCx::unlimited())
            .unwrap()
    };
    let before = all(&db);
    assert_eq!(before.len(), 1);
    assert_eq!(before[0].1.iter().map(|e| e.value).collect::<Vec<_>>(), [1.0, 2.0]);
    assert!(
        db.exemplars(TimeRange::ALL, &[vec![Matcher::equal("job", "other")]], &QueryCx::unlimited())
            .unwrap()
            .is_empty()
    );
    drop(db);
    let db = reopened(&disk, always());
    assert_eq!(all(&db), before);
    assert_eq!(db.stats().exemplars, 2);
}

#[test]
fn metadata_is_kept_when_asked_for() {
    let counter = Metadata { metric_type: MetricType::Counter, unit: "s".to_owned(), help: "Seconds.".to_owned() };
    for keeps in [true, false] {
        let disk = SimVfs::new(1);
        let options = || always().metadata(keeps);
        let db = open(&disk, options()).unwrap();
        let mut tx = db.appender();
        let mut with = AppendOptions::default();
        with.metadata = Some(&counter);
        tx.append(SeriesKey::Labels(&labels(0)), Point::float(START_MS, 1.0), &with).unwrap();
        tx.commit().unwrap();
        let expected = keeps.then(|| counter.clone());
        assert_eq!(db.metadata(&labels(0)), expected);
        drop(db);
        assert_eq!(reopened(&disk, options()).metadata(&labels(0)), expected);
    }
}

#[test]
fn late_samples_find_their_place_and_come_back() {
    let disk = SimVfs::new(1);
    let options = || always().out_of_order_window_ms(400_000);
    let db = open(&disk, options()).unwrap();
    let commit = |db: &Db, t: i64, value: f64| {
        let mut tx = db.appender();
        let key = labels(0);
        let point = Point::float(START_MS + t * 1_000, value);
        tx.append(SeriesKey::Labels(&key), point, &AppendOptions::default())?;
        Ok::<_, AppendError>(tx.commit().unwrap().samples)
    };
    for t in (0..400).step_by(2) {
        commit(&db, 100 + t, 1.0).unwrap();
    }
    // Backwards, each between two that are there; more than the buffer holds.
    for t in (0..200).rev().map(|t| 2 * t + 1).filter(|t| *t < 399) {
        assert_eq!(commit(&db, 100 + t, 2.0).unwrap(), 1);
    }
    assert_eq!(commit(&db, 90, 1.0).unwrap_err().to_string(), "too old sample");
    let mut tx = db.appender();
    let strict = AppendOptions::default().rejecting_out_of_order();
    let refused = tx.append(SeriesKey::Labels(&labels(0)), Point::float(START_MS + 200_500, 1.0), &strict);
    assert_eq!(refused.unwrap_err().to_string(), "out of order sample");
    tx.rollback();
    let before = read(&db, 0);
    assert_eq!(before.timestamps, (0..399).map(|t| START_MS + (100 + t) * 1_000).collect::<Vec<_>>());
    assert!(before.floats.iter().enumerate().all(|(i, v)| *v == if i % 2 == 0 { 1.0 } else { 2.0 }));
    drop(db);
    let db = reopened(&disk, options());
    assert_eq!(db.replay_report().out_of_order_samples, 199);
    assert_eq!(read(&db, 0), before);
    drop(db);
    // The log of late samples is read whatever the window is now.
    assert_eq!(read(&reopened(&disk, always()), 0), before);
}

#[test]
fn deleted_samples_stay_deleted() {
    let disk = SimVfs::new(1);
    let db = open(&disk, always()).unwrap();
    for series in 0..3 {
        let values: Vec<_> = (0..300).map(|i| PointValue::Float(f64::from(i))).collect();
        append_each(&db, series, 0, &values);
    }
    let range = TimeRange::new(START_MS + 10_000, START_MS + 250_999);
    let report = db.delete(range, &[Matcher::equal("instance", "host-1:9100")]).unwrap();
    assert_eq!(report.head_series, 1);
    let all = TimeRange::ALL;
    assert_eq!(db.delete(all, &[Matcher::equal("instance", "host-2:9100")]).unwrap().head_series, 1);
    assert_eq!(db.delete(all, &[Matcher::equal("instance", "nobody")]).unwrap().head_series, 0);
    append_each(&db, 2, 300, &[PointValue::Float(7.0)]);
    let check = |db: &Db| {
        assert_eq!(read(db, 0).len(), 300);
        assert_eq!(read(db, 1).len(), 300 - 241);
        assert_eq!(read(db, 2).floats, [7.0], "what came after the delete is there");
        assert!(db.read_all(TimeRange::new(START_MS + 100_000, START_MS + 200_000), &[]).unwrap().len() == 1);
    };
    check(&db);
    drop(db);
    check(&reopened(&disk, always()));
}
