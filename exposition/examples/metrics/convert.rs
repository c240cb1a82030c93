//! `convert`: the page in another format.

use std::io::Write;
use std::process::ExitCode;

use promethium_exposition::{EncodeOptions, collect, encode};

use crate::arguments::Arguments;

pub(crate) fn run(page: &[u8], arguments: &Arguments) -> ExitCode {
    let families = match collect(arguments.format, page, &arguments.options()) {
        Ok(families) => families,
        Err(error) => return failed(&error),
    };
    let mut options = EncodeOptions::new(arguments.to).with_created_lines();
    options.escaping = arguments.escaping;
    match encode(&families, &options) {
        Ok(written) => match std::io::stdout().lock().write_all(&written) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&error),
        },
        Err(error) => failed(&error),
    }
}

fn failed(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("metrics: {error}");
    ExitCode::from(1)
}
