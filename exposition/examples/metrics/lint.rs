//! `lint`: are the names good?

use std::process::ExitCode;

use promethium_exposition::{collect, lint};

use crate::arguments::Arguments;

const FOUND_SOMETHING: u8 = 3;

pub(crate) fn run(page: &[u8], arguments: &Arguments) -> ExitCode {
    let families = match collect(arguments.format, page, &arguments.options()) {
        Ok(families) => families,
        Err(error) => {
            println!("error while linting: {error}");
            return ExitCode::from(1);
        }
    };
    let findings = lint(&families);
    for finding in &findings {
        println!("{} {}", finding.metric, finding.text);
    }
    if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FOUND_SOMETHING) }
}
