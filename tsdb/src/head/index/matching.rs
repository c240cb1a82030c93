//! From matchers to series.

use promethium_model::{MatchOp, Matcher, QueryCx, StorageError, Symbol};
use roaring::RoaringBitmap;

use super::HeadIndex;
use super::values::LabelValues;

// How many values or series are looked at between two checks for cancellation.
const CHECK_EVERY: usize = 1024;

/// How to evaluate a matcher, cheapest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cost {
    /// Look-ups of given values, or of the presence of the label.
    Lookup,
    /// A walk over the values of the label.
    Scan,
}

/// What a matcher means for sets of series.
enum Meaning<'m> {
    /// Series that have the label.
    Present,
    /// Series that lack the label.
    Absent,
    /// Every series.
    Anything,
    /// Series whose value is one of these; the second says whether series without the label pass too, and then the
    /// values are those that do not.
    OneOf(Vec<&'m str>, Keep),
    /// Series whose value passes a test of the matcher's own.
    Test(&'m Matcher, Keep),
}

/// Whether the values that were found are the ones to keep or the ones to drop.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Found,
    Others,
}

impl HeadIndex {
    /// The ids of the series that all matchers accept.
    pub(crate) fn matching(&self, matchers: &[Matcher], cx: &QueryCx) -> Result<RoaringBitmap, StorageError> {
        let mut plan: Vec<(&Matcher, Meaning<'_>)> = matchers.iter().map(|m| (m, meaning(m))).collect();
        plan.sort_by_key(|(_, meaning)| meaning.cost());
        let mut found: Option<RoaringBitmap> = None;
        for (matcher, meaning) in &plan {
            cx.check()?;
            if found.as_ref().is_some_and(RoaringBitmap::is_empty) {
                break;
            }
            found = Some(self.apply(matcher, meaning, found, cx)?);
        }
        Ok(found.unwrap_or_else(|| self.postings.all().clone()))
    }

    /// Narrows `found`, where `None` is all series, to what one matcher accepts.
    fn apply(
        &self,
        matcher: &Matcher,
        meaning: &Meaning<'_>,
        found: Option<RoaringBitmap>,
        cx: &QueryCx,
    ) -> Result<RoaringBitmap, StorageError> {
        let name = self.symbols.get(&matcher.name);
        let values = name.and_then(|name| self.postings.values(name));
        let (Some(name), Some(values)) = (name, values) else {
            let all_pass = matcher.matches_empty();
            return Ok(if all_pass { self.or_all(found) } else { RoaringBitmap::new() });
        };
        match meaning {
            Meaning::Anything => Ok(self.or_all(found)),
            Meaning::Present => Ok(found.map_or_else(|| values.having.clone(), |f| f & &values.having)),
            Meaning::Absent => Ok(self.or_all(found) - &values.having),
            Meaning::OneOf(wanted, keep) => Ok(self.by_lookup(wanted, *keep, values, found)),
            Meaning::Test(matcher, keep) => match &found {
                Some(few) if few.len() < values.len() as u64 => self.by_series(matcher, name, few, cx),
                _ => self.by_values(matcher, *keep, values, found, cx),
            },
        }
    }

    fn or_all(&self, found: Option<RoaringBitmap>) -> RoaringBitmap {
        found.unwrap_or_else(|| self.postings.all().clone())
    }

    fn by_lookup(
        &self,
        wanted: &[&str],
        keep: Keep,
        values: &LabelValues,
        found: Option<RoaringBitmap>,
    ) -> RoaringBitmap {
        let sets = wanted.iter().filter_map(|v| values.get(self.symbols.get(v)?));
        if keep == Keep::Others {
            let mut rest = self.or_all(found);
            sets.for_each(|ids| ids.subtract_from(&mut rest));
            return rest;
        }
        let mut kept = RoaringBitmap::new();
        match found {
            Some(found) => sets.for_each(|ids| ids.add_common_to(&found, &mut kept)),
            None => sets.for_each(|ids| ids.add_to(&mut kept)),
        }
        kept
    }

    /// Tests each value of the label that can match at all.
    fn by_values(
        &self,
        matcher: &Matcher,
        keep: Keep,
        values: &LabelValues,
        found: Option<RoaringBitmap>,
        cx: &QueryCx,
    ) -> Result<RoaringBitmap, StorageError> {
        // Of a matcher that also accepts absence, the refused values are collected: it may then not be cut by a prefix,
        // which the accepted values of `=~` have, and the refused ones of `!~`.
        let prefix = match (matcher.op, keep) {
            (MatchOp::Regex, Keep::Found) | (MatchOp::NotRegex, Keep::Others) => {
                matcher.regex().map_or("", |regex| regex.prefix())
            }
            _ => "",
        };
        let mut hits = RoaringBitmap::new();
        for (i, (value, ids)) in values.with_prefix(prefix, &self.symbols).enumerate() {
            if i % CHECK_EVERY == 0 {
                cx.check()?;
            }
            if matcher.matches(value) == (keep == Keep::Found) {
                ids.add_to(&mut hits);
            }
        }
        Ok(match (keep, found) {
            (Keep::Found, Some(found)) => found & hits,
            (Keep::Found, None) => hits,
            (Keep::Others, found) => self.or_all(found) - hits,
        })
    }

    /// Tests the value of each candidate: fewer than there are values.
    fn by_series(
        &self,
        matcher: &Matcher,
        name: Symbol,
        candidates: &RoaringBitmap,
        cx: &QueryCx,
    ) -> Result<RoaringBitmap, StorageError> {
        let mut kept = RoaringBitmap::new();
        let mut last: Option<(Option<Symbol>, bool)> = None;
        for (i, id) in candidates.iter().enumerate() {
            if i % CHECK_EVERY == 0 {
                cx.check()?;
            }
            let labels = self.labels.get(id);
            let value = labels.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
            let passes = match last {
                Some((same, passes)) if same == value => passes,
                _ => matcher.matches(value.map_or("", |v| self.symbols.resolve(v))),
            };
            last = Some((value, passes));
            if passes {
                kept.insert(id);
            }
        }
        Ok(kept)
    }

    /// The values of a label among the given series, or among all, for which `accept` finds a series: in order, as they are asked
    /// for.
    pub(crate) fn label_values<'i>(
        &'i self,
        name: &str,
        among: Option<&'i RoaringBitmap>,
        mut accept: impl FnMut(u32) -> bool + 'i,
    ) -> impl Iterator<Item = &'i str> {
        let values = self.symbols.get(name).and_then(|name| self.postings.values(name));
        let values = values.into_iter().flat_map(|values| values.sorted(&self.symbols));
        values.filter(move |(_, ids)| ids.any_within(among, &mut accept)).map(|(value, _)| value)
    }

    /// Whether one of the given series, or of all, has the label and is accepted.
    pub(crate) fn has_label_among(
        &self,
        name: &str,
        among: Option<&RoaringBitmap>,
        accept: impl FnMut(u32) -> bool,
    ) -> bool {
        let values = self.symbols.get(name).and_then(|name| self.postings.values(name));
        values.is_some_and(|v| v.having.iter().filter(|id| among.is_none_or(|a| a.contains(*id))).any(accept))
    }
}

impl Meaning<'_> {
    fn cost(&self) -> Cost {
        match self {
            Meaning::Test(..) => Cost::Scan,
            _ => Cost::Lookup,
        }
    }
}

fn meaning(matcher: &Matcher) -> Meaning<'_> {
    match (matcher.op, matcher.value.as_str(), matcher.regex()) {
        (MatchOp::Equal, "", _) => Meaning::Absent,
        (MatchOp::NotEqual, "", _) => Meaning::Present,
        (MatchOp::Equal, value, _) => Meaning::OneOf(vec![value], Keep::Found),
        (MatchOp::NotEqual, value, _) => Meaning::OneOf(vec![value], Keep::Others),
        (MatchOp::Regex, ".*", _) => Meaning::Anything,
        (MatchOp::Regex, ".+", _) => Meaning::Present,
        (MatchOp::NotRegex, ".+", _) => Meaning::Absent,
        (_, _, Some(regex)) => match regex.literal_set() {
            Some(set) if !set.iter().any(String::is_empty) => {
                let keep = if matcher.op == MatchOp::Regex { Keep::Found } else { Keep::Others };
                Meaning::OneOf(set.iter().map(String::as_str).collect(), keep)
            }
            _ => test(matcher),
        },
        _ => test(matcher),
    }
}

fn test(matcher: &Matcher) -> Meaning<'_> {
    Meaning::Test(matcher, if matcher.matches_empty() { Keep::Others } else { Keep::Found })
}
