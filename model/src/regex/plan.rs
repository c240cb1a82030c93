//! How a pattern is matched: the engine is the exception.

use foldhash::fast::FixedState;
use hashbrown::HashSet;
use memchr::memmem::Finder;
use regex_automata::{Anchored, Input, meta};
use regex_syntax::hir::Hir;

use super::analysis::Facts;
use super::glob::Glob;
use crate::text;

/// From this many texts on a set is hashed. PERF: 8 texts take 32 ns to compare with, and 12 ns to hash
/// (`cargo bench -p promethium-model --bench matchers`, row `set of 8`).
const HASHED_FROM: usize = 4;

/// Ways to match, cheapest first.
#[derive(Debug)]
pub(super) enum Plan {
    /// One text.
    Equal(String),
    /// A few texts, sorted.
    Few(Vec<String>),
    /// Many texts.
    Many(HashSet<Box<str>, FixedState>),
    /// Texts with free stretches between.
    Glob(Glob),
    /// The engine, after what every match must have was found.
    Engine(Required),
}

impl Plan {
    pub(super) fn of(hir: &Hir, facts: &Facts) -> Plan {
        match &facts.literals {
            Some(set) if set.len() == 1 => Plan::Equal(set[0].clone()),
            Some(set) if set.len() < HASHED_FROM => Plan::Few(set.clone()),
            Some(set) => Plan::Many(set.iter().map(|text| text.as_str().into()).collect()),
            None => match Glob::of(hir) {
                Some(glob) => Plan::Glob(glob),
                None => Plan::Engine(Required::of(facts)),
            },
        }
    }

    pub(super) fn needs_engine(&self) -> bool {
        matches!(self, Plan::Engine(_))
    }

    /// Whether the whole of `text` matches. `engine` is asked only by [`Plan::Engine`].
    #[inline]
    pub(super) fn is_match<'e>(&self, text: &str, engine: impl FnOnce() -> Option<&'e meta::Regex>) -> bool {
        match self {
            Plan::Equal(only) => text::equal(only, text),
            Plan::Few(texts) => texts.iter().any(|t| text::equal(t, text)),
            Plan::Many(texts) => texts.contains(text),
            Plan::Glob(glob) => glob.is_match(text),
            Plan::Engine(required) => {
                required.allow(text) && engine().is_some_and(|engine| engine.is_match(anchored(text)))
            }
        }
    }
}

/// The engine's pattern carries anchors; saying so again lets it choose a cheaper search.
pub(super) fn anchored(text: &str) -> Input<'_> {
    Input::new(text).anchored(Anchored::Yes)
}

/// Conditions that are cheaper than the engine and that every match meets.
#[derive(Debug)]
pub(super) struct Required {
    prefix: String,
    suffix: String,
    inner: Vec<Finder<'static>>,
}

impl Required {
    fn of(facts: &Facts) -> Required {
        let inner = facts.contains.iter().map(|text| Finder::new(text).into_owned()).collect();
        Required { prefix: facts.prefix.clone(), suffix: facts.suffix.clone(), inner }
    }

    fn allow(&self, text: &str) -> bool {
        let Some(rest) = text::after_prefix(text, &self.prefix) else { return false };
        let Some(rest) = text::before_suffix(rest, &self.suffix) else { return false };
        let mut rest = rest.as_bytes();
        for finder in &self.inner {
            let Some(at) = finder.find(rest) else { return false };
            rest = &rest[at + finder.needle().len()..];
        }
        true
    }
}
