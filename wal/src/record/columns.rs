//! Float samples as columns.

/// Float samples of many series, one column a field: what sample records decode into.
///
/// Reuse one over many records: [`SampleColumns::clear`] keeps the memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SampleColumns {
    references: Vec<u64>,
    timestamps_ms: Vec<i64>,
    values: Vec<f64>,
    // Empty as long as no sample has a start timestamp, else one a sample.
    starts_ms: Vec<i64>,
}

impl SampleColumns {
    /// No samples.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.references.len()
    }

    /// Whether there are no samples.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.references.is_empty()
    }

    /// Series references, one a sample.
    #[must_use]
    pub fn references(&self) -> &[u64] {
        &self.references
    }

    /// Milliseconds since the epoch, one a sample.
    #[must_use]
    pub fn timestamps_ms(&self) -> &[i64] {
        &self.timestamps_ms
    }

    /// Values, stale markers by their bits.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Start timestamps in milliseconds, 0 where unknown; `None` while no sample has one.
    #[must_use]
    pub fn start_timestamps_ms(&self) -> Option<&[i64]> {
        if self.starts_ms.is_empty() { None } else { Some(&self.starts_ms) }
    }

    /// Appends a sample.
    #[inline]
    pub fn push(&mut self, reference: u64, start_timestamp_ms: i64, timestamp_ms: i64, value: f64) {
        if start_timestamp_ms != 0 || !self.starts_ms.is_empty() {
            self.push_start(start_timestamp_ms);
        }
        self.references.push(reference);
        self.timestamps_ms.push(timestamp_ms);
        self.values.push(value);
    }

    #[cold]
    fn push_start(&mut self, start_timestamp_ms: i64) {
        self.starts_ms.resize(self.len(), 0);
        self.starts_ms.push(start_timestamp_ms);
    }

    /// Makes room for so many more samples.
    pub(super) fn reserve(&mut self, more: usize) {
        self.references.reserve(more);
        self.timestamps_ms.reserve(more);
        self.values.reserve(more);
    }

    /// Appends samples without start timestamps; the slices are of one length.
    pub(super) fn extend(&mut self, references: &[u64], timestamps_ms: &[i64], values: &[f64]) {
        self.references.extend_from_slice(references);
        self.timestamps_ms.extend_from_slice(timestamps_ms);
        self.values.extend_from_slice(values);
        if !self.starts_ms.is_empty() {
            self.starts_ms.resize(self.references.len(), 0);
        }
    }

    /// Forgets all samples, keeping the memory.
    pub fn clear(&mut self) {
        self.truncate(0);
    }

    /// Forgets the samples behind the first `len`.
    pub fn truncate(&mut self, len: usize) {
        self.references.truncate(len);
        self.timestamps_ms.truncate(len);
        self.values.truncate(len);
        self.starts_ms.truncate(len);
    }

    /// `(reference, start timestamp, timestamp, value)` of each sample.
    pub fn iter(&self) -> impl Iterator<Item = (u64, i64, i64, f64)> + '_ {
        let starts = self.starts_ms.iter().copied().chain(std::iter::repeat(0));
        let rest = self.timestamps_ms.iter().zip(&self.values).zip(starts);
        self.references.iter().zip(rest).map(|(reference, ((t, value), start))| (*reference, start, *t, *value))
    }

    /// Keeps the samples for which `keep(reference, timestamp)` holds.
    #[expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "the columns are of one length, and every row is below it"
    )]
    pub fn retain(&mut self, mut keep: impl FnMut(u64, i64) -> bool) {
        let mut kept = 0;
        for i in 0..self.len() {
            if !keep(self.references[i], self.timestamps_ms[i]) {
                continue;
            }
            self.references[kept] = self.references[i];
            self.timestamps_ms[kept] = self.timestamps_ms[i];
            self.values[kept] = self.values[i];
            if !self.starts_ms.is_empty() {
                self.starts_ms[kept] = self.starts_ms[i];
            }
            kept += 1;
        }
        self.truncate(kept);
        if self.starts_ms.iter().all(|start_ms| *start_ms == 0) {
            self.starts_ms.clear();
        }
    }
}
