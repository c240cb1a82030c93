//! The tree of a template. Nodes print themselves in Go's canonical form, which error messages quote.

use std::fmt;

use super::function::Function;

/// A named template: the whole text, or what a `define` or `block` holds.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) name: String,
    pub(super) body: Vec<Node>,
}

#[derive(Debug)]
pub(super) enum Node {
    Text(String),
    Action { at: usize, pipe: Pipe },
    Control { kind: Control, at: usize, pipe: Pipe, body: Vec<Node>, otherwise: Option<Vec<Node>> },
    Template { at: usize, name: String, pipe: Option<Pipe> },
    Break,
    Continue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Control {
    If,
    With,
    Range,
}

impl Control {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Control::If => "if",
            Control::With => "with",
            Control::Range => "range",
        }
    }
}

/// Commands, each taking the result of the one before as its last argument.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    pub(super) at: usize,
    /// Variables that take the value, with their `$`.
    pub(super) variables: Vec<String>,
    /// `=` rather than `:=`.
    pub(super) assigns: bool,
    pub(super) commands: Vec<Command>,
}

#[derive(Debug)]
pub(super) struct Command {
    pub(super) at: usize,
    /// Never empty.
    pub(super) words: Vec<Word>,
}

#[derive(Debug)]
pub(super) struct Word {
    pub(super) at: usize,
    pub(super) term: Term,
}

#[derive(Debug)]
pub(super) enum Term {
    Dot,
    Nil,
    Bool(bool),
    Number {
        source: String,
        value: Number,
    },
    Text {
        source: String,
        value: String,
    },
    /// `.a.b` of dot.
    Field(Vec<String>),
    /// `$x.a.b`.
    Variable {
        name: String,
        fields: Vec<String>,
    },
    Function(Function),
    Pipe(Pipe),
    /// `(…).a.b`.
    Chain {
        inner: Box<Word>,
        fields: Vec<String>,
    },
}

/// A constant, by what it may become: an integer where it is a whole number, a float, or both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Number {
    pub(super) int: Option<i64>,
    pub(super) float: Option<f64>,
    /// Where nothing else decides, it is a float.
    pub(super) prefers_float: bool,
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::Text(text) => f.write_str(text),
            Node::Action { pipe, .. } => write!(f, "{{{{{pipe}}}}}"),
            Node::Control { kind, pipe, body, otherwise, .. } => {
                write!(f, "{{{{{} {pipe}}}}}", kind.as_str())?;
                body.iter().try_for_each(|node| node.fmt(f))?;
                if let Some(otherwise) = otherwise {
                    f.write_str("{{else}}")?;
                    otherwise.iter().try_for_each(|node| node.fmt(f))?;
                }
                f.write_str("{{end}}")
            }
            Node::Template { name, pipe, .. } => {
                write!(f, "{{{{template {}", promethium_model::quote::go_quoted(name))?;
                pipe.iter().try_for_each(|pipe| write!(f, " {pipe}"))?;
                f.write_str("}}")
            }
            Node::Break => f.write_str("{{break}}"),
            Node::Continue => f.write_str("{{continue}}"),
        }
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.variables.is_empty() {
            write!(f, "{} {} ", self.variables.join(", "), if self.assigns { "=" } else { ":=" })?;
        }
        for (i, command) in self.commands.iter().enumerate() {
            write!(f, "{}{command}", if i > 0 { " | " } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, word) in self.words.iter().enumerate() {
            f.write_str(if i > 0 { " " } else { "" })?;
            word.fmt_as_argument(f)?;
        }
        Ok(())
    }
}

impl Word {
    /// A pipeline among other words stands in parentheses; by itself it does not.
    fn fmt_as_argument(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.term {
            Term::Pipe(pipe) => write!(f, "({pipe})"),
            _ => fmt::Display::fmt(self, f),
        }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = |f: &mut fmt::Formatter<'_>, fields: &[String]| fields.iter().try_for_each(|x| write!(f, ".{x}"));
        match &self.term {
            Term::Dot => f.write_str("."),
            Term::Nil => f.write_str("nil"),
            Term::Bool(value) => write!(f, "{value}"),
            Term::Number { source, .. } | Term::Text { source, .. } => f.write_str(source),
            Term::Field(names) => fields(f, names),
            Term::Variable { name, fields: names } => {
                f.write_str(name)?;
                fields(f, names)
            }
            Term::Function(function) => f.write_str(function.name()),
            Term::Pipe(pipe) => fmt::Display::fmt(pipe, f),
            Term::Chain { inner, fields: names } => {
                inner.fmt_as_argument(f)?;
                fields(f, names)
            }
        }
    }
}
