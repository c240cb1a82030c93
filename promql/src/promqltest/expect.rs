//! What an `eval` expects.

use promethium_model::{GoRegex, Labels, Severity};

use super::script::time;
use super::series::{Values, parse_line, quoted_string};
use crate::parser::parse_integer;

/// How a text must look.
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    Any,
    Message(String),
    Regex(GoRegex, String),
}

impl Pattern {
    fn parse(text: &str) -> Result<Pattern, String> {
        if let Some(message) = text.strip_prefix("msg:") {
            return Ok(Pattern::Message(message.trim().to_owned()));
        }
        if let Some(pattern) = text.strip_prefix("regex:") {
            return Pattern::regex(pattern.trim());
        }
        if text.is_empty() { Ok(Pattern::Any) } else { Err(format!("expected msg: or regex:, found {text:?}")) }
    }

    /// A search: the pattern may match anywhere.
    fn regex(pattern: &str) -> Result<Pattern, String> {
        let regex = GoRegex::new(&format!(".*(?:{pattern}).*")).map_err(|e| e.to_string())?;
        Ok(Pattern::Regex(regex, pattern.to_owned()))
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        match self {
            Pattern::Any => true,
            Pattern::Message(message) => message == text,
            Pattern::Regex(regex, _) => regex.is_match(text),
        }
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Pattern::Any => f.write_str("anything"),
            Pattern::Message(message) => write!(f, "{message:?}"),
            Pattern::Regex(_, pattern) => write!(f, "/{pattern}/"),
        }
    }
}

/// Expectations of one kind of annotation.
#[derive(Clone, Debug, Default)]
pub(super) struct Annotated {
    pub(super) patterns: Vec<Pattern>,
    pub(super) forbidden: bool,
}

#[derive(Clone, Debug)]
pub(super) struct ExpectedSeries {
    pub(super) labels: Labels,
    pub(super) values: Values,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Expectations {
    /// Whether the query must fail, and how.
    pub(super) fail: Option<Pattern>,
    pub(super) warnings: Annotated,
    pub(super) infos: Annotated,
    pub(super) ordered: bool,
    pub(super) string: Option<String>,
    /// Start, end and step of a range vector.
    pub(super) range: Option<(i64, i64, i64)>,
    pub(super) scalar: Option<f64>,
    pub(super) series: Vec<ExpectedSeries>,
}

impl Expectations {
    /// Of the older statements that carry an expectation in their name.
    pub(super) fn of_prefix(word: &str) -> Expectations {
        let mut expected = Expectations::default();
        match word {
            "eval_fail" => expected.fail = Some(Pattern::Any),
            "eval_warn" => expected.warnings.patterns.push(Pattern::Any),
            "eval_info" => expected.infos.patterns.push(Pattern::Any),
            "eval_ordered" => expected.ordered = true,
            _ => {}
        }
        expected
    }

    pub(super) fn of_severity(&self, severity: Severity) -> &Annotated {
        match severity {
            Severity::Warning => &self.warnings,
            Severity::Info => &self.infos,
        }
    }

    /// Takes a line of the block; true when it ends the block.
    pub(super) fn line(&mut self, line: &str) -> Result<bool, String> {
        if let Some(rest) = line.strip_prefix("expect ") {
            return self.expect(rest.trim()).map(|()| false);
        }
        if let Some(message) = line.strip_prefix("expected_fail_message ") {
            self.fail = Some(Pattern::Message(message.trim().to_owned()));
            return Ok(false);
        }
        if let Some(pattern) = line.strip_prefix("expected_fail_regexp ") {
            self.fail = Some(Pattern::regex(pattern.trim())?);
            return Ok(false);
        }
        if let Some(scalar) = scalar(line) {
            self.scalar = Some(scalar);
            return Ok(true);
        }
        let parsed = parse_line(line)?;
        self.series.push(ExpectedSeries { labels: parsed.labels, values: Values::parse(parsed.values)? });
        Ok(false)
    }

    fn expect(&mut self, text: &str) -> Result<(), String> {
        let (word, rest) = text.split_once(char::is_whitespace).map_or((text, ""), |(w, r)| (w, r.trim()));
        match word {
            "fail" => self.fail = Some(Pattern::parse(rest)?),
            "warn" => self.warnings.patterns.push(Pattern::parse(rest)?),
            "info" => self.infos.patterns.push(Pattern::parse(rest)?),
            "no_warn" => self.warnings.forbidden = true,
            "no_info" => self.infos.forbidden = true,
            "ordered" => self.ordered = true,
            "string" => self.string = Some(quoted_string(rest)?.0),
            "range" => self.range = Some(range_vector(rest)?),
            other => return Err(format!("unknown expectation {other:?}")),
        }
        for annotated in [&self.warnings, &self.infos] {
            if annotated.forbidden && !annotated.patterns.is_empty() {
                return Err("annotations both expected and forbidden".to_owned());
            }
        }
        Ok(())
    }
}

/// `vector from A to B step S`
fn range_vector(text: &str) -> Result<(i64, i64, i64), String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let ["vector", "from", start, "to", end, "step", step] = words[..] else {
        return Err(format!("expected: range vector from A to B step S, found {text:?}"));
    };
    let of = |word: &str| time(0, word).map_err(|e| e.message);
    Ok((of(start)?, of(end)?, of(step)?))
}

fn scalar(line: &str) -> Option<f64> {
    let unsigned = line.strip_prefix('-').unwrap_or(line);
    let sign = if unsigned.len() < line.len() { -1.0 } else { 1.0 };
    if let Some(integer) = parse_integer(unsigned) {
        return Some(sign * integer as f64);
    }
    promethium_model::float::parse_go_lenient(line).ok()
}
