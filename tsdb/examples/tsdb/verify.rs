//! `verify`: reads everything and says what is damaged.

use std::io::Write;

use promethium_tsdb::{Damage, Db, DbOptions};

use crate::progress::Bar;
use crate::{Arguments, Failure, Out};

pub(crate) fn run(arguments: &Arguments, out: &mut Out<'_>) -> Result<(), Failure> {
    let bar = Bar::new();
    let db = Db::open_read_only(arguments.dir(), DbOptions::default().on_progress(move |k, d, t| bar.show(k, d, t)))?;
    let (report, opened) = (db.verify()?, db.replay_report());
    let is_new = |found: &&Damage| !report.damage.iter().any(|d| (&d.path, d.offset) == (&found.path, found.offset));
    let damage: Vec<_> = report.damage.iter().chain(opened.damage.iter().filter(is_new)).collect();
    for found in &damage {
        writeln!(out, "{found}")?;
    }
    for end in &report.torn_tails {
        writeln!(out, "{end} (the end of a file that is being written, or was when its writer went down)")?;
    }
    writeln!(
        out,
        "{} blocks, {} series, {} chunks, {} samples; log: {} records; head: {} chunks in files, {} snapshots",
        report.blocks,
        report.series,
        report.chunks,
        report.samples,
        report.records,
        report.head_chunks,
        report.snapshots
    )?;
    if damage.is_empty() { Ok(()) } else { Err(format!("{} places are damaged", damage.len()).into()) }
}
