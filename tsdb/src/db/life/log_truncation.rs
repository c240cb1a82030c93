//! The log loses what is in blocks: older segments are folded into a checkpoint.

use promethium_wal::{CheckpointOptions, plan_checkpoint, read_layout, remove_covered, write_checkpoint};

use crate::db::open::WAL_DIR;
use crate::db::{Db, Home};
use crate::error::TsdbError;

impl Db {
    /// Folds the older two thirds of the log into a checkpoint that has what is not in blocks.
    pub(super) fn truncate_log(&self, home: &Home) -> Result<(), TsdbError> {
        let Some(log) = &self.log else { return Ok(()) };
        log.lock()?.writer().cut()?;
        let dir = home.dir.join(WAL_DIR);
        let layout = read_layout(&*home.vfs, &dir)?;
        let (Some(first), Some(last)) = (layout.segments.first(), layout.segments.last()) else { return Ok(()) };
        let Some(folded) = plan_checkpoint(first.index, last.index) else { return Ok(()) };
        // What the next opening takes for the end of the blocks. The head may be further: of a range in which everything is deleted
        // there is no block, and the deletes must last as long as what they hide.
        let end_ms = self.blocks().end_of_in_order_ms().unwrap_or(i64::MIN);
        let min_ms = self.head.frontier_ms().min(end_ms);
        let kept = self.kept_references.lock().clone();
        let mut keep = |reference| {
            self.head.has_reference(reference) || kept.get(&reference).is_some_and(|until_ms| *until_ms >= min_ms)
        };
        let options =
            CheckpointOptions { segment_bytes: self.options.segment_bytes, compression: self.options.compression };
        write_checkpoint(&*home.vfs, &dir, *folded.end(), min_ms, &mut keep, &options)?;
        remove_covered(&*home.vfs, &dir, *folded.end())?;
        self.kept_references.lock().retain(|_, until_ms| *until_ms >= min_ms);
        Ok(())
    }
}
