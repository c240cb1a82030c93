//! Prometheus' memory snapshot of the head: which one an opening may take, and up to where it stands for the log.
//!
//! It is a short cut past the log, and nothing else. What we append is in no such snapshot: an opening that may write removes
//! them, taken or not. One that stays is told from the log by its position, as Prometheus tells its own.

use std::cmp::Ordering;
use std::io;
use std::path::Path;

use promethium_vfs::Vfs;
use promethium_wal::WalLayout;
use promethium_wal::chunk_snapshot::{ChunkSnapshotDir, find_chunk_snapshot};
use promethium_wal::head_snapshot::LogPosition;

use super::open::ASIDE_DIR;
use super::repair;
use super::replay::{Damage, ReplayReport};

const PREFIX: &str = "chunk_snapshot.";

/// A snapshot, and where the log goes on from it.
pub(super) struct Found {
    pub(super) snapshot: ChunkSnapshotDir,
    pub(super) end: LogPosition,
}

/// The newest snapshot, if the log goes on where it ends.
pub(super) fn find(vfs: &dyn Vfs, dir: &Path, layout: &WalLayout, report: &mut ReplayReport) -> Option<Found> {
    let snapshot = find_chunk_snapshot(vfs, dir).ok()??;
    match end_in(vfs, layout, &snapshot) {
        Ok(end) => Some(Found { snapshot, end }),
        Err(message) => {
            report.note_damage(Damage { path: snapshot.path, offset: 0, message });
            None
        }
    }
}

/// Where the log goes on from a snapshot: from its beginning, where a checkpoint goes further; or why that cannot be said.
fn end_in(vfs: &dyn Vfs, layout: &WalLayout, snapshot: &ChunkSnapshotDir) -> Result<LogPosition, String> {
    let ChunkSnapshotDir { segment, offset, .. } = *snapshot;
    if layout.checkpoint_number >= Some(segment) {
        return Ok(LogPosition::default());
    }
    let first = layout.segments.iter().find(|s| s.index == segment);
    let first = first.ok_or_else(|| format!("the log has no segment {segment:08}"))?;
    let len = vfs.stat(&first.path).map_err(|e| e.to_string())?.len;
    match len.cmp(&offset) {
        Ordering::Less => Err(format!("segment {segment:08} of the log has {len} bytes, expected {offset}")),
        Ordering::Equal => Ok(LogPosition { segment: segment + 1, offset: 0 }),
        Ordering::Greater => Ok(LogPosition { segment, offset }),
    }
}

/// Moves a snapshot that does not serve to where damaged segments are.
pub(super) fn set_aside(vfs: &dyn Vfs, dir: &Path, snapshot: &ChunkSnapshotDir, report: &mut ReplayReport) {
    let name = snapshot.path.file_name().unwrap_or_default().to_string_lossy();
    repair::move_aside(vfs, dir, ASIDE_DIR, &name, report);
}

/// Removes all snapshots, each in such a way that what is left of it after a crash is not taken for one.
pub(super) fn remove(vfs: &dyn Vfs, dir: &Path) {
    for name in vfs.list(dir).unwrap_or_default() {
        let is_whole =
            name.strip_prefix(PREFIX).is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit() || b == b'.'));
        if is_whole {
            // One that stays is known by its position.
            let _ = remove_one(vfs, dir, &name);
        }
    }
}

fn remove_one(vfs: &dyn Vfs, dir: &Path, name: &str) -> io::Result<()> {
    let draft = dir.join(format!("{name}.tmp-for-deletion"));
    vfs.rename(&dir.join(name), &draft)?;
    vfs.sync_dir(dir)?;
    vfs.remove_dir_all(&draft)
}
