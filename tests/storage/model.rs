//! Random operations on a database and on a map, with reopening, crashes and upkeep among them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use promethium::model::{
    AppendOptions, Appendable, Appender, LabelHints, ManualClock, MatchOp, Matcher, Point, PointValue, QueryCx,
    Queryable, SeriesKey, TimeRange,
};
use promethium::tsdb::vfs::SimVfs;
use promethium::tsdb::{Compression, Db, DbOptions, Retention, Sync};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::oracle::{Contents, Stored, contents, contents_in, difference};
use crate::workload::{CHUNK_RANGE_MS, Row, START_MS, Value, WINDOW_MS, labels, options_of};

const DIR: &str = "/data";
const CASES: u32 = 250;
/// Times are multiples of this.
const TICK_MS: i64 = 2_000;
const SERIES: u64 = 6;

#[derive(Clone, Debug)]
enum Op {
    Commit(Vec<Row>),
    Rollback(Vec<Row>),
    /// Another value for the newest sample of a series.
    Conflict(u64),
    Delete(i64, i64, usize),
    Maintain,
    Close,
    Kill,
    PowerLoss,
    Read(i64, i64, usize),
}

/// Times that mostly go on, and at times go back: tick `0..30` behind a position that grows with the operation's place.
fn rows() -> impl Strategy<Value = Vec<(u64, i64)>> {
    prop::collection::vec((0..SERIES, 0_i64..30), 0..24)
}

fn op(upkeep: u32) -> impl Strategy<Value = Op> {
    let at = |(series, t): (u64, i64)| Row { series, t_ms: t };
    prop_oneof![
        12 => rows().prop_map(move |rows| Op::Commit(rows.into_iter().map(at).collect())),
        2 => rows().prop_map(move |rows| Op::Rollback(rows.into_iter().map(at).collect())),
        1 => (0..SERIES).prop_map(Op::Conflict),
        2 => (0_i64..60, 0_i64..20, 0_usize..5).prop_map(|(t, d, m)| Op::Delete(t, d, m)),
        upkeep => Just(Op::Maintain),
        1 => Just(Op::Close),
        1 => Just(Op::Kill),
        1 => Just(Op::PowerLoss),
        4 => (0_i64..80, 0_i64..80, 0_usize..5).prop_map(|(t, d, m)| Op::Read(t, d, m)),
    ]
}

/// The map, and what decides which samples a store takes.
#[derive(Default)]
struct Model {
    samples: Contents,
    /// The newest sample in order, series by series.
    newest_ms: BTreeMap<u64, i64>,
    newest_of_all_ms: Option<i64>,
    /// Ranges and selections that were deleted.
    deleted: Vec<(TimeRange, usize)>,
}

/// What becomes of a sample.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Admission {
    InOrder,
    Late,
    Refused,
}

impl Model {
    /// Prometheus' rule, with a window.
    fn admit(&self, row: Row) -> Admission {
        let newest_of_all_ms = self.newest_of_all_ms.unwrap_or(i64::MIN);
        let is_in_bounds = row.t_ms >= newest_of_all_ms.saturating_sub(CHUNK_RANGE_MS / 2);
        let follows = self.newest_ms.get(&row.series).is_none_or(|newest| row.t_ms >= *newest);
        if is_in_bounds && follows {
            Admission::InOrder
        } else if row.t_ms >= newest_of_all_ms.saturating_sub(WINDOW_MS) {
            Admission::Late
        } else {
            Admission::Refused
        }
    }

    /// Takes the rows of a transaction that are admitted.
    fn commit(&mut self, rows: &[Row]) {
        let admitted: Vec<_> = rows.iter().map(|row| (*row, self.admit(*row))).collect();
        for (row, admission) in admitted {
            // The newest once more, bit by bit, is no news, even where it was deleted.
            if admission == Admission::InOrder && self.newest_ms.get(&row.series) == Some(&row.t_ms) {
                continue;
            }
            if admission == Admission::InOrder {
                self.newest_ms.insert(row.series, row.t_ms);
                self.newest_of_all_ms = self.newest_of_all_ms.max(Some(row.t_ms));
            }
            if admission != Admission::Refused {
                self.samples.insert(row, Stored::of(&row.value()));
            }
        }
    }

    fn delete(&mut self, range: TimeRange, selection: usize) {
        self.samples.retain(|row, _| !(range.contains(row.t_ms) && selects(selection, row.series)));
        self.deleted.push((range, selection));
    }

    /// Whether a late sample comes where a delete has been: another question than those of this test.
    fn comes_after_a_delete(&self, row: Row) -> bool {
        let reaches =
            |(range, selection): &(TimeRange, usize)| range.contains(row.t_ms) && selects(*selection, row.series);
        self.admit(row) == Admission::Late && self.deleted.iter().any(reaches)
    }

    fn read(&self, range: TimeRange, selection: usize) -> Contents {
        let is_selected = |row: &Row| range.contains(row.t_ms) && selects(selection, row.series);
        self.samples.iter().filter(|(row, _)| is_selected(row)).map(|(row, v)| (*row, *v)).collect()
    }
}

/// Selections of series, as matchers …
fn matchers(selection: usize) -> Vec<Matcher> {
    let of_host = |op, value: &str| Matcher::new(op, "host", value).expect("a matcher");
    match selection {
        0 => vec![],
        1 => vec![of_host(MatchOp::Equal, "2")],
        2 => vec![of_host(MatchOp::Regex, "[135]")],
        3 => vec![of_host(MatchOp::NotRegex, "1|2"), Matcher::equal("__name__", "requests_total")],
        _ => vec![of_host(MatchOp::NotEqual, "4"), of_host(MatchOp::Regex, ".+")],
    }
}

/// … and as what they mean.
fn selects(selection: usize, series: u64) -> bool {
    match selection {
        0 => true,
        1 => series == 2,
        2 => matches!(series, 1 | 3 | 5),
        3 => !matches!(series, 1 | 2),
        _ => series != 4,
    }
}

/// A database, its disk, and the model.
struct Bench {
    disk: SimVfs,
    options: DbOptions,
    clock: Arc<ManualClock>,
    db: Option<Db>,
    model: Model,
}

impl Bench {
    fn new(seed: u64, options: DbOptions) -> Self {
        let clock = Arc::new(ManualClock::new(START_MS));
        let mut bench = Bench { disk: SimVfs::new(seed), options, clock, db: None, model: Model::default() };
        bench.reopen();
        bench
    }

    fn reopen(&mut self) {
        drop(self.db.take());
        let vfs = Arc::new(self.disk.clone());
        let db = Db::open_with(vfs, Path::new(DIR), self.options.clone(), self.clock.clone());
        self.db = Some(db.expect("a database"));
    }

    /// The dead do not close what they had open.
    fn reopen_after_death(&mut self) {
        std::mem::forget(self.db.take());
        self.reopen();
    }

    fn db(&self) -> &Db {
        self.db.as_ref().expect("a database")
    }

    /// Appends the rows and compares which are refused.
    fn append(&self, rows: &[Row]) -> Box<dyn Appender + '_> {
        let mut tx = self.db().appender();
        for row in rows {
            let is_taken = append(&mut *tx, *row, &row.value()).is_ok();
            assert_eq!(is_taken, self.model.admit(*row) != Admission::Refused, "{row:?}");
        }
        tx
    }

    fn conflict(&self, series: u64) {
        let Some(newest_ms) = self.model.newest_ms.get(&series) else { return };
        let row = Row { series, t_ms: *newest_ms };
        if self.model.admit(row) != Admission::InOrder {
            return;
        }
        // Stored samples are positive.
        let mut tx = self.db().appender();
        assert!(append(&mut *tx, row, &Value::Float(-1.0)).is_err(), "another value at the newest time");
        tx.rollback();
    }

    fn read(&self, range: TimeRange, selection: usize) {
        let found = contents_in(self.db(), range, &matchers(selection));
        let expected = self.model.read(range, selection);
        assert!(found == expected, "{range:?}, {:?}: {}", matchers(selection), difference(&found, &expected));
        self.check_hosts(selection, range, &expected);
    }

    /// Label values are at least those of the samples in range; series whose samples were deleted may show.
    fn check_hosts(&self, selection: usize, range: TimeRange, expected: &Contents) {
        let querier = self.db().querier(range).expect("a querier");
        let all = matchers(selection);
        let hosts = querier.label_values("host", &all, &LabelHints::default(), &QueryCx::unlimited()).expect("values");
        for series in expected.keys().map(|row| row.series) {
            assert!(hosts.values.contains(&series.to_string()), "{series} is not among {:?}", hosts.values);
        }
        let is_selected = |host: &String| selects(selection, host.parse().expect("a number"));
        assert!(hosts.values.iter().all(is_selected), "{:?}", hosts.values);
    }

    fn apply(&mut self, op: &Op, place: usize) {
        let base_ms = START_MS + place as i64 * 3 * TICK_MS;
        self.clock.set_wall_ms(base_ms);
        let at = |tick: i64| base_ms + (tick - 30) * TICK_MS;
        match op {
            Op::Commit(rows) | Op::Rollback(rows) => {
                let mut rows = placed(rows, at);
                rows.retain(|row| !self.model.comes_after_a_delete(*row));
                let tx = self.append(&rows);
                if matches!(op, Op::Rollback(_)) {
                    return tx.rollback();
                }
                tx.commit().expect("a commit");
                self.model.commit(&rows);
            }
            Op::Conflict(series) => self.conflict(*series),
            Op::Delete(from, length, selection) => {
                let range = TimeRange::new(at(from - 20), at(from - 20 + length));
                self.db().delete(range, &matchers(*selection)).expect("a delete");
                self.model.delete(range, *selection);
            }
            Op::Maintain => drop(self.db().maintain(base_ms, Duration::MAX).expect("upkeep")),
            Op::Close => {
                self.db().close().expect("a clean end");
                self.reopen();
                assert!(self.db().replay_report().was_clean);
            }
            Op::Kill => {
                self.disk.kill();
                self.reopen_after_death();
            }
            Op::PowerLoss => {
                self.disk.restart();
                self.reopen_after_death();
            }
            Op::Read(from, length, selection) => {
                self.read(TimeRange::new(at(from - 40), at(from - 40 + length)), *selection);
            }
        }
    }
}

/// Rows at their times, ascending in each series, each time once.
fn placed(rows: &[Row], at: impl Fn(i64) -> i64) -> Vec<Row> {
    let mut placed: Vec<Row> = rows.iter().map(|row| Row { t_ms: at(row.t_ms), ..*row }).collect();
    placed.sort_unstable();
    placed.dedup();
    placed
}

fn append(tx: &mut dyn Appender, row: Row, value: &Value) -> Result<(), promethium::model::AppendError> {
    let value = match value {
        Value::Float(v) => PointValue::Float(*v),
        Value::Integer(h) => PointValue::Histogram(h),
        Value::WithFloats(h) => PointValue::FloatHistogram(h),
    };
    let point = Point { timestamp_ms: row.t_ms, start_timestamp_ms: 0, value };
    tx.append(SeriesKey::Labels(&labels(row.series)), point, &AppendOptions::default()).map(drop)
}

fn run(ops: &[Op], options: DbOptions, seed: u64) {
    let mut bench = Bench::new(seed, options);
    for (place, op) in ops.iter().enumerate() {
        bench.apply(op, place);
    }
    let found = contents(bench.db());
    assert!(found == bench.model.samples, "in the end: {}", difference(&found, &bench.model.samples));
}

fn compare(upkeep: u32) {
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let strategy = (prop::collection::vec(op(upkeep), 1..120), any::<u64>(), any::<bool>());
    let result = TestRunner::new_with_rng(config, rng).run(&strategy, |(ops, seed, is_plain)| {
        let compression = if is_plain { Compression::None } else { Compression::Snappy };
        // The model forgets nothing by itself.
        let options = options_of(Sync::Always, seed).compression(compression).retention(Retention::default());
        run(&ops, options, seed);
        Ok(())
    });
    result.unwrap_or_else(|e| panic!("{e}"));
}

#[test]
fn the_database_is_the_model() {
    compare(0);
}

#[test]
fn the_database_is_the_model_with_upkeep() {
    compare(2);
}
