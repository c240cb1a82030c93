//! The symbol table: `u32 length · u32 count · (uvarint n · n bytes)* · u32 crc`, sorted.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::cmp::Ordering;

use crate::bytes::{Cursor, ends_early, section};
use crate::error::Fault;

/// Every so many symbols, the place of one is kept; the others are walked to. A walk costs 2 ns a symbol.
const STRIDE: u32 = 8;

/// Where the symbols are. Their text stays in the file.
#[derive(Clone, Debug)]
pub(crate) struct SymbolTable {
    /// Offset of the first symbol in the file.
    start: u64,
    count: u32,
    /// Offsets from `start` of each `STRIDE`-th symbol.
    places: Vec<u32>,
}

impl SymbolTable {
    /// Checks the section at `offset` and walks it once.
    pub(crate) fn read(file: &[u8], offset: u64) -> Result<Self, Fault> {
        let contents = section(file, offset)?;
        let mut bytes = Cursor::new(contents);
        let count = bytes.u32().ok_or_else(|| ends_early(offset))?;
        let len = bytes.rest().len();
        let mut places = Vec::new();
        for ordinal in 0..count {
            if ordinal.is_multiple_of(STRIDE) {
                places.push((len - bytes.rest().len()) as u32);
            }
            bytes.prefixed().ok_or_else(|| ends_early(offset))?;
        }
        if !bytes.is_empty() {
            return Err(Fault::new(offset, "bytes behind the last symbol"));
        }
        Ok(SymbolTable { start: offset + 8, count, places })
    }

    pub(crate) fn len(&self) -> u32 {
        self.count
    }

    /// The symbol of an ordinal; `None` when there is none, or when it is not UTF-8.
    #[inline]
    pub(crate) fn get<'a>(&self, file: &'a [u8], ordinal: u32) -> Option<&'a str> {
        std::str::from_utf8(self.bytes_of(file, ordinal)?).ok()
    }

    pub(crate) fn bytes_of<'a>(&self, file: &'a [u8], ordinal: u32) -> Option<&'a [u8]> {
        if ordinal >= self.count {
            return None;
        }
        let mut bytes = self.walk_from(file, (ordinal / STRIDE) as usize)?;
        for _ in 0..ordinal % STRIDE {
            bytes.prefixed()?;
        }
        bytes.prefixed()
    }

    fn walk_from<'a>(&self, file: &'a [u8], place: usize) -> Option<Cursor<'a>> {
        let at = self.start + u64::from(*self.places.get(place)?);
        Some(Cursor::new(file.get(usize::try_from(at).ok()?..)?))
    }

    /// The ordinal of the symbol that begins at this offset of the file: how version 1 refers to symbols.
    pub(crate) fn ordinal_at(&self, file: &[u8], offset: u64) -> Option<u32> {
        let relative = u32::try_from(offset.checked_sub(self.start)?).ok()?;
        let place = self.places.partition_point(|p| *p <= relative).checked_sub(1)?;
        let mut bytes = self.walk_from(file, place)?;
        let mut at = *self.places.get(place)?;
        let mut ordinal = place as u32 * STRIDE;
        while at < relative {
            let before = bytes.rest().len();
            bytes.prefixed()?;
            at += (before - bytes.rest().len()) as u32;
            ordinal += 1;
        }
        (at == relative && ordinal < self.count).then_some(ordinal)
    }

    /// The ordinal of a text.
    pub(crate) fn find(&self, file: &[u8], text: &str) -> Option<u32> {
        let first = |place: u32| self.bytes_of(file, place * STRIDE).unwrap_or_default();
        let (mut low, mut high) = (0, self.places.len() as u32);
        while low < high {
            let middle = low + (high - low) / 2;
            if first(middle) <= text.as_bytes() { low = middle + 1 } else { high = middle }
        }
        let start = low.checked_sub(1)? * STRIDE;
        let mut bytes = self.walk_from(file, low as usize - 1)?;
        for ordinal in start..(start + STRIDE).min(self.count) {
            match bytes.prefixed()?.cmp(text.as_bytes()) {
                Ordering::Less => {}
                Ordering::Equal => return Some(ordinal),
                Ordering::Greater => return None,
            }
        }
        None
    }

    /// All symbols in order, as bytes.
    pub(crate) fn iter<'a>(&self, file: &'a [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut bytes = self.walk_from(file, 0).unwrap_or(Cursor::new(&[]));
        (0..self.count).map_while(move |_| bytes.prefixed())
    }
}
