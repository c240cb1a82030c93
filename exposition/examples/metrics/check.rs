//! `check`: is the page good?

use std::process::ExitCode;

use promethium_exposition::{DecodeError, Decoder, Event};

use crate::arguments::Arguments;

pub(crate) fn run(page: &[u8], arguments: &Arguments) -> ExitCode {
    let mut decoder = Decoder::new(arguments.format, page, &arguments.options());
    let mut good = true;
    loop {
        match decoder.next_event() {
            Ok(Some(Event::Skipped(error))) => {
                good = false;
                report(error);
            }
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(error) => {
                good = false;
                report(&error);
                break;
            }
        }
    }
    if good { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

/// `line:column: reason`.
pub(crate) fn report(error: &DecodeError) {
    match (error.line(), error.column()) {
        (Some(line), Some(column)) => println!("line {line}, column {column}: {}", error.message()),
        _ => println!("{error}"),
    }
}
