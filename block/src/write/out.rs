//! A file that is written front to back, through a buffer.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use promethium_vfs::{FileMap, OpenMode, Vfs, VfsFile};

use crate::error::BlockError;

/// Bytes that are gathered for one write.
const BUFFER_BYTES: usize = 1 << 20;

pub(crate) struct Out {
    path: PathBuf,
    file: Arc<dyn VfsFile>,
    buffer: Vec<u8>,
    written: u64,
}

impl Out {
    pub(crate) fn create(vfs: &dyn Vfs, path: &Path) -> Result<Self, BlockError> {
        let file = vfs.open(path, OpenMode::CreateNew).map_err(BlockError::io(path))?;
        Ok(Out { path: path.to_path_buf(), file, buffer: Vec::with_capacity(BUFFER_BYTES), written: 0 })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The offset of the next byte.
    #[inline]
    pub(crate) fn position(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    #[inline]
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), BlockError> {
        if !self.buffer.is_empty() && self.buffer.len() + bytes.len() > BUFFER_BYTES {
            self.flush()?;
        }
        // Only what is larger than the buffer makes it grow.
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Zeros up to the next multiple of `alignment`.
    pub(crate) fn align(&mut self, alignment: u64) -> Result<(), BlockError> {
        let padding = self.position().next_multiple_of(alignment) - self.position();
        self.write(&[0; 16][..padding as usize])
    }

    pub(crate) fn flush(&mut self) -> Result<(), BlockError> {
        self.file.append(&self.buffer).map_err(BlockError::io(&self.path))?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// What was written so far, to read.
    pub(crate) fn map(&mut self) -> Result<FileMap, BlockError> {
        self.flush()?;
        self.file.map().map_err(BlockError::io(&self.path))
    }

    /// Makes everything durable.
    pub(crate) fn finish(mut self) -> Result<u64, BlockError> {
        self.flush()?;
        self.file.sync().map_err(BlockError::io(&self.path))?;
        Ok(self.written)
    }
}
