//! The patterns of `rule_files`: `rules/*.yml`.
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::arithmetic_side_effects
    )
)]

use std::path::{Path, PathBuf};

use promethium_model::quote::go_quoted;
use thiserror::Error;

/// Files that one pattern may name.
const MAX_FILES: usize = 100_000;

/// A pattern names no set of files.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PatternError {
    /// A `*` before the last part of the path.
    #[error("invalid rule file path {pattern}", pattern = go_quoted(.0))]
    StarInFolder(String),
    /// Brackets or a backslash that do not end.
    #[error("error retrieving rule files for {0}: syntax error in pattern")]
    Syntax(String),
    /// It names more files than can be meant.
    #[error("{pattern}: more than {limit} files")]
    TooMany {
        /// The pattern.
        pattern: String,
        /// The limit.
        limit: usize,
    },
}

/// The existing files that `pattern` names, sorted: `*` stands for any text, `?` for any character, `[a-c]` and
/// `[^a-c]` for one of a set, a backslash takes the next character as it is; none of them stands for a slash. `*` may
/// occur in the last part of the path only. A folder that cannot be read holds nothing.
///
/// # Errors
///
/// See [`PatternError`].
pub fn matching_files(pattern: &str) -> Result<Vec<PathBuf>, PatternError> {
    let (folder, _) = pattern.rsplit_once('/').unwrap_or(("", pattern));
    if folder.contains('*') {
        return Err(PatternError::StarInFolder(pattern.to_owned()));
    }
    glob(pattern)
}

/// As [`matching_files`], with `*` in any part of the path: what tests of rules may write.
///
/// # Errors
///
/// See [`PatternError`].
pub(crate) fn glob(pattern: &str) -> Result<Vec<PathBuf>, PatternError> {
    let start = PathBuf::from(if pattern.starts_with('/') { "/" } else { "" });
    let mut paths = vec![start];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        let tokens = tokens(part).ok_or_else(|| PatternError::Syntax(pattern.to_owned()))?;
        paths = paths.iter().flat_map(|path| step(path, &tokens)).take(MAX_FILES.saturating_add(1)).collect();
        if paths.len() > MAX_FILES {
            return Err(PatternError::TooMany { pattern: pattern.to_owned(), limit: MAX_FILES });
        }
    }
    paths.retain(|path| path.exists());
    paths.sort();
    Ok(paths)
}

/// One part of the way: the entries of `folder` that match, or the one entry that the part names.
fn step(folder: &Path, tokens: &[Token]) -> Vec<PathBuf> {
    if let Some(name) = plain_name(tokens) {
        return vec![folder.join(name)];
    }
    let listed = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = std::fs::read_dir(listed) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter(|name| matches(tokens, name)).map(|name| folder.join(name)).collect()
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Char(char),
    AnyChar,
    AnyText,
    Set { negated: bool, ranges: Vec<(char, char)> },
}

impl Token {
    fn accepts(&self, c: char) -> bool {
        match self {
            Token::Char(own) => *own == c,
            Token::AnyChar | Token::AnyText => true,
            Token::Set { negated, ranges } => ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated,
        }
    }
}

fn plain_name(tokens: &[Token]) -> Option<String> {
    let own = |token: &Token| if let Token::Char(c) = token { Some(*c) } else { None };
    tokens.iter().map(own).collect()
}

fn tokens(part: &str) -> Option<Vec<Token>> {
    let mut chars = part.chars();
    let mut tokens = Vec::new();
    while let Some(c) = chars.next() {
        tokens.push(match c {
            '*' => Token::AnyText,
            '?' => Token::AnyChar,
            '[' => set(&mut chars)?,
            '\\' => Token::Char(chars.next()?),
            c => Token::Char(c),
        });
    }
    Some(tokens)
}

/// What follows an opening bracket, up to the closing one.
fn set(chars: &mut std::str::Chars<'_>) -> Option<Token> {
    let negated = chars.as_str().starts_with('^');
    if negated {
        chars.next();
    }
    let mut ranges = Vec::new();
    while ranges.is_empty() || !chars.as_str().starts_with(']') {
        let low = set_char(chars)?;
        let high = if chars.as_str().starts_with('-') {
            chars.next();
            set_char(chars)?
        } else {
            low
        };
        ranges.push((low, high));
    }
    chars.next();
    Some(Token::Set { negated, ranges })
}

fn set_char(chars: &mut std::str::Chars<'_>) -> Option<char> {
    match chars.next()? {
        '\\' => chars.next(),
        '-' | ']' => None,
        c => Some(c),
    }
}

/// Whether the whole name matches. A star is first taken for nothing and grows as needed: no more than
/// pattern × name steps.
fn matches(tokens: &[Token], name: &str) -> bool {
    let (mut pattern, mut rest) = (tokens, name);
    let mut retry: Option<(&[Token], &str)> = None;
    loop {
        match pattern.split_first() {
            Some((Token::AnyText, after)) => {
                retry = Some((after, rest));
                pattern = after;
                continue;
            }
            Some((token, after)) if rest.starts_with(|c| token.accepts(c)) => {
                pattern = after;
                rest = without_first(rest);
                continue;
            }
            None if rest.is_empty() => return true,
            _ => {}
        }
        let Some((after_star, from)) = retry else { return false };
        if from.is_empty() {
            return false;
        }
        (pattern, rest) = (after_star, without_first(from));
        retry = Some((after_star, rest));
    }
}

fn without_first(text: &str) -> &str {
    let mut chars = text.chars();
    chars.next();
    chars.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_as_in_go() {
        for (pattern, name, expected) in [
            ("*.yml", "a.yml", Some(true)),
            ("*.yml", ".yml", Some(true)),
            ("*.yml", "a.yaml", Some(false)),
            ("a*b*c", "aXbYbZc", Some(true)),
            ("a*b*c", "aXcYb", Some(false)),
            ("?é?", "xéy", Some(true)),
            ("[a-c]x[^0-9]", "bxz", Some(true)),
            ("[a-c]x[^0-9]", "bx7", Some(false)),
            ("\\*x", "*x", Some(true)),
            ("[\\]]", "]", Some(true)),
            ("", "", Some(true)),
            ("[a", "a", None),
            ("[]", "a", None),
            ("[-]", "-", None),
            ("x\\", "x", None),
        ] {
            assert_eq!(tokens(pattern).map(|tokens| matches(&tokens, name)), expected, "{pattern} {name}");
        }
        let stars = tokens(&"*a".repeat(50)).map(|tokens| matches(&tokens, &"a".repeat(2_000)));
        assert_eq!(stars, Some(true));
    }

    #[test]
    fn files_of_this_crate() {
        let root = env!("CARGO_MANIFEST_DIR");
        let found = matching_files(&format!("{root}/src/file/s*.rs")).unwrap();
        assert_eq!(found, [Path::new(root).join("src/file/spec.rs")]);
        assert_eq!(matching_files(&format!("{root}/Cargo.tom[l]")).unwrap().len(), 1);
        assert_eq!(matching_files(&format!("{root}/Cargo.toml")).unwrap().len(), 1);
        assert_eq!(matching_files("src/l?b.rs").unwrap(), [Path::new("src/lib.rs")]);
        assert_eq!(matching_files(&format!("{root}/missing/x.yml")).unwrap(), Vec::<PathBuf>::new());
        assert_eq!(matching_files("a/*/x.yml").unwrap_err().to_string(), "invalid rule file path \"a/*/x.yml\"");
        assert_eq!(matching_files("a/[").unwrap_err(), PatternError::Syntax("a/[".to_owned()));
    }
}
