//! `verify`: reads everything and says what is damaged.

use std::io::Write;

use promethium_tsdb::{Db, DbOptions};

use crate::progress::Bar;
use crate::{Arguments, Failure, Out};

pub(crate) fn run(arguments: &Arguments, out: &mut Out<'_>) -> Result<(), Failure> {
    let bar = Bar::new();
    let db = Db::open_read_only(arguments.dir(), DbOptions::default().on_progress(move |k, d, t| bar.show(k, d, t)))?;
    let report = db.verify()?;
    let opened = db.replay_report();
    for damage in report.damage.iter().chain(&opened.damage).chain(&opened.torn_tail) {
        writeln!(out, "{damage}")?;
    }
    writeln!(
        out,
        "{} blocks, {} series, {} chunks, {} samples; log: {} records",
        report.blocks, report.series, report.chunks, report.samples, opened.records
    )?;
    let count = report.damage.len() as u64 + opened.damage_count;
    if count > 0 { Err(format!("{count} places are damaged").into()) } else { Ok(()) }
}
