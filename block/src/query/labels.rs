//! Names and values of labels, without reading series where postings answer.

use std::collections::{BTreeSet, HashSet};

use promethium_model::{MatchOp, Matcher, QueryCx};

use super::matching::{Selected, select};
use crate::error::BlockError;
use crate::index::{Ids, Index, SeriesEntry, with_ids};
use crate::postings::intersects;

/// How many values or series are looked at between two checks for cancellation.
const CHECK_EVERY: usize = 1_024;

/// Reading a series costs about as much as looking at so many lists.
const SERIES_COST: usize = 4;

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
    let accepts = |value: &str| !value.is_empty() && own.iter().all(|m| m.matches(value));
    if let Some(literals) = own.iter().find_map(|m| literals_of(m)) {
        return values_of_literals(index, name, literals, &accepts, among.as_ref(), limit);
    }
    if let Some(few) = &among
        && few.ids().len().saturating_mul(SERIES_COST) < index.value_count(name)?
    {
        return values_of_series(index, name, few, accepts, limit, cx);
    }
    let mut found = Vec::new();
    for (i, value) in index.values_from(name, "")?.enumerate() {
        if i.is_multiple_of(CHECK_EVERY) {
            cx.check()?;
        }
        if found.len() >= limit {
            break;
        }
        if accepts(value.value) && (among.is_none() || meets(index.ids_of(name, &value)?, among.as_ref())) {
            found.push(value.value.to_owned());
        }
    }
    Ok(found)
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
    limit: usize,
) -> Result<Vec<String>, BlockError> {
    let mut found = Vec::new();
    for value in literals.into_iter().filter(|value| accepts(value)) {
        let ids = index.ids(name, value)?;
        if !ids.is_empty() && (among.is_none() || meets(ids, among)) {
            found.push(value.to_owned());
        }
    }
    found.truncate(limit);
    Ok(found)
}

fn meets(ids: Ids<'_>, among: Option<&Selected<'_>>) -> bool {
    among.is_some_and(|among| with_ids!(ids, a => with_ids!(among.ids(), b => intersects(a, b))))
}

fn values_of_series(
    index: &Index,
    name: &str,
    series: &Selected<'_>,
    accepts: impl Fn(&str) -> bool,
    limit: usize,
    cx: &QueryCx,
) -> Result<Vec<String>, BlockError> {
    let Some(name) = index.find_symbol(name)? else { return Ok(Vec::new()) };
    let mut symbols = HashSet::new();
    for_each_label(index, series, cx, |label| {
        if label.0 == name {
            symbols.insert(label.1);
        }
    })?;
    let texts = texts_of(index, symbols)?;
    Ok(texts.into_iter().filter(|text| accepts(text)).take(limit).collect())
}

fn for_each_label(
    index: &Index,
    series: &Selected<'_>,
    cx: &QueryCx,
    mut each: impl FnMut((u32, u32)),
) -> Result<(), BlockError> {
    let mut entry = SeriesEntry::default();
    for at in 0..series.ids().len() {
        if at.is_multiple_of(CHECK_EVERY) {
            cx.check()?;
        }
        let Some(id) = series.get(at) else { break };
        if index.series(id, &mut entry)? {
            entry.labels.iter().copied().for_each(&mut each);
        }
    }
    Ok(())
}

fn texts_of(index: &Index, symbols: HashSet<u32>) -> Result<BTreeSet<String>, BlockError> {
    let mut texts = BTreeSet::new();
    for symbol in symbols {
        texts.extend(index.symbol(symbol)?.map(str::to_owned));
    }
    Ok(texts)
}

/// The sorted names of labels on the selected series, at most `limit`.
pub(crate) fn names(
    index: &Index,
    matchers: &[Matcher],
    limit: usize,
    cx: &QueryCx,
) -> Result<Vec<String>, BlockError> {
    let all = index.names()?;
    if matchers.is_empty() {
        return Ok(all.into_iter().take(limit).map(str::to_owned).collect());
    }
    let among = select(index, matchers, cx)?;
    if among.ids().len().saturating_mul(SERIES_COST) < index.pair_count()? {
        let mut symbols = HashSet::new();
        for_each_label(index, &among, cx, |label| {
            symbols.insert(label.0);
        })?;
        return Ok(texts_of(index, symbols)?.into_iter().take(limit).collect());
    }
    let mut found = Vec::new();
    for name in all {
        cx.check()?;
        if found.len() < limit && is_on_one_of(index, name, &among, cx)? {
            found.push(name.to_owned());
        }
    }
    Ok(found)
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
