//! Batches of rows by reference: each row is taken or refused as it would be by itself.

use promethium_model::{
    AppendOptions, Appendable, Appender, Histogram, Point, PointValue, Queryable, RejectedRow, STALE_NAN, SeriesKey,
    SeriesRef, TimeRange,
};
use promethium_tsdb::vfs::SimVfs;
use promethium_tsdb::{Db, DbOptions};

use crate::support::{START_MS, clock, contents, labels, open};

/// So many that they lie on three pages of references.
const SERIES: usize = 600;
const ROUNDS: usize = 60;

/// A fixed sequence of numbers.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }
}

/// A row of a round: mostly in order, of neighbours; now and then anything else.
fn row(rng: &mut Numbers, round: usize, at: usize, known: usize) -> (SeriesRef, i64, f64) {
    let near = if rng.below(8) == 0 { rng.below(known + 5) } else { at % known };
    let now_ms = START_MS + round as i64 * 15_000;
    let t_ms = match rng.below(12) {
        0 => now_ms - rng.below(200_000) as i64,
        1 => now_ms - 15_000,
        2 => now_ms + 86_400_000_000,
        _ => now_ms,
    };
    let value = match rng.below(10) {
        0 => STALE_NAN,
        1..=4 => 1.0,
        _ => (round * known + near) as f64 / 8.0,
    };
    (SeriesRef(near as u64 + 1), t_ms, value)
}

fn one_by_one(tx: &mut dyn Appender, rows: &[(SeriesRef, Point<'_>)], rejected: &mut Vec<RejectedRow>) {
    for (row, (series, point)) in rows.iter().enumerate() {
        if let Err(error) = tx.append(SeriesKey::Ref(*series), *point, &AppendOptions::default()) {
            rejected.push(RejectedRow { row, error });
        }
    }
}

/// Appends samples of some series by their labels: their times must be known to batches by reference.
fn some_by_labels(tx: &mut dyn Appender, round: usize, new: std::ops::Range<usize>) {
    let t_ms = START_MS + round as i64 * 15_000 + 7_000;
    for series in new.chain((0..SERIES / 2).filter(|series| series % 37 == round % 37)) {
        let _ = tx.append(SeriesKey::Labels(&labels(series)), Point::float(t_ms, 3.0), &AppendOptions::default());
    }
}

/// What a round did: the rows that were refused, the statistics of both commits, and what the store has.
fn round_of(db: &Db, seed: u64, round: usize, histograms: bool, by_row: bool) -> String {
    let mut rng = Numbers(seed << 32 | round as u64);
    let (known, more) = (SERIES / 2 + round * 4, SERIES / 2 + round * 4 + 4);
    let new = if round == 0 { 0..more } else { known..more };
    let mut tx = db.appender();
    some_by_labels(&mut *tx, round, new);
    let by_labels = tx.commit().unwrap();
    // A reader of the past keeps what it saw.
    let reader = round.is_multiple_of(3).then(|| db.querier(TimeRange::ALL).unwrap());
    let histogram = Histogram { count: round as u64, zero_count: round as u64, sum: 1.0, ..Histogram::default() };
    let histogram = PointValue::Histogram(&histogram);
    let rows: Vec<_> = (0..2 * known)
        .map(|at| {
            let (series, t_ms, value) = row(&mut rng, round + 1, at, known);
            let is_histogram = histograms && series.0.is_multiple_of(50);
            let value = if is_histogram { histogram } else { PointValue::Float(value) };
            (series, Point { timestamp_ms: t_ms, start_timestamp_ms: 0, value })
        })
        .collect();
    let (mut tx, mut rejected) = (db.appender(), Vec::new());
    if by_row {
        one_by_one(&mut *tx, &rows, &mut rejected);
    } else {
        tx.append_batch(&rows, &mut rejected);
    }
    let stats = tx.commit().unwrap();
    drop(reader);
    format!("{rejected:?}\n{by_labels:?}\n{stats:?}\n{:?}", contents(db))
}

#[test]
fn batches_are_taken_as_their_rows_are() {
    for (seed, window_ms, histograms) in [(1, 0, false), (2, 100_000, false), (3, 0, true), (4, 100_000, true)] {
        let options = || DbOptions::default().out_of_order_window_ms(window_ms);
        let [batches, rows] = [(); 2].map(|()| Db::in_memory_with(options(), clock()).unwrap());
        let mut refused = 0;
        for round in 0..ROUNDS {
            let (found, expected) =
                (round_of(&batches, seed, round, histograms, false), round_of(&rows, seed, round, histograms, true));
            assert!(found == expected, "seed {seed}, round {round}");
            refused += found.matches("RejectedRow").count();
        }
        assert!(refused > 1_000, "seed {seed}: {refused} rows were refused");
    }
}

#[test]
fn a_batch_knows_what_other_ways_appended() {
    let disk = SimVfs::new(0);
    let db = open(&disk, DbOptions::default()).unwrap();
    let mut tx = db.appender();
    let series = labels(0);
    let options = AppendOptions::default();
    let reference = tx.append(SeriesKey::Labels(&series), Point::float(START_MS, 1.0), &options).unwrap().series;
    tx.commit().unwrap();
    let refused = |db: &Db, t_ms: i64| {
        let (mut tx, mut rejected) = (db.appender(), Vec::new());
        tx.append_batch(&[(reference, Point::float(t_ms, 2.0))], &mut rejected);
        tx.commit().unwrap();
        rejected.first().map(|row| row.error.to_string())
    };
    assert_eq!(refused(&db, START_MS + 10), None);
    let histogram = Histogram { count: 1, zero_count: 1, ..Histogram::default() };
    let points = [
        (START_MS + 100, PointValue::Float(1.0)),
        (START_MS + 200, PointValue::Histogram(&histogram)),
        (START_MS + 300, PointValue::Float(1.0)),
    ];
    for (t_ms, value) in points {
        let mut tx = db.appender();
        let point = Point { timestamp_ms: t_ms, start_timestamp_ms: 0, value };
        tx.append(SeriesKey::Labels(&series), point, &options).unwrap();
        tx.commit().unwrap();
        assert_eq!(refused(&db, t_ms - 1).as_deref(), Some("out of order sample"), "behind {t_ms}");
    }
    db.close().unwrap();
    drop(db);
    let db = open(&disk, DbOptions::default()).unwrap();
    assert_eq!(refused(&db, START_MS + 299).as_deref(), Some("out of order sample"), "after a restart");
    assert_eq!(refused(&db, START_MS + 301), None);
}
