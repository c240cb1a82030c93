//! One file, read through a map that follows its growth.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::RwLock;

use super::HeadChunkError;
use promethium_vfs::{FileMap, VfsFile};

pub(super) struct ChunkFile {
    pub(super) path: PathBuf,
    pub(super) file: Arc<dyn VfsFile>,
    map: RwLock<Option<FileMap>>,
}

impl ChunkFile {
    pub(super) fn new(path: PathBuf, file: Arc<dyn VfsFile>) -> Self {
        ChunkFile { path, file, map: RwLock::new(None) }
    }

    /// A map that holds what lies at `offset`, if the file has that.
    pub(super) fn map_with(&self, offset: usize) -> Result<FileMap, HeadChunkError> {
        if let Some(map) = self.map.read().as_ref().filter(|map| map.len() > offset) {
            return Ok(map.clone());
        }
        self.remap()
    }

    fn remap(&self) -> Result<FileMap, HeadChunkError> {
        let map = self.file.map().map_err(HeadChunkError::io(&self.path))?;
        *self.map.write() = Some(map.clone());
        Ok(map)
    }

    /// A map of all that the file has now.
    pub(super) fn map_whole(&self) -> Result<FileMap, HeadChunkError> {
        let len = self.file.len().map_err(HeadChunkError::io(&self.path))?;
        let known = self.map.read().as_ref().filter(|map| map.len() as u64 == len).cloned();
        known.map_or_else(|| self.remap(), Ok)
    }
}
