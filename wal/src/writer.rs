//! Writing the log: a state machine that never writes to a file it can no longer trust.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::PAGE_BYTES;
use super::frame::{PreparedRecord, left_in_page};
use super::layout::segment_path;
use promethium_vfs::{OpenMode, Vfs, VfsFile};
use thiserror::Error;

/// A failure of the log, with the file.
#[derive(Debug, Error)]
#[error("{}: {source}", path.display())]
pub struct WalError {
    /// The file or directory.
    pub path: PathBuf,
    /// The error.
    pub source: io::Error,
}

impl WalError {
    pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> WalError {
        let path = path.to_path_buf();
        move |source| WalError { path, source }
    }
}

/// How far the log was written: bytes since it was opened, over all segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Written(pub u64);

/// Appends to the newest segment and starts further ones.
///
/// `open → sealed` on the first failure of any write or sync, for good: after a failed write nobody knows what is in
/// the file, after a failed sync nobody knows which pages the system dropped. Segments before the current one are
/// always synced.
pub struct WalWriter {
    vfs: Arc<dyn Vfs>,
    dir: PathBuf,
    segment_bytes: u64,
    segment: Segment,
    written: Written,
    frames: Vec<u8>,
}

struct Segment {
    index: u64,
    path: PathBuf,
    file: Arc<dyn VfsFile>,
    len: u64,
}

impl WalWriter {
    /// Starts segment `index` of the log in `dir`.
    ///
    /// # Errors
    ///
    /// When the file exists or cannot be created durably.
    pub fn create(vfs: Arc<dyn Vfs>, dir: &Path, index: u64, segment_bytes: u64) -> Result<Self, WalError> {
        let segment = Segment::create(&*vfs, dir, index)?;
        let dir = dir.to_path_buf();
        Ok(WalWriter { vfs, dir, segment_bytes, segment, written: Written::default(), frames: Vec::new() })
    }

    /// Writes a batch of records with one append. A batch goes into one segment, even one that is longer than a segment
    /// should be.
    ///
    /// # Errors
    ///
    /// When the write fails, or a cut that the batch needed.
    pub fn append(&mut self, records: &[PreparedRecord]) -> Result<Written, WalError> {
        let mut end = self.frame(records);
        if end > self.segment_bytes && self.segment.len > 0 {
            self.cut()?;
            end = self.frame(records);
        }
        self.segment.append(&self.frames)?;
        self.written.0 += end - self.segment.len;
        self.segment.len = end;
        self.frames.shrink_to(PAGE_BYTES * 32);
        Ok(self.written)
    }

    fn frame(&mut self, records: &[PreparedRecord]) -> u64 {
        self.frames.clear();
        records.iter().fold(self.segment.len, |at, record| record.frame(&mut self.frames, at))
    }

    /// Ends the segment, synced, and starts the next.
    ///
    /// # Errors
    ///
    /// When the segment cannot be written or synced, or the next one not be created.
    pub fn cut(&mut self) -> Result<(), WalError> {
        self.pad()?;
        self.segment.sync()?;
        self.segment = Segment::create(&*self.vfs, &self.dir, self.segment.index + 1)?;
        Ok(())
    }

    /// Fills the last page with zeros, as a clean end of a segment has it.
    ///
    /// # Errors
    ///
    /// When the write fails.
    pub fn pad(&mut self) -> Result<(), WalError> {
        let left = left_in_page(self.segment.len);
        if left < PAGE_BYTES {
            self.segment.append(&vec![0; left])?;
            self.segment.len += left as u64;
            self.written.0 += left as u64;
        }
        Ok(())
    }

    /// The file to sync, and how far everything is then durable.
    pub fn sync_point(&self) -> (Arc<dyn VfsFile>, PathBuf, Written) {
        (Arc::clone(&self.segment.file), self.segment.path.clone(), self.written)
    }

    /// The number of the segment that is written.
    #[must_use]
    pub fn segment_index(&self) -> u64 {
        self.segment.index
    }

    /// How far the log was written.
    #[must_use]
    pub fn written(&self) -> Written {
        self.written
    }
}

impl Segment {
    fn create(vfs: &dyn Vfs, dir: &Path, index: u64) -> Result<Segment, WalError> {
        let path = segment_path(dir, index);
        let file = vfs.open(&path, OpenMode::CreateNew).map_err(|source| WalError { path: path.clone(), source })?;
        vfs.sync_dir(dir).map_err(|source| WalError { path: dir.to_path_buf(), source })?;
        Ok(Segment { index, path, file, len: 0 })
    }

    fn append(&self, data: &[u8]) -> Result<(), WalError> {
        self.file.append(data).map_err(|source| WalError { path: self.path.clone(), source })
    }

    fn sync(&self) -> Result<(), WalError> {
        self.file.sync().map_err(|source| WalError { path: self.path.clone(), source })
    }
}
