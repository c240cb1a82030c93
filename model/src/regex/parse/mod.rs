//! Go's regular-expression syntax, read into a [`Hir`].
//!
//! The rules are those of Go's `regexp/syntax` with its flags `Perl` and `DotNL`: ASCII Perl classes, no class
//! arithmetic, at most 1,000 copies by repetition. One pass, no recursion: open groups wait on a stack of frames, and
//! the height of what is built is limited, so that whoever walks the tree afterwards may recurse.

#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

mod class;
mod escape;
mod fold;
mod group;
mod node;
mod repeat;
mod unicode;

pub(super) use self::unicode::letters_and_digits;

use regex_syntax::hir::{Capture, Dot, Hir, Look};

use self::class::ClassBudget;
use self::fold::Folder;
use self::group::{Flags, Frame};
use self::node::Node;
use super::RegexError;
use crate::limits::Limits;

/// A pattern as the engine and the analysis take it.
pub(super) struct Parsed {
    pub(super) hir: Hir,
    /// Names of the groups; group 0 is the whole match.
    pub(super) groups: Vec<Option<String>>,
}

/// Reads a pattern.
///
/// # Errors
///
/// In Go's words, or the limit that the pattern exceeds.
pub(super) fn parse(pattern: &str, limits: &Limits) -> Result<Parsed> {
    if pattern.len() > limits.max_regex_bytes {
        return Err(RegexError::Limit { what: "length in bytes", limit: limits.max_regex_bytes });
    }
    Parser::new(pattern, limits).run()
}

type Result<T> = std::result::Result<T, RegexError>;

struct Parser<'p> {
    pattern: &'p str,
    rest: &'p str,
    flags: Flags,
    open: Vec<Frame>,
    current: Frame,
    groups: Vec<Option<String>>,
    max_height: u32,
    classes: ClassBudget,
    folder: Folder,
    // The text from the repetition operator just read, which must not be followed by another one.
    last_repeat: Option<&'p str>,
    // Whether the rest of the pattern has no `:]`, so that looking again would be in vain.
    no_class_name_ends: bool,
}

impl<'p> Parser<'p> {
    fn new(pattern: &'p str, limits: &Limits) -> Self {
        Parser {
            pattern,
            rest: pattern,
            flags: Flags::default(),
            open: Vec::new(),
            current: Frame::default(),
            groups: vec![None],
            max_height: limits.max_regex_depth,
            classes: ClassBudget::new(limits.max_regex_program_bytes),
            folder: Folder::default(),
            last_repeat: None,
            no_class_name_ends: false,
        }
    }

    fn run(mut self) -> Result<Parsed> {
        while let Some(c) = self.rest.chars().next() {
            let last_repeat = self.last_repeat.take();
            match c {
                '(' => self.open_group()?,
                ')' => self.close_group()?,
                '|' => {
                    self.advance(c);
                    self.end_alternative()?;
                }
                '*' | '+' | '?' => self.repeat_by_operator(c, last_repeat)?,
                '{' => self.repeat_by_count(last_repeat)?,
                '[' => self.bracket_class()?,
                '\\' => self.backslash()?,
                '^' | '$' | '.' => {
                    self.advance(c);
                    self.current.push(Node::leaf(self.assertion_or_dot(c)));
                }
                _ => {
                    self.advance(c);
                    self.literal(c)?;
                }
            }
        }
        self.finish()
    }

    fn finish(mut self) -> Result<Parsed> {
        if !self.open.is_empty() {
            return Err(self.error("missing closing )", self.pattern));
        }
        let hir = self.end_group_body()?.into_hir();
        Ok(Parsed { hir, groups: self.groups })
    }

    fn assertion_or_dot(&self, c: char) -> Hir {
        match (c, self.flags.multi_line, self.flags.dot_matches_newline) {
            ('^', false, _) => Hir::look(Look::Start),
            ('^', true, _) => Hir::look(Look::StartLF),
            ('$', false, _) => Hir::look(Look::End),
            ('$', true, _) => Hir::look(Look::EndLF),
            (_, _, true) => Hir::dot(Dot::AnyChar),
            (_, _, false) => Hir::dot(Dot::AnyCharExceptLF),
        }
    }

    fn literal(&mut self, c: char) -> Result<()> {
        let node = if self.flags.fold_case { self.folded_literal(c)? } else { Node::char(c) };
        self.current.push(node);
        Ok(())
    }

    fn end_alternative(&mut self) -> Result<()> {
        let node = self.current.take_concat();
        self.check_height(&node)?;
        self.current.alternatives.push(node);
        Ok(())
    }

    /// What stands between the parentheses that are about to close, or the whole pattern.
    fn end_group_body(&mut self) -> Result<Node> {
        self.end_alternative()?;
        let node = Node::alternation(std::mem::take(&mut self.current.alternatives));
        self.check_height(&node)?;
        Ok(node)
    }

    fn close_group(&mut self) -> Result<()> {
        self.advance(')');
        let body = self.end_group_body()?;
        let Some(outer) = self.open.pop() else {
            return Err(self.error("unexpected )", self.pattern));
        };
        let inner = std::mem::replace(&mut self.current, outer);
        self.flags = inner.flags_before;
        let node = match inner.capture {
            None => body,
            Some(index) => body.wrap(|sub| Hir::capture(Capture { index, name: None, sub: Box::new(sub) })),
        };
        self.check_height(&node)?;
        self.current.push(node);
        Ok(())
    }

    fn check_height(&self, node: &Node) -> Result<()> {
        if node.height > self.max_height { Err(self.too_deep()) } else { Ok(()) }
    }

    fn too_deep(&self) -> RegexError {
        self.error("expression nests too deeply", self.pattern)
    }

    /// Steps over a character that the rest is known to begin with.
    fn advance(&mut self, c: char) {
        self.rest = self.rest.strip_prefix(c).unwrap_or(self.rest);
    }

    fn take_char(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        Some(c)
    }

    /// The text from `start`, an earlier rest, up to where the parser now stands.
    fn since(&self, start: &'p str) -> &'p str {
        start.get(..start.len().saturating_sub(self.rest.len())).unwrap_or(start)
    }

    fn error(&self, message: &str, at: &str) -> RegexError {
        RegexError::Syntax(format!("{message}: `{at}`"))
    }
}
