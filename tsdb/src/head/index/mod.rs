//! Symbols, series by id, and postings: what answers matchers.

mod id_set;
mod matching;
mod postings;
mod values;

use std::sync::Arc;

use promethium_model::{Labels, Symbol, Symbols};

use super::series::MemSeries;
use postings::Postings;

/// The index of the head. Ids are dense and count up.
#[derive(Default)]
pub(crate) struct HeadIndex {
    symbols: Symbols,
    series: Vec<Arc<MemSeries>>,
    postings: Postings,
}

/// The labels of a series as text.
pub(crate) struct LabelPairs<'a> {
    symbols: &'a Symbols,
    pairs: std::slice::Iter<'a, (Symbol, Symbol)>,
}

impl<'a> Iterator for LabelPairs<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = self.pairs.next()?;
        Some((self.symbols.resolve(*name), self.symbols.resolve(*value)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.pairs.size_hint()
    }
}

impl ExactSizeIterator for LabelPairs<'_> {}

impl HeadIndex {
    /// Adds a series that is not there yet.
    pub(crate) fn insert(&mut self, reference: u64, hash: u64, labels: &Labels) -> Arc<MemSeries> {
        let id = u32::try_from(self.series.len()).expect("the series limit is far below 2^32");
        let pairs: Box<[_]> =
            labels.iter().map(|(name, value)| (self.symbols.intern(name), self.symbols.intern(value))).collect();
        self.postings.insert(id, &pairs, &self.symbols);
        let series = Arc::new(MemSeries::new(reference, hash, pairs));
        self.series.push(Arc::clone(&series));
        series
    }

    pub(crate) fn symbol_bytes(&self) -> usize {
        self.symbols.text_bytes()
    }

    pub(crate) fn label_pairs<'a>(&'a self, series: &'a MemSeries) -> LabelPairs<'a> {
        LabelPairs { symbols: &self.symbols, pairs: series.labels.iter() }
    }

    pub(crate) fn labels(&self, series: &MemSeries) -> Labels {
        Labels::from_sorted_pairs(self.label_pairs(series))
    }

    pub(crate) fn has_labels(&self, series: &MemSeries, labels: &Labels) -> bool {
        self.label_pairs(series).eq(labels.iter())
    }

    /// All label names, sorted.
    pub(crate) fn label_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.postings.names().map(|name| self.symbols.resolve(name)).collect();
        names.sort_unstable();
        names
    }

    pub(crate) fn all_series(&self) -> &[Arc<MemSeries>] {
        &self.series
    }
}

#[cfg(test)]
mod tests;
