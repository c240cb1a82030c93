//! What makes a block, or a head, large: Prometheus' `/api/v1/status/tsdb`.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use promethium_model::labels::METRIC_NAME;

use crate::block::Block;
use crate::error::BlockError;

/// A name and its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranked {
    /// The metric, the label, or `label=value`.
    pub name: String,
    /// The number, by which lists are sorted, largest first.
    pub count: u64,
}

/// The largest of everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cardinality {
    /// Series.
    pub series: u64,
    /// Distinct names and values.
    pub label_pairs: u64,
    /// Series of each metric.
    pub series_by_metric: Vec<Ranked>,
    /// Values of each label.
    pub values_by_label: Vec<Ranked>,
    /// Bytes of a label's values, each counted once for each series that has it.
    pub bytes_by_label: Vec<Ranked>,
    /// Series of each label pair.
    pub series_by_pair: Vec<Ranked>,
}

/// Counts label pairs, which come by name, into a [`Cardinality`]. Memory is that of the result.
#[derive(Debug)]
pub struct CardinalityCounter {
    found: Cardinality,
    label: String,
    values: u64,
    bytes: u64,
    series_by_metric: Largest,
    values_by_label: Largest,
    bytes_by_label: Largest,
    series_by_pair: Largest,
}

impl CardinalityCounter {
    /// Keeps the `top` largest of each list. All of one block's or head's `series` are counted.
    #[must_use]
    pub fn new(series: u64, top: usize) -> Self {
        CardinalityCounter {
            found: Cardinality { series, ..Cardinality::default() },
            label: String::new(),
            values: 0,
            bytes: 0,
            series_by_metric: Largest::new(top),
            values_by_label: Largest::new(top),
            bytes_by_label: Largest::new(top),
            series_by_pair: Largest::new(top),
        }
    }

    /// Counts the `series` that have a label pair. All values of a name come before the next name.
    pub fn add(&mut self, name: &str, value: &str, series: u64) {
        if name != self.label {
            self.end_label();
            name.clone_into(&mut self.label);
        }
        self.found.label_pairs += 1;
        self.values += 1;
        self.bytes += value.len() as u64 * series;
        if name == METRIC_NAME {
            self.series_by_metric.offer(series, || value.to_owned());
        }
        self.series_by_pair.offer(series, || format!("{name}={value}"));
    }

    fn end_label(&mut self) {
        if self.values > 0 {
            self.values_by_label.offer(self.values, || self.label.clone());
            self.bytes_by_label.offer(self.bytes, || self.label.clone());
        }
        (self.values, self.bytes) = (0, 0);
    }

    /// The result.
    #[must_use]
    pub fn finish(mut self) -> Cardinality {
        self.end_label();
        self.found.series_by_metric = self.series_by_metric.sorted();
        self.found.values_by_label = self.values_by_label.sorted();
        self.found.bytes_by_label = self.bytes_by_label.sorted();
        self.found.series_by_pair = self.series_by_pair.sorted();
        self.found
    }
}

/// The largest few; of equals the first by name.
#[derive(Debug)]
struct Largest {
    top: usize,
    /// The least on top.
    kept: BinaryHeap<(Reverse<u64>, String)>,
}

impl Largest {
    fn new(top: usize) -> Self {
        Largest { top, kept: BinaryHeap::new() }
    }

    fn offer(&mut self, count: u64, name: impl FnOnce() -> String) {
        let is_full = self.kept.len() >= self.top;
        if is_full && self.kept.peek().is_none_or(|(Reverse(least), _)| *least > count) {
            return;
        }
        self.kept.push((Reverse(count), name()));
        if is_full {
            self.kept.pop();
        }
    }

    fn sorted(self) -> Vec<Ranked> {
        let sorted = self.kept.into_sorted_vec();
        sorted.into_iter().map(|(Reverse(count), name)| Ranked { name, count }).collect()
    }
}

impl Block {
    /// What makes the block large; the `top` largest of each list. Series are not read.
    ///
    /// # Errors
    ///
    /// [`BlockError`] where nothing is left to read.
    pub fn cardinality(&self, top: usize) -> Result<Cardinality, BlockError> {
        let mut counter = CardinalityCounter::new(self.index.all_ids()?.len() as u64, top);
        for name in self.index.names()? {
            for value in self.index.values_from(name, "")? {
                counter.add(name, value.value, self.index.ids_of(name, &value)?.len() as u64);
            }
        }
        Ok(counter.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_are_kept_and_sorted() {
        let mut counter = CardinalityCounter::new(30, 2);
        for (name, value, series) in
            [("__name__", "a", 10), ("__name__", "b", 5), ("__name__", "c", 15), ("job", "x", 30), ("pod", "long", 1)]
        {
            counter.add(name, value, series);
        }
        let found = counter.finish();
        let pairs = |list: &[Ranked]| list.iter().map(|r| (r.name.clone(), r.count)).collect::<Vec<_>>();
        let ranked = |rows: &[(&str, u64)]| rows.iter().map(|(n, c)| ((*n).to_owned(), *c)).collect::<Vec<_>>();
        assert_eq!((found.series, found.label_pairs), (30, 5));
        assert_eq!(pairs(&found.series_by_metric), ranked(&[("c", 15), ("a", 10)]));
        assert_eq!(pairs(&found.values_by_label), ranked(&[("__name__", 3), ("job", 1)]));
        assert_eq!(pairs(&found.bytes_by_label), ranked(&[("__name__", 30), ("job", 30)]));
        assert_eq!(pairs(&found.series_by_pair), ranked(&[("job=x", 30), ("__name__=c", 15)]));
    }
}
