//! Deleting samples of a block: they are marked, and go when the block is written anew.

use promethium_model::{Matcher, QueryCx};
use promethium_vfs::Vfs;

use crate::block::Block;
use crate::error::BlockError;
use crate::index::SeriesEntry;
use crate::query::select;
use crate::tombstones::{Interval, Tombstones};

impl Block {
    /// Marks what the selected series have in `interval` as deleted, durably; queries that begin afterwards do not see it.
    /// Gives the number of series that were touched. Intervals are cut to the times that a series has chunks of; labels stay
    /// listed.
    ///
    /// Call it from one thread at a time.
    ///
    /// # Errors
    ///
    /// [`BlockError`]; the marks are then as before, or already on disk (and seen when the block is opened again).
    pub fn delete(
        &self,
        vfs: &dyn Vfs,
        interval: Interval,
        matchers: &[Matcher],
        cx: &QueryCx,
    ) -> Result<u64, BlockError> {
        let selected = select(&self.index, matchers, cx)?;
        let mut tombstones: Tombstones = (*self.tombstones()).clone();
        let mut entry = SeriesEntry::default();
        let mut touched = 0;
        for at in 0..selected.ids().len() {
            let Some(id) = selected.get(at) else { break };
            if !self.index.series(id, &mut entry)? {
                continue;
            }
            if let Some(clamped) = clamp(interval, &entry) {
                tombstones.add(u64::from(id), clamped);
                touched += 1;
            }
        }
        if touched > 0 {
            self.keep_tombstones(vfs, tombstones)?;
        }
        Ok(touched)
    }

    /// Writes new tombstones, then the description with their number.
    fn keep_tombstones(&self, vfs: &dyn Vfs, tombstones: Tombstones) -> Result<(), BlockError> {
        tombstones.write(vfs, &self.dir)?;
        let mut meta = (*self.meta()).clone();
        meta.stats.num_tombstones = tombstones.interval_count();
        self.set_tombstones(tombstones, meta.clone());
        meta.write(vfs, &self.dir)
    }
}

/// The part of an interval that the series has chunks of, if it has any.
fn clamp(interval: Interval, entry: &SeriesEntry) -> Option<Interval> {
    let overlaps = entry.chunks.iter().any(|c| c.min_ms <= interval.max_ms && c.max_ms >= interval.min_ms);
    let (first, last) = entry.chunks.first().zip(entry.chunks.last())?;
    let (min_ms, max_ms) = (interval.min_ms.max(first.min_ms), interval.max_ms.min(last.max_ms));
    overlaps.then_some(Interval { min_ms, max_ms })
}
