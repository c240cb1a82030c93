//! Head chunk files: full chunks of the head, kept on disk and read in place.
//!
//! They are a cache of what the log says as well, so that they are synced only when a file is finished; what is lost of
//! them comes back from the log. A file is never appended to by a later opening.

mod entry;
mod file;
mod scan;
mod store;
mod verify;

pub use entry::{HeadChunkEntry, NewHeadChunk};
pub use scan::{HeadChunkDamage, HeadChunkReport};
pub use store::{HeadChunk, HeadChunks};
pub use verify::{CheckHeadChunk, verify_head_chunks};

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

#[cfg(test)]
mod tests;
