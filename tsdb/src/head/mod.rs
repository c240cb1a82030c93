//! The head: the newest samples, in memory, appendable.
//!
//! | part | holds |
//! |---|---|
//! | [`series`] | one series: sealed chunks, the open chunk, what of it is visible to whom |
//! | [`stripes`] | look-up of series by labels and by reference, in independently locked stripes |
//! | [`index`] | symbols, series by id, postings; answers matchers |
//! | [`visibility`] | the order of commits, and what a reader may see |
//! | [`transaction`] | samples on their way in |
//! | [`querier`] | the read seam |
//!
//! Locks are taken in this order, each held briefly: hash stripe, index, reference stripe; a series' own lock last.

pub(crate) mod index;
pub(crate) mod querier;
pub(crate) mod series;
pub(crate) mod stripes;
pub(crate) mod transaction;
pub(crate) mod visibility;

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};

use foldhash::fast::RandomState;
use parking_lot::RwLock;
use promethium_model::{AppendError, Labels, SeriesRef, TimeRange};

use index::HeadIndex;
pub(crate) use index::LabelPairs;
use series::MemSeries;
use stripes::Stripes;
use visibility::Visibility;

/// The newest samples of all series.
pub(crate) struct Head {
    stripes: Stripes,
    index: RwLock<HeadIndex>,
    hasher: RandomState,
    next_reference: AtomicU64,
    series_count: AtomicUsize,
    sample_count: AtomicU64,
    min_time_ms: AtomicI64,
    max_time_ms: AtomicI64,
    pub(crate) visibility: Visibility,
    pub(crate) limits: HeadLimits,
}

/// What the head refuses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadLimits {
    pub(crate) max_series: usize,
    pub(crate) max_labels: usize,
    pub(crate) max_label_name_bytes: usize,
    pub(crate) max_label_value_bytes: usize,
    pub(crate) chunk_range_ms: i64,
}

// Text that the symbol table holds at most; its offsets are 32 bits wide.
const MAX_SYMBOL_BYTES: usize = u32::MAX as usize;

impl Head {
    pub(crate) fn new(limits: HeadLimits) -> Self {
        Head {
            stripes: Stripes::new(),
            index: RwLock::new(HeadIndex::default()),
            hasher: RandomState::default(),
            next_reference: AtomicU64::new(1),
            series_count: AtomicUsize::new(0),
            sample_count: AtomicU64::new(0),
            min_time_ms: AtomicI64::new(i64::MAX),
            max_time_ms: AtomicI64::new(i64::MIN),
            visibility: Visibility::new(),
            limits,
        }
    }

    pub(crate) fn series_count(&self) -> usize {
        self.series_count.load(Ordering::Relaxed)
    }

    pub(crate) fn sample_count(&self) -> u64 {
        self.sample_count.load(Ordering::Relaxed)
    }

    /// First and last time of the samples, `None` while there are none.
    pub(crate) fn time_range(&self) -> Option<(i64, i64)> {
        let (min, max) = (self.min_time_ms.load(Ordering::Acquire), self.max_time_ms.load(Ordering::Acquire));
        (min <= max).then_some((min, max))
    }

    /// Whether no sample lies in `range`.
    pub(crate) fn is_outside(&self, range: TimeRange) -> bool {
        self.time_range().is_none_or(|(min, max)| max < range.min_ms || min > range.max_ms)
    }

    /// The oldest time that an append may have: half a chunk range behind the newest.
    pub(crate) fn min_valid_ms(&self) -> i64 {
        match self.time_range() {
            Some((_, max)) => max.saturating_sub(self.limits.chunk_range_ms / 2),
            None => i64::MIN,
        }
    }

    pub(crate) fn by_reference(&self, reference: SeriesRef) -> Option<Arc<MemSeries>> {
        self.stripes.by_reference(reference.0)
    }

    pub(crate) fn by_labels(&self, labels: &Labels) -> Option<Arc<MemSeries>> {
        let hash = self.hash(labels);
        self.stripes.by_hash(hash, |series| self.index.read().has_labels(series, labels))
    }

    /// A reference that no series has.
    pub(crate) fn reserve_reference(&self) -> u64 {
        self.next_reference.fetch_add(1, Ordering::Relaxed)
    }

    /// Keeps references up to this one from being given out.
    pub(crate) fn skip_references(&self, used: u64) {
        self.next_reference.fetch_max(used.saturating_add(1), Ordering::Relaxed);
    }

    /// Whether a series may come to those that are there and to `pending` ones.
    pub(crate) fn check_room(&self, pending: usize, labels: &Labels) -> Result<(), AppendError> {
        self.check_series(pending)?;
        check_text(&self.index.read(), labels)
    }

    fn check_series(&self, pending: usize) -> Result<(), AppendError> {
        let limit = self.limits.max_series;
        let is_full = self.series_count().saturating_add(pending) >= limit;
        if is_full { Err(AppendError::SeriesLimit { limit }) } else { Ok(()) }
    }

    /// The series with these labels, created under `reference` when there is none; the flag says whether it was.
    /// `None` when the head is full.
    pub(crate) fn get_or_create(&self, reference: u64, labels: &Labels) -> Option<(Arc<MemSeries>, bool)> {
        let hash = self.hash(labels);
        let same = |series: &MemSeries| self.index.read().has_labels(series, labels);
        let make = || {
            let mut index = self.index.write();
            let has_room = self.check_series(0).and(check_text(&index, labels)).is_ok();
            has_room.then(|| index.insert(reference, hash, labels))
        };
        let (series, created) = self.stripes.get_or_insert(hash, same, make)?;
        if created {
            self.series_count.fetch_add(1, Ordering::Relaxed);
            self.stripes.insert_reference(&series);
        }
        Some((series, created))
    }

    /// Widens the head's time range by samples that were stored.
    pub(crate) fn note_stored(&self, samples: u64, min_ms: i64, max_ms: i64) {
        self.sample_count.fetch_add(samples, Ordering::Relaxed);
        self.min_time_ms.fetch_min(min_ms, Ordering::AcqRel);
        self.max_time_ms.fetch_max(max_ms, Ordering::AcqRel);
    }

    /// The labels of a series, for the log.
    pub(crate) fn encode_labels<R>(&self, series: &MemSeries, encode: impl FnOnce(LabelPairs<'_>) -> R) -> R {
        encode(self.index.read().label_pairs(series))
    }

    /// Chunks, and the bytes that they take.
    pub(crate) fn chunk_figures(&self) -> (usize, usize) {
        let series = self.index.read().all_series().to_vec();
        series.iter().fold((0, 0), |(chunks, bytes), series| {
            let state = series.lock();
            (chunks + state.chunk_count(), bytes + state.heap_bytes())
        })
    }

    fn hash(&self, labels: &Labels) -> u64 {
        self.hasher.hash_one(labels.as_packed())
    }
}

fn check_text(index: &HeadIndex, labels: &Labels) -> Result<(), AppendError> {
    let (limit, found) = (MAX_SYMBOL_BYTES, index.symbol_bytes().saturating_add(labels.packed_len()));
    if found <= limit {
        return Ok(());
    }
    Err(AppendError::LabelLimit { what: "bytes of label text in the head", limit, found })
}
