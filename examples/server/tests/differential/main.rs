//! The whole system against the real Prometheus 2.42, over the same files: what the store wrote, Prometheus reads; what
//! Prometheus answers to thousands of expressions, the engine answers.
//!
//! Prometheus 3.14 is what the engine follows. Where 2.42 is known to differ, `expressions.txt` says so and why, and asks
//! around the difference. Above all, ranges and lookback were closed on the left in 2.42: samples lie off the full second,
//! and evaluation times and ranges are chosen so that no edge of a window meets a sample.
//!
//! Skipped with a printed reason where Prometheus is not installed; with `PROMETHIUM_REQUIRE_PEERS` set, as CI does, its
//! absence is a failure.

mod answer;
mod data;
mod expressions;
mod generated;
mod peer;
mod raw;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use promethium::model::{InstantOptions, QueryCx, QueryEngine, RangeOptions};
use promethium::promql::{Engine, EngineOptions, Features};
use promethium::tsdb::{Db, DbOptions};

use answer::{Answer, difference};
use expressions::{Expression, Mark};
use peer::Peer;

/// When each expression is asked: early, in full flow, behind resets and gaps, at the end, and past it. Never within 200 ms
/// behind a full second, where the samples are.
const INSTANTS_S: [i64; 5] = [187, 3_141, 5_003, 7_190, 7_412];
const OFF_GRID_MS: i64 = 777;

/// Start, end and step of the range queries, in seconds from the first sample.
const RANGES_S: [(i64, i64, i64); 2] = [(600, 7_500, 137), (2_900, 3_500, 13)];

/// Expressions beyond those of the file.
const GENERATED: usize = 2_000;

const WORKERS: usize = 4;

/// Both systems over the same data.
struct Pair {
    peer: Peer,
    db: Db,
    /// With the features of a server without flags.
    engine: Engine,
    /// Knows what was no experiment in 2.42, under its new name.
    experimental: Engine,
}

impl Pair {
    fn instant(&self, expression: &Expression, seconds: i64) -> (Answer, Answer) {
        let time_ms = data::START_MS + seconds * 1_000 + OFF_GRID_MS;
        let theirs = Answer::of_api(&self.peer.instant(&expression.theirs, time_ms));
        let engine = self.engine_for(expression);
        let ours = engine.instant(&self.db, &expression.ours, &InstantOptions::at(time_ms), &QueryCx::unlimited());
        (theirs, Answer::of_engine(ours))
    }

    fn engine_for(&self, expression: &Expression) -> &Engine {
        if expression.theirs == expression.ours { &self.engine } else { &self.experimental }
    }

    fn range(&self, expression: &Expression, (start, end, step): (i64, i64, i64)) -> (Answer, Answer) {
        let at = |seconds: i64| data::START_MS + seconds * 1_000 + OFF_GRID_MS;
        let options = RangeOptions::new(at(start), at(end), step * 1_000);
        let theirs = self.peer.range(&expression.theirs, options.start_ms, options.end_ms, options.step_ms);
        let ours = self.engine_for(expression).range(&self.db, &expression.ours, &options, &QueryCx::unlimited());
        (Answer::of_api(&theirs), Answer::of_engine(ours))
    }

    /// Asks one expression every time and in every range, as far as its mark goes.
    fn compare(&self, expression: &Expression) -> Comparison {
        let ordered = is_ordered(&expression.ours);
        let mut comparison = Comparison::default();
        for at in INSTANTS_S {
            let (theirs, ours) = self.instant(expression, at);
            comparison.take(expression, &format!("at {at} s"), &theirs, difference(&theirs, &ours, ordered));
        }
        for range in RANGES_S.iter().filter(|_| expression.mark != Mark::Instant) {
            let (theirs, ours) = self.range(expression, *range);
            comparison.take(expression, &format!("over {range:?} s"), &theirs, difference(&theirs, &ours, false));
        }
        comparison.settle(expression)
    }
}

/// Whether the order of the answer to an instant query is part of it.
fn is_ordered(query: &str) -> bool {
    ["sort(", "sort_desc(", "topk(", "bottomk("].iter().any(|f| query.starts_with(f))
}

#[derive(Default)]
struct Comparison {
    answers: usize,
    with_data: usize,
    refused: usize,
    differences: Vec<String>,
}

impl Comparison {
    fn take(&mut self, expression: &Expression, when: &str, theirs: &Answer, difference: Option<String>) {
        self.answers += 1;
        self.with_data += usize::from(theirs.has_data());
        self.refused += usize::from(matches!(theirs, Answer::Error(..)));
        self.differences.extend(difference.map(|text| format!("{} {when}: {text}", expression.ours)));
    }

    /// Of what differs in one expression the first; for a mark that stands for a difference, that it is missing.
    fn settle(mut self, expression: &Expression) -> Comparison {
        let words_alone = self.differences.iter().all(|text| text.contains(": refused"));
        let excused = match expression.mark {
            Mark::None | Mark::Instant => false,
            Mark::OtherWords | Mark::AnyWords => words_alone,
            Mark::Differs => true,
        };
        if excused {
            let must_differ = expression.mark != Mark::AnyWords && self.differences.is_empty();
            self.differences =
                must_differ.then(|| format!("{}: differs no more", expression.ours)).into_iter().collect();
        }
        self.differences.truncate(1);
        self
    }

    fn add(&mut self, other: Comparison) {
        self.answers += other.answers;
        self.with_data += other.with_data;
        self.refused += other.refused;
        self.differences.extend(other.differences);
    }
}

#[test]
fn prometheus_gives_the_same_answers_over_the_same_files() {
    if !peer::is_here() {
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    let series = data::series();
    let pair = open_pair(dir.path(), &series);
    raw::samples_are_the_same(&pair.peer, &pair.db, &pair.engine, &series);
    answers_are_the_same(&pair);
}

/// Writes the data, closes the store, and opens it again; Prometheus gets a copy.
fn open_pair(dir: &Path, series: &[data::Series]) -> Pair {
    let (ours, theirs) = (dir.join("ours"), dir.join("theirs"));
    let db = Db::open(&ours, DbOptions::default()).expect("a new store");
    data::write(&db, series);
    db.close().expect("a clean end");
    drop(db);
    copy_wal(&ours, &theirs);
    let peer = Peer::start(dir, &theirs);
    let db = Db::open(&ours, DbOptions::default()).expect("the store again");
    let with = |features| Engine::new(EngineOptions::default().with_features(features));
    let mut experimental = Features::server();
    experimental.experimental_functions = true;
    Pair { peer, db, engine: with(Features::server()), experimental: with(experimental) }
}

fn copy_wal(from: &Path, to: &Path) {
    std::fs::create_dir_all(to.join("wal")).expect("the directory can be made");
    for entry in std::fs::read_dir(from.join("wal")).expect("the log is there") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name");
        std::fs::copy(&path, to.join("wal").join(name)).expect("a segment can be copied");
    }
}

fn answers_are_the_same(pair: &Pair) {
    let mut all = expressions::read(include_str!("expressions.txt"));
    assert!(all.len() >= 500, "the file gives only {} expressions", all.len());
    all.extend(generated::expressions(GENERATED));
    let total = compare_all(pair, &all);
    let Comparison { answers, with_data, refused, differences } = total;
    println!("{} expressions, {answers} answers: {with_data} with data, {refused} refusals", all.len());
    assert!(
        differences.is_empty(),
        "{} of {} expressions differ:\n{}",
        differences.len(),
        all.len(),
        differences.join("\n")
    );
    assert!(with_data * 3 > answers * 2, "most expressions have something to show");
}

/// Several workers, each taking the next expression.
fn compare_all(pair: &Pair, all: &[Expression]) -> Comparison {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut sum = Comparison::default();
        while let Some(expression) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            sum.add(pair.compare(expression));
        }
        sum
    };
    let mut total = Comparison::default();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().for_each(|worker| total.add(worker.join().expect("a worker ends well")));
    });
    total.differences.sort();
    total
}
