//! What is too old, or too much, goes.

use promethium_block::{Stored, beyond_retention};
use promethium_vfs::tree_bytes;

use super::Upkeep;
use super::snapshot::SNAPSHOTS_DIR;
use crate::db::{Db, Home};
use crate::error::TsdbError;

impl Db {
    /// Removes blocks beyond retention, and says how many.
    pub(super) fn apply_retention(&self, home: &Home, upkeep: &mut Upkeep) -> Result<usize, TsdbError> {
        let blocks = self.blocks();
        let metas: Vec<_> = blocks.all().iter().map(|b| (b.meta(), b.size_bytes())).collect();
        let stored: Vec<_> = metas.iter().map(|(meta, bytes)| Stored { meta, bytes: *bytes }).collect();
        let file_system_bytes = home.vfs.space(&home.dir).ok().map(|space| space.total_bytes);
        let gone = beyond_retention(&stored, &self.options.retention, self.other_bytes(home), file_system_bytes);
        let gone: Vec<_> = gone.into_iter().map(|(ulid, _)| ulid).collect();
        if gone.is_empty() {
            return Ok(0);
        }
        self.exchange_blocks(upkeep, &gone, false, []);
        self.put_away_strays(home, upkeep)?;
        Ok(gone.len())
    }

    /// Bytes of what is not a block: logs and head chunks, snapshots of the head, what is set aside or half written. Snapshots that
    /// clients asked for are links to what is counted already.
    fn other_bytes(&self, home: &Home) -> u64 {
        let blocks: Vec<String> = self.blocks().all().iter().map(|b| b.meta().ulid.to_string()).collect();
        let mut names = home.vfs.list(&home.dir).unwrap_or_default();
        names.retain(|name| name != SNAPSHOTS_DIR && !blocks.contains(name));
        names.iter().map(|name| tree_bytes(&*home.vfs, &home.dir.join(name)).unwrap_or(0)).sum()
    }
}
