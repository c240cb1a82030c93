//! Regular expressions with Go/RE2 semantics, fully anchored.
//!
//! The syntax is Go's, not that of the `regex` crate, which reads many patterns as something else without a word: `\w`,
//! `\d`, `\s` and `\b` are ASCII, `[a&&b]` is a set of three characters, `a**` is an error, `a{,2}` is literal text,
//! `\Q…\E` quotes. Our own front-end builds the same syntax tree that the `regex` crate's builds, and its engine runs
//! it: linear time, no look-around, no back-references.
//!
//! Most patterns of matchers never reach the engine: a pattern that stands for a few texts is a set, and one like
//! `prefix.*` is compared. What is known about all matches of a pattern serves look-ups in an index.
//!
//! Category and script names of `\p{…}` are taken exactly as `\p{Lu}` and `\p{Greek}` write them; their tables are
//! those of Unicode 16.

mod analysis;
mod expand;
mod glob;
mod parse;
mod plan;
mod search;
mod size;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, OnceLock};

use regex_automata::meta;
use regex_syntax::hir::{Hir, Look};
use thiserror::Error;

use self::analysis::Facts;
use self::parse::Parsed;
use self::plan::{Plan, anchored};
pub use self::search::GoSearch;
use crate::limits::Limits;

/// Why a pattern was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RegexError {
    /// The pattern is not valid Go syntax; text as Go words it.
    #[error("error parsing regexp: {0}")]
    Syntax(String),
    /// Longer, deeper or larger when compiled than the limits allow.
    #[error("regular expression exceeds {what} of {limit}")]
    Limit {
        /// Which limit.
        what: &'static str,
        /// Its value.
        limit: usize,
    },
}

/// A fully anchored pattern: `^(?s:PATTERN)$`. A clone is a reference count, and shares what was compiled.
///
/// ```
/// use promethium_model::GoRegex;
/// let re = GoRegex::new(r"api-(?P<zone>eu|us)-\d+")?;
/// assert!(re.is_match("api-eu-12") && !re.is_match("an api-eu-12"));
/// assert_eq!(re.prefix(), "api-");
/// assert_eq!(re.expand("api-us-3", "zone $zone").as_deref(), Some("zone us"));
/// assert_eq!(GoRegex::new("5..|404")?.literal_set(), None);
/// assert_eq!(GoRegex::new("50[03]|404")?.literal_set().map(<[String]>::len), Some(3));
/// assert_eq!(GoRegex::new("a**").unwrap_err().to_string(), "error parsing regexp: invalid nested repetition operator: `**`");
/// # Ok::<(), promethium_model::RegexError>(())
/// ```
#[derive(Clone)]
pub struct GoRegex {
    inner: Arc<Inner>,
}

struct Inner {
    pattern: String,
    groups: Vec<Option<String>>,
    facts: Facts,
    plan: Plan,
    // Absent where neither matching nor expansion asks it.
    engine: Option<LazyEngine>,
    matches_empty: bool,
}

/// The general engine for a pattern, built when something is first matched: most patterns that are parsed never are.
struct LazyEngine {
    hir: Hir,
    built: OnceLock<meta::Regex>,
}

impl LazyEngine {
    /// Refuses a pattern that might be larger than the limit when it is compiled: compiling it to know would take longer than
    /// everything else that is done to a pattern. Bounds are at least seven fifths of what automata take.
    fn new(hir: Hir, limit: usize) -> Result<LazyEngine, RegexError> {
        if size::upper_bound(&hir) > limit.saturating_mul(7) / 5 {
            return Err(RegexError::Limit { what: "compiled size in bytes", limit });
        }
        Ok(LazyEngine { hir, built: OnceLock::new() })
    }

    fn get(&self) -> &meta::Regex {
        let build = || compile(self.hir.clone(), usize::MAX).expect("its size is known to be within the limit");
        self.built.get_or_init(build)
    }
}

impl GoRegex {
    /// Checks a pattern, and finds out what can be known of its matches. The program of a pattern that needs one is compiled
    /// when it is first used.
    ///
    /// # Errors
    ///
    /// What Go refuses, in Go's words; and what exceeds `max_regex_bytes`, `max_regex_depth` or
    /// `max_regex_program_bytes` of [`Limits::standard`].
    pub fn new(pattern: &str) -> Result<Self, RegexError> {
        const LIMITS: Limits = Limits::standard();
        let Parsed { hir, groups } = parse::parse(pattern, &LIMITS)?;
        let facts = analysis::facts(&hir);
        let plan = Plan::of(&hir, &facts);
        let empty_alone = hir.properties().look_set().is_empty().then(|| hir.properties().minimum_len() == Some(0));
        let engine = match plan.needs_engine() || groups.len() > 1 {
            true => Some(LazyEngine::new(hir, LIMITS.max_regex_program_bytes)?),
            false => None,
        };
        let matches_empty = match empty_alone {
            Some(known) if plan.needs_engine() => known,
            _ => plan.is_match("", || engine.as_ref().map(LazyEngine::get)),
        };
        let inner = Inner { pattern: pattern.to_owned(), groups, facts, plan, engine, matches_empty };
        Ok(GoRegex { inner: Arc::new(inner) })
    }

    /// The pattern as written.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.inner.pattern
    }

    /// Whether the whole of `text` matches.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        // Series that lack the label ask this most of all.
        if text.is_empty() {
            return self.inner.matches_empty;
        }
        self.inner.plan.is_match(text, || self.engine())
    }

    fn engine(&self) -> Option<&meta::Regex> {
        self.inner.engine.as_ref().map(LazyEngine::get)
    }

    /// Whether a program was compiled for it: only where matching needs one, and once something was matched.
    #[must_use]
    pub fn is_compiled(&self) -> bool {
        self.inner.engine.as_ref().is_some_and(|engine| engine.built.get().is_some())
    }

    /// Bytes that the compiled program takes, or is going to take at most; 0 where none is needed.
    #[must_use]
    pub fn program_bytes(&self) -> usize {
        let Some(engine) = &self.inner.engine else { return 0 };
        engine.built.get().map_or_else(|| size::upper_bound(&engine.hir), meta::Regex::memory_usage)
    }

    /// The engine for this pattern, whether or not the plan asks it: to compare with.
    pub(crate) fn build_engine(&self) -> Result<meta::Regex, RegexError> {
        const LIMITS: Limits = Limits::standard();
        compile(parse::parse(&self.inner.pattern, &LIMITS)?.hir, LIMITS.max_regex_program_bytes)
    }

    /// Whether `""` matches.
    #[must_use]
    pub fn matches_empty(&self) -> bool {
        self.inner.matches_empty
    }

    /// The complete set of texts that match, sorted, when there are at most 256 of them.
    #[must_use]
    pub fn literal_set(&self) -> Option<&[String]> {
        self.inner.facts.literals.as_deref()
    }

    /// A text that every match begins with; `""` when none is known.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.inner.facts.prefix
    }

    /// A text that every match ends with; `""` when none is known. It may overlap with the prefix only where the
    /// literal set is known.
    #[must_use]
    pub fn suffix(&self) -> &str {
        &self.inner.facts.suffix
    }

    /// Texts that every match contains between its prefix and its suffix, in this order and without overlap; empty
    /// when none is known.
    #[must_use]
    pub fn contains(&self) -> &[String] {
        &self.inner.facts.contains
    }

    /// Matches the whole of `text` and expands `template` (`$1`, `${1}`, `$name`, `${name}`, `$$`) from its groups;
    /// `None` when there is no match. The expansion rules are Go's `Regexp.Expand`: the name is the longest run of
    /// letters, digits and underscores; an unknown one is empty; a dollar without a name, or with an unclosed brace,
    /// stays.
    #[must_use]
    pub fn expand(&self, text: &str, template: &str) -> Option<String> {
        let spans = self.group_texts(text)?;
        let by_number = |number: usize| spans.get(number).copied().flatten();
        // Of several groups of one name the first that took part counts.
        let by_name = |name: &str| {
            let named = self.inner.groups.iter().zip(&spans).filter(|(group, _)| group.as_deref() == Some(name));
            named.filter_map(|(_, text)| *text).next()
        };
        let mut out = String::new();
        expand::expand(template, by_number, by_name, &mut out);
        Some(out)
    }

    /// The texts of all groups, the whole match first.
    fn group_texts<'t>(&self, text: &'t str) -> Option<Vec<Option<&'t str>>> {
        let Some(engine) = self.engine() else {
            return self.is_match(text).then(|| vec![Some(text)]);
        };
        let mut captures = engine.create_captures();
        engine.captures(anchored(text), &mut captures);
        let span = |i: usize| captures.get_group(i).and_then(|span| text.get(span.range()));
        captures.is_match().then(|| (0..self.inner.groups.len()).map(span).collect())
    }
}

fn compile(hir: Hir, limit: usize) -> Result<meta::Regex, RegexError> {
    let anchored = Hir::concat(vec![Hir::look(Look::Start), hir, Hir::look(Look::End)]);
    let config = meta::Config::new().nfa_size_limit(Some(limit));
    meta::Builder::new()
        .configure(config)
        .build_from_hir(&anchored)
        .map_err(|_| RegexError::Limit { what: "compiled size in bytes", limit })
}

impl fmt::Debug for GoRegex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GoRegex").field(&self.inner.pattern).finish()
    }
}
