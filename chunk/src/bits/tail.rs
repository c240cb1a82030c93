//! Writing bit streams whose end is at hand.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::BitSink;

const WORD: usize = 8;
const WORD_BITS: u32 = 64;

/// A growing bit stream in words of 64 bits, of which the last is not in the buffer but in the struct itself.
///
/// PERF: a head writes to one of a million streams after the other, each of which has left the cache since. Most writes
/// end in the word at hand, and do not wait for the buffer.
#[derive(Clone, Debug, Default)]
pub(crate) struct TailWriter<B> {
    /// Whole words, and room for more.
    words: Box<[u8]>,
    /// The bits behind the whole words, from the top; zeros behind them.
    tail: u64,
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
        let words = vec![0; bytes.next_multiple_of(WORD)].into_boxed_slice();
        TailWriter { words, tail: 0, bits: 0, beside: B::default() }
    }

    /// A stream that goes on behind the first `bits` of `bytes`, of which there must be as many.
    pub(crate) fn resume(bytes: &[u8], bits: u32, beside: B) -> Self {
        let (words, rest) = bytes.split_at((bits / WORD_BITS) as usize * WORD);
        let (used, mut tail) = (bits % WORD_BITS, [0; WORD]);
        for (to, from) in tail.iter_mut().zip(rest) {
            *to = *from;
        }
        // Whatever lies behind the end is no part of the stream.
        let tail = u64::from_be_bytes(tail) & !u64::MAX.checked_shr(used).unwrap_or(0);
        TailWriter { words: words.into(), tail, bits, beside }
    }

    /// Bytes of the stream. The last may be filled up with zeros.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.bits.div_ceil(8) as usize
    }

    /// Bytes that the buffer holds, used or not.
    pub(crate) fn capacity(&self) -> usize {
        self.words.len()
    }

    /// Where the next words go, as far as there is room.
    #[inline]
    pub(crate) fn room(&self) -> &[u8] {
        &self.words[self.whole_words()..]
    }

    /// Appends the stream to `out`.
    pub(crate) fn write_to(&self, out: &mut Vec<u8>) {
        let whole = self.whole_words();
        out.extend_from_slice(&self.words[..whole]);
        out.extend_from_slice(&self.tail.to_be_bytes()[..self.len() - whole]);
    }

    /// Bytes of whole words.
    #[inline(always)]
    fn whole_words(&self) -> usize {
        (self.bits / WORD_BITS) as usize * WORD
    }

    /// Puts a word behind the whole ones.
    #[inline(always)]
    fn store(&mut self, word: u64) {
        let at = self.whole_words();
        if self.words.len() - at < WORD {
            self.grow();
        }
        if let Some(place) = self.words[at..].first_chunk_mut::<WORD>() {
            *place = word.to_be_bytes();
        }
    }

    /// Most chunks of a head end below 400 bytes: it doubles up to there. The lengths are those that allocators give without
    /// a rest.
    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        const SMALLEST: usize = 24;
        const DOUBLES_BELOW: usize = 200;
        let len = self.words.len();
        let more = if len < DOUBLES_BELOW { len + WORD } else { (len / 4).next_multiple_of(2 * WORD) };
        let len = SMALLEST.max(len + more);
        let mut words = std::mem::take(&mut self.words).into_vec();
        words.reserve_exact(len - words.len());
        words.resize(len, 0);
        self.words = words.into_boxed_slice();
    }

    /// Appends `n` zeros, at most 64.
    #[inline(always)]
    pub(crate) fn push_zeros(&mut self, n: u32) {
        if self.bits % WORD_BITS + n >= WORD_BITS {
            self.store(self.tail);
            self.tail = 0;
        }
        self.bits += n;
    }
}

impl<B> BitSink for TailWriter<B> {
    #[inline(always)]
    fn push(&mut self, value: u64, n: u32) {
        debug_assert!((1..=WORD_BITS).contains(&n) && (n == WORD_BITS || value >> n == 0));
        let room = WORD_BITS - self.bits % WORD_BITS;
        if n < room {
            self.tail |= value << (room - n);
        } else {
            let behind = n - room;
            self.store(self.tail | value >> behind);
            // What is shifted out is what was stored.
            self.tail = if behind == 0 { 0 } else { value << (WORD_BITS - behind) };
        }
        self.bits += n;
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
            assert!(out.capacity() >= out.len() && out.capacity() <= 24.max(2 * out.len() + 8), "{word}");
        }
        let bytes = bytes(&out);
        assert!(bytes.chunks(8).zip(0_u64..).all(|(found, word)| found == word.to_be_bytes()));
    }
}
