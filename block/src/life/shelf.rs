//! Blocks as directories of a data directory: listed, removed, set aside.

use std::path::{Path, PathBuf};

use promethium_vfs::{FileKind, Vfs, remove_if_there};

use crate::error::BlockError;
use crate::ulid::Ulid;
use crate::write::{TMP_CREATE_SUFFIX, TMP_DELETE_SUFFIX, TMP_OLD_SUFFIX};

/// The blocks in a data directory, by name: the directories whose name is a [`Ulid`].
///
/// # Errors
///
/// [`BlockError::Io`].
pub fn list_blocks(vfs: &dyn Vfs, data_dir: &Path) -> Result<Vec<(Ulid, PathBuf)>, BlockError> {
    let mut blocks = Vec::new();
    for name in vfs.list(data_dir).map_err(BlockError::io(data_dir))? {
        let path = data_dir.join(&name);
        if let Ok(ulid) = name.parse::<Ulid>()
            && vfs.stat(&path).is_ok_and(|stat| stat.kind == FileKind::Dir)
        {
            blocks.push((ulid, path));
        }
    }
    Ok(blocks)
}

/// Takes away what writes and removals that were cut short have left: `<ULID>.tmp-for-creation`, `<ULID>.tmp-for-deletion`
/// and `<ULID>.tmp`. Gives what was taken away. To be called when the data directory is locked.
///
/// # Errors
///
/// [`BlockError::Io`].
pub fn clean_leftovers(vfs: &dyn Vfs, data_dir: &Path) -> Result<Vec<PathBuf>, BlockError> {
    let mut removed = Vec::new();
    for name in vfs.list(data_dir).map_err(BlockError::io(data_dir))? {
        let suffixes = [TMP_CREATE_SUFFIX, TMP_DELETE_SUFFIX, TMP_OLD_SUFFIX];
        let is_leftover = |suffix: &str| name.strip_suffix(suffix).is_some_and(|n| n.parse::<Ulid>().is_ok());
        if suffixes.into_iter().any(is_leftover) {
            let path = data_dir.join(&name);
            remove_if_there(vfs, &path).map_err(BlockError::io(&path))?;
            removed.push(path);
        }
    }
    if !removed.is_empty() {
        vfs.sync_dir(data_dir).map_err(BlockError::io(data_dir))?;
    }
    Ok(removed)
}

/// Removes a block: in one step it is no block any more, and what remains of it after a crash is a leftover.
///
/// # Errors
///
/// [`BlockError::Io`]; the block is then still whole, or is a leftover.
pub fn remove_block(vfs: &dyn Vfs, data_dir: &Path, ulid: Ulid) -> Result<(), BlockError> {
    let (dir, tmp) = (data_dir.join(ulid.to_string()), data_dir.join(format!("{ulid}{TMP_DELETE_SUFFIX}")));
    remove_if_there(vfs, &tmp).map_err(BlockError::io(&tmp))?;
    vfs.rename(&dir, &tmp).map_err(BlockError::io(&dir))?;
    vfs.sync_dir(data_dir).map_err(BlockError::io(data_dir))?;
    vfs.remove_dir_all(&tmp).map_err(BlockError::io(&tmp))
}

/// Moves a block that cannot be read to `into`, for somebody to look at; nothing is removed. Gives where it is now.
///
/// # Errors
///
/// [`BlockError::Io`]; the block is then where it was, or already there.
pub fn set_aside(vfs: &dyn Vfs, data_dir: &Path, ulid: Ulid, into: &Path) -> Result<PathBuf, BlockError> {
    vfs.create_dir(into).map_err(BlockError::io(into))?;
    if let Some(parent) = into.parent() {
        vfs.sync_dir(parent).map_err(BlockError::io(parent))?;
    }
    let dir = data_dir.join(ulid.to_string());
    let names = std::iter::once(ulid.to_string()).chain((2..).map(|n| format!("{ulid}-{n}")));
    let free = names.map(|name| into.join(name)).find(|path| vfs.stat(path).is_err());
    let place = free.unwrap_or_else(|| into.join(ulid.to_string()));
    vfs.rename(&dir, &place).map_err(BlockError::io(&dir))?;
    vfs.sync_dir(into).map_err(BlockError::io(into))?;
    vfs.sync_dir(data_dir).map_err(BlockError::io(data_dir))?;
    Ok(place)
}
