//! Files behind a seam: a store touches the disk through [`Vfs`] and [`VfsFile`] alone.
//!
//! # Should I use this?
//!
//! Yes, when code of yours must prove that it survives power loss, failing calls, full and rotting disks: write it over
//! [`Vfs`], test it on [`SimVfs`] (the example is there), run it on [`StdVfs`].
//!
//! | implementation | for |
//! |---|---|
//! | [`StdVfs`] | the operating system's files |
//! | [`MemVfs`] | tests and tools that want no disk |
//! | [`SimVfs`] | a disk that loses what was not synced, fails, fills up and rots, all by seed |
//!
//! Two rules of POSIX that the store relies on and that [`SimVfs`] enforces: bytes are durable after
//! [`VfsFile::sync`], and a *name* (created, renamed, removed) is durable only after [`Vfs::sync_dir`] of its directory.

mod mem;
mod os;
mod sim;

use std::io;
use std::path::Path;
use std::sync::Arc;

pub use mem::MemVfs;
pub use os::StdVfs;
pub use sim::{Fault, FaultKind, SimVfs};

/// How to open a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// An existing file, to read.
    Read,
    /// An existing file, to read, to append to and to truncate.
    Append,
    /// A new file, to read and to append to; an existing one is an error.
    CreateNew,
}

/// A file system.
pub trait Vfs: Send + Sync {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// As the operating system says: `NotFound`, `AlreadyExists`, …
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn VfsFile>>;

    /// Creates a directory and its parents; an existing one is fine.
    ///
    /// # Errors
    ///
    /// As the operating system says.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;

    /// The names in a directory, sorted.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is no such directory.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;

    /// Gives a file another name; a file of that name is replaced in one step.
    ///
    /// # Errors
    ///
    /// As the operating system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    ///
    /// As the operating system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a directory durable.
    ///
    /// # Errors
    ///
    /// As the operating system says.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Takes an exclusive lock on a file, which is created when missing, without waiting. Dropping the guard, or the
    /// end of the process, releases it.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when somebody else holds it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn VfsLock>>;
}

/// An open file. Shared: one thread may sync while another appends.
pub trait VfsFile: Send + Sync {
    /// Reads into `buf` from `offset`, and says how many bytes; fewer than asked only at the end of the file.
    ///
    /// # Errors
    ///
    /// As the operating system says.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `data` at the end. After an error any part of it may be in the file.
    ///
    /// # Errors
    ///
    /// As the operating system says.
    fn append(&self, data: &[u8]) -> io::Result<()>;

    /// Makes the bytes durable. After an error nothing is known about any byte since the last successful call.
    ///
    /// # Errors
    ///
    /// As the operating system says.
    fn sync(&self) -> io::Result<()>;

    /// Length in bytes.
    ///
    /// # Errors
    ///
    /// As the operating system says.
    fn len(&self) -> io::Result<u64>;

    /// Cuts the file to `len` bytes.
    ///
    /// # Errors
    ///
    /// As the operating system says.
    fn truncate(&self, len: u64) -> io::Result<()>;

    /// Whether the file has no bytes.
    ///
    /// # Errors
    ///
    /// As the operating system says.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}

/// Holds a lock until dropped.
pub trait VfsLock: Send + Sync {}

fn not_found(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("{}: no such file or directory", path.display()))
}

fn already_exists(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::AlreadyExists, format!("{}: file exists", path.display()))
}

/// Copies what `data` holds at `offset`, as [`VfsFile::read_at`] does.
fn copy_at(data: &[u8], buf: &mut [u8], offset: u64) -> usize {
    let start = usize::try_from(offset).unwrap_or(usize::MAX).min(data.len());
    let rest = data.get(start..).unwrap_or_default();
    let n = rest.len().min(buf.len());
    buf[..n].copy_from_slice(&rest[..n]);
    n
}

#[cfg(test)]
mod tests;
