//! Reading many numbers in classes of variable length, one behind the other.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use super::{BitReader, WINDOW};

/// How a number is coded, as its first byte says.
#[derive(Clone, Copy)]
struct Class {
    /// Of prefix and number; of the long classes, more than a window has.
    all_bits: u8,
    prefix_bits: u8,
    number_bits: u8,
}

const LONG: Class = Class { all_bits: u8::MAX, prefix_bits: 0, number_bits: 0 };

/// By the first byte: from 0 to 6 ones and a zero, then the number; all else is long.
static CLASSES: [Class; 256] = classes();

#[expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "evaluated by the compiler")]
const fn classes() -> [Class; 256] {
    const NUMBER_BITS: [u8; 7] = [0, 3, 6, 9, 12, 18, 25];
    let mut classes = [LONG; 256];
    let mut byte = 0;
    while byte < classes.len() {
        let ones = (byte as u8).leading_ones() as usize;
        if ones < NUMBER_BITS.len() {
            let (prefix_bits, number_bits) = (ones as u8 + 1, NUMBER_BITS[ones]);
            classes[byte] = Class { all_bits: prefix_bits + number_bits, prefix_bits, number_bits };
        }
        byte += 1;
    }
    classes
}

impl Class {
    #[inline(always)]
    fn of(window: u64) -> Class {
        CLASSES.get((window >> 56) as usize).copied().unwrap_or(LONG)
    }

    /// The number at the front of a window that holds all of it.
    #[inline(always)]
    fn signed(self, window: u64) -> i64 {
        let n = u32::from(self.number_bits);
        let raw = window.wrapping_shl(self.prefix_bits.into()) >> 1 >> 63_u32.wrapping_sub(n);
        let all = 1_u64.wrapping_shl(n);
        // The range of n bits is shifted by one: half of all is positive.
        let wrap = if raw > all >> 1 { all } else { 0 };
        raw.wrapping_sub(wrap) as i64
    }
}

/// Numbers that are 0, which are taken at once.
const ZEROS: usize = 8;

/// What was loaded and is not used up.
///
/// PERF: numbers are taken from one load as long as it holds them, and their lengths looked up: a branch on the class of each
/// would be mispredicted too often.
struct Loaded {
    window: u64,
    bits: u32,
}

impl Loaded {
    #[inline(always)]
    fn of(reader: &BitReader<'_>) -> Self {
        Loaded { window: reader.window(), bits: WINDOW }
    }

    /// The class of the next number; it is all there, unless it is a long one.
    #[inline(always)]
    fn next(&mut self, reader: &BitReader<'_>) -> Class {
        let class = Class::of(self.window);
        if u32::from(class.all_bits) <= self.bits {
            return class;
        }
        *self = Loaded::of(reader);
        Class::of(self.window)
    }

    /// Whether so many zeros come next that they are taken at once.
    #[inline(always)]
    fn begins_with_zeros(&self) -> bool {
        self.window >> (64 - ZEROS) == 0 && self.bits >= ZEROS as u32
    }

    #[inline(always)]
    fn drop_zeros(&mut self, reader: &mut BitReader<'_>) {
        self.window = self.window.wrapping_shl(ZEROS as u32);
        self.bits = self.bits.wrapping_sub(ZEROS as u32);
        reader.skip(ZEROS as u32);
    }

    #[inline(always)]
    fn drop(&mut self, class: Class, reader: &mut BitReader<'_>) {
        let n = u32::from(class.all_bits);
        self.window = self.window.wrapping_shl(n);
        self.bits = self.bits.wrapping_sub(n);
        reader.skip(n);
    }
}

impl BitReader<'_> {
    /// Reads a delta of deltas for each value, as many as there are of both.
    pub(crate) fn add_signed(&mut self, values: &mut [i64], deltas: &mut [i64]) {
        let mut reader = self.clone();
        let mut loaded = Loaded::of(&reader);
        let mut pairs = values.iter_mut().zip(deltas);
        while pairs.len() > 0 {
            let class = loaded.next(&reader);
            if loaded.begins_with_zeros() && pairs.len() >= ZEROS {
                pairs.by_ref().take(ZEROS).for_each(|(value, delta)| *value = value.wrapping_add(*delta));
                loaded.drop_zeros(&mut reader);
                continue;
            }
            let Some((value, delta)) = pairs.next() else { break };
            let change = if class.all_bits == LONG.all_bits {
                let change = reader.signed();
                loaded = Loaded::of(&reader);
                change
            } else {
                let change = class.signed(loaded.window);
                loaded.drop(class, &mut reader);
                change
            };
            *delta = delta.wrapping_add(change);
            *value = value.wrapping_add(*delta);
        }
        *self = reader;
    }

    /// Reads so many numbers for nothing.
    pub(crate) fn skip_signed(&mut self, numbers: usize) {
        let mut reader = self.clone();
        let mut loaded = Loaded::of(&reader);
        let mut left = numbers;
        while left > 0 {
            let class = loaded.next(&reader);
            if loaded.begins_with_zeros() && left >= ZEROS {
                left = left.wrapping_sub(ZEROS);
                loaded.drop_zeros(&mut reader);
                continue;
            }
            left = left.wrapping_sub(1);
            if class.all_bits == LONG.all_bits {
                reader.signed();
                loaded = Loaded::of(&reader);
            } else {
                loaded.drop(class, &mut reader);
            }
        }
        *self = reader;
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "tests")]
mod tests {
    use super::*;
    use crate::bits::BitWriter;

    /// Numbers of all classes, and of their edges, in an order that does not repeat soon.
    fn numbers() -> Vec<i64> {
        let edges = [0, 1, 4, 5, 32, 33, 256, 257, 2048, 131_072, 131_073, 1 << 24, 1 << 40, 1 << 55, i64::MAX];
        let number = |i: usize| {
            let edge: i64 = edges[i * i % 47 % edges.len()];
            edge.wrapping_mul(if i.is_multiple_of(3) { -1 } else { 1 }).wrapping_add((i % 2) as i64)
        };
        (0..600).map(number).collect()
    }

    #[test]
    fn many_are_read_as_each_by_itself() {
        let zeros = |i: usize| std::iter::repeat_n(0, i * 7 % 41);
        let among_zeros = numbers().into_iter().enumerate().flat_map(|(i, number)| zeros(i).chain([number]));
        all_are_read_as_each_by_itself(&numbers());
        all_are_read_as_each_by_itself(&among_zeros.take(3_000).collect::<Vec<_>>());
    }

    fn all_are_read_as_each_by_itself(numbers: &[i64]) {
        for from in 0..numbers.len() {
            let numbers = &numbers[from..numbers.len().min(from + 70)];
            let mut out = BitWriter::default();
            numbers.iter().for_each(|n| out.signed(*n));
            let mut one_by_one = BitReader::new(out.bytes());
            assert!(numbers.iter().all(|n| one_by_one.signed() == *n));
            let mut together = BitReader::new(out.bytes());
            let (mut values, mut deltas) = (vec![5; numbers.len()], vec![0; numbers.len()]);
            together.add_signed(&mut values, &mut deltas);
            assert!(deltas == numbers && values.iter().zip(numbers).all(|(v, n)| *v == n.wrapping_add(5)));
            let mut skipped = BitReader::new(out.bytes());
            skipped.skip_signed(numbers.len());
            assert_eq!((together.position(), skipped.position()), (one_by_one.position(), one_by_one.position()));
        }
    }
}
