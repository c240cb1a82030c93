//! What a power loss leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::disk::{Disk, Inode, InodeId};
use super::rng::Rng;

const SECTOR: usize = 512;

impl Disk {
    pub(super) fn kill(&mut self) {
        self.epoch += 1;
        self.locked.clear();
    }

    pub(super) fn restart(&mut self) {
        self.kill();
        self.fault = None;
        self.power_is_off = false;
        self.dirs = surviving_dirs(&self.dirs, &self.durable_dirs, &mut self.rng);
        self.durable_dirs.clone_from(&self.dirs);
        self.names = surviving_names(&self.names, &self.durable_names, &mut self.rng);
        let dirs = &self.dirs;
        self.names.retain(|path, _| path.parent().is_some_and(|dir| dirs.contains(dir)));
        self.durable_names.clone_from(&self.names);
        for inode in self.inodes.values_mut() {
            let left = surviving_bytes(inode, &mut self.rng);
            *inode = Inode { agreed: left.len(), durable: left.clone(), data: left };
        }
        let named: BTreeSet<InodeId> = self.names.values().copied().collect();
        self.inodes.retain(|id, _| named.contains(id));
    }
}

fn surviving_dirs(live: &BTreeSet<PathBuf>, durable: &BTreeSet<PathBuf>, rng: &mut Rng) -> BTreeSet<PathBuf> {
    let mut kept = BTreeSet::new();
    // Parents come before their children.
    for dir in live {
        let parent_is_there = dir.parent().is_none_or(|p| kept.contains(p));
        if parent_is_there && (durable.contains(dir) || rng.coin()) {
            kept.insert(dir.clone());
        }
    }
    kept
}

/// Each name whose directory was not synced since it changed is as it was or as it became.
fn surviving_names(
    live: &BTreeMap<PathBuf, InodeId>,
    durable: &BTreeMap<PathBuf, InodeId>,
    rng: &mut Rng,
) -> BTreeMap<PathBuf, InodeId> {
    let paths: BTreeSet<&PathBuf> = live.keys().chain(durable.keys()).collect();
    let mut kept = BTreeMap::new();
    for path in paths {
        let (new, old) = (live.get(path), durable.get(path));
        let survivor = if new == old || rng.coin() { new } else { old };
        if let Some(id) = survivor {
            kept.insert(path.clone(), *id);
        }
    }
    undo_half_renames(live, durable, &mut kept);
    kept
}

/// A rename happened or did not: a file that has a name before and after has one of the two.
fn undo_half_renames(
    live: &BTreeMap<PathBuf, InodeId>,
    durable: &BTreeMap<PathBuf, InodeId>,
    kept: &mut BTreeMap<PathBuf, InodeId>,
) {
    for (path, id) in durable {
        let lost = live.values().any(|l| l == id) && !kept.values().any(|k| k == id);
        if lost {
            kept.insert(path.clone(), *id);
        }
    }
}

fn surviving_bytes(inode: &Inode, rng: &mut Rng) -> Vec<u8> {
    let truncation_is_unsynced = inode.agreed < inode.durable.len();
    if truncation_is_unsynced && rng.coin() {
        return inode.durable.clone();
    }
    let mut left = inode.data[..inode.agreed].to_vec();
    let tail = &inode.data[inode.agreed..];
    match rng.below(4) {
        0 => {}
        1 => left.extend_from_slice(tail),
        2 => left.extend_from_slice(&tail[..rng.below(tail.len() + 1)]),
        _ => garble(tail, inode.agreed, &mut left, rng),
    }
    left
}

/// Each sector of the tail arrives, is zero, or is garbage; the tail may end early.
fn garble(tail: &[u8], start: usize, left: &mut Vec<u8>, rng: &mut Rng) {
    let end = rng.below(tail.len() + 1);
    let mut at = 0;
    while at < end {
        let sector_end = ((start + at) / SECTOR + 1) * SECTOR - start;
        let stop = sector_end.min(end);
        match rng.below(4) {
            0 => left.resize(left.len() + stop - at, 0),
            1 => left.extend((at..stop).map(|_| rng.next_u64() as u8)),
            _ => left.extend_from_slice(&tail[at..stop]),
        }
        at = stop;
    }
}
