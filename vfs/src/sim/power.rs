//! What a power loss leaves.

use std::collections::{BTreeMap, BTreeSet};

use super::disk::Disk;
use super::rng::Rng;
use super::tree::{Dir, Entries, Inode, Node, NodeId, Tree, reachable};

const SECTOR: usize = 512;

impl Disk {
    pub(super) fn kill(&mut self) {
        self.epoch += 1;
        self.locked.clear();
        self.tree.forget_unnamed();
    }

    pub(super) fn restart(&mut self) {
        self.kill();
        self.fault = None;
        self.read_fault = None;
        self.power_is_off = false;
        self.tree.lose_names(&mut self.rng);
        self.tree.forget_unnamed();
        self.tree.lose_bytes(&mut self.rng);
    }
}

impl Tree {
    /// Each name whose directory was not synced since it changed is as it was or as it became.
    fn lose_names(&mut self, rng: &mut Rng) {
        let had_a_name = reachable(&self.nodes, |dir| &dir.live);
        for node in self.nodes.values_mut() {
            if let Node::Dir(dir) = node {
                // Until the end of this function, `live` is what is left and `durable` what was synced.
                dir.live = surviving_names(dir, rng);
            }
        }
        self.undo_half_moves_of_dirs(rng);
        self.undo_lost_renames(&had_a_name);
        for node in self.nodes.values_mut() {
            if let Node::Dir(dir) = node {
                dir.durable.clone_from(&dir.live);
            }
        }
    }

    /// A directory has one name: of two that are left after it moved, one goes.
    fn undo_half_moves_of_dirs(&mut self, rng: &mut Rng) {
        let mut places: BTreeMap<NodeId, Vec<(NodeId, String)>> = BTreeMap::new();
        for (at, node) in &self.nodes {
            let Node::Dir(dir) = node else { continue };
            for (name, id) in dir.live.iter().filter(|(_, id)| self.dir(**id).is_some()) {
                places.entry(*id).or_default().push((*at, name.clone()));
            }
        }
        for names in places.into_values().filter(|names| names.len() > 1) {
            let kept = rng.below(names.len());
            for (at, name) in names.into_iter().enumerate().filter(|(i, _)| *i != kept).map(|(_, place)| place) {
                self.set_name(at, name, None);
            }
        }
    }

    /// A rename happened or did not: what has a name before and after has one of the two.
    fn undo_lost_renames(&mut self, had_a_name: &BTreeSet<NodeId>) {
        let synced: Vec<(NodeId, String, NodeId)> = self
            .nodes
            .iter()
            .filter_map(|(at, node)| if let Node::Dir(dir) = node { Some((at, dir)) } else { None })
            .flat_map(|(at, dir)| dir.durable.iter().map(|(name, id)| (*at, name.clone(), *id)))
            .collect();
        for (at, name, id) in synced {
            let left = reachable(&self.nodes, |dir| &dir.live);
            if had_a_name.contains(&id) && !left.contains(&id) && left.contains(&at) {
                self.set_name(at, name, Some(id));
            }
        }
    }

    fn set_name(&mut self, at: NodeId, name: String, id: Option<NodeId>) {
        if let Some(Node::Dir(dir)) = self.nodes.get_mut(&at) {
            match id {
                Some(id) => drop(dir.live.insert(name, id)),
                None => drop(dir.live.remove(&name)),
            }
        }
    }

    fn forget_unnamed(&mut self) {
        let live = reachable(&self.nodes, |dir| &dir.live);
        let durable = reachable(&self.nodes, |dir| &dir.durable);
        // What is durable below a directory that only lives, and the other way round, counts as well.
        let either: BTreeSet<NodeId> = self.named_either_way(&live.union(&durable).copied().collect());
        self.nodes.retain(|id, _| either.contains(id));
    }

    fn named_either_way(&self, roots: &BTreeSet<NodeId>) -> BTreeSet<NodeId> {
        let mut found = roots.clone();
        let mut pending: Vec<NodeId> = roots.iter().copied().collect();
        while let Some(id) = pending.pop() {
            let Some(dir) = self.dir(id) else { continue };
            pending.extend(dir.live.values().chain(dir.durable.values()).copied().filter(|id| found.insert(*id)));
        }
        found
    }

    fn lose_bytes(&mut self, rng: &mut Rng) {
        for node in self.nodes.values_mut() {
            if let Node::File(inode) = node {
                *inode = Inode::synced(surviving_bytes(inode, rng));
            }
        }
    }
}

fn surviving_names(dir: &Dir, rng: &mut Rng) -> Entries {
    let names: BTreeSet<&String> = dir.live.keys().chain(dir.durable.keys()).collect();
    let mut kept = Entries::new();
    for name in names {
        let (new, old) = (dir.live.get(name), dir.durable.get(name));
        let survivor = if new == old || rng.coin() { new } else { old };
        if let Some(id) = survivor {
            kept.insert(name.clone(), *id);
        }
    }
    kept
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
