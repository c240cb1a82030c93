//! Sets of series ids.

use std::ops::Range;

use roaring::RoaringBitmap;

/// A set of series ids. Most label values of a large head belong to one series: that case takes no heap.
#[derive(Clone, Debug)]
pub(super) enum IdSet {
    One(u32),
    Many(RoaringBitmap),
}

impl IdSet {
    pub(super) fn insert(&mut self, id: u32) {
        match self {
            IdSet::Many(ids) => drop(ids.insert(id)),
            IdSet::One(first) => {
                let mut ids = RoaringBitmap::new();
                ids.insert(*first);
                ids.insert(id);
                *self = IdSet::Many(ids);
            }
        }
    }

    /// The ids of a range that is not empty.
    pub(super) fn of_range(ids: Range<u32>) -> Self {
        let mut set = IdSet::One(ids.start);
        set.insert_range(ids.start + 1..ids.end);
        set
    }

    /// Adds ids.
    pub(super) fn insert_range(&mut self, ids: Range<u32>) {
        // Below that a set of ranges is not worth its while: one of ids takes as many bytes.
        const FEW: usize = 4;
        if ids.len() < FEW {
            return ids.into_iter().for_each(|id| self.insert(id));
        }
        match self {
            IdSet::Many(all) => drop(all.insert_range(ids)),
            IdSet::One(first) => {
                let mut all = RoaringBitmap::new();
                all.insert(*first);
                all.insert_range(ids);
                *self = IdSet::Many(all);
            }
        }
    }

    /// Takes the form that takes the least room.
    pub(super) fn optimize(&mut self) {
        if let IdSet::Many(ids) = self {
            ids.optimize();
        }
    }

    /// Removes an id; whether none is left.
    pub(super) fn remove(&mut self, id: u32) -> bool {
        match self {
            IdSet::One(one) => *one == id,
            IdSet::Many(ids) => {
                ids.remove(id);
                ids.is_empty()
            }
        }
    }

    pub(super) fn len(&self) -> u64 {
        match self {
            IdSet::One(_) => 1,
            IdSet::Many(ids) => ids.len(),
        }
    }

    pub(super) fn add_to(&self, out: &mut RoaringBitmap) {
        match self {
            IdSet::One(id) => drop(out.insert(*id)),
            IdSet::Many(ids) => *out |= ids,
        }
    }

    /// Adds the ids that are also in `within` to `out`.
    pub(super) fn add_common_to(&self, within: &RoaringBitmap, out: &mut RoaringBitmap) {
        match self {
            IdSet::One(id) if within.contains(*id) => drop(out.insert(*id)),
            IdSet::One(_) => {}
            IdSet::Many(ids) => *out |= ids & within,
        }
    }

    pub(super) fn subtract_from(&self, out: &mut RoaringBitmap) {
        match self {
            IdSet::One(id) => drop(out.remove(*id)),
            IdSet::Many(ids) => *out -= ids,
        }
    }

    /// Whether one of the ids that are also in `within` is accepted. Mostly the first one is.
    pub(super) fn any_within(&self, within: Option<&RoaringBitmap>, mut accept: impl FnMut(u32) -> bool) -> bool {
        let mut is_in = |id: u32| within.is_none_or(|w| w.contains(id)) && accept(id);
        match self {
            IdSet::One(id) => is_in(*id),
            IdSet::Many(ids) => ids.min().is_some_and(&mut is_in) || ids.iter().skip(1).any(is_in),
        }
    }
}
