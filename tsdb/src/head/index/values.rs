//! The values of one label name.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use foldhash::fast::FixedState;
use promethium_model::{Symbol, Symbols};
use roaring::RoaringBitmap;

use super::id_set::IdSet;

/// Who has a label, and with which value.
#[derive(Default)]
pub(super) struct LabelValues {
    /// All series that have the label.
    pub(super) having: RoaringBitmap,
    by_value: HashMap<Symbol, IdSet, FixedState>,
    /// Values in the order of their text, but for the newest.
    sorted: Vec<Symbol>,
    /// Newest values in the order of arrival: a small part of all, so that an insertion costs little.
    recent: Vec<Symbol>,
    has_empty: bool,
    /// Whether series came in bulk since the last [`LabelValues::settle`].
    is_unsettled: bool,
}

impl LabelValues {
    /// Adds a series.
    pub(super) fn insert(&mut self, id: u32, value: Symbol, symbols: &Symbols) {
        self.having.insert(id);
        if let Some(ids) = self.by_value.get_mut(&value) {
            ids.insert(id);
            return;
        }
        self.by_value.insert(value, IdSet::One(id));
        self.recent.push(value);
        if self.recent.len() > 64.max(self.sorted.len() / 4) {
            self.merge_recent(symbols);
        }
    }

    /// Adds series to those that have the label, whatever its value.
    pub(super) fn insert_names(&mut self, ids: Range<u32>) {
        self.having.insert_range(ids);
        self.is_unsettled = true;
    }

    /// Adds series to those that have a value. [`LabelValues::settle`] ends a run of them.
    pub(super) fn insert_pairs(&mut self, value: Symbol, ids: Range<u32>) {
        match self.by_value.entry(value) {
            Entry::Occupied(mut known) => known.get_mut().insert_range(ids),
            Entry::Vacant(new) => {
                new.insert(IdSet::of_range(ids));
                self.recent.push(value);
            }
        }
    }

    /// Puts in order what came in bulk: values sorted, sets in the form that takes the least room.
    pub(super) fn settle(&mut self, symbols: &Symbols) {
        if std::mem::take(&mut self.is_unsettled) {
            self.merge_recent(symbols);
            self.having.optimize();
            self.by_value.values_mut().for_each(IdSet::optimize);
        }
    }

    /// Removes a series. A value that nobody has any more stays listed until [`LabelValues::drop_empty`].
    pub(super) fn remove(&mut self, id: u32, value: Symbol) {
        self.having.remove(id);
        let is_last = self.by_value.get_mut(&value).is_some_and(|ids| ids.remove(id));
        if is_last {
            self.by_value.remove(&value);
            self.has_empty = true;
        }
    }

    /// Forgets values that nobody has; whether no value is left.
    pub(super) fn drop_empty(&mut self, symbols: &Symbols) -> bool {
        if std::mem::take(&mut self.has_empty) {
            let by_value = &self.by_value;
            self.sorted.retain(|v| by_value.contains_key(v));
            self.recent.retain(|v| by_value.contains_key(v));
            // A value that went and came again in between is listed twice.
            self.merge_recent(symbols);
            self.sorted.dedup();
            if self.by_value.capacity() > 4 * self.by_value.len() {
                self.by_value.shrink_to_fit();
                self.sorted.shrink_to_fit();
            }
        }
        self.by_value.is_empty()
    }

    /// All values, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Symbol, &IdSet)> {
        self.by_value.iter().map(|(value, ids)| (*value, ids))
    }

    fn merge_recent(&mut self, symbols: &Symbols) {
        self.sorted.append(&mut self.recent);
        // Two sorted-ish runs: the merge sort behind `sort_by` takes the first as it is.
        self.sorted.sort_by(|a, b| symbols.resolve(*a).cmp(symbols.resolve(*b)));
    }

    pub(super) fn get(&self, value: Symbol) -> Option<&IdSet> {
        self.by_value.get(&value)
    }

    /// Number of distinct values.
    pub(super) fn len(&self) -> usize {
        self.by_value.len()
    }

    /// The values that begin with `prefix`, with their series, in no order.
    pub(super) fn with_prefix<'a>(
        &'a self,
        prefix: &'a str,
        symbols: &'a Symbols,
    ) -> impl Iterator<Item = (&'a str, &'a IdSet)> {
        let start = self.sorted.partition_point(|v| symbols.resolve(*v) < prefix);
        let sorted = self.sorted[start..].iter().take_while(move |v| symbols.resolve(**v).starts_with(prefix));
        let recent = self.recent.iter().filter(move |v| symbols.resolve(**v).starts_with(prefix));
        sorted.chain(recent).map(move |v| (symbols.resolve(*v), &self.by_value[v]))
    }

    /// All values with their series, sorted.
    pub(super) fn sorted<'a>(&'a self, symbols: &'a Symbols) -> impl Iterator<Item = (&'a str, &'a IdSet)> {
        let mut recent = self.recent.clone();
        recent.sort_unstable_by(|a, b| symbols.resolve(*a).cmp(symbols.resolve(*b)));
        let mut recent = recent.into_iter().peekable();
        let mut sorted = self.sorted.iter().copied().peekable();
        std::iter::from_fn(move || {
            let take_recent = match (sorted.peek(), recent.peek()) {
                (Some(s), Some(r)) => symbols.resolve(*r) < symbols.resolve(*s),
                (None, Some(_)) => true,
                _ => false,
            };
            let value = if take_recent { recent.next()? } else { sorted.next()? };
            Some((symbols.resolve(value), &self.by_value[&value]))
        })
    }
}
