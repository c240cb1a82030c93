//! Writing XOR chunks.

use crate::bits::BitWriter;
use crate::value::{Window, write_change};
use crate::{MAX_CHUNK_SAMPLES, MAX_FLOAT_SAMPLE_BYTES};

const HEADER: usize = 2;

/// Writes one XOR chunk, sample by sample. Its bytes are complete and readable after each [`push`](XorAppender::push).
///
/// ```
/// use promethium_chunk::{XorAppender, decode_xor};
/// use promethium_model::SampleBatch;
/// let mut chunk = XorAppender::new();
/// chunk.push(1_000, 1.5);
/// chunk.push(2_000, 2.5);
/// let mut out = SampleBatch::new();
/// decode_xor(chunk.bytes(), &mut out)?;
/// assert_eq!((out.timestamps, out.floats), (vec![1_000, 2_000], vec![1.5, 2.5]));
/// # Ok::<(), promethium_chunk::ChunkError>(())
/// ```
#[derive(Clone, Debug)]
pub struct XorAppender {
    out: BitWriter,
    timestamp_ms: i64,
    delta: i64,
    value: u64,
    /// The value before that.
    previous: u64,
    count: u16,
    window: Window,
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
        XorAppender {
            out: BitWriter::default(),
            timestamp_ms: 0,
            delta: 0,
            value: 0,
            previous: 0,
            count: 0,
            window: Window::NONE,
        }
    }

    /// Samples so far.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.count)
    }

    /// Whether there are no samples.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
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
        (self.count > 1).then_some((timestamp_ms, f64::from_bits(self.previous)))
    }

    /// The chunk's bytes; empty while it has no samples.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.out.bytes()
    }

    /// Bytes that the buffer holds, used or not.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.out.capacity()
    }

    /// The chunk's bytes, in a buffer of their length.
    #[must_use]
    pub fn into_bytes(self) -> Box<[u8]> {
        self.out.into_bytes()
    }

    /// Adds a sample. Timestamps must ascend for readers to make sense of them; this is the caller's to see to.
    ///
    /// # Panics
    ///
    /// When the chunk already has [`MAX_CHUNK_SAMPLES`].
    #[inline]
    pub fn push(&mut self, timestamp_ms: i64, value: f64) {
        assert!(self.len() < MAX_CHUNK_SAMPLES, "a chunk counts at most {MAX_CHUNK_SAMPLES} samples");
        self.out.reserve(MAX_FLOAT_SAMPLE_BYTES);
        let bits = value.to_bits();
        match self.count {
            0 => self.push_first(timestamp_ms, bits),
            1 => self.push_second(timestamp_ms, bits),
            _ => self.push_next(timestamp_ms, bits),
        }
        self.timestamp_ms = timestamp_ms;
        self.previous = self.value;
        self.value = bits;
        self.count += 1;
        self.out.bytes_mut()[..HEADER].copy_from_slice(&self.count.to_be_bytes());
    }

    fn push_first(&mut self, timestamp_ms: i64, bits: u64) {
        self.out.push_zeros(8 * HEADER as u32);
        self.out.varint(timestamp_ms);
        self.out.push_long(bits, 64);
    }

    fn push_second(&mut self, timestamp_ms: i64, bits: u64) {
        self.delta = timestamp_ms.wrapping_sub(self.timestamp_ms);
        self.out.uvarint(self.delta as u64);
        self.push_value((0, 0), bits);
    }

    #[inline(always)]
    fn push_next(&mut self, timestamp_ms: i64, bits: u64) {
        let delta = timestamp_ms.wrapping_sub(self.timestamp_ms);
        let dod = delta.wrapping_sub(self.delta);
        if dod == 0 && bits == self.value {
            return self.out.push_zeros(2);
        }
        self.delta = delta;
        match delta_of_delta_code(dod) {
            Some(code) => self.push_value(code, bits),
            None => {
                self.out.push(0b1111, 4);
                self.out.push_long(dod as u64, 64);
                self.push_value((0, 0), bits);
            }
        }
    }

    #[inline(always)]
    fn push_value(&mut self, prefix: (u64, u32), bits: u64) {
        write_change(prefix, bits ^ self.value, &mut self.window, &mut self.out);
    }
}

/// Prefix and bits of a delta of deltas, if it is not to be written raw. The ranges are shifted by one: 14 bits hold −8191 to
/// 8192.
#[inline(always)]
fn delta_of_delta_code(dod: i64) -> Option<(u64, u32)> {
    let fits = |n: u32| (-(1_i64 << (n - 1)) < dod) & (dod <= 1_i64 << (n - 1));
    let low = |n: u32| dod as u64 & ((1 << n) - 1);
    if dod == 0 {
        Some((0, 1))
    } else if fits(14) {
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
const _: () = assert!(size_of::<XorAppender>() <= 64);
