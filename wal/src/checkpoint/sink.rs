//! Writing the segments of a checkpoint.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::CheckpointOptions;
use crate::WalError;
use crate::compress::Compressor;
use crate::layout::segment_path;
use promethium_vfs::{OpenMode, Vfs, VfsFile};

const BUFFER_BYTES: usize = 1 << 20;

pub(super) struct Sink<'a> {
    vfs: &'a dyn Vfs,
    dir: &'a Path,
    options: CheckpointOptions,
    compressor: Compressor,
    file: Arc<dyn VfsFile>,
    path: PathBuf,
    index: u64,
    buffer: Vec<u8>,
    // Length of the segment, the buffer included.
    len: u64,
    finished_bytes: u64,
}

impl<'a> Sink<'a> {
    pub(super) fn create(vfs: &'a dyn Vfs, dir: &'a Path, options: &CheckpointOptions) -> Result<Self, WalError> {
        let path = segment_path(dir, 0);
        let file = vfs.open(&path, OpenMode::CreateNew).map_err(WalError::at(&path))?;
        Ok(Sink {
            vfs,
            dir,
            options: *options,
            compressor: Compressor::default(),
            file,
            path,
            index: 0,
            buffer: Vec::new(),
            len: 0,
            finished_bytes: 0,
        })
    }

    pub(super) fn push(&mut self, record: &[u8]) -> Result<(), WalError> {
        let record = self.compressor.prepare(record.to_vec(), self.options.compression);
        let before = self.buffer.len();
        let end = record.frame(&mut self.buffer, self.len);
        if end > self.options.segment_bytes && self.len > 0 {
            self.buffer.truncate(before);
            self.next_segment()?;
            self.len = record.frame(&mut self.buffer, 0);
        } else {
            self.len = end;
        }
        if self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), WalError> {
        self.file.append(&self.buffer).map_err(WalError::at(&self.path))?;
        self.buffer.clear();
        Ok(())
    }

    fn end_segment(&mut self) -> Result<(), WalError> {
        self.flush()?;
        self.file.sync().map_err(WalError::at(&self.path))?;
        self.finished_bytes += self.len;
        self.len = 0;
        Ok(())
    }

    fn next_segment(&mut self) -> Result<(), WalError> {
        self.end_segment()?;
        self.index += 1;
        self.path = segment_path(self.dir, self.index);
        self.file = self.vfs.open(&self.path, OpenMode::CreateNew).map_err(WalError::at(&self.path))?;
        Ok(())
    }

    /// Makes everything durable, names included, and says how many bytes it is.
    pub(super) fn finish(mut self) -> Result<u64, WalError> {
        self.end_segment()?;
        self.vfs.sync_dir(self.dir).map_err(WalError::at(self.dir))?;
        Ok(self.finished_bytes)
    }
}
