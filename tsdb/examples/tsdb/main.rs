//! A Prometheus data directory from the command line.
//!
//! ```text
//! cargo run --release -p promethium-tsdb --example tsdb -- list [-r|--human-readable] DIR
//! cargo run --release -p promethium-tsdb --example tsdb -- dump [--min-time MS] [--max-time MS] [--match SELECTOR]... DIR
//! cargo run --release -p promethium-tsdb --example tsdb -- analyze [--limit N] [-e|--extended] DIR [ULID]
//! cargo run --release -p promethium-tsdb --example tsdb -- verify DIR
//! cargo run --release -p promethium-tsdb --example tsdb -- import DIR FILE
//! cargo run --release -p promethium-tsdb --example tsdb -- backfill DIR FILE
//! cargo run --release -p promethium-tsdb --example tsdb -- bench [--series N] [--scrapes N] [--compression C] [--promtool FILE] DIR
//! ```
//!
//! `DIR` is a data directory, or, where a command only reads, a single block. What is asked for goes to the standard output, what
//! is wrong to the standard error. The exit code is 0 when all of it was done, 1 when something is damaged or missing, or could not
//! be done, and 141, as of a program that SIGPIPE ends, when nobody reads on.

mod analyze;
mod arguments;
mod backfill;
mod bench;
mod dump;
mod list;
mod progress;
mod promtool;
mod table;
mod verify;

use std::io::{self, BufWriter, StdoutLock, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use promethium_tsdb::block::{INDEX_FILE, list_blocks};
use promethium_tsdb::vfs::{StdVfs, Vfs};

use arguments::Arguments;

/// What went wrong, as it is shown.
type Failure = Box<dyn std::error::Error>;

/// Where a command writes to.
type Out<'o> = BufWriter<StdoutLock<'o>>;

/// A command, and what it takes.
struct Command {
    name: &'static str,
    /// Options with a value.
    options: &'static [&'static str],
    /// Options without one, long and short.
    flags: &'static [(&'static str, &'static str)],
    operands: &'static str,
    at_least: usize,
    at_most: usize,
    run: fn(&Arguments, &mut Out<'_>) -> Result<(), Failure>,
}

const COMMANDS: [Command; 7] = [
    Command { flags: &[("human-readable", "r")], ..Command::new("list", "DIR", 1..=1, list::run) },
    Command { options: &["min-time", "max-time", "match"], ..Command::new("dump", "DIR", 1..=1, dump::run) },
    Command {
        options: &["limit"],
        flags: &[("extended", "e")],
        ..Command::new("analyze", "DIR [ULID]", 1..=2, analyze::run)
    },
    Command::new("verify", "DIR", 1..=1, verify::run),
    Command::new("import", "DIR FILE", 2..=2, backfill::import),
    Command::new("backfill", "DIR FILE", 2..=2, backfill::run),
    Command {
        options: &["series", "scrapes", "compression", "promtool"],
        ..Command::new("bench", "DIR", 1..=1, bench::run)
    },
];

impl Command {
    const fn new(
        name: &'static str,
        operands: &'static str,
        count: std::ops::RangeInclusive<usize>,
        run: fn(&Arguments, &mut Out<'_>) -> Result<(), Failure>,
    ) -> Self {
        Command { name, options: &[], flags: &[], operands, at_least: *count.start(), at_most: *count.end(), run }
    }

    fn usage(&self) -> String {
        let options = self.options.iter().map(|o| format!(" [--{o} VALUE]"));
        let flags = self.flags.iter().map(|(long, short)| format!(" [-{short}|--{long}]"));
        format!("usage: tsdb {}{} {}", self.name, options.chain(flags).collect::<String>(), self.operands)
    }
}

fn usage() -> String {
    COMMANDS.map(|command| command.usage()).join("\n")
}

/// The blocks of a data directory, or the one that `dir` is.
fn blocks_in(dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    let names = StdVfs.list(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    if names.iter().any(|name| name == INDEX_FILE) {
        return Ok(vec![dir.to_path_buf()]);
    }
    Ok(list_blocks(&StdVfs, dir)?.into_iter().map(|(_, path)| path).collect())
}

/// Says what opening found damaged; how much of it there is, beside the end of a log that was being written.
fn report_damage(db: &promethium_tsdb::Db) -> u64 {
    let report = db.replay_report();
    for damage in report.damage.iter().chain(&report.torn_tail) {
        eprintln!("damaged: {damage}");
    }
    report.damage_count
}

fn run(mut arguments: impl Iterator<Item = String>) -> Result<(), Failure> {
    let name = arguments.next().unwrap_or_default();
    let mut out = BufWriter::new(io::stdout().lock());
    if ["help", "--help", "-h"].contains(&name.as_str()) {
        writeln!(out, "{}", usage())?;
        return Ok(out.flush()?);
    }
    let command = COMMANDS.iter().find(|command| command.name == name).ok_or_else(usage)?;
    let arguments = Arguments::parse(command, arguments)?;
    // What was found before something went wrong is shown all the same.
    let done = (command.run)(&arguments, &mut out);
    out.flush()?;
    done
}

const EXIT_SIGPIPE: u8 = 141;

fn main() -> ExitCode {
    let Err(error) = run(std::env::args().skip(1)) else { return ExitCode::SUCCESS };
    if error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe) {
        return ExitCode::from(EXIT_SIGPIPE);
    }
    eprintln!("{error}");
    ExitCode::FAILURE
}
