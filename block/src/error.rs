//! What can go wrong with blocks.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use promethium_model::StorageError;
use thiserror::Error;

/// A part of a block, by what its loss costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Part {
    /// `meta.json`. It is made anew from the index.
    Meta,
    /// The first five bytes of the index. They are known.
    IndexHeader,
    /// The table of contents of the index. It is made anew from the sections.
    Toc,
    /// The symbol table. The labels are read from the postings instead.
    Symbols,
    /// A series' entry: its chunks cannot be found any more.
    Series,
    /// A list of postings. It is made anew from the series.
    Postings,
    /// The table of postings lists. It is made anew from the series.
    PostingsTable,
    /// The first eight bytes of a chunk file. They are known.
    ChunkFile,
    /// A chunk: its samples are lost.
    Chunk,
    /// The tombstones: samples that were deleted may show again.
    Tombstones,
}

impl Part {
    /// Whether the damage takes samples away, or brings deleted ones back; else everything is still served.
    #[must_use]
    pub fn changes_samples(self) -> bool {
        matches!(self, Part::Series | Part::Chunk | Part::Tombstones)
    }
}

/// Bytes of a block that are not what was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// Byte offset in it of what is damaged: the section, the entry or the chunk.
    pub offset: u64,
    /// Which part.
    pub part: Part,
    /// What was expected and found.
    pub message: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: offset {}: {}", self.path.display(), self.offset, self.message)
    }
}

/// Reading or writing a block failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BlockError {
    /// The operating system said no.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
    /// Damage that nothing can be read around.
    #[error("{0}")]
    Damaged(Damage),
    /// A version of the format that is not known here.
    #[error("{}: unknown {what} version {version}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Of what.
        what: &'static str,
        /// The version found.
        version: u64,
    },
    /// What was to be written breaks a rule of the format: an error of the caller's.
    #[error("{}: {message}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Which rule.
        message: String,
    },
    /// The format cannot hold that much.
    #[error("{}: {what}: {found} exceed the limit of {limit}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// What is limited.
        what: &'static str,
        /// The limit.
        limit: u64,
        /// What came.
        found: u64,
    },
    /// The progress callback said stop.
    #[error("stopped")]
    Stopped,
    /// A query said stop.
    #[error(transparent)]
    Query(#[from] StorageError),
}

impl BlockError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> BlockError + '_ {
        move |source| BlockError::Io { path: path.to_path_buf(), source }
    }
}

impl From<BlockError> for StorageError {
    fn from(error: BlockError) -> Self {
        match error {
            BlockError::Query(error) => error,
            BlockError::Io { path, source } => StorageError::Io { path, source },
            BlockError::Damaged(d) => StorageError::Corrupt { path: d.path, offset: d.offset, message: d.message },
            other => StorageError::Backend(Box::new(other)),
        }
    }
}

/// What is wrong with some bytes, before it is known of which file they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) offset: u64,
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(offset: u64, message: impl Into<String>) -> Self {
        Fault { offset, message: message.into() }
    }

    pub(crate) fn in_part(self, part: Part, path: &Path) -> Damage {
        Damage { path: path.to_path_buf(), offset: self.offset, part, message: self.message }
    }
}
