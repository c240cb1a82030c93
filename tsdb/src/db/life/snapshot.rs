//! Copies of the whole store, and blocks rid of what is deleted.

use std::path::{Path, PathBuf};

use promethium_block::{BlockMeta, Parent, clean_tombstones, hint, link_block, write_block};
use promethium_model::TimeRange;
use promethium_model::calendar::Date;
use promethium_vfs::Vfs;

use super::Upkeep;
use crate::db::{Db, Home};
use crate::error::TsdbError;
use crate::head::source::{HeadSource, Which};
use crate::options::ProgressKind;

pub(super) const SNAPSHOTS_DIR: &str = "snapshots";
const DRAFT_SUFFIX: &str = ".tmp-for-creation";

impl Db {
    /// Makes a copy of the store as it is now under `snapshots/` in the data directory, and gives its place: blocks by
    /// hard links, which cost nothing, and, if `with_head`, the head as a block of its own. Prometheus serves the copy, and
    /// so does [`Db::open`]. Appends and queries go on. It has its name once it is whole.
    ///
    /// # Errors
    ///
    /// When files cannot be linked or written, and for a database in memory.
    pub fn snapshot(&self, now_ms: i64, with_head: bool) -> Result<PathBuf, TsdbError> {
        self.check_writable()?;
        let home = self.home()?;
        self.sync_if_late();
        let mut upkeep = self.upkeep.lock();
        let name = snapshot_name(now_ms, &upkeep.ulids.next(now_ms).to_string());
        let snapshots = home.dir.join(SNAPSHOTS_DIR);
        let (into, draft) = (snapshots.join(&name), snapshots.join(name + DRAFT_SUFFIX));
        let made = self.fill_snapshot(home, &mut upkeep, &draft, with_head.then_some(now_ms));
        let made = made.and_then(|()| home.vfs.rename(&draft, &into).map_err(TsdbError::io(&into, "create")));
        if let Err(error) = made {
            // What cannot be removed now is at the next opening.
            let _ = home.vfs.remove_dir_all(&draft).and_then(|()| home.vfs.sync_dir(&snapshots));
            return Err(error);
        }
        for dir in [&snapshots, &home.dir] {
            home.vfs.sync_dir(dir).map_err(TsdbError::io(dir, "sync"))?;
        }
        Ok(into)
    }

    /// Makes all of a snapshot, under the name of one that is not whole yet; with the head, if there is a time for it.
    fn fill_snapshot(
        &self,
        home: &Home,
        upkeep: &mut Upkeep,
        draft: &Path,
        head_at_ms: Option<i64>,
    ) -> Result<(), TsdbError> {
        home.vfs.create_dir(draft).map_err(TsdbError::io(draft, "create"))?;
        for block in self.blocks().all() {
            link_block(&*home.vfs, block, draft)?;
        }
        if let Some(now_ms) = head_at_ms {
            self.write_head_copy(home, upkeep, draft, now_ms)?;
        }
        home.vfs.sync_dir(draft).map_err(TsdbError::io(draft, "sync"))
    }

    fn write_head_copy(&self, home: &Home, upkeep: &mut Upkeep, into: &Path, now_ms: i64) -> Result<(), TsdbError> {
        let in_order = self.head.time_range().map(|(min, max)| (Which::InOrder, min.max(self.head.frontier_ms()), max));
        let late = self.head.late_time_range().map(|(min, max)| (Which::Late, min, max));
        for (which, min_ms, max_ms) in in_order.into_iter().chain(late).filter(|(_, min, max)| min <= max) {
            let mut meta = BlockMeta::of_level_one(upkeep.ulids.next(now_ms), min_ms, max_ms.saturating_add(1));
            if which == Which::Late {
                meta.compaction.hints = vec![hint::OUT_OF_ORDER.to_owned()];
                meta.compaction.parents = vec![Parent::default()];
            }
            let mut source = HeadSource::new(&self.head, which, TimeRange::new(min_ms, max_ms));
            let mut tell = self.on_progress(ProgressKind::Snapshot);
            write_block(&*home.vfs, into, meta, &mut [&mut source], &self.write_options(), &mut tell)?;
        }
        Ok(())
    }

    /// Writes every block anew of which something is deleted, without that, and says how many. The head is left as it is.
    ///
    /// # Errors
    ///
    /// When a block cannot be read or written; those before it are done.
    pub fn clean_tombstones(&self, now_ms: i64) -> Result<usize, TsdbError> {
        self.check_writable()?;
        let home = self.home()?;
        self.sync_if_late();
        let mut upkeep = self.upkeep.lock();
        self.put_away_strays(home, &mut upkeep)?;
        let mut cleaned = 0;
        for block in self.blocks().all() {
            let ulid = upkeep.begin_block(now_ms);
            let mut tell = self.on_progress(ProgressKind::Compaction);
            let options = self.write_options();
            let Some(written) = clean_tombstones(&*home.vfs, &home.dir, ulid, block, &options, &mut tell)? else {
                upkeep.strays.remove(&ulid);
                continue;
            };
            let new = written.meta.map(|meta| self.open_block(&*home.vfs, &home.dir, meta.ulid)).transpose()?;
            let old = [block.meta().ulid];
            self.exchange_blocks(&mut upkeep, &old, !written.damage.is_empty(), new);
            self.put_away_strays(home, &mut upkeep)?;
            cleaned += 1;
        }
        Ok(cleaned)
    }

    fn home(&self) -> Result<&Home, TsdbError> {
        let message = || "a database in memory has no directory".to_owned();
        self.home.as_ref().ok_or_else(|| TsdbError::InvalidOption { name: "dir", message: message() })
    }
}

/// Removes snapshots that an earlier life of the store did not end. What stays is tried again at the next opening.
pub(in crate::db) fn remove_draft_snapshots(vfs: &dyn Vfs, data_dir: &Path) {
    let snapshots = data_dir.join(SNAPSHOTS_DIR);
    let names = vfs.list(&snapshots).unwrap_or_default();
    for name in names.iter().filter(|name| name.ends_with(DRAFT_SUFFIX)) {
        let _ = vfs.remove_dir_all(&snapshots.join(name));
    }
}

/// `20261122T214658Z-67435cc95fb5bd96`.
fn snapshot_name(now_ms: i64, ulid: &str) -> String {
    const DAY_S: i64 = 24 * 60 * 60;
    let seconds = now_ms.div_euclid(1000);
    let Date { year, month, day } = Date::of_epoch_day(seconds.div_euclid(DAY_S));
    let of_day = seconds.rem_euclid(DAY_S);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let random = ulid.bytes().rev().take(16).fold(0_u64, |bits, byte| bits.rotate_left(7) ^ u64::from(byte));
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z-{random:016x}")
}
