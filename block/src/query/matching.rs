//! From matchers to series.
//!
//! Equalities are looked up and intersected by galloping, the shortest list first. A regular expression whose literals
//! decide is a few look-ups; another one is asked of each value of its label at most once — of those with its prefix, or of
//! those that the series found so far have, whichever is less. Nothing is allocated for a series that is not in a result.

use std::collections::HashMap;

use promethium_model::{HeldBytes, MatchOp, Matcher, QueryCx, StorageError};

use crate::error::BlockError;
use crate::index::{Ids, Index, SeriesEntry, ValueList, with_ids};
use crate::postings::{intersect, intersect_in_place, retain_common, subtract, union_of};

/// How many values or series are looked at between two checks for cancellation.
const CHECK_EVERY: usize = 1_024;

/// Bytes of an id in a list that is not the block's own.
const ID_BYTES: usize = size_of::<u32>();

/// Bytes of a value that was asked about, in a table that is at least half full.
const KNOWN_BYTES: usize = 2 * size_of::<(u32, bool)>();

/// Reading a series costs about as much as asking so many values.
const SERIES_COST: usize = 4;

/// The ids of selected series, ascending: a list of the block as it is, or a result.
pub(crate) enum Selected<'a> {
    List(Ids<'a>),
    Owned(Vec<u32>),
}

impl<'a> Selected<'a> {
    pub(crate) fn ids(&self) -> Ids<'_> {
        match self {
            Selected::List(ids) => *ids,
            Selected::Owned(ids) => Ids::Native(ids),
        }
    }

    pub(crate) fn get(&self, at: usize) -> Option<u32> {
        with_ids!(self.ids(), list => list.get(at).map(|id| crate::postings::Id::id(*id)))
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Selected::List(_) => 0,
            Selected::Owned(ids) => ids.capacity() * ID_BYTES,
        }
    }

    fn into_owned(self, held: &mut HeldBytes) -> Result<Vec<u32>, StorageError> {
        match self {
            Selected::Owned(ids) => Ok(ids),
            Selected::List(ids) => {
                held.add(ids.len() * ID_BYTES)?;
                Ok(with_ids!(ids, list => list.iter().map(|id| crate::postings::Id::id(*id)).collect()))
            }
        }
    }
}

/// What a matcher means for sets of series.
enum Meaning<'m> {
    /// Every series.
    Anything,
    /// None.
    Nothing,
    /// The series whose value is one of these.
    OneOf(Vec<&'m str>),
    /// The series whose value is none of these, or that lack the label.
    NoneOf(Vec<&'m str>),
    /// The series whose value passes.
    Passing(&'m Matcher),
    /// The series whose value does not fail, or that lack the label.
    NotFailing(&'m Matcher),
}

impl<'m> Meaning<'m> {
    fn of(matcher: &'m Matcher) -> Self {
        match (matcher.op, matcher.value.as_str()) {
            (MatchOp::Equal, "") | (MatchOp::NotRegex, ".+") => Meaning::NotFailing(matcher),
            (MatchOp::NotEqual, "") | (MatchOp::Regex, ".+") => Meaning::Passing(matcher),
            (MatchOp::Equal, value) => Meaning::OneOf(vec![value]),
            (MatchOp::NotEqual, value) => Meaning::NoneOf(vec![value]),
            (MatchOp::Regex, ".*") => Meaning::Anything,
            (MatchOp::NotRegex, ".*") => Meaning::Nothing,
            (MatchOp::Regex | MatchOp::NotRegex, _) => Self::of_regex(matcher),
        }
    }

    fn of_regex(matcher: &'m Matcher) -> Self {
        let literals = matcher.regex().and_then(|regex| regex.literal_set());
        match literals.filter(|set| !set.iter().any(String::is_empty)) {
            Some(set) if matcher.op == MatchOp::Regex => Meaning::OneOf(set.iter().map(String::as_str).collect()),
            Some(set) => Meaning::NoneOf(set.iter().map(String::as_str).collect()),
            None if matcher.matches_empty() => Meaning::NotFailing(matcher),
            None => Meaning::Passing(matcher),
        }
    }

    /// Cheapest first: what is looked up, then what is asked of values, then what is taken away.
    fn rank(&self) -> u8 {
        match self {
            Meaning::Nothing => 0,
            Meaning::OneOf(_) => 1,
            Meaning::NoneOf(_) => 2,
            Meaning::Passing(_) => 3,
            Meaning::NotFailing(_) => 4,
            Meaning::Anything => 5,
        }
    }
}

/// A matcher's look-ups, done.
struct Lists<'a> {
    lists: Vec<Ids<'a>>,
    ids: usize,
}

/// The ids of the series that all matchers accept. While they are looked for, lists of ids are in the query's budget; the list that
/// is given is the caller's to count.
pub(crate) fn select<'a>(index: &'a Index, matchers: &[Matcher], cx: &QueryCx) -> Result<Selected<'a>, BlockError> {
    let mut plan: Vec<(&Matcher, Meaning<'_>)> = matchers.iter().map(|m| (m, Meaning::of(m))).collect();
    plan.sort_by_key(|(_, meaning)| meaning.rank());
    let held = &mut HeldBytes::new(cx);
    let mut found = by_equality(index, &plan, held)?;
    for (matcher, meaning) in &plan {
        held.set(found.as_ref().map_or(0, Selected::heap_bytes))?;
        cx.check()?;
        if found.as_ref().is_some_and(|f| f.ids().is_empty()) {
            break;
        }
        found = match meaning {
            Meaning::OneOf(_) | Meaning::Anything => found,
            Meaning::Nothing => Some(Selected::List(Ids::NONE)),
            Meaning::NoneOf(values) => Some(Selected::Owned(without(index, matcher, values, found, held)?)),
            Meaning::Passing(matcher) => Some(Selected::Owned(passing(index, matcher, found, held)?)),
            Meaning::NotFailing(matcher) => Some(Selected::Owned(not_failing(index, matcher, found, held)?)),
        };
    }
    found.map_or_else(|| index.all_ids().map(Selected::List), Ok)
}

/// Intersects all that is a look-up, the shortest first; `None` when nothing is.
fn by_equality<'a>(
    index: &'a Index,
    plan: &[(&Matcher, Meaning<'_>)],
    held: &mut HeldBytes,
) -> Result<Option<Selected<'a>>, BlockError> {
    let mut lookups = Vec::new();
    for (matcher, meaning) in plan {
        if let Meaning::OneOf(values) = meaning {
            lookups.push(look_up(index, &matcher.name, values)?);
        }
    }
    lookups.sort_by_key(|l| l.ids);
    let mut found = None;
    for lookup in &lookups {
        held.cx().check()?;
        // What is found next is no more than the lists.
        let before = found.as_ref().map_or(0, Selected::heap_bytes);
        held.set(before + if lookup.lists.len() > 1 || found.is_some() { lookup.ids * ID_BYTES } else { 0 })?;
        found = Some(narrow(found, lookup));
    }
    Ok(found)
}

fn look_up<'a>(index: &'a Index, name: &str, values: &[&str]) -> Result<Lists<'a>, BlockError> {
    let mut lists = Lists { lists: Vec::with_capacity(values.len()), ids: 0 };
    for value in values {
        let ids = index.ids(name, value)?;
        lists.ids += ids.len();
        lists.lists.push(ids);
    }
    Ok(lists)
}

/// Of what was found, or of all, what is in one of the lists.
fn narrow<'a>(found: Option<Selected<'a>>, lookup: &Lists<'a>) -> Selected<'a> {
    match (found, lookup.lists.as_slice()) {
        (None, [only]) => Selected::List(*only),
        (None, lists) => Selected::Owned(union_of(concatenated(lists, lookup.ids))),
        (Some(Selected::Owned(mut ids)), [only]) => {
            with_ids!(only, list => intersect_in_place(&mut ids, list));
            Selected::Owned(ids)
        }
        (Some(found), [only]) => {
            let mut out = Vec::new();
            with_ids!(found.ids(), a => with_ids!(only, b => intersect(a, b, &mut out)));
            Selected::Owned(out)
        }
        (Some(found), lists) => {
            let mut out = Vec::new();
            for ids in lists {
                with_ids!(found.ids(), a => with_ids!(ids, b => intersect(a, b, &mut out)));
            }
            Selected::Owned(union_of(out))
        }
    }
}

fn concatenated(lists: &[Ids<'_>], len: usize) -> Vec<u32> {
    let mut all = Vec::with_capacity(len);
    for ids in lists {
        with_ids!(ids, list => all.extend(list.iter().map(|id| crate::postings::Id::id(*id))));
    }
    all
}

fn or_all(index: &Index, found: Option<Selected<'_>>, held: &mut HeldBytes) -> Result<Vec<u32>, BlockError> {
    let found = found.map_or_else(|| index.all_ids().map(Selected::List), Ok)?;
    Ok(found.into_owned(held)?)
}

fn without(
    index: &Index,
    matcher: &Matcher,
    values: &[&str],
    found: Option<Selected<'_>>,
    held: &mut HeldBytes,
) -> Result<Vec<u32>, BlockError> {
    let mut ids = or_all(index, found, held)?;
    for unwanted in look_up(index, &matcher.name, values)?.lists {
        with_ids!(unwanted, list => subtract(&mut ids, list));
    }
    Ok(ids)
}

fn passing(
    index: &Index,
    matcher: &Matcher,
    found: Option<Selected<'_>>,
    held: &mut HeldBytes,
) -> Result<Vec<u32>, BlockError> {
    match found {
        Some(few) if is_few(index, matcher, &few)? => by_series(index, matcher, few.into_owned(held)?, held),
        found => {
            let prefix = if matcher.op == MatchOp::Regex { prefix_of(matcher) } else { "" };
            hits(index, matcher, prefix, found.as_ref().map(Selected::ids), |v| matcher.matches(v), held)
        }
    }
}

fn not_failing(
    index: &Index,
    matcher: &Matcher,
    found: Option<Selected<'_>>,
    held: &mut HeldBytes,
) -> Result<Vec<u32>, BlockError> {
    match found {
        Some(few) if is_few(index, matcher, &few)? => by_series(index, matcher, few.into_owned(held)?, held),
        found => {
            // What a negated expression refuses begins with the expression's prefix.
            let prefix = if matcher.op == MatchOp::NotRegex { prefix_of(matcher) } else { "" };
            let mut ids = or_all(index, found, held)?;
            let failing = hits(index, matcher, prefix, Some(Ids::Native(&ids)), |v| !matcher.matches(v), held)?;
            subtract(&mut ids, &failing);
            Ok(ids)
        }
    }
}

fn prefix_of(matcher: &Matcher) -> &str {
    matcher.regex().map_or("", |regex| regex.prefix())
}

fn is_few(index: &Index, matcher: &Matcher, found: &Selected<'_>) -> Result<bool, BlockError> {
    Ok(found.ids().len().saturating_mul(SERIES_COST) < index.value_count(&matcher.name)?)
}

/// The series, among those found or all, of the values that pass.
fn hits(
    index: &Index,
    matcher: &Matcher,
    prefix: &str,
    within: Option<Ids<'_>>,
    passes: impl Fn(&str) -> bool,
    held: &mut HeldBytes,
) -> Result<Vec<u32>, BlockError> {
    let mut hits = Vec::new();
    let mut counted = 0;
    for (i, value) in index.values_from(&matcher.name, prefix)?.enumerate() {
        if i.is_multiple_of(CHECK_EVERY) {
            held.cx().check()?;
        }
        if !value.value.starts_with(prefix) {
            break;
        }
        if !value.value.is_empty() && passes(value.value) {
            add_common(index, matcher, &value, within, &mut hits)?;
            if hits.capacity() > counted {
                held.add((hits.capacity() - counted) * ID_BYTES)?;
                counted = hits.capacity();
            }
        }
    }
    Ok(union_of(hits))
}

fn add_common<'a>(
    index: &'a Index,
    matcher: &Matcher,
    value: &ValueList<'a>,
    within: Option<Ids<'_>>,
    out: &mut Vec<u32>,
) -> Result<(), BlockError> {
    let ids = index.ids_of(&matcher.name, value)?;
    match within {
        None => with_ids!(ids, list => out.extend(list.iter().map(|id| crate::postings::Id::id(*id)))),
        Some(within) => with_ids!(within, a => with_ids!(ids, b => retain_common(a, b, out))),
    }
    Ok(())
}

/// Asks the matcher of the values that the series have: each value once.
fn by_series(
    index: &Index,
    matcher: &Matcher,
    mut ids: Vec<u32>,
    held: &mut HeldBytes,
) -> Result<Vec<u32>, BlockError> {
    let name = index.find_symbol(&matcher.name)?;
    let absent_passes = matcher.matches_empty();
    let mut known: HashMap<u32, bool> = HashMap::new();
    let mut entry = SeriesEntry::default();
    let mut kept = 0;
    for i in 0..ids.len() {
        if i.is_multiple_of(CHECK_EVERY) {
            held.cx().check()?;
        }
        let id = ids[i];
        if !index.series(id, &mut entry)? {
            continue;
        }
        let value = entry.labels.iter().find(|(n, _)| Some(*n) == name).map(|(_, v)| *v);
        let passes = match value {
            None => absent_passes,
            Some(symbol) => match known.get(&symbol) {
                Some(passes) => *passes,
                None => {
                    let passes = index.symbol(symbol)?.is_some_and(|text| matcher.matches(text));
                    held.add(KNOWN_BYTES)?;
                    known.insert(symbol, passes);
                    passes
                }
            },
        };
        ids[kept] = id;
        kept += usize::from(passes);
    }
    ids.truncate(kept);
    Ok(ids)
}
