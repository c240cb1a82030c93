//! Asks the same queries of Promethium's server, of Prometheus and of VictoriaMetrics, over the same data, one after the
//! other on this machine, and prints their times side by side.
//!
//! ```sh
//! cargo build --release -p promethium-server
//! cargo run --release -p promethium-benches --example peers -- \
//!     [--hosts 10] [--scrapes 480] [--join-steps 5000] [--runs 9] [--patience-ms 1500] [--dir DIR]
//! ```
//!
//! `--hosts` of a thousand series each are asked what dashboards ask; `--join-steps`, unless it is 0, is the length of
//! Prometheus' benchmark of joins, which is asked about besides. A query is asked at least `--runs` times, and on until
//! `--patience-ms` are over. With a `--dir`, the data of an earlier run is used again. Standard output is the section of
//! `benches/README.md`.
//!
//! The data is written once, by this store; Prometheus opens a copy of the directory, VictoriaMetrics imports the same
//! samples. Peers that are not installed are left out, and said to be. Each server has the machine to itself: it is
//! started, asked and ended before the next.

mod data;
mod http;
mod queries;
mod server;
mod table;

use std::path::{Path, PathBuf};
use std::time::Duration;

use data::DataSet;
use promethium_benches::join::Join;
use promethium_benches::mix::Mix;
use queries::Effort;
use server::{Kind, Server};
use table::Column;

struct Arguments {
    mix: Mix,
    join: Join,
    effort: Effort,
    dir: Option<PathBuf>,
}

fn arguments() -> Result<Arguments, String> {
    let mut parsed = Arguments {
        mix: Mix { hosts: 10, scrapes: 480 },
        join: Join { steps: 5_000 },
        effort: Effort { runs: 9, at_least: Duration::from_millis(1_500) },
        dir: None,
    };
    let mut rest = std::env::args().skip(1);
    while let Some(flag) = rest.next() {
        let value = rest.next().ok_or(format!("{flag} wants a value"))?;
        let number = || value.parse::<usize>().map_err(|e| format!("{flag} {value}: {e}"));
        match flag.as_str() {
            "--hosts" => parsed.mix.hosts = number()?,
            "--scrapes" => parsed.mix.scrapes = number()?,
            "--join-steps" => parsed.join.steps = number()?,
            "--runs" => parsed.effort.runs = number()?.max(1),
            "--patience-ms" => parsed.effort.at_least = Duration::from_millis(number()? as u64),
            "--dir" => parsed.dir = Some(PathBuf::from(value)),
            other => return Err(format!("unknown flag {other}")),
        }
    }
    Ok(parsed)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Arguments { mix, join, effort, dir } = arguments()?;
    let scratch = tempfile::tempdir()?;
    let dir = dir.unwrap_or_else(|| scratch.path().to_path_buf());
    let sets = [(mix.hosts > 0).then_some(DataSet::Mix(mix)), (join.steps > 0).then_some(DataSet::Join(join))];
    let sets: Vec<DataSet> = sets.into_iter().flatten().collect();
    // All data first, so that nothing but servers and this program runs while they are measured.
    let dirs = sets.iter().map(|set| data::prepare(&dir, set)).collect::<Result<Vec<_>, _>>()?;

    let mut columns = Vec::new();
    for kind in Kind::ALL {
        match kind.missing() {
            Some(reason) => println!("left out: {}: {reason}", kind.name()),
            None => columns.push(ask(kind, &dir, sets.iter().zip(&dirs), effort)?),
        }
    }
    table::print(&columns);
    Ok(())
}

/// All that is asked of one server, which is started anew for each set of data.
fn ask<'a>(
    kind: Kind,
    dir: &Path,
    sets: impl Iterator<Item = (&'a DataSet, &'a PathBuf)>,
    effort: Effort,
) -> Result<Column, Box<dyn std::error::Error>> {
    let mut column = Column { kind, rows: Vec::new(), starts: Vec::new() };
    for (set, data) in sets {
        let started = Server::start(kind, dir, data)?;
        if kind == Kind::VictoriaMetrics {
            data::import(&started, data)?;
        }
        let ready = started.figures();
        column.rows.extend(queries::run(&started, set, effort)?);
        column.starts.push((ready, started.figures()));
    }
    Ok(column)
}
