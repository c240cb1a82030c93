//! The disk as programs see it, and what of it is durable.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use super::rng::Rng;
use super::{Fault, FaultKind, already_exists, not_found};

pub(super) type InodeId = u64;

/// A file's bytes, and those that would survive.
#[derive(Default)]
pub(super) struct Inode {
    pub(super) data: Vec<u8>,
    pub(super) durable: Vec<u8>,
    /// The shortest that the file has been since the last sync: up to there `durable` and `data` agree.
    pub(super) agreed: usize,
}

impl Inode {
    pub(super) fn sync(&mut self) {
        self.durable.truncate(self.agreed);
        self.durable.extend_from_slice(&self.data[self.agreed..]);
        self.agreed = self.data.len();
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.agreed = self.agreed.min(len);
        self.data.resize(len, 0);
    }
}

pub(super) struct Disk {
    pub(super) inodes: BTreeMap<InodeId, Inode>,
    pub(super) names: BTreeMap<PathBuf, InodeId>,
    pub(super) durable_names: BTreeMap<PathBuf, InodeId>,
    pub(super) dirs: BTreeSet<PathBuf>,
    pub(super) durable_dirs: BTreeSet<PathBuf>,
    pub(super) locked: BTreeSet<PathBuf>,
    pub(super) fault: Option<Fault>,
    pub(super) capacity: Option<u64>,
    pub(super) calls: u64,
    pub(super) epoch: u64,
    pub(super) rng: Rng,
    pub(super) power_is_off: bool,
    next_inode: InodeId,
}

impl Disk {
    pub(super) fn new(seed: u64) -> Self {
        let root = BTreeSet::from([PathBuf::from("/")]);
        Disk {
            inodes: BTreeMap::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            dirs: root.clone(),
            durable_dirs: root,
            locked: BTreeSet::new(),
            fault: None,
            capacity: None,
            calls: 0,
            epoch: 0,
            rng: Rng::new(seed),
            power_is_off: false,
            next_inode: 1,
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

    fn next_fault(&mut self, epoch: u64) -> io::Result<Option<FaultKind>> {
        self.check_alive(epoch)?;
        self.calls += 1;
        let due = self.fault.filter(|f| self.calls == f.call || (f.persistent && self.calls > f.call));
        if due.is_some_and(|f| f.kind == FaultKind::PowerLoss) {
            self.power_is_off = true;
        }
        Ok(due.map(|f| f.kind))
    }

    pub(super) fn inode(&mut self, id: InodeId) -> io::Result<&mut Inode> {
        self.inodes.get_mut(&id).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn append(&mut self, id: InodeId, epoch: u64, data: &[u8]) -> io::Result<()> {
        let fault = self.next_fault(epoch)?;
        let wanted = match fault {
            None => data.len(),
            Some(FaultKind::Error) => 0,
            Some(FaultKind::ShortWrite(n)) => n.min(data.len()),
            Some(FaultKind::PowerLoss) => self.rng.below(data.len() + 1),
        };
        let written = wanted.min(self.room());
        self.inode(id)?.data.extend_from_slice(&data[..written]);
        match fault {
            Some(_) => Err(injected()),
            None if written < data.len() => Err(io::ErrorKind::StorageFull.into()),
            None => Ok(()),
        }
    }

    fn room(&self) -> usize {
        let used: usize = self.inodes.values().map(|i| i.data.len()).sum();
        self.capacity.map_or(usize::MAX, |c| usize::try_from(c).unwrap_or(usize::MAX).saturating_sub(used))
    }

    pub(super) fn create(&mut self, path: &Path) -> io::Result<InodeId> {
        self.begin(self.epoch)?;
        if path.parent().is_none_or(|dir| !self.dirs.contains(dir)) {
            return Err(not_found(path));
        }
        Ok(self.link_new(path))
    }

    fn link_new(&mut self, path: &Path) -> InodeId {
        let id = self.next_inode;
        self.next_inode += 1;
        self.inodes.insert(id, Inode::default());
        self.names.insert(path.to_path_buf(), id);
        id
    }

    pub(super) fn create_dir(&mut self, dir: &Path) -> io::Result<()> {
        self.begin(self.epoch)?;
        if self.names.contains_key(dir) {
            return Err(already_exists(dir));
        }
        self.dirs.extend(dir.ancestors().map(Path::to_path_buf));
        Ok(())
    }

    pub(super) fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.check_alive(self.epoch)?;
        if !self.dirs.contains(dir) {
            return Err(not_found(dir));
        }
        let inside = self.names.keys().chain(&self.dirs).filter(|p| p.parent() == Some(dir));
        let mut names: Vec<String> =
            inside.filter_map(|p| p.file_name()).map(|n| n.to_string_lossy().into_owned()).collect();
        names.sort();
        Ok(names)
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.begin(self.epoch)?;
        let id = self.names.remove(from).ok_or_else(|| not_found(from))?;
        self.names.insert(to.to_path_buf(), id);
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.begin(self.epoch)?;
        self.names.remove(path).map(drop).ok_or_else(|| not_found(path))
    }

    /// Makes the names inside `dir` durable, those of directories included.
    pub(super) fn sync_dir(&mut self, dir: &Path) -> io::Result<()> {
        self.begin(self.epoch)?;
        if !self.dirs.contains(dir) {
            return Err(not_found(dir));
        }
        let inside = |p: &Path| p.parent() == Some(dir);
        self.durable_names.retain(|p, _| !inside(p));
        let synced: Vec<_> = self.names.iter().filter(|(p, _)| inside(p)).map(|(p, id)| (p.clone(), *id)).collect();
        self.durable_names.extend(synced);
        let synced: Vec<_> = self.dirs.iter().filter(|p| inside(p)).cloned().collect();
        self.durable_dirs.extend(synced);
        Ok(())
    }

    pub(super) fn flip_bit(&mut self, path: &Path, offset: usize, bit: u8) -> bool {
        let Some(inode) = self.names.get(path).and_then(|id| self.inodes.get_mut(id)) else { return false };
        let Some(byte) = inode.data.get_mut(offset) else { return false };
        *byte ^= 1 << (bit % 8);
        let flipped = *byte;
        if let Some(durable) = inode.durable.get_mut(offset) {
            *durable = flipped;
        }
        true
    }

    pub(super) fn put(&mut self, path: &Path, data: Vec<u8>) {
        if let Some(dir) = path.parent() {
            self.dirs.extend(dir.ancestors().map(Path::to_path_buf));
            self.durable_dirs.extend(dir.ancestors().map(Path::to_path_buf));
        }
        let id = self.link_new(path);
        self.durable_names.insert(path.to_path_buf(), id);
        let agreed = data.len();
        self.inodes.insert(id, Inode { durable: data.clone(), data, agreed });
    }
}

fn injected() -> io::Error {
    io::Error::other("injected fault")
}
