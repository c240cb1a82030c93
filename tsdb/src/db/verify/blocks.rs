//! Blocks: each checks itself.

use promethium_block::{BlockError, Verified};

use super::VerifyReport;
use crate::db::Db;
use crate::db::replay::Damage;
use crate::error::TsdbError;
use crate::options::ProgressKind;

impl Db {
    pub(super) fn verify_blocks(&self, report: &mut VerifyReport) -> Result<(), TsdbError> {
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
        Ok(())
    }
}
