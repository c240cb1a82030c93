//! What is remembered of a target's series from scrape to scrape.

use std::collections::HashSet;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use promethium_model::{Labels, SeriesRef};

/// A series as exposed: two spellings of one stored series are two entries.
#[derive(Debug)]
pub(crate) struct CachedSeries {
    key: Box<[u8]>,
    pub(crate) labels: Labels,
    /// `None` until an append names a series that was committed before.
    pub(crate) reference: Option<SeriesRef>,
    /// The scrape that exposed it last.
    pub(crate) seen: u64,
    /// The scrape that last appended it for the staleness to follow.
    pub(crate) tracking: u64,
    /// Whether it is to be marked stale when it vanishes.
    pub(crate) live: bool,
}

/// The series of one target, by the bytes that name them in its page.
#[derive(Debug, Default)]
pub(crate) struct SeriesCache {
    series: Vec<CachedSeries>,
    by_key: HashTable<u32>,
    hasher: RandomState,
    /// Entries after the last good scrape.
    settled: usize,
}

// Failed scrapes may leave this many entries beyond twice those of the last good one.
const UNSETTLED_ENTRIES: usize = 1_000;

impl SeriesCache {
    /// The index of a series. Pages repeat in order, so `expected` is tried first.
    #[inline]
    pub(crate) fn find(&self, key: &[u8], expected: usize) -> Option<usize> {
        if self.series.get(expected).is_some_and(|entry| *entry.key == *key) {
            return Some(expected);
        }
        let series = &self.series;
        let same = |i: &u32| series.get(*i as usize).is_some_and(|entry| *entry.key == *key);
        self.by_key.find(self.hasher.hash_one(key), same).map(|i| *i as usize)
    }

    /// The bytes that name a series.
    #[inline]
    pub(crate) fn key(&self, index: usize) -> Option<&[u8]> {
        self.series.get(index).map(|entry| &*entry.key)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut CachedSeries> {
        self.series.get_mut(index)
    }

    /// Adds a series that the cache does not have; gives its index.
    pub(crate) fn insert(
        &mut self,
        key: &[u8],
        labels: Labels,
        reference: Option<SeriesRef>,
        (seen, tracking): (u64, u64),
    ) -> usize {
        let index = self.series.len();
        self.series.push(CachedSeries { key: key.into(), labels, reference, seen, tracking, live: false });
        self.index(index);
        index
    }

    fn index(&mut self, index: usize) {
        let (series, hasher) = (&self.series, &self.hasher);
        let hash = |i: usize| series.get(i).map_or(0, |entry| hasher.hash_one(&*entry.key));
        // A page has fewer series than bytes, and those are counted in 32 bits.
        self.by_key.insert_unique(hash(index), index as u32, |i| hash(*i as usize));
    }

    /// The live series that `scrape` did not expose, under whatever spelling.
    pub(crate) fn vanished(&self, scrape: u64) -> Vec<(Option<SeriesRef>, Labels)> {
        let mut gone: Vec<_> = self
            .series
            .iter()
            .filter(|e| e.live && e.tracking != scrape)
            .map(|e| (e.reference, e.labels.clone()))
            .collect();
        if gone.is_empty() {
            return gone;
        }
        let mut kept: HashSet<Labels, RandomState> =
            self.series.iter().filter(|e| e.tracking == scrape).map(|e| e.labels.clone()).collect();
        gone.retain(|(_, labels)| kept.insert(labels.clone()));
        gone
    }

    /// All live series.
    pub(crate) fn live(&self) -> Vec<(Option<SeriesRef>, Labels)> {
        self.vanished(u64::MAX)
    }

    /// After a good scrape: what it exposed is live. Where there was a body, what it did not expose is forgotten.
    pub(crate) fn settle(&mut self, scrape: u64, forget: bool) {
        for entry in &mut self.series {
            entry.live = entry.tracking == scrape;
        }
        if forget {
            self.retain_seen(scrape);
            self.settled = self.series.len();
        }
    }

    /// After a failed scrape: nothing is live.
    pub(crate) fn fail(&mut self, scrape: u64) {
        for entry in &mut self.series {
            entry.live = false;
        }
        if self.series.len() > self.settled.saturating_mul(2).saturating_add(UNSETTLED_ENTRIES) {
            self.retain_seen(scrape);
        }
    }

    fn retain_seen(&mut self, scrape: u64) {
        if self.series.iter().all(|entry| entry.seen == scrape) {
            return;
        }
        self.series.retain(|entry| entry.seen == scrape);
        self.by_key.clear();
        for index in 0..self.series.len() {
            self.index(index);
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.series.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(name: &str) -> Labels {
        Labels::from_pairs([("__name__", name)])
    }

    #[test]
    fn series_are_found_in_and_out_of_order() {
        let mut cache = SeriesCache::default();
        for (i, key) in ["a", "b", "c"].into_iter().enumerate() {
            assert_eq!(cache.find(key.as_bytes(), i), None);
            assert_eq!(cache.insert(key.as_bytes(), labels(key), None, (1, 1)), i);
        }
        assert_eq!(cache.find(b"b", 1), Some(1));
        assert_eq!(cache.find(b"b", 0), Some(1));
        assert_eq!(cache.find(b"b", 99), Some(1));
        assert_eq!(cache.find(b"d", 0), None);
    }

    #[test]
    fn what_is_not_exposed_vanishes_and_is_forgotten() {
        let mut cache = SeriesCache::default();
        for key in ["a", "b"] {
            cache.insert(key.as_bytes(), labels(key), None, (1, 1));
        }
        cache.settle(1, true);
        assert_eq!(cache.live().len(), 2);
        let entry = cache.get_mut(1).expect("b");
        (entry.seen, entry.tracking) = (2, 2);
        assert_eq!(cache.vanished(2), [(None, labels("a"))]);
        cache.settle(2, true);
        assert_eq!((cache.find(b"a", 0), cache.find(b"b", 1), cache.len()), (None, Some(0), 1));
    }

    #[test]
    fn another_spelling_is_the_same_series() {
        let mut cache = SeriesCache::default();
        cache.insert(b"a", labels("a"), None, (1, 1));
        cache.settle(1, true);
        cache.insert(b"a{}", labels("a"), None, (2, 2));
        assert_eq!(cache.vanished(2), []);
    }

    #[test]
    fn failed_scrapes_do_not_fill_the_cache() {
        let mut cache = SeriesCache::default();
        for scrape in 1..10 {
            for i in 0..600 {
                cache.insert(format!("{scrape}_{i}").as_bytes(), labels("a"), None, (scrape, scrape));
            }
            cache.fail(scrape);
            assert!(cache.len() <= UNSETTLED_ENTRIES);
        }
    }
}
