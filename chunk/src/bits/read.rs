//! Reading bit streams.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

/// Reads a bit stream through a 64-bit window that is refilled eight bytes at a time.
///
/// After [`refill`](BitReader::refill) at least 56 bits can be peeked. Past the end the stream reads as zeros; whether
/// that happened is asked once, with [`is_overrun`](BitReader::is_overrun), and not per read.
pub struct BitReader<'a> {
    bytes: &'a [u8],
    // The next byte to load; runs on past the end.
    next: usize,
    window: u64,
    valid: u32,
}

impl<'a> BitReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        BitReader { bytes, next: 0, window: 0, valid: 0 }
    }

    /// Bits that can be peeked after a refill.
    pub(crate) const REFILLED: u32 = 56;

    #[inline(always)]
    pub(crate) fn refill(&mut self) {
        let loaded = match self.bytes.get(self.next..).and_then(<[u8]>::first_chunk::<8>) {
            Some(eight) => u64::from_be_bytes(*eight),
            None => self.load_tail(),
        };
        self.window |= loaded >> self.valid;
        self.next = self.next.wrapping_add((63_u32.wrapping_sub(self.valid) >> 3) as usize);
        self.valid |= 56;
    }

    #[cold]
    fn load_tail(&self) -> u64 {
        let mut eight = [0; 8];
        let rest = self.bytes.get(self.next..).unwrap_or_default();
        for (to, from) in eight.iter_mut().zip(rest) {
            *to = *from;
        }
        u64::from_be_bytes(eight)
    }

    /// The next bits, left-aligned.
    #[inline(always)]
    pub(crate) fn peek(&self) -> u64 {
        self.window
    }

    /// Skips `n` of the bits that were peeked, at most 56 between two refills.
    #[inline(always)]
    pub(crate) fn skip(&mut self, n: u32) {
        self.window <<= n;
        self.valid = self.valid.wrapping_sub(n);
    }

    /// The next `n` bits, 1 to 56, of those that were refilled.
    #[inline(always)]
    pub(crate) fn take(&mut self, n: u32) -> u64 {
        let bits = self.window >> 64_u32.wrapping_sub(n);
        self.skip(n);
        bits
    }

    /// The next `n` bits, 1 to 64.
    #[inline(always)]
    pub(crate) fn read(&mut self, n: u32) -> u64 {
        self.refill();
        if n <= 56 {
            return self.take(n);
        }
        let high = self.take(32);
        self.refill();
        let low_bits = n.wrapping_sub(32);
        (high << low_bits) | self.take(low_bits)
    }

    /// A LEB128 number of at most ten bytes; what does not fit into 64 bits is dropped.
    pub(crate) fn uvarint(&mut self) -> u64 {
        let mut value = 0;
        let mut shift = 0_u32;
        while shift < 70 {
            let byte = self.read(8);
            value |= (byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte < 0x80 {
                break;
            }
            shift = shift.wrapping_add(7);
        }
        value
    }

    pub(crate) fn varint(&mut self) -> i64 {
        unzigzag(self.uvarint())
    }

    /// A number in one of the classes of variable length, signed.
    #[inline]
    pub(crate) fn signed(&mut self) -> i64 {
        let (raw, n) = self.class();
        if n == 64 { raw as i64 } else { shifted(raw, n) }
    }

    /// A number in one of the classes of variable length, unsigned.
    #[inline]
    pub(crate) fn unsigned(&mut self) -> u64 {
        self.class().0
    }

    /// The bits of a number of variable length and how many they are, at least one.
    #[inline(always)]
    fn class(&mut self) -> (u64, u32) {
        self.refill();
        match (!self.window).leading_zeros().min(8) {
            0 => (self.take(1), 1),
            1 => (self.take(5) & 0x7, 3),
            2 => (self.take(9) & 0x3f, 6),
            3 => (self.take(13) & 0x1ff, 9),
            4 => (self.take(17) & 0xfff, 12),
            5 => (self.take(24) & 0x3_ffff, 18),
            6 => (self.take(32) & 0x1ff_ffff, 25),
            7 => {
                self.skip(8);
                (self.read(56), 56)
            }
            _ => {
                self.skip(8);
                (self.read(64), 64)
            }
        }
    }

    /// Bits that are left, negative once more were taken than there are.
    pub(crate) fn left(&self) -> i64 {
        let taken = (self.next as i64).wrapping_mul(8).wrapping_sub(i64::from(self.valid));
        (self.bytes.len() as i64).wrapping_mul(8).wrapping_sub(taken)
    }
}

/// Two's complement of `n` bits, but with the range shifted by one: the largest positive is 2^(n−1).
#[inline(always)]
pub(crate) fn shifted(raw: u64, n: u32) -> i64 {
    let positive_max = 1_u64 << n.wrapping_sub(1);
    let wrap = if raw > positive_max { 1_i64 << n } else { 0 };
    (raw as i64).wrapping_sub(wrap)
}

fn unzigzag(v: u64) -> i64 {
    ((v >> 1) as i64) ^ ((v & 1) as i64).wrapping_neg()
}
