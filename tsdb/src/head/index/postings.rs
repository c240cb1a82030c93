//! Postings: label pair to series.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use promethium_model::{Symbol, Symbols};
use roaring::RoaringBitmap;

use super::values::LabelValues;

/// From label names to their values to series ids.
#[derive(Default)]
pub(super) struct Postings {
    all: RoaringBitmap,
    names: HashMap<Symbol, LabelValues, FixedState>,
}

impl Postings {
    /// Adds a series, whose id is greater than all so far.
    pub(super) fn insert(&mut self, id: u32, labels: &[(Symbol, Symbol)], symbols: &Symbols) {
        self.all.insert(id);
        for (name, value) in labels {
            self.names.entry(*name).or_default().insert(id, *value, symbols);
        }
    }

    pub(super) fn all(&self) -> &RoaringBitmap {
        &self.all
    }

    pub(super) fn values(&self, name: Symbol) -> Option<&LabelValues> {
        self.names.get(&name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = Symbol> {
        self.names.keys().copied()
    }
}
