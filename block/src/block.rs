//! An open block.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;
use promethium_vfs::{Vfs, is_no_file};

use crate::chunks::ChunkFiles;
use crate::damage::DamageLog;
use crate::error::{BlockError, Damage, Fault, Part};
use crate::index::Index;
use crate::meta::{BlockMeta, META_FILE};
use crate::tombstones::{TOMBSTONES_FILE, Tombstones};

/// An open block: immutable but for its tombstones. Files are read in place.
///
/// Nothing is read at [`Block::open`] but `meta.json`, the tombstones, and header and table of contents of the index; the
/// rest when it is asked for, and each part is checked before it is believed:
///
/// | part | checked | when damaged |
/// |---|---|---|
/// | `meta.json` | at open | made anew from the index |
/// | table of contents | at open | made anew; the postings too |
/// | tombstones, also where `meta.json` counts some and there are none | at open | none are believed: deleted samples show again, and each query says so |
/// | symbols | at first use | labels come from the postings |
/// | table of postings lists | at first use | made anew from the series |
/// | a postings list | when read (long ones once) | made anew from the series |
/// | a series' entry | when read | the series is left out, and the query says so |
/// | head of a chunk file | at first use | its chunks are read, as each has its own sum |
/// | a chunk | when read | its samples are left out, and the query says so |
///
/// All damage that was met is in [`Block::damage`]. Only what leaves nothing to read is an error: no index, symbols *and*
/// postings damaged, an unknown version.
pub struct Block {
    pub(crate) dir: PathBuf,
    meta: RwLock<Arc<BlockMeta>>,
    pub(crate) index: Index,
    pub(crate) chunks: ChunkFiles,
    tombstones: RwLock<Arc<Tombstones>>,
    pub(crate) damage: Arc<DamageLog>,
    /// Damage that every query has to mention.
    lasting: Vec<Damage>,
}

impl Block {
    /// Opens the block in `dir`.
    ///
    /// # Errors
    ///
    /// [`BlockError::Io`], [`BlockError::Version`], and [`BlockError::Damaged`] where nothing is left to read.
    pub fn open(vfs: &dyn Vfs, dir: &Path) -> Result<Self, BlockError> {
        let damage = Arc::new(DamageLog::default());
        let index = Index::open(vfs, dir, Arc::clone(&damage))?;
        let chunks = ChunkFiles::open(vfs, dir, Arc::clone(&damage))?;
        let mut block = Block {
            dir: dir.to_path_buf(),
            meta: RwLock::default(),
            index,
            chunks,
            tombstones: RwLock::default(),
            damage,
            lasting: Vec::new(),
        };
        block.read_tombstones(vfs)?;
        block.read_meta(vfs)?;
        block.miss_tombstones();
        Ok(block)
    }

    /// Notes that deletes are lost: the description counts some, and there are none.
    fn miss_tombstones(&mut self) {
        let counted = self.meta().stats.num_tombstones;
        if counted > 0 && self.tombstones().is_empty() && self.lasting.is_empty() {
            let fault = Fault::new(0, format!("{META_FILE} counts {counted} deleted intervals, and there are none"));
            let damage = fault.in_part(Part::Tombstones, &self.dir.join(TOMBSTONES_FILE));
            self.damage.note(damage.clone());
            self.lasting.push(damage);
        }
    }

    fn read_tombstones(&mut self, vfs: &dyn Vfs) -> Result<(), BlockError> {
        match Tombstones::read(vfs, &self.dir) {
            Ok(tombstones) => self.tombstones = RwLock::new(Arc::new(tombstones)),
            Err(BlockError::Damaged(damage)) => {
                self.damage.note(damage.clone());
                self.lasting.push(damage);
            }
            Err(other) => return Err(other),
        }
        Ok(())
    }

    fn read_meta(&mut self, vfs: &dyn Vfs) -> Result<(), BlockError> {
        let meta = match BlockMeta::read(vfs, &self.dir) {
            Ok(meta) => meta,
            Err(BlockError::Damaged(damage)) => {
                self.damage.note(damage);
                self.rebuilt_meta()?
            }
            Err(BlockError::Io { source, .. }) if is_no_file(&source) => {
                self.damage.note(Fault::new(0, "the file is missing").in_part(Part::Meta, &self.dir.join(META_FILE)));
                self.rebuilt_meta()?
            }
            Err(other) => return Err(other),
        };
        self.meta = RwLock::new(Arc::new(meta));
        Ok(())
    }

    /// What the block says of itself, of which the counts of tombstones change.
    #[must_use]
    pub fn meta(&self) -> Arc<BlockMeta> {
        Arc::clone(&self.meta.read())
    }

    /// What is deleted.
    #[must_use]
    pub fn tombstones(&self) -> Arc<Tombstones> {
        Arc::clone(&self.tombstones.read())
    }

    pub(crate) fn set_tombstones(&self, tombstones: Tombstones, meta: BlockMeta) {
        *self.tombstones.write() = Arc::new(tombstones);
        *self.meta.write() = Arc::new(meta);
    }

    /// The block's directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Bytes of index and chunks.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.index.len() + self.chunks.len()
    }

    /// The damage that was met so far, by file and offset; [`Block::verify`] meets all.
    #[must_use]
    pub fn damage(&self) -> Vec<Damage> {
        self.damage.all()
    }

    /// How much damage was met so far; more than [`Block::damage`] lists where there is very much.
    #[must_use]
    pub fn damage_count(&self) -> u64 {
        self.damage.count()
    }

    pub(crate) fn lasting_damage(&self) -> &[Damage] {
        &self.lasting
    }
}

impl std::fmt::Debug for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Block").field("dir", &self.dir).field("meta", &*self.meta.read()).finish_non_exhaustive()
    }
}
