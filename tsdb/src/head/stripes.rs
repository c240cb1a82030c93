//! Series by labels, in stripes that are locked one by one.

use std::sync::Arc;

use hashbrown::HashTable;
use parking_lot::RwLock;

use super::directory::Directory;
use super::series::MemSeries;

// A power of two; many times the threads that append at once.
const STRIPES: usize = 256;
// Tables place by the low bits of a hash and tag by the highest seven: stripes go by bits between.
const STRIPE_SHIFT: u32 = 40;

/// A table over the series, split into stripes.
pub(crate) struct Stripes {
    by_hash: Box<[Stripe]>,
}

type Stripe = RwLock<HashTable<Arc<MemSeries>>>;

impl Stripes {
    pub(crate) fn new() -> Self {
        Stripes { by_hash: (0..STRIPES).map(|_| Stripe::default()).collect() }
    }

    pub(crate) fn by_hash(&self, hash: u64, same: impl Fn(&MemSeries) -> bool) -> Option<Arc<MemSeries>> {
        let stripe = stripe(&self.by_hash, hash >> STRIPE_SHIFT).read();
        stripe.find(hash, |s| s.hash == hash && same(s)).map(Arc::clone)
    }

    /// The series that `same` recognises, or the one that `make` makes; the flag says which. `None` when `make` does
    /// not want to. Both run under the stripe's lock.
    pub(crate) fn get_or_insert(
        &self,
        hash: u64,
        same: impl Fn(&MemSeries) -> bool,
        make: impl FnOnce() -> Option<Arc<MemSeries>>,
    ) -> Option<(Arc<MemSeries>, bool)> {
        let mut stripe = stripe(&self.by_hash, hash >> STRIPE_SHIFT).write();
        if let Some(found) = stripe.find(hash, |s| s.hash == hash && same(s)) {
            return Some((Arc::clone(found), false));
        }
        let made = make()?;
        stripe.insert_unique(hash, Arc::clone(&made), |s| s.hash);
        Some((made, true))
    }

    /// Removes a series that nobody holds but the tables, the index and the caller; whether it was removed.
    pub(crate) fn remove_unused(
        &self,
        series: &Arc<MemSeries>,
        directory: &Directory,
        is_unused: impl Fn(&MemSeries) -> bool,
    ) -> bool {
        const HOLDERS: usize = 4;
        let mut by_hash = stripe(&self.by_hash, series.hash >> STRIPE_SHIFT).write();
        if !directory.remove_if(series.reference, || Arc::strong_count(series) <= HOLDERS && is_unused(series)) {
            return false;
        }
        if let Ok(entry) = by_hash.find_entry(series.hash, |s| Arc::ptr_eq(s, series)) {
            entry.remove();
        }
        true
    }
}

fn stripe(stripes: &[Stripe], key: u64) -> &Stripe {
    &stripes[key as usize & (STRIPES - 1)]
}
