//! The blocks of a database: found, opened, set aside.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use promethium_block::{Block, BlockError, BlockMeta, Ulid, hint};
use promethium_model::TimeRange;
use promethium_vfs::{Vfs, is_no_file};

use super::open::Access;
use super::replay::{Damage, ReplayReport};
use crate::error::TsdbError;

/// Where blocks that cannot be read go.
pub(super) const ASIDE_DIR: &str = "blocks.corrupt";
/// What a directory is called that is not a block yet, or no longer.
const DRAFT_SUFFIXES: [&str; 3] = [".tmp-for-creation", ".tmp-for-deletion", ".tmp"];

/// The blocks that queries see, by their times. Immutable: a change makes a new set, and queries keep theirs.
#[derive(Default)]
pub(super) struct BlockSet {
    blocks: Vec<Arc<Block>>,
    missing: Arc<[MissingBlock]>,
}

/// A block that could not be opened. Queries that reach into it say so, until the directory is opened again.
struct MissingBlock {
    range: TimeRange,
    message: String,
}

impl BlockSet {
    pub(super) fn new(mut blocks: Vec<Arc<Block>>) -> Self {
        blocks.sort_by_key(|b| {
            let meta = b.meta();
            (meta.min_time_ms, meta.max_time_ms, meta.ulid)
        });
        BlockSet { blocks, missing: Arc::default() }
    }

    /// These blocks in place of those in the set.
    pub(super) fn replaced_by(&self, blocks: Vec<Arc<Block>>) -> Self {
        BlockSet { missing: Arc::clone(&self.missing), ..BlockSet::new(blocks) }
    }

    /// What is to be said of blocks that reach into `range` and could not be opened.
    pub(super) fn missing_in(&self, range: TimeRange) -> impl Iterator<Item = &str> {
        self.missing
            .iter()
            .filter(move |m| m.range.min_ms <= range.max_ms && range.min_ms <= m.range.max_ms)
            .map(|m| m.message.as_str())
    }

    pub(super) fn all(&self) -> &[Arc<Block>] {
        &self.blocks
    }

    /// The blocks that reach into `range`.
    pub(super) fn overlapping(&self, range: TimeRange) -> impl Iterator<Item = &Arc<Block>> {
        self.blocks.iter().filter(move |b| {
            let meta = b.meta();
            meta.min_time_ms <= range.max_ms && meta.max_time_ms > range.min_ms
        })
    }

    /// The end of what came from the head in order: the head takes nothing before it. `None` without such blocks.
    pub(super) fn end_of_in_order_ms(&self) -> Option<i64> {
        let is_in_order = |b: &&Arc<Block>| {
            let meta = b.meta();
            ![hint::OUT_OF_ORDER, hint::STALE_SERIES, hint::SELECTED_SERIES].iter().any(|h| meta.has_hint(h))
        };
        self.blocks.iter().filter(is_in_order).map(|b| b.meta().max_time_ms).max()
    }
}

/// Opens all blocks of a data directory. What is damaged is set aside and reported; what a merge has made needless is
/// removed. A block that the system does not let us read keeps the whole from opening: without it queries would be wrong,
/// and nobody would know for how long.
pub(super) fn open_all(
    vfs: &dyn Vfs,
    dir: &Path,
    access: Access,
    report: &mut ReplayReport,
) -> Result<BlockSet, TsdbError> {
    let names = vfs.list(dir).map_err(TsdbError::io(dir, "list"))?;
    if access == Access::ReadWrite {
        remove_drafts(vfs, dir, &names);
    }
    let (mut blocks, mut missing) = (Vec::new(), Vec::new());
    for name in names.iter().filter(|name| name.parse::<Ulid>().is_ok()) {
        match Block::open(vfs, &dir.join(name)) {
            Ok(block) => blocks.push(Arc::new(block)),
            // The medium may be better at the next attempt: what it holds is neither damaged nor gone.
            Err(error @ BlockError::Io { .. }) if !is_missing(&error) => return Err(error.into()),
            Err(error) => {
                missing.push(MissingBlock { range: range_of(vfs, &dir.join(name)), message: error.to_string() });
                set_aside(vfs, dir, name, access, &error, report);
            }
        }
    }
    for damage in blocks.iter().flat_map(|b| b.damage()) {
        report.note_block_damage(Damage { path: damage.path, offset: damage.offset, message: damage.message });
    }
    let needless = needless(&blocks);
    blocks.retain(|block| {
        let is_needless = needless.contains(&block.meta().ulid);
        if is_needless && access == Access::ReadWrite {
            // What stays is found, and removed, at the next opening.
            let _ = remove(vfs, block.dir());
        }
        !is_needless
    });
    report.blocks = blocks.len();
    Ok(BlockSet { missing: missing.into(), ..BlockSet::new(blocks) })
}

/// The time that a block covers, as far as it says so itself.
fn range_of(vfs: &dyn Vfs, block: &Path) -> TimeRange {
    BlockMeta::read(vfs, block)
        .map_or(TimeRange::ALL, |m| TimeRange::new(m.min_time_ms, m.max_time_ms.saturating_sub(1)))
}

/// Whether a file of the block is not there, which another attempt would not change.
fn is_missing(error: &BlockError) -> bool {
    matches!(error, BlockError::Io { source, .. } if is_no_file(source))
}

/// A single block.
pub(super) fn open_one(vfs: &dyn Vfs, block: &Path) -> Result<BlockSet, TsdbError> {
    Ok(BlockSet::new(vec![Arc::new(Block::open(vfs, block)?)]))
}

/// Blocks whose data is in another block that was opened, and blocks that say that nothing is in them.
pub(super) fn needless(blocks: &[Arc<Block>]) -> BTreeSet<Ulid> {
    let mut needless: BTreeSet<Ulid> =
        blocks.iter().flat_map(|b| b.meta().compaction.parents.iter().map(|p| p.ulid).collect::<Vec<_>>()).collect();
    needless.extend(blocks.iter().map(|b| b.meta()).filter(|m| m.compaction.deletable).map(|m| m.ulid));
    needless
}

/// Removes a block, in such a way that what is left of it after a crash is not taken for a block.
pub(super) fn remove(vfs: &dyn Vfs, block: &Path) -> io::Result<()> {
    let mut draft = block.as_os_str().to_owned();
    draft.push(".tmp-for-deletion");
    let draft = PathBuf::from(draft);
    vfs.rename(block, &draft)?;
    if let Some(parent) = block.parent() {
        vfs.sync_dir(parent)?;
    }
    vfs.remove_dir_all(&draft)
}

/// Removes what a crash left of blocks that were being written or removed.
fn remove_drafts(vfs: &dyn Vfs, dir: &Path, names: &[String]) {
    let is_draft = |name: &str| {
        DRAFT_SUFFIXES.iter().any(|suffix| {
            let stem = name.strip_suffix(suffix);
            stem.is_some_and(|s| s.parse::<Ulid>().is_ok() || s.starts_with("chunk_snapshot."))
        })
    };
    for name in names.iter().filter(|name| is_draft(name)) {
        let _ = vfs.remove_dir_all(&dir.join(name));
    }
}

/// Moves a block that cannot be read away, if it is damaged; one of a later version, or one that lacks files, stays.
fn set_aside(vfs: &dyn Vfs, dir: &Path, name: &str, access: Access, error: &BlockError, report: &mut ReplayReport) {
    let offset = if let BlockError::Damaged(damage) = error { damage.offset } else { 0 };
    report.note_block_damage(Damage { path: dir.join(name), offset, message: error.to_string() });
    if access == Access::ReadOnly || !matches!(error, BlockError::Damaged(_)) {
        return;
    }
    super::repair::move_aside(vfs, dir, ASIDE_DIR, name, report);
}
