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
//! [`VfsFile::sync`], and a *name* (created, renamed, linked, removed) is durable only after [`Vfs::sync_dir`] of its
//! directory.
//!
//! Files are read by [`VfsFile::read_at`], or in place through [`VfsFile::map`]. What callers of several calls would
//! otherwise each spell anew is in [`is_no_file`], [`replace_file`], [`read_file`], [`remove_if_there`] and [`tree_bytes`].

mod helpers;
mod map;
mod mem;
mod os;
mod sim;

use std::io;
use std::path::Path;
use std::sync::Arc;

pub use helpers::{is_no_file, read_file, remove_if_there, replace_file, tree_bytes};
pub use map::FileMap;
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

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A file of bytes.
    File,
    /// A directory.
    Dir,
}

/// What is known of a name without opening it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// File or directory.
    pub kind: FileKind,
    /// Length in bytes; 0 for a directory.
    pub len: u64,
}

/// The space of a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Bytes of the whole file system.
    pub total_bytes: u64,
    /// Bytes that this program may still write.
    pub available_bytes: u64,
}

/// A file system.
pub trait Vfs: Send + Sync {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// As the operating system says: `NotFound`, `AlreadyExists`, …; never waits for anybody, as opening a pipe would. Whether
    /// there is a file at all, [`is_no_file`] says.
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

    /// What `path` is, without opening it.
    ///
    /// # Errors
    ///
    /// `NotFound`, or as the operating system says. The default asks the calls above.
    fn stat(&self, path: &Path) -> io::Result<Stat> {
        match self.list(path) {
            Ok(_) => Ok(Stat { kind: FileKind::Dir, len: 0 }),
            Err(_) => Ok(Stat { kind: FileKind::File, len: self.open(path, OpenMode::Read)?.len()? }),
        }
    }

    /// Gives a file or a directory another name, in one step. A file takes the place of a file of that name. A
    /// directory's new name must be free: nothing is ever replaced by a directory.
    ///
    /// # Errors
    ///
    /// As the operating system says; `AlreadyExists` or `DirectoryNotEmpty` where a directory's new name is taken.
    /// (POSIX lets a directory replace an *empty* one; do not rely on it.)
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    ///
    /// As the operating system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Removes a directory with everything in it. Not one step: a crash or a failure may leave a part of it.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is no such directory; `Unsupported` by default; else as the operating system says.
    fn remove_dir_all(&self, dir: &Path) -> io::Result<()> {
        Err(unsupported("removing a directory", dir))
    }

    /// Gives the file `existing` a second name, `link`, on the same file system. The bytes are shared, so that only
    /// files which never change again should be linked.
    ///
    /// # Errors
    ///
    /// `AlreadyExists`, `NotFound`, `CrossesDevices`; `Unsupported` by default and where a file system has no links.
    fn hard_link(&self, existing: &Path, link: &Path) -> io::Result<()> {
        let _ = existing;
        Err(unsupported("linking", link))
    }

    /// The space of the file system that holds `dir`.
    ///
    /// # Errors
    ///
    /// `Unsupported` by default; else as the operating system says.
    fn space(&self, dir: &Path) -> io::Result<Space> {
        Err(unsupported("asking for the free space", dir))
    }

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

    /// The bytes that the file has now, to be read in place. Bytes appended later are not in it.
    ///
    /// The caller vouches that the bytes do not change and that the file is not cut while a map lives: map only files
    /// that are finished, or the part of a file that is only appended to. With the operating system's files, a mapped
    /// file that *another program* cuts, and a medium that cannot give back a page, end the process by a signal; that
    /// is the price of reading without copies, and [`VfsFile::read_at`] does not have it.
    ///
    /// # Errors
    ///
    /// As the operating system says. The default reads the file into memory.
    fn map(&self) -> io::Result<FileMap> {
        let mut data = vec![0; usize::try_from(self.len()?).map_err(io::Error::other)?];
        let n = self.read_at(&mut data, 0)?;
        data.truncate(n);
        Ok(FileMap::from(data))
    }

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

fn unsupported(what: &str, path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, format!("{}: {what} is not supported here", path.display()))
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
