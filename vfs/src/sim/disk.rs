//! The disk: its calls, counted, and the faults that are planned for them.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::rng::Rng;
use super::tree::{NodeId, Tree};
use super::{Fault, FaultKind, Space};

pub(super) struct Disk {
    pub(super) tree: Tree,
    pub(super) locked: BTreeSet<PathBuf>,
    pub(super) fault: Option<Fault>,
    pub(super) read_fault: Option<Fault>,
    pub(super) capacity: Option<u64>,
    pub(super) calls: u64,
    pub(super) reads: u64,
    pub(super) epoch: u64,
    pub(super) rng: Rng,
    pub(super) power_is_off: bool,
}

impl Disk {
    pub(super) fn new(seed: u64) -> Self {
        Disk {
            tree: Tree::new(),
            locked: BTreeSet::new(),
            fault: None,
            read_fault: None,
            capacity: None,
            calls: 0,
            reads: 0,
            epoch: 0,
            rng: Rng::new(seed),
            power_is_off: false,
        }
    }

    pub(super) fn check_alive(&self, epoch: u64) -> io::Result<()> {
        if self.power_is_off || epoch != self.epoch { Err(io::Error::other("the power went")) } else { Ok(()) }
    }

    /// Counts a changing call and lets it fail if that is planned.
    pub(super) fn begin(&mut self, epoch: u64) -> io::Result<()> {
        match self.next_fault(epoch)? {
            None => Ok(()),
            Some(_) => Err(injected()),
        }
    }

    /// Counts a call that reads a file's bytes and lets it fail if that is planned.
    pub(super) fn begin_read(&mut self, epoch: u64) -> io::Result<()> {
        self.check_alive(epoch)?;
        self.reads += 1;
        if self.read_fault.is_some_and(|f| f.hits(self.reads)) { Err(injected()) } else { Ok(()) }
    }

    fn next_fault(&mut self, epoch: u64) -> io::Result<Option<FaultKind>> {
        self.check_alive(epoch)?;
        self.calls += 1;
        let due = self.fault.filter(|f| f.hits(self.calls));
        if due.is_some_and(|f| f.kind == FaultKind::PowerLoss) {
            self.power_is_off = true;
        }
        Ok(due.map(|f| f.kind))
    }

    pub(super) fn append(&mut self, id: NodeId, epoch: u64, data: &[u8]) -> io::Result<()> {
        let fault = self.next_fault(epoch)?;
        let wanted = match fault {
            None => data.len(),
            Some(FaultKind::Error) => 0,
            Some(FaultKind::ShortWrite(n)) => n.min(data.len()),
            Some(FaultKind::PowerLoss) => self.rng.below(data.len() + 1),
        };
        let written = wanted.min(self.room());
        self.tree.inode_mut(id)?.data.extend_from_slice(&data[..written]);
        match fault {
            Some(_) => Err(injected()),
            None if written < data.len() => Err(io::ErrorKind::StorageFull.into()),
            None => Ok(()),
        }
    }

    fn room(&self) -> usize {
        let room = |capacity| usize::try_from(capacity).unwrap_or(usize::MAX).saturating_sub(self.tree.used_bytes());
        self.capacity.map_or(usize::MAX, room)
    }

    pub(super) fn space(&self) -> io::Result<Space> {
        self.check_alive(self.epoch)?;
        let total_bytes = self.capacity.unwrap_or(u64::MAX);
        let used = if self.capacity.is_some() { self.tree.used_bytes() as u64 } else { 0 };
        Ok(Space { total_bytes, available_bytes: total_bytes.saturating_sub(used) })
    }

    pub(super) fn create(&mut self, path: &Path) -> io::Result<NodeId> {
        self.begin(self.epoch)?;
        self.tree.create_file(path)
    }

    pub(super) fn create_dir(&mut self, dir: &Path) -> io::Result<()> {
        self.begin(self.epoch)?;
        self.tree.create_dirs(dir)
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.begin(self.epoch)?;
        self.tree.rename(from, to)
    }

    pub(super) fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.begin(self.epoch)?;
        self.tree.remove_file(path)
    }

    pub(super) fn remove_dir_all(&mut self, dir: &Path) -> io::Result<()> {
        let fault = self.next_fault(self.epoch)?;
        let most = match fault {
            None => usize::MAX,
            Some(FaultKind::Error) => 0,
            Some(FaultKind::ShortWrite(n)) => n,
            Some(FaultKind::PowerLoss) => self.rng.below(8),
        };
        self.tree.remove_dir(dir, most)?;
        if fault.is_some() { Err(injected()) } else { Ok(()) }
    }

    pub(super) fn hard_link(&mut self, existing: &Path, link: &Path) -> io::Result<()> {
        self.begin(self.epoch)?;
        self.tree.link(existing, link)
    }

    /// Makes the names inside `dir` durable, those of directories included.
    pub(super) fn sync_dir(&mut self, dir: &Path) -> io::Result<()> {
        self.begin(self.epoch)?;
        let dir = self.tree.dir_at(dir)?;
        dir.durable.clone_from(&dir.live);
        Ok(())
    }

    pub(super) fn flip_bit(&mut self, path: &Path, offset: usize, bit: u8) -> bool {
        let Ok(inode) = self.tree.file(path).and_then(|id| self.tree.inode_mut(id)) else { return false };
        let Some(byte) = inode.data.get_mut(offset) else { return false };
        *byte ^= 1 << (bit % 8);
        let flipped = *byte;
        if let Some(durable) = inode.durable.get_mut(offset) {
            *durable = flipped;
        }
        true
    }
}

fn injected() -> io::Error {
    io::Error::other("injected fault")
}
