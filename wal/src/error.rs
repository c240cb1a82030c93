//! What can go wrong with the files of a head.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::head_snapshot::LogPosition;
use crate::record::RecordError;

/// A file of the log, of head chunks or of a snapshot could not be read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WalError {
    /// The operating system said no.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
    /// The bytes are not what was written.
    #[error("{}: offset {offset}: {message}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Byte offset in it of what is damaged: the fragment, the section or the chunk.
        offset: u64,
        /// What was expected and found.
        message: String,
    },
    /// The checksum is right, and the record under it does not decode.
    #[error("{}: offset {offset}: {source}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Byte offset in it of the record, or of the section that the record is in.
        offset: u64,
        /// What is wrong with the record.
        source: RecordError,
    },
    /// A file was written by a later version than this one.
    #[error("{}: version {version} of {what} is not known", path.display())]
    UnknownVersion {
        /// The file.
        path: PathBuf,
        /// Of what.
        what: &'static str,
        /// The version found.
        version: u8,
    },
    /// The log does not go on where the head's snapshot ends.
    #[error("{}: the snapshot ends at segment {}, offset {}, and the log {log}", path.display(), position.segment, position.offset)]
    StaleSnapshot {
        /// The snapshot.
        path: PathBuf,
        /// Where it ends.
        position: LogPosition,
        /// What the log has instead.
        log: String,
    },
    /// No file of head chunks has this number: it was removed, or the reference never was one.
    #[error("head chunk {file:06}:{offset}: there is no such file")]
    NoHeadChunkFile {
        /// Number of the file.
        file: u32,
        /// Byte offset in it.
        offset: u32,
    },
}

impl WalError {
    /// What the operating system said about `path`.
    pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> WalError {
        let path = path.to_path_buf();
        move |source| WalError::Io { path, source }
    }

    /// What is wrong with the record at `offset` of `path`.
    pub(crate) fn in_record(path: &Path, offset: u64) -> impl FnOnce(RecordError) -> WalError {
        let path = path.to_path_buf();
        move |source| WalError::Record { path, offset, source }
    }

    fn io_kind(&self) -> Option<io::ErrorKind> {
        if let WalError::Io { source, .. } = self { Some(source.kind()) } else { None }
    }

    /// Whether the medium is full: writing goes on by itself once there is space.
    #[must_use]
    pub fn is_out_of_space(&self) -> bool {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        matches!(self.io_kind(), Some(StorageFull | QuotaExceeded | FileTooLarge))
    }

    /// Whether there simply is no such file.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.io_kind() == Some(io::ErrorKind::NotFound)
    }
}
