//! Reading everything, to know that it can be read.

use promethium_block::{BlockError, Verified};
use promethium_vfs::OpenMode;
use promethium_wal::{Item, SegmentReader, read_layout};

use super::Db;
use super::open::{LATE_DIR, WAL_DIR};
use super::replay::Damage;
use crate::error::TsdbError;
use crate::options::ProgressKind;

/// What a check of the whole store found.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct VerifyReport {
    /// Blocks checked.
    pub blocks: usize,
    /// Series of all blocks.
    pub series: u64,
    /// Chunks of all blocks, each decoded.
    pub chunks: u64,
    /// Samples in them.
    pub samples: u64,
    /// Records of the logs.
    pub records: u64,
    /// Bytes that are not what was written.
    pub damage: Vec<Damage>,
}

impl Db {
    /// Checks all checksums of blocks and logs, and decodes every chunk. Nothing is changed; appends and queries go on.
    ///
    /// # Errors
    ///
    /// When files cannot be read. Damage is no error: see [`VerifyReport::damage`].
    pub fn verify(&self) -> Result<VerifyReport, TsdbError> {
        let mut report = VerifyReport::default();
        for block in self.blocks().all() {
            let mut tell = self.on_progress(ProgressKind::Verify);
            report.blocks += 1;
            let verified = match block.verify(&mut tell) {
                Err(BlockError::Damaged(damage)) => Verified { damage: vec![damage], ..Verified::default() },
                verified => verified?,
            };
            report.series += verified.series;
            report.chunks += verified.chunks;
            report.samples += verified.samples;
            let damage = verified.damage.into_iter();
            report.damage.extend(damage.map(|d| Damage { path: d.path, offset: d.offset, message: d.message }));
        }
        let Some(home) = &self.home else { return Ok(report) };
        // What is being written is synced first, so that no torn end is taken for damage.
        self.logs().try_for_each(|log| log.sync_all(self.clock.now_ms()))?;
        for name in [WAL_DIR, LATE_DIR] {
            let layout = read_layout(&*home.vfs, &home.dir.join(name))?;
            for segment in layout.checkpoint.iter().chain(&layout.segments) {
                let open = home.vfs.open(&segment.path, OpenMode::Read);
                let mut reader = SegmentReader::new(open.map_err(TsdbError::io(&segment.path, "open"))?);
                while let Some(item) = reader.next_item().map_err(TsdbError::io(&segment.path, "read"))? {
                    let (offset, message) = match item {
                        Item::Damage { offset, message } => (offset, message),
                        Item::Record { .. } => {
                            report.records += 1;
                            continue;
                        }
                    };
                    report.damage.push(Damage { path: segment.path.clone(), offset, message });
                }
            }
        }
        Ok(report)
    }
}
