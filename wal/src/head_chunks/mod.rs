//! Head chunk files: full chunks of the head, kept on disk and mapped.

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
