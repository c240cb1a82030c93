//! `list`: the blocks, with the columns of `promtool tsdb list`.

use std::path::Path;

use promethium_model::calendar::push_utc;
use promethium_tsdb::block::Block;
use promethium_tsdb::vfs::{StdVfs, tree_bytes};

use crate::{Arguments, Failure, Out};

const COLUMNS: [&str; 8] =
    ["BLOCK ULID", "MIN TIME", "MAX TIME", "DURATION", "NUM SAMPLES", "NUM CHUNKS", "NUM SERIES", "SIZE"];

pub(crate) fn run(arguments: &Arguments, out: &mut Out<'_>) -> Result<(), Failure> {
    let mut blocks = Vec::new();
    let mut unreadable = 0;
    for path in crate::blocks_in(Path::new(arguments.dir()))? {
        match Block::open(&StdVfs, &path) {
            Ok(block) => {
                block.damage().iter().for_each(|damage| eprintln!("damaged: {damage}"));
                blocks.push((block.meta(), tree_bytes(&StdVfs, &path)?));
            }
            Err(error) => {
                eprintln!("{error}");
                unreadable += 1;
            }
        }
    }
    blocks.sort_by_key(|(meta, _)| (meta.min_time_ms, meta.ulid));
    let is_human_readable = arguments.is_set("human-readable");
    let time = |ms: i64| if is_human_readable { utc(ms) } else { ms.to_string() };
    let mut rows = vec![COLUMNS.map(str::to_owned)];
    for (meta, bytes) in blocks {
        rows.push([
            meta.ulid.to_string(),
            time(meta.min_time_ms),
            time(meta.max_time_ms),
            go_duration(meta.max_time_ms.saturating_sub(meta.min_time_ms)),
            meta.stats.num_samples.to_string(),
            meta.stats.num_chunks.to_string(),
            meta.stats.num_series.to_string(),
            if is_human_readable { base_2(bytes) } else { bytes.to_string() },
        ]);
    }
    crate::table::write(&rows, out)?;
    if unreadable > 0 { Err(format!("blocks that cannot be read: {unreadable}").into()) } else { Ok(()) }
}

/// As Go prints a duration: `1h59m59.995s`.
pub(crate) fn go_duration(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let ms = ms.unsigned_abs();
    let (hours, minutes) = (ms / 3_600_000, ms / 60_000 % 60);
    let seconds = format!("{}", (ms % 60_000) as f64 / 1000.0);
    match (hours, minutes) {
        (0, 0) if ms == 0 => "0s".to_owned(),
        (0, 0) if ms < 1000 => format!("{sign}{ms}ms"),
        (0, 0) => format!("{sign}{seconds}s"),
        (0, _) => format!("{sign}{minutes}m{seconds}s"),
        _ => format!("{sign}{hours}h{minutes}m{seconds}s"),
    }
}

/// As Go prints a time, to the second: `2024-05-31 23:59:59 +0000 UTC`.
fn utc(ms: i64) -> String {
    let mut text = String::new();
    push_utc(&mut text, ms / 1000 * 1000);
    text.replacen('T', " ", 1) + " +0000 UTC"
}

/// A number of bytes in all units that it has some of: `25KiB945B`.
fn base_2(bytes: u64) -> String {
    const UNITS: [(&str, u32); 7] =
        [("EiB", 60), ("PiB", 50), ("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10), ("B", 0)];
    let count = |shift: u32| (bytes >> shift) & if shift == 60 { u64::MAX } else { 1023 };
    let parts = UNITS.iter().map(|(unit, shift)| (unit, count(*shift))).filter(|(_, count)| *count > 0);
    let text: String = parts.map(|(unit, count)| format!("{count}{unit}")).collect();
    if text.is_empty() { "0B".to_owned() } else { text }
}
