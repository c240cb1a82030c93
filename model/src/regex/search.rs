//! Patterns that may match anywhere in a text, as Go's `regexp.Compile` takes them: a dot does not match a line feed.

use regex_automata::meta;
use regex_syntax::hir::Hir;

use super::{RegexError, expand, parse};
use crate::limits::Limits;

/// A compiled pattern without anchors of its own: for templates, where [`GoRegex`](super::GoRegex) is for matchers.
///
/// ```
/// use promethium_model::regex::GoSearch;
/// let search = GoSearch::new("(l+)o")?;
/// assert!(search.is_match("hello") && !search.is_match("hero"));
/// assert_eq!(search.replace_all("hello, solo", "<$1>", 100).as_deref(), Some("he<ll>, so<l>"));
/// assert_eq!(search.replace_all("hello", "$1$1$1", 5), None);
/// # Ok::<(), promethium_model::RegexError>(())
/// ```
#[derive(Debug)]
pub struct GoSearch {
    engine: meta::Regex,
    groups: Vec<Option<String>>,
}

impl GoSearch {
    /// Compiles a pattern.
    ///
    /// # Errors
    ///
    /// As [`GoRegex::new`](super::GoRegex::new).
    pub fn new(pattern: &str) -> Result<Self, RegexError> {
        const LIMITS: Limits = Limits::standard();
        // Read as it is first, for the error is to quote it.
        let groups = parse::parse(pattern, &LIMITS)?.groups;
        let without_dot_all = parse::parse(&format!("(?-s:{pattern})"), &LIMITS)?;
        Ok(GoSearch { engine: build(&without_dot_all.hir, LIMITS.max_regex_program_bytes)?, groups })
    }

    /// Whether the pattern matches anywhere.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.engine.is_match(text)
    }

    /// Every match replaced by `template`, expanded as [`GoRegex::expand`](super::GoRegex::expand) does; `None` when the
    /// result would be longer than `max_bytes`. An empty match right behind another one counts for nothing.
    #[must_use]
    pub fn replace_all(&self, text: &str, template: &str, max_bytes: usize) -> Option<String> {
        let mut out = String::new();
        let mut copied = 0;
        let mut last_end = None;
        for captures in self.engine.captures_iter(text) {
            let Some(found) = captures.get_match() else { continue };
            if found.is_empty() && last_end == Some(found.start()) {
                continue;
            }
            last_end = Some(found.end());
            out.push_str(text.get(copied..found.start())?);
            copied = found.end();
            let by_number = |i: usize| captures.get_group(i).and_then(|span| text.get(span.range()));
            let by_name = |name: &str| {
                let named = self.groups.iter().enumerate().filter(|(_, group)| group.as_deref() == Some(name));
                named.filter_map(|(i, _)| by_number(i)).next()
            };
            expand::expand(template, by_number, by_name, &mut out);
            if out.len() > max_bytes {
                return None;
            }
        }
        out.push_str(text.get(copied..)?);
        (out.len() <= max_bytes).then_some(out)
    }
}

fn build(hir: &Hir, limit: usize) -> Result<meta::Regex, RegexError> {
    let config = meta::Config::new().nfa_size_limit(Some(limit));
    meta::Builder::new()
        .configure(config)
        .build_from_hir(hir)
        .map_err(|_| RegexError::Limit { what: "compiled size in bytes", limit })
}
