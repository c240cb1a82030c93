//! Warnings and infos that come with an answer.

use std::fmt;
use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// A place in a query: line and column, both from 1, columns in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Byte column, from 1.
    pub column: u32,
}

impl Position {
    /// The position of byte `offset` in `text`; past the end counts as the end.
    #[must_use]
    pub fn of(text: &str, offset: usize) -> Position {
        let before = &text.as_bytes()[..offset.min(text.len())];
        let line_start = before.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
        let newlines = before.iter().filter(|b| **b == b'\n').count();
        Position { line: newlines as u32 + 1, column: (before.len() - line_start) as u32 + 1 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// How grave an annotation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// The result may be wrong.
    Warning,
    /// The result is right, but the query may not mean what was meant.
    Info,
}

/// One warning or info.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// Warning or info.
    pub severity: Severity,
    /// The text, without prefix and position.
    pub text: String,
    /// The expression it speaks of, if it speaks of one.
    pub position: Option<Position>,
}

impl fmt::Display for Annotation {
    /// `PromQL warning: text (1:7)`; without a position the text stands alone, as storage warnings do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(position) = self.position else { return f.write_str(&self.text) };
        let kind = match self.severity {
            Severity::Warning => "warning",
            Severity::Info => "info",
        };
        write!(f, "PromQL {kind}: {} ({position})", self.text)
    }
}

/// Annotations of one answer: each text once, in order of first occurrence.
#[derive(Clone, Default)]
pub struct Annotations {
    items: Vec<Annotation>,
    // Positions in `items` by severity and text: a query over many metrics can warn of each.
    index: HashTable<usize>,
    hasher: FixedState,
}

impl Annotations {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one. A text that is already there takes the later position.
    pub fn add(&mut self, annotation: Annotation) {
        let Annotations { items, index, hasher } = self;
        let hash = |a: &Annotation| hasher.hash_one((a.severity, &a.text));
        let same = |i: &usize| items[*i].severity == annotation.severity && items[*i].text == annotation.text;
        if let Some(known) = index.find(hash(&annotation), same) {
            items[*known].position = annotation.position;
            return;
        }
        index.insert_unique(hash(&annotation), items.len(), |i| hash(&items[*i]));
        items.push(annotation);
    }

    /// Adds a warning.
    pub fn warn(&mut self, text: impl Into<String>, position: Option<Position>) {
        self.add(Annotation { severity: Severity::Warning, text: text.into(), position });
    }

    /// Adds an info.
    pub fn info(&mut self, text: impl Into<String>, position: Option<Position>) {
        self.add(Annotation { severity: Severity::Info, text: text.into(), position });
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: Annotations) {
        other.items.into_iter().for_each(|a| self.add(a));
    }

    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Annotation> {
        self.items.iter()
    }

    /// Those of one severity, as shown.
    #[must_use]
    pub fn texts(&self, severity: Severity) -> Vec<String> {
        self.items.iter().filter(|a| a.severity == severity).map(ToString::to_string).collect()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }
}

impl PartialEq for Annotations {
    fn eq(&self, other: &Self) -> bool {
        self.items == other.items
    }
}

impl Eq for Annotations {}

impl fmt::Debug for Annotations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.items).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_bytes_and_lines() {
        let text = "ab\ncé d";
        assert_eq!(Position::of(text, 0), Position { line: 1, column: 1 });
        assert_eq!(Position::of(text, 3), Position { line: 2, column: 1 });
        assert_eq!(Position::of(text, 7), Position { line: 2, column: 5 });
        assert_eq!(Position::of(text, 99), Position { line: 2, column: 6 });
    }

    #[test]
    fn a_repeated_text_keeps_one_entry_with_the_last_position() {
        let mut a = Annotations::new();
        a.warn("x", Some(Position { line: 1, column: 1 }));
        a.info("x", None);
        a.warn("x", Some(Position { line: 1, column: 9 }));
        assert_eq!(a.len(), 2);
        assert_eq!(a.texts(Severity::Warning), ["PromQL warning: x (1:9)"]);
        assert_eq!(a.texts(Severity::Info), ["x"]);
    }
}
