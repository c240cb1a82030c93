//! Writing XOR chunks.

use crate::bits::{push_bits, push_uvarint, push_varint, push_wide};
use crate::value::{NO_WINDOW, value_code};
use crate::{MAX_CHUNK_SAMPLES, reserve};

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
    bytes: Vec<u8>,
    timestamp_ms: i64,
    delta: i64,
    value: u64,
    count: u16,
    free: u8,
    leading: u8,
    trailing: u8,
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
            bytes: Vec::new(),
            timestamp_ms: 0,
            delta: 0,
            value: 0,
            count: 0,
            free: 0,
            leading: NO_WINDOW,
            trailing: 0,
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

    /// Adds a sample. Timestamps must ascend for readers to make sense of them; this is the caller's to see to.
    ///
    /// # Panics
    ///
    /// When the chunk already has [`MAX_CHUNK_SAMPLES`].
    #[inline]
    pub fn push(&mut self, timestamp_ms: i64, value: f64) {
        assert!(self.len() < MAX_CHUNK_SAMPLES, "a chunk counts at most {MAX_CHUNK_SAMPLES} samples");
        reserve(&mut self.bytes);
        let bits = value.to_bits();
        match self.count {
            0 => self.push_first(timestamp_ms, bits),
            1 => self.push_second(timestamp_ms, bits),
            _ => self.push_next(timestamp_ms, bits),
        }
        self.timestamp_ms = timestamp_ms;
        self.value = bits;
        self.count += 1;
        self.bytes[..HEADER].copy_from_slice(&self.count.to_be_bytes());
    }

    fn push_first(&mut self, timestamp_ms: i64, bits: u64) {
        self.bytes.extend_from_slice(&[0; HEADER]);
        push_varint(&mut self.bytes, timestamp_ms);
        self.bytes.extend_from_slice(&bits.to_be_bytes());
    }

    fn push_second(&mut self, timestamp_ms: i64, bits: u64) {
        self.delta = timestamp_ms.wrapping_sub(self.timestamp_ms);
        push_uvarint(&mut self.bytes, self.delta as u64);
        self.push_value(bits);
    }

    #[inline(always)]
    fn push_next(&mut self, timestamp_ms: i64, bits: u64) {
        let delta = timestamp_ms.wrapping_sub(self.timestamp_ms);
        let dod = delta.wrapping_sub(self.delta);
        self.delta = delta;
        let (prefix, prefix_bits) = delta_of_delta_code(dod);
        if prefix_bits == 4 {
            push_bits(&mut self.bytes, &mut self.free, prefix, 4);
            push_bits(&mut self.bytes, &mut self.free, dod as u64, 64);
            return self.push_value(bits);
        }
        let (code, n) = value_code(bits ^ self.value, &mut self.leading, &mut self.trailing);
        push_wide(&mut self.bytes, &mut self.free, (u128::from(prefix) << n) | code, prefix_bits + n);
    }

    fn push_value(&mut self, bits: u64) {
        let (code, n) = value_code(bits ^ self.value, &mut self.leading, &mut self.trailing);
        push_wide(&mut self.bytes, &mut self.free, code, n);
    }
}

/// Prefix and bits of a delta of deltas; four bits alone say that 64 raw ones follow. The ranges are shifted by one:
/// 14 bits hold −8191 to 8192.
#[inline(always)]
fn delta_of_delta_code(dod: i64) -> (u64, u32) {
    let fits = |n: u32| (-(1_i64 << (n - 1)) + 1..=1_i64 << (n - 1)).contains(&dod);
    let low = |n: u32| dod as u64 & ((1 << n) - 1);
    if dod == 0 {
        (0, 1)
    } else if fits(14) {
        (0b10 << 14 | low(14), 16)
    } else if fits(17) {
        (0b110 << 17 | low(17), 20)
    } else if fits(20) {
        (0b1110 << 20 | low(20), 24)
    } else {
        (0b1111, 4)
    }
}
