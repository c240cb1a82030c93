//! Writing bit streams whose end is at hand.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::BitSink;

const WORD: usize = 8;
const WORD_BITS: u32 = 64;
const TAIL_WORDS: usize = 4;
const TAIL: usize = TAIL_WORDS * WORD;
const TAIL_BITS: u32 = TAIL_WORDS as u32 * WORD_BITS;

/// A growing bit stream, of which the last words are not in the buffer but in the struct itself.
///
/// PERF: a head writes to one of a million streams after the other, each of which has left the cache since. A buffer is waited
/// for once in 256 bits, about ten samples; with one word in the struct it was a tenth of an append.
#[derive(Clone, Debug, Default)]
pub(crate) struct TailWriter<B> {
    /// Whole tails, and room for more.
    words: Box<[u8]>,
    /// What lies behind them. The word in which the stream ends has its bits at the top, and zeros behind them; what lies behind
    /// that word is no part of the stream.
    tail: [u64; TAIL_WORDS],
    bits: u32,
    /// What its owner keeps in room that would be lost.
    pub(crate) beside: B,
}

impl<B> TailWriter<B> {
    /// An empty stream with room for so many bytes.
    pub(crate) fn with_capacity(bytes: usize) -> Self
    where
        B: Default,
    {
        TailWriter::in_buffer(vec![0; bytes.next_multiple_of(TAIL)].into_boxed_slice())
    }

    /// An empty stream with a buffer.
    fn in_buffer(words: Box<[u8]>) -> Self
    where
        B: Default,
    {
        TailWriter { words, tail: [0; TAIL_WORDS], bits: 0, beside: B::default() }
    }

    /// An empty stream in the buffer of this one, unless less than half of it was used.
    pub(crate) fn restart(self) -> Self
    where
        B: Default,
    {
        if self.bits == 0 || self.words.len() <= 2 * self.len().next_multiple_of(TAIL) {
            TailWriter::in_buffer(self.words)
        } else {
            TailWriter::with_capacity(self.len())
        }
    }

    /// A stream that goes on behind the first `bits` of `bytes`, of which there must be as many.
    pub(crate) fn resume(bytes: &[u8], bits: u32, beside: B) -> Self {
        let (words, rest) = bytes.split_at((bits / TAIL_BITS) as usize * TAIL);
        let mut tail = [0; TAIL];
        for (to, from) in tail.iter_mut().zip(rest) {
            *to = *from;
        }
        let mut writer = TailWriter { words: words.into(), tail: [0; TAIL_WORDS], bits, beside };
        for (to, from) in writer.tail.iter_mut().zip(tail.as_chunks::<WORD>().0) {
            *to = u64::from_be_bytes(*from);
        }
        // Whatever lies behind the end is no part of the stream.
        writer.tail[last_word(bits)] &= !(u64::MAX >> (bits % WORD_BITS));
        writer
    }

    /// Bytes of the stream. The last may be filled up with zeros.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.bits.div_ceil(8) as usize
    }

    /// As [`TailWriter::len`], or one more.
    #[inline(always)]
    pub(crate) fn max_len(&self) -> usize {
        self.bits as usize / 8 + 1
    }

    /// Bytes that the buffer holds, used or not.
    pub(crate) fn capacity(&self) -> usize {
        self.words.len()
    }

    /// Where the next words go, as far as there is room.
    #[inline]
    pub(crate) fn room(&self) -> &[u8] {
        &self.words[self.whole_tails()..]
    }

    /// The stream, in two parts.
    fn parts(&self) -> (&[u8], [u8; TAIL], usize) {
        let (whole, mut tail) = (self.whole_tails(), [0; TAIL]);
        for (to, word) in tail.as_chunks_mut::<WORD>().0.iter_mut().zip(self.tail) {
            *to = word.to_be_bytes();
        }
        (&self.words[..whole], tail, self.len() - whole)
    }

    /// Appends the stream to `out`.
    pub(crate) fn write_to(&self, out: &mut Vec<u8>) {
        let (whole, tail, rest) = self.parts();
        out.extend_from_slice(whole);
        out.extend_from_slice(&tail[..rest]);
    }

    /// Copies the stream to a place of its length.
    pub(crate) fn copy_to(&self, place: &mut [u8]) {
        let (whole, tail, rest) = self.parts();
        let (first, last) = place.split_at_mut(whole.len());
        first.copy_from_slice(whole);
        last.copy_from_slice(&tail[..rest]);
    }

    /// Bytes that are in the buffer.
    #[inline(always)]
    fn whole_tails(&self) -> usize {
        (self.bits / TAIL_BITS) as usize * TAIL
    }

    /// Makes the stream longer by `n` bits, at most 64, where they are in the last word or begin the next one; which word is the last
    /// now.
    #[inline(always)]
    fn advance(&mut self, n: u32) -> usize {
        let end = self.bits + n;
        if end / TAIL_BITS != self.bits / TAIL_BITS {
            self.store();
        }
        self.bits = end;
        last_word(end)
    }

    /// Puts the tail into the buffer.
    #[cold]
    #[inline(never)]
    fn store(&mut self) {
        let at = self.whole_tails();
        match self.words.get_mut(at..at + TAIL) {
            Some(place) => put(place, &self.tail),
            None => self.store_in_new(at),
        }
    }

    fn store_in_new(&mut self, at: usize) {
        self.grow();
        put(&mut self.words[at..at + TAIL], &self.tail);
    }

    /// Most chunks of a head end below 400 bytes: it doubles up to there.
    fn grow(&mut self) {
        const SMALLEST: usize = 2 * TAIL;
        const DOUBLES_BELOW: usize = 200;
        let len = self.words.len();
        let more = if len < DOUBLES_BELOW { len } else { (len / 4).next_multiple_of(TAIL) };
        let len = SMALLEST.max(len + more);
        let mut words = std::mem::take(&mut self.words).into_vec();
        words.reserve_exact(len - words.len());
        words.resize(len, 0);
        self.words = words.into_boxed_slice();
    }

    /// Appends `n` zeros, at most 64.
    #[inline(always)]
    pub(crate) fn push_zeros(&mut self, n: u32) {
        let at = last_word(self.bits);
        let last = self.advance(n);
        if last != at {
            self.tail[last] = 0;
        }
    }
}

/// The word of a tail in which so many bits end.
#[inline(always)]
fn last_word(bits: u32) -> usize {
    (bits / WORD_BITS) as usize % TAIL_WORDS
}

#[inline(always)]
fn put(place: &mut [u8], tail: &[u64; TAIL_WORDS]) {
    for (to, word) in place.as_chunks_mut::<WORD>().0.iter_mut().zip(tail) {
        *to = word.to_be_bytes();
    }
}

impl<B> BitSink for TailWriter<B> {
    #[inline(always)]
    fn push(&mut self, value: u64, n: u32) {
        debug_assert!((1..=WORD_BITS).contains(&n) && (n == WORD_BITS || value >> n == 0));
        let top = value << (WORD_BITS - n);
        let (used, at) = (self.bits % WORD_BITS, last_word(self.bits));
        let word = self.tail[at] | top >> used;
        // What does not fit into that word begins the next one.
        let rest = top << 1 << (WORD_BITS - 1 - used);
        self.tail[at] = word;
        let last = self.advance(n);
        self.tail[last] = if last == at { word } else { rest };
    }

    #[inline(always)]
    fn push_both(&mut self, (header, header_bits): (u64, u32), (value, n): (u64, u32)) {
        if header_bits + n <= WORD_BITS {
            self.push((header << n) | value, header_bits + n);
        } else {
            self.push(header, header_bits);
            self.push(value, n);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bits::BitReader;

    fn bytes(out: &TailWriter<()>) -> Vec<u8> {
        let mut bytes = Vec::new();
        out.write_to(&mut bytes);
        assert_eq!(bytes.len(), out.len());
        bytes
    }

    #[test]
    fn bits_of_any_length_come_back_at_any_offset() {
        for offset in 1..=64 {
            for n in 1..=64 {
                let value = 0xdead_beef_cafe_f00d >> (64 - n);
                let mut out = TailWriter::default();
                out.push(1, offset);
                out.push(value, n);
                out.push_zeros(offset);
                out.push_both((0b101, 3), (value, n));
                let bytes = bytes(&out);
                let mut bits = BitReader::new(&bytes);
                assert_eq!((bits.read(offset), bits.read(n)), (1, value), "{n} bits at {offset}");
                assert_eq!((bits.read(offset), bits.read(3), bits.read(n)), (0, 0b101, value), "{n} bits at {offset}");
                assert!((0..8).contains(&bits.left()));
            }
        }
    }

    #[test]
    fn a_stream_goes_on_where_another_ended() {
        for n in 1..200 {
            let (mut whole, mut first) = (TailWriter::<()>::default(), TailWriter::<()>::default());
            for bit in 0..n {
                whole.push((bit % 3) & 1, 1);
                first.push((bit % 3) & 1, 1);
            }
            let mut noisy = bytes(&first);
            noisy.extend([0xff; 9]);
            if n % 8 != 0 {
                noisy[n as usize / 8] |= 0xff >> (n % 8);
            }
            let mut resumed = TailWriter::resume(&noisy, n as u32, ());
            for out in [&mut whole, &mut resumed] {
                out.push(0xabcd, 17);
                out.push_zeros(50);
                out.push(7, 64);
            }
            assert_eq!(bytes(&resumed), bytes(&whole), "{n} bits");
        }
    }

    #[test]
    fn a_stream_grows_as_far_as_it_is_written() {
        let mut out = TailWriter::default();
        assert_eq!((bytes(&out).len(), out.capacity()), (0, 0));
        for word in 0..1_000_u64 {
            out.push(word, 64);
            assert!(out.capacity() + TAIL >= out.len() && out.capacity() <= 64.max(2 * out.len()), "{word}");
        }
        let bytes = bytes(&out);
        assert!(bytes.chunks(8).zip(0_u64..).all(|(found, word)| found == word.to_be_bytes()));
    }
}
