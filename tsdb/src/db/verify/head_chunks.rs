//! The files of the head's full chunks.

use promethium_block::Progress;
use promethium_model::{SampleBatch, TimeRange};
use promethium_wal::head_chunks::{HeadChunkDamage, HeadChunkEntry, verify_head_chunks};

use super::VerifyReport;
use super::chunk::check_chunk;
use crate::db::open::CHUNKS_DIR;
use crate::db::replay::Damage;
use crate::db::{Db, Home};
use crate::error::TsdbError;
use crate::options::ProgressKind;

/// How many chunks are between two reports of progress.
const REPORT_EVERY: u64 = 1024;

impl Db {
    pub(super) fn verify_head_chunks(&self, home: &Home, report: &mut VerifyReport) -> Result<(), TsdbError> {
        let known = self.head.chunk_figures().0 as u64;
        let (mut tell, mut done, mut samples) = (self.on_progress(ProgressKind::Verify), 0_u64, SampleBatch::new());
        let mut check = |chunk: &HeadChunkEntry<'_>| {
            done += 1;
            if done.is_multiple_of(REPORT_EVERY) {
                let _ = tell(Progress { done, total: known.max(done) });
            }
            let range = TimeRange::new(chunk.min_ms, chunk.max_ms);
            check_chunk(chunk.encoding, chunk.data, range, &mut samples)
        };
        let found = match self.head.chunk_files() {
            Some(files) => files.verify(&mut check)?,
            None => verify_head_chunks(&*home.vfs, &home.dir.join(CHUNKS_DIR), &mut check)?,
        };
        report.head_chunks += found.chunks;
        report.damage.extend(found.damage.into_iter().map(damage));
        report.torn_tails.extend(found.torn_tail.map(damage));
        Ok(())
    }
}

fn damage(found: HeadChunkDamage) -> Damage {
    Damage { path: found.path, offset: found.offset, message: found.message }
}
