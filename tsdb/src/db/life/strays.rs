//! Directories of blocks that no query sees.
//!
//! A block is on disk before it is seen, and stays there for a moment after it is not. Where a failure comes in between, its
//! directory is a stray: the next opening would take it for a block, with what was deleted since. So strays are
//! remembered from before the first byte, and nothing is deleted, and no other duty begun, before they are gone.

use std::collections::BTreeMap;
use std::io;

use promethium_block::{Ulid, remove_block, set_aside};

use super::Upkeep;
use crate::db::blocks::ASIDE_DIR;
use crate::db::{Db, Home};
use crate::error::TsdbError;

/// Strays, and whether damage was met in them: those are set aside, the others removed.
pub(super) type Strays = BTreeMap<Ulid, bool>;

impl Upkeep {
    /// The name of a block that is to be written.
    pub(super) fn begin_block(&mut self, now_ms: i64) -> Ulid {
        let ulid = self.ulids.next(now_ms);
        self.strays.insert(ulid, false);
        ulid
    }
}

impl Db {
    /// Takes away what no query sees. What cannot be is tried again.
    pub(in crate::db) fn put_away_strays(&self, home: &Home, upkeep: &mut Upkeep) -> Result<(), TsdbError> {
        while let Some(entry) = upkeep.strays.first_entry() {
            put_away(home, *entry.key(), *entry.get())?;
            entry.remove();
        }
        Ok(())
    }
}

fn put_away(home: &Home, ulid: Ulid, is_damaged: bool) -> Result<(), TsdbError> {
    let dir = home.dir.join(ulid.to_string());
    match home.vfs.stat(&dir) {
        // It was never there, or an earlier attempt came so far.
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            home.vfs.sync_dir(&home.dir).map_err(TsdbError::io(&home.dir, "sync"))
        }
        Err(e) => Err(TsdbError::io(&dir, "look at")(e)),
        Ok(_) if is_damaged => {
            set_aside(&*home.vfs, &home.dir, ulid, &home.dir.join(ASIDE_DIR))?;
            Ok(())
        }
        Ok(_) => Ok(remove_block(&*home.vfs, &home.dir, ulid)?),
    }
}
