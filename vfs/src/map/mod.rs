//! Bytes of a file, read in place.

mod os;

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::sync::Arc;

/// The bytes of a file as they were when it was mapped; clones share them. Made by [`VfsFile::map`](crate::VfsFile::map),
/// which says what must hold of the file.
#[derive(Clone)]
pub struct FileMap(Bytes);

#[derive(Clone)]
enum Bytes {
    Owned(Arc<[u8]>),
    Mapped(Arc<os::Map>),
}

impl FileMap {
    /// Maps a file of the operating system.
    pub(crate) fn of_file(file: &File) -> io::Result<Self> {
        // An empty range cannot be mapped.
        let is_empty = file.metadata()?.len() == 0;
        Ok(if is_empty { Self::from(Vec::new()) } else { FileMap(Bytes::Mapped(Arc::new(os::map(file)?))) })
    }
}

impl Deref for FileMap {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Bytes::Owned(bytes) => bytes,
            Bytes::Mapped(map) => map,
        }
    }
}

impl AsRef<[u8]> for FileMap {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<Vec<u8>> for FileMap {
    fn from(bytes: Vec<u8>) -> Self {
        FileMap(Bytes::Owned(bytes.into()))
    }
}

impl std::fmt::Debug for FileMap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileMap").field("len", &self.len()).finish_non_exhaustive()
    }
}
