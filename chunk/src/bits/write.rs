//! Writing bit streams into byte vectors.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

/// A bit stream and the number of unused low bits in its last byte, 0 to 7.
#[derive(Clone, Debug, Default)]
pub struct BitWriter {
    pub(crate) bytes: Vec<u8>,
    pub(crate) free: u8,
}

impl BitWriter {
    /// Appends the low `n` bits of `value`, 1 to 64.
    #[inline]
    pub(crate) fn push(&mut self, value: u64, n: u32) {
        push_bits(&mut self.bytes, &mut self.free, value, n);
    }

    /// Appends the low `n` bits of `value`, 1 to 120.
    #[inline]
    pub(crate) fn push_wide(&mut self, value: u128, n: u32) {
        push_wide(&mut self.bytes, &mut self.free, value, n);
    }

    #[inline]
    pub(crate) fn signed(&mut self, value: i64) {
        let (code, n) = signed_code(value);
        self.push_wide(code, n);
    }

    #[inline]
    pub(crate) fn unsigned(&mut self, value: u64) {
        let (code, n) = unsigned_code(value);
        self.push_wide(code, n);
    }

    /// A LEB128 zig-zag number in the midst of bits.
    pub(crate) fn varint(&mut self, value: i64) {
        let mut rest = zigzag(value);
        while rest >= 0x80 {
            self.push(rest & 0x7f | 0x80, 8);
            rest >>= 7;
        }
        self.push(rest, 8);
    }
}

/// Appends the low `n` bits of `value`, 1 to 64.
#[inline(always)]
pub(crate) fn push_bits(bytes: &mut Vec<u8>, free: &mut u8, value: u64, n: u32) {
    debug_assert!((1..=64).contains(&n));
    let aligned = value << (64 - n);
    let taken = u32::from(*free);
    if taken > 0
        && let Some(last) = bytes.last_mut()
    {
        *last |= (aligned >> (64 - taken)) as u8;
    }
    if n <= taken {
        *free = (taken - n) as u8;
        return;
    }
    let rest_bits = n - taken;
    let rest_bytes = rest_bits.div_ceil(8);
    // Eight bytes and a cut are one store; a copy of so many bytes as are needed is a call.
    let end = bytes.len() + rest_bytes as usize;
    bytes.extend_from_slice(&(aligned << taken).to_be_bytes());
    bytes.truncate(end);
    *free = (rest_bytes * 8 - rest_bits) as u8;
}

/// Appends the low `n` bits of `value`, 1 to 120.
#[inline(always)]
pub(crate) fn push_wide(bytes: &mut Vec<u8>, free: &mut u8, value: u128, n: u32) {
    if n <= 64 {
        push_bits(bytes, free, value as u64, n);
    } else {
        push_bits(bytes, free, (value >> 64) as u64, n - 64);
        push_bits(bytes, free, value as u64, 64);
    }
}

/// Appends a LEB128 number; the stream must be byte-aligned.
pub(crate) fn push_uvarint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Appends a zig-zag LEB128 number; the stream must be byte-aligned.
pub(crate) fn push_varint(bytes: &mut Vec<u8>, value: i64) {
    push_uvarint(bytes, zigzag(value));
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

// The classes of variable-length integers: a class of `n` ones and a zero has this many bits; eight ones have no zero.
const CLASSES: [u32; 7] = [3, 6, 9, 12, 18, 25, 56];

/// The smallest class that holds a signed number, in 72 bits at most. A class of n bits holds −(2^(n−1) − 1) to 2^(n−1).
#[inline]
pub(crate) fn signed_code(value: i64) -> (u128, u32) {
    if value == 0 {
        return (0, 1);
    }
    code(value as u64, |n| (-(1_i64 << (n - 1)) < value) & (value <= 1_i64 << (n - 1)))
}

/// As [`signed_code`] for unsigned numbers, where a class of n bits holds 0 to 2^n − 1.
#[inline]
fn unsigned_code(value: u64) -> (u128, u32) {
    if value == 0 {
        return (0, 1);
    }
    code(value, |n| value >> n == 0)
}

#[inline(always)]
fn code(bits: u64, fits: impl Fn(u32) -> bool) -> (u128, u32) {
    for (ones, n) in (1_u32..).zip(CLASSES) {
        if fits(n) {
            let prefix = ((1_u128 << ones) - 1) << 1;
            return ((prefix << n) | u128::from(bits & ((1 << n) - 1)), ones + 1 + n);
        }
    }
    ((0xff << 64) | u128::from(bits), 72)
}
