//! A bar for long work.

use std::io::{IsTerminal, Write};

use promethium_tsdb::ProgressKind;

const WIDTH: u64 = 40;

/// Draws on the error stream, if that is a terminal.
#[derive(Clone, Copy)]
pub(crate) struct Bar {
    is_shown: bool,
}

impl Bar {
    pub(crate) fn new() -> Self {
        Bar { is_shown: std::io::stderr().is_terminal() }
    }

    pub(crate) fn show(self, kind: ProgressKind, done: u64, total: u64) {
        if !self.is_shown {
            return;
        }
        let filled = (WIDTH * done.min(total)).checked_div(total).unwrap_or(0);
        let bar: String = (0..WIDTH).map(|i| if i < filled { '#' } else { '.' }).collect();
        eprint!("\r{kind:?} [{bar}] {done}/{total} ");
        let _ = std::io::stderr().flush();
    }
}
