//! A second name for all files of a block.

use std::io;
use std::path::Path;

use promethium_vfs::{OpenMode, Vfs, remove_if_there};

use crate::block::Block;
use crate::error::BlockError;
use crate::meta::META_FILE;
use crate::write::TMP_CREATE_SUFFIX;
use crate::{chunks::CHUNKS_DIR, index::INDEX_FILE, tombstones::TOMBSTONES_FILE};

/// Bytes that are copied at a time where links are not to be had.
const COPY_BYTES: usize = 1 << 20;

/// Puts the block into `into` as well, by hard links: no bytes are copied, and the copy stays when the block is removed. Files
/// of blocks are never changed, only replaced, so that the copy keeps the tombstones of now. Where the file system has no
/// links, or `into` is on another one, files are copied.
///
/// # Errors
///
/// [`BlockError::Io`]; what is then in `into` is a leftover.
pub fn link_block(vfs: &dyn Vfs, block: &Block, into: &Path) -> Result<(), BlockError> {
    let name = block.meta().ulid.to_string();
    let (tmp, place) = (into.join(format!("{name}{TMP_CREATE_SUFFIX}")), into.join(&name));
    remove_if_there(vfs, &tmp).map_err(BlockError::io(&tmp))?;
    let chunks = tmp.join(CHUNKS_DIR);
    vfs.create_dir(&chunks).map_err(BlockError::io(&chunks))?;
    for file in [META_FILE, INDEX_FILE, TOMBSTONES_FILE] {
        link_if_there(vfs, &block.dir().join(file), &tmp.join(file))?;
    }
    let from = block.dir().join(CHUNKS_DIR);
    for file in vfs.list(&from).map_err(BlockError::io(&from))? {
        link_if_there(vfs, &from.join(&file), &chunks.join(&file))?;
    }
    for dir in [&chunks, &tmp] {
        vfs.sync_dir(dir).map_err(BlockError::io(dir))?;
    }
    vfs.rename(&tmp, &place).map_err(BlockError::io(&place))?;
    vfs.sync_dir(into).map_err(BlockError::io(into))
}

/// A file that is not there — a description that was lost, say — is not there in the copy either.
fn link_if_there(vfs: &dyn Vfs, from: &Path, to: &Path) -> Result<(), BlockError> {
    let linked = vfs.hard_link(from, to).or_else(|e| match e.kind() {
        io::ErrorKind::NotFound => Ok(()),
        io::ErrorKind::Unsupported | io::ErrorKind::CrossesDevices | io::ErrorKind::PermissionDenied => {
            copy(vfs, from, to)
        }
        _ => Err(e),
    });
    linked.map_err(BlockError::io(to))
}

fn copy(vfs: &dyn Vfs, from: &Path, to: &Path) -> io::Result<()> {
    let (source, target) = (vfs.open(from, OpenMode::Read)?, vfs.open(to, OpenMode::CreateNew)?);
    let mut buffer = vec![0; COPY_BYTES];
    let mut offset = 0;
    loop {
        let n = source.read_at(&mut buffer, offset)?;
        if n == 0 {
            return target.sync();
        }
        target.append(&buffer[..n])?;
        offset += n as u64;
    }
}
