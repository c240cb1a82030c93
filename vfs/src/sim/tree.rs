//! Files and directories as programs see them, and what of them is durable.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io;
use std::path::{Component, Path};

use super::{FileKind, Stat, already_exists, not_found};

pub(super) type NodeId = u64;

pub(super) const ROOT: NodeId = 0;

pub(super) enum Node {
    File(Inode),
    Dir(Dir),
}

/// A file's bytes, and those that would survive.
#[derive(Default)]
pub(super) struct Inode {
    pub(super) data: Vec<u8>,
    pub(super) durable: Vec<u8>,
    /// The shortest that the file has been since the last sync: up to there `durable` and `data` agree.
    pub(super) agreed: usize,
}

impl Inode {
    pub(super) fn synced(data: Vec<u8>) -> Self {
        Inode { agreed: data.len(), durable: data.clone(), data }
    }

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

pub(super) type Entries = BTreeMap<String, NodeId>;

/// The names in a directory, and those that would survive. A directory that moves takes both along.
#[derive(Default)]
pub(super) struct Dir {
    pub(super) live: Entries,
    pub(super) durable: Entries,
}

pub(super) struct Tree {
    pub(super) nodes: BTreeMap<NodeId, Node>,
    next: NodeId,
}

impl Tree {
    pub(super) fn new() -> Self {
        Tree { nodes: BTreeMap::from([(ROOT, Node::Dir(Dir::default()))]), next: ROOT + 1 }
    }

    pub(super) fn find(&self, path: &Path) -> Option<NodeId> {
        steps(path).try_fold(ROOT, |at, name| match self.nodes.get(&at)? {
            Node::Dir(dir) => dir.live.get(&*name.to_string_lossy()).copied(),
            Node::File(_) => None,
        })
    }

    pub(super) fn file(&self, path: &Path) -> io::Result<NodeId> {
        let found = self.find(path).filter(|id| matches!(self.nodes.get(id), Some(Node::File(_))));
        found.ok_or_else(|| not_found(path))
    }

    pub(super) fn inode(&self, id: NodeId) -> Option<&Inode> {
        self.nodes.get(&id).and_then(|n| if let Node::File(inode) = n { Some(inode) } else { None })
    }

    pub(super) fn inode_mut(&mut self, id: NodeId) -> io::Result<&mut Inode> {
        match self.nodes.get_mut(&id) {
            Some(Node::File(inode)) => Ok(inode),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn dir(&self, id: NodeId) -> Option<&Dir> {
        self.nodes.get(&id).and_then(|n| if let Node::Dir(dir) = n { Some(dir) } else { None })
    }

    pub(super) fn dir_at(&mut self, path: &Path) -> io::Result<&mut Dir> {
        match self.find(path).and_then(|id| self.nodes.get_mut(&id)) {
            Some(Node::Dir(dir)) => Ok(dir),
            _ => Err(not_found(path)),
        }
    }

    pub(super) fn list(&mut self, path: &Path) -> io::Result<Vec<String>> {
        Ok(self.dir_at(path)?.live.keys().cloned().collect())
    }

    pub(super) fn stat(&self, path: &Path) -> io::Result<Stat> {
        match self.find(path).and_then(|id| self.nodes.get(&id)) {
            Some(Node::File(inode)) => Ok(Stat { kind: FileKind::File, len: inode.data.len() as u64 }),
            Some(Node::Dir(_)) => Ok(Stat { kind: FileKind::Dir, len: 0 }),
            None => Err(not_found(path)),
        }
    }

    fn parent(&mut self, path: &Path) -> io::Result<(&mut Dir, String)> {
        let name = path.file_name().ok_or_else(|| not_found(path))?.to_string_lossy().into_owned();
        Ok((self.dir_at(path.parent().unwrap_or(Path::new("")))?, name))
    }

    fn add(&mut self, node: Node) -> NodeId {
        let id = self.next;
        self.next += 1;
        self.nodes.insert(id, node);
        id
    }

    pub(super) fn create_file(&mut self, path: &Path) -> io::Result<NodeId> {
        self.parent(path)?;
        let id = self.add(Node::File(Inode::default()));
        let (dir, name) = self.parent(path)?;
        dir.live.insert(name, id);
        Ok(id)
    }

    pub(super) fn create_dirs(&mut self, path: &Path) -> io::Result<()> {
        let mut at = ROOT;
        for name in steps(path) {
            at = self.child_dir(at, &name.to_string_lossy()).ok_or_else(|| already_exists(path))?;
        }
        Ok(())
    }

    /// The directory `name` in `at`, made when missing; `None` when a file has the name.
    fn child_dir(&mut self, at: NodeId, name: &str) -> Option<NodeId> {
        if let Some(id) = self.dir(at)?.live.get(name).copied() {
            return self.dir(id).map(|_| id);
        }
        let id = self.add(Node::Dir(Dir::default()));
        if let Some(Node::Dir(dir)) = self.nodes.get_mut(&at) {
            dir.live.insert(name.to_owned(), id);
        }
        Some(id)
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let id = self.find(from).ok_or_else(|| not_found(from))?;
        let moves_a_dir = self.dir(id).is_some();
        if moves_a_dir && to.starts_with(from) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let taken = self.find(to);
        if taken.is_some_and(|there| moves_a_dir || self.dir(there).is_some()) {
            return Err(already_exists(to));
        }
        self.parent(to)?;
        let (dir, name) = self.parent(from)?;
        dir.live.remove(&name);
        let (dir, name) = self.parent(to)?;
        dir.live.insert(name, id);
        Ok(())
    }

    pub(super) fn link(&mut self, existing: &Path, link: &Path) -> io::Result<()> {
        let id = self.file(existing)?;
        if self.find(link).is_some() {
            return Err(already_exists(link));
        }
        let (dir, name) = self.parent(link)?;
        dir.live.insert(name, id);
        Ok(())
    }

    pub(super) fn remove_file(&mut self, path: &Path) -> io::Result<()> {
        self.file(path)?;
        let (dir, name) = self.parent(path)?;
        dir.live.remove(&name);
        Ok(())
    }

    /// Removes at most `most` names in and below `path`, and `path` itself once it is empty.
    pub(super) fn remove_dir(&mut self, path: &Path, most: usize) -> io::Result<()> {
        self.dir_at(path)?;
        let mut doomed = Vec::new();
        self.names_below(path, &mut doomed);
        for (dir, name) in doomed.into_iter().take(most) {
            if let Some(Node::Dir(dir)) = self.nodes.get_mut(&dir) {
                dir.live.remove(&name);
            }
        }
        Ok(())
    }

    /// The names of a directory's tree, each after those below it, its own last.
    fn names_below(&mut self, path: &Path, out: &mut Vec<(NodeId, String)>) {
        for name in self.list(path).unwrap_or_default() {
            let child = path.join(&name);
            if self.dir_at(&child).is_ok() {
                self.names_below(&child, out);
            } else if let Some(dir) = self.find(path) {
                out.push((dir, name));
            }
        }
        let parent = path.parent().and_then(|p| self.find(p));
        if let (Some(dir), Some(name)) = (parent, path.file_name()) {
            out.push((dir, name.to_string_lossy().into_owned()));
        }
    }

    pub(super) fn used_bytes(&self) -> usize {
        reachable(&self.nodes, |dir| &dir.live).iter().filter_map(|id| self.inode(*id)).map(|i| i.data.len()).sum()
    }

    /// Makes `path` a synced file in synced directories.
    pub(super) fn put(&mut self, path: &Path, data: Vec<u8>) -> io::Result<()> {
        let dirs = path.parent().unwrap_or(Path::new(""));
        self.create_dirs(dirs)?;
        let id = self.add(Node::File(Inode::synced(data)));
        let (dir, name) = self.parent(path)?;
        dir.live.insert(name, id);
        for link in path.ancestors().filter(|p| p.file_name().is_some()) {
            let id = self.find(link).ok_or_else(|| not_found(link))?;
            let (dir, name) = self.parent(link)?;
            dir.durable.insert(name, id);
        }
        Ok(())
    }
}

fn steps(path: &Path) -> impl Iterator<Item = &OsStr> {
    path.components().filter_map(|c| if let Component::Normal(name) = c { Some(name) } else { None })
}

/// The nodes that have a path from the root.
pub(super) fn reachable(nodes: &BTreeMap<NodeId, Node>, names: impl Fn(&Dir) -> &Entries) -> BTreeSet<NodeId> {
    let mut found = BTreeSet::from([ROOT]);
    let mut pending = vec![ROOT];
    while let Some(id) = pending.pop() {
        let Some(Node::Dir(dir)) = nodes.get(&id) else { continue };
        pending.extend(names(dir).values().copied().filter(|id| found.insert(*id)));
    }
    found
}
