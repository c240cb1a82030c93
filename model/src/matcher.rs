//! Label matchers.

use std::fmt;

use thiserror::Error;

use crate::labels::is_legacy_label_name;
use crate::quote::go_quoted;
use crate::regex::{GoRegex, RegexError};
use crate::text;

/// How a matcher compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`, anchored
    Regex,
    /// `!~`, anchored
    NotRegex,
}

impl MatchOp {
    /// The operator as written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            MatchOp::Equal => "=",
            MatchOp::NotEqual => "!=",
            MatchOp::Regex => "=~",
            MatchOp::NotRegex => "!~",
        }
    }

    /// Whether this is `!=` or `!~`.
    #[must_use]
    pub fn is_negative(self) -> bool {
        matches!(self, MatchOp::NotEqual | MatchOp::NotRegex)
    }
}

/// A matcher could not be built.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MatcherError {
    /// The regular expression is wrong.
    #[error(transparent)]
    Regex(#[from] RegexError),
}

/// One condition on one label. A label that a series lacks counts as `""`.
///
/// ```
/// use promethium_model::{MatchOp, Matcher};
/// let m = Matcher::new(MatchOp::NotRegex, "code", "5..")?;
/// assert!(m.matches("404") && !m.matches("503") && m.matches(""));
/// assert_eq!(m.to_string(), r#"code!~"5..""#);
/// # Ok::<(), promethium_model::MatcherError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Matcher {
    /// The label's name.
    pub name: String,
    /// How to compare.
    pub op: MatchOp,
    /// The value or the pattern, as written.
    pub value: String,
    regex: Option<GoRegex>,
}

impl Matcher {
    /// Builds a matcher; patterns are compiled here, once.
    ///
    /// # Errors
    ///
    /// When the pattern is not valid.
    pub fn new(op: MatchOp, name: impl Into<String>, value: impl Into<String>) -> Result<Self, MatcherError> {
        let value = value.into();
        let regex = match op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Regex | MatchOp::NotRegex => Some(GoRegex::new(&value)?),
        };
        Ok(Matcher { name: name.into(), op, value, regex })
    }

    /// A matcher of a pattern that is compiled already, which then is its value.
    ///
    /// # Panics
    ///
    /// When `op` is neither `=~` nor `!~`.
    #[must_use]
    pub fn with_regex(op: MatchOp, name: impl Into<String>, regex: GoRegex) -> Self {
        assert!(matches!(op, MatchOp::Regex | MatchOp::NotRegex), "{} takes no pattern", op.as_str());
        Matcher { name: name.into(), op, value: regex.pattern().to_owned(), regex: Some(regex) }
    }

    /// `name="value"`.
    #[must_use]
    pub fn equal(name: impl Into<String>, value: impl Into<String>) -> Self {
        Matcher { name: name.into(), op: MatchOp::Equal, value: value.into(), regex: None }
    }

    /// `name!="value"`.
    #[must_use]
    pub fn not_equal(name: impl Into<String>, value: impl Into<String>) -> Self {
        Matcher { name: name.into(), op: MatchOp::NotEqual, value: value.into(), regex: None }
    }

    /// Whether a label value passes; `""` stands for an absent label.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        match &self.regex {
            None => text::equal(value, &self.value) != self.op.is_negative(),
            Some(regex) => regex.is_match(value) != self.op.is_negative(),
        }
    }

    /// Whether a series without this label passes.
    #[must_use]
    pub fn matches_empty(&self) -> bool {
        self.matches("")
    }

    /// The compiled pattern of `=~` and `!~`: its literal sets, prefixes and the like serve index look-ups.
    #[must_use]
    pub fn regex(&self) -> Option<&GoRegex> {
        self.regex.as_ref()
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.op, &self.value) == (&other.name, other.op, &other.value)
    }
}

impl Eq for Matcher {}

impl std::hash::Hash for Matcher {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (&self.name, self.op, &self.value).hash(state);
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_legacy_label_name(&self.name) {
            f.write_str(&self.name)?;
        } else {
            f.write_str(&go_quoted(&self.name))?;
        }
        write!(f, "{}{}", self.op.as_str(), go_quoted(&self.value))
    }
}

/// Whether all matchers accept a label set.
#[must_use]
pub fn all_match(matchers: &[Matcher], labels: &crate::Labels) -> bool {
    matchers.iter().all(|m| m.matches(labels.get(&m.name).unwrap_or("")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_operators_on_values_and_absence() {
        let cases = [
            (MatchOp::Equal, "a", [("a", true), ("b", false), ("", false)]),
            (MatchOp::NotEqual, "a", [("a", false), ("b", true), ("", true)]),
            (MatchOp::Regex, "a|b.*", [("a", true), ("bcd", true), ("", false)]),
            (MatchOp::NotRegex, "a|b.*", [("a", false), ("xb", true), ("", true)]),
            (MatchOp::Equal, "", [("a", false), ("b", false), ("", true)]),
        ];
        for (op, value, rows) in cases {
            let m = Matcher::new(op, "l", value).unwrap();
            for (input, expected) in rows {
                assert_eq!(m.matches(input), expected, "{m} on {input:?}");
            }
            assert_eq!(m.matches_empty(), rows[2].1);
        }
    }
}
