//! What was found damaged, kept once each.

use std::collections::BTreeSet;

use parking_lot::Mutex;

use crate::error::Damage;

/// Findings that are kept in full; further ones are counted.
const MAX_KEPT: usize = 10_000;

/// The damage of one block that was met so far.
#[derive(Debug, Default)]
pub(crate) struct DamageLog {
    found: Mutex<Found>,
}

#[derive(Debug, Default)]
struct Found {
    kept: BTreeSet<Damage>,
    dropped: u64,
}

impl DamageLog {
    pub(crate) fn note(&self, damage: Damage) {
        let mut found = self.found.lock();
        if found.kept.len() < MAX_KEPT {
            found.kept.insert(damage);
        } else if !found.kept.contains(&damage) {
            found.dropped += 1;
        }
    }

    pub(crate) fn all(&self) -> Vec<Damage> {
        self.found.lock().kept.iter().cloned().collect()
    }

    pub(crate) fn count(&self) -> u64 {
        let found = self.found.lock();
        found.kept.len() as u64 + found.dropped
    }
}
