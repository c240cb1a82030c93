//! The file of expressions: templates, their variables, and how far the answers must agree.
//!
//! A line is one of:
//!
//! * `# …`: a comment;
//! * `let name = a | b | c`: a variable, which may use earlier ones;
//! * an expression, in which every `$name` is replaced by each of its alternatives: one expression a combination. A name
//!   that occurs several times takes the same alternative everywhere;
//! * `theirs => ours`: the same with another spelling for Prometheus 2.42.
//!
//! An expression may have one of the marks of [`Mark`] before it.

use std::collections::BTreeMap;

/// How far two answers must agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// In everything, at all times.
    None,
    /// `instant: …`: asked as an instant query alone.
    Instant,
    /// `other words: …`: both refuse it, and the words must differ, or the mark is out of date.
    OtherWords,
    /// Of generated expressions: both may refuse it, each in its words.
    AnyWords,
    /// `differs: …`: 2.42 is known to differ, and must, or the mark is out of date.
    Differs,
}

const MARKS: [(&str, Mark); 3] =
    [("instant: ", Mark::Instant), ("other words: ", Mark::OtherWords), ("differs: ", Mark::Differs)];

/// One expression to ask.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    /// As Prometheus 2.42 spells it.
    pub(crate) theirs: String,
    /// As we spell it.
    pub(crate) ours: String,
    pub(crate) mark: Mark,
}

/// Every expression of the file, templates written out, in order.
pub(crate) fn read(text: &str) -> Vec<Expression> {
    let mut variables = BTreeMap::new();
    let mut all = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some((name, values)) = line.strip_prefix("let ").and_then(|rest| rest.split_once(" = ")) {
            let values = values.split(" | ").flat_map(|value| expand(value.trim(), &variables)).collect();
            variables.insert(name.to_owned(), values);
        } else {
            all.extend(expand(line, &variables).iter().map(|line| expression(line)));
        }
    }
    all
}

fn expression(line: &str) -> Expression {
    let marked = |(text, mark): &(&str, Mark)| line.strip_prefix(text).map(|rest| (rest, *mark));
    let (line, mark) = MARKS.iter().find_map(marked).unwrap_or((line, Mark::None));
    let (theirs, ours) = line.split_once(" => ").unwrap_or((line, line));
    Expression { theirs: theirs.to_owned(), ours: ours.to_owned(), mark }
}

/// The line with its first variable replaced in every way, and so on until none is left.
fn expand(line: &str, variables: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let Some(name) = first_variable(line, variables) else { return vec![line.to_owned()] };
    let replaced = |value: &String| expand(&replace(line, name, value), variables);
    variables[name].iter().flat_map(replaced).collect()
}

/// The first `$name` that is a variable: the `$1` of a label replacement is none.
fn first_variable<'a>(line: &'a str, variables: &BTreeMap<String, Vec<String>>) -> Option<&'a str> {
    line.split('$').skip(1).map(word).find(|name| variables.contains_key(*name))
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

fn replace(line: &str, name: &str, value: &str) -> String {
    let mut parts = line.split('$');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.strip_prefix(name).filter(|_| word(part) == name) {
            Some(rest) => out.extend([value, rest]),
            None => out.extend(["$", part]),
        }
    }
    out
}
