//! Transactions of a [`MemStore`].

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::MemStore;
use super::row::Row;
use crate::labels::Labels;
use crate::sample::Point;
use crate::storage::{
    AppendError, AppendOptions, Appendable, Appended, Appender, CommitError, CommitStats, SeriesKey, SeriesRef,
};

impl Appendable for MemStore {
    fn appender(&self) -> Box<dyn Appender + '_> {
        Box::new(MemAppender {
            store: self,
            pending: Vec::new(),
            newest: HashMap::new(),
            created: BTreeMap::new(),
            own: HashMap::new(),
        })
    }
}

struct MemAppender<'s> {
    store: &'s MemStore,
    pending: Vec<(SeriesRef, Row)>,
    // The newest pending row of each series.
    newest: HashMap<SeriesRef, Row>,
    // Series that exist only once this transaction commits. References ascend, so this is the order of their appends.
    created: BTreeMap<SeriesRef, Labels>,
    own: HashMap<Labels, SeriesRef>,
}

impl MemAppender<'_> {
    /// The series that a key names, and whether it is new.
    fn resolve(&mut self, key: SeriesKey<'_>) -> Result<(SeriesRef, bool), AppendError> {
        match key {
            SeriesKey::Labels(labels) => self.by_labels(labels),
            SeriesKey::Ref(r) if self.knows(r) => Ok((r, false)),
            SeriesKey::Ref(r) => Err(AppendError::UnknownReference { reference: r.0 }),
            SeriesKey::RefOrLabels(r, _) if self.knows(r) => Ok((r, false)),
            SeriesKey::RefOrLabels(_, labels) => self.by_labels(labels),
        }
    }

    fn by_labels(&mut self, labels: &Labels) -> Result<(SeriesRef, bool), AppendError> {
        if labels.is_empty() {
            return Err(AppendError::EmptyLabels);
        }
        // What this transaction made comes first: another one may have committed the same labels meanwhile.
        if let Some(reference) = self.own.get(labels) {
            return Ok((*reference, false));
        }
        let state = self.store.read();
        if let Some(at) = state.by_labels.get(labels) {
            return Ok((state.series[*at].reference, false));
        }
        drop(state);
        let reference = SeriesRef(self.store.references.fetch_add(1, Ordering::Relaxed) + 1);
        self.created.insert(reference, labels.clone());
        self.own.insert(labels.clone(), reference);
        Ok((reference, true))
    }

    fn knows(&self, reference: SeriesRef) -> bool {
        self.created.contains_key(&reference) || self.store.read().by_reference.contains_key(&reference)
    }

    fn stored_newest(&self, reference: SeriesRef) -> Option<Row> {
        let state = self.store.read();
        let at = *state.by_reference.get(&reference)?;
        Row::newest_of(&state.series[at].samples)
    }
}

impl Appender for MemAppender<'_> {
    fn append(
        &mut self,
        key: SeriesKey<'_>,
        point: Point<'_>,
        options: &AppendOptions<'_>,
    ) -> Result<Appended, AppendError> {
        let row = Row::of(point)?;
        let (reference, created) = self.resolve(key)?;
        let is_new = match self.newest.get(&reference) {
            Some(newest) => row.follows(Some(newest))?,
            None => row.follows(self.stored_newest(reference).as_ref())?,
        };
        if is_new {
            self.newest.insert(reference, row.clone());
            self.pending.push((reference, row));
        }
        Ok(Appended::new(reference, created).with_dropped_exemplars(options.exemplars.len()))
    }

    fn commit(self: Box<Self>) -> Result<CommitStats, CommitError> {
        let mut shared = self.store.write();
        let state = Arc::make_mut(&mut shared);
        let mut stats = CommitStats::default();
        for (reference, labels) in &self.created {
            let (_, created) = state.get_or_create(labels, *reference);
            stats.series_created += usize::from(created);
        }
        for (reference, row) in self.pending {
            // Gone when the store was cleared meanwhile.
            let Some(at) = state.by_reference.get(&reference) else {
                stats.dropped += 1;
                continue;
            };
            let samples = Arc::make_mut(&mut state.series[*at].samples);
            match row.follows(Row::newest_of(samples).as_ref()) {
                Ok(true) => {
                    row.push_to(samples);
                    stats.samples += 1;
                }
                Ok(false) => stats.samples += 1,
                Err(_) => stats.dropped += 1,
            }
        }
        Ok(stats)
    }

    fn rollback(self: Box<Self>) {}
}
