//! Writing bit streams.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::BitSink;

/// The most bits that one [`push`](BitSink::push) appends: a word, less what may be filled of its first byte.
pub(crate) const MAX_PUSH: u32 = 56;

// A push stores a whole word at the byte that it starts in.
const WORD: usize = 8;

// The most bytes that a number takes.
const NUMBER: usize = 10;

/// A growing bit stream.
///
/// Whatever lies behind its end is zero, so that zeros are appended by moving the end.
#[derive(Clone, Debug, Default)]
pub struct BitWriter {
    bytes: Box<[u8]>,
    bits: usize,
}

impl BitWriter {
    /// The stream so far. The last byte is filled up with zeros.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.bits.div_ceil(8)]
    }

    /// The bytes of a header, to be changed in place.
    #[inline]
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    pub(crate) fn into_bytes(self) -> Box<[u8]> {
        let len = self.bits.div_ceil(8);
        let mut bytes = self.bytes.into_vec();
        bytes.truncate(len);
        bytes.into_boxed_slice()
    }

    /// Bytes that are held, used or not.
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// Makes room for `bytes` more. Grows by a quarter: most chunks never fill a doubled buffer.
    #[inline(always)]
    pub(crate) fn reserve(&mut self, bytes: usize) {
        let needed = self.bits / 8 + bytes + WORD + 1;
        if needed > self.bytes.len() {
            self.grow(needed);
        }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, needed: usize) {
        const SMALLEST_STEP: usize = 48;
        let len = needed.max(self.bytes.len() + SMALLEST_STEP.max(self.bytes.len() / 4));
        let mut bytes = std::mem::take(&mut self.bytes).into_vec();
        bytes.reserve_exact(len - bytes.len());
        bytes.resize(len, 0);
        self.bytes = bytes.into_boxed_slice();
    }

    /// Appends `n` zeros, at most [`MAX_PUSH`]. There must be room.
    #[inline(always)]
    pub(crate) fn push_zeros(&mut self, n: u32) {
        self.bits += n as usize;
    }

    /// As [`push`](BitSink::push), with up to 64 bits.
    #[inline(always)]
    pub(crate) fn push_long(&mut self, value: u64, n: u32) {
        if n > MAX_PUSH {
            self.push(value >> 32, n - 32);
            self.push(value & 0xffff_ffff, 32);
        } else {
            self.push(value, n);
        }
    }

    /// A number in the smallest class that holds it. A class of n bits holds −(2^(n−1) − 1) to 2^(n−1).
    /// Makes room.
    #[inline]
    pub(crate) fn signed(&mut self, value: i64) {
        self.reserve(NUMBER);
        if value == 0 {
            return self.push_zeros(1);
        }
        // The range of n bits is shifted by one.
        let magnitude = if value > 0 { value - 1 } else { value.wrapping_neg() } as u64;
        self.push_class(bit_len(magnitude) + 1, value as u64);
    }

    /// As [`signed`](BitWriter::signed) for unsigned numbers, where a class of n bits holds 0 to 2^n − 1.
    #[inline]
    pub(crate) fn unsigned(&mut self, value: u64) {
        self.reserve(NUMBER);
        if value == 0 {
            return self.push_zeros(1);
        }
        self.push_class(bit_len(value), value);
    }

    /// The number in the smallest class of at least `width` bits.
    #[inline(always)]
    fn push_class(&mut self, width: u32, value: u64) {
        let (ones, n) = CLASS_OF_WIDTH[width as usize];
        if n < u64::BITS {
            let prefix = ((1 << ones) - 1) << 1;
            self.push_both((prefix, ones + 1), (value & ((1 << n) - 1), n));
        } else {
            self.push(0xff, 8);
            self.push_long(value, 64);
        }
    }

    /// The 64 bits of a float. Makes room.
    pub(crate) fn float(&mut self, value: f64) {
        self.reserve(NUMBER);
        self.push_long(value.to_bits(), 64);
    }

    /// As [`push_uvarint`](BitSink::push_uvarint). Makes room.
    pub(crate) fn uvarint(&mut self, value: u64) {
        self.reserve(NUMBER);
        self.push_uvarint(value);
    }

    /// As [`push_varint`](BitSink::push_varint). Makes room.
    pub(crate) fn varint(&mut self, value: i64) {
        self.reserve(NUMBER);
        self.push_varint(value);
    }
}

/// There must be room.
impl BitSink for BitWriter {
    #[inline(always)]
    fn push(&mut self, value: u64, n: u32) {
        debug_assert!((1..=MAX_PUSH).contains(&n) && value >> n == 0);
        let filled = (self.bits % 8) as u32;
        if let Some(word) = self.bytes[self.bits / 8..].first_chunk_mut::<WORD>() {
            let first = u64::from(word[0]) << 56;
            *word = (first | (value << (64 - n) >> filled)).to_be_bytes();
        }
        self.bits += n as usize;
    }

    #[inline(always)]
    fn push_both(&mut self, (header, header_bits): (u64, u32), (value, n): (u64, u32)) {
        if header_bits + n <= MAX_PUSH {
            self.push((header << n) | value, header_bits + n);
        } else {
            self.push(header, header_bits);
            self.push_long(value, n);
        }
    }
}

fn bit_len(value: u64) -> u32 {
    u64::BITS - value.leading_zeros()
}

// The classes of variable-length integers: a class of `n` ones and a zero has this many bits; eight ones have no zero.
const CLASSES: [u32; 8] = [3, 6, 9, 12, 18, 25, 56, 64];

/// Ones of the prefix and bits of the smallest class that holds numbers of so many bits.
///
/// PERF: looked up, as the classes of neighbouring buckets differ: a search among them is a branch that is often mispredicted.
static CLASS_OF_WIDTH: [(u32, u32); 66] = class_of_width();

const fn class_of_width() -> [(u32, u32); 66] {
    let mut classes = [(8, 64); 66];
    let (mut width, mut class) = (0, 0);
    while width <= 64 {
        if CLASSES[class] < width as u32 {
            class += 1;
        }
        classes[width] = (class as u32 + 1, CLASSES[class]);
        width += 1;
    }
    classes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bits::BitReader;

    #[test]
    fn classes_hold_what_they_should() {
        // Number, bits it takes signed, bits it takes unsigned.
        let cases = [
            (0_i64, 1, 1),
            (4, 5, 5),
            (5, 9, 5),
            (-3, 5, 72),
            (-4, 9, 72),
            (32, 9, 9),
            (33, 13, 9),
            (-255, 13, 72),
            (511, 17, 13),
            (131_072, 24, 24),
            (131_073, 32, 24),
            (16_777_217, 64, 32),
            (1 << 55, 64, 64),
            ((1 << 55) + 1, 72, 64),
            (-(1 << 55) + 1, 64, 72),
            (-(1 << 55), 72, 72),
            (i64::MIN, 72, 72),
            (i64::MAX, 72, 72),
        ];
        for (number, signed, unsigned) in cases {
            let (mut a, mut b) = (BitWriter::default(), BitWriter::default());
            a.reserve(16);
            b.reserve(16);
            a.signed(number);
            b.unsigned(number as u64);
            assert_eq!((a.bits, b.bits), (signed, unsigned), "{number}");
            assert_eq!(BitReader::new(a.bytes()).signed(), number);
            assert_eq!(BitReader::new(b.bytes()).unsigned(), number as u64);
        }
    }

    #[test]
    fn bits_of_any_length_come_back_at_any_offset() {
        for offset in 1..8 {
            for n in 1..=64 {
                let value = 0xdead_beef_cafe_f00d >> (64 - n);
                let mut out = BitWriter::default();
                out.reserve(32);
                out.push(1, offset);
                out.push_long(value, n);
                out.push_zeros(3);
                out.push_both((0b101, 3), (value, n));
                let mut bits = BitReader::new(out.bytes());
                assert_eq!(bits.read(offset), 1);
                assert_eq!(bits.read(n), value, "{n} bits at {offset}");
                assert_eq!(bits.read(6), 0b101);
                assert_eq!(bits.read(n), value);
                assert!((0..8).contains(&bits.left()));
            }
        }
    }
}
