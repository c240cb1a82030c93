//! A block being written.

use std::path::{Path, PathBuf};

use promethium_vfs::{Vfs, remove_if_there};

use super::TMP_CREATE_SUFFIX;
use crate::chunks::ChunkWriter;
use crate::error::BlockError;
use crate::index::{ChunkMeta, IndexWriter};
use crate::meta::{BlockMeta, BlockStats};
use crate::source::SourceChunk;
use crate::tombstones::Tombstones;
use crate::ulid::Ulid;

/// Writes a block series by series, under a temporary name; [`BlockWriter::finish`] puts it in its place in one step that
/// survives power loss. Dropped before that, it takes away what it wrote.
///
/// Memory does not grow with series, chunks or samples; it does with the number of distinct label pairs.
pub struct BlockWriter<'v> {
    vfs: &'v dyn Vfs,
    data_dir: PathBuf,
    ulid: Ulid,
    files: Option<(IndexWriter, ChunkWriter<'v>)>,
    stats: BlockStats,
    metas: Vec<ChunkMeta>,
}

impl<'v> BlockWriter<'v> {
    /// Begins the block `ulid` in `data_dir`. `symbols` gives the names and values of all labels, sorted by bytes, each
    /// once; it is asked twice. A chunk file takes no more than `chunk_file_bytes`, but for a chunk that is larger.
    ///
    /// # Errors
    ///
    /// [`BlockError::Io`]; [`BlockError::Unwritable`] when the symbols are not sorted.
    pub fn create<'s>(
        vfs: &'v dyn Vfs,
        data_dir: &Path,
        ulid: Ulid,
        symbols: impl Fn() -> Result<Box<dyn Iterator<Item = &'s [u8]> + 's>, BlockError>,
        chunk_file_bytes: u64,
    ) -> Result<Self, BlockError> {
        let (data_dir, metas) = (data_dir.to_path_buf(), Vec::new());
        let mut writer = BlockWriter { vfs, data_dir, ulid, files: None, stats: BlockStats::default(), metas };
        let tmp = writer.tmp_dir();
        remove_if_there(vfs, &tmp).map_err(BlockError::io(&tmp))?;
        vfs.create_dir(&tmp).map_err(BlockError::io(&tmp))?;
        let chunks = ChunkWriter::create(vfs, &tmp, chunk_file_bytes);
        let index = IndexWriter::create(vfs, &tmp, symbols);
        match (index, chunks) {
            (Ok(index), Ok(chunks)) => writer.files = Some((index, chunks)),
            (Err(error), _) | (_, Err(error)) => {
                writer.clean_up();
                return Err(error);
            }
        }
        Ok(writer)
    }

    fn tmp_dir(&self) -> PathBuf {
        self.data_dir.join(format!("{}{TMP_CREATE_SUFFIX}", self.ulid))
    }

    /// Adds a series. Labels are positions in the symbols, sorted by name; series come sorted by their labels, chunks by
    /// their times, which do not overlap.
    ///
    /// # Errors
    ///
    /// [`BlockError::Unwritable`] when an order is broken, [`BlockError::TooLarge`], [`BlockError::Io`].
    ///
    /// # Panics
    ///
    /// When the block is finished.
    pub fn add_series(&mut self, labels: &[(u32, u32)], chunks: &[SourceChunk]) -> Result<(), BlockError> {
        let (index, files) = self.files.as_mut().expect("a block that is being written");
        self.metas.clear();
        files.write(chunks, &mut self.metas)?;
        index.add_series(labels, &self.metas)?;
        self.stats.num_series += 1;
        chunks.iter().for_each(|c| self.stats.add_chunk(c.encoding as u8, c.data()));
        Ok(())
    }

    /// What was written so far.
    #[must_use]
    pub fn stats(&self) -> BlockStats {
        self.stats
    }

    /// Completes the block: `meta` takes the counts and the name, everything is synced, and the directory is moved to its
    /// place.
    ///
    /// # Errors
    ///
    /// [`BlockError`]; the block is then not there, or there whole when only the last sync failed.
    ///
    /// # Panics
    ///
    /// When the block is finished.
    pub fn finish(mut self, mut meta: BlockMeta) -> Result<BlockMeta, BlockError> {
        let (index, chunks) = self.files.take().expect("a block that is being written");
        let tmp = self.tmp_dir();
        let finished = chunks.finish().and_then(|()| index.finish()).and_then(|_| {
            meta.ulid = self.ulid;
            meta.stats = self.stats;
            Tombstones::new().write(self.vfs, &tmp)?;
            meta.write(self.vfs, &tmp)?;
            self.put_in_place(&tmp)
        });
        if finished.is_err() {
            self.clean_up();
        }
        finished.map(|()| meta)
    }

    fn put_in_place(&self, tmp: &Path) -> Result<(), BlockError> {
        self.vfs.sync_dir(tmp).map_err(BlockError::io(tmp))?;
        let place = self.data_dir.join(self.ulid.to_string());
        self.vfs.rename(tmp, &place).map_err(BlockError::io(&place))?;
        self.vfs.sync_dir(&self.data_dir).map_err(BlockError::io(&self.data_dir))
    }

    /// Takes away what was written. What cannot be taken away now is when the data directory is opened.
    fn clean_up(&mut self) {
        self.files = None;
        let _ = remove_if_there(self.vfs, &self.tmp_dir());
    }
}

impl Drop for BlockWriter<'_> {
    fn drop(&mut self) {
        if self.files.is_some() {
            self.clean_up();
        }
    }
}
