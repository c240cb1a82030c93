//! Exemplars beside a sample.

use promethium_model::{Exemplar as StoredExemplar, LabelsBuilder};

use crate::error::DecodeError;
use crate::event::RawLabel;
use crate::series::{Labels, push_checked};

#[derive(Clone, Copy, Debug)]
struct RawExemplar {
    /// Its labels end here in the list of all; they start where those of its predecessor end.
    labels_end: usize,
    value: f64,
    timestamp_ms: Option<i64>,
}

/// The exemplars of one sample; all labels in one list, so that nothing is allocated anew for each.
#[derive(Clone, Debug, Default)]
pub(crate) struct ExemplarList<'a> {
    exemplars: Vec<RawExemplar>,
    pub(crate) labels: Vec<RawLabel<'a>>,
}

impl<'a> ExemplarList<'a> {
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.exemplars.clear();
        self.labels.clear();
    }

    /// Ends an exemplar, whose labels were pushed before.
    pub(crate) fn finish(&mut self, value: f64, timestamp_ms: Option<i64>) {
        self.exemplars.push(RawExemplar { labels_end: self.labels.len(), value, timestamp_ms });
    }

    /// Adds those of `other` for which `keep` holds.
    pub(crate) fn extend(&mut self, other: &ExemplarList<'a>, keep: impl Fn(&Exemplar<'_, 'a>) -> bool) {
        for exemplar in other.iter().filter(|e| keep(e)) {
            self.labels.extend_from_slice(exemplar.labels);
            self.finish(exemplar.value, exemplar.timestamp_ms);
        }
    }

    pub(crate) fn iter(&self) -> Exemplars<'_, 'a> {
        Exemplars { exemplars: self.exemplars.iter(), labels: &self.labels, taken: 0 }
    }
}

/// One observation that stands for many.
#[derive(Clone, Copy, Debug)]
pub struct Exemplar<'d, 'a> {
    pub(crate) labels: &'d [RawLabel<'a>],
    /// The observed value.
    pub value: f64,
    /// Milliseconds since the epoch, where the exporter says it.
    pub timestamp_ms: Option<i64>,
}

impl<'d, 'a> Exemplar<'d, 'a> {
    /// Its labels in the page's order. Prometheus keeps escapes in the exemplars of OpenMetrics as they stand; the
    /// strict reading resolves them.
    #[must_use]
    pub fn labels(&self) -> Labels<'d, 'a> {
        Labels { rest: self.labels.iter(), bound: None, canonical: None }
    }

    /// The exemplar as a store takes it.
    ///
    /// # Errors
    ///
    /// [`DecodeError::DuplicateLabel`] and [`DecodeError::LabelTooLong`].
    pub fn to_stored(&self) -> Result<StoredExemplar, DecodeError> {
        let mut builder = LabelsBuilder::new();
        for (name, value) in self.labels() {
            push_checked(&mut builder, &name, &value)?;
        }
        let labels = builder.try_build().map_err(|name| DecodeError::DuplicateLabel { name })?;
        Ok(StoredExemplar { labels, value: self.value, timestamp_ms: self.timestamp_ms })
    }
}

/// Iterator over the exemplars of a sample.
#[derive(Clone, Debug)]
pub struct Exemplars<'d, 'a> {
    exemplars: std::slice::Iter<'d, RawExemplar>,
    labels: &'d [RawLabel<'a>],
    taken: usize,
}

impl<'d, 'a> Iterator for Exemplars<'d, 'a> {
    type Item = Exemplar<'d, 'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let raw = self.exemplars.next()?;
        let labels = self.labels.get(self.taken..raw.labels_end).unwrap_or_default();
        self.taken = raw.labels_end;
        Some(Exemplar { labels, value: raw.value, timestamp_ms: raw.timestamp_ms })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.exemplars.size_hint()
    }
}

impl ExactSizeIterator for Exemplars<'_, '_> {}
