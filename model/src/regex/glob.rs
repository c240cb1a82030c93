//! Texts with free stretches between them: patterns like `.*`, `prefix.+`, `.*inner.*` need no engine.

use memchr::memmem::Finder;
use regex_syntax::hir::{Class, ClassUnicode, Hir, HirKind, Look};

use crate::text;

/// A first text, then free stretches, each followed by a text.
#[derive(Clone, Debug)]
pub(super) struct Glob {
    prefix: String,
    inner: Vec<Stretch>,
    last_gap: u32,
    suffix: String,
}

/// At least `gap` characters of any kind, then a text, which is not empty.
#[derive(Clone, Debug)]
struct Stretch {
    gap: u32,
    text: Finder<'static>,
}

impl Glob {
    /// The glob that says the same as a pattern that is anchored at both ends, if there is one.
    pub(super) fn of(hir: &Hir) -> Option<Glob> {
        let mut parts = Parts::default();
        let mut subs = Vec::new();
        flatten(hir, &mut subs);
        let first = subs.iter().take_while(|sub| matches!(sub.kind(), HirKind::Look(Look::Start))).count();
        let last = subs.iter().rev().take_while(|sub| matches!(sub.kind(), HirKind::Look(Look::End))).count();
        for sub in subs.get(first..subs.len().checked_sub(last)?)? {
            parts.push(sub)?;
        }
        parts.finish()
    }

    /// Whether the whole of `text` matches. Taking each inner text where it first occurs leaves the most room for the
    /// rest, so nothing has to be tried twice.
    pub(super) fn is_match(&self, text: &str) -> bool {
        let Some(mut rest) = text::after_prefix(text, &self.prefix) else { return false };
        for stretch in &self.inner {
            let Some(free) = skip_chars(rest, stretch.gap) else { return false };
            let Some(at) = stretch.text.find(free.as_bytes()) else { return false };
            rest = &free[at + stretch.text.needle().len()..];
        }
        skip_chars(rest, self.last_gap).is_some_and(|rest| text::before_suffix(rest, &self.suffix).is_some())
    }
}

/// The text after its first `n` characters; `None` when it has fewer.
fn skip_chars(text: &str, n: u32) -> Option<&str> {
    let mut chars = text.chars();
    for _ in 0..n {
        chars.next()?;
    }
    Some(chars.as_str())
}

/// The pieces of a concatenation; groups make no difference to whether a text matches.
fn flatten<'h>(hir: &'h Hir, into: &mut Vec<&'h Hir>) {
    match hir.kind() {
        HirKind::Empty => {}
        HirKind::Capture(capture) => flatten(&capture.sub, into),
        HirKind::Concat(subs) => subs.iter().for_each(|sub| flatten(sub, into)),
        _ => into.push(hir),
    }
}

#[derive(Default)]
struct Parts {
    // The texts, and the gap before each but the first.
    texts: Vec<String>,
    gaps: Vec<u32>,
    // The last thing was a gap.
    in_gap: bool,
}

impl Parts {
    fn push(&mut self, hir: &Hir) -> Option<()> {
        match hir.kind() {
            HirKind::Literal(literal) => {
                let text = std::str::from_utf8(&literal.0).ok()?;
                match self.texts.last_mut().filter(|_| !self.in_gap) {
                    Some(last) => last.push_str(text),
                    None => self.texts.push(text.to_owned()),
                }
                self.in_gap = false;
            }
            HirKind::Repetition(r) if r.max.is_none() && r.min <= 1 && is_any_char(&r.sub) => self.push_gap(r.min),
            _ => return None,
        }
        Some(())
    }

    fn push_gap(&mut self, min: u32) {
        if self.texts.is_empty() {
            self.texts.push(String::new());
        }
        match self.gaps.last_mut().filter(|_| self.in_gap) {
            Some(gap) => *gap = gap.saturating_add(min),
            None => self.gaps.push(min),
        }
        self.in_gap = true;
    }

    /// `None` without a gap: that is a literal, which others handle.
    fn finish(mut self) -> Option<Glob> {
        if self.in_gap {
            self.texts.push(String::new());
        }
        let last_gap = self.gaps.pop()?;
        let suffix = self.texts.pop()?;
        let mut texts = self.texts.into_iter();
        let prefix = texts.next()?;
        let inner = self.gaps.into_iter().zip(texts);
        let inner = inner.map(|(gap, text)| Stretch { gap, text: Finder::new(&text).into_owned() }).collect();
        Some(Glob { prefix, inner, last_gap, suffix })
    }
}

fn is_any_char(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Class(Class::Unicode(class)) => *class == any_char(),
        HirKind::Capture(capture) => is_any_char(&capture.sub),
        _ => false,
    }
}

fn any_char() -> ClassUnicode {
    let mut all = ClassUnicode::empty();
    all.negate();
    all
}
