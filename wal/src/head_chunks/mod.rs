//! Head chunk files: full chunks of the head, kept on disk and read in place.
//!
//! They are a cache of what the log says as well, so that they are synced only when a file is finished; what is lost of
//! them comes back from the log. A file is never appended to by a later opening.

mod entry;
mod file;
mod scan;
mod store;

use std::io;
use std::path::PathBuf;

use thiserror::Error;

pub use entry::{HeadChunkEntry, NewHeadChunk};
pub use scan::{HeadChunkDamage, HeadChunkReport};
pub use store::{HeadChunk, HeadChunks};

/// Bytes that a head chunk file has at most, beside one chunk that is longer.
pub const MAX_HEAD_CHUNK_FILE_BYTES: u64 = 128 << 20;

const MAGIC: u32 = 0x0130_BC91;
const VERSION: u8 = 1;
const FILE_HEADER_BYTES: usize = 8;

/// Where a chunk is in the head chunk files: file number above, byte offset below.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeadChunkRef(pub u64);

impl HeadChunkRef {
    /// No chunk: files are numbered from 1.
    pub const NONE: HeadChunkRef = HeadChunkRef(0);

    /// The chunk at `offset` of file `file`.
    #[must_use]
    pub fn new(file: u32, offset: u32) -> Self {
        HeadChunkRef(u64::from(file) << 32 | u64::from(offset))
    }

    /// Number of the file.
    #[must_use]
    pub fn file(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Byte offset in the file.
    #[must_use]
    pub fn offset(self) -> u32 {
        self.0 as u32
    }
}

/// A head chunk could not be written or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HeadChunkError {
    /// The operating system said no.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
    /// No file has this number: it was removed, or the reference never was one.
    #[error("head chunk {file:06}:{offset}: there is no such file")]
    NoFile {
        /// Number of the file.
        file: u32,
        /// Byte offset in it.
        offset: u32,
    },
    /// What stands at the reference is not a whole chunk with the right checksum.
    #[error("{}: offset {offset}: {message}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Byte offset in it.
        offset: u32,
        /// What was expected and found.
        message: String,
    },
}

impl HeadChunkError {
    fn io(path: &std::path::Path) -> impl FnOnce(io::Error) -> HeadChunkError {
        let path = path.to_path_buf();
        move |source| HeadChunkError::Io { path, source }
    }

    /// Whether the medium is full: writing goes on by itself once there is space.
    #[must_use]
    pub fn is_out_of_space(&self) -> bool {
        matches!(self, HeadChunkError::Io { source, .. } if matches!(
            source.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        ))
    }
}

#[cfg(test)]
mod tests;
