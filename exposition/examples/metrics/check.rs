//! `check`: is the page good?

use std::process::ExitCode;

use promethium_exposition::{DecodeError, Decoder, Event, Mode};

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

/// Says on standard error what the lenient reading leaves out.
pub(crate) fn warn_of_skipped(page: &[u8], arguments: &Arguments) {
    if arguments.mode != Mode::Lenient {
        return;
    }
    let mut decoder = Decoder::new(arguments.format, page, &arguments.options());
    while let Ok(Some(event)) = decoder.next_event() {
        if let Event::Skipped(error) = event {
            eprintln!("skipped: {}", placed(error));
        }
    }
}

pub(crate) fn report(error: &DecodeError) {
    println!("{}", placed(error));
}

/// `line L, column C: reason`.
fn placed(error: &DecodeError) -> String {
    match (error.line(), error.column()) {
        (Some(line), Some(column)) => format!("line {line}, column {column}: {}", error.message()),
        _ => error.to_string(),
    }
}
