//! Writing histogram chunks.

use promethium_model::{CounterResetHint, FloatHistogram, Histogram, Span, Spans, is_stale};

use super::fit::{Open, Reason, Verdict};
use super::layout::Layout;
use super::native::Native;
use super::native::sealed::State;
use crate::bits::BitWriter;
use crate::encoding::COUNTER_RESET_BITS;
use crate::start_times::StartWriter;
use crate::{CounterResetHeader, Encoding};

/// Writes a chunk of histograms with integer counts.
pub type HistogramAppender = NativeAppender<Histogram>;
/// Writes a chunk of histograms with float counts.
pub type FloatHistogramAppender = NativeAppender<FloatHistogram>;

const HEADER: usize = 3;

/// Where a histogram went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a histogram that needs a new chunk was not taken"]
pub enum Placement {
    /// Into the chunk.
    Appended,
    /// Into the chunk, all of which was written anew because the histogram has buckets that it lacked.
    Recoded,
    /// Nowhere: it is to start a new chunk with this header.
    NeedsNewChunk(CounterResetHeader),
}

/// Writes one histogram chunk, sample by sample. Its bytes are complete and readable after each sample.
///
/// A chunk is never empty: its first sample decides what may follow.
///
/// ```
/// use promethium_chunk::{Encoding, CounterResetHeader, HistogramAppender, Placement, decode};
/// use promethium_model::{Histogram, SampleBatch};
/// let mut h = Histogram { count: 3, zero_count: 3, sum: 1.5, ..Histogram::default() };
/// let header = HistogramAppender::header_of_next(None, &h);
/// let mut chunk = HistogramAppender::start(Encoding::Histogram, header, 0, 1_000, &h);
/// (h.count, h.zero_count) = (5, 5);
/// assert_eq!(chunk.push(0, 2_000, &h), Placement::Appended);
/// (h.count, h.zero_count) = (4, 4);
/// assert_eq!(chunk.push(0, 3_000, &h), Placement::NeedsNewChunk(CounterResetHeader::Reset));
/// let mut out = SampleBatch::new();
/// decode(chunk.encoding(), chunk.bytes(), &mut out)?;
/// assert_eq!(out.timestamps, [1_000, 2_000]);
/// # Ok::<(), promethium_chunk::ChunkError>(())
/// ```
#[derive(Clone, Debug)]
pub struct NativeAppender<H: Native> {
    out: BitWriter,
    tail: Box<Tail<H>>,
}

/// What the next sample is compared with.
#[derive(Clone, Debug)]
struct Tail<H: Native> {
    encoding: Encoding,
    header: CounterResetHeader,
    count: u16,
    layout: Layout,
    timestamp: i64,
    delta: i64,
    numbers: H::State,
    starts: StartWriter,
}

impl<H: Native> NativeAppender<H> {
    /// The header of a new chunk that was due anyway, because the one before is full or there is none of this kind.
    #[must_use]
    pub fn header_of_next(before: Option<&Self>, first: &H) -> CounterResetHeader {
        match (first.hint(), before) {
            (CounterResetHint::Gauge, _) => CounterResetHeader::Gauge,
            (CounterResetHint::Reset, _) => CounterResetHeader::Reset,
            (_, None) => CounterResetHeader::Unknown,
            (_, Some(before)) => match before.open().counter_verdict(first) {
                Verdict::NewChunk(Reason::Reset) => CounterResetHeader::Reset,
                Verdict::NewChunk(Reason::Unknown) => H::PLANNED_UNKNOWN,
                _ => CounterResetHeader::NotReset,
            },
        }
    }

    /// A chunk of one sample. Start timestamps are kept if the encoding has them; 0 = unknown.
    ///
    /// # Panics
    ///
    /// When the encoding is not one for this kind of histogram, or `first` has not as many buckets as its spans cover.
    #[must_use]
    pub fn start(
        encoding: Encoding,
        header: CounterResetHeader,
        start_timestamp_ms: i64,
        timestamp_ms: i64,
        first: &H,
    ) -> Self {
        assert!(H::ENCODINGS.contains(&encoding), "{encoding:?} is for another kind of samples");
        if is_stale(first.sum()) {
            let stale = H::stale(first.sum());
            return Self::start_with(encoding, header, start_timestamp_ms, timestamp_ms, &stale);
        }
        Self::start_with(encoding, header, start_timestamp_ms, timestamp_ms, first)
    }

    fn start_with(encoding: Encoding, header: CounterResetHeader, start: i64, timestamp: i64, first: &H) -> Self {
        let layout = first.layout().to_owned();
        assert_eq!(first.bucket_len(), layout.buckets(), "spans and buckets differ");
        let mut out = BitWriter::default();
        out.reserve(HEADER);
        out.push_zeros(8 * HEADER as u32);
        first.layout().write(&mut out);
        out.signed(timestamp);
        let numbers = H::State::write_first(first, &mut out);
        let starts = StartWriter::default();
        let tail = Tail { encoding, header, count: 0, layout, timestamp, delta: 0, numbers, starts };
        let mut chunk = NativeAppender { out, tail: Box::new(tail) };
        chunk.write_start(start, timestamp);
        chunk.count_one();
        chunk
    }

    /// Adds a histogram if it may join the chunk. Timestamps must ascend for readers to make sense of them; this is the
    /// caller's to see to.
    ///
    /// # Panics
    ///
    /// When `h` has not as many buckets as its spans cover.
    pub fn push(&mut self, start_timestamp_ms: i64, timestamp_ms: i64, h: &H) -> Placement {
        if self.len() == self.tail.encoding.max_samples() {
            return Placement::NeedsNewChunk(Self::header_of_next(Some(self), h));
        }
        match self.open().verdict(h) {
            Verdict::NewChunk(reason) => return Placement::NeedsNewChunk(unplanned_header::<H>(reason)),
            Verdict::Append if is_stale(h.sum()) => self.append(start_timestamp_ms, timestamp_ms, &H::stale(h.sum())),
            Verdict::Append => self.append(start_timestamp_ms, timestamp_ms, h),
            Verdict::Widen => {
                let wide = h.spread(&self.tail.layout.positive, &self.tail.layout.negative);
                self.append(start_timestamp_ms, timestamp_ms, &wide);
            }
            Verdict::Recode(positive, negative) => {
                self.recode(&positive, &negative);
                self.append(start_timestamp_ms, timestamp_ms, &h.spread(&positive, &negative));
                return Placement::Recoded;
            }
        }
        Placement::Appended
    }

    /// Adds a sample that has the chunk's layout, or is stale.
    fn append(&mut self, start: i64, timestamp: i64, h: &H) {
        let tail = &mut *self.tail;
        let needed = if is_stale(h.sum()) { 0 } else { tail.layout.buckets() };
        assert_eq!(h.bucket_len(), needed, "spans and buckets differ");
        let before = tail.timestamp;
        let delta = timestamp.wrapping_sub(before);
        self.out.signed(delta.wrapping_sub(tail.delta));
        tail.numbers.write_next(h, &mut self.out);
        (tail.timestamp, tail.delta) = (timestamp, delta);
        self.write_start(start, before);
        self.count_one();
    }

    /// Writes the chunk anew over wider spans.
    fn recode(&mut self, positive: &Spans, negative: &Spans) {
        let (encoding, header) = (self.tail.encoding, self.tail.header);
        let mut wider: Option<Self> = None;
        super::recode::each_sample(encoding, self.bytes(), |start, timestamp, h: &H| {
            let h = h.spread(positive, negative);
            match &mut wider {
                None => wider = Some(Self::start_with(encoding, header, start, timestamp, &h)),
                Some(chunk) => chunk.append(start, timestamp, &h),
            }
        });
        *self = wider.expect("a chunk has a sample");
    }

    /// `before` is the timestamp before, or that of the first sample itself.
    fn write_start(&mut self, start: i64, before: i64) {
        let tail = &mut *self.tail;
        if !tail.encoding.has_start_timestamps() {
            return;
        }
        let header = &mut self.out.bytes_mut()[HEADER - 1];
        if tail.count == 0 {
            if let Some(number) = tail.starts.first(start, before, header) {
                self.out.varint(number);
            }
        } else if let Some(number) = tail.starts.next(tail.count.into(), start, before, header) {
            self.out.signed(number);
        }
    }

    fn count_one(&mut self) {
        let tail = &mut *self.tail;
        tail.count += 1;
        let [high, low] = tail.count.to_be_bytes();
        let reset = tail.header.bits();
        match tail.encoding.has_start_timestamps() {
            true => self.out.bytes_mut()[..2].copy_from_slice(&[reset | (high & !COUNTER_RESET_BITS), low]),
            false => self.out.bytes_mut()[..HEADER].copy_from_slice(&[high, low, reset]),
        }
    }

    fn open(&self) -> Open<'_, H> {
        Open { header: self.tail.header, layout: &self.tail.layout, state: &self.tail.numbers }
    }

    /// Samples so far, at least one.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a chunk has at least one sample")]
    pub fn len(&self) -> usize {
        self.tail.count.into()
    }

    /// How the bytes are encoded.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.tail.encoding
    }

    /// What the chunk's header says of counter resets.
    #[must_use]
    pub fn counter_reset_header(&self) -> CounterResetHeader {
        self.tail.header
    }

    /// The newest sample's timestamp.
    #[must_use]
    pub fn newest_timestamp(&self) -> i64 {
        self.tail.timestamp
    }

    /// The newest sample's start timestamp; 0 = unknown.
    #[must_use]
    pub fn newest_start_timestamp(&self) -> i64 {
        self.tail.starts.newest()
    }

    /// The newest sample, over the chunk's spans, without a hint; of a stale one only the sum is there.
    #[must_use]
    pub fn newest(&self) -> H {
        let sum = self.tail.numbers.sum();
        match is_stale(sum) {
            true => H::stale(sum),
            false => self.tail.numbers.histogram(&self.tail.layout, CounterResetHint::Unknown),
        }
    }

    /// The chunk's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.out.bytes()
    }

    /// The chunk's bytes, in a buffer of their length.
    #[must_use]
    pub fn into_bytes(self) -> Box<[u8]> {
        self.out.into_bytes()
    }

    /// Bytes on the heap, used or not.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let layout = &self.tail.layout;
        let spans = layout.positive.len() + layout.negative.len();
        size_of::<Tail<H>>() + self.out.capacity() + self.tail.numbers.heap_bytes() + spans * size_of::<Span>()
    }
}

/// The header of a new chunk that a sample forces.
fn unplanned_header<H: Native>(reason: Reason) -> CounterResetHeader {
    match reason {
        Reason::Reset => CounterResetHeader::Reset,
        Reason::Gauge => CounterResetHeader::Gauge,
        Reason::AfterGauge => H::UNPLANNED_AFTER_GAUGE,
        Reason::Unknown => CounterResetHeader::Unknown,
    }
}
