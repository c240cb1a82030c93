//! The symbols of several sources as one sorted list.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::error::BlockError;
use crate::source::SeriesSource;

/// All symbols, in one arena.
#[derive(Default)]
pub(super) struct SymbolMerge {
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl SymbolMerge {
    /// Merges the symbols of all sources; with it, for each source, the position of each of its symbols in the result.
    pub(super) fn of(sources: &[&mut dyn SeriesSource]) -> Result<(Self, Vec<Vec<u32>>), BlockError> {
        let mut merged = SymbolMerge::default();
        let mut maps = vec![Vec::new(); sources.len()];
        let mut lists = Vec::with_capacity(sources.len());
        for source in sources {
            lists.push(source.symbols()?);
        }
        let mut heads: BinaryHeap<Reverse<(&[u8], usize)>> = BinaryHeap::with_capacity(lists.len());
        for (source, list) in lists.iter_mut().enumerate() {
            heads.extend(list.next().map(|text| Reverse((text, source))));
        }
        let mut last: Option<&[u8]> = None;
        while let Some(Reverse((text, source))) = heads.pop() {
            if last != Some(text) {
                merged.push(text);
                last = Some(text);
            }
            maps[source].push(merged.ends.len() as u32 - 1);
            heads.extend(lists[source].next().map(|text| Reverse((text, source))));
        }
        Ok((merged, maps))
    }

    fn push(&mut self, text: &[u8]) {
        self.text.extend_from_slice(text);
        self.ends.push(self.text.len());
    }

    pub(super) fn iter(&self) -> Box<dyn Iterator<Item = &[u8]> + '_> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        Box::new(starts.zip(&self.ends).map(|(start, end)| &self.text[start..*end]))
    }
}
