//! The whole system against the real Prometheus 2.42, over the same files: what the store wrote, Prometheus reads; what
//! Prometheus answers to a thousand expressions, the engine answers.
//!
//! Prometheus 3.14 is what the engine follows. Where 2.42 is known to differ, `expressions.txt` says so and why, and asks around
//! the difference. Above all, ranges and lookback were closed on the left in 2.42: samples lie off the full second, and
//! evaluation times and ranges are chosen so that no edge of a window meets a sample.
//!
//! Skipped with a printed reason where Prometheus is not installed; with `PROMETHIUM_REQUIRE_PEERS` set, as CI does, its absence
//! is a failure.

mod answer;
mod data;
mod expressions;
mod peer;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use promethium::model::{
    InstantOptions, Labels, QueryCx, QueryEngine, QueryOutput, QueryValue, RangeOptions, float::format_json,
};
use promethium::promql::{Engine, EngineOptions, Features};
use promethium::tsdb::{Db, DbOptions};
use serde_json::Value;

use answer::{Answer, difference};
use expressions::Expression;
use peer::Peer;

/// When each expression is asked: early, in full flow, behind resets and gaps, at the end, and past it. Never within 200 ms behind a
/// full second, where the samples are.
const INSTANTS_S: [i64; 5] = [187, 3_141, 5_003, 7_190, 7_412];
const OFF_GRID_MS: i64 = 777;

/// Start, end and step of the range queries, in seconds from the first sample.
const RANGES_S: [(i64, i64, i64); 2] = [(600, 7_500, 137), (2_900, 3_500, 13)];

const WORKERS: usize = 4;

/// Both systems over the same data.
struct Pair {
    peer: Peer,
    db: Db,
    engine: Engine,
}

impl Pair {
    fn instant(&self, expression: &Expression, seconds: i64) -> (Answer, Answer) {
        let time_ms = data::START_MS + seconds * 1_000 + OFF_GRID_MS;
        let theirs = Answer::of_api(&self.peer.instant(&expression.theirs, time_ms));
        (theirs, Answer::of_engine(self.ask(&expression.ours, time_ms)))
    }

    fn ask(&self, query: &str, time_ms: i64) -> Result<QueryOutput, promethium::model::QueryError> {
        self.engine.instant(&self.db, query, &InstantOptions::at(time_ms), &QueryCx::unlimited())
    }

    fn range(&self, expression: &Expression, (start, end, step): (i64, i64, i64)) -> (Answer, Answer) {
        let at = |seconds: i64| data::START_MS + seconds * 1_000 + OFF_GRID_MS;
        let options = RangeOptions::new(at(start), at(end), step * 1_000);
        let theirs = self.peer.range(&expression.theirs, options.start_ms, options.end_ms, options.step_ms);
        let ours = self.engine.range(&self.db, &expression.ours, &options, &QueryCx::unlimited());
        (Answer::of_api(&theirs), Answer::of_engine(ours))
    }

    /// Asks one expression every time and in every range.
    fn compare(&self, expression: &Expression) -> Comparison {
        let instants = INSTANTS_S.iter().map(|at| (format!("at {at} s"), self.instant(expression, *at)));
        let ranges = RANGES_S.iter().map(|range| (format!("over {range:?} s"), self.range(expression, *range)));
        let mut comparison = Comparison::default();
        let ordered = is_ordered(&expression.ours);
        for (number, (when, (theirs, ours))) in instants.chain(ranges).enumerate() {
            comparison.answers += 1;
            comparison.with_data += usize::from(theirs.has_data());
            let refused = matches!((&theirs, &ours), (Answer::Error(_), Answer::Error(_)));
            if expression.other_words && refused {
                continue;
            }
            let difference = difference(&theirs, &ours, ordered && number < INSTANTS_S.len());
            let report = |text| format!("{} {when}: {text}", expression.ours);
            comparison.differences.extend(difference.map(report));
        }
        comparison
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
    differences: Vec<String>,
}

#[test]
fn prometheus_gives_the_same_answers_over_the_same_files() {
    if !peer::is_here() {
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    let series = data::series();
    let pair = open_pair(dir.path(), &series);
    raw_samples_are_the_same(&pair, &series);
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
    let engine = Engine::new(EngineOptions::default().with_features(Features::server()));
    Pair { peer, db, engine }
}

fn copy_wal(from: &Path, to: &Path) {
    std::fs::create_dir_all(to.join("wal")).expect("the directory can be made");
    for entry in std::fs::read_dir(from.join("wal")).expect("the log is there") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name");
        std::fs::copy(&path, to.join("wal").join(name)).expect("a segment can be copied");
    }
}

/// Samples by series: times, and values as the API prints them.
type Raw = BTreeMap<answer::Metric, Vec<(i64, String)>>;

fn raw_samples_are_the_same(pair: &Pair, series: &[data::Series]) {
    let query = "{__name__!=\"\"}[3h]";
    let time_ms = data::START_MS + 2 * 3_600_000 + OFF_GRID_MS;
    let theirs = raw_of_api(&pair.peer.instant(query, time_ms));
    let ours = raw_of_engine(pair.ask(query, time_ms).expect("all samples"));
    let written: Raw = series.iter().map(|s| (metric(&s.labels), printed(s.visible()))).collect();
    assert!(theirs.keys().eq(written.keys()), "Prometheus reads other series: {:?}", theirs.keys());
    assert!(ours.keys().eq(written.keys()), "the reopened store holds other series: {:?}", ours.keys());
    for (metric, samples) in &written {
        assert_eq!(&theirs[metric], samples, "Prometheus reads other samples of {metric:?}");
        assert_eq!(&ours[metric], samples, "the reopened store holds other samples of {metric:?}");
    }
    println!("{} series, {} samples, read alike", written.len(), written.values().map(Vec::len).sum::<usize>());
}

fn metric(labels: &Labels) -> answer::Metric {
    labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn printed(samples: impl IntoIterator<Item = (i64, f64)>) -> Vec<(i64, String)> {
    samples.into_iter().map(|(t, v)| (t, format_json(v))).collect()
}

/// The values stay the text that Prometheus printed.
fn raw_of_api(body: &Value) -> Raw {
    let Answer::Data("matrix", parsed) = Answer::of_api(body) else { panic!("no matrix: {body}") };
    let texts = |row: &Value| -> Vec<String> {
        let values = row["values"].as_array().expect("values").iter();
        values.map(|pair| pair[1].as_str().expect("a text").to_owned()).collect()
    };
    let rows = body["data"]["result"].as_array().expect("rows").iter().map(texts);
    let with_texts = |((metric, samples), texts): ((answer::Metric, answer::Samples), Vec<String>)| {
        (metric, samples.into_iter().map(|s| s.0).zip(texts).collect())
    };
    parsed.into_iter().zip(rows).map(with_texts).collect()
}

fn raw_of_engine(output: QueryOutput) -> Raw {
    let QueryValue::Matrix(matrix) = output.value else { panic!("no matrix: {:?}", output.value) };
    matrix.into_iter().map(|s| (metric(&s.labels), printed(s.floats))).collect()
}

fn answers_are_the_same(pair: &Pair) {
    let all = expressions::read(include_str!("expressions.txt"));
    assert!(all.len() >= 500, "the file gives only {} expressions", all.len());
    let total = compare_all(pair, &all);
    let (shown, count) = (total.differences.join("\n"), total.differences.len());
    println!("{} expressions, {} answers, {} with data", all.len(), total.answers, total.with_data);
    assert!(total.differences.is_empty(), "{count} of {} answers differ:\n{shown}", total.answers);
    assert!(total.with_data * 10 > total.answers * 7, "most expressions have something to show");
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

impl Comparison {
    fn add(&mut self, other: Comparison) {
        self.answers += other.answers;
        self.with_data += other.with_data;
        self.differences.extend(other.differences);
    }
}
