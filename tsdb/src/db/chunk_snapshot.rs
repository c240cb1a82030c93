//! Prometheus' memory snapshot of the head: which one an opening may take, and up to where it stands for the log.
//!
//! It is a short cut past the log, and nothing else. What we append is in no such snapshot: an opening that may write removes
//! them, taken or not. One that stays is told from the log by its position, as Prometheus tells its own.

use std::io;
use std::path::{Path, PathBuf};

use promethium_vfs::{OpenMode, Vfs};
use promethium_wal::WalLayout;
use promethium_wal::chunk_snapshot::{ChunkSnapshotDir, find_chunk_snapshot};

use super::open::ASIDE_DIR;
use super::repair;
use super::replay::{Damage, ReplayReport};

const PREFIX: &str = "chunk_snapshot.";

/// A snapshot, and what of the log comes behind it.
pub(super) struct Found {
    pub(super) snapshot: ChunkSnapshotDir,
    pub(super) log: WalLayout,
    /// The segment of which the snapshot covers a part, and how many bytes.
    pub(super) covered: Option<(PathBuf, u64)>,
}

/// The newest snapshot, if the log goes on where it ends.
pub(super) fn find(vfs: &dyn Vfs, dir: &Path, layout: &WalLayout, report: &mut ReplayReport) -> Option<Found> {
    let snapshot = find_chunk_snapshot(vfs, dir).ok()??;
    match behind(vfs, layout, &snapshot) {
        Ok((log, covered)) => Some(Found { snapshot, log, covered }),
        Err(message) => {
            report.note_damage(Damage { path: snapshot.path, offset: 0, message });
            None
        }
    }
}

/// What of the log lies behind a snapshot; or why that cannot be said.
fn behind(
    vfs: &dyn Vfs,
    layout: &WalLayout,
    snapshot: &ChunkSnapshotDir,
) -> Result<(WalLayout, Option<(PathBuf, u64)>), String> {
    let mut log = WalLayout::default();
    log.next_index = layout.next_index;
    if layout.checkpoint_number >= Some(snapshot.segment) {
        log.checkpoint_number = layout.checkpoint_number;
        log.checkpoint.clone_from(&layout.checkpoint);
        log.segments.clone_from(&layout.segments);
        return Ok((log, None));
    }
    let behind = layout.segments.iter().filter(|s| s.index >= snapshot.segment).cloned();
    log.segments = behind.collect();
    let first = log.segments.first().filter(|first| first.index == snapshot.segment);
    let first = first.ok_or_else(|| format!("the log has no segment {:08}", snapshot.segment))?.path.clone();
    let len = vfs.open(&first, OpenMode::Read).and_then(|file| file.len()).map_err(|e| e.to_string())?;
    if len < snapshot.offset {
        return Err(format!(
            "segment {:08} of the log has {len} bytes, expected {}",
            snapshot.segment, snapshot.offset
        ));
    }
    if len == snapshot.offset {
        log.segments.remove(0);
        return Ok((log, None));
    }
    Ok((log, Some((first, snapshot.offset))))
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
