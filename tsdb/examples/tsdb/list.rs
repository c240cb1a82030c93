//! `list`: the blocks, with the columns of `promtool tsdb list`.

use promethium_tsdb::block::{Block, list_blocks};
use promethium_tsdb::vfs::StdVfs;

use crate::{Arguments, Failure};

const COLUMNS: [&str; 8] =
    ["BLOCK ULID", "MIN TIME", "MAX TIME", "DURATION", "NUM SAMPLES", "NUM CHUNKS", "NUM SERIES", "SIZE"];

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let dir = std::path::Path::new(arguments.dir()?);
    let mut rows = vec![COLUMNS.map(str::to_owned)];
    let mut blocks = Vec::new();
    for (ulid, path) in list_blocks(&StdVfs, dir)? {
        match Block::open(&StdVfs, &path) {
            Ok(block) => blocks.push((block.meta(), promethium_tsdb::vfs::tree_bytes(&StdVfs, &path)?)),
            Err(error) => eprintln!("{ulid}: {error}"),
        }
    }
    blocks.sort_by_key(|(meta, _)| (meta.min_time_ms, meta.ulid));
    for (meta, bytes) in blocks {
        rows.push([
            meta.ulid.to_string(),
            meta.min_time_ms.to_string(),
            meta.max_time_ms.to_string(),
            go_duration(meta.max_time_ms - meta.min_time_ms),
            meta.stats.num_samples.to_string(),
            meta.stats.num_chunks.to_string(),
            meta.stats.num_series.to_string(),
            bytes.to_string(),
        ]);
    }
    crate::table::print(&rows);
    Ok(())
}

/// As Go prints a duration: `1h59m59.995s`.
pub(crate) fn go_duration(ms: i64) -> String {
    let (hours, minutes) = (ms / 3_600_000, ms / 60_000 % 60);
    let seconds = format!("{}", (ms % 60_000) as f64 / 1000.0);
    match (hours, minutes) {
        (0, 0) if ms < 1000 => format!("{ms}ms"),
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}
