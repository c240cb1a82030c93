//! Writing XOR2 chunks.

use promethium_model::STALE_NAN;

use crate::bits::{push_bits, push_uvarint, push_varint, push_wide, signed_code};
use crate::start_times::StartWriter;
use crate::value::{NO_WINDOW, new_window, reused_window};
use crate::{MAX_CHUNK_SAMPLES, reserve};

const HEADER: usize = 3;
const STALE: (u128, u32) = (0b111, 3);

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
    bytes: Vec<u8>,
    timestamp_ms: i64,
    delta: i64,
    // Bits of the last value that was not stale; 0 before there is one.
    baseline: u64,
    starts: StartWriter,
    count: u16,
    free: u8,
    leading: u8,
    trailing: u8,
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
            bytes: Vec::new(),
            timestamp_ms: 0,
            delta: 0,
            baseline: 0,
            starts: StartWriter::default(),
            count: 0,
            free: 0,
            leading: NO_WINDOW,
            trailing: 0,
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
        &self.bytes
    }

    /// Bytes that the buffer holds, used or not.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// The chunk's bytes, in a buffer of their length.
    #[must_use]
    pub fn into_bytes(self) -> Box<[u8]> {
        self.bytes.into_boxed_slice()
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
        reserve(&mut self.bytes);
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
        self.bytes[..2].copy_from_slice(&self.count.to_be_bytes());
    }

    fn push_first(&mut self, timestamp_ms: i64, bits: u64) {
        self.bytes.extend_from_slice(&[0; HEADER]);
        push_varint(&mut self.bytes, timestamp_ms);
        self.bytes.extend_from_slice(&bits.to_be_bytes());
    }

    fn push_second(&mut self, timestamp_ms: i64, bits: u64) {
        self.delta = timestamp_ms.wrapping_sub(self.timestamp_ms);
        push_uvarint(&mut self.bytes, self.delta as u64);
        let (code, n) = self.value_code(bits);
        push_wide(&mut self.bytes, &mut self.free, code, n);
    }

    #[inline(always)]
    fn push_next(&mut self, timestamp_ms: i64, bits: u64) {
        let delta = timestamp_ms.wrapping_sub(self.timestamp_ms);
        let dod = delta.wrapping_sub(self.delta);
        self.delta = delta;
        let (code, n) = match dod {
            0 => self.steady_code(bits),
            _ => {
                let (prefix, prefix_bits) = delta_of_delta_code(dod);
                if prefix_bits == 5 {
                    push_bits(&mut self.bytes, &mut self.free, 0b11110, 5);
                    push_bits(&mut self.bytes, &mut self.free, dod as u64, 64);
                    self.value_code(bits)
                } else {
                    let (code, n) = self.value_code(bits);
                    ((u128::from(prefix) << n) | code, prefix_bits + n)
                }
            }
        };
        push_wide(&mut self.bytes, &mut self.free, code, n);
    }

    /// The code of a sample in step.
    #[inline(always)]
    fn steady_code(&mut self, bits: u64) -> (u128, u32) {
        if bits == self.baseline {
            return (0, 1);
        }
        if bits == STALE_NAN.to_bits() {
            return (0b11111, 5);
        }
        let xor = bits ^ self.baseline;
        match reused_window(xor, self.leading, self.trailing) {
            Some((significant, n)) => ((0b100 << n) | u128::from(significant), 3 + n),
            None => {
                let (code, n) = new_window(xor, &mut self.leading, &mut self.trailing);
                ((0b101 << n) | code, 3 + n)
            }
        }
    }

    /// The code of the value of a sample that is out of step.
    #[inline(always)]
    fn value_code(&mut self, bits: u64) -> (u128, u32) {
        if bits == STALE_NAN.to_bits() {
            return STALE;
        }
        let xor = bits ^ self.baseline;
        if xor == 0 {
            return (0, 1);
        }
        match reused_window(xor, self.leading, self.trailing) {
            Some((significant, n)) => ((0b10 << n) | u128::from(significant), 2 + n),
            None => {
                let (code, n) = new_window(xor, &mut self.leading, &mut self.trailing);
                ((0b110 << n) | code, 3 + n)
            }
        }
    }

    #[inline(always)]
    fn push_start(&mut self, start: i64, timestamp_ms: i64) {
        let mut header = self.bytes[HEADER - 1];
        if self.count == 0 {
            if let Some(number) = self.starts.first(start, timestamp_ms, &mut header) {
                push_varint(&mut self.bytes, number);
            }
        } else if let Some(number) = self.starts.next(self.len(), start, self.timestamp_ms, &mut header) {
            let (code, n) = signed_code(number);
            push_wide(&mut self.bytes, &mut self.free, code, n);
        }
        self.bytes[HEADER - 1] = header;
    }
}

/// Prefix and bits of a delta of deltas that is not 0; five bits alone say that 64 raw ones follow.
#[inline(always)]
fn delta_of_delta_code(dod: i64) -> (u64, u32) {
    let fits = |n: u32| (-(1_i64 << (n - 1))..1_i64 << (n - 1)).contains(&dod);
    let low = |n: u32| dod as u64 & ((1 << n) - 1);
    if fits(13) {
        (0b110 << 13 | low(13), 16)
    } else if fits(20) {
        (0b1110 << 20 | low(20), 24)
    } else {
        (0b11110, 5)
    }
}
