//! Postings: label pair to series.

use std::collections::HashMap;
use std::ops::Range;

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
    /// Adds a series.
    pub(super) fn insert(&mut self, id: u32, labels: &[(Symbol, Symbol)], symbols: &Symbols) {
        self.all.insert(id);
        for (name, value) in labels {
            self.names.entry(*name).or_default().insert(id, *value, symbols);
        }
    }

    /// Adds series; their names and pairs come apart.
    pub(super) fn insert_series(&mut self, ids: Range<u32>) {
        self.all.insert_range(ids);
    }

    /// Adds series that have a name.
    pub(super) fn insert_names(&mut self, name: Symbol, ids: Range<u32>) {
        self.names.entry(name).or_default().insert_names(ids);
    }

    /// Adds series that have a label pair. [`Postings::settle`] ends a run of them.
    pub(super) fn insert_pairs(&mut self, name: Symbol, value: Symbol, ids: Range<u32>) {
        self.names.entry(name).or_default().insert_pairs(value, ids);
    }

    /// Puts in order what came in bulk.
    pub(super) fn settle(&mut self, symbols: &Symbols) {
        self.names.values_mut().for_each(|values| values.settle(symbols));
    }

    /// Removes a series. [`Postings::drop_empty`] ends a run of removals.
    pub(super) fn remove(&mut self, id: u32, labels: &[(Symbol, Symbol)]) {
        self.all.remove(id);
        for (name, value) in labels {
            if let Some(values) = self.names.get_mut(name) {
                values.remove(id, *value);
            }
        }
    }

    /// Forgets names and values that no series has any more.
    pub(super) fn drop_empty(&mut self, symbols: &Symbols) {
        self.names.retain(|_, values| !values.drop_empty(symbols));
    }

    /// Distinct label pairs and names.
    pub(super) fn pair_count(&self) -> usize {
        self.names.values().map(LabelValues::len).sum::<usize>() + self.names.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Symbol, &LabelValues)> {
        self.names.iter().map(|(name, values)| (*name, values))
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
