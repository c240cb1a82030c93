//! Exemplars: a ring that all series share, in which the newest overwrite the oldest.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use promethium_model::{
    Exemplar, ExemplarError, HeldBytes, Labels, Matcher, QueryCx, StorageError, TimeRange, matcher::all_match,
};

const NONE: u32 = u32::MAX;
// Series that are looked at between two looks at the query's deadline.
const SERIES_PER_CHECK: usize = 16;

/// Series with their exemplars, or why there are none.
type Selection = Result<Vec<(Labels, Vec<Exemplar>)>, StorageError>;

/// The ring. Entries of one series are linked in the order of their times.
pub(crate) struct ExemplarRing {
    capacity: usize,
    /// Milliseconds that an exemplar may lie behind its series' newest.
    window_ms: i64,
    entries: Vec<Entry>,
    next: usize,
    series: Vec<SeriesList>,
    free_series: Vec<u32>,
    by_labels: HashMap<Labels, u32, RandomState>,
}

struct Entry {
    series: u32,
    newer: u32,
    older: u32,
    labels: Labels,
    value: f64,
    timestamp_ms: i64,
}

struct SeriesList {
    labels: Labels,
    oldest: u32,
    newest: u32,
}

/// Where an exemplar goes in its series' list.
enum Place {
    /// Behind this entry, `NONE` for the very first.
    After(u32),
    /// It is there already.
    Known,
}

impl ExemplarRing {
    pub(crate) fn new(capacity: usize, window_ms: i64) -> Self {
        ExemplarRing {
            capacity,
            window_ms,
            entries: Vec::new(),
            next: 0,
            series: Vec::new(),
            free_series: Vec::new(),
            by_labels: HashMap::default(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether an exemplar at `timestamp_ms` may come to its series.
    pub(crate) fn check(&self, series: &Labels, exemplar: &Exemplar, timestamp_ms: i64) -> Result<(), ExemplarError> {
        exemplar.check_length()?;
        match self.place(series, exemplar, timestamp_ms)? {
            Place::Known => Err(ExemplarError::Duplicate),
            Place::After(_) => Ok(()),
        }
    }

    /// Adds an exemplar, or says why not.
    pub(crate) fn add(&mut self, series: &Labels, exemplar: &Exemplar, timestamp_ms: i64) -> Result<(), ExemplarError> {
        if self.capacity == 0 {
            return Err(ExemplarError::Disabled);
        }
        let Place::After(mut older) = self.place(series, exemplar, timestamp_ms)? else {
            return Err(ExemplarError::Duplicate);
        };
        let slot = self.next as u32;
        self.next = (self.next + 1) % self.capacity;
        if (slot as usize) < self.entries.len() {
            // What is overwritten may be the neighbour.
            if older == slot {
                older = self.entries[slot as usize].older;
            }
            self.unlink(slot);
        }
        let list = self.list_of(series);
        let entry = Entry {
            series: list,
            newer: NONE,
            older: NONE,
            labels: exemplar.labels.clone(),
            value: exemplar.value,
            timestamp_ms,
        };
        match self.entries.get_mut(slot as usize) {
            Some(old) => *old = entry,
            None => self.entries.push(entry),
        }
        self.link(slot, older);
        Ok(())
    }

    fn place(&self, series: &Labels, exemplar: &Exemplar, t_ms: i64) -> Result<Place, ExemplarError> {
        let Some(list) = self.by_labels.get(series) else { return Ok(Place::After(NONE)) };
        let newest = &self.entries[self.series[*list as usize].newest as usize];
        let key = |labels: &Labels, value: f64| (value, labels.hash());
        if t_ms == newest.timestamp_ms {
            if exemplar.labels == newest.labels && exemplar.value.to_bits() == newest.value.to_bits() {
                return Ok(Place::Known);
            }
            let (value, hash) = key(&exemplar.labels, exemplar.value);
            let (newest_value, newest_hash) = key(&newest.labels, newest.value);
            if value < newest_value || (value == newest_value && hash < newest_hash) {
                return Err(ExemplarError::OutOfOrder);
            }
        }
        if t_ms < newest.timestamp_ms && t_ms <= newest.timestamp_ms.saturating_sub(self.window_ms) {
            return Err(ExemplarError::OutOfOrder);
        }
        let mut at = self.series[*list as usize].newest;
        while at != NONE && self.entries[at as usize].timestamp_ms > t_ms {
            at = self.entries[at as usize].older;
        }
        let is_taken = t_ms < newest.timestamp_ms && at != NONE && self.entries[at as usize].timestamp_ms == t_ms;
        Ok(if is_taken { Place::Known } else { Place::After(at) })
    }

    fn list_of(&mut self, series: &Labels) -> u32 {
        if let Some(list) = self.by_labels.get(series) {
            return *list;
        }
        let new = SeriesList { labels: series.clone(), oldest: NONE, newest: NONE };
        let at = match self.free_series.pop() {
            Some(at) => {
                self.series[at as usize] = new;
                at
            }
            None => {
                self.series.push(new);
                self.series.len() as u32 - 1
            }
        };
        self.by_labels.insert(series.clone(), at);
        at
    }

    fn link(&mut self, slot: u32, older: u32) {
        let list = self.entries[slot as usize].series as usize;
        let newer = match older {
            NONE => std::mem::replace(&mut self.series[list].oldest, slot),
            older => std::mem::replace(&mut self.entries[older as usize].newer, slot),
        };
        match newer {
            NONE => self.series[list].newest = slot,
            newer => self.entries[newer as usize].older = slot,
        }
        let entry = &mut self.entries[slot as usize];
        (entry.older, entry.newer) = (older, newer);
    }

    /// Takes an entry out of its series' list. A series without entries goes.
    fn unlink(&mut self, slot: u32) {
        let Entry { series, newer, older, .. } = self.entries[slot as usize];
        match newer {
            NONE => self.series[series as usize].newest = older,
            newer => self.entries[newer as usize].older = older,
        }
        match older {
            NONE => self.series[series as usize].oldest = newer,
            older => self.entries[older as usize].newer = newer,
        }
        let list = &self.series[series as usize];
        if list.oldest == NONE {
            self.by_labels.remove(&list.labels);
            self.free_series.push(series);
        }
    }

    /// The exemplars of the series that any of the selectors accepts, by series in the order of labels, then by time.
    pub(crate) fn select(&self, range: TimeRange, selectors: &[Vec<Matcher>], cx: &QueryCx) -> Selection {
        let (mut held, mut pace) = (HeldBytes::new(cx), cx.pace(SERIES_PER_CHECK));
        let mut found = Vec::new();
        for (labels, list) in &self.by_labels {
            pace.done(1)?;
            if !selectors.iter().any(|matchers| all_match(matchers, labels)) {
                continue;
            }
            let exemplars = self.in_range(*list, range);
            if !exemplars.is_empty() {
                held.add(size_of::<(Labels, Vec<Exemplar>)>() + exemplars.len() * size_of::<Exemplar>())?;
                found.push((labels.clone(), exemplars));
            }
        }
        found.sort_by(|a: &(Labels, _), b| a.0.cmp(&b.0));
        Ok(found)
    }

    fn in_range(&self, list: u32, range: TimeRange) -> Vec<Exemplar> {
        let mut at = self.series[list as usize].oldest;
        let mut found = Vec::new();
        while let Some(entry) = self.entries.get(at as usize) {
            if range.contains(entry.timestamp_ms) {
                found.push(Exemplar {
                    labels: entry.labels.clone(),
                    value: entry.value,
                    timestamp_ms: Some(entry.timestamp_ms),
                });
            }
            at = entry.newer;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(n: usize) -> Labels {
        Labels::from_pairs([("__name__", "requests_total".to_owned()), ("n", n.to_string())])
    }

    fn exemplar(trace: &str, value: f64) -> Exemplar {
        Exemplar { labels: Labels::from_pairs([("trace_id", trace)]), value, timestamp_ms: None }
    }

    fn all(ring: &ExemplarRing, n: usize) -> Vec<(i64, f64)> {
        let found =
            ring.select(TimeRange::ALL, &[vec![Matcher::equal("n", n.to_string())]], &QueryCx::unlimited()).unwrap();
        found.into_iter().flat_map(|(_, e)| e).map(|e| (e.timestamp_ms.unwrap(), e.value)).collect()
    }

    #[test]
    fn rules_without_a_window() {
        let mut ring = ExemplarRing::new(10, 0);
        let mut add = |trace, value, t| match ring.add(&series(0), &exemplar(trace, value), t) {
            Ok(()) => String::new(),
            Err(error) => error.to_string(),
        };
        assert_eq!(add("a", 1.0, 100), "");
        assert_eq!(add("a", 1.0, 100), "duplicate exemplar");
        assert_eq!(add("a", 0.5, 100), "out of order exemplar");
        assert_eq!(add("a", 2.0, 100), "");
        assert_eq!(add("a", 2.0, 99), "out of order exemplar");
        let long = "x".repeat(121);
        assert_eq!(
            ring.check(&series(0), &exemplar(&long, 1.0), 200).unwrap_err().to_string(),
            "label length for exemplar exceeds maximum of 128 UTF-8 characters"
        );
        assert!(ring.check(&series(0), &exemplar(&long[1..], 1.0), 200).is_ok());
        assert_eq!(all(&ring, 0), [(100, 1.0), (100, 2.0)]);
    }

    #[test]
    fn inside_the_window_exemplars_find_their_place() {
        let mut ring = ExemplarRing::new(10, 50);
        for (value, t) in [(1.0, 100), (3.0, 120), (2.0, 110), (0.5, 80)] {
            ring.add(&series(1), &exemplar("a", value), t).unwrap();
        }
        assert_eq!(all(&ring, 1), [(80, 0.5), (100, 1.0), (110, 2.0), (120, 3.0)]);
        assert_eq!(ring.add(&series(1), &exemplar("b", 9.0), 110), Err(ExemplarError::Duplicate));
        assert_eq!(ring.add(&series(1), &exemplar("b", 9.0), 70), Err(ExemplarError::OutOfOrder));
        assert_eq!(ring.select(TimeRange::new(100, 115), &[vec![]], &QueryCx::unlimited()).unwrap()[0].1.len(), 2);
    }

    #[test]
    fn the_newest_overwrite_the_oldest() {
        let mut ring = ExemplarRing::new(7, 1_000);
        let mut model: std::collections::VecDeque<(usize, i64)> = Default::default();
        let mut state = 1_u64;
        for t in 0..500_i64 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (n, back) = ((state >> 60) as usize % 5, (state >> 40) as i64 % 4);
            if ring.add(&series(n), &exemplar("t", t as f64), t - back).is_ok() {
                model.push_back((n, t - back));
            }
            while model.len() > 7 {
                model.pop_front();
            }
            for n in 0..5 {
                let mut expected: Vec<i64> = model.iter().filter(|e| e.0 == n).map(|e| e.1).collect();
                expected.sort_unstable();
                assert_eq!(all(&ring, n).iter().map(|e| e.0).collect::<Vec<_>>(), expected, "step {t}, series {n}");
            }
        }
        assert_eq!(ring.len(), 7);
        assert!(ring.series.len() <= 8);
    }

    #[test]
    fn a_ring_of_size_zero_keeps_nothing() {
        let mut ring = ExemplarRing::new(0, 0);
        assert_eq!(ring.add(&series(0), &exemplar("a", 1.0), 1), Err(ExemplarError::Disabled));
    }
}
