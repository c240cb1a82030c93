//! The YAML of a rule file, as written: strict fields, positions kept, nothing judged yet.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::collections::BTreeMap;
use std::fmt;

use promethium_model::{Position, duration};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Visitor};
use serde_saphyr::{Location, Options, Spanned};

use super::lenient::Lenient;
use super::{FileChecks, RuleFileError, RuleFileProblem, RuleSource};

// A rule file nests five levels; the rest is room for what a strict reader will refuse anyway.
const MAX_DEPTH: usize = 16;
const MAX_ALIASES: usize = 10_000;

/// A file. `null` stands for the empty value everywhere, as in Go's YAML.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FileYaml {
    pub(super) groups: Option<Vec<Spanned<GroupYaml>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct GroupYaml {
    pub(super) name: Option<String>,
    pub(super) interval: Option<DurationYaml>,
    pub(super) query_offset: Option<DurationYaml>,
    pub(super) limit: Option<i64>,
    pub(super) labels: Option<TextMap>,
    pub(super) rules: Option<Vec<RuleYaml>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RuleYaml {
    pub(super) record: Option<Spanned<String>>,
    pub(super) alert: Option<Spanned<String>>,
    pub(super) expr: Option<Spanned<String>>,
    #[serde(rename = "for")]
    pub(super) hold: Option<DurationYaml>,
    pub(super) keep_firing_for: Option<DurationYaml>,
    pub(super) labels: Option<TextMap>,
    pub(super) annotations: Option<TextMap>,
}

/// Names to texts; a `null` text is empty.
pub(super) type TextMap = BTreeMap<String, Option<String>>;

/// A Prometheus duration, milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DurationYaml(pub(crate) i64);

impl<'de> Deserialize<'de> for DurationYaml {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(DurationVisitor)
    }
}

struct DurationVisitor;

impl Visitor<'_> for DurationVisitor {
    type Value = DurationYaml;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as 5m")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<DurationYaml, E> {
        duration::parse_ms(text).map(DurationYaml).map_err(E::custom)
    }
}

/// Reads the first document of a file; an empty file has no groups.
pub(super) fn read(source: &RuleSource, checks: &FileChecks<'_>) -> Result<FileYaml, Box<RuleFileError>> {
    let refuse =
        |positions, problem| Box::new(RuleFileError { file: source.file.clone(), positions, place: None, problem });
    let limit = checks.limits.max_config_bytes;
    if source.text.len() > limit {
        return Err(refuse(Vec::new(), RuleFileProblem::TooLarge { limit }));
    }
    first_document(&source.text, checks.ignore_unknown_fields).map_err(|error| {
        refuse(error.location().map(position_of).into_iter().collect(), RuleFileProblem::Yaml(message_of(&error)))
    })
}

/// The first document of a text; the empty value where there is none.
pub(crate) fn first_document<T>(text: &str, ignore_unknown_fields: bool) -> Result<T, serde_saphyr::Error>
where
    T: Default + DeserializeOwned,
{
    let mut bytes = text.as_bytes();
    let document = match ignore_unknown_fields {
        false => serde_saphyr::read_with_options(&mut bytes, options()).next(),
        true => {
            let lenient = serde_saphyr::read_with_options::<_, Lenient<T>>(&mut bytes, options()).next();
            lenient.map(|document| document.map(|Lenient(read)| read))
        }
    };
    document.unwrap_or_else(|| Ok(T::default()))
}

/// Whether anything but blanks, comments and markers follows the first document, which is all that is read.
pub(super) fn has_further_documents(text: &str) -> bool {
    let is_marker = |line: &str| line == "---" || line.starts_with("--- ");
    let says_something = |line: &str| !line.trim().is_empty() && !line.starts_with(['#', '%']) && !is_marker(line);
    let mut lines = text.lines().skip_while(|line| !says_something(line));
    lines.next();
    lines.skip_while(|line| !is_marker(line)).any(|line| says_something(line) || line.starts_with("--- "))
}

fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: MAX_DEPTH, max_aliases: MAX_ALIASES },
        with_snippet: false,
    }
}

/// The message without the position at its end, which stands in front here.
pub(crate) fn message_of(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().render_with_formatter(&serde_saphyr::UserMessageFormatter);
    match text.rfind(" at line ") {
        Some(end) if error.location().is_some() => text.get(..end).unwrap_or(&text).to_owned(),
        _ => text,
    }
}

/// A position of the reader as ours.
pub(super) fn position_of(location: Location) -> Position {
    let clamp = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    Position { line: clamp(location.line()), column: clamp(location.column()) }
}

/// Where a scalar begins. For a block scalar that is its `|` or `>`, as in Go, where the reader gives its first line.
pub(super) fn scalar_position(text: &str, location: Location) -> Position {
    let position = position_of(location);
    let before = usize::try_from(position.line).unwrap_or(usize::MAX).saturating_sub(1);
    let column = usize::try_from(position.column).unwrap_or(usize::MAX).saturating_sub(1);
    let alone = text.lines().nth(before).is_none_or(|line| line.chars().take(column).all(|c| c == ' '));
    let header = text.lines().take(before).enumerate().filter(|(_, line)| !line.trim().is_empty()).last();
    match header.filter(|_| alone).and_then(|(i, line)| Some((i, block_indicator(line)?))) {
        Some((i, column)) => {
            let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            Position { line: clamp(i.saturating_add(1)), column: clamp(column) }
        }
        None => position,
    }
}

/// The column, from 1, of the `|` or `>` with which a line announces a block scalar.
fn block_indicator(line: &str) -> Option<usize> {
    let announcing = line.split(" #").next().unwrap_or_default().trim_end();
    let (before, word) = announcing.rsplit_once(' ')?;
    let modifiers = word.strip_prefix(['|', '>'])?;
    let is_header = modifiers.len() <= 2 && modifiers.chars().all(|c| matches!(c, '+' | '-' | '1'..='9'));
    is_header.then(|| before.chars().count().saturating_add(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_scalars_begin_at_their_indicator() {
        for (line, column) in [
            ("    expr: |", Some(11)),
            ("    expr: >-  ", Some(11)),
            ("    é: |2+ # note", Some(8)),
            ("    expr: sum(a) |", Some(18)),
            ("    expr:", None),
            ("    expr: |x", None),
            ("    expr: a>", None),
        ] {
            assert_eq!(block_indicator(line), column, "{line}");
        }
    }
}
