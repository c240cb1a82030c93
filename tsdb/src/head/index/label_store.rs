//! The labels of all series, packed.

use promethium_model::Symbol;

/// Label pairs of series by id, in one buffer. What removed series leave behind is cleared when it is half of all.
#[derive(Default)]
pub(super) struct LabelStore {
    pairs: Vec<(Symbol, Symbol)>,
    spans: Vec<Span>,
    garbage: usize,
}

#[derive(Clone, Copy, Default)]
struct Span {
    start: u32,
    len: u32,
}

// Below this nothing is worth a compaction.
const MIN_GARBAGE: usize = 4096;

impl LabelStore {
    pub(super) fn get(&self, id: u32) -> &[(Symbol, Symbol)] {
        let Some(span) = self.spans.get(id as usize) else { return &[] };
        &self.pairs[span.start as usize..][..span.len as usize]
    }

    /// Sets the labels of an id that has none.
    pub(super) fn set(&mut self, id: u32, pairs: &[(Symbol, Symbol)]) {
        if self.spans.len() <= id as usize {
            self.spans.resize(id as usize + 1, Span::default());
        }
        let start = u32::try_from(self.pairs.len()).expect("fewer than 2^32 label pairs in a head");
        self.spans[id as usize] = Span { start, len: pairs.len() as u32 };
        self.reserve(pairs.len());
        self.pairs.extend_from_slice(pairs);
    }

    /// Room that grows by an eighth: a head holds tens of millions of pairs.
    fn reserve(&mut self, more: usize) {
        let len = self.pairs.len();
        if self.pairs.capacity() - len < more {
            self.pairs.reserve_exact(more.max(1024).max(len / 8));
        }
    }

    pub(super) fn clear(&mut self, id: u32) {
        let Some(span) = self.spans.get_mut(id as usize) else { return };
        self.garbage += std::mem::take(span).len as usize;
        if self.garbage > MIN_GARBAGE && self.garbage > self.pairs.len() / 2 {
            self.compact();
        }
    }

    fn compact(&mut self) {
        let mut kept = Vec::with_capacity(self.pairs.len() - self.garbage);
        for span in &mut self.spans {
            let start = kept.len() as u32;
            kept.extend_from_slice(&self.pairs[span.start as usize..][..span.len as usize]);
            span.start = start;
        }
        self.pairs = kept;
        self.garbage = 0;
    }
}
