//! The file that is written.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::WalError;
use crate::layout::segment_path;
use promethium_vfs::{OpenMode, Vfs, VfsFile};

pub(super) struct Segment {
    pub(super) index: u64,
    pub(super) path: PathBuf,
    pub(super) file: Arc<dyn VfsFile>,
    pub(super) len: u64,
    /// How much of it was there at the last good sync.
    pub(super) synced_len: u64,
}

impl Segment {
    /// The name is durable only after the directory was synced.
    pub(super) fn create(vfs: &dyn Vfs, dir: &Path, index: u64) -> Result<Segment, WalError> {
        let path = segment_path(dir, index);
        let file =
            vfs.open(&path, OpenMode::CreateNew).map_err(|source| WalError::Io { path: path.clone(), source })?;
        Ok(Segment { index, path, file, len: 0, synced_len: 0 })
    }

    pub(super) fn append(&self, data: &[u8]) -> Result<(), WalError> {
        self.file.append(data).map_err(|source| WalError::Io { path: self.path.clone(), source })
    }

    pub(super) fn sync(&mut self) -> Result<(), WalError> {
        self.file.sync().map_err(|source| WalError::Io { path: self.path.clone(), source })?;
        self.synced_len = self.len;
        Ok(())
    }

    /// Takes back what an earlier attempt left.
    pub(super) fn clear(&mut self) -> Result<(), WalError> {
        let is_empty = self.len == 0 && self.file.is_empty().unwrap_or(false);
        if !is_empty {
            self.file.truncate(0).map_err(|source| WalError::Io { path: self.path.clone(), source })?;
        }
        self.len = 0;
        Ok(())
    }
}
