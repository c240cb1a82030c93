//! Tells how a query would be evaluated, and, over data, what each part of it cost.
//!
//! ```text
//! cargo run --release -p promethium-promql --example explain -- 'sum by (job) (rate(requests_total[5m]))'
//! cargo run --release -p promethium-promql --example explain -- QUERY --load FILE.test --range 0s 1h 1m
//! ```
//!
//! Without `--load` nothing is read: the plan alone is printed. With it, the `load` statements of a promqltest script fill an
//! in-memory store, the query is evaluated, and every node of the plan comes with its own time, its series, samples and bytes.
//! `--at TIME` evaluates at one time (the default, at 0s), `--range START END STEP` over a range; times are durations, as in
//! the scripts: distances from the epoch.

use std::process::ExitCode;
use std::sync::Arc;

use promethium_model::{Clock, InstantOptions, QueryCx, QueryValue, RangeOptions, Severity, SystemClock, duration};
use promethium_promql::{Analysis, Engine, EngineOptions, Features, QueryTime, promqltest};

const USAGE: &str = "usage: explain QUERY [--load FILE.test] [--at TIME | --range START END STEP]";

/// What was asked for.
struct Arguments {
    query: String,
    script: Option<String>,
    time: QueryTime,
}

fn arguments(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let (mut query, mut script, mut time) = (None, None, QueryTime::from(InstantOptions::at(0)));
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value; {USAGE}"));
        match word.as_str() {
            "--load" => script = Some(value()?),
            "--at" => time = InstantOptions::at(milliseconds(&value()?)?).into(),
            "--range" => {
                let times = [value()?, value()?, value()?];
                let [start, end, step] = times.map(|t| milliseconds(&t));
                time = RangeOptions::new(start?, end?, step?).into();
            }
            _ if query.is_none() => query = Some(word),
            _ => return Err(format!("unexpected {word}; {USAGE}")),
        }
    }
    Ok(Arguments { query: query.ok_or(USAGE)?, script, time })
}

fn milliseconds(text: &str) -> Result<i64, String> {
    duration::parse_ms(text).map_err(|e| e.to_string())
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let engine = Engine::new(EngineOptions::default().with_features(Features::all()));
    let Some(path) = &arguments.script else {
        let explanation = engine.explain(&arguments.query, arguments.time).map_err(|e| e.to_string())?;
        print!("{explanation}");
        return Ok(());
    };
    let script = std::fs::read_to_string(path).map_err(|e| format!("{path}: {e}"))?;
    let store = promqltest::loaded(&script).map_err(|e| format!("{path}: {e}"))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let analysis = engine.analyze(&*store, &arguments.query, arguments.time, &QueryCx::unlimited(), &clock);
    print_analysis(&analysis.map_err(|e| e.to_string())?);
    Ok(())
}

fn print_analysis(analysis: &Analysis) {
    print!("{}", analysis.explanation);
    let series = match &analysis.output.value {
        QueryValue::Vector(vector) => vector.len(),
        QueryValue::Matrix(matrix) => matrix.len(),
        QueryValue::Scalar { .. } | QueryValue::String { .. } => 1,
    };
    println!("in all {:?}; a {} of {series} series", analysis.time, analysis.output.value.type_name());
    for (word, severity) in [("warning", Severity::Warning), ("info", Severity::Info)] {
        analysis.output.annotations.texts(severity).iter().for_each(|text| println!("{word}: {text}"));
    }
}

fn main() -> ExitCode {
    match arguments(std::env::args().skip(1)).and_then(|arguments| run(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
