//! Checks, lints, converts and counts pages.
//!
//! ```text
//! metrics {check|lint|convert|stats} [--format text|openmetrics|protobuf] [--mode strict|prometheus|lenient] < page
//! ```
//!
//! * `check` ends with 0 when the page is good and with 1 when it is not, and prints line, column and reason.
//! * `lint` prints what promtool would say about names, and ends with 3 when there is something.
//! * `convert --to text|openmetrics|protobuf [--escaping allow-utf-8|underscores|dots|values]` writes the page in another
//!   format.
//! * `stats` counts what is in it.
//!
//! A page that cannot be read is status 1, a wrong command line 2. What the lenient reading leaves out is a fault to `check` and a
//! number to `stats`; `lint` and `convert` say it on standard error and go on.

mod arguments;
mod check;
mod convert;
mod lint;
mod stats;

use std::io::Read;
use std::process::ExitCode;

use arguments::{Arguments, Command};

fn main() -> ExitCode {
    if std::env::args().skip(1).any(|word| matches!(word.as_str(), "-h" | "--help" | "help")) {
        println!("{}", arguments::USAGE);
        return ExitCode::SUCCESS;
    }
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("metrics: {message}\n{}", arguments::USAGE);
            return ExitCode::from(2);
        }
    };
    let mut page = Vec::new();
    if let Err(error) = std::io::stdin().lock().read_to_end(&mut page) {
        eprintln!("metrics: {error}");
        return ExitCode::from(2);
    }
    if matches!(arguments.command, Command::Lint | Command::Convert) {
        check::warn_of_skipped(&page, &arguments);
    }
    match arguments.command {
        Command::Check => check::run(&page, &arguments),
        Command::Lint => lint::run(&page, &arguments),
        Command::Convert => convert::run(&page, &arguments),
        Command::Stats => stats::run(&page, &arguments),
    }
}
