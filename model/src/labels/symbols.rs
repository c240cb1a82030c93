//! Interned strings.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// An interned string of a [`Symbols`] table: its ordinal, dense from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(pub u32);

/// Interns label names and values: each distinct string is stored once, in one arena.
///
/// Holds at most 4 GiB of text. Symbols are dense and stay valid for the table's life.
///
/// ```
/// use promethium_model::Symbols;
/// let mut symbols = Symbols::new();
/// let a = symbols.intern("instance");
/// assert_eq!(symbols.intern("instance"), a);
/// assert_eq!(symbols.resolve(a), "instance");
/// ```
#[derive(Clone, Default)]
pub struct Symbols {
    arena: String,
    ends: Vec<u32>,
    index: HashTable<u32>,
    hasher: FixedState,
}

impl Symbols {
    /// An empty table.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The symbol of `s`, which is added when it is new.
    ///
    /// # Panics
    ///
    /// When the arena would pass 4 GiB: series limits stop growth far below.
    pub fn intern(&mut self, s: &str) -> Symbol {
        let hash = self.hasher.hash_one(s);
        if let Some(found) = self.find(hash, s) {
            return found;
        }
        let id = u32::try_from(self.ends.len()).expect("fewer than 2^32 symbols");
        self.arena.push_str(s);
        self.ends.push(u32::try_from(self.arena.len()).expect("less than 4 GiB of symbols"));
        let Symbols { arena, ends, index, hasher } = self;
        index.insert_unique(hash, id, |&i| hasher.hash_one(slice(arena, ends, i)));
        Symbol(id)
    }

    /// The symbol of `s`, if it was interned.
    #[must_use]
    pub fn get(&self, s: &str) -> Option<Symbol> {
        self.find(self.hasher.hash_one(s), s)
    }

    /// The text of a symbol of this table.
    ///
    /// # Panics
    ///
    /// When the symbol comes from another, larger table.
    #[must_use]
    pub fn resolve(&self, symbol: Symbol) -> &str {
        slice(&self.arena, &self.ends, symbol.0)
    }

    /// Number of distinct strings.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether nothing was interned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of text held.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        self.arena.len()
    }

    fn find(&self, hash: u64, s: &str) -> Option<Symbol> {
        self.index.find(hash, |&i| slice(&self.arena, &self.ends, i) == s).map(|&i| Symbol(i))
    }
}

fn slice<'a>(arena: &'a str, ends: &[u32], id: u32) -> &'a str {
    let id = id as usize;
    let start = if id == 0 { 0 } else { ends[id - 1] as usize };
    &arena[start..ends[id] as usize]
}

impl std::fmt::Debug for Symbols {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Symbols").field("len", &self.len()).field("text_bytes", &self.text_bytes()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interning_is_idempotent_and_dense() {
        let mut t = Symbols::new();
        let words: Vec<String> = (0..1000).map(|i| format!("w{}", i % 250)).collect();
        let ids: Vec<Symbol> = words.iter().map(|w| t.intern(w)).collect();
        assert_eq!(t.len(), 250);
        for (word, id) in words.iter().zip(&ids) {
            assert_eq!(t.resolve(*id), word);
            assert_eq!(t.get(word), Some(*id));
        }
        assert_eq!(t.get("absent"), None);
        assert_eq!(t.intern(""), Symbol(250));
        assert_eq!(t.resolve(Symbol(250)), "");
    }
}
