//! Checking every byte of a block.

use promethium_model::SampleBatch;

use crate::block::Block;
use crate::error::{BlockError, Damage};
use crate::index::SeriesEntry;
use crate::merge::{OnProgress, Progress};
use crate::query::decode_checked;

/// How many series are between two reports of progress.
const REPORT_EVERY: u64 = 256;

/// What [`Block::verify`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Series that were read.
    pub series: u64,
    /// Chunks that were decoded.
    pub chunks: u64,
    /// Samples in them.
    pub samples: u64,
    /// All damage of the block, by file and offset.
    pub damage: Vec<Damage>,
}

impl Block {
    /// Checks symbols, all postings, all series, and decodes all chunks.
    ///
    /// # Errors
    ///
    /// [`BlockError::Stopped`], and what leaves nothing to check. Damage is not an error.
    pub fn verify(&self, on_progress: OnProgress<'_>) -> Result<Verified, BlockError> {
        self.index.check_lists()?;
        let total = self.meta().stats.num_series;
        let mut found = Verified::default();
        let mut entry = SeriesEntry::default();
        let mut walk = self.index.walk();
        while walk.next(&mut entry)?.is_some() {
            self.verify_series(&entry, &mut found);
            if found.series.is_multiple_of(REPORT_EVERY) {
                let progress = Progress { done: found.series, total: total.max(found.series) };
                if (on_progress)(progress).is_break() {
                    return Err(BlockError::Stopped);
                }
            }
        }
        found.damage = self.damage();
        Ok(found)
    }

    fn verify_series(&self, entry: &SeriesEntry, found: &mut Verified) {
        found.series += 1;
        let mut newest_ms = None;
        let mut samples = SampleBatch::new();
        for chunk in &entry.chunks {
            samples.clear();
            match decode_checked(self, *chunk, newest_ms, &mut samples) {
                Ok(()) => {
                    found.chunks += 1;
                    found.samples += samples.len() as u64;
                    newest_ms = samples.timestamps.last().copied().or(newest_ms);
                }
                Err(damage) => self.damage.note(damage),
            }
        }
    }
}
