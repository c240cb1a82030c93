//! The symbols of labels, found by the series before.

use std::cmp::Ordering;
use std::ops::Range;

use promethium_model::{Symbol, Symbols};

/// The labels of the series before, as text and as symbols, sorted by name.
///
/// PERF: series come with their like: of the labels of one most are those of the one before, and comparing is a fraction of looking up.
/// The text is here once more, so that it is compared where the cache has it.
#[derive(Default)]
pub(super) struct LikeBefore {
    before: Interned,
    /// Memory for the next.
    next: Interned,
}

#[derive(Default)]
struct Interned {
    text: Vec<u8>,
    labels: Vec<Label>,
}

struct Label {
    name: Range<usize>,
    value: Range<usize>,
    symbols: (Symbol, Symbol),
}

impl Interned {
    fn push(&mut self, (name, value): (&str, &str), symbols: (Symbol, Symbol)) {
        let start = self.text.len();
        self.text.extend_from_slice(name.as_bytes());
        let end_of_name = self.text.len();
        self.text.extend_from_slice(value.as_bytes());
        self.labels.push(Label { name: start..end_of_name, value: end_of_name..self.text.len(), symbols });
    }
}

impl LikeBefore {
    /// The symbols of labels that are sorted by name, in place of what is in `pairs`.
    pub(super) fn intern<'l>(
        &mut self,
        labels: impl Iterator<Item = (&'l str, &'l str)>,
        symbols: &mut Symbols,
        pairs: &mut Vec<(Symbol, Symbol)>,
    ) {
        let LikeBefore { before, next } = self;
        let mut like = before.labels.iter();
        let text = |of: &Range<usize>| &before.text[of.clone()];
        pairs.clear();
        for (name, value) in labels {
            let found = find(&mut like, |label| text(&label.name).cmp(name.as_bytes()));
            let pair = match found {
                Some(label) if text(&label.value) == value.as_bytes() => label.symbols,
                Some(label) => (label.symbols.0, symbols.intern(value)),
                None => (symbols.intern(name), symbols.intern(value)),
            };
            next.push((name, value), pair);
            pairs.push(pair);
        }
        before.text.clear();
        before.labels.clear();
        std::mem::swap(before, next);
    }
}

/// The label of this name, and takes it and those before it.
fn find<'b>(like: &mut std::slice::Iter<'b, Label>, order: impl Fn(&Label) -> Ordering) -> Option<&'b Label> {
    loop {
        let (label, rest) = like.as_slice().split_first()?;
        let order = order(label);
        if order == Ordering::Greater {
            return None;
        }
        *like = rest.iter();
        if order == Ordering::Equal {
            return Some(label);
        }
    }
}
