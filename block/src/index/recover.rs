//! What of a damaged index follows from the rest of it.

use std::collections::{BTreeMap, HashMap};

use super::table::PostingsTable;
use super::{Fault, Ids, Index, ListPlace, SeriesEntry, ValueList};
use crate::error::BlockError;

/// Postings lists made anew by walking all series.
pub(super) struct RebuiltPostings {
    all: Vec<u32>,
    by_name: BTreeMap<String, BTreeMap<String, Vec<u32>>>,
}

impl RebuiltPostings {
    pub(super) fn of(index: &Index) -> Result<Self, BlockError> {
        let mut all = Vec::new();
        let mut by_symbols: HashMap<(u32, u32), Vec<u32>> = HashMap::new();
        let mut entry = SeriesEntry::default();
        let mut walk = index.walk();
        while let Some(id) = walk.next(&mut entry)? {
            all.push(id);
            for label in &entry.labels {
                by_symbols.entry(*label).or_default().push(id);
            }
        }
        let mut by_name: BTreeMap<String, BTreeMap<String, Vec<u32>>> = BTreeMap::new();
        for ((name, value), ids) in by_symbols {
            if let Some((name, value)) = index.symbol(name)?.zip(index.symbol(value)?) {
                by_name.entry(name.to_owned()).or_default().insert(value.to_owned(), ids);
            }
        }
        Ok(RebuiltPostings { all, by_name })
    }

    pub(super) fn ids(&self, name: &str, value: &str) -> Ids<'_> {
        if name.is_empty() && value.is_empty() {
            return Ids::Native(&self.all);
        }
        self.by_name.get(name).and_then(|values| values.get(value)).map_or(Ids::NONE, |ids| Ids::Native(ids))
    }

    pub(super) fn values_from<'a>(&'a self, name: &str, from: &str) -> Box<dyn Iterator<Item = ValueList<'a>> + 'a> {
        let from = from.to_owned();
        let values = self.by_name.get(name).into_iter().flat_map(move |values| values.range(from.clone()..));
        Box::new(values.map(|(value, ids)| ValueList { value, list: ListPlace::Rebuilt(ids) }))
    }

    pub(super) fn value_count(&self, name: &str) -> usize {
        self.by_name.get(name).map_or(0, BTreeMap::len)
    }

    pub(super) fn pair_count(&self) -> usize {
        self.by_name.values().map(BTreeMap::len).sum()
    }

    pub(super) fn names(&self) -> Vec<&str> {
        self.by_name.keys().map(String::as_str).collect()
    }
}

/// The labels of all series, out of the postings lists: where the symbols are damaged.
pub(super) struct LabelsOfPostings {
    /// Sorted.
    pub(super) symbols: Vec<String>,
    by_series: HashMap<u32, Vec<(u32, u32)>>,
}

impl LabelsOfPostings {
    pub(super) fn read<'a>(
        file: &'a [u8],
        table: &'a PostingsTable,
        list_at: impl Fn(u64) -> Result<&'a [[u8; 4]], Fault>,
    ) -> Result<Self, Fault> {
        let entries = || table.names(file).flat_map(|name| table.values_from(file, name, b""));
        let mut symbols: Vec<String> = Vec::new();
        for entry in entries() {
            for text in [entry.name, entry.value] {
                let text = std::str::from_utf8(text).map_err(|_| Fault::new(entry.list, "a label is not UTF-8"))?;
                symbols.push(text.to_owned());
            }
        }
        symbols.sort_unstable();
        symbols.dedup();
        let ordinal = |text: &[u8]| symbols.binary_search_by(|s| s.as_bytes().cmp(text)).unwrap_or_default() as u32;
        let mut by_series: HashMap<u32, Vec<(u32, u32)>> = HashMap::new();
        // Names come sorted, so that the labels of a series do.
        for entry in entries().filter(|e| !e.name.is_empty()) {
            let label = (ordinal(entry.name), ordinal(entry.value));
            for id in list_at(entry.list)? {
                by_series.entry(u32::from_be_bytes(*id)).or_default().push(label);
            }
        }
        Ok(LabelsOfPostings { symbols, by_series })
    }

    /// The labels of a series that has so many.
    pub(super) fn of(&self, id: u32, count: usize) -> Option<&[(u32, u32)]> {
        self.by_series.get(&id).map(Vec::as_slice).filter(|labels| labels.len() == count)
    }
}
