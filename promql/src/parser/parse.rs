//! The Pratt parser: expressions, calls and aggregations.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use promethium_model::quote::go_quoted;
use smallvec::SmallVec;
use smol_str::SmolStr;

use super::ast::{Aggregate, Ast, Binary, Call, Expr, ExprId, Extension, Node, NodeTypes, Number, Selector};
use super::check;
use super::error::{Fault, Parsed};
use super::functions::Function;
use super::lexer::Lexer;
use super::op::{AggregateOp, BinaryOp};
use super::span::Span;
use super::token::{Keyword, Token, TokenKind, describe};
use super::{ParserOptions, number, string};

pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    lexer: Lexer<'a>,
    /// The token at hand, and the one behind it.
    token: Token,
    ahead: Token,
    depth: usize,
    /// What was built so far, in the parts of which [`ParserOptions::max_parts`] speaks.
    parts: usize,
    /// Aggregations whose arguments are being read.
    aggregations: usize,
    pub(super) options: &'a ParserOptions,
    nodes: Vec<Node>,
    /// Nesting below each node; a chain of binary operators counts once, since no pass recurses along it.
    heights: SmallVec<[u32; 16]>,
    types: NodeTypes,
    /// Whether no node has been seen that breaks a rule.
    sound: bool,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, options: &'a ParserOptions) -> Self {
        let mut lexer = Lexer::new(text);
        let (token, ahead) = (lexer.next(), lexer.next());
        Parser {
            text,
            lexer,
            token,
            ahead,
            depth: 0,
            parts: 0,
            aggregations: 0,
            options,
            nodes: Vec::new(),
            heights: SmallVec::new(),
            types: NodeTypes::new(),
            sound: true,
        }
    }

    pub(super) fn parse_query(mut self) -> Parsed<Ast> {
        let root = self.query()?;
        let ast = Ast { nodes: self.nodes, root };
        if !self.sound {
            check::check(&ast)?;
        }
        Ok(ast)
    }

    fn query(&mut self) -> Parsed<ExprId> {
        if self.kind() == TokenKind::End {
            return Err(Fault::new(self.token().span, "no expression found in input"));
        }
        let root = self.expr(0)?;
        match self.kind() {
            TokenKind::End => Ok(root),
            _ => Err(self.unexpected("", "")),
        }
    }

    pub(super) fn parse_selector(mut self) -> Parsed<Ast> {
        let root = match self.kind() {
            TokenKind::LeftBrace => self.selector(None)?,
            kind if names_metric(kind) => self.selector_with_name()?,
            TokenKind::End => return Err(Fault::new(self.token().span, "no expression found in input")),
            _ => return Err(self.unexpected("", "")),
        };
        match self.kind() {
            TokenKind::End => {
                let mut ast = Ast { nodes: self.nodes, root };
                ast.selectors_mut().for_each(Selector::allow_everything);
                check::check(&ast)?;
                Ok(ast)
            }
            _ => Err(self.unexpected("", "")),
        }
    }

    // Tokens

    pub(super) fn token(&self) -> Token {
        self.token
    }

    pub(super) fn kind(&self) -> TokenKind {
        self.token.kind
    }

    pub(super) fn kind_after(&self) -> TokenKind {
        self.ahead.kind
    }

    pub(super) fn advance(&mut self) -> Token {
        std::mem::replace(&mut self.token, std::mem::replace(&mut self.ahead, self.lexer.next()))
    }

    pub(super) fn accept(&mut self, kind: TokenKind) -> bool {
        let found = self.kind() == kind;
        if found {
            self.advance();
        }
        found
    }

    pub(super) fn expect(&mut self, kind: TokenKind, context: &str, expected: &str) -> Parsed<Token> {
        if self.kind() == kind { Ok(self.advance()) } else { Err(self.unexpected(context, expected)) }
    }

    pub(super) fn unexpected(&mut self, context: &str, expected: &str) -> Box<Fault> {
        let token = self.token();
        if token.kind == TokenKind::Error
            && let Some(fault) = self.lexer.take_error()
        {
            return fault;
        }
        let mut message = format!("unexpected {}", describe(token, self.text));
        let context = if context.is_empty() && self.aggregations > 0 { "aggregation" } else { context };
        if !context.is_empty() {
            message.push_str(" in ");
            message.push_str(context);
        }
        if !expected.is_empty() {
            message.push_str(", expected ");
            message.push_str(expected);
        }
        Fault::new(token.span, message)
    }

    // Nodes

    #[inline]
    pub(super) fn push(&mut self, expr: Expr, span: Span, height: u32) -> Parsed<ExprId> {
        if height as usize > self.options.max_depth {
            return Err(self.too_deep(span));
        }
        self.count(1, span)?;
        let id = ExprId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        let node = Node { expr, span };
        self.sound = self.sound && check::is_sound(&node, &self.nodes, &self.types);
        self.types.push(node.expr.type_over(&self.types));
        self.heights.push(height);
        self.nodes.push(node);
        Ok(id)
    }

    /// Another expression in the place of a node that nothing refers to yet.
    pub(super) fn replace(&mut self, id: ExprId, expr: Expr, span: Span) {
        if let (Some(node), Some(value_type)) = (self.nodes.get_mut(id.index()), self.types.get_mut(id.index())) {
            *value_type = expr.type_over(&[]);
            *node = Node { expr, span };
        }
    }

    pub(super) fn node(&self, id: ExprId) -> Option<&Node> {
        self.nodes.get(id.index())
    }

    pub(super) fn node_mut(&mut self, id: ExprId) -> Option<&mut Node> {
        self.nodes.get_mut(id.index())
    }

    pub(super) fn span(&self, id: ExprId) -> Span {
        self.node(id).map_or(Span::default(), |n| n.span)
    }

    pub(super) fn height_above(&self, id: ExprId) -> u32 {
        self.heights.get(id.index()).map_or(0, |h| h.saturating_add(1))
    }

    /// Counts what is built; too much of it ends the parse.
    #[inline]
    pub(super) fn count(&mut self, parts: usize, span: Span) -> Parsed<()> {
        self.parts = self.parts.saturating_add(parts);
        if self.parts > self.options.max_parts { Err(self.too_many(span)) } else { Ok(()) }
    }

    #[cold]
    fn too_many(&self, span: Span) -> Box<Fault> {
        Fault::new(span, format!("expression has more than {} parts", self.options.max_parts))
    }

    #[cold]
    fn too_deep(&self, span: Span) -> Box<Fault> {
        Fault::new(span, format!("expression is nested deeper than {} levels", self.options.max_depth))
    }

    /// Runs `parse` one level deeper.
    #[inline]
    pub(super) fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= self.options.max_depth {
            return Err(self.too_deep(self.token().span));
        }
        self.depth = self.depth.saturating_add(1);
        let result = parse(self);
        self.depth = self.depth.saturating_sub(1);
        result
    }

    // Expressions

    /// An expression whose operators bind at least as tightly as `min_precedence`.
    pub(super) fn expr(&mut self, min_precedence: u8) -> Parsed<ExprId> {
        self.nested(|p| {
            let mut lhs = p.unary()?;
            while let TokenKind::Op(op) = p.kind() {
                if op.precedence() < min_precedence {
                    break;
                }
                let op_span = p.advance().span;
                lhs = p.binary(op, op_span, lhs)?;
            }
            Ok(lhs)
        })
    }

    #[inline]
    fn binary(&mut self, op: BinaryOp, op_span: Span, lhs: ExprId) -> Parsed<ExprId> {
        let (return_bool, matching) = self.binary_modifiers()?;
        let next = if op.is_right_associative() { op.precedence() } else { op.precedence().saturating_add(1) };
        let rhs = self.expr(next)?;
        let chained = matches!(self.node(lhs).map(|n| &n.expr), Some(Expr::Binary(_)));
        let left = self.height_above(lhs).saturating_sub(u32::from(chained));
        let height = left.max(self.height_above(rhs));
        let span = self.span(lhs).to(self.span(rhs));
        if !self.options.features.fill_modifiers && matching.as_ref().is_some_and(|m| m.fills()) {
            return Err(Fault::new(span, "binop fill modifiers are experimental and not enabled"));
        }
        self.push(Expr::Binary(Binary { op, lhs, rhs, return_bool, matching, op_span }), span, height)
    }

    /// Signs bind like `*`: their operand takes in `^` and nothing looser.
    #[inline]
    fn unary(&mut self) -> Parsed<ExprId> {
        match self.kind() {
            TokenKind::Op(BinaryOp::Add | BinaryOp::Sub) => self.signs(),
            _ => self.postfix(),
        }
    }

    fn signs(&mut self) -> Parsed<ExprId> {
        let mut signs = Vec::new();
        while let TokenKind::Op(op @ (BinaryOp::Add | BinaryOp::Sub)) = self.kind() {
            signs.push((op == BinaryOp::Sub, self.advance().span));
            if signs.len() > self.options.max_depth {
                return Err(self.too_deep(self.token().span));
            }
        }
        let mut operand = self.expr(BinaryOp::Pow.precedence())?;
        while let Some((negative, sign)) = signs.pop() {
            operand = self.signed(negative, sign, operand)?;
        }
        Ok(operand)
    }

    fn signed(&mut self, negative: bool, sign: Span, operand: ExprId) -> Parsed<ExprId> {
        let span = sign.to(self.span(operand));
        let height = self.height_above(operand);
        if let Some(Node { expr: Expr::Number(number), span: old }) = self.node_mut(operand) {
            number.value = if negative { -number.value } else { number.value };
            *old = span;
            return Ok(operand);
        }
        self.push(Expr::Unary { negative, expr: operand }, span, height)
    }

    /// An operand and what follows it: `[…]`, `offset`, `@`, `anchored`, `smoothed`.
    #[inline]
    fn postfix(&mut self) -> Parsed<ExprId> {
        let mut id = self.primary()?;
        loop {
            id = match self.kind() {
                TokenKind::LeftBracket => self.range_or_subquery(id)?,
                TokenKind::At => self.at_modifier(id)?,
                TokenKind::Keyword(Keyword::Offset) => self.offset_modifier(id)?,
                TokenKind::Keyword(Keyword::Anchored) => self.extension(id, Extension::Anchored)?,
                TokenKind::Keyword(Keyword::Smoothed) => self.extension(id, Extension::Smoothed)?,
                _ => return Ok(id),
            };
        }
    }

    #[inline]
    fn primary(&mut self) -> Parsed<ExprId> {
        match self.kind() {
            TokenKind::LeftParen => self.paren(),
            TokenKind::Number | TokenKind::Duration => self.number_literal(),
            TokenKind::String => self.string_literal(),
            TokenKind::LeftBrace => self.selector(None),
            TokenKind::Aggregate(op) if self.starts_aggregation() => self.aggregation(op),
            TokenKind::Identifier if self.kind_after() == TokenKind::LeftParen => self.call(),
            TokenKind::Keyword(k) if k.can_be_called() && self.kind_after() == TokenKind::LeftParen => self.call(),
            kind if names_metric(kind) => self.selector_with_name(),
            _ => Err(self.unexpected("", "")),
        }
    }

    fn selector_with_name(&mut self) -> Parsed<ExprId> {
        let name = self.advance();
        self.selector(Some(name))
    }

    fn paren(&mut self) -> Parsed<ExprId> {
        let open = self.advance().span;
        let inner = self.expr(0)?;
        let close = self.expect(TokenKind::RightParen, "", "")?.span;
        let height = self.height_above(inner);
        self.push(Expr::Paren(inner), open.to(close), height)
    }

    fn number_literal(&mut self) -> Parsed<ExprId> {
        let (value, span) = self.number_token()?;
        self.push(Expr::Number(value), span, 0)
    }

    pub(super) fn number_token(&mut self) -> Parsed<(Number, Span)> {
        let token = self.advance();
        let word = token.span.of(self.text);
        let is_duration = token.kind == TokenKind::Duration;
        let value = if is_duration { number::parse_duration(word) } else { number::parse(word) };
        let value = value.map_err(|message| Fault::new(token.span, message))?;
        Ok((Number { value, is_duration }, token.span))
    }

    fn string_literal(&mut self) -> Parsed<ExprId> {
        let token = self.advance();
        let bytes = self.unquoted(token)?;
        self.push(Expr::String(bytes), token.span, 0)
    }

    pub(super) fn unquoted(&self, token: Token) -> Parsed<Vec<u8>> {
        string::unquote(token.span.of(self.text)).map_err(|message| Fault::new(token.span, message))
    }

    // Calls

    fn call(&mut self) -> Parsed<ExprId> {
        let token = self.advance();
        let name = token.span.of(self.text);
        // Keywords are written in any case, functions only in lower case.
        let lower = name.to_ascii_lowercase();
        let name = if matches!(token.kind, TokenKind::Keyword(_)) { lower.as_str() } else { name };
        let (args, close) = self.arguments()?;
        let Some(function) = Function::by_name(name) else {
            return Err(Fault::new(token.span, format!("unknown function with name {}", go_quoted(name))));
        };
        if function.signature().experimental && !self.options.features.experimental_functions {
            return Err(Fault::new(token.span, format!("function {} is not enabled", go_quoted(name))));
        }
        if function == Function::Info {
            self.mark_info_selector(&args);
        }
        let height = args.iter().map(|a| self.height_above(*a)).max().unwrap_or(0);
        self.push(Expr::Call(Call { function, args }), token.span.to(close), height)
    }

    /// The second argument of `info` may select everything.
    fn mark_info_selector(&mut self, args: &[ExprId]) {
        if let Some(Node { expr: Expr::Selector(selector), .. }) = args.get(1).and_then(|id| self.node_mut(*id)) {
            selector.allow_everything();
        }
    }

    /// `(a, b)`, and the span of the closing parenthesis.
    fn arguments(&mut self) -> Parsed<(SmallVec<[ExprId; 4]>, Span)> {
        self.advance();
        let mut args = SmallVec::new();
        if self.kind() == TokenKind::RightParen {
            return Ok((args, self.advance().span));
        }
        loop {
            args.push(self.expr(0)?);
            let comma = self.token().span;
            if !self.accept(TokenKind::Comma) {
                break;
            }
            if !starts_operand(self.kind()) && self.kind() != TokenKind::Error {
                return Err(Fault::new(comma, "trailing commas not allowed in function call args"));
            }
        }
        let close = self.expect(TokenKind::RightParen, "", "")?;
        Ok((args, close.span))
    }

    // Aggregations

    /// Whether the aggregation's name at hand is not just a metric's name.
    fn starts_aggregation(&self) -> bool {
        matches!(self.kind_after(), TokenKind::LeftParen | TokenKind::Keyword(Keyword::By | Keyword::Without))
    }

    fn aggregation(&mut self, op: AggregateOp) -> Parsed<ExprId> {
        let start = self.advance().span;
        let mut grouping = self.grouping()?;
        if self.kind() != TokenKind::LeftParen {
            return Err(self.unexpected("aggregation", ""));
        }
        self.aggregations = self.aggregations.saturating_add(1);
        let (args, mut end) = self.arguments()?;
        self.aggregations = self.aggregations.saturating_sub(1);
        if grouping.is_none() {
            grouping = self.grouping()?;
            end = grouping.as_ref().map_or(end, |g| g.span);
        }
        let span = start.to(end);
        self.check_aggregation(op, args.len(), span)?;
        let (param, expr) = match args.as_slice() {
            [param, expr] => (Some(*param), *expr),
            [expr, ..] => (None, *expr),
            [] => return Err(self.unexpected("aggregation", "")),
        };
        let height = args.iter().map(|a| self.height_above(*a)).max().unwrap_or(0);
        let (without, grouping) = grouping.map_or((false, Vec::new()), |g| (g.without, g.labels));
        self.push(Expr::Aggregate(Aggregate { op, expr, param, without, grouping }), span, height)
    }

    fn check_aggregation(&self, op: AggregateOp, args: usize, span: Span) -> Parsed<()> {
        if args == 0 {
            return Err(Fault::new(span, "no arguments for aggregate expression provided"));
        }
        let expected = if op.has_parameter() { 2 } else { 1 };
        if args != expected {
            let message =
                format!("wrong number of arguments for aggregate expression provided, expected {expected}, got {args}");
            return Err(Fault::new(span, message));
        }
        if op.is_experimental() && !self.options.features.experimental_functions {
            let message = format!(
                "{op}() is experimental and must be enabled with --enable-feature=promql-experimental-functions"
            );
            return Err(Fault::new(span, message));
        }
        Ok(())
    }

    /// `by (…)` or `without (…)`.
    fn grouping(&mut self) -> Parsed<Option<ParsedGrouping>> {
        let TokenKind::Keyword(keyword @ (Keyword::By | Keyword::Without)) = self.kind() else { return Ok(None) };
        self.advance();
        let (labels, span) = self.label_list()?;
        Ok(Some(ParsedGrouping { without: keyword == Keyword::Without, labels, span }))
    }
}

struct ParsedGrouping {
    without: bool,
    labels: Vec<SmolStr>,
    span: Span,
}

/// Whether an expression can begin with the token.
pub(super) fn starts_operand(kind: TokenKind) -> bool {
    use TokenKind::{Duration, LeftBrace, LeftParen, Number, Op, String};
    match kind {
        LeftParen | LeftBrace | Number | Duration | String | Op(BinaryOp::Add | BinaryOp::Sub) => true,
        kind => names_metric(kind),
    }
}

fn names_metric(kind: TokenKind) -> bool {
    match kind {
        TokenKind::Identifier | TokenKind::MetricIdentifier | TokenKind::Aggregate(_) => true,
        TokenKind::Op(op) => op.is_set(),
        TokenKind::Keyword(keyword) => keyword.can_name_metric(),
        _ => false,
    }
}
