//! What a pattern says about its matches without being run: for index look-ups and for matching without an engine.

use std::cell::Cell;

use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};

/// A literal set is given up beyond this many texts, as Prometheus gives it up.
pub(super) const MAX_LITERALS: usize = 256;
/// A literal set is given up beyond this many bytes.
const MAX_LITERAL_BYTES: usize = 64 << 10;
/// Texts that one look at a pattern spells out; what would take more is left unknown, so that the look is linear in the pattern.
const MAX_TEXTS: usize = 64 * MAX_LITERALS;

/// Facts about a pattern that is anchored at both ends.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Facts {
    /// All texts that match, sorted, when they are few.
    pub(super) literals: Option<Vec<String>>,
    /// Every match begins with this.
    pub(super) prefix: String,
    /// Every match ends with this.
    pub(super) suffix: String,
    /// Every match contains these, one after the other; the prefix and the suffix are not repeated here.
    pub(super) contains: Vec<String>,
}

/// Looks at a pattern. Its height is limited by the parser, so that the walk may recurse.
pub(super) fn facts(hir: &Hir) -> Facts {
    let texts = Cell::new(MAX_TEXTS);
    let piece = piece(hir, Place { starts: true, ends: true, texts: &texts });
    let literals = piece.exact.map(|mut set| {
        set.sort_unstable();
        set.dedup();
        set
    });
    Facts { literals, prefix: piece.prefix, suffix: piece.suffix, contains: piece.inner }
}

/// Where a piece stands: an anchor that holds anyway is no condition.
#[derive(Clone, Copy)]
struct Place<'t> {
    starts: bool,
    ends: bool,
    /// How many texts may still be spelled out.
    texts: &'t Cell<usize>,
}

impl Place<'_> {
    fn inside(self) -> Self {
        Place { starts: false, ends: false, ..self }
    }

    fn may_spell_out(self, texts: usize) -> bool {
        let left = self.texts.get().checked_sub(texts);
        self.texts.set(left.unwrap_or(0));
        left.is_some()
    }
}

/// What is known of the texts that one piece of a pattern matches.
#[derive(Clone, Default)]
struct Piece {
    exact: Option<Vec<String>>,
    prefix: String,
    suffix: String,
    // Texts in order, apart from prefix and suffix.
    inner: Vec<String>,
}

impl Piece {
    fn unknown() -> Piece {
        Piece::default()
    }

    fn empty() -> Piece {
        Piece::exact(vec![String::new()])
    }

    fn exact(set: Vec<String>) -> Piece {
        let prefix = common_prefix(&set);
        let suffix = common_suffix(&set);
        Piece { exact: Some(set), prefix, suffix, inner: Vec::new() }
    }

    /// The piece as one that is not exact. Its prefix and suffix are then apart: in an exact one the same characters may
    /// be both.
    fn inexact(self) -> Piece {
        match self.exact {
            None => self,
            Some(set) => Piece { suffix: common_suffix_after(&set, self.prefix.len()), exact: None, ..self },
        }
    }
}

fn piece(hir: &Hir, place: Place<'_>) -> Piece {
    match hir.kind() {
        HirKind::Empty => Piece::empty(),
        HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
            Ok(text) => Piece::exact(vec![text.to_owned()]),
            Err(_) => Piece::unknown(),
        },
        HirKind::Class(class) => of_class(class, place),
        HirKind::Look(Look::Start) if place.starts => Piece::empty(),
        HirKind::Look(Look::End) if place.ends => Piece::empty(),
        HirKind::Look(_) => Piece::unknown(),
        HirKind::Capture(capture) => piece(&capture.sub, place),
        HirKind::Repetition(repetition) => of_repetition(repetition, place),
        HirKind::Concat(subs) => of_concat(subs, place),
        HirKind::Alternation(subs) => of_alternation(subs, place),
    }
}

fn of_class(class: &Class, place: Place<'_>) -> Piece {
    let class = match class {
        Class::Unicode(class) => class,
        // What never matches comes as an empty class of bytes.
        Class::Bytes(bytes) if bytes.ranges().is_empty() => return Piece::exact(Vec::new()),
        Class::Bytes(_) => return Piece::unknown(),
    };
    let size = class.ranges().iter().fold(0usize, |sum, range| sum.saturating_add(range.len()));
    if size > MAX_LITERALS || !place.may_spell_out(size) {
        return Piece::unknown();
    }
    Piece::exact(class.ranges().iter().flat_map(|range| range.start()..=range.end()).map(String::from).collect())
}

fn of_repetition(repetition: &Repetition, place: Place<'_>) -> Piece {
    let sub = piece(&repetition.sub, place.inside());
    let bounds = repetition.max.map(|max| (repetition.min, max));
    let exact = sub.exact.as_deref().zip(bounds).and_then(|(set, bounds)| repeated(set, bounds, place));
    match (exact, repetition.min) {
        (Some(set), _) => Piece::exact(set),
        (None, 0) => Piece::unknown(),
        (None, 1) => sub.inexact(),
        // The prefix is that of the first copy, the suffix that of the last one.
        (None, _) => Piece { exact: None, ..sub },
    }
}

/// All texts of `min` to `max` copies.
fn repeated(set: &[String], (min, max): (u32, u32), place: Place<'_>) -> Option<Vec<String>> {
    let mut copies = vec![String::new()];
    let mut all = if min == 0 { copies.clone() } else { Vec::new() };
    for n in 1..=max {
        copies = cross(&copies, set, place)?;
        if n >= min {
            all.extend_from_slice(&copies);
        }
        if !fits(&all) {
            return None;
        }
    }
    Some(all)
}

fn of_alternation(subs: &[Hir], place: Place<'_>) -> Piece {
    let pieces: Vec<Piece> = subs.iter().map(|sub| piece(sub, place)).collect();
    match union(&pieces) {
        Some(set) => Piece::exact(set),
        None => common(&pieces),
    }
}

fn union(pieces: &[Piece]) -> Option<Vec<String>> {
    let sets = pieces.iter().map(|p| p.exact.as_deref()).collect::<Option<Vec<_>>>()?;
    let texts = sets.iter().map(|set| set.len()).sum::<usize>();
    (texts <= MAX_LITERALS).then(|| sets.concat()).filter(|set| fits(set))
}

/// What all branches begin and end with.
fn common(pieces: &[Piece]) -> Piece {
    let prefixes: Vec<&str> = pieces.iter().map(|p| p.prefix.as_str()).collect();
    let prefix = common_prefix(&prefixes);
    let suffix = |p: &Piece| match &p.exact {
        Some(set) => common_suffix_after(set, prefix.len()),
        None => p.suffix.clone(),
    };
    let suffixes: Vec<String> = pieces.iter().map(suffix).collect();
    Piece { suffix: common_suffix(&suffixes), prefix, ..Piece::unknown() }
}

fn of_concat(subs: &[Hir], place: Place<'_>) -> Piece {
    let starts = subs.iter().take_while(|sub| matches!(sub.kind(), HirKind::Look(Look::Start))).count();
    let ends = subs.iter().rev().take_while(|sub| matches!(sub.kind(), HirKind::Look(Look::End))).count();
    let mut sequence = Sequence::new(place);
    for (i, sub) in subs.iter().enumerate() {
        let (starts, ends) = (place.starts && i <= starts, place.ends && i + 1 + ends >= subs.len());
        let place = Place { starts, ends, ..place };
        sequence.push(piece(sub, place));
    }
    sequence.finish()
}

/// Pieces one after the other. As long as all of them are exact, their product is; after that, the exact pieces since
/// the last gap go on being multiplied, so that `foo(a|b)` ends a match in one of two known ways.
struct Sequence<'t> {
    place: Place<'t>,
    // The exact texts since the last gap.
    run: Vec<String>,
    prefix: Option<String>,
    inner: Vec<String>,
}

impl<'t> Sequence<'t> {
    fn new(place: Place<'t>) -> Self {
        Sequence { place, run: vec![String::new()], prefix: None, inner: Vec::new() }
    }

    fn push(&mut self, next: Piece) {
        let product = next.exact.as_deref().and_then(|set| cross(&self.run, set, self.place));
        match product {
            Some(product) => self.run = product,
            None => self.gap(next),
        }
    }

    /// Something that is not exact: what it begins with still belongs to the run, what it ends with to the next one.
    fn gap(&mut self, next: Piece) {
        let next = next.inexact();
        let run = match cross(&self.run, &[next.prefix], self.place) {
            Some(run) => run,
            None => std::mem::take(&mut self.run),
        };
        self.end_run(&run);
        self.inner.extend(next.inner);
        self.run = vec![next.suffix];
    }

    fn end_run(&mut self, run: &[String]) {
        let prefix = common_prefix(run);
        let text = match (run, &self.prefix) {
            // The prefix of the whole is known; a single text is all of its run.
            (_, None) => {
                let rest = common_suffix_after(run, prefix.len());
                self.prefix = Some(prefix);
                rest
            }
            ([_], Some(_)) => prefix,
            (_, Some(_)) => longer(prefix, common_suffix(run)),
        };
        self.require(text);
    }

    fn require(&mut self, text: String) {
        if !text.is_empty() {
            self.inner.push(text);
        }
    }

    fn finish(mut self) -> Piece {
        let run = std::mem::take(&mut self.run);
        let suffix = common_suffix(&run);
        let Some(prefix) = self.prefix.take() else { return Piece::exact(run) };
        // What all texts of the last run begin with stands before the suffix, unless it is the same place.
        let before = common_prefix_before(&run, suffix.len());
        self.require(before);
        Piece { exact: None, prefix, suffix, inner: self.inner }
    }
}

fn longer(a: String, b: String) -> String {
    if b.len() > a.len() { b } else { a }
}

/// What all texts end with once `skip` bytes at their beginning are set aside.
fn common_suffix_after(set: &[String], skip: usize) -> String {
    let rests: Vec<&str> = set.iter().map(|s| s.get(skip..).unwrap_or("")).collect();
    common_suffix(&rests)
}

/// What all texts begin with once `skip` bytes at their end are set aside.
fn common_prefix_before(set: &[String], skip: usize) -> String {
    let rests: Vec<&str> = set.iter().map(|s| s.get(..s.len().saturating_sub(skip)).unwrap_or("")).collect();
    common_prefix(&rests)
}

/// Every text of `a` followed by every text of `b`; `None` when that is too much.
fn cross(a: &[String], b: &[String], place: Place<'_>) -> Option<Vec<String>> {
    let texts = a.len().checked_mul(b.len()).filter(|n| *n <= MAX_LITERALS)?;
    let bytes = |set: &[String]| set.iter().map(String::len).sum::<usize>();
    if bytes(a).saturating_mul(b.len()).saturating_add(bytes(b).saturating_mul(a.len())) > MAX_LITERAL_BYTES {
        return None;
    }
    // One text in place of one is no more than was there.
    if texts > 1 && !place.may_spell_out(texts) {
        return None;
    }
    let mut product = Vec::with_capacity(texts);
    for left in a {
        product.extend(b.iter().map(|right| [left.as_str(), right].concat()));
    }
    Some(product)
}

fn fits(set: &[String]) -> bool {
    set.len() <= MAX_LITERALS && set.iter().map(String::len).sum::<usize>() <= MAX_LITERAL_BYTES
}

fn common_prefix<S: AsRef<str>>(set: &[S]) -> String {
    let Some((first, others)) = set.split_first() else { return String::new() };
    let mut prefix = first.as_ref();
    for other in others {
        let same = prefix.chars().zip(other.as_ref().chars()).take_while(|(a, b)| a == b);
        prefix = &prefix[..same.map(|(c, _)| c.len_utf8()).sum()];
    }
    prefix.to_owned()
}

fn common_suffix<S: AsRef<str>>(set: &[S]) -> String {
    let Some((first, others)) = set.split_first() else { return String::new() };
    let mut suffix = first.as_ref();
    for other in others {
        let same = suffix.chars().rev().zip(other.as_ref().chars().rev()).take_while(|(a, b)| a == b);
        suffix = &suffix[suffix.len() - same.map(|(c, _)| c.len_utf8()).sum::<usize>()..];
    }
    suffix.to_owned()
}
