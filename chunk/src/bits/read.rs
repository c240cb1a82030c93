//! Reading bit streams.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

/// Bits that a [`window`](BitReader::window) has at least.
pub(crate) const WINDOW: u32 = 57;

/// Reads a bit stream by its position, through windows of 64 bits.
///
/// Past the end the stream reads as zeros; whether that happened is asked once, with [`left`](BitReader::left), and not per
/// read.
#[derive(Clone)]
pub struct BitReader<'a> {
    bytes: &'a [u8],
    /// In bits; runs on past the end.
    position: usize,
}

impl<'a> BitReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        BitReader { bytes, position: 0 }
    }

    /// The next bits, left-aligned: at least [`WINDOW`] of them, zeros behind.
    #[inline(always)]
    pub(crate) fn window(&self) -> u64 {
        let at = self.position >> 3;
        let word = match self.bytes.get(at..at.wrapping_add(8)).and_then(<[u8]>::first_chunk::<8>) {
            Some(eight) => u64::from_be_bytes(*eight),
            None => tail(self.bytes, at),
        };
        word << (self.position & 7)
    }

    #[inline(always)]
    pub(crate) fn skip(&mut self, n: u32) {
        self.position = self.position.wrapping_add(n as usize);
    }

    /// The next `n` bits, 1 to [`WINDOW`].
    #[inline(always)]
    pub(crate) fn take(&mut self, n: u32) -> u64 {
        let bits = self.window() >> 64_u32.wrapping_sub(n);
        self.skip(n);
        bits
    }

    /// The next `n` bits, 1 to 64.
    #[inline(always)]
    pub(crate) fn read(&mut self, n: u32) -> u64 {
        if n <= WINDOW {
            return self.take(n);
        }
        let high = self.take(32);
        let low_bits = n.wrapping_sub(32);
        (high << low_bits) | self.take(low_bits)
    }

    /// A LEB128 number of at most ten bytes; what does not fit into 64 bits is dropped.
    #[inline(always)]
    pub(crate) fn uvarint(&mut self) -> u64 {
        const ENDS: u64 = 0x8080_8080_8080_8000;
        let window = self.window();
        let ends = !window & ENDS;
        if ends == 0 {
            let (value, position) = long_uvarint(self.clone());
            self.position = position;
            return value;
        }
        // A window holds seven bytes; those of the number, the first one lowest.
        let bits = ends.leading_zeros().wrapping_add(8);
        self.skip(bits);
        let bytes = (window >> 64_u32.wrapping_sub(bits) << 64_u32.wrapping_sub(bits)).swap_bytes();
        sevens(bytes)
    }

    #[inline(always)]
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
        let window = self.window();
        let (prefix, n): (u32, u32) = match (!window).leading_zeros() {
            0 => {
                self.skip(1);
                return (0, 1);
            }
            1 => (2, 3),
            2 => (3, 6),
            3 => (4, 9),
            4 => (5, 12),
            5 => (6, 18),
            6 => (7, 25),
            7 => {
                self.skip(8);
                return (self.read(56), 56);
            }
            _ => {
                self.skip(8);
                return (self.read(64), 64);
            }
        };
        self.skip(n.wrapping_add(prefix));
        (window << prefix >> 64_u32.wrapping_sub(n), n)
    }

    /// Bits that were taken.
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    /// Bits that are left, negative once more were taken than there are.
    pub(crate) fn left(&self) -> i64 {
        (self.bytes.len() as i64).wrapping_mul(8).wrapping_sub(self.position as i64)
    }
}

/// The low seven bits of each byte, the lowest byte first.
#[inline(always)]
fn sevens(bytes: u64) -> u64 {
    let x = bytes & 0x7f7f_7f7f_7f7f_7f7f;
    let x = (x & 0x007f_007f_007f_007f) | (x & 0x7f00_7f00_7f00_7f00) >> 1;
    let x = (x & 0x0000_3fff_0000_3fff) | (x & 0x3fff_0000_3fff_0000) >> 2;
    (x & 0x0fff_ffff) | (x & 0x0fff_ffff_0000_0000) >> 4
}

/// A number of more than seven bytes, and the position behind it.
///
/// PERF: given a reader of its own, as with [`tail`].
#[cold]
#[inline(never)]
fn long_uvarint(mut bits: BitReader<'_>) -> (u64, usize) {
    let mut value = 0;
    for byte in 0..10_u32 {
        let seven = bits.take(8);
        value |= (seven & 0x7f).checked_shl(byte.wrapping_mul(7)).unwrap_or(0);
        if seven < 0x80 {
            break;
        }
    }
    (value, bits.position)
}

/// The last bytes, from `at` on, and zeros behind them.
///
/// PERF: not a method. A reader whose address is given away does not stay in registers.
#[cold]
#[inline(never)]
fn tail(bytes: &[u8], at: usize) -> u64 {
    if let Some(last) = bytes.last_chunk::<8>() {
        let missing = at.saturating_add(8).saturating_sub(bytes.len());
        return if missing < 8 { u64::from_be_bytes(*last) << missing.wrapping_mul(8) } else { 0 };
    }
    let mut eight = [0; 8];
    let rest = bytes.get(at..).unwrap_or_default();
    for (to, from) in eight.iter_mut().zip(rest) {
        *to = *from;
    }
    u64::from_be_bytes(eight)
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

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::BitReader;
    use crate::bits::{BitSink, BitWriter};

    #[test]
    fn varints_of_every_length_come_back_at_every_bit() {
        for bits in 0..64_u32 {
            for value in [1_u64 << bits, (1 << bits) - 1, u64::MAX >> bits, 0x5555_5555_5555_5555 >> bits] {
                for ahead in 0..8 {
                    let mut out = BitWriter::default();
                    out.reserve(16);
                    (0..ahead).for_each(|_| out.push(1, 1));
                    out.push_uvarint(value);
                    let bytes = (u64::BITS - value.leading_zeros()).div_ceil(7).max(1);
                    // At the end of the stream, and with something behind.
                    for behind in [0, 9] {
                        let stream = [out.bytes(), &vec![0xff; behind]].concat();
                        let mut reader = BitReader::new(&stream);
                        reader.skip(ahead);
                        assert_eq!(reader.uvarint(), value, "behind {ahead} bits");
                        assert_eq!(reader.position(), (ahead + 8 * bytes) as usize, "{value} behind {ahead} bits");
                    }
                }
            }
        }
    }

    #[test]
    fn a_varint_without_an_end_takes_ten_bytes() {
        let mut reader = BitReader::new(&[0xff; 20]);
        assert_eq!((reader.uvarint(), reader.position()), (u64::MAX, 80));
        let mut reader = BitReader::new(&[0xff; 3]);
        reader.uvarint();
        assert!(reader.left() < 0);
    }
}
