//! Files in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::{FileKind, OpenMode, Space, Stat, Vfs, VfsFile, VfsLock, already_exists, copy_at, not_found};

/// Files in memory, shared by the clones of this value, gone with the last of them.
#[derive(Clone, Default)]
pub struct MemVfs {
    tree: Arc<Mutex<Tree>>,
}

#[derive(Default)]
struct Tree {
    dirs: BTreeSet<PathBuf>,
    files: BTreeMap<PathBuf, Arc<MemFile>>,
    locked: BTreeSet<PathBuf>,
}

#[derive(Default)]
struct MemFile {
    data: RwLock<Vec<u8>>,
}

impl MemVfs {
    /// An empty file system.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl VfsFile for MemFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        Ok(copy_at(&self.data.read(), buf, offset))
    }

    fn append(&self, data: &[u8]) -> io::Result<()> {
        self.data.write().extend_from_slice(data);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.data.read().len() as u64)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.data.write().resize(usize::try_from(len).map_err(io::Error::other)?, 0);
        Ok(())
    }
}

struct MemLock {
    tree: Arc<Mutex<Tree>>,
    path: PathBuf,
}

impl VfsLock for MemLock {}

impl Drop for MemLock {
    fn drop(&mut self) {
        self.tree.lock().locked.remove(&self.path);
    }
}

impl Vfs for MemVfs {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn VfsFile>> {
        let mut tree = self.tree.lock();
        let existing = tree.files.get(path).cloned();
        let file = match (mode, existing) {
            (OpenMode::CreateNew, Some(_)) => return Err(already_exists(path)),
            (_, Some(file)) => file,
            (OpenMode::CreateNew, None) => tree.create(path)?,
            (_, None) => return Err(not_found(path)),
        };
        Ok(file)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.tree.lock().dirs.extend(dir.ancestors().map(Path::to_path_buf));
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let tree = self.tree.lock();
        if !tree.dirs.contains(dir) {
            return Err(not_found(dir));
        }
        let inside = tree.files.keys().chain(&tree.dirs).filter(|p| p.parent() == Some(dir));
        let mut names: Vec<String> =
            inside.filter_map(|p| p.file_name()).map(|n| n.to_string_lossy().into_owned()).collect();
        names.sort();
        Ok(names)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut tree = self.tree.lock();
        if tree.dirs.contains(from) {
            return tree.rename_dir(from, to);
        }
        let file = tree.files.get(from).cloned().ok_or_else(|| not_found(from))?;
        tree.check_parent(to)?;
        tree.files.remove(from);
        tree.files.insert(to.to_path_buf(), file);
        Ok(())
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        let tree = self.tree.lock();
        match tree.files.get(path) {
            Some(file) => Ok(Stat { kind: FileKind::File, len: file.len()? }),
            None if tree.dirs.contains(path) => Ok(Stat { kind: FileKind::Dir, len: 0 }),
            None => Err(not_found(path)),
        }
    }

    fn remove_dir_all(&self, dir: &Path) -> io::Result<()> {
        let mut tree = self.tree.lock();
        if !tree.dirs.contains(dir) {
            return Err(not_found(dir));
        }
        tree.files.retain(|p, _| !p.starts_with(dir));
        tree.dirs.retain(|p| !p.starts_with(dir));
        Ok(())
    }

    fn hard_link(&self, existing: &Path, link: &Path) -> io::Result<()> {
        let mut tree = self.tree.lock();
        let file = tree.files.get(existing).cloned().ok_or_else(|| not_found(existing))?;
        tree.check_parent(link)?;
        if tree.files.contains_key(link) || tree.dirs.contains(link) {
            return Err(already_exists(link));
        }
        tree.files.insert(link.to_path_buf(), file);
        Ok(())
    }

    /// Memory has no stated size.
    fn space(&self, _dir: &Path) -> io::Result<Space> {
        Ok(Space { total_bytes: u64::MAX, available_bytes: u64::MAX })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.tree.lock().files.remove(path).map(drop).ok_or_else(|| not_found(path))
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn VfsLock>> {
        let mut tree = self.tree.lock();
        if !tree.locked.insert(path.to_path_buf()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if !tree.files.contains_key(path) {
            tree.create(path)?;
        }
        Ok(Box::new(MemLock { tree: Arc::clone(&self.tree), path: path.to_path_buf() }))
    }
}

impl Tree {
    fn check_parent(&self, path: &Path) -> io::Result<()> {
        if path.parent().is_none_or(|dir| !self.dirs.contains(dir)) { Err(not_found(path)) } else { Ok(()) }
    }

    fn rename_dir(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.check_parent(to)?;
        if self.files.contains_key(to) || self.dirs.contains(to) {
            return Err(already_exists(to));
        }
        let moved = |p: &PathBuf| p.strip_prefix(from).map_or_else(|_| p.clone(), |rest| joined(to, rest));
        self.files = self.files.iter().map(|(p, file)| (moved(p), Arc::clone(file))).collect();
        self.dirs = self.dirs.iter().map(moved).collect();
        Ok(())
    }

    fn create(&mut self, path: &Path) -> io::Result<Arc<MemFile>> {
        self.check_parent(path)?;
        let file = Arc::new(MemFile::default());
        self.files.insert(path.to_path_buf(), Arc::clone(&file));
        Ok(file)
    }
}

/// `dir/rest`, without the slash that joining nothing would leave.
fn joined(dir: &Path, rest: &Path) -> PathBuf {
    if rest.as_os_str().is_empty() { dir.to_path_buf() } else { dir.join(rest) }
}
