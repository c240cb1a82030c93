//! One file, read through a map that follows its growth.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::RwLock;

use crate::WalError;
use promethium_vfs::{FileMap, VfsFile};

/// A file as readers have it. Once it grows no more only its map is kept: maps, unlike open files, are not counted by the
/// system's limits on a process' files.
pub(super) struct ChunkFile {
    pub(super) path: PathBuf,
    state: RwLock<State>,
}

enum State {
    Growing { file: Arc<dyn VfsFile>, map: Option<FileMap> },
    Finished(FileMap),
}

impl ChunkFile {
    pub(super) fn new(path: PathBuf, file: Arc<dyn VfsFile>) -> Self {
        ChunkFile { path, state: RwLock::new(State::Growing { file, map: None }) }
    }

    /// A map that holds what lies at `offset`, if the file has that.
    pub(super) fn map_with(&self, offset: usize) -> Result<FileMap, WalError> {
        let known = match &*self.state.read() {
            State::Growing { map, .. } => map.as_ref().filter(|map| map.len() > offset).cloned(),
            State::Finished(map) => Some(map.clone()),
        };
        known.map_or_else(|| self.map_whole(), Ok)
    }

    /// A map of all that the file has now.
    pub(super) fn map_whole(&self) -> Result<FileMap, WalError> {
        match &mut *self.state.write() {
            State::Growing { file, map } => {
                let whole = file.map().map_err(WalError::at(&self.path))?;
                *map = Some(whole.clone());
                Ok(whole)
            }
            State::Finished(map) => Ok(map.clone()),
        }
    }

    /// Says that nothing is written to the file any more. Where it cannot be mapped it stays open.
    pub(super) fn finish(&self) {
        let mut state = self.state.write();
        if let State::Growing { file, .. } = &*state
            && let Ok(map) = file.map()
        {
            *state = State::Finished(map);
        }
    }

    /// Bytes of the file.
    pub(super) fn len(&self) -> Result<u64, WalError> {
        match &*self.state.read() {
            State::Growing { file, .. } => file.len().map_err(WalError::at(&self.path)),
            State::Finished(map) => Ok(map.len() as u64),
        }
    }
}
