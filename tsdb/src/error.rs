//! What can go wrong with a database.

use std::io;
use std::path::{Path, PathBuf};

use promethium_block::BlockError;
use promethium_model::StorageError;
use promethium_wal::WalError;
use thiserror::Error;

/// A database could not be opened, maintained or closed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TsdbError {
    /// Another process, or another `Db` of this one, holds the directory.
    #[error("{}: the data directory is in use by another process", dir.display())]
    Locked {
        /// The data directory.
        dir: PathBuf,
    },
    /// The operating system said no.
    #[error("{}: {action}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The error.
        source: io::Error,
    },
    /// An option has a value that cannot work.
    #[error("option {name}: {message}")]
    InvalidOption {
        /// The option.
        name: &'static str,
        /// What is wrong.
        message: String,
    },
    /// A block could not be read or written.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// A file of the log, of full head chunks or of a snapshot could not be read or written.
    #[error(transparent)]
    Wal(#[from] WalError),
    /// Reading what is stored failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The store takes no more writes since an earlier failure.
    #[error("storage is read-only: {reason}")]
    ReadOnly {
        /// The failure.
        reason: String,
    },
}

impl TsdbError {
    /// An I/O error at `path`.
    pub(crate) fn io(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> TsdbError {
        let path = path.to_path_buf();
        move |source| TsdbError::Io { path, action, source }
    }
}

impl From<TsdbError> for StorageError {
    fn from(error: TsdbError) -> Self {
        match error {
            TsdbError::Io { path, source, .. } | TsdbError::Wal(WalError::Io { path, source }) => {
                StorageError::Io { path, source }
            }
            TsdbError::Storage(error) => error,
            other => StorageError::Backend(Box::new(other)),
        }
    }
}
