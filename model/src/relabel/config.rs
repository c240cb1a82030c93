//! A rule as it is written, and what may be wrong with it. The texts are Prometheus'.

use thiserror::Error;

use crate::labels::is_legacy_label_name;
use crate::quote::go_quoted;
use crate::regex::{GoRegex, RegexError};

const DEFAULT_SEPARATOR: &str = ";";
const DEFAULT_REGEX: &str = "(.*)";
const DEFAULT_REPLACEMENT: &str = "$1";

/// What a rule does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RelabelAction {
    /// Sets the target label to the expanded replacement where the pattern matches.
    #[default]
    Replace,
    /// Keeps what matches.
    Keep,
    /// Drops what matches.
    Drop,
    /// Keeps what has the value of the target label.
    KeepEqual,
    /// Drops what has the value of the target label.
    DropEqual,
    /// Sets the target label to a hash, modulo a number.
    HashMod,
    /// Copies labels whose names match to names that the replacement gives.
    LabelMap,
    /// Removes labels whose names match.
    LabelDrop,
    /// Removes labels whose names do not match.
    LabelKeep,
    /// Sets the target label to the value in lower case.
    Lowercase,
    /// Sets the target label to the value in upper case.
    Uppercase,
}

impl RelabelAction {
    const ALL: [RelabelAction; 11] = [
        RelabelAction::Replace,
        RelabelAction::Keep,
        RelabelAction::Drop,
        RelabelAction::KeepEqual,
        RelabelAction::DropEqual,
        RelabelAction::HashMod,
        RelabelAction::LabelMap,
        RelabelAction::LabelDrop,
        RelabelAction::LabelKeep,
        RelabelAction::Lowercase,
        RelabelAction::Uppercase,
    ];

    /// The name in configuration files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            RelabelAction::Replace => "replace",
            RelabelAction::Keep => "keep",
            RelabelAction::Drop => "drop",
            RelabelAction::KeepEqual => "keepequal",
            RelabelAction::DropEqual => "dropequal",
            RelabelAction::HashMod => "hashmod",
            RelabelAction::LabelMap => "labelmap",
            RelabelAction::LabelDrop => "labeldrop",
            RelabelAction::LabelKeep => "labelkeep",
            RelabelAction::Lowercase => "lowercase",
            RelabelAction::Uppercase => "uppercase",
        }
    }

    /// The action of this name, in any case.
    #[must_use]
    pub fn named(name: &str) -> Option<RelabelAction> {
        RelabelAction::ALL.into_iter().find(|action| action.as_str().eq_ignore_ascii_case(name))
    }
}

/// A rule is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RelabelError {
    /// No such action.
    #[error("unknown relabel action {}", go_quoted(.0))]
    UnknownAction(String),
    /// The pattern.
    #[error(transparent)]
    Regex(#[from] RegexError),
    /// A hash without a modulus.
    #[error("relabel configuration for hashmod requires non-zero modulus")]
    ZeroModulus,
    /// The action writes a label, and none is named.
    #[error("relabel configuration for {0} action requires 'target_label' value")]
    NoTarget(&'static str),
    /// The target is no label name.
    #[error("{target} is invalid 'target_label' for {action} action", target = go_quoted(.target))]
    InvalidTarget {
        /// What was given.
        target: String,
        /// The action.
        action: &'static str,
    },
    /// The action has no use for a replacement.
    #[error("'replacement' can not be set for {0} action")]
    ReplacementSet(&'static str),
    /// The replacement gives no label name.
    #[error("{} is invalid 'replacement' for labelmap action", go_quoted(.0))]
    InvalidReplacement(String),
    /// A comparison takes two labels and nothing else.
    #[error("{0} action requires only 'source_labels' and `target_label`, and no other fields")]
    OnlySourceAndTarget(&'static str),
    /// The action looks at names and nothing else.
    #[error("{0} action requires only 'regex', and no other fields")]
    OnlyRegex(&'static str),
}

/// A rule as it is written: what is not named has Prometheus' default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RelabelConfig {
    /// Labels whose values are looked at, joined.
    pub source_labels: Vec<String>,
    /// What joins them; `;`.
    pub separator: Option<String>,
    /// What the joined values, or names, must match whole; `(.*)`.
    pub regex: Option<String>,
    /// Of hashes.
    pub modulus: u64,
    /// The label that is written.
    pub target_label: String,
    /// What it is set to, with `$1`, `${name}`; `$1`.
    pub replacement: Option<String>,
    /// Name of the action, in any case; `replace` when empty.
    pub action: String,
    /// Only the classic character set in names.
    pub legacy_names: bool,
}

impl RelabelConfig {
    /// A rule with this action and defaults.
    #[must_use]
    pub fn new(action: &str) -> Self {
        RelabelConfig { action: action.to_owned(), ..RelabelConfig::default() }
    }

    /// Looking at these labels.
    #[must_use]
    pub fn source<N: Into<String>>(mut self, labels: impl IntoIterator<Item = N>) -> Self {
        self.source_labels = labels.into_iter().map(Into::into).collect();
        self
    }

    /// With this pattern.
    #[must_use]
    pub fn regex(mut self, regex: impl Into<String>) -> Self {
        self.regex = Some(regex.into());
        self
    }

    /// Writing this label.
    #[must_use]
    pub fn target(mut self, label: impl Into<String>) -> Self {
        self.target_label = label.into();
        self
    }

    /// With this replacement.
    #[must_use]
    pub fn replacement(mut self, replacement: impl Into<String>) -> Self {
        self.replacement = Some(replacement.into());
        self
    }

    /// With this separator.
    #[must_use]
    pub fn separator(mut self, separator: impl Into<String>) -> Self {
        self.separator = Some(separator.into());
        self
    }

    /// With this modulus.
    #[must_use]
    pub fn modulus(mut self, modulus: u64) -> Self {
        self.modulus = modulus;
        self
    }

    /// Checks the rule.
    ///
    /// # Errors
    ///
    /// See [`RelabelError`].
    pub fn build(self) -> Result<RelabelRule, RelabelError> {
        let action = match self.action.as_str() {
            "" => RelabelAction::Replace,
            name => RelabelAction::named(name).ok_or_else(|| RelabelError::UnknownAction(name.to_owned()))?,
        };
        let regex = GoRegex::new(self.regex.as_deref().unwrap_or(DEFAULT_REGEX))?;
        self.check(action)?;
        Ok(RelabelRule {
            action,
            is_plain: self.regex.is_none() && !self.target_label.contains('$') && !self.replaces().contains('$'),
            separator: self.separator.unwrap_or_else(|| DEFAULT_SEPARATOR.to_owned()),
            replacement: self.replacement.unwrap_or_else(|| DEFAULT_REPLACEMENT.to_owned()),
            source_labels: self.source_labels,
            modulus: self.modulus,
            target_label: self.target_label,
            legacy_names: self.legacy_names,
            regex,
        })
    }

    fn replaces(&self) -> &str {
        self.replacement.as_deref().unwrap_or(DEFAULT_REPLACEMENT)
    }

    fn check(&self, action: RelabelAction) -> Result<(), RelabelError> {
        use RelabelAction as A;
        let name = action.as_str();
        if action == A::HashMod && self.modulus == 0 {
            return Err(RelabelError::ZeroModulus);
        }
        let writes =
            matches!(action, A::Replace | A::HashMod | A::Lowercase | A::Uppercase | A::KeepEqual | A::DropEqual);
        if writes && self.target_label.is_empty() {
            return Err(RelabelError::NoTarget(name));
        }
        self.check_target(action)?;
        let default_replacement = self.replaces() == DEFAULT_REPLACEMENT;
        if matches!(action, A::Lowercase | A::Uppercase | A::KeepEqual | A::DropEqual) && !default_replacement {
            return Err(RelabelError::ReplacementSet(name));
        }
        if action == A::LabelMap && !self.is_name_or_template(self.replaces()) {
            return Err(RelabelError::InvalidReplacement(self.replaces().to_owned()));
        }
        let default_separator = self.separator.as_deref().is_none_or(|s| s == DEFAULT_SEPARATOR);
        let no_regex = self.regex.is_none() && self.modulus == 0 && default_separator && default_replacement;
        if matches!(action, A::KeepEqual | A::DropEqual) && !no_regex {
            return Err(RelabelError::OnlySourceAndTarget(name));
        }
        let only_regex = self.source_labels.is_empty()
            && self.target_label.is_empty()
            && self.modulus == 0
            && default_separator
            && default_replacement;
        if matches!(action, A::LabelDrop | A::LabelKeep) && !only_regex {
            return Err(RelabelError::OnlyRegex(name));
        }
        Ok(())
    }

    /// The target is a name; that of `replace` may be a template.
    fn check_target(&self, action: RelabelAction) -> Result<(), RelabelError> {
        use RelabelAction as A;
        let target = self.target_label.as_str();
        let valid = match action {
            A::Replace if target.contains('$') => self.is_name_or_template(target),
            A::Replace | A::HashMod | A::Lowercase | A::Uppercase => self.is_name(target),
            _ => true,
        };
        match valid {
            true => Ok(()),
            false => Err(RelabelError::InvalidTarget { target: target.to_owned(), action: action.as_str() }),
        }
    }

    fn is_name(&self, text: &str) -> bool {
        if self.legacy_names { is_legacy_label_name(text) } else { !text.is_empty() }
    }

    fn is_name_or_template(&self, text: &str) -> bool {
        if self.legacy_names { is_legacy_template(text) } else { !text.is_empty() }
    }
}

/// Letters, digits and underscores with references to groups among them, `a_$1_${b}`; no digit first.
fn is_legacy_template(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut rest = text;
    let mut begins = true;
    while let Some(c) = rest.chars().next() {
        if c == '$' {
            let after = &rest[1..];
            let braced = after.strip_prefix('{');
            let name = braced.unwrap_or(after);
            let end = name.find(|c| !word(c)).unwrap_or(name.len());
            let closed = braced.is_none() || name[end..].starts_with('}');
            if end == 0 || !closed {
                return false;
            }
            rest = &name[end + usize::from(braced.is_some())..];
        } else if word(c) && !(begins && c.is_ascii_digit()) {
            rest = &rest[1..];
        } else {
            return false;
        }
        begins = false;
    }
    !text.is_empty()
}

/// A checked rule.
#[derive(Clone, Debug)]
pub struct RelabelRule {
    pub(super) action: RelabelAction,
    pub(super) source_labels: Vec<String>,
    pub(super) separator: String,
    pub(super) regex: GoRegex,
    pub(super) modulus: u64,
    pub(super) target_label: String,
    pub(super) replacement: String,
    pub(super) legacy_names: bool,
    /// Neither a pattern nor references: the target is set as it stands.
    pub(super) is_plain: bool,
}

impl RelabelRule {
    /// What it does.
    #[must_use]
    pub fn action(&self) -> RelabelAction {
        self.action
    }
}

impl PartialEq for RelabelRule {
    /// Rules are equal when they were written alike.
    fn eq(&self, other: &Self) -> bool {
        let fields = |rule: &RelabelRule| {
            let flags = (rule.action, rule.modulus, rule.legacy_names, rule.is_plain);
            let texts = [rule.separator.clone(), rule.regex.pattern().to_owned(), rule.target_label.clone()];
            (flags, texts, rule.replacement.clone(), rule.source_labels.clone())
        };
        fields(self) == fields(other)
    }
}

impl Eq for RelabelRule {}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(config: RelabelConfig) -> String {
        config.build().unwrap_err().to_string()
    }

    #[test]
    fn wrong_rules_are_refused_in_prometheus_words() {
        let of = RelabelConfig::new;
        for (config, expected) in [
            (of("nosuch"), "unknown relabel action \"nosuch\""),
            (of("keep").regex("("), "error parsing regexp: missing closing ): `(`"),
            (of("hashmod").target("x"), "relabel configuration for hashmod requires non-zero modulus"),
            (of("hashmod").modulus(2), "relabel configuration for hashmod action requires 'target_label' value"),
            (of(""), "relabel configuration for replace action requires 'target_label' value"),
            (of("Lowercase"), "relabel configuration for lowercase action requires 'target_label' value"),
            (of("keepequal"), "relabel configuration for keepequal action requires 'target_label' value"),
            (of("uppercase").target("x").replacement("y"), "'replacement' can not be set for uppercase action"),
            (of("dropequal").target("x").replacement("y"), "'replacement' can not be set for dropequal action"),
            (of("labelmap").replacement(""), "\"\" is invalid 'replacement' for labelmap action"),
            (
                of("keepequal").target("x").regex("(.*)"),
                "keepequal action requires only 'source_labels' and `target_label`, and no other fields",
            ),
            (
                of("dropequal").target("x").separator(","),
                "dropequal action requires only 'source_labels' and `target_label`, and no other fields",
            ),
            (of("labeldrop").source(["x"]), "labeldrop action requires only 'regex', and no other fields"),
            (of("labelkeep").target("x"), "labelkeep action requires only 'regex', and no other fields"),
        ] {
            assert_eq!(error(config.clone()), expected, "{config:?}");
        }
        assert!(of("keepequal").target("x").separator(";").replacement("$1").build().is_ok());
    }

    #[test]
    fn the_legacy_scheme_is_stricter() {
        let legacy = |config: RelabelConfig| RelabelConfig { legacy_names: true, ..config };
        let replace = |target: &str| legacy(RelabelConfig::new("replace").target(target));
        assert_eq!(error(replace("a-b")), "\"a-b\" is invalid 'target_label' for replace action");
        for (target, valid) in
            [("a_$1", true), ("${1}", true), ("$a${b}_1", true), ("1$1", false), ("${1", false), ("$", false)]
        {
            assert_eq!(replace(target).build().is_ok(), valid, "{target}");
        }
        let map = legacy(RelabelConfig::new("labelmap").replacement("a-$1"));
        assert_eq!(error(map), "\"a-$1\" is invalid 'replacement' for labelmap action");
        assert!(RelabelConfig::new("replace").target("a-b").build().is_ok());
    }
}
