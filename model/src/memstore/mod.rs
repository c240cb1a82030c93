//! The smallest store that honours both storage seams: a sorted map behind a lock.
//!
//! For tests, for the promqltest runner, and as the model that real stores are compared with. It keeps floats,
//! histograms and start timestamps, and drops exemplars.

mod append;
mod read;
mod row;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::labels::Labels;
use crate::storage::{SampleBatch, SeriesRef};

/// Series in memory, without limits of its own, gone when dropped.
///
/// ```
/// use promethium_model::{AppendOptions, Appendable, Labels, MemStore, Matcher, Point, QueryableExt, SeriesKey, TimeRange};
/// let store = MemStore::new();
/// let up = Labels::from_pairs([("__name__", "up")]);
/// let mut tx = store.appender();
/// tx.append(SeriesKey::Labels(&up), Point::float(1_000, 1.0), &AppendOptions::default())?;
/// tx.commit()?;
/// let all = store.read_all(TimeRange::ALL, &[Matcher::equal("__name__", "up")])?;
/// assert_eq!(all[0].1.floats, [1.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct MemStore {
    // A querier holds on to the state that it was opened on; a commit then works on a copy.
    state: RwLock<Arc<State>>,
    references: AtomicU64,
}

#[derive(Debug, Default, Clone)]
struct State {
    by_labels: BTreeMap<Labels, usize>,
    by_reference: HashMap<SeriesRef, usize>,
    series: Vec<Series>,
}

#[derive(Debug, Clone)]
struct Series {
    labels: Labels,
    reference: SeriesRef,
    samples: Arc<SampleBatch>,
}

impl State {
    /// The position of a series, which is made when it is new. Whoever made it, `reference` names it from here on.
    fn get_or_create(&mut self, labels: &Labels, reference: SeriesRef) -> (usize, bool) {
        let next = self.series.len();
        let at = *self.by_labels.entry(labels.clone()).or_insert(next);
        self.by_reference.insert(reference, at);
        if at == next {
            self.series.push(Series { labels: labels.clone(), reference, samples: Arc::default() });
        }
        (at, at == next)
    }
}

impl MemStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of series.
    #[must_use]
    pub fn series_count(&self) -> usize {
        self.read().series.len()
    }

    /// Drops everything. References that were given out are unknown from here on.
    pub fn clear(&self) {
        *self.write() = Arc::default();
    }

    fn read(&self) -> RwLockReadGuard<'_, Arc<State>> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Arc<State>> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Point;
    use crate::storage::{AppendError, AppendOptions, Appendable, QueryableExt, SeriesKey, TimeRange};

    #[test]
    fn clearing_forgets_series_references_and_what_was_pending() {
        let store = MemStore::new();
        let up = Labels::from_pairs([("__name__", "up")]);
        let mut tx = store.appender();
        let first = tx.append(SeriesKey::Labels(&up), Point::float(1, 1.0), &AppendOptions::default()).unwrap().series;
        tx.commit().unwrap();
        let mut open = store.appender();
        open.append(SeriesKey::Ref(first), Point::float(2, 2.0), &AppendOptions::default()).unwrap();
        assert_eq!(store.series_count(), 1);
        store.clear();
        assert_eq!(open.commit().unwrap().dropped, 1);
        assert_eq!(store.series_count(), 0);
        let mut tx = store.appender();
        let gone = tx.append(SeriesKey::Ref(first), Point::float(3, 3.0), &AppendOptions::default());
        assert!(matches!(gone, Err(AppendError::UnknownReference { .. })));
        // A series of the same labels is a new one.
        let again = tx.append(SeriesKey::Labels(&up), Point::float(3, 3.0), &AppendOptions::default()).unwrap();
        assert!(again.created && again.series != first);
        tx.commit().unwrap();
        assert_eq!(store.read_all(TimeRange::ALL, &[]).unwrap()[0].1.timestamps, [3]);
    }
}
