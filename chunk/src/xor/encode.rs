//! Writing XOR chunks.

use promethium_model::SampleBatch;

use crate::bits::{BitSink, TailWriter};
use crate::decode::{End, decode_xor_to_end};
use crate::value::{Window, write_change};
use crate::{ChunkError, MAX_CHUNK_SAMPLES};

const HEADER: usize = 2;

/// Writes one XOR chunk, sample by sample.
///
/// ```
/// use promethium_chunk::{XorAppender, decode_xor};
/// use promethium_model::SampleBatch;
/// let mut chunk = XorAppender::new();
/// chunk.push(1_000, 1.5);
/// chunk.push(2_000, 2.5);
/// let mut out = SampleBatch::new();
/// decode_xor(&chunk.to_bytes(), &mut out)?;
/// assert_eq!((out.timestamps, out.floats), (vec![1_000, 2_000], vec![1.5, 2.5]));
/// # Ok::<(), promethium_chunk::ChunkError>(())
/// ```
#[derive(Clone, Debug)]
pub struct XorAppender {
    out: TailWriter<Small>,
    timestamp_ms: i64,
    delta: i64,
    value: u64,
    /// The value before that.
    previous: u64,
}

#[derive(Clone, Debug)]
struct Small {
    count: u16,
    window: Window,
}

impl Default for Small {
    fn default() -> Self {
        Small { count: 0, window: Window::NONE }
    }
}

impl Default for XorAppender {
    fn default() -> Self {
        Self::new()
    }
}

impl XorAppender {
    /// An empty chunk.
    #[must_use]
    pub fn new() -> Self {
        XorAppender { out: TailWriter::default(), timestamp_ms: 0, delta: 0, value: 0, previous: 0 }
    }

    /// An empty chunk with room for so many bytes.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        XorAppender { out: TailWriter::with_capacity(bytes), ..Self::new() }
    }

    /// An empty chunk in this one's buffer, unless that is much larger than this one needed: chunks of a series are alike.
    #[must_use]
    pub fn restart(self) -> Self {
        XorAppender { out: self.out.restart(), ..Self::new() }
    }

    /// Goes on with a chunk, whose samples are appended to `out`. What is pushed from here on gives the bytes that it would have
    /// given in the chunk's first appender.
    ///
    /// # Errors
    ///
    /// When the bytes are not a chunk of floats in time order; `out` is then as it was.
    pub fn resume(chunk: &[u8], out: &mut SampleBatch) -> Result<XorAppender, ChunkError> {
        let base = out.len();
        let End { bits, window } = decode_xor_to_end(chunk, out)?;
        let (timestamps, floats) = (&out.timestamps[base..], &out.floats[base..]);
        let Some((timestamp_ms, value)) = timestamps.last().zip(floats.last()) else { return Ok(XorAppender::new()) };
        // A writer has no window before its first change; a reader begins with one.
        let is_changed = floats.windows(2).any(|two| two[0].to_bits() != two[1].to_bits());
        let window = if is_changed { window } else { Window::NONE };
        let before = floats.len().checked_sub(2);
        Ok(XorAppender {
            out: TailWriter::resume(&chunk[HEADER..], bits, Small { count: floats.len() as u16, window }),
            timestamp_ms: *timestamp_ms,
            delta: before.map_or(0, |before| timestamp_ms.wrapping_sub(timestamps[before])),
            value: value.to_bits(),
            previous: before.map_or(0, |before| floats[before].to_bits()),
        })
    }

    /// Samples so far.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.out.beside.count)
    }

    /// Whether there are no samples.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.out.beside.count == 0
    }

    /// The newest sample. Meaningless while the chunk is empty.
    #[must_use]
    pub fn newest(&self) -> (i64, f64) {
        (self.timestamp_ms, f64::from_bits(self.value))
    }

    /// The sample before the newest; `None` where there are not two.
    #[must_use]
    pub fn previous(&self) -> Option<(i64, f64)> {
        let timestamp_ms = self.timestamp_ms.wrapping_sub(self.delta);
        (self.out.beside.count > 1).then_some((timestamp_ms, f64::from_bits(self.previous)))
    }

    /// Bytes of the chunk so far; 0 while it has no samples.
    #[inline]
    #[must_use]
    pub fn byte_len(&self) -> usize {
        if self.is_empty() { 0 } else { HEADER + self.out.len() }
    }

    /// As [`byte_len`](XorAppender::byte_len), or one more.
    #[inline(always)]
    #[must_use]
    pub fn max_byte_len(&self) -> usize {
        HEADER + self.out.max_len()
    }

    /// The chunk's bytes so far; empty while it has no samples.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.byte_len());
        if !self.is_empty() {
            bytes.extend_from_slice(&self.out.beside.count.to_be_bytes());
            self.out.write_to(&mut bytes);
        }
        bytes
    }

    /// As [`to_bytes`](XorAppender::to_bytes), into a place of [`byte_len`](XorAppender::byte_len) bytes.
    ///
    /// # Panics
    ///
    /// When the place is of another length.
    pub fn copy_to(&self, place: &mut [u8]) {
        assert_eq!(place.len(), self.byte_len(), "a place for a chunk has its length");
        if let Some((count, stream)) = place.split_first_chunk_mut::<HEADER>() {
            *count = self.out.beside.count.to_be_bytes();
            self.out.copy_to(stream);
        }
    }

    /// As [`to_bytes`](XorAppender::to_bytes), at the end.
    #[must_use]
    pub fn into_bytes(self) -> Box<[u8]> {
        self.to_bytes().into_boxed_slice()
    }

    /// Where the next bytes go, as far as there is room: for who wants that memory at hand before it pushes.
    #[inline]
    #[must_use]
    pub fn room(&self) -> &[u8] {
        self.out.room()
    }

    /// Bytes that the buffer holds, used or not.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.out.capacity()
    }

    /// Adds a sample. Timestamps must ascend for readers to make sense of them; this is the caller's to see to.
    ///
    /// # Panics
    ///
    /// When the chunk already has [`MAX_CHUNK_SAMPLES`].
    #[inline]
    pub fn push(&mut self, timestamp_ms: i64, value: f64) {
        if !self.push_behind_two(timestamp_ms, value) {
            self.push_early(timestamp_ms, value.to_bits());
        }
    }

    /// As [`push`](XorAppender::push), where the chunk has two samples and may have more. Whether it was added.
    ///
    /// PERF: inlined into the loop of whoever appends to many series, who leaves the rest to `push`.
    #[inline(always)]
    pub fn push_behind_two(&mut self, timestamp_ms: i64, value: f64) -> bool {
        const MORE: u16 = MAX_CHUNK_SAMPLES as u16 - 2;
        if self.out.beside.count.wrapping_sub(2) >= MORE {
            return false;
        }
        let bits = value.to_bits();
        let delta = timestamp_ms.wrapping_sub(self.timestamp_ms);
        let dod = delta.wrapping_sub(self.delta);
        if dod == 0 {
            self.push_in_step(bits);
        } else {
            self.push_out_of_step(dod, bits);
        }
        self.delta = delta;
        self.note(timestamp_ms, bits);
        true
    }

    #[inline(always)]
    fn note(&mut self, timestamp_ms: i64, bits: u64) {
        self.timestamp_ms = timestamp_ms;
        self.previous = self.value;
        self.value = bits;
        self.out.beside.count += 1;
    }

    /// The first two samples.
    #[cold]
    #[inline(never)]
    fn push_early(&mut self, timestamp_ms: i64, bits: u64) {
        match self.out.beside.count {
            0 => {
                self.out.push_varint(timestamp_ms);
                self.out.push(bits, 64);
            }
            1 => {
                self.delta = timestamp_ms.wrapping_sub(self.timestamp_ms);
                self.out.push_uvarint(self.delta as u64);
                self.push_value((0, 0), bits);
            }
            _ => panic!("a chunk counts at most {MAX_CHUNK_SAMPLES} samples"),
        }
        self.note(timestamp_ms, bits);
    }

    #[inline(always)]
    fn push_in_step(&mut self, bits: u64) {
        let xor = bits ^ self.value;
        if xor == 0 {
            return self.out.push_zeros(2);
        }
        match self.out.beside.window.fit(xor) {
            Some((significant, n)) if 3 + n <= 64 => self.out.push(0b010 << n | significant, 3 + n),
            _ => self.push_step(xor),
        }
    }

    /// A change in step that takes more than the shortest form.
    #[inline(never)]
    fn push_step(&mut self, xor: u64) {
        self.push_xor((0, 1), xor);
    }

    #[inline(never)]
    fn push_out_of_step(&mut self, dod: i64, bits: u64) {
        match delta_of_delta_code(dod) {
            Some(code) => self.push_value(code, bits),
            None => {
                self.out.push(0b1111, 4);
                self.out.push(dod as u64, 64);
                self.push_value((0, 0), bits);
            }
        }
    }

    fn push_value(&mut self, prefix: (u64, u32), bits: u64) {
        self.push_xor(prefix, bits ^ self.value);
    }

    #[inline(always)]
    fn push_xor(&mut self, prefix: (u64, u32), xor: u64) {
        let mut window = self.out.beside.window;
        write_change(prefix, xor, &mut window, &mut self.out);
        self.out.beside.window = window;
    }
}

/// Prefix and bits of a delta of deltas that is not 0, if it is not to be written raw. The ranges are shifted by one: 14 bits hold −8191 to
/// 8192.
#[inline(always)]
fn delta_of_delta_code(dod: i64) -> Option<(u64, u32)> {
    let fits = |n: u32| (-(1_i64 << (n - 1)) < dod) & (dod <= 1_i64 << (n - 1));
    let low = |n: u32| dod as u64 & ((1 << n) - 1);
    if fits(14) {
        Some((0b10 << 14 | low(14), 16))
    } else if fits(17) {
        Some((0b110 << 17 | low(17), 20))
    } else if fits(20) {
        Some((0b1110 << 20 | low(20), 24))
    } else {
        None
    }
}

// A head holds one of these for each of a million series.
const _: () = assert!(size_of::<XorAppender>() <= 88);
