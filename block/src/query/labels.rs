//! Names and values of labels, without reading series where postings answer.

use std::collections::{BTreeSet, HashSet};

use promethium_model::{HeldBytes, MatchOp, Matcher, QueryCx, StorageError};

use super::matching::{Selected, select};
use crate::error::BlockError;
use crate::index::{Ids, Index, SeriesEntry, with_ids};
use crate::postings::intersects;

/// How many values or series are looked at between two checks for cancellation.
const CHECK_EVERY: usize = 1_024;

/// Bytes of a symbol that was found: in a table that is at least half full, and in the order of its text.
const SYMBOL_BYTES: usize = 2 * size_of::<u32>() + 2 * size_of::<&str>();

/// Reading a series costs about as much as looking at so many lists.
const SERIES_COST: usize = 4;

/// What a look-up has found so far, in the query's budget until it is handed out.
struct Found {
    texts: Vec<String>,
    held: HeldBytes,
    limit: usize,
}

impl Found {
    fn new(limit: usize, cx: &QueryCx) -> Self {
        Found { texts: Vec::new(), held: HeldBytes::new(cx), limit }
    }

    fn is_full(&self) -> bool {
        self.texts.len() >= self.limit
    }

    fn push(&mut self, text: &str) -> Result<(), StorageError> {
        self.held.add_text(text)?;
        self.texts.push(text.to_owned());
        Ok(())
    }
}

/// The sorted values of a label on the selected series, at most `limit`.
pub(crate) fn values(
    index: &Index,
    name: &str,
    matchers: &[Matcher],
    limit: usize,
    cx: &QueryCx,
) -> Result<Vec<String>, BlockError> {
    // What is asked of the label itself is asked of its values; the postings answer for the rest.
    let (own, others): (Vec<&Matcher>, Vec<&Matcher>) = matchers.iter().partition(|m| m.name == name);
    let others: Vec<Matcher> = others.into_iter().cloned().collect();
    let among = if others.is_empty() { None } else { Some(select(index, &others, cx)?) };
    let mut held = HeldBytes::new(cx);
    held.add(among.as_ref().map_or(0, Selected::heap_bytes))?;
    let mut found = Found::new(limit, cx);
    let accepts = |value: &str| !value.is_empty() && own.iter().all(|m| m.matches(value));
    if let Some(literals) = own.iter().find_map(|m| literals_of(m)) {
        values_of_literals(index, name, literals, &accepts, among.as_ref(), &mut found)?;
        return Ok(found.texts);
    }
    if let Some(few) = &among
        && few.ids().len().saturating_mul(SERIES_COST) < index.value_count(name)?
    {
        values_of_series(index, name, few, accepts, &mut found)?;
        return Ok(found.texts);
    }
    for (i, value) in index.values_from(name, "")?.enumerate() {
        if i.is_multiple_of(CHECK_EVERY) {
            cx.check()?;
        }
        if found.is_full() {
            break;
        }
        if accepts(value.value) && (among.is_none() || meets(index.ids_of(name, &value)?, among.as_ref())) {
            found.push(value.value)?;
        }
    }
    Ok(found.texts)
}

/// The only values that a matcher accepts, sorted, where they are known without asking it.
fn literals_of(matcher: &Matcher) -> Option<Vec<&str>> {
    match matcher.op {
        MatchOp::Equal => Some(vec![&matcher.value]),
        MatchOp::Regex => Some(matcher.regex()?.literal_set()?.iter().map(String::as_str).collect()),
        MatchOp::NotEqual | MatchOp::NotRegex => None,
    }
}

fn values_of_literals(
    index: &Index,
    name: &str,
    literals: Vec<&str>,
    accepts: &impl Fn(&str) -> bool,
    among: Option<&Selected<'_>>,
    found: &mut Found,
) -> Result<(), BlockError> {
    for value in literals.into_iter().filter(|value| accepts(value)) {
        let ids = index.ids(name, value)?;
        if !found.is_full() && !ids.is_empty() && (among.is_none() || meets(ids, among)) {
            found.push(value)?;
        }
    }
    Ok(())
}

fn meets(ids: Ids<'_>, among: Option<&Selected<'_>>) -> bool {
    among.is_some_and(|among| with_ids!(ids, a => with_ids!(among.ids(), b => intersects(a, b))))
}

fn values_of_series(
    index: &Index,
    name: &str,
    series: &Selected<'_>,
    accepts: impl Fn(&str) -> bool,
    found: &mut Found,
) -> Result<(), BlockError> {
    let Some(name) = index.find_symbol(name)? else { return Ok(()) };
    let symbols = symbols_on(index, series, &mut found.held, |label| (label.0 == name).then_some(label.1))?;
    push_texts(index, symbols, accepts, found)
}

/// The symbols that `wanted` takes of the labels of these series, each once.
fn symbols_on(
    index: &Index,
    series: &Selected<'_>,
    held: &mut HeldBytes,
    wanted: impl Fn((u32, u32)) -> Option<u32>,
) -> Result<HashSet<u32>, BlockError> {
    let mut symbols = HashSet::new();
    let mut entry = SeriesEntry::default();
    for at in 0..series.ids().len() {
        if at.is_multiple_of(CHECK_EVERY) {
            held.cx().check()?;
        }
        let Some(id) = series.get(at) else { break };
        if !index.series(id, &mut entry)? {
            continue;
        }
        for symbol in entry.labels.iter().copied().filter_map(&wanted) {
            if symbols.insert(symbol) {
                held.add(SYMBOL_BYTES)?;
            }
        }
    }
    Ok(symbols)
}

/// Sorts the texts of symbols, and takes those that pass.
fn push_texts(
    index: &Index,
    symbols: HashSet<u32>,
    accepts: impl Fn(&str) -> bool,
    found: &mut Found,
) -> Result<(), BlockError> {
    let mut texts = BTreeSet::new();
    for symbol in symbols {
        texts.extend(index.symbol(symbol)?.filter(|text| accepts(text)));
    }
    for text in texts.into_iter().take(found.limit) {
        found.push(text)?;
    }
    Ok(())
}

/// The sorted names of labels on the selected series, at most `limit`.
pub(crate) fn names(
    index: &Index,
    matchers: &[Matcher],
    limit: usize,
    cx: &QueryCx,
) -> Result<Vec<String>, BlockError> {
    let mut held = HeldBytes::new(cx);
    let all = index.names()?;
    held.add(all.len() * size_of::<&str>())?;
    let mut found = Found::new(limit, cx);
    if matchers.is_empty() {
        all.into_iter().take(limit).try_for_each(|name| found.push(name))?;
        return Ok(found.texts);
    }
    let among = select(index, matchers, cx)?;
    held.add(among.heap_bytes())?;
    if among.ids().len().saturating_mul(SERIES_COST) < index.pair_count()? {
        let symbols = symbols_on(index, &among, &mut found.held, |label| Some(label.0))?;
        push_texts(index, symbols, |_| true, &mut found)?;
        return Ok(found.texts);
    }
    for name in all {
        cx.check()?;
        if !found.is_full() && is_on_one_of(index, name, &among, cx)? {
            found.push(name)?;
        }
    }
    Ok(found.texts)
}

fn is_on_one_of(index: &Index, name: &str, among: &Selected<'_>, cx: &QueryCx) -> Result<bool, BlockError> {
    for (i, value) in index.values_from(name, "")?.enumerate() {
        if i.is_multiple_of(CHECK_EVERY) {
            cx.check()?;
        }
        if meets(index.ids_of(name, &value)?, Some(among)) {
            return Ok(true);
        }
    }
    Ok(false)
}
