//! Series of several sorted sets, those of equal labels as one.

use promethium_model::{Annotations, SampleCursor, SeriesEntry, SeriesSet, StorageError};

use super::merge_samples::MergeCursor;

/// A set whose series come in the order of their labels.
pub(crate) type Source<'q> = Box<dyn SeriesSet<'q> + 'q>;

/// The series of all sources, sorted; at most `limit` of them, 0 = all. At equal times the earlier source wins.
pub(crate) fn merge_series<'q>(sources: Vec<Source<'q>>, limit: usize) -> Box<dyn SeriesSet<'q> + 'q> {
    let sources = sources.into_iter().map(|set| Peeking { set, next: None, is_done: false, damage: None }).collect();
    Box::new(Merged { sources, left: if limit == 0 { usize::MAX } else { limit } })
}

struct Merged<'q> {
    sources: Vec<Peeking<'q>>,
    left: usize,
}

struct Peeking<'q> {
    set: Source<'q>,
    next: Option<SeriesEntry<'q>>,
    is_done: bool,
    /// Why there is no more of it than there should be.
    damage: Option<String>,
}

impl<'q> Peeking<'q> {
    fn fill(&mut self) -> Result<(), StorageError> {
        if self.next.is_none() && !self.is_done {
            self.next = match self.set.next_series() {
                Err(damage @ StorageError::Corrupt { .. }) => {
                    self.damage = Some(format!("data left out: {damage}"));
                    None
                }
                next => next?,
            };
            self.is_done = self.next.is_none();
        }
        Ok(())
    }
}

impl<'q> SeriesSet<'q> for Merged<'q> {
    fn next_series(&mut self) -> Result<Option<SeriesEntry<'q>>, StorageError> {
        if self.left == 0 {
            return Ok(None);
        }
        for source in &mut self.sources {
            source.fill()?;
        }
        let Some(labels) = self.sources.iter().filter_map(|s| s.next.as_ref()).map(|e| &e.labels).min().cloned() else {
            return Ok(None);
        };
        self.left -= 1;
        let same = self.sources.iter_mut().filter_map(|s| s.next.take_if(|entry| entry.labels == labels));
        let mut cursors: Vec<Box<dyn SampleCursor + 'q>> = same.map(|entry| entry.samples).collect();
        let samples = match cursors.len() {
            1 => cursors.remove(0),
            _ => Box::new(MergeCursor::new(cursors)),
        };
        Ok(Some(SeriesEntry { labels, samples }))
    }

    fn annotations(&self) -> Annotations {
        let mut all = Annotations::new();
        for source in &self.sources {
            all.merge(source.set.annotations());
            source.damage.iter().for_each(|damage| all.warn(damage.clone(), None));
        }
        all
    }
}
