//! Regular expressions with Go/RE2 semantics, fully anchored.

use regex_automata::Input;
use regex_automata::meta;
use thiserror::Error;

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

/// A compiled, fully anchored pattern: `^(?s:PATTERN)$`.
#[derive(Clone, Debug)]
pub struct GoRegex {
    pattern: String,
    regex: meta::Regex,
}

impl GoRegex {
    /// Compiles a pattern.
    ///
    /// # Errors
    ///
    /// See [`RegexError`].
    pub fn new(pattern: &str) -> Result<Self, RegexError> {
        let hir = regex_syntax::ParserBuilder::new()
            .dot_matches_new_line(true)
            .build()
            .parse(&format!("^(?:{pattern})$"))
            .map_err(|e| RegexError::Syntax(e.to_string()))?;
        let regex = meta::Builder::new().build_from_hir(&hir).map_err(|e| RegexError::Syntax(e.to_string()))?;
        Ok(GoRegex { pattern: pattern.to_owned(), regex })
    }

    /// The pattern as written.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Whether the whole of `text` matches.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(Input::new(text))
    }

    /// Whether `""` matches.
    #[must_use]
    pub fn matches_empty(&self) -> bool {
        self.is_match("")
    }

    /// The complete, finite set of texts that match, when there is one and it is small.
    #[must_use]
    pub fn literal_set(&self) -> Option<&[String]> {
        None
    }

    /// A text that every match begins with; `""` when none is known.
    #[must_use]
    pub fn prefix(&self) -> &str {
        ""
    }

    /// A text that every match ends with; `""` when none is known.
    #[must_use]
    pub fn suffix(&self) -> &str {
        ""
    }

    /// Texts that every match contains, in this order; empty when none is known.
    #[must_use]
    pub fn contains(&self) -> &[String] {
        &[]
    }

    /// Matches the whole of `text` and expands `template` (`$1`, `${1}`, `$name`, `${name}`, `$$`) from its groups;
    /// `None` when there is no match. The expansion rules are Go's `Regexp.Expand`.
    #[must_use]
    pub fn expand(&self, text: &str, template: &str) -> Option<String> {
        let mut captures = self.regex.create_captures();
        self.regex.captures(Input::new(text), &mut captures);
        if !captures.is_match() {
            return None;
        }
        let mut out = String::new();
        captures.interpolate_string_into(text, template, &mut out);
        Some(out)
    }
}
