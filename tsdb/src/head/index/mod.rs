//! Symbols, series by id, and postings: what answers matchers.

mod id_set;
mod label_store;
mod like_before;
mod matching;
mod postings;
mod runs;
mod values;

use std::sync::Arc;

use promethium_model::{Labels, Symbol, Symbols};

use super::neighbours::Neighbours;
use super::series::MemSeries;
use label_store::LabelStore;
use like_before::LikeBefore;
use postings::Postings;
use runs::OpenRuns;

// Below this many symbols nothing is worth a rebuild.
const MIN_SYMBOLS_TO_REBUILD: usize = 4096;

/// The index of the head. Ids are dense; those of series that went are given out again.
#[derive(Default)]
pub(crate) struct HeadIndex {
    symbols: Symbols,
    series: Vec<Option<Arc<MemSeries>>>,
    free: Vec<u32>,
    labels: LabelStore,
    postings: Postings,
    /// What the postings lack yet of series that came in bulk.
    runs: OpenRuns,
    /// The labels of the series before.
    before: LikeBefore,
    /// Memory for the labels of the next one.
    pairs: Vec<(Symbol, Symbol)>,
    /// How often series were removed: ids that were found before the last time may be others' now.
    removals: u64,
}

/// A series, and its labels as positions in a list of texts.
pub(crate) type SeriesWithPositions = (Box<[(u32, u32)]>, Arc<MemSeries>);

/// The labels of a series as text.
#[derive(Clone)]
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

/// A series that is not in the index yet.
pub(crate) struct NewSeries {
    pub(crate) reference: u64,
    pub(crate) hash: u64,
    pub(crate) neighbours: Arc<Neighbours>,
}

impl HeadIndex {
    /// Adds a series, whose labels are in the order of their names.
    pub(crate) fn insert<'l>(
        &mut self,
        new: NewSeries,
        labels: impl Iterator<Item = (&'l str, &'l str)>,
    ) -> Arc<MemSeries> {
        let mut pairs = std::mem::take(&mut self.pairs);
        self.before.intern(labels, &mut self.symbols, &mut pairs);
        let series = self.place_new(new, &pairs);
        self.postings.insert(series.id, &pairs, &self.symbols);
        self.pairs = pairs;
        series
    }

    /// As [`HeadIndex::insert`], of many that come together: nobody may ask for them before [`HeadIndex::settle`].
    pub(crate) fn insert_in_bulk<'l>(
        &mut self,
        new: NewSeries,
        labels: impl Iterator<Item = (&'l str, &'l str)>,
    ) -> Arc<MemSeries> {
        let mut pairs = std::mem::take(&mut self.pairs);
        self.before.intern(labels, &mut self.symbols, &mut pairs);
        let series = self.insert_interned_in_bulk(new, &pairs);
        self.pairs = pairs;
        series
    }

    /// As [`HeadIndex::insert_in_bulk`], with labels whose symbols are known.
    pub(crate) fn insert_interned_in_bulk(&mut self, new: NewSeries, pairs: &[(Symbol, Symbol)]) -> Arc<MemSeries> {
        let series = self.place_new(new, pairs);
        self.runs.go_on(series.id, pairs, &mut self.postings);
        series
    }

    /// Lets the series that came in bulk be found by their labels.
    pub(crate) fn settle(&mut self) {
        self.runs.end(&mut self.postings);
        self.postings.settle(&self.symbols);
    }

    /// The symbol of a name or value. It stays what it is until series are removed.
    pub(crate) fn symbol(&mut self, text: &str) -> Symbol {
        self.symbols.intern(text)
    }

    fn free_id(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.series.push(None);
            u32::try_from(self.series.len() - 1).expect("the series limit is far below 2^32")
        })
    }

    /// Gives a series its place, postings apart.
    fn place_new(&mut self, new: NewSeries, pairs: &[(Symbol, Symbol)]) -> Arc<MemSeries> {
        let id = self.free_id();
        let series = Arc::new(MemSeries::new(new.reference, new.hash, id, new.neighbours));
        self.labels.set(id, pairs);
        self.series[id as usize] = Some(Arc::clone(&series));
        series
    }

    /// Removes series. Their ids go to series that come later.
    pub(crate) fn remove(&mut self, gone: &[Arc<MemSeries>]) {
        self.settle();
        for series in gone {
            let id = series.id;
            if self.holds(series) {
                self.postings.remove(id, self.labels.get(id));
                self.labels.clear(id);
                self.series[id as usize] = None;
                self.free.push(id);
            }
        }
        self.removals += 1;
        self.postings.drop_empty(&self.symbols);
        if self.is_mostly_garbage() {
            self.rebuild();
        }
    }

    /// Whether most symbols name nothing that is still there.
    fn is_mostly_garbage(&self) -> bool {
        let symbols = self.symbols.len();
        symbols >= MIN_SYMBOLS_TO_REBUILD && symbols > 2 * self.postings.pair_count()
    }

    /// Makes symbols and postings anew from the series that are there, which keep their ids.
    fn rebuild(&mut self) {
        let old = std::mem::take(self);
        self.removals = old.removals;
        self.series = vec![None; old.series.len()];
        self.free.clone_from(&old.free);
        for (id, series) in old.series.iter().enumerate() {
            let Some(series) = series else { continue };
            let old_pairs = old.labels.get(id as u32);
            let pairs: Vec<_> = old_pairs
                .iter()
                .map(|(n, v)| {
                    (self.symbols.intern(old.symbols.resolve(*n)), self.symbols.intern(old.symbols.resolve(*v)))
                })
                .collect();
            self.postings.insert(id as u32, &pairs, &self.symbols);
            self.labels.set(id as u32, &pairs);
            self.series[id] = Some(Arc::clone(series));
        }
    }

    pub(crate) fn removals(&self) -> u64 {
        self.removals
    }

    pub(crate) fn symbol_bytes(&self) -> usize {
        self.symbols.text_bytes()
    }

    pub(crate) fn label_pairs<'a>(&'a self, series: &MemSeries) -> LabelPairs<'a> {
        LabelPairs { symbols: &self.symbols, pairs: self.labels.get(series.id).iter() }
    }

    pub(crate) fn labels(&self, series: &MemSeries) -> Labels {
        Labels::from_sorted_pairs(self.label_pairs(series))
    }

    pub(crate) fn has_labels<'l>(
        &self,
        series: &MemSeries,
        mut labels: impl Iterator<Item = (&'l str, &'l str)>,
    ) -> bool {
        let is_alike = self.label_pairs(series).all(|pair| labels.next().is_some_and(|other| other == pair));
        is_alike && labels.next().is_none()
    }

    /// All label names, sorted.
    pub(crate) fn label_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.postings.names().map(|name| self.symbols.resolve(name)).collect();
        names.sort_unstable();
        names
    }

    /// The series with an id.
    pub(crate) fn get(&self, id: u32) -> Option<&Arc<MemSeries>> {
        self.series.get(id as usize)?.as_ref()
    }

    /// Calls `each` with every label name, and its values with the number of series that have them.
    pub(crate) fn each_name(&self, mut each: impl FnMut(&str, &mut dyn Iterator<Item = (&str, u64)>)) {
        for (name, values) in self.postings.iter() {
            let mut values = values.iter().map(|(value, ids)| (self.symbols.resolve(value), ids.len()));
            each(self.symbols.resolve(name), &mut values);
        }
    }

    /// All texts that labels of some series have, sorted, `""` among them, and these series with their labels as positions in
    /// that.
    pub(crate) fn sorted_symbols(&self, keep: impl Fn(&MemSeries) -> bool) -> (Vec<String>, Vec<SeriesWithPositions>) {
        let mut used = vec![false; self.symbols.len()];
        for series in self.all_series().filter(|s| keep(s)) {
            for (name, value) in self.labels.get(series.id) {
                used[name.0 as usize] = true;
                used[value.0 as usize] = true;
            }
        }
        let mut order: Vec<u32> = (0..used.len() as u32).filter(|symbol| used[*symbol as usize]).collect();
        order.sort_unstable_by(|a, b| self.symbols.resolve(Symbol(*a)).cmp(self.symbols.resolve(Symbol(*b))));
        let mut positions = vec![0_u32; used.len()];
        for (i, symbol) in order.iter().enumerate() {
            positions[*symbol as usize] = i as u32 + 1;
        }
        let texts = order.iter().map(|symbol| self.symbols.resolve(Symbol(*symbol)).to_owned());
        let at = |symbol: &Symbol| positions[symbol.0 as usize];
        let series = self.all_series().filter(|s| keep(s)).map(|s| {
            let pairs = self.labels.get(s.id).iter().map(|(name, value)| (at(name), at(value))).collect();
            (pairs, Arc::clone(s))
        });
        (std::iter::once(String::new()).chain(texts).collect(), series.collect())
    }

    /// Whether a series is (still) in the index.
    pub(crate) fn holds(&self, series: &MemSeries) -> bool {
        self.get(series.id).is_some_and(|s| std::ptr::eq(&raw const **s, series))
    }

    /// All series, in the order of their ids.
    pub(crate) fn all_series(&self) -> impl Iterator<Item = &Arc<MemSeries>> {
        self.series.iter().flatten()
    }
}

#[cfg(test)]
mod tests;
