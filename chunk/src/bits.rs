//! Bit streams, most significant bit first.
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
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    // The next byte to load; runs on past the end.
    next: usize,
    window: u64,
    valid: u32,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        BitReader { bytes, next: 0, window: 0, valid: 0 }
    }

    #[inline(always)]
    pub(super) fn refill(&mut self) {
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
    pub(super) fn peek(&self) -> u64 {
        self.window
    }

    /// Skips `n` of the bits that were peeked, at most 56 between two refills.
    #[inline(always)]
    pub(super) fn skip(&mut self, n: u32) {
        self.window <<= n;
        self.valid = self.valid.wrapping_sub(n);
    }

    /// The next `n` bits, 1 to 56, of those that were refilled.
    #[inline(always)]
    pub(super) fn take(&mut self, n: u32) -> u64 {
        let bits = self.window >> 64_u32.wrapping_sub(n);
        self.skip(n);
        bits
    }

    /// The next `n` bits, 1 to 64.
    #[inline(always)]
    pub(super) fn read(&mut self, n: u32) -> u64 {
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
    pub(super) fn uvarint(&mut self) -> u64 {
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

    pub(super) fn varint(&mut self) -> i64 {
        unzigzag(self.uvarint())
    }

    /// Whether more bits were taken than there are.
    pub(super) fn is_overrun(&self) -> bool {
        let taken = (self.next as u64).wrapping_mul(8).wrapping_sub(u64::from(self.valid));
        taken > (self.bytes.len() as u64).wrapping_mul(8)
    }
}

fn unzigzag(v: u64) -> i64 {
    ((v >> 1) as i64) ^ ((v & 1) as i64).wrapping_neg()
}

/// Appends bits to a byte vector. `free` is the number of unused low bits in its last byte, 0 to 7.
#[inline(always)]
pub(super) fn push_bits(bytes: &mut Vec<u8>, free: &mut u8, value: u64, n: u32) {
    debug_assert!((1..=64).contains(&n));
    let aligned = value << 64_u32.wrapping_sub(n);
    let taken = u32::from(*free);
    if taken > 0
        && let Some(last) = bytes.last_mut()
    {
        *last |= (aligned >> 56_u32.wrapping_add(8_u32.wrapping_sub(taken))) as u8;
    }
    if n <= taken {
        *free = taken.wrapping_sub(n) as u8;
        return;
    }
    let rest_bits = n.wrapping_sub(taken);
    let rest_bytes = rest_bits.div_ceil(8);
    // Eight bytes and a cut are one store; a copy of so many bytes as are needed is a call.
    let end = bytes.len().wrapping_add(rest_bytes as usize);
    bytes.extend_from_slice(&(aligned << taken).to_be_bytes());
    bytes.truncate(end);
    *free = rest_bytes.wrapping_mul(8).wrapping_sub(rest_bits) as u8;
}

/// Appends a LEB128 number; the stream must be byte-aligned.
pub(super) fn push_uvarint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

pub(super) fn push_varint(bytes: &mut Vec<u8>, value: i64) {
    push_uvarint(bytes, ((value << 1) ^ (value >> 63)) as u64);
}
