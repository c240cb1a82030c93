//! Which blocks to merge next.

use crate::meta::{BlockMeta, hint};
use crate::ulid::Ulid;

/// Deleted intervals for each hundred series above which a large block is written anew.
const TOMBSTONES_PER_CENT: u64 = 5;

/// The ranges that blocks grow through: `smallest_ms` and `factor` times the one before, `steps` in all, none above
/// `max_ms`. Prometheus has two hours, 3, and 10, and for the largest the lesser of 31 days and a tenth of the retention.
#[must_use]
pub fn compaction_ranges(smallest_ms: i64, factor: i64, steps: usize, max_ms: i64) -> Vec<i64> {
    let grown = std::iter::successors(Some(smallest_ms), |range| range.checked_mul(factor));
    let within: Vec<i64> = grown.take(steps).take_while(|range| *range <= max_ms).collect();
    if within.is_empty() { vec![smallest_ms] } else { within }
}

/// Blocks to merge into one, by age.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Their names.
    pub blocks: Vec<Ulid>,
    /// Why.
    pub reason: Reason,
}

/// Why blocks are merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// Their times overlap.
    Overlap,
    /// They fill a range of this many milliseconds, or newer blocks show that nothing more comes.
    Range(i64),
    /// So much of the block is deleted.
    Tombstones,
}

/// Picks what to merge next, by Prometheus' rules; `None` when nothing is to do. `ranges_ms` ascend.
///
/// Blocks of the head, of stale series and of picked series are never mixed, and come in this order. In each class:
/// overlapping blocks first; then, leaving out the newest block, the first aligned window of the smallest range with more
/// than one block that is either filled or lies before the newest of the remaining blocks; then a block of which much is
/// deleted.
#[must_use]
pub fn plan(metas: &[BlockMeta], ranges_ms: &[i64]) -> Option<Plan> {
    let class_of = |m: &BlockMeta| match (m.has_hint(hint::STALE_SERIES), m.has_hint(hint::SELECTED_SERIES)) {
        (true, _) => 1,
        (_, true) => 2,
        _ => 0,
    };
    (0..3).find_map(|class| {
        let mut members: Vec<&BlockMeta> = metas.iter().filter(|m| class_of(m) == class).collect();
        members.sort_by_key(|m| (m.min_time_ms, m.max_time_ms, m.ulid));
        plan_class(&members, ranges_ms)
    })
}

fn plan_class(metas: &[&BlockMeta], ranges_ms: &[i64]) -> Option<Plan> {
    if let Some(group) = first_overlap(metas) {
        return Some(planned(group, Reason::Overlap));
    }
    let (_newest, rest) = metas.split_last()?;
    ranges_ms
        .iter()
        .skip(1)
        .find_map(|range| Some(planned(first_window(rest, *range)?, Reason::Range(*range))))
        .or_else(|| most_deleted(rest, ranges_ms))
}

fn planned(metas: &[&BlockMeta], reason: Reason) -> Plan {
    Plan { blocks: metas.iter().map(|m| m.ulid).collect(), reason }
}

/// The first run of blocks of which each overlaps those before it.
fn first_overlap<'a, 'm>(metas: &'a [&'m BlockMeta]) -> Option<&'a [&'m BlockMeta]> {
    let mut end = i64::MIN;
    let runs = metas.chunk_by(|a, b| {
        end = end.max(a.max_time_ms);
        let overlaps = b.min_time_ms < end;
        end = if overlaps { end } else { i64::MIN };
        overlaps
    });
    runs.into_iter().find(|run| run.len() > 1)
}

/// The first window of the range's grid whose blocks are to be merged.
fn first_window<'a, 'm>(metas: &'a [&'m BlockMeta], range_ms: i64) -> Option<&'a [&'m BlockMeta]> {
    let newest_start = metas.last()?.min_time_ms;
    windows(metas, range_ms).into_iter().find(|window| {
        let (Some(first), Some(end)) = (window.first(), window.iter().map(|m| m.max_time_ms).max()) else {
            return false;
        };
        let is_filled = end - first.min_time_ms == range_ms;
        window.len() > 1 && (is_filled || end <= newest_start) && !window.iter().any(|m| m.compaction.failed)
    })
}

/// Runs of blocks that lie within one window of the grid. Blocks that fit no window are in none.
fn windows<'a, 'm>(metas: &'a [&'m BlockMeta], range_ms: i64) -> Vec<&'a [&'m BlockMeta]> {
    let window_of = |m: &BlockMeta| m.min_time_ms.div_euclid(range_ms);
    let fits = |m: &BlockMeta| m.max_time_ms <= (window_of(m) + 1).saturating_mul(range_ms);
    metas
        .chunk_by(|a, b| window_of(a) == window_of(b) && fits(a) && fits(b))
        .filter(|run| run.iter().all(|m| fits(m)))
        .collect()
}

/// From the newest block back: the first one whose deletions make writing it anew worth while.
fn most_deleted(metas: &[&BlockMeta], ranges_ms: &[i64]) -> Option<Plan> {
    let middle_ms = *ranges_ms.get(ranges_ms.len() / 2)?;
    for meta in metas.iter().rev() {
        let (tombstones, series) = (meta.stats.num_tombstones, meta.stats.num_series);
        if meta.max_time_ms - meta.min_time_ms < middle_ms {
            // A small block is written anew only when all of its series are touched; else the search ends here.
            return (tombstones > 0 && tombstones >= series).then(|| planned(&[meta], Reason::Tombstones));
        }
        if tombstones * 100 > (series + 1) * TOMBSTONES_PER_CENT {
            return Some(planned(&[meta], Reason::Tombstones));
        }
    }
    None
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
