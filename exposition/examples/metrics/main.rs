//! Checks, lints, converts and counts pages.
//!
//! ```text
//! metrics {check|lint|convert|stats} [--format text|openmetrics|protobuf] [--mode strict|prometheus|lenient] < page
//! ```
//!
//! `check` ends with 0 when the page is good and with 1 when it is not, and prints line, column and reason.

mod arguments;
mod check;

use std::io::Read;
use std::process::ExitCode;

use arguments::{Arguments, Command};

fn main() -> ExitCode {
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
    match arguments.command {
        Command::Check => check::run(&page, &arguments),
    }
}
