//! Tokens to trees, with the checks and messages of Go's parser.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::collections::BTreeMap;

use promethium_model::quote::go_quoted;

use super::constant;
use super::function::Function;
use super::lex::{Keyword, Kind, Token, tokens};
use super::node::{Command, Control, Node, Pipe, Term, Tree, Word};

/// Nesting of blocks and parentheses.
const MAX_DEPTH: usize = 200;

/// The template does not parse.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SyntaxError {
    /// Byte of the token at fault.
    pub(super) at: usize,
    pub(super) message: String,
}

/// All templates of a text.
#[derive(Debug)]
pub(super) struct Forest {
    pub(super) main: Tree,
    pub(super) defined: BTreeMap<String, Tree>,
}

/// Reads a template and those that it defines.
pub(super) fn parse<'t>(name: &'t str, text: &'t str) -> Result<Forest, SyntaxError> {
    let tokens = tokens(text);
    let mut parser = Parser {
        name,
        text,
        tokens: &tokens,
        next: 0,
        action_at: None,
        depth: 0,
        scope: Scope::new(),
        defined: BTreeMap::new(),
    };
    let body = parser.top()?;
    Ok(Forest { main: Tree { name: name.to_owned(), body }, defined: parser.defined })
}

type Parsed<T> = Result<T, SyntaxError>;

/// Variables in sight, and whether a loop is open.
struct Scope {
    variables: Vec<String>,
    loops: usize,
}

impl Scope {
    fn new() -> Self {
        Scope { variables: vec!["$".to_owned()], loops: 0 }
    }
}

/// What ends a list of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ListEnd {
    Eof,
    End,
    Else,
}

impl ListEnd {
    fn as_str(self) -> &'static str {
        match self {
            ListEnd::Eof => "EOF",
            ListEnd::End => "{{end}}",
            ListEnd::Else => "{{else}}",
        }
    }
}

/// A node, or the end of the list it would be in.
enum Item {
    Node(Node),
    End(ListEnd),
}

struct Parser<'p, 't> {
    name: &'t str,
    text: &'t str,
    tokens: &'p [Token<'t>],
    next: usize,
    /// Where the action began that is being read.
    action_at: Option<usize>,
    depth: usize,
    scope: Scope,
    defined: BTreeMap<String, Tree>,
}

impl<'p, 't> Parser<'p, 't> {
    /// The token `ahead` of the next one; the last one repeats.
    fn peek_at(&self, ahead: usize) -> &'p Token<'t> {
        const NOTHING: &Token<'static> = &Token { kind: Kind::Eof, at: 0, text: "" };
        self.tokens.get(self.next.saturating_add(ahead)).or(self.tokens.last()).unwrap_or(NOTHING)
    }

    fn peek(&self) -> &'p Token<'t> {
        self.peek_at(0)
    }

    fn take(&mut self) -> &'p Token<'t> {
        let token = self.peek();
        self.next = self.next.saturating_add(1).min(self.tokens.len());
        token
    }

    fn skip_blanks(&mut self) {
        while self.peek().kind == Kind::Space {
            self.take();
        }
    }

    fn peek_word(&mut self) -> &'p Token<'t> {
        self.skip_blanks();
        self.peek()
    }

    fn take_word(&mut self) -> &'p Token<'t> {
        self.skip_blanks();
        self.take()
    }

    /// An error at the token read last.
    fn fail<T>(&self, message: impl Into<String>) -> Parsed<T> {
        let at = self.tokens.get(self.next.saturating_sub(1)).map_or(0, |token| token.at);
        Err(SyntaxError { at, message: message.into() })
    }

    fn unexpected<T>(&self, token: &Token<'_>, context: &str) -> Parsed<T> {
        let message = match &token.kind {
            Kind::Error(message) => format!("{message}{}", self.started(token, message)),
            _ => format!("unexpected {} in {context}", shown(token)),
        };
        Err(SyntaxError { at: token.at, message })
    }

    /// Where the action of an error began, if on another line.
    fn started(&self, token: &Token<'_>, message: &str) -> String {
        let line = |at: usize| super::line_of(self.text, at);
        match self.action_at {
            Some(at) if line(at) != line(token.at) => {
                let action = if message.ends_with(" action") { "" } else { " in action" };
                format!("{action} started at {}:{}", self.name, line(at))
            }
            _ => String::new(),
        }
    }

    fn expect_close(&mut self, context: &str) -> Parsed<()> {
        let token = self.take_word();
        if token.kind == Kind::Right { Ok(()) } else { self.unexpected(token, context) }
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_DEPTH {
            return self.fail(format!("template is nested deeper than {MAX_DEPTH} levels"));
        }
        self.depth = self.depth.saturating_add(1);
        let read = read(self);
        self.depth = self.depth.saturating_sub(1);
        read
    }

    /// The whole text: the only place where `define` may stand.
    fn top(&mut self) -> Parsed<Vec<Node>> {
        let mut body = Vec::new();
        while self.peek().kind != Kind::Eof {
            if self.peek().kind == Kind::Left && self.at_define() {
                self.definition()?;
                continue;
            }
            match self.item()? {
                Item::Node(node) => body.push(node),
                Item::End(end) => return self.fail(format!("unexpected {}", end.as_str())),
            }
        }
        Ok(body)
    }

    fn at_define(&self) -> bool {
        let ahead = 1usize.saturating_add(usize::from(self.peek_at(1).kind == Kind::Space));
        self.peek_at(ahead).kind == Kind::Keyword(Keyword::Define)
    }

    fn definition(&mut self) -> Parsed<()> {
        const CONTEXT: &str = "define clause";
        self.take();
        self.take_word();
        let token = self.take_word();
        let name = self.template_name(token, CONTEXT)?;
        self.expect_close(CONTEXT)?;
        let body = self.in_new_scope(|parser| match parser.list()? {
            (body, ListEnd::End) => Ok(body),
            (_, end) => parser.fail(format!("unexpected {} in {CONTEXT}", end.as_str())),
        })?;
        self.define(name, body)
    }

    fn in_new_scope<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        let outer = std::mem::replace(&mut self.scope, Scope::new());
        let read = self.deeper(read);
        self.scope = outer;
        read
    }

    /// A template that holds nothing gives way to, and does not replace, one that does.
    fn define(&mut self, name: String, body: Vec<Node>) -> Parsed<()> {
        let known = self.defined.get(&name).is_some_and(|tree| !is_empty(&tree.body));
        match (known, is_empty(&body)) {
            (true, true) => Ok(()),
            (true, false) => self.fail(format!("template: multiple definition of template {}", go_quoted(&name))),
            (false, _) => {
                self.defined.insert(name.clone(), Tree { name, body });
                Ok(())
            }
        }
    }

    /// Nodes up to `end` or `else`.
    fn list(&mut self) -> Parsed<(Vec<Node>, ListEnd)> {
        let mut nodes = Vec::new();
        while self.peek_word().kind != Kind::Eof {
            match self.item()? {
                Item::Node(node) => nodes.push(node),
                Item::End(end) => return Ok((nodes, end)),
            }
        }
        self.take();
        self.fail(format!("unexpected {}", ListEnd::Eof.as_str()))
    }

    fn item(&mut self) -> Parsed<Item> {
        let token = self.take_word();
        match token.kind {
            Kind::Text => Ok(Item::Node(Node::Text(token.text.to_owned()))),
            Kind::Left => {
                self.action_at = Some(token.at);
                let item = self.action();
                self.action_at = None;
                item
            }
            _ => self.unexpected(token, "input"),
        }
    }

    fn action(&mut self) -> Parsed<Item> {
        let token = self.peek_word();
        let Kind::Keyword(keyword) = token.kind else {
            let pipe = self.pipeline("command", &Kind::Right)?;
            return Ok(Item::Node(Node::Action { at: token.at, pipe }));
        };
        self.take();
        Ok(Item::Node(match keyword {
            Keyword::If => self.deeper(|p| p.control(Control::If, token.at))?,
            Keyword::With => self.deeper(|p| p.control(Control::With, token.at))?,
            Keyword::Range => self.deeper(|p| p.control(Control::Range, token.at))?,
            Keyword::Template => self.template()?,
            Keyword::Block => self.block()?,
            Keyword::Break => self.leave_loop("{{break}}", Node::Break)?,
            Keyword::Continue => self.leave_loop("{{continue}}", Node::Continue)?,
            Keyword::End => {
                self.expect_close("end")?;
                return Ok(Item::End(ListEnd::End));
            }
            Keyword::Else => {
                // `else if` and `else with` are read by the block that they continue.
                if !matches!(self.peek_word().kind, Kind::Keyword(Keyword::If | Keyword::With)) {
                    self.expect_close("else")?;
                }
                return Ok(Item::End(ListEnd::Else));
            }
            Keyword::Define => {
                self.next = self.next.saturating_sub(1);
                return self.unexpected(token, "command");
            }
        }))
    }

    fn leave_loop(&mut self, name: &str, node: Node) -> Parsed<Node> {
        let token = self.take_word();
        if token.kind != Kind::Right {
            return self.unexpected(token, name);
        }
        if self.scope.loops == 0 {
            return self.fail(format!("{name} outside {{{{range}}}}"));
        }
        Ok(node)
    }

    fn control(&mut self, kind: Control, at: usize) -> Parsed<Node> {
        let outer_variables = self.scope.variables.len();
        let pipe = self.pipeline(kind.as_str(), &Kind::Right)?;
        let in_loop = usize::from(kind == Control::Range);
        self.scope.loops = self.scope.loops.saturating_add(in_loop);
        let (body, end) = self.list()?;
        self.scope.loops = self.scope.loops.saturating_sub(in_loop);
        let otherwise = match end {
            ListEnd::Else => Some(self.otherwise(kind)?),
            _ => None,
        };
        self.scope.variables.truncate(outer_variables);
        Ok(Node::Control { kind, at, pipe, body, otherwise })
    }

    /// What follows an `else`; one that goes on with the same word shares its `end`.
    fn otherwise(&mut self, kind: Control) -> Parsed<Vec<Node>> {
        let token = self.peek();
        let goes_on = match kind {
            Control::If => token.kind == Kind::Keyword(Keyword::If),
            Control::With => token.kind == Kind::Keyword(Keyword::With),
            Control::Range => false,
        };
        if goes_on {
            self.take();
            return Ok(vec![self.deeper(|p| p.control(kind, token.at))?]);
        }
        match self.list()? {
            (nodes, ListEnd::End) => Ok(nodes),
            (_, end) => self.fail(format!("expected end; found {}", end.as_str())),
        }
    }

    fn template(&mut self) -> Parsed<Node> {
        const CONTEXT: &str = "template clause";
        let token = self.take_word();
        let at = token.at;
        let name = self.template_name(token, CONTEXT)?;
        if self.peek_word().kind == Kind::Right {
            self.take();
            return Ok(Node::Template { at, name, pipe: None });
        }
        let pipe = self.pipeline(CONTEXT, &Kind::Right)?;
        Ok(Node::Template { at, name, pipe: Some(pipe) })
    }

    fn block(&mut self) -> Parsed<Node> {
        const CONTEXT: &str = "block clause";
        let token = self.take_word();
        let at = token.at;
        let name = self.template_name(token, CONTEXT)?;
        let pipe = self.pipeline(CONTEXT, &Kind::Right)?;
        let body = self.in_new_scope(|parser| match parser.list()? {
            (body, ListEnd::End) => Ok(body),
            (_, end) => parser.fail(format!("unexpected {} in {CONTEXT}", end.as_str())),
        })?;
        self.define(name.clone(), body)?;
        Ok(Node::Template { at, name, pipe: Some(pipe) })
    }

    fn template_name(&self, token: &Token<'_>, context: &str) -> Parsed<String> {
        match token.kind {
            Kind::Quoted | Kind::Raw => self.unquoted(token.text),
            _ => self.unexpected(token, context),
        }
    }

    fn unquoted(&self, text: &str) -> Parsed<String> {
        constant::unquote(text).map_or_else(|| self.fail("invalid syntax"), Ok)
    }

    fn pipeline(&mut self, context: &str, end: &Kind) -> Parsed<Pipe> {
        let mut pipe = Pipe { at: self.peek_word().at, ..Pipe::default() };
        self.declarations(&mut pipe, context)?;
        loop {
            let token = self.take_word();
            match &token.kind {
                kind if kind == end => {
                    self.check_pipeline(&pipe, context)?;
                    return Ok(pipe);
                }
                Kind::Bool
                | Kind::Number
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Nil
                | Kind::Raw
                | Kind::Quoted
                | Kind::Variable
                | Kind::LeftParen => {
                    self.next = self.next.saturating_sub(1);
                    let command = self.command()?;
                    pipe.commands.push(command);
                }
                _ => return self.unexpected(token, context),
            }
        }
    }

    /// `$x :=`, `$x =`, or in a loop `$i, $x :=`.
    fn declarations(&mut self, pipe: &mut Pipe, context: &str) -> Parsed<()> {
        loop {
            let variable = self.peek_word();
            if variable.kind != Kind::Variable {
                return Ok(());
            }
            let before = self.next;
            self.take();
            let next = self.peek_word();
            match next.kind {
                Kind::Assign | Kind::Declare => {
                    self.take();
                    pipe.assigns = next.kind == Kind::Assign;
                    self.declare(pipe, variable.text);
                    return Ok(());
                }
                Kind::Char if next.text == "," => {
                    self.take();
                    self.declare(pipe, variable.text);
                    if context != "range" || pipe.variables.len() > 1 {
                        return self.fail(format!("too many declarations in {context}"));
                    }
                    if !matches!(self.peek_word().kind, Kind::Variable | Kind::Right | Kind::RightParen) {
                        return self.fail("range can only initialize variables");
                    }
                }
                _ => {
                    self.next = before;
                    return Ok(());
                }
            }
        }
    }

    fn declare(&mut self, pipe: &mut Pipe, name: &str) {
        pipe.variables.push(name.to_owned());
        self.scope.variables.push(name.to_owned());
    }

    /// What cannot take an argument must stand first.
    fn check_pipeline(&self, pipe: &Pipe, context: &str) -> Parsed<()> {
        if pipe.commands.is_empty() {
            return self.fail(format!("missing value for {context}"));
        }
        for (i, command) in pipe.commands.iter().enumerate().skip(1) {
            let constant = command.words.first().is_some_and(|word| {
                matches!(word.term, Term::Bool(_) | Term::Dot | Term::Nil | Term::Number { .. } | Term::Text { .. })
            });
            if constant {
                return self.fail(format!("non executable command in pipeline stage {}", i.saturating_add(1)));
            }
        }
        Ok(())
    }

    fn command(&mut self) -> Parsed<Command> {
        let mut command = Command { at: self.peek_word().at, words: Vec::new() };
        loop {
            self.skip_blanks();
            command.words.extend(self.operand()?);
            let token = self.take();
            match token.kind {
                Kind::Space => continue,
                Kind::Right | Kind::RightParen => self.next = self.next.saturating_sub(1),
                Kind::Pipe => {}
                _ => return self.unexpected(token, "operand"),
            }
            break;
        }
        if command.words.is_empty() { self.fail("empty command") } else { Ok(command) }
    }

    /// A term with the fields that follow it.
    fn operand(&mut self) -> Parsed<Option<Word>> {
        let Some(mut word) = self.term()? else { return Ok(None) };
        let fields_at = self.peek().at;
        let mut fields = Vec::new();
        while self.peek().kind == Kind::Field {
            fields.push(field_name(self.take().text));
        }
        if fields.is_empty() {
            return Ok(Some(word));
        }
        match &mut word.term {
            Term::Field(own) | Term::Variable { fields: own, .. } => {
                own.append(&mut fields);
                word.at = fields_at;
            }
            Term::Bool(_) | Term::Text { .. } | Term::Number { .. } | Term::Nil | Term::Dot => {
                return self.fail(format!("unexpected . after term {}", go_quoted(&word.to_string())));
            }
            _ => word = Word { at: fields_at, term: Term::Chain { inner: Box::new(word), fields } },
        }
        Ok(Some(word))
    }

    fn term(&mut self) -> Parsed<Option<Word>> {
        let token = self.take_word();
        let term = match &token.kind {
            Kind::Identifier => match Function::named(token.text) {
                Some(function) => Term::Function(function),
                None => return self.fail(format!("function {} not defined", go_quoted(token.text))),
            },
            Kind::Dot => Term::Dot,
            Kind::Nil => Term::Nil,
            Kind::Bool => Term::Bool(token.text == "true"),
            Kind::Field => Term::Field(vec![field_name(token.text)]),
            Kind::Variable => self.variable(token.text)?,
            Kind::Number => {
                let value = constant::number(token.text).or_else(|message| self.fail(message))?;
                Term::Number { source: token.text.to_owned(), value }
            }
            Kind::Quoted | Kind::Raw => Term::Text { source: token.text.to_owned(), value: self.unquoted(token.text)? },
            Kind::LeftParen => Term::Pipe(self.deeper(|p| p.pipeline("parenthesized pipeline", &Kind::RightParen))?),
            _ => {
                self.next = self.next.saturating_sub(1);
                return Ok(None);
            }
        };
        Ok(Some(Word { at: token.at, term }))
    }

    fn variable(&self, name: &str) -> Parsed<Term> {
        if !self.scope.variables.iter().any(|known| known == name) {
            return self.fail(format!("undefined variable {}", go_quoted(name)));
        }
        Ok(Term::Variable { name: name.to_owned(), fields: Vec::new() })
    }
}

fn field_name(text: &str) -> String {
    text.strip_prefix('.').unwrap_or(text).to_owned()
}

/// Nothing but blanks.
fn is_empty(body: &[Node]) -> bool {
    body.iter().all(|node| matches!(node, Node::Text(text) if text.trim().is_empty()))
}

/// A token in a message.
fn shown(token: &Token<'_>) -> String {
    match &token.kind {
        Kind::Eof => "EOF".to_owned(),
        Kind::Error(message) => message.clone(),
        Kind::Keyword(_) | Kind::Dot | Kind::Nil => format!("<{}>", token.text),
        _ if token.text.len() > 10 => {
            let head: String = token.text.chars().take(10).collect();
            format!("{}...", go_quoted(&head))
        }
        _ => go_quoted(token.text),
    }
}
