//! Tokens to a template: text and pipelines of commands.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use promethium_model::float::parse_go;
use promethium_model::quote::go_quoted;

use super::format::check_format;
use super::lex::{Piece, SyntaxError, Word, WordKind, pieces};

/// A stretch of a template, ready to run.
#[derive(Debug)]
pub(super) enum Node {
    Text(String),
    /// Commands, each taking the result of the one before as its last argument.
    Pipeline(Vec<Command>),
}

#[derive(Debug)]
pub(super) struct Command {
    /// Byte of its first word.
    pub(super) at: usize,
    /// Its words, with single blanks between them.
    pub(super) source: String,
    pub(super) head: Head,
    pub(super) arguments: Vec<Argument>,
}

#[derive(Debug)]
pub(super) struct Argument {
    pub(super) at: usize,
    pub(super) source: String,
    pub(super) operand: Operand,
}

#[derive(Debug)]
pub(super) enum Head {
    Call(Function),
    Operand(Operand),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Humanize,
    Humanize1024,
    HumanizeDuration,
    HumanizePercentage,
    Printf,
}

impl Function {
    fn named(name: &str) -> Option<Function> {
        Some(match name {
            "humanize" => Function::Humanize,
            "humanize1024" => Function::Humanize1024,
            "humanizeDuration" => Function::HumanizeDuration,
            "humanizePercentage" => Function::HumanizePercentage,
            "printf" => Function::Printf,
            _ => return None,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Function::Humanize => "humanize",
            Function::Humanize1024 => "humanize1024",
            Function::HumanizeDuration => "humanizeDuration",
            Function::HumanizePercentage => "humanizePercentage",
            Function::Printf => "printf",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    Value,
    Labels(Option<String>),
    ExternalLabels(Option<String>),
    ExternalUrl,
    Text(String),
    Int(i64),
    Number(f64),
}

// Words that open or close a block in Go's language.
const BLOCK_WORDS: [&str; 11] =
    ["if", "else", "end", "range", "with", "define", "template", "block", "break", "continue", "nil"];

/// Reads a template.
pub(super) fn parse(text: &str) -> Result<Vec<Node>, SyntaxError> {
    pieces(text)?.into_iter().map(node).collect()
}

fn node(piece: Piece) -> Result<Node, SyntaxError> {
    match piece {
        Piece::Text(text) => Ok(Node::Text(text)),
        Piece::Action(at, words) => pipeline(at, &words).map(Node::Pipeline),
    }
}

fn pipeline(at: usize, words: &[Word]) -> Result<Vec<Command>, SyntaxError> {
    if words.is_empty() {
        return Err(SyntaxError { at, message: "missing value for command".to_owned() });
    }
    let stages = words.split(|word| word.kind == WordKind::Pipe).enumerate();
    stages.map(|(stage, words)| command(at, stage, words)).collect()
}

fn command(opened_at: usize, stage: usize, words: &[Word]) -> Result<Command, SyntaxError> {
    let Some((first, rest)) = words.split_first() else {
        return Err(SyntaxError { at: opened_at, message: "missing value for command".to_owned() });
    };
    let fail = |message: String| Err(SyntaxError { at: first.at, message });
    let head = match &first.kind {
        WordKind::Name(name) => Head::Call(function(name, first.at)?),
        _ if stage > 0 => {
            return fail(format!("non executable command in pipeline stage {}", stage.saturating_add(1)));
        }
        _ if !rest.is_empty() => return fail("can't give argument to non-function".to_owned()),
        _ => Head::Operand(operand(first)?),
    };
    let arguments = rest.iter().map(argument).collect::<Result<Vec<_>, _>>()?;
    let source = words.iter().map(|word| word.source.as_str()).collect::<Vec<_>>().join(" ");
    let command = Command { at: first.at, source, head, arguments };
    check_printf(&command)?;
    Ok(command)
}

fn argument(word: &Word) -> Result<Argument, SyntaxError> {
    Ok(Argument { at: word.at, source: word.source.clone(), operand: operand(word)? })
}

fn function(name: &str, at: usize) -> Result<Function, SyntaxError> {
    Function::named(name).ok_or_else(|| SyntaxError {
        at,
        message: if BLOCK_WORDS.contains(&name) {
            format!("{} is not available in these templates", go_quoted(name))
        } else {
            format!("function {} not defined", go_quoted(name))
        },
    })
}

/// A format that is written out must use the verbs that exist here.
fn check_printf(command: &Command) -> Result<(), SyntaxError> {
    match (&command.head, command.arguments.first().map(|argument| &argument.operand)) {
        (Head::Call(Function::Printf), Some(Operand::Text(format))) => {
            check_format(format).map_err(|message| SyntaxError { at: command.at, message })
        }
        _ => Ok(()),
    }
}

fn operand(word: &Word) -> Result<Operand, SyntaxError> {
    let unknown =
        |what: &str| SyntaxError { at: word.at, message: format!("{what} is not available in these templates") };
    match &word.kind {
        WordKind::Text(text) => Ok(Operand::Text(text.clone())),
        WordKind::Number(text) => number(text)
            .ok_or_else(|| SyntaxError { at: word.at, message: format!("bad number syntax: {}", go_quoted(text)) }),
        WordKind::Path(path) => path_operand(path).ok_or_else(|| match path.strip_prefix('$') {
            Some(name) if !is_known_variable(name) => SyntaxError {
                at: word.at,
                message: format!("undefined variable {}", go_quoted(path.split('.').next().unwrap_or(path))),
            },
            _ => unknown(path),
        }),
        WordKind::Name(name) => Err(unknown(&go_quoted(name))),
        WordKind::Pipe => Err(unknown("\"|\"")),
    }
}

fn number(text: &str) -> Option<Operand> {
    let digits = text.trim_start_matches(['+', '-']);
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok().map(Operand::Int);
    }
    parse_go(text.as_bytes()).ok().filter(|v| v.is_finite()).map(Operand::Number)
}

fn path_operand(path: &str) -> Option<Operand> {
    let inner = path.strip_prefix(['.', '$'])?;
    let (root, field) = match inner.split_once('.') {
        Some((root, field)) if !field.is_empty() && !field.contains('.') => (root, Some(field.to_owned())),
        Some(_) => return None,
        None => (inner, None),
    };
    match (path.starts_with('$'), root, field) {
        (true, "labels", field) | (false, "Labels", field) => Some(Operand::Labels(field)),
        (true, "externalLabels", field) | (false, "ExternalLabels", field) => Some(Operand::ExternalLabels(field)),
        (true, "value", None) | (false, "Value", None) => Some(Operand::Value),
        (true, "externalURL", None) | (false, "ExternalURL", None) => Some(Operand::ExternalUrl),
        _ => None,
    }
}

fn is_known_variable(name: &str) -> bool {
    let root = name.split('.').next().unwrap_or(name);
    matches!(root, "" | "labels" | "externalLabels" | "value" | "externalURL")
}
