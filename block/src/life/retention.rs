//! Which blocks to drop.

use crate::meta::BlockMeta;
use crate::ulid::Ulid;

/// What is kept. Without any bound everything is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Retention {
    /// Milliseconds before the end of the newest block; a block that ends before is dropped.
    pub time_ms: Option<i64>,
    /// Bytes of everything in the data directory.
    pub bytes: Option<u64>,
    /// Per cent of the file system's size; takes the place of `bytes` where that size is known.
    pub percentage: Option<f64>,
}

/// A block and its size.
#[derive(Clone, Debug)]
pub struct Stored<'m> {
    /// The block.
    pub meta: &'m BlockMeta,
    /// Bytes of all its files.
    pub bytes: u64,
}

/// Why a block is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetentionReason {
    /// It is too old.
    Time,
    /// There is too much.
    Size,
    /// It was merged into a block that is there, or nothing was left of it.
    Merged,
}

/// The blocks to drop, newest first, by Prometheus' rules.
///
/// * What a present block names as its parent, and what is marked deletable, goes.
/// * Time: once the newest block ends `time_ms` or more after a block's end, that block and all older ones go.
/// * Size: beginning with `other_bytes` — log, head chunks and temporary files — blocks are counted, newest first; from
///   the first that goes beyond the bound, all go.
///
/// `file_system_bytes` is the size of the file system, if known.
#[must_use]
pub fn beyond_retention(
    blocks: &[Stored<'_>],
    retention: &Retention,
    other_bytes: u64,
    file_system_bytes: Option<u64>,
) -> Vec<(Ulid, RetentionReason)> {
    let parents = || blocks.iter().flat_map(|b| &b.meta.compaction.parents).map(|p| p.ulid);
    let is_merged = |m: &BlockMeta| m.compaction.deletable || parents().any(|p| p == m.ulid);
    let (merged, mut rest): (Vec<&Stored<'_>>, Vec<&Stored<'_>>) = blocks.iter().partition(|b| is_merged(b.meta));
    rest.sort_by_key(|b| std::cmp::Reverse((b.meta.max_time_ms, b.meta.ulid)));
    let too_old = first_too_old(&rest, retention.time_ms);
    let too_large = first_too_large(&rest, size_bound(retention, file_system_bytes), other_bytes);
    let dropped =
        rest.iter().enumerate().skip(too_old.min(too_large)).map(|(i, block)| {
            (block.meta.ulid, if i >= too_old { RetentionReason::Time } else { RetentionReason::Size })
        });
    let merged = merged.iter().map(|block| (block.meta.ulid, RetentionReason::Merged));
    merged.chain(dropped).collect()
}

fn first_too_old(newest_first: &[&Stored<'_>], time_ms: Option<i64>) -> usize {
    let Some((time_ms, newest)) = time_ms.filter(|t| *t > 0).zip(newest_first.first()) else { return usize::MAX };
    let end = newest.meta.max_time_ms;
    let is_old = |b: &&Stored<'_>| end.saturating_sub(b.meta.max_time_ms) >= time_ms;
    newest_first.iter().position(is_old).unwrap_or(usize::MAX)
}

fn size_bound(retention: &Retention, file_system_bytes: Option<u64>) -> Option<u64> {
    let of_file_system = retention.percentage.filter(|p| *p > 0.0).zip(file_system_bytes.filter(|b| *b > 0));
    match of_file_system {
        Some((percentage, bytes)) => Some((bytes as f64 * percentage / 100.0) as u64),
        None => retention.bytes.filter(|b| *b > 0),
    }
}

fn first_too_large(newest_first: &[&Stored<'_>], bound: Option<u64>, other_bytes: u64) -> usize {
    let Some(bound) = bound else { return usize::MAX };
    let mut sum = other_bytes;
    let is_beyond = |b: &&Stored<'_>| {
        sum = sum.saturating_add(b.bytes);
        sum > bound
    };
    newest_first.iter().position(is_beyond).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metas() -> Vec<BlockMeta> {
        (0..5).map(|i| BlockMeta::of_level_one(Ulid::from_parts(i, 0), i as i64 * 10, i as i64 * 10 + 10)).collect()
    }

    fn dropped(
        metas: &[BlockMeta],
        retention: Retention,
        other: u64,
        disk: Option<u64>,
    ) -> Vec<(u64, RetentionReason)> {
        let blocks: Vec<Stored<'_>> = metas.iter().map(|meta| Stored { meta, bytes: 100 }).collect();
        let found = beyond_retention(&blocks, &retention, other, disk);
        found.into_iter().map(|(ulid, reason)| (ulid.timestamp_ms(), reason)).collect()
    }

    #[test]
    fn time_goes_by_the_newest_end_and_size_counts_everything_else_first() {
        use RetentionReason::{Size, Time};
        let metas = metas();
        let time = |t| Retention { time_ms: Some(t), ..Retention::default() };
        let size = |b| Retention { bytes: Some(b), ..Retention::default() };
        assert_eq!(dropped(&metas, Retention::default(), 1 << 40, None), []);
        assert_eq!(dropped(&metas, time(41), 0, None), []);
        assert_eq!(dropped(&metas, time(30), 0, None), [(1, Time), (0, Time)]);
        assert_eq!(dropped(&metas, size(500), 0, None), []);
        assert_eq!(dropped(&metas, size(500), 1, None), [(0, Size)]);
        assert_eq!(dropped(&metas, size(500), 450, None), [(4, Size), (3, Size), (2, Size), (1, Size), (0, Size)]);
        let both = Retention { time_ms: Some(40), bytes: Some(250), percentage: None };
        assert_eq!(dropped(&metas, both, 0, None), [(2, Size), (1, Size), (0, Time)]);
    }

    #[test]
    fn a_percentage_takes_the_place_of_a_size_where_the_disk_is_known() {
        use RetentionReason::Size;
        let retention = Retention { time_ms: None, bytes: Some(1), percentage: Some(40.0) };
        assert_eq!(dropped(&metas(), retention, 0, Some(1_000)), [(0, Size)]);
        assert_eq!(dropped(&metas(), retention, 0, None).len(), 5);
        let zero = Retention { percentage: Some(0.0), ..Retention::default() };
        assert_eq!(dropped(&metas(), zero, 0, Some(1)), []);
    }

    #[test]
    fn merged_and_deletable_blocks_go() {
        let mut metas = metas();
        metas[4].compaction.parents = vec![metas[0].as_parent(), metas[1].as_parent()];
        metas[3].compaction.deletable = true;
        let expected = [0, 1, 3].map(|i| (i, RetentionReason::Merged));
        assert_eq!(dropped(&metas, Retention::default(), 0, None), expected);
    }
}
