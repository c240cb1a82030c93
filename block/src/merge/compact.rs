//! Blocks into one block.

use std::path::Path;

use promethium_vfs::Vfs;

use super::{OnProgress, WriteOptions, Written, write_block};
use crate::block::Block;
use crate::error::BlockError;
use crate::meta::{BlockMeta, Compaction, hint};
use crate::source::{BlockSource, SeriesSource};
use crate::ulid::Ulid;

/// The description of the block that these are merged into: their whole range, one level above the highest, all their
/// sources, and they as its parents. The hint of out-of-order data stays only if all have it, the others if one has.
///
/// # Panics
///
/// When there are no parents.
#[must_use]
pub fn merged_meta(ulid: Ulid, parents: &[BlockMeta]) -> BlockMeta {
    assert!(!parents.is_empty(), "a merge of no blocks");
    let min_time_ms = parents.iter().map(|p| p.min_time_ms).min().unwrap_or_default();
    let max_time_ms = parents.iter().map(|p| p.max_time_ms).max().unwrap_or_default();
    let mut sources: Vec<Ulid> = parents.iter().flat_map(|p| p.compaction.sources.iter().copied()).collect();
    sources.sort_unstable();
    sources.dedup();
    let mut ordered: Vec<&BlockMeta> = parents.iter().collect();
    ordered.sort_by_key(|p| p.min_time_ms);
    let compaction = Compaction {
        level: parents.iter().map(|p| p.compaction.level).max().unwrap_or_default() + 1,
        sources,
        parents: ordered.iter().map(|p| p.as_parent()).collect(),
        hints: merged_hints(parents),
        ..Compaction::default()
    };
    BlockMeta { compaction, ..BlockMeta::of_level_one(ulid, min_time_ms, max_time_ms) }
}

fn merged_hints(parents: &[BlockMeta]) -> Vec<String> {
    let out_of_order = parents.iter().all(|p| p.has_hint(hint::OUT_OF_ORDER)).then_some(hint::OUT_OF_ORDER);
    let any = |h| parents.iter().any(|p| p.has_hint(h)).then_some(h);
    let mut hints: Vec<String> = [out_of_order, any(hint::STALE_SERIES), any(hint::SELECTED_SERIES)]
        .into_iter()
        .flatten()
        .map(str::to_owned)
        .collect();
    hints.sort();
    hints
}

/// Merges blocks into the new block `ulid` in `data_dir`, without what is deleted of them. The parents stay where they are.
/// Where samples have the same time, that of the block with the greater name — the one made later — stands.
///
/// # Errors
///
/// As [`write_block`].
///
/// # Panics
///
/// When there are no blocks.
pub fn compact(
    vfs: &dyn Vfs,
    data_dir: &Path,
    ulid: Ulid,
    blocks: &[&Block],
    options: &WriteOptions,
    on_progress: OnProgress<'_>,
) -> Result<Written, BlockError> {
    let mut by_age = blocks.to_vec();
    by_age.sort_by_key(|b| b.meta().ulid);
    let metas: Vec<BlockMeta> = by_age.iter().map(|b| (*b.meta()).clone()).collect();
    let mut sources: Vec<BlockSource<'_>> = by_age.iter().map(|b| BlockSource::new(b)).collect();
    let mut sources: Vec<&mut dyn SeriesSource> = sources.iter_mut().map(|s| s as &mut dyn SeriesSource).collect();
    write_block(vfs, data_dir, merged_meta(ulid, &metas), &mut sources, options, on_progress)
}

/// Writes a block anew without what is deleted of it: level 1 whatever it was, its own only source, the old block its
/// parent, as Prometheus' `clean_tombstones` does. `None` when nothing is deleted.
///
/// # Errors
///
/// As [`write_block`].
pub fn clean_tombstones(
    vfs: &dyn Vfs,
    data_dir: &Path,
    ulid: Ulid,
    block: &Block,
    options: &WriteOptions,
    on_progress: OnProgress<'_>,
) -> Result<Option<Written>, BlockError> {
    if block.tombstones().is_empty() {
        return Ok(None);
    }
    let old = block.meta();
    let mut meta = BlockMeta::of_level_one(ulid, old.min_time_ms, old.max_time_ms);
    meta.compaction.parents = vec![old.as_parent()];
    meta.compaction.hints.clone_from(&old.compaction.hints);
    write_block(vfs, data_dir, meta, &mut [&mut BlockSource::new(block)], options, on_progress).map(Some)
}
