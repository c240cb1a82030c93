//! One series in memory.

use std::sync::Arc;

use parking_lot::Mutex;
use promethium_model::{AppendError, Symbol, TimeRange};

use super::visibility::{CommitId, Versions};
use promethium_chunk::XorAppender;

// The rules by which Prometheus cuts float chunks.
const TARGET_SAMPLES: usize = 120;
const PREDICT_AT_SAMPLES: usize = TARGET_SAMPLES / 4;
const MAX_SAMPLES: usize = 2 * TARGET_SAMPLES;
const MAX_BYTES: usize = 1005;

/// A series: names by symbols, samples in chunks.
pub(crate) struct MemSeries {
    /// The series' name in the log, and to appenders. Never used again.
    pub(crate) reference: u64,
    pub(crate) hash: u64,
    pub(crate) labels: Box<[(Symbol, Symbol)]>,
    state: Mutex<SeriesState>,
}

/// The samples of a series. The open chunk is empty only while the series is.
pub(crate) struct SeriesState {
    sealed: Vec<SealedChunk>,
    open: XorAppender,
    open_min_ms: i64,
    cut_at_ms: i64,
    versions: Versions,
}

/// A chunk that takes no more samples.
#[derive(Clone)]
struct SealedChunk {
    min_ms: i64,
    max_ms: i64,
    samples: u16,
    bytes: Arc<[u8]>,
}

/// A chunk as a reader sees it: only the first `samples` are visible to it.
pub(crate) struct ChunkView {
    pub(crate) bytes: Arc<[u8]>,
    pub(crate) samples: usize,
}

// A head holds millions of these.
const _: () = assert!(size_of::<MemSeries>() <= 160);

/// What a sample is to a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It follows the newest.
    New,
    /// It is the newest, bit by bit.
    Same,
}

impl MemSeries {
    pub(crate) fn new(reference: u64, hash: u64, labels: Box<[(Symbol, Symbol)]>) -> Self {
        let state = SeriesState {
            sealed: Vec::new(),
            open: XorAppender::new(),
            open_min_ms: 0,
            cut_at_ms: 0,
            versions: Versions::default(),
        };
        MemSeries { reference, hash, labels, state: Mutex::new(state) }
    }

    pub(crate) fn lock(&self) -> parking_lot::MutexGuard<'_, SeriesState> {
        self.state.lock()
    }
}

impl SeriesState {
    /// Whether the sample may follow what the series has.
    pub(crate) fn admit(&self, timestamp_ms: i64, value: f64) -> Result<Admission, AppendError> {
        if self.open.is_empty() {
            return Ok(Admission::New);
        }
        let (newest_ms, existing) = self.open.newest();
        match timestamp_ms.cmp(&newest_ms) {
            std::cmp::Ordering::Greater => Ok(Admission::New),
            std::cmp::Ordering::Less => Err(AppendError::OutOfOrder { timestamp_ms, newest_ms }),
            std::cmp::Ordering::Equal if existing.to_bits() == value.to_bits() => Ok(Admission::Same),
            std::cmp::Ordering::Equal => Err(AppendError::DuplicateFloat { timestamp_ms, existing, new: value }),
        }
    }

    /// Adds a sample that was admitted as new, as part of a commit. Versions up to `settled` are no reader's concern.
    pub(crate) fn push(&mut self, sample: (i64, f64), commit: CommitId, settled: CommitId, chunk_range_ms: i64) {
        let (timestamp_ms, value) = sample;
        self.cut_if_due(timestamp_ms, chunk_range_ms);
        self.open.push(timestamp_ms, value);
        self.versions.note(commit, settled);
    }

    fn cut_if_due(&mut self, timestamp_ms: i64, chunk_range_ms: i64) {
        let samples = self.open.len();
        if samples > 0 {
            if samples == PREDICT_AT_SAMPLES && self.open.bytes().len() <= MAX_BYTES {
                self.cut_at_ms = even_cut(self.open_min_ms, self.open.newest().0, self.cut_at_ms);
            }
            let full = self.open.bytes().len() > MAX_BYTES || samples >= MAX_SAMPLES;
            if !full && timestamp_ms < self.cut_at_ms {
                return;
            }
            self.seal();
        }
        self.open_min_ms = timestamp_ms;
        self.cut_at_ms = range_end(timestamp_ms, chunk_range_ms);
    }

    fn seal(&mut self) {
        let chunk = SealedChunk {
            min_ms: self.open_min_ms,
            max_ms: self.open.newest().0,
            samples: self.open.len() as u16,
            bytes: Arc::from(self.open.bytes()),
        };
        self.sealed.reserve_exact(1 + self.sealed.len() / 4);
        self.sealed.push(chunk);
        self.open = XorAppender::new();
    }

    /// Chunks in memory.
    pub(crate) fn chunk_count(&self) -> usize {
        self.sealed.len() + usize::from(!self.open.is_empty())
    }

    /// Bytes on the heap, labels apart.
    pub(crate) fn heap_bytes(&self) -> usize {
        const ARC_COUNTS: usize = 16;
        let sealed: usize = self.sealed.iter().map(|c| c.bytes.len() + ARC_COUNTS).sum();
        sealed + self.sealed.capacity() * size_of::<SealedChunk>() + self.open.capacity()
    }

    /// The chunks that overlap `range`, as far as a reader at `snapshot` sees them.
    pub(crate) fn view(&self, snapshot: CommitId, range: TimeRange) -> Vec<ChunkView> {
        let mut chunks = Vec::new();
        for (bounds, chunk) in self.visible(snapshot) {
            if bounds.min_ms <= range.max_ms && bounds.max_ms >= range.min_ms {
                chunks.push(chunk());
            }
        }
        chunks
    }

    /// Whether a reader at `snapshot` sees a sample in `range`.
    pub(crate) fn has_sample_in(&self, snapshot: CommitId, range: TimeRange) -> bool {
        for (bounds, chunk) in self.visible(snapshot) {
            if bounds.max_ms < range.min_ms {
                continue;
            }
            if bounds.min_ms > range.max_ms {
                return false;
            }
            let max_is_visible = bounds.all_visible && range.contains(bounds.max_ms);
            if range.contains(bounds.min_ms) || max_is_visible || decoded_has_sample_in(&chunk(), range) {
                return true;
            }
        }
        false
    }

    /// The chunks of which at least one sample is visible, in time order, each with its bounds and a way to get it.
    fn visible(&self, snapshot: CommitId) -> impl Iterator<Item = (Bounds, impl FnOnce() -> ChunkView)> {
        let hidden = self.versions.hidden_from(snapshot);
        let mut left = self.total_samples() - hidden;
        let sealed = self.sealed.iter().map(|c| (c.min_ms, c.max_ms, c.samples.into(), ChunkBytes::Sealed(&c.bytes)));
        let open = &self.open;
        let open = (self.open_min_ms, open.newest().0, open.len(), ChunkBytes::Open(open.bytes()));
        sealed.chain([open]).map_while(move |(min_ms, max_ms, samples, bytes)| {
            let visible = samples.min(left);
            left -= visible;
            let bounds = Bounds { min_ms, max_ms, all_visible: visible == samples };
            (visible > 0).then_some((bounds, move || ChunkView { bytes: bytes.share(), samples: visible }))
        })
    }

    fn total_samples(&self) -> usize {
        self.sealed.iter().map(|c| usize::from(c.samples)).sum::<usize>() + self.open.len()
    }
}

struct Bounds {
    min_ms: i64,
    /// Of all samples, those that are hidden included.
    max_ms: i64,
    all_visible: bool,
}

enum ChunkBytes<'a> {
    Sealed(&'a Arc<[u8]>),
    Open(&'a [u8]),
}

impl ChunkBytes<'_> {
    fn share(self) -> Arc<[u8]> {
        match self {
            ChunkBytes::Sealed(bytes) => Arc::clone(bytes),
            ChunkBytes::Open(bytes) => Arc::from(bytes),
        }
    }
}

fn decoded_has_sample_in(chunk: &ChunkView, range: TimeRange) -> bool {
    let mut samples = promethium_model::SampleBatch::new();
    chunk.decode(&mut samples);
    samples.timestamps.iter().any(|t| range.contains(*t))
}

impl ChunkView {
    /// Appends the visible samples to `out`.
    pub(crate) fn decode(&self, out: &mut promethium_model::SampleBatch) {
        promethium_chunk::decode_xor_prefix(&self.bytes, self.samples, out).expect("the head reads what it wrote");
    }
}

/// The end of the aligned range that `t` lies in. Division truncates towards zero, as in Prometheus, so that the two
/// ranges around zero are one.
fn range_end(t_ms: i64, range_ms: i64) -> i64 {
    (t_ms / range_ms * range_ms).saturating_add(range_ms)
}

/// Where to cut so that the rest of the range makes chunks of equal length, judged by the chunk's first quarter.
fn even_cut(start_ms: i64, newest_ms: i64, end_ms: i64) -> i64 {
    let rest = end_ms as f64 - start_ms as f64;
    let whole = (newest_ms as f64 - start_ms as f64 + 1.0) * (TARGET_SAMPLES / PREDICT_AT_SAMPLES) as f64;
    let chunks = rest / whole;
    if chunks <= 1.0 { end_ms } else { (start_ms as f64 + rest / chunks.floor()) as i64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANGE_MS: i64 = 7_200_000;
    const START: i64 = 1_717_200_000_000;

    fn chunk_sizes(step_ms: i64, samples: i64, value: impl Fn(i64) -> f64) -> Vec<usize> {
        let series = MemSeries::new(1, 0, Box::default());
        let mut state = series.lock();
        for i in 0..samples {
            state.push((START + i * step_ms, value(i)), CommitId(1), CommitId(0), RANGE_MS);
        }
        let everything = TimeRange::ALL;
        state.view(CommitId(1), everything).iter().map(|c| c.samples).collect()
    }

    #[test]
    fn chunks_are_cut_as_prometheus_cuts_them() {
        assert_eq!(START % RANGE_MS, 0);
        assert_eq!(chunk_sizes(15_000, 480, |_| 1.0), [120, 120, 120, 120]);
        // The range does not divide evenly: 62 chunks of 116.1 s.
        assert_eq!(chunk_sizes(1_000, 360, |_| 1.0), [117, 117, 117, 9]);
        // Too few for a prediction: cut at the end of the range.
        assert_eq!(chunk_sizes(600_000, 24, |_| 1.0), [12, 12]);
        // Incompressible values: cut by size, at the first sample after 1005 bytes.
        let noise = |i: i64| f64::from_bits((i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let sizes = chunk_sizes(1_000, 300, noise);
        assert!(sizes[0] > 100 && sizes[0] < 125, "{sizes:?}");
    }

    #[test]
    fn a_reader_sees_only_samples_of_its_past() {
        let series = MemSeries::new(1, 0, Box::default());
        let mut state = series.lock();
        for i in 0..300 {
            state.push((START + i * 1_000, 0.5), CommitId(1 + i as u64 / 100), CommitId(0), RANGE_MS);
        }
        let seen = |snapshot| state.view(CommitId(snapshot), TimeRange::ALL).iter().map(|c| c.samples).sum::<usize>();
        assert_eq!([seen(0), seen(1), seen(2), seen(3)], [0, 100, 200, 300]);
        let later = TimeRange::new(START + 150_000, START + 160_000);
        assert!(!state.has_sample_in(CommitId(1), later) && state.has_sample_in(CommitId(2), later));
        let between = TimeRange::new(START + 1, START + 999);
        assert!(!state.has_sample_in(CommitId(3), between));
    }
}
