//! A Prometheus data directory from the command line.
//!
//! ```text
//! cargo run --release -p promethium-tsdb --example tsdb -- list DIR
//! cargo run --release -p promethium-tsdb --example tsdb -- dump [--min-time MS] [--max-time MS] DIR
//! cargo run --release -p promethium-tsdb --example tsdb -- analyze [--limit N] DIR [ULID]
//! cargo run --release -p promethium-tsdb --example tsdb -- verify DIR
//! cargo run --release -p promethium-tsdb --example tsdb -- import DIR FILE
//! cargo run --release -p promethium-tsdb --example tsdb -- backfill DIR FILE
//! cargo run --release -p promethium-tsdb --example tsdb -- bench [--series N] [--scrapes N] [--compression C] [--promtool FILE] DIR
//! ```

mod analyze;
mod backfill;
mod bench;
mod dump;
mod list;
mod progress;
mod promtool;
mod table;
mod verify;

use std::process::ExitCode;

const USAGE: &str = "usage: tsdb {list|dump|analyze|verify|import|backfill|bench} [--OPTION VALUE]... DIR [FILE|ULID]";

/// What went wrong, as it is shown.
type Failure = Box<dyn std::error::Error>;

/// The arguments behind the command: options with a value, and the rest.
struct Arguments {
    options: Vec<(String, String)>,
    rest: Vec<String>,
}

impl Arguments {
    fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut parsed = Arguments { options: Vec::new(), rest: Vec::new() };
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            match argument.strip_prefix("--") {
                Some(name) => {
                    let (name, value) = match name.split_once('=') {
                        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                        None => (name.to_owned(), arguments.next()),
                    };
                    let value = value.ok_or_else(|| format!("--{name} needs a value"))?;
                    parsed.options.push((name, value));
                }
                None => parsed.rest.push(argument),
            }
        }
        Ok(parsed)
    }

    fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().rev().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    fn number<N: std::str::FromStr>(&self, name: &str, default: N) -> Result<N, Failure> {
        match self.option(name) {
            Some(text) => text.parse().map_err(|_| format!("--{name}: {text:?} is not a number").into()),
            None => Ok(default),
        }
    }

    fn dir(&self) -> Result<&str, Failure> {
        self.rest.first().map(String::as_str).ok_or_else(|| USAGE.into())
    }
}

/// Says what opening found damaged.
fn report_damage(db: &promethium_tsdb::Db) {
    let report = db.replay_report();
    for damage in report.damage.iter().chain(&report.torn_tail) {
        eprintln!("damaged: {damage}");
    }
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let done = Arguments::parse(arguments).and_then(|arguments| match command.as_str() {
        "list" => list::run(&arguments),
        "dump" => dump::run(&arguments),
        "analyze" => analyze::run(&arguments),
        "verify" => verify::run(&arguments),
        "import" => backfill::import(&arguments),
        "backfill" => backfill::run(&arguments),
        "bench" => bench::run(&arguments),
        _ => Err(USAGE.into()),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
