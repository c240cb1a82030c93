//! Writing XOR2 chunks.

use promethium_model::STALE_NAN;

use crate::bits::{BitSink, BitWriter};
use crate::start_times::StartWriter;
use crate::value::Window;
use crate::{MAX_CHUNK_SAMPLES, MAX_FLOAT_SAMPLE_BYTES};

const HEADER: usize = 3;

/// Writes one XOR2 chunk, sample by sample. Its bytes are complete and readable after each [`push`](Xor2Appender::push).
///
/// ```
/// use promethium_chunk::{Encoding, Xor2Appender, decode};
/// use promethium_model::SampleBatch;
/// let mut chunk = Xor2Appender::new();
/// chunk.push(500, 1_000, 1.5);
/// chunk.push(500, 2_000, 2.5);
/// let mut out = SampleBatch::new();
/// decode(Encoding::Xor2, chunk.bytes(), &mut out)?;
/// assert_eq!((out.timestamps, out.start_timestamps), (vec![1_000, 2_000], vec![500, 500]));
/// # Ok::<(), promethium_chunk::ChunkError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Xor2Appender {
    out: BitWriter,
    timestamp_ms: i64,
    delta: i64,
    // Bits of the last value that was not stale; 0 before there is one.
    baseline: u64,
    starts: StartWriter,
    count: u16,
    window: Window,
    is_stale: bool,
}

impl Default for Xor2Appender {
    fn default() -> Self {
        Self::new()
    }
}

impl Xor2Appender {
    /// An empty chunk.
    #[must_use]
    pub fn new() -> Self {
        Xor2Appender {
            out: BitWriter::default(),
            timestamp_ms: 0,
            delta: 0,
            baseline: 0,
            starts: StartWriter::default(),
            count: 0,
            window: Window::NONE,
            is_stale: false,
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
        (self.timestamp_ms, f64::from_bits(if self.is_stale { STALE_NAN.to_bits() } else { self.baseline }))
    }

    /// The newest sample's start timestamp; 0 = unknown.
    #[must_use]
    pub fn newest_start_timestamp(&self) -> i64 {
        self.starts.newest()
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

    /// Adds a sample; a start timestamp of 0 means that it is not known. Timestamps must ascend for readers to make
    /// sense of them; this is the caller's to see to.
    ///
    /// # Panics
    ///
    /// When the chunk already has [`MAX_CHUNK_SAMPLES`].
    #[inline]
    pub fn push(&mut self, start_timestamp_ms: i64, timestamp_ms: i64, value: f64) {
        assert!(self.len() < MAX_CHUNK_SAMPLES, "a chunk counts at most {MAX_CHUNK_SAMPLES} samples");
        self.out.reserve(MAX_FLOAT_SAMPLE_BYTES);
        let bits = value.to_bits();
        match self.count {
            0 => self.push_first(timestamp_ms, bits),
            1 => self.push_second(timestamp_ms, bits),
            _ => self.push_next(timestamp_ms, bits),
        }
        self.push_start(start_timestamp_ms, timestamp_ms);
        self.is_stale = bits == STALE_NAN.to_bits();
        if !self.is_stale {
            self.baseline = bits;
        }
        self.timestamp_ms = timestamp_ms;
        self.count += 1;
        self.out.bytes_mut()[..2].copy_from_slice(&self.count.to_be_bytes());
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
        if dod == 0 {
            return self.push_in_step(bits);
        }
        self.delta = delta;
        match delta_of_delta_code(dod) {
            Some(code) => self.push_value(code, bits),
            None => {
                self.out.push(0b11110, 5);
                self.out.push_long(dod as u64, 64);
                self.push_value((0, 0), bits);
            }
        }
    }

    /// A sample whose time is as expected.
    #[inline(always)]
    fn push_in_step(&mut self, bits: u64) {
        if bits == self.baseline {
            return self.out.push_zeros(1);
        }
        if bits == STALE_NAN.to_bits() {
            return self.out.push(0b11111, 5);
        }
        self.push_change((0b100, 3), (0b101, 3), bits ^ self.baseline);
    }

    /// The value of a sample that is out of step.
    #[inline(always)]
    fn push_value(&mut self, (prefix, prefix_bits): (u64, u32), bits: u64) {
        if bits == self.baseline {
            return self.out.push(prefix << 1, prefix_bits + 1);
        }
        if bits == STALE_NAN.to_bits() {
            return self.out.push(prefix << 3 | 0b111, prefix_bits + 3);
        }
        let control = (prefix << 2 | 0b10, prefix_bits + 2);
        self.push_change(control, (prefix << 3 | 0b110, prefix_bits + 3), bits ^ self.baseline);
    }

    /// Writes one of two control codes and the significant bits.
    #[inline(always)]
    fn push_change(&mut self, reuse: (u64, u32), new: (u64, u32), xor: u64) {
        match self.window.fit(xor) {
            Some(significant) => self.out.push_both(reuse, significant),
            None => {
                let (window, significant) = self.window.set(xor);
                self.out.push_both((new.0 << 11 | window, new.1 + 11), significant);
            }
        }
    }

    #[inline(always)]
    fn push_start(&mut self, start: i64, timestamp_ms: i64) {
        let header = &mut self.out.bytes_mut()[HEADER - 1];
        if self.count == 0 {
            if let Some(number) = self.starts.first(start, timestamp_ms, header) {
                self.out.varint(number);
            }
        } else if let Some(number) = self.starts.next(self.count.into(), start, self.timestamp_ms, header) {
            self.out.signed(number);
        }
    }
}

/// Prefix and bits of a delta of deltas that is not 0, if it is not to be written raw.
#[inline(always)]
fn delta_of_delta_code(dod: i64) -> Option<(u64, u32)> {
    let fits = |n: u32| (-(1_i64 << (n - 1)) <= dod) & (dod < 1_i64 << (n - 1));
    let low = |n: u32| dod as u64 & ((1 << n) - 1);
    if fits(13) {
        Some((0b110 << 13 | low(13), 16))
    } else if fits(20) {
        Some((0b1110 << 20 | low(20), 24))
    } else {
        None
    }
}

// A head holds one of these for each of a million series.
const _: () = assert!(size_of::<Xor2Appender>() <= 72);
