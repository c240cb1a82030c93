//! A simulated disk: deterministic by seed.

mod disk;
mod power;
mod rng;
mod tree;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::{FileKind, OpenMode, Space, Stat, Vfs, VfsFile, VfsLock, already_exists, copy_at, not_found};
use disk::Disk;
use tree::NodeId;

/// What a failing call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The call fails and changes nothing.
    Error,
    /// An append writes this many bytes, then fails; removing a directory removes this many names, then fails; other
    /// calls fail and change nothing.
    ShortWrite(usize),
    /// The power goes: this call and all later ones fail, until [`SimVfs::restart`].
    PowerLoss,
}

/// Which calls fail, counted from 1 over all calls that change the disk (create, append, sync, truncate, rename,
/// remove, remove_dir_all, hard_link, create_dir, sync_dir, lock), or over those that read bytes (read_at, map).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The first failing call.
    pub call: u64,
    /// Whether the calls after it fail too.
    pub persistent: bool,
    /// How it fails.
    pub kind: FaultKind,
}

impl Fault {
    fn hits(&self, call: u64) -> bool {
        call == self.call || (self.persistent && call > self.call)
    }
}

/// A disk in memory that behaves as badly as a real one may.
///
/// It keeps, beside what programs see, what would be left after the power went: bytes that were synced and names whose
/// directory was synced. [`SimVfs::restart`] builds the disk after a power loss: of each unsynced tail nothing, all,
/// a part, or garbled sectors remain, and each unsynced name is there or not, as the seed says. Synced bytes stay.
/// A rename that was not synced happened or did not; a directory takes along what was durable in it.
///
/// ```
/// use promethium_vfs::{OpenMode, SimVfs, Vfs};
/// let disk = SimVfs::new(7);
/// disk.create_dir("/d".as_ref())?;
/// let file = disk.open("/d/f".as_ref(), OpenMode::CreateNew)?;
/// file.append(b"kept")?;
/// file.sync()?;
/// disk.sync_dir("/".as_ref())?;
/// disk.sync_dir("/d".as_ref())?;
/// disk.restart();
/// assert_eq!(disk.open("/d/f".as_ref(), OpenMode::Read)?.len()?, 4);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct SimVfs {
    disk: Arc<Mutex<Disk>>,
}

impl SimVfs {
    /// An empty disk. The seed decides what a power loss leaves.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        SimVfs { disk: Arc::new(Mutex::new(Disk::new(seed))) }
    }

    /// Plans a fault; the call counter goes on from where it is. Replaces an earlier plan.
    pub fn plan(&self, fault: Option<Fault>) {
        self.disk.lock().fault = fault;
    }

    /// Plans a fault of the calls that read bytes, which have a counter of their own; whatever its kind, such a call
    /// fails and reads nothing. Replaces an earlier plan.
    pub fn plan_read(&self, fault: Option<Fault>) {
        self.disk.lock().read_fault = fault;
    }

    /// Calls so far that read bytes.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.disk.lock().reads
    }

    /// Lets the files hold at most this many bytes together; `None` is no bound.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.disk.lock().capacity = bytes;
    }

    /// Calls so far that change the disk.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.disk.lock().calls
    }

    /// Cuts the power and starts again: what was not synced is lost, torn or garbled; open files and locks are void;
    /// a planned fault is forgotten.
    pub fn restart(&self) {
        self.disk.lock().restart();
    }

    /// Ends the process that uses the disk: open files and locks are void, everything written stays.
    pub fn kill(&self) {
        self.disk.lock().kill();
    }

    /// Flips one bit of a file, as a decaying medium does. `false` when there is no such bit.
    pub fn flip_bit(&self, path: &Path, offset: usize, bit: u8) -> bool {
        self.disk.lock().flip_bit(path, offset, bit)
    }

    /// The present bytes of a file.
    #[must_use]
    pub fn contents(&self, path: &Path) -> Option<Vec<u8>> {
        let disk = self.disk.lock();
        let id = disk.tree.find(path)?;
        disk.tree.inode(id).map(|i| i.data.clone())
    }

    /// Replaces the bytes of a file, synced, creating it and its directories when missing.
    ///
    /// # Panics
    ///
    /// When a file is where a directory would have to be.
    pub fn put(&self, path: &Path, data: Vec<u8>) {
        self.disk.lock().tree.put(path, data).expect("the directories are directories");
    }
}

struct SimFile {
    disk: Arc<Mutex<Disk>>,
    path: PathBuf,
    inode: NodeId,
    epoch: u64,
}

impl VfsFile for SimFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut disk = self.disk.lock();
        disk.begin_read(self.epoch)?;
        let inode = disk.tree.inode(self.inode).ok_or_else(|| not_found(&self.path))?;
        Ok(copy_at(&inode.data, buf, offset))
    }

    fn append(&self, data: &[u8]) -> io::Result<()> {
        self.disk.lock().append(self.inode, self.epoch, data)
    }

    fn sync(&self) -> io::Result<()> {
        let mut disk = self.disk.lock();
        disk.begin(self.epoch)?;
        disk.tree.inode_mut(self.inode)?.sync();
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        let disk = self.disk.lock();
        disk.check_alive(self.epoch)?;
        Ok(disk.tree.inode(self.inode).map_or(0, |i| i.data.len() as u64))
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        let mut disk = self.disk.lock();
        disk.begin(self.epoch)?;
        disk.tree.inode_mut(self.inode)?.truncate(usize::try_from(len).map_err(io::Error::other)?);
        Ok(())
    }
}

struct SimLock {
    disk: Arc<Mutex<Disk>>,
    path: PathBuf,
    epoch: u64,
}

impl VfsLock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut disk = self.disk.lock();
        if disk.epoch == self.epoch {
            disk.locked.remove(&self.path);
        }
    }
}

impl Vfs for SimVfs {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn VfsFile>> {
        let mut disk = self.disk.lock();
        disk.check_alive(disk.epoch)?;
        let inode = match (mode, disk.tree.find(path)) {
            (OpenMode::CreateNew, Some(_)) => return Err(already_exists(path)),
            (OpenMode::CreateNew, None) => disk.create(path)?,
            _ => disk.tree.file(path)?,
        };
        Ok(Arc::new(SimFile { disk: Arc::clone(&self.disk), path: path.to_path_buf(), inode, epoch: disk.epoch }))
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.lock().create_dir(dir)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut disk = self.disk.lock();
        disk.check_alive(disk.epoch)?;
        disk.tree.list(dir)
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        let disk = self.disk.lock();
        disk.check_alive(disk.epoch)?;
        disk.tree.stat(path)
    }

    fn remove_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.disk.lock().remove_dir_all(dir)
    }

    fn hard_link(&self, existing: &Path, link: &Path) -> io::Result<()> {
        self.disk.lock().hard_link(existing, link)
    }

    fn space(&self, _dir: &Path) -> io::Result<Space> {
        self.disk.lock().space()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.lock().rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.lock().remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.lock().sync_dir(dir)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn VfsLock>> {
        let mut disk = self.disk.lock();
        disk.check_alive(disk.epoch)?;
        if disk.locked.contains(path) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if disk.tree.find(path).is_none() {
            disk.create(path)?;
        }
        disk.locked.insert(path.to_path_buf());
        Ok(Box::new(SimLock { disk: Arc::clone(&self.disk), path: path.to_path_buf(), epoch: disk.epoch }))
    }
}
