//! Which steps of a column hold a sample.

/// Bits of a word.
pub(crate) const WORD: usize = u64::BITS as usize;

/// The positions of the bits of a word, ascending.
pub(crate) fn word_bits(word: u64) -> impl Iterator<Item = usize> {
    WordBits(word)
}

/// A fixed number of bits, one a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bitmap {
    words: Vec<u64>,
    bits: usize,
}

impl Bitmap {
    pub(crate) fn new(bits: usize) -> Bitmap {
        Bitmap { words: vec![0; bits.div_ceil(64)], bits }
    }

    /// All of `bits` set.
    pub(crate) fn full(bits: usize) -> Bitmap {
        let mut words = vec![u64::MAX; bits.div_ceil(64)];
        if let (Some(last), tail @ 1..) = (words.last_mut(), bits % 64) {
            *last = (1 << tail) - 1;
        }
        Bitmap { words, bits }
    }

    /// How many there are, set or not.
    pub(crate) fn bits(&self) -> usize {
        self.bits
    }

    #[inline]
    pub(crate) fn get(&self, i: usize) -> bool {
        self.words[i / 64] >> (i % 64) & 1 == 1
    }

    #[inline]
    pub(crate) fn set(&mut self, i: usize) {
        self.words[i / 64] |= 1 << (i % 64);
    }

    /// The bits in words of 64, the first bit lowest.
    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    /// Sets all of a word at once; it must have no bits past the last.
    #[inline]
    pub(crate) fn set_word(&mut self, index: usize, word: u64) {
        self.words[index] = word;
    }

    #[inline]
    pub(crate) fn clear(&mut self, i: usize) {
        self.words[i / 64] &= !(1 << (i % 64));
    }

    pub(crate) fn any(&self) -> bool {
        self.words.iter().any(|w| *w != 0)
    }

    pub(crate) fn count(&self) -> usize {
        self.words.iter().map(|w| w.count_ones() as usize).sum()
    }

    pub(crate) fn first(&self) -> Option<usize> {
        self.ones().next()
    }

    pub(crate) fn last(&self) -> Option<usize> {
        let (i, word) = self.words.iter().enumerate().rfind(|(_, word)| **word != 0)?;
        Some(i * WORD + word.ilog2() as usize)
    }

    /// The first bit that both have.
    pub(crate) fn first_common(&self, other: &Bitmap) -> Option<usize> {
        let words = self.words.iter().zip(&other.words).map(|(a, b)| a & b).enumerate();
        words.filter(|(_, word)| *word != 0).map(|(i, word)| i * WORD + word.trailing_zeros() as usize).next()
    }

    pub(crate) fn union(&mut self, other: &Bitmap) {
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a |= b);
    }

    pub(crate) fn intersect(&mut self, other: &Bitmap) {
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a &= b);
    }

    pub(crate) fn subtract(&mut self, other: &Bitmap) {
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a &= !b);
    }

    pub(crate) fn overlaps(&self, other: &Bitmap) -> bool {
        self.words.iter().zip(&other.words).any(|(a, b)| a & b != 0)
    }

    /// The set bits, ascending.
    pub(crate) fn ones(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(i, word)| WordBits(*word).map(move |bit| i * 64 + bit))
    }
}

struct WordBits(u64);

impl Iterator for WordBits {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(bit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_where_they_were_set() {
        let mut b = Bitmap::new(130);
        [0, 63, 64, 129].into_iter().for_each(|i| b.set(i));
        assert_eq!(b.ones().collect::<Vec<_>>(), [0, 63, 64, 129]);
        b.clear(64);
        assert_eq!((b.count(), b.get(64), b.get(63), b.first()), (3, false, true, Some(0)));
        for bits in [0, 1, 64, 65] {
            assert_eq!(Bitmap::full(bits).ones().collect::<Vec<_>>(), (0..bits).collect::<Vec<_>>());
        }
    }

    #[test]
    fn set_algebra() {
        let of = |bits: &[usize]| {
            let mut b = Bitmap::new(70);
            bits.iter().for_each(|i| b.set(*i));
            b
        };
        let mut union = of(&[1, 69]);
        union.union(&of(&[2]));
        assert_eq!(union, of(&[1, 2, 69]));
        let mut both = of(&[1, 69]);
        both.intersect(&of(&[69, 3]));
        assert_eq!(both, of(&[69]));
        let mut rest = of(&[1, 69]);
        rest.subtract(&of(&[1]));
        assert_eq!(rest, of(&[69]));
        assert!(of(&[5]).overlaps(&of(&[5])) && !of(&[5]).overlaps(&of(&[6])));
    }
}
