//! One series in memory.

use std::sync::Arc;

use promethium_chunk::{Encodings, XorAppender};
use promethium_model::{AppendError, Metadata, SampleBatch, TimeRange, is_stale};
use promethium_wal::head_chunks::{HeadChunkRef, HeadChunks};

use super::chunk::{ChunkBytes, ChunkData, ChunkView, Newest, OpenChunk, SealedChunk};
use super::cutting::CutPlan;
use super::directory::place;
use super::intervals::Intervals;
use super::neighbours::{Neighbours, SamplesGuard};
use super::out_of_order::OutOfOrder;
use super::transaction::Kind;
use super::visibility::{CommitId, Versions};

/// A series: its labels are in the index, its samples beside those of its neighbours.
pub(crate) struct MemSeries {
    pub(crate) hash: u64,
    /// The series' place in the index, for as long as it is there.
    pub(crate) id: u32,
    /// The series' name in the log, and to appenders. Never used again.
    pub(crate) reference: u64,
    neighbours: Arc<Neighbours>,
}

/// The samples of a series, in chunks. What an append needs lies together, in front.
#[derive(Default)]
#[repr(C)]
pub(crate) struct SeriesState {
    pub(super) open: OpenChunk,
    versions: Versions,
    pub(super) cut: CutPlan,
    sealed: Vec<SealedChunk>,
    extra: Option<Box<Extra>>,
}

/// What few series have.
#[derive(Default)]
struct Extra {
    deleted: Intervals,
    out_of_order: OutOfOrder,
    metadata: Option<Arc<Metadata>>,
}

/// What a push needs to know of its commit.
#[derive(Clone, Copy)]
pub(crate) struct Stamp {
    pub(crate) commit: CommitId,
    /// Versions up to this one are no reader's concern.
    pub(crate) settled: CommitId,
    pub(crate) chunk_range_ms: i64,
    /// Whether floats go into XOR2 chunks.
    pub(crate) is_xor2: bool,
    pub(crate) start_timestamps: bool,
}

// A head holds millions of these.
const _: () = assert!(size_of::<MemSeries>() + size_of::<SeriesState>() <= 208);

/// Float chunks end before they are longer.
const MAX_EXPECTED_BYTES: u32 = 1024;

impl MemSeries {
    /// A series without samples.
    pub(crate) fn new(reference: u64, hash: u64, id: u32, neighbours: Arc<Neighbours>) -> Self {
        neighbours.add(place(reference).1);
        MemSeries { reference, hash, id, neighbours }
    }

    /// The series' samples. Nobody locks two series at a time: they may be neighbours.
    pub(crate) fn lock(&self) -> SamplesGuard<'_> {
        self.neighbours.lock(self.at()).unwrap_or_else(|| unreachable!("a series has its place from its beginning"))
    }

    /// Asks for the memory of the series' samples.
    pub(crate) fn prefetch_samples(&self) {
        if let Some(row) = self.neighbours.row(self.at()) {
            Neighbours::prefetch(row, self.at());
        }
    }

    /// Beside which series it is, and where.
    pub(crate) fn place(&self) -> (&Neighbours, u8) {
        (&self.neighbours, self.at())
    }

    fn at(&self) -> u8 {
        place(self.reference).1
    }

    /// Time of the newest sample in order.
    pub(crate) fn newest_ms(&self) -> Option<i64> {
        self.neighbours.newest_ms(self.at())
    }

    /// Says that a sample at `t_ms` is the newest in order. Under the lock, after pushes.
    pub(crate) fn set_newest(&self, t_ms: i64) {
        self.neighbours.set_newest(self.at(), Some(t_ms));
    }

    /// To be called under the lock, after pushes.
    pub(crate) fn note_newest(&self, state: &SeriesState) {
        self.neighbours.set_newest(self.at(), state.newest_ms());
    }
}

/// Its place is never another's, and stays as long as its neighbours.
impl Drop for MemSeries {
    fn drop(&mut self) {
        *self.lock() = SeriesState::default();
        self.neighbours.set_newest(self.at(), None);
    }
}

impl SeriesState {
    /// Time of the newest sample in order.
    pub(crate) fn newest_ms(&self) -> Option<i64> {
        if self.open.is_empty() { self.sealed.last().map(|c| c.max_ms) } else { Some(self.open.newest_ms()) }
    }

    /// Whether the newest sample is a stale marker.
    pub(crate) fn is_stale(&self) -> bool {
        self.versions.is_stale
    }

    /// The newest float up to `until_ms` that a reader at `snapshot` sees, where that is one of the two newest samples of a
    /// chunk without start timestamps, and nothing could hide it or lie between.
    pub(crate) fn newest_float_for(&self, snapshot: CommitId, until_ms: i64) -> Option<(i64, f64)> {
        let OpenChunk::Xor(chunk) = &self.open else { return None };
        if chunk.is_empty() || !self.is_plain() {
            return None;
        }
        let hidden = self.versions.hidden_from(snapshot);
        let newest = Some(chunk.newest()).filter(|(t_ms, _)| hidden == 0 && *t_ms <= until_ms);
        newest.or_else(|| chunk.previous().filter(|(t_ms, _)| hidden <= 1 && *t_ms <= until_ms))
    }

    /// Whether all samples are in order, and none is deleted.
    fn is_plain(&self) -> bool {
        self.extra.as_ref().is_none_or(|e| e.out_of_order.is_empty() && e.deleted.is_empty())
    }

    /// Appends the samples of `range` that a reader at `snapshot` sees to `out`, where they are all in the open chunk. The
    /// flag says whether there are any; `None` that other chunks, late samples or deletes have to be looked at.
    pub(crate) fn read_open(&self, snapshot: CommitId, range: TimeRange, out: &mut SampleBatch) -> Option<bool> {
        let is_alone = self.sealed.last().is_none_or(|last| last.max_ms < range.min_ms);
        let visible = self.open.len().checked_sub(self.versions.hidden_from(snapshot))?;
        if !is_alone || !self.is_plain() {
            return None;
        }
        if self.cut.start_ms() > range.max_ms {
            return Some(false);
        }
        let base = out.len();
        self.open.decode(visible, out).ok()?;
        crate::batch::keep_range(out, base, range);
        Some(out.len() > base)
    }

    /// The kind of the open chunk's histograms; `None` where it holds floats or nothing.
    pub(crate) fn histogram_kind(&self) -> Option<Kind> {
        match &self.open {
            OpenChunk::Xor(_) | OpenChunk::Xor2(_) => None,
            OpenChunk::Histogram(_) => Some(Kind::Histogram),
            OpenChunk::FloatHistogram(_) => Some(Kind::FloatHistogram),
        }
    }

    /// Whether a float at the time of the newest sample says the same.
    pub(crate) fn compare_float(&self, timestamp_ms: i64, new: f64) -> Result<(), AppendError> {
        match self.open.newest() {
            // Its chunk is not in memory any more: nobody can say.
            None => Ok(()),
            Some(Newest::Float(existing)) if existing.to_bits() == new.to_bits() => Ok(()),
            Some(Newest::Float(existing)) if timestamp_ms != 0 => {
                Err(AppendError::DuplicateFloat { timestamp_ms, existing, new })
            }
            Some(Newest::Histogram(h)) if h.is_stale() && is_stale(new) => Ok(()),
            Some(Newest::Histogram(_)) if timestamp_ms != 0 => {
                Err(AppendError::DuplicateFloatOverHistogram { timestamp_ms, new })
            }
            Some(_) => Err(AppendError::Duplicate { timestamp_ms }),
        }
    }

    /// Adds a float that follows the newest sample to an open XOR chunk of several, where it surely does not end before it, and
    /// neither sample is a stale marker. Whether it did. Not where chunks are to be XOR2.
    ///
    /// PERF: inlined into the loop over the samples of a transaction: nearly all of them are so.
    #[inline(always)]
    pub(crate) fn push_following(&mut self, timestamp_ms: i64, value: f64, stamp: &Stamp) -> bool {
        let OpenChunk::Xor(open) = &mut self.open else { return false };
        let has_room = self.cut.has_room_for_float(open.len(), open.max_byte_len(), timestamp_ms);
        let is_any_stale = self.versions.is_stale | is_stale(value);
        if open.newest().0 >= timestamp_ms || !has_room || is_any_stale || !open.push_behind_two(timestamp_ms, value) {
            return false;
        }
        self.versions.note(stamp.commit, stamp.settled);
        true
    }

    /// Adds a float that was admitted as new.
    #[inline]
    pub(crate) fn push_float(&mut self, timestamp_ms: i64, start_ms: i64, value: f64, stamp: &Stamp) {
        if !self.push_into_open(timestamp_ms, start_ms, value, stamp) {
            self.begin_floats(timestamp_ms, stamp);
            match &mut self.open {
                OpenChunk::Xor(open) => open.push(timestamp_ms, value),
                OpenChunk::Xor2(open) => open.push(start_ms, timestamp_ms, value),
                OpenChunk::Histogram(_) | OpenChunk::FloatHistogram(_) => unreachable!("a chunk of floats was begun"),
            }
        }
        self.note_pushed(is_stale(value), stamp);
    }

    /// Adds a float to the open chunk, unless that is another kind, or ends before it.
    #[inline]
    fn push_into_open(&mut self, timestamp_ms: i64, start_ms: i64, value: f64, stamp: &Stamp) -> bool {
        match &mut self.open {
            OpenChunk::Xor(open) if !stamp.is_xor2 && !open.is_empty() => {
                let (samples, bytes) = (open.len(), open.byte_len());
                if self.cut.is_float_chunk_over(samples, bytes, open.newest().0, timestamp_ms) {
                    return false;
                }
                open.push(timestamp_ms, value);
            }
            OpenChunk::Xor2(open) if stamp.is_xor2 => {
                let (samples, bytes) = (open.len(), open.bytes().len());
                if self.cut.is_float_chunk_over(samples, bytes, open.newest().0, timestamp_ms) {
                    return false;
                }
                open.push(start_ms, timestamp_ms, value);
            }
            _ => return false,
        }
        true
    }

    /// Gives a series without an open chunk the one that another head had, and its samples, where this head would have filled it
    /// in the same way. Whether it did.
    pub(crate) fn resume_floats(&mut self, chunk: XorAppender, times: &[i64], stamp: &Stamp) -> bool {
        let (Some(first), Some(last)) = (times.first(), times.last()) else { return false };
        if stamp.is_xor2 || !self.open.is_empty() {
            return false;
        }
        let mut cut = CutPlan::default();
        cut.begin(*first, stamp.chunk_range_ms);
        if !cut.resumes_floats(times, chunk.byte_len()) {
            return false;
        }
        self.cut = cut;
        self.versions.is_stale = is_stale(chunk.newest().1);
        debug_assert_eq!(chunk.newest().0, *last);
        self.open = OpenChunk::Xor(chunk);
        true
    }

    #[cold]
    fn begin_floats(&mut self, timestamp_ms: i64, stamp: &Stamp) {
        let before = self.seal();
        self.cut.begin(timestamp_ms, stamp.chunk_range_ms);
        self.open = match before {
            _ if stamp.is_xor2 => OpenChunk::Xor2(Box::default()),
            OpenChunk::Xor(before) => OpenChunk::Xor(before.restart()),
            _ => OpenChunk::Xor(XorAppender::new()),
        };
    }

    #[inline]
    pub(super) fn note_pushed(&mut self, is_stale: bool, stamp: &Stamp) {
        self.versions.is_stale = is_stale;
        self.versions.note(stamp.commit, stamp.settled);
    }

    /// Ends the open chunk, which is given back.
    pub(crate) fn seal(&mut self) -> OpenChunk {
        if self.open.is_empty() {
            return std::mem::take(&mut self.open);
        }
        let chunk = SealedChunk {
            min_ms: self.cut.start_ms(),
            max_ms: self.open.newest_ms(),
            samples: self.open.len() as u16,
            encoding: self.open.encoding(),
            data: ChunkData::Memory(self.open.shared_bytes()),
        };
        self.sealed.reserve_exact(1 + self.sealed.len() / 4);
        self.sealed.push(chunk);
        std::mem::take(&mut self.open)
    }

    /// Chunks that take no more samples and are still in memory, oldest first.
    pub(crate) fn chunks_in_memory(&self) -> impl Iterator<Item = &SealedChunk> {
        self.sealed.iter().filter(|c| matches!(c.data, ChunkData::Memory(_)))
    }

    /// Says that the chunk that begins at `min_ms` is in a file.
    pub(crate) fn move_to_file(&mut self, min_ms: i64, reference: HeadChunkRef) {
        if let Ok(at) = self.sealed.binary_search_by_key(&min_ms, |c| c.min_ms) {
            self.sealed[at].data = ChunkData::File(reference);
        }
    }

    /// The first head chunk file that has chunks of the series.
    pub(crate) fn first_file(&self) -> Option<u32> {
        let in_order = self.sealed.iter().filter_map(SealedChunk::file).min();
        in_order.into_iter().chain(self.out_of_order().and_then(OutOfOrder::first_file)).min()
    }

    /// Adds a chunk that was found in a file, where it has its place between those that are there. Whether it had.
    pub(crate) fn insert_chunk(&mut self, chunk: SealedChunk) -> bool {
        let at = self.sealed.partition_point(|before| before.max_ms < chunk.min_ms);
        let open_ms = (!self.open.is_empty()).then(|| self.cut.start_ms());
        let next_ms = self.sealed.get(at).map(|next| next.min_ms).or(open_ms);
        let fits = next_ms.is_none_or(|next_ms| chunk.max_ms < next_ms);
        if fits {
            self.sealed.insert(at, chunk);
        }
        fits
    }

    /// Chunks that take no more samples and overlap `range`.
    pub(crate) fn sealed_in(&self, range: TimeRange) -> impl Iterator<Item = &SealedChunk> {
        self.sealed.iter().filter(move |chunk| chunk.overlaps(range))
    }

    /// Puts chunks of the same samples in the place of one that is in a file.
    pub(crate) fn replace_chunk(&mut self, chunk: &SealedChunk, with: Vec<SealedChunk>) {
        if let Some(at) = self.sealed.iter().position(|sealed| sealed.file_place() == chunk.file_place()) {
            self.sealed.splice(at..=at, with);
        }
    }

    /// Gives a series without samples the chunks that were found in files.
    pub(crate) fn restore_chunks(&mut self, chunks: Vec<SealedChunk>) {
        debug_assert!(self.sealed.is_empty() && self.open.is_empty());
        self.sealed = chunks;
    }

    /// Makes room for floats in a series that has nothing open: its newest chunk, which is in a file, has so many bytes.
    pub(crate) fn expect_floats(&mut self, newest_bytes: u32) {
        if self.open.is_empty() {
            self.open = OpenChunk::Xor(XorAppender::with_capacity(newest_bytes.min(MAX_EXPECTED_BYTES) as usize / 2));
        }
    }

    /// Where the open chunk goes on, if it is one of floats.
    #[inline]
    pub(crate) fn room(&self) -> &[u8] {
        if let OpenChunk::Xor(open) = &self.open { open.room() } else { &[] }
    }

    /// Chunks, late ones included.
    pub(crate) fn chunk_count(&self) -> usize {
        let late = self.out_of_order().map_or(0, |late| late.figures().0);
        self.sealed.len() + usize::from(!self.open.is_empty()) + late
    }

    /// Bytes on the heap, labels apart.
    pub(crate) fn heap_bytes(&self) -> usize {
        const ARC_COUNTS: usize = 16;
        let sealed: usize = self.sealed.iter().map(|c| c.data.heap_bytes() + ARC_COUNTS).sum();
        let late = self.out_of_order().map_or(0, |late| late.figures().1);
        sealed + self.sealed.capacity() * size_of::<SealedChunk>() + self.open.heap_bytes() + late
    }

    /// First and last time of each chunk in order.
    pub(crate) fn chunk_times(&self) -> impl Iterator<Item = (i64, i64)> {
        let open = (!self.open.is_empty()).then(|| (self.cut.start_ms(), self.open.newest_ms()));
        self.sealed.iter().map(|c| (c.min_ms, c.max_ms)).chain(open)
    }

    /// First and last time of the samples in order.
    pub(crate) fn time_range(&self) -> Option<(i64, i64)> {
        let first = self.sealed.first().map(|c| c.min_ms);
        let open = (!self.open.is_empty()).then(|| self.cut.start_ms());
        Some((first.or(open)?, self.newest_ms()?))
    }

    /// First and last time of all samples, late ones included.
    pub(crate) fn full_time_range(&self) -> Option<(i64, i64)> {
        let late = self.out_of_order().and_then(OutOfOrder::time_range);
        self.time_range().into_iter().chain(late).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// Drops whole chunks that end before `t_ms`, and what was deleted before it. Whether samples are left.
    pub(crate) fn truncate_before(&mut self, t_ms: i64) -> bool {
        let gone = self.sealed.partition_point(|c| c.max_ms < t_ms);
        self.sealed.drain(..gone);
        self.sealed.shrink_to(self.sealed.len() + 1);
        if self.sealed.is_empty() && !self.open.is_empty() && self.open.newest_ms() < t_ms {
            self.open = OpenChunk::default();
            self.versions.is_stale = false;
        }
        // Late samples may lie before that, and be deleted.
        if let Some(extra) = self.extra.as_mut().filter(|e| e.out_of_order.is_empty()) {
            extra.deleted.forget_before(t_ms);
        }
        self.has_samples()
    }

    pub(crate) fn has_samples(&self) -> bool {
        !self.sealed.is_empty() || !self.open.is_empty() || self.out_of_order().is_some_and(|o| !o.is_empty())
    }

    fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    pub(crate) fn out_of_order(&self) -> Option<&OutOfOrder> {
        self.extra.as_ref().map(|e| &e.out_of_order)
    }

    pub(crate) fn out_of_order_mut(&mut self) -> &mut OutOfOrder {
        &mut self.extra().out_of_order
    }

    /// Marks the late samples as being written to blocks; their times.
    pub(crate) fn freeze_late(&mut self, encodings: Encodings) -> Option<(i64, i64)> {
        let late = &mut self.extra.as_mut()?.out_of_order;
        late.freeze(encodings);
        late.time_range()
    }

    pub(crate) fn drop_frozen_late(&mut self) {
        if let Some(extra) = &mut self.extra {
            extra.out_of_order.drop_frozen();
        }
    }

    pub(crate) fn deleted(&self) -> &[(i64, i64)] {
        self.extra.as_ref().map_or(&[], |e| e.deleted.as_slice())
    }

    /// Hides an interval that the log says is deleted.
    pub(crate) fn add_deleted(&mut self, min_ms: i64, max_ms: i64) {
        self.extra().deleted.add(min_ms, max_ms);
    }

    pub(crate) fn metadata(&self) -> Option<&Arc<Metadata>> {
        self.extra.as_ref().and_then(|e| e.metadata.as_ref())
    }

    pub(crate) fn set_metadata(&mut self, metadata: Arc<Metadata>) {
        self.extra().metadata = Some(metadata);
    }

    /// The chunks that overlap `range`, as far as a reader at `snapshot` sees them.
    pub(crate) fn view(&self, snapshot: CommitId, range: TimeRange, files: Option<&HeadChunks>) -> Vec<ChunkView> {
        let mut chunks = Vec::new();
        for (bounds, chunk) in self.visible(snapshot, files) {
            if bounds.min_ms <= range.max_ms && bounds.max_ms >= range.min_ms {
                chunks.push(chunk());
            }
        }
        chunks
    }

    /// The chunks in order that overlap `[min_ms, max_ms]`, with their bounds, whole.
    pub(crate) fn chunks_in(&self, min_ms: i64, max_ms: i64) -> Vec<SealedChunk> {
        let open = (!self.open.is_empty()).then(|| SealedChunk {
            min_ms: self.cut.start_ms(),
            max_ms: self.open.newest_ms(),
            samples: self.open.len() as u16,
            encoding: self.open.encoding(),
            data: ChunkData::Memory(self.open.shared_bytes()),
        });
        let all = self.sealed.iter().cloned().chain(open);
        all.filter(|c| c.min_ms <= max_ms && c.max_ms >= min_ms).collect()
    }

    /// Whether a reader at `snapshot` sees a sample in `range`.
    pub(crate) fn has_sample_in(&self, snapshot: CommitId, range: TimeRange, files: Option<&HeadChunks>) -> bool {
        if let Some((t_ms, _)) = self.newest_float_for(snapshot, range.max_ms) {
            return t_ms >= range.min_ms;
        }
        self.has_sample_in_order_in(snapshot, range, files) || self.has_late_sample_in(range, files)
    }

    fn has_late_sample_in(&self, range: TimeRange, files: Option<&HeadChunks>) -> bool {
        let Some(late) = self.out_of_order() else { return false };
        if self.deleted().is_empty() {
            return late.has_sample_in(range, files);
        }
        let mut is_any_lost = false;
        let mut rows = late.view(range, files).rows(|_| is_any_lost = true);
        crate::batch::drop_intervals(&mut rows, 0, self.deleted());
        // Reading says what is wrong.
        is_any_lost || !rows.is_empty()
    }

    fn has_sample_in_order_in(&self, snapshot: CommitId, range: TimeRange, files: Option<&HeadChunks>) -> bool {
        let deleted = self.extra.as_ref().map(|e| &e.deleted).filter(|d| !d.is_empty());
        for (bounds, chunk) in self.visible(snapshot, files) {
            if bounds.max_ms < range.min_ms {
                continue;
            }
            if bounds.min_ms > range.max_ms {
                return false;
            }
            let is_touched = deleted.is_some_and(|d| d.overlaps(bounds.min_ms, bounds.max_ms));
            let max_is_visible = bounds.all_visible && range.contains(bounds.max_ms);
            let is_certain = !is_touched && (range.contains(bounds.min_ms) || max_is_visible);
            if is_certain || decoded_has_sample_in(&chunk(), range, self.deleted()) {
                return true;
            }
        }
        false
    }

    /// The chunks of which at least one sample is visible, in time order, each with its bounds and a way to get it.
    fn visible(
        &self,
        snapshot: CommitId,
        files: Option<&HeadChunks>,
    ) -> impl Iterator<Item = (Bounds, impl FnOnce() -> ChunkView)> {
        let hidden = self.versions.hidden_from(snapshot);
        let mut left = self.total_samples().saturating_sub(hidden);
        let sealed = self.sealed.iter().map(|c| (c.min_ms, c.max_ms, c.samples.into(), Shared::Sealed(c)));
        let open = &self.open;
        let open = (self.cut.start_ms(), open.newest_ms(), open.len(), Shared::Open(open));
        sealed.chain([open]).map_while(move |(min_ms, max_ms, samples, chunk)| {
            let visible = samples.min(left);
            left -= visible;
            let bounds = Bounds { min_ms, max_ms, all_visible: visible == samples };
            (visible > 0).then_some((bounds, move || chunk.view(visible, files)))
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

enum Shared<'a> {
    Sealed(&'a SealedChunk),
    Open(&'a OpenChunk),
}

impl Shared<'_> {
    fn view(self, samples: usize, files: Option<&HeadChunks>) -> ChunkView {
        match self {
            Shared::Sealed(chunk) => ChunkView { samples, ..chunk.view(files) },
            Shared::Open(chunk) => {
                let bytes = ChunkBytes::Memory(chunk.shared_bytes());
                ChunkView { encoding: chunk.encoding(), samples, bytes }
            }
        }
    }
}

fn decoded_has_sample_in(chunk: &ChunkView, range: TimeRange, deleted: &[(i64, i64)]) -> bool {
    let mut samples = SampleBatch::new();
    if chunk.decode(&mut samples).is_err() {
        // Reading it says what is wrong with it.
        return true;
    }
    crate::batch::drop_intervals(&mut samples, 0, deleted);
    samples.timestamps.iter().any(|t| range.contains(*t))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANGE_MS: i64 = 7_200_000;
    const START: i64 = 1_717_200_000_000;

    fn stamp(commit: u64) -> Stamp {
        Stamp {
            commit: CommitId(commit),
            settled: CommitId(0),
            chunk_range_ms: RANGE_MS,
            is_xor2: false,
            start_timestamps: false,
        }
    }

    fn chunk_sizes(step_ms: i64, samples: i64, value: impl Fn(i64) -> f64) -> Vec<usize> {
        let mut state = SeriesState::default();
        for i in 0..samples {
            state.push_float(START + i * step_ms, 0, value(i), &stamp(1));
        }
        state.view(CommitId(1), TimeRange::ALL, None).iter().map(|c| c.samples).collect()
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
    fn the_short_way_of_a_sample_ends_where_the_long_one_does() {
        let shapes: [fn(i64) -> (i64, f64); 4] = [
            |i| (i * 15_000, 1.0),
            |i| (i * 1_000 + i % 3, (i * 7) as f64),
            |i| (i * 1_000, f64::from_bits((i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))),
            |i| (i * i * 500, if i % 50 == 0 { promethium_model::STALE_NAN } else { 0.5 }),
        ];
        for (shape, sample) in shapes.iter().enumerate() {
            let (mut short, mut long, mut taken) = (SeriesState::default(), SeriesState::default(), 0);
            for i in 0..700 {
                let (t_ms, value) = (START + sample(i).0, sample(i).1);
                long.push_float(t_ms, 0, value, &stamp(1 + i as u64 / 9));
                if short.push_following(t_ms, value, &stamp(1 + i as u64 / 9)) {
                    taken += 1;
                } else {
                    short.push_float(t_ms, 0, value, &stamp(1 + i as u64 / 9));
                }
                assert!(!short.push_following(t_ms, value, &stamp(1)), "it is not newer");
                assert_eq!((short.is_stale(), short.newest_ms()), (long.is_stale(), long.newest_ms()));
            }
            let of = |state: &SeriesState| -> Vec<_> {
                let views = state.view(CommitId(60), TimeRange::ALL, None);
                views.iter().map(|c| (c.samples, c.bytes.as_slice().to_vec())).collect()
            };
            assert_eq!(of(&short), of(&long), "shape {shape}");
            assert!(taken > 500, "shape {shape}: {taken} went the short way");
        }
    }

    #[test]
    fn a_reader_sees_only_samples_of_its_past() {
        let mut state = SeriesState::default();
        for i in 0..300 {
            state.push_float(START + i * 1_000, 0, 0.5, &stamp(1 + i as u64 / 100));
        }
        let seen =
            |snapshot| state.view(CommitId(snapshot), TimeRange::ALL, None).iter().map(|c| c.samples).sum::<usize>();
        assert_eq!([seen(0), seen(1), seen(2), seen(3)], [0, 100, 200, 300]);
        let later = TimeRange::new(START + 150_000, START + 160_000);
        assert!(!state.has_sample_in(CommitId(1), later, None) && state.has_sample_in(CommitId(2), later, None));
        let between = TimeRange::new(START + 1, START + 999);
        assert!(!state.has_sample_in(CommitId(3), between, None));
    }

    #[test]
    fn truncation_drops_whole_chunks_and_deletes_hide() {
        let mut state = SeriesState::default();
        for i in 0..300 {
            state.push_float(START + i * 1_000, 0, 0.5, &stamp(1));
        }
        state.add_deleted(START + 250_000, START + 299_000);
        assert!(!state.has_sample_in(CommitId(1), TimeRange::new(START + 260_000, START + 290_000), None));
        assert!(state.has_sample_in(CommitId(1), TimeRange::new(START + 249_000, START + 290_000), None));
        assert!(state.truncate_before(START + 117_000));
        assert_eq!(state.time_range(), Some((START + 117_000, START + 299_000)));
        assert!(!state.truncate_before(START + 300_000));
        assert_eq!((state.time_range(), state.deleted()), (None, &[][..]));
    }
}
