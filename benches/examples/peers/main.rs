//! Asks the same queries of Promethium's server, of Prometheus and of VictoriaMetrics, over the same data, one after the
//! other on this machine, and prints their times side by side.
//!
//! ```sh
//! cargo build --release -p promethium-server
//! cargo run --release -p promethium-benches --example peers -- [--hosts 100] [--scrapes 480] [--runs 9] [--dir DIR]
//! ```
//!
//! The data is written once, by this store; Prometheus opens a copy of the directory, VictoriaMetrics imports the same
//! samples. Peers that are not installed are left out, and said to be. Each server has the machine to itself: it is
//! started, asked and ended before the next.

mod data;
mod http;
mod queries;
mod server;
mod table;

use std::path::PathBuf;

use promethium_benches::mix::Mix;
use server::{Kind, Server};

struct Arguments {
    mix: Mix,
    runs: usize,
    dir: Option<PathBuf>,
}

fn arguments() -> Result<Arguments, String> {
    let mut parsed = Arguments { mix: Mix { hosts: 100, scrapes: 480 }, runs: 9, dir: None };
    let mut rest = std::env::args().skip(1);
    while let Some(flag) = rest.next() {
        let value = rest.next().ok_or(format!("{flag} wants a value"))?;
        let number = || value.parse::<usize>().map_err(|e| format!("{flag} {value}: {e}"));
        match flag.as_str() {
            "--hosts" => parsed.mix.hosts = number()?,
            "--scrapes" => parsed.mix.scrapes = number()?,
            "--runs" => parsed.runs = number()?.max(1),
            "--dir" => parsed.dir = Some(PathBuf::from(value)),
            other => return Err(format!("unknown flag {other}")),
        }
    }
    Ok(parsed)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Arguments { mix, runs, dir } = arguments()?;
    let scratch = tempfile::tempdir()?;
    let dir = dir.unwrap_or_else(|| scratch.path().to_path_buf());
    let data = data::prepare(&dir, &mix)?;

    let mut columns = Vec::new();
    for kind in Kind::ALL {
        if let Some(reason) = kind.missing() {
            println!("left out: {}: {reason}", kind.name());
            continue;
        }
        let started = Server::start(kind, &dir, &data)?;
        if kind == Kind::VictoriaMetrics {
            data::import(&started, &dir)?;
        }
        let ready = started.figures();
        let rows = queries::run(&started, &mix, runs)?;
        let column = table::Column { kind, ready, asked: started.figures(), rows };
        println!("{}", column.summary());
        columns.push(column);
    }
    table::print(&columns);
    Ok(())
}
