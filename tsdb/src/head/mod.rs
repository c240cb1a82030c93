//! The head: the newest samples, in memory, appendable.
//!
//! | part | holds |
//! |---|---|
//! | [`series`], [`chunk`], [`histograms`] | one series: sealed chunks, the open chunk, what of it is visible to whom |
//! | [`admission`], [`cutting`] | Prometheus' rules: which samples are taken, where chunks end |
//! | [`at_once`] | the chunks of samples that are all at hand, cut by those rules |
//! | [`out_of_order`] | late samples of one series |
//! | [`stripes`], [`directory`] | look-up of series by labels, in independently locked stripes, and by reference |
//! | [`neighbours`] | what appends need of series with neighbouring references, side by side |
//! | [`index`] | symbols, series by id, postings; answers matchers |
//! | [`visibility`] | the order of commits, and what a reader may see |
//! | [`transaction`] | samples on their way in |
//! | [`exemplars`] | the ring of exemplars |
//! | [`querier`], [`cursor`] | the read seam |
//! | [`cardinality`] | what the series are made of |
//! | [`deletion`], [`truncation`], [`stale`] | deletes; what is in blocks goes, and series that have nothing left, or are stale |
//!
//! Locks are taken in this order, each held briefly: hash stripe, index, directory; a series' own lock last.

pub(crate) mod admission;
pub(crate) mod at_once;
pub(crate) mod cardinality;
pub(crate) mod chunk;
pub(crate) mod cursor;
pub(crate) mod cutting;
pub(crate) mod deletion;
pub(crate) mod directory;
pub(crate) mod exemplars;
pub(crate) mod histograms;
pub(crate) mod index;
pub(crate) mod intervals;
mod neighbours;
pub(crate) mod out_of_order;
pub(crate) mod querier;
pub(crate) mod series;
pub(crate) mod source;
pub(crate) mod stale;
pub(crate) mod stripes;
pub(crate) mod transaction;
pub(crate) mod truncation;
pub(crate) mod visibility;

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use foldhash::fast::RandomState;
use parking_lot::{Mutex, RwLock};
use promethium_chunk::Encodings;
use promethium_model::{AppendError, Labels, TimeRange};
use promethium_wal::head_chunks::HeadChunks;

use admission::TimeBounds;
use directory::Directory;
use exemplars::ExemplarRing;
pub(crate) use index::{HeadIndex, LabelPairs, NewSeries};
use series::{MemSeries, Stamp};
use stripes::Stripes;
use transaction::NewSamples;
use visibility::{Turn, Visibility};

/// The newest samples of all series.
pub(crate) struct Head {
    stripes: Stripes,
    pub(crate) directory: Directory,
    index: RwLock<HeadIndex>,
    hasher: RandomState,
    next_reference: AtomicU64,
    series_count: AtomicUsize,
    stale_series: AtomicI64,
    sample_count: AtomicU64,
    /// Times of the samples in order.
    times: TimeSpan,
    /// Times of the late samples.
    late_times: TimeSpan,
    /// Samples in order before this time are in blocks; none is taken any more.
    frontier_ms: AtomicI64,
    pub(crate) exemplars: Mutex<ExemplarRing>,
    /// Full chunks on disk.
    chunk_files: OnceLock<HeadChunks>,
    pub(crate) visibility: Visibility,
    pub(crate) rules: HeadRules,
}

/// What the head does and refuses.
#[derive(Clone, Debug)]
pub(crate) struct HeadRules {
    pub(crate) max_series: usize,
    pub(crate) max_transaction_samples: usize,
    pub(crate) max_labels: usize,
    pub(crate) max_label_name_bytes: usize,
    pub(crate) max_label_value_bytes: usize,
    pub(crate) max_future_ms: i64,
    pub(crate) chunk_range_ms: i64,
    pub(crate) out_of_order_window_ms: i64,
    pub(crate) max_exemplars: usize,
    pub(crate) is_xor2: bool,
    pub(crate) start_timestamps: bool,
    pub(crate) start_timestamp_zero_samples: bool,
    pub(crate) metadata: bool,
}

impl HeadRules {
    /// How chunks are written.
    pub(crate) fn encodings(&self) -> Encodings {
        Encodings { xor2: self.is_xor2, histogram_start_timestamps: self.start_timestamps }
    }
}

/// First and last time of some samples; empty while first lies behind last.
struct TimeSpan {
    min_ms: AtomicI64,
    max_ms: AtomicI64,
}

impl TimeSpan {
    fn new() -> Self {
        TimeSpan { min_ms: AtomicI64::new(i64::MAX), max_ms: AtomicI64::new(i64::MIN) }
    }

    fn get(&self) -> Option<(i64, i64)> {
        let (min, max) = (self.min_ms.load(Ordering::Acquire), self.max_ms.load(Ordering::Acquire));
        (min <= max).then_some((min, max))
    }

    fn widen(&self, min_ms: i64, max_ms: i64) {
        self.min_ms.fetch_min(min_ms, Ordering::AcqRel);
        self.max_ms.fetch_max(max_ms, Ordering::AcqRel);
    }

    fn overlaps(&self, range: TimeRange) -> bool {
        self.get().is_some_and(|(min, max)| max >= range.min_ms && min <= range.max_ms)
    }
}

// Text that the symbol table holds at most; its offsets are 32 bits wide.
const MAX_SYMBOL_BYTES: usize = u32::MAX as usize;

impl Head {
    pub(crate) fn new(rules: HeadRules) -> Self {
        Head {
            stripes: Stripes::new(),
            directory: Directory::default(),
            index: RwLock::new(HeadIndex::default()),
            hasher: RandomState::default(),
            next_reference: AtomicU64::new(1),
            series_count: AtomicUsize::new(0),
            stale_series: AtomicI64::new(0),
            sample_count: AtomicU64::new(0),
            times: TimeSpan::new(),
            late_times: TimeSpan::new(),
            frontier_ms: AtomicI64::new(i64::MIN),
            exemplars: Mutex::new(ExemplarRing::new(rules.max_exemplars, rules.out_of_order_window_ms)),
            chunk_files: OnceLock::new(),
            visibility: Visibility::new(),
            rules,
        }
    }

    /// The files of full chunks, where there are any.
    pub(crate) fn chunk_files(&self) -> Option<&HeadChunks> {
        self.chunk_files.get()
    }

    /// Gives the head its files. They are given once.
    pub(crate) fn set_chunk_files(&self, files: HeadChunks) {
        let _ = self.chunk_files.set(files);
    }

    pub(crate) fn series_count(&self) -> usize {
        self.series_count.load(Ordering::Relaxed)
    }

    /// Series whose newest sample is a stale marker.
    pub(crate) fn stale_series_count(&self) -> usize {
        usize::try_from(self.stale_series.load(Ordering::Relaxed)).unwrap_or(0)
    }

    pub(crate) fn sample_count(&self) -> u64 {
        self.sample_count.load(Ordering::Relaxed)
    }

    /// First and last time of the samples in order, `None` while there are none.
    pub(crate) fn time_range(&self) -> Option<(i64, i64)> {
        self.times.get()
    }

    /// First and last time of the late samples, `None` while there are none.
    pub(crate) fn late_time_range(&self) -> Option<(i64, i64)> {
        self.late_times.get()
    }

    /// Whether a series has this reference.
    pub(crate) fn has_reference(&self, reference: u64) -> bool {
        self.directory.read().get(reference).is_some()
    }

    /// All series.
    pub(crate) fn all_series(&self) -> Vec<Arc<MemSeries>> {
        self.index.read().all_series().cloned().collect()
    }

    /// Whether no sample lies in `range`.
    pub(crate) fn is_outside(&self, range: TimeRange) -> bool {
        !self.times.overlaps(range) && !self.late_times.overlaps(range)
    }

    /// Samples in order before this time are in blocks.
    pub(crate) fn frontier_ms(&self) -> i64 {
        self.frontier_ms.load(Ordering::Acquire)
    }

    /// Takes no samples in order before `t_ms` any more.
    pub(crate) fn raise_frontier(&self, t_ms: i64) {
        self.frontier_ms.fetch_max(t_ms, Ordering::AcqRel);
    }

    /// What pushes of a commit need to know.
    pub(crate) fn stamp(&self, turn: &Turn) -> Stamp {
        Stamp {
            commit: turn.commit,
            settled: turn.settled,
            chunk_range_ms: self.rules.chunk_range_ms,
            is_xor2: self.rules.is_xor2,
            start_timestamps: self.rules.start_timestamps,
        }
    }

    /// The bounds of a transaction that begins now: half a chunk range behind the newest sample.
    pub(crate) fn bounds(&self, now_ms: i64) -> TimeBounds {
        let newest = self.time_range().map(|(_, max)| max);
        let half = self.rules.chunk_range_ms / 2;
        let window = self.rules.out_of_order_window_ms;
        TimeBounds {
            min_valid_ms: newest.map_or(i64::MIN, |max| max.saturating_sub(half)).max(self.frontier_ms()),
            max_valid_ms: now_ms.saturating_add(self.rules.max_future_ms),
            min_out_of_order_ms: (window > 0).then(|| newest.map_or(i64::MIN, |max| max.saturating_sub(window))),
        }
    }

    pub(crate) fn by_labels(&self, labels: &Labels) -> Option<Arc<MemSeries>> {
        self.by_hash(self.hash(labels), labels)
    }

    /// As [`Head::by_labels`], with the labels' [`Head::hash`].
    pub(crate) fn by_hash(&self, hash: u64, labels: &Labels) -> Option<Arc<MemSeries>> {
        self.stripes.by_hash(hash, |series| self.index.read().has_labels(series, labels.iter()))
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
        check_text(&self.index.read(), labels.packed_len())
    }

    fn check_series(&self, pending: usize) -> Result<(), AppendError> {
        let limit = self.rules.max_series;
        let is_full = self.series_count().saturating_add(pending) >= limit;
        if is_full { Err(AppendError::SeriesLimit { limit }) } else { Ok(()) }
    }

    /// The series with these labels, created under `reference` when there is none; the flag says whether it was.
    /// `None` when the head is full.
    #[cfg(test)]
    pub(crate) fn get_or_create(&self, reference: u64, labels: &Labels) -> Option<(Arc<MemSeries>, bool)> {
        self.get_or_create_by_hash(self.hash(labels), reference, labels)
    }

    /// As [`Head::get_or_create`], with the labels' [`Head::hash`].
    pub(crate) fn get_or_create_by_hash(
        &self,
        hash: u64,
        reference: u64,
        labels: &Labels,
    ) -> Option<(Arc<MemSeries>, bool)> {
        let same = |index: &HeadIndex, series: &MemSeries| index.has_labels(series, labels.iter());
        let insert = |index: &mut HeadIndex, new| index.insert(new, labels.iter());
        self.get_or_create_with(hash, reference, labels.packed_len(), same, insert)
    }

    /// As [`Head::get_or_create`], of one of many series that come together, with labels sorted by name and as
    /// [`Labels::as_packed`] has them. [`Head::settle_index`] ends a run of them.
    pub(crate) fn get_or_create_in_bulk(
        &self,
        reference: u64,
        packed: &[u8],
        labels: &[(&str, &str)],
    ) -> Option<(Arc<MemSeries>, bool)> {
        let labels = || labels.iter().copied();
        let same = |index: &HeadIndex, series: &MemSeries| index.has_labels(series, labels());
        let insert = |index: &mut HeadIndex, new| index.insert_in_bulk(new, labels());
        self.get_or_create_with(self.hash_packed(packed), reference, packed.len(), same, insert)
    }

    /// Lets the series that came in bulk be found by their labels.
    pub(crate) fn settle_index(&self) {
        self.index.write().settle();
    }

    /// As [`Head::get_or_create_by_hash`]: `same` says whether a series has these labels, whose text has so many bytes, and `insert`
    /// puts one that has them into the index.
    pub(crate) fn get_or_create_with(
        &self,
        hash: u64,
        reference: u64,
        text_bytes: usize,
        same: impl Fn(&HeadIndex, &MemSeries) -> bool,
        insert: impl FnOnce(&mut HeadIndex, NewSeries) -> Arc<MemSeries>,
    ) -> Option<(Arc<MemSeries>, bool)> {
        let make = || {
            let mut index = self.index.write();
            let has_room = self.check_series(0).and(check_text(&index, text_bytes)).is_ok();
            let new = |neighbours| NewSeries { reference, hash, neighbours };
            has_room.then(|| insert(&mut index, new(self.directory.reserve(reference))))
        };
        let (series, created) = self.stripes.get_or_insert(hash, |series| same(&self.index.read(), series), make)?;
        if created {
            self.series_count.fetch_add(1, Ordering::Relaxed);
            self.directory.insert(&series);
        }
        Some((series, created))
    }

    /// Widens the head's time range by samples that were stored.
    pub(crate) fn note_stored(&self, new: &NewSamples) {
        if new.count > 0 {
            self.sample_count.fetch_add(new.count, Ordering::Relaxed);
            self.times.widen(new.min_ms, new.max_ms);
        }
        if new.stale_series != 0 {
            self.stale_series.fetch_add(new.stale_series, Ordering::Relaxed);
        }
    }

    /// Widens the range of the late samples.
    pub(crate) fn note_late(&self, t_ms: i64) {
        self.note_late_chunk(t_ms, t_ms, 1);
    }

    /// As [`Head::note_late`], by several that lie between two times, both included.
    pub(crate) fn note_late_chunk(&self, min_ms: i64, max_ms: i64, samples: u64) {
        self.sample_count.fetch_add(samples, Ordering::Relaxed);
        self.late_times.widen(min_ms, max_ms);
    }

    /// The labels of a series; `None` when it is gone.
    pub(crate) fn labels(&self, series: &MemSeries) -> Option<Labels> {
        let index = self.index.read();
        index.holds(series).then(|| index.labels(series))
    }

    /// The labels of a series, for the log.
    pub(crate) fn encode_labels<R>(&self, series: &MemSeries, encode: impl FnOnce(LabelPairs<'_>) -> R) -> R {
        encode(self.index.read().label_pairs(series))
    }

    /// Chunks, and the bytes that they take.
    pub(crate) fn chunk_figures(&self) -> (usize, usize) {
        let series: Vec<_> = self.index.read().all_series().cloned().collect();
        series.iter().fold((0, 0), |(chunks, bytes), series| {
            let state = series.lock();
            (chunks + state.chunk_count(), bytes + state.heap_bytes())
        })
    }

    /// The hash by which series are found.
    pub(crate) fn hash(&self, labels: &Labels) -> u64 {
        self.hash_packed(labels.as_packed())
    }

    /// As [`Head::hash`], of labels as [`Labels::as_packed`] has them.
    pub(crate) fn hash_packed(&self, packed: &[u8]) -> u64 {
        self.hasher.hash_one(packed)
    }
}

fn check_text(index: &HeadIndex, more_bytes: usize) -> Result<(), AppendError> {
    let (limit, found) = (MAX_SYMBOL_BYTES, index.symbol_bytes().saturating_add(more_bytes));
    if found <= limit {
        return Ok(());
    }
    Err(AppendError::LabelLimit { what: "bytes of label text in the head", limit, found })
}
