//! What follows an operand or an operator: ranges, `offset`, `@`, `on`, `group_left`, `fill`.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use super::ast::{At, Expr, ExprId, Extension, Grouping, Matching, MatrixSelector, Selector, Subquery, TimeModifiers};
use super::duration_expr::{DurationExpr, DurationOp, DurationTerm, Sign, Terms, simplified};
use super::error::{Fault, Parsed};
use super::op::BinaryOp;
use super::parse::{Parser, starts_operand};
use super::span::Span;
use super::token::{Keyword, TokenKind};

const DURATION_EXPECTED: &str = "number, duration, step(), or range()";
const STEP_EXPECTED: &str = "number, duration, step(), range(), or \"]\"";

impl Parser<'_> {
    // Ranges

    pub(super) fn range_or_subquery(&mut self, id: ExprId) -> Parsed<ExprId> {
        let open = self.advance().span;
        let range = self.duration("subquery or range selector", DURATION_EXPECTED)?;
        match self.kind() {
            TokenKind::RightBracket => {
                let close = self.advance().span;
                self.range(id, range, open.to(close))
            }
            TokenKind::Colon => {
                self.advance();
                self.subquery(id, range)
            }
            _ => Err(self.unexpected("subquery or range", "\":\" or \"]\"")),
        }
    }

    fn range(&mut self, id: ExprId, range: DurationExpr, brackets: Span) -> Parsed<ExprId> {
        let span = self.span(id).to(brackets);
        let Some(Expr::Selector(selector)) = self.node(id).map(|n| &n.expr) else {
            return Err(Fault::new(brackets, "ranges only allowed for vector selectors"));
        };
        // As in Prometheus, what is no time yet is no obstacle: `start()`, a computed offset, an offset of zero.
        if matches!(selector.time().offset, Some(DurationExpr::Literal(ms)) if ms != 0) {
            return Err(Fault::new(brackets, "no offset modifiers allowed before range"));
        }
        if matches!(selector.time().at, Some(At::Time(_))) {
            return Err(Fault::new(brackets, "no @ modifiers allowed before range"));
        }
        let selector = match self.node_mut(id).map(|n| &mut n.expr) {
            Some(Expr::Selector(selector)) => std::mem::take(selector),
            _ => Selector::default(),
        };
        self.replace(id, Expr::Matrix(Box::new(MatrixSelector { selector, range })), span);
        Ok(id)
    }

    fn subquery(&mut self, expr: ExprId, range: DurationExpr) -> Parsed<ExprId> {
        let step = match self.kind() {
            TokenKind::RightBracket => None,
            _ => Some(self.duration("subquery selector", STEP_EXPECTED)?),
        };
        let close = self.expect(TokenKind::RightBracket, "subquery selector", "\"]\"")?;
        let span = self.span(expr).to(close.span);
        let height = self.height_above(expr);
        let time = TimeModifiers::default();
        self.push(Expr::Subquery(Box::new(Subquery { expr, range, step, time })), span, height)
    }

    // offset, @, anchored, smoothed

    pub(super) fn offset_modifier(&mut self, id: ExprId) -> Parsed<ExprId> {
        self.advance();
        let start = self.token().span;
        let mut terms = Terms::new();
        self.offset_operand(&mut terms)?;
        let end = terms.last().map_or(start, |t| t.span);
        let offset = simplified(terms, Sign::Any).map_err(|message| Fault::new(start.to(end), message))?;
        let time = self.time_modifiers(id, "offset")?;
        // Zero is as good as none, so that it may be set again.
        if !matches!(time.offset, None | Some(DurationExpr::Literal(0))) {
            return Err(Fault::new(self.span(id), "offset may not be set multiple times"));
        }
        time.offset = Some(offset);
        self.extend_span(id, end);
        Ok(id)
    }

    pub(super) fn at_modifier(&mut self, id: ExprId) -> Parsed<ExprId> {
        self.advance();
        let (at, end) = self.at_time(id)?;
        let time = self.time_modifiers(id, "@")?;
        if time.at.is_some() {
            return Err(Fault::new(self.span(id), "@ <timestamp> may not be set multiple times"));
        }
        time.at = Some(at);
        self.extend_span(id, end);
        Ok(id)
    }

    fn at_time(&mut self, id: ExprId) -> Parsed<(At, Span)> {
        let boundary = match self.kind() {
            TokenKind::Keyword(Keyword::Start) => Some(At::Start),
            TokenKind::Keyword(Keyword::End) => Some(At::End),
            _ => None,
        };
        if let Some(at) = boundary {
            self.advance();
            self.expect(TokenKind::LeftParen, "@", "timestamp")?;
            let close = self.expect(TokenKind::RightParen, "@", "timestamp")?;
            return Ok((at, close.span));
        }
        let negative = self.sign().is_some_and(|(negative, _)| negative);
        if !matches!(self.kind(), TokenKind::Number | TokenKind::Duration) {
            return Err(self.unexpected("@", "timestamp"));
        }
        let (number, span) = self.number_token()?;
        let seconds = if negative { -number.value } else { number.value };
        // What fits neither an i64 of milliseconds is no time.
        if !seconds.is_finite() || seconds.abs() * 1000.0 >= 9_223_372_036_854_775_807.0 {
            // Go's `%f`.
            let shown = match seconds.is_finite() {
                true => format!("{seconds:.6}"),
                false => promethium_model::float::format_f(seconds),
            };
            return Err(Fault::new(self.span(id), format!("timestamp out of bounds for @ modifier: {shown}")));
        }
        Ok((At::Time((seconds * 1000.0).round() as i64), span))
    }

    pub(super) fn extension(&mut self, id: ExprId, extension: Extension) -> Parsed<ExprId> {
        let token = self.advance();
        let word = extension.as_str();
        let span = self.span(id);
        if !self.options.features.extended_range_selectors {
            return Err(Fault::new(span, format!("{word} modifier is experimental and not enabled")));
        }
        let selector = match self.node_mut(id).map(|n| &mut n.expr) {
            Some(Expr::Selector(selector)) => selector,
            Some(Expr::Matrix(matrix)) => &mut matrix.selector,
            Some(Expr::Subquery(_)) => {
                return Err(Fault::new(span, format!("{word} modifier is not supported for subqueries")));
            }
            _ => return Err(Fault::new(span, format!("{word} modifier not implemented"))),
        };
        match selector.extension() {
            Some(other) if other != extension => {
                return Err(Fault::new(span, "anchored and smoothed modifiers cannot be used together"));
            }
            _ => selector.set_extension(Some(extension)),
        }
        self.extend_span(id, token.span);
        Ok(id)
    }

    fn time_modifiers(&mut self, id: ExprId, what: &str) -> Parsed<&mut TimeModifiers> {
        let span = self.span(id);
        match self.node_mut(id).map(|n| &mut n.expr) {
            Some(Expr::Selector(selector)) => Ok(selector.time_mut()),
            Some(Expr::Matrix(matrix)) => Ok(matrix.selector.time_mut()),
            Some(Expr::Subquery(subquery)) => Ok(&mut subquery.time),
            _ => {
                let tail = "must be preceded by an instant vector selector or range vector selector or a subquery";
                Err(Fault::new(span, format!("{what} modifier {tail}")))
            }
        }
    }

    fn extend_span(&mut self, id: ExprId, end: Span) {
        if let Some(node) = self.node_mut(id) {
            node.span = node.span.to(end);
        }
    }

    // Durations

    /// A full duration expression, as inside brackets; above 0.
    fn duration(&mut self, context: &str, expected: &str) -> Parsed<DurationExpr> {
        let start = self.token().span;
        let mut terms = Terms::new();
        self.duration_terms(&mut terms, 0, context, expected)?;
        let span = terms.last().map_or(start, |t| t.span);
        simplified(terms, Sign::Positive).map_err(|message| Fault::new(span, message))
    }

    fn duration_terms(&mut self, out: &mut Terms, min_precedence: u8, context: &str, expected: &str) -> Parsed<Span> {
        self.nested(|p| {
            let mut span = p.duration_operand(out, context, expected)?;
            while let TokenKind::Op(op) = p.kind() {
                if op.precedence() < min_precedence.max(BinaryOp::Add.precedence()) || op == BinaryOp::Atan2 {
                    break;
                }
                p.advance();
                let next = op.precedence().saturating_add(u8::from(!op.is_right_associative()));
                let rhs = p.duration_terms(out, next, context, expected)?;
                p.refuse_zero_divisor(op, out, rhs)?;
                span = span.to(rhs);
                out.push(DurationTerm { op: DurationOp::Binary(op), span });
            }
            Ok(span)
        })
    }

    fn refuse_zero_divisor(&self, op: BinaryOp, terms: &[DurationTerm], rhs: Span) -> Parsed<()> {
        let zero = matches!(terms.last(), Some(DurationTerm { op: DurationOp::Number(v, _), .. }) if *v == 0.0);
        match op {
            BinaryOp::Div if zero => Err(Fault::new(rhs, "division by zero")),
            BinaryOp::Mod if zero => Err(Fault::new(rhs, "modulo by zero")),
            _ => Ok(()),
        }
    }

    fn duration_operand(&mut self, out: &mut Terms, context: &str, expected: &str) -> Parsed<Span> {
        if let Some((negative, sign)) = self.sign() {
            let operand = self.duration_terms(out, BinaryOp::Pow.precedence(), context, expected)?;
            let span = sign.to(operand);
            push_signed(out, negative, span);
            return Ok(span);
        }
        self.duration_atom(out, context, expected)
    }

    fn duration_atom(&mut self, out: &mut Terms, context: &str, expected: &str) -> Parsed<Span> {
        self.count(1, self.token().span)?;
        match self.kind() {
            TokenKind::Number | TokenKind::Duration => {
                let (number, span) = self.number_token()?;
                out.push(DurationTerm { op: DurationOp::Number(number.value, number.is_duration), span });
                Ok(span)
            }
            TokenKind::LeftParen => self.duration_paren(out, context, expected),
            TokenKind::Keyword(keyword) => self.duration_call(keyword, out, context, expected),
            _ => Err(self.unexpected(context, expected)),
        }
    }

    fn duration_paren(&mut self, out: &mut Terms, context: &str, expected: &str) -> Parsed<Span> {
        let open = self.advance().span;
        self.duration_terms(out, 0, context, expected)?;
        let span = open.to(self.expect(TokenKind::RightParen, context, expected)?.span);
        out.push(DurationTerm { op: DurationOp::Paren, span });
        Ok(span)
    }

    fn duration_call(&mut self, keyword: Keyword, out: &mut Terms, context: &str, expected: &str) -> Parsed<Span> {
        let op = match keyword {
            Keyword::Step => DurationOp::Step,
            Keyword::Range => DurationOp::Range,
            Keyword::MinOf => DurationOp::MinOf,
            Keyword::MaxOf => DurationOp::MaxOf,
            _ => return Err(self.unexpected(context, expected)),
        };
        let start = self.advance().span;
        self.expect(TokenKind::LeftParen, context, "\"(\"")?;
        if matches!(op, DurationOp::MinOf | DurationOp::MaxOf) {
            self.duration_terms(out, 0, context, expected)?;
            self.expect(TokenKind::Comma, context, "\",\"")?;
            self.duration_terms(out, 0, context, expected)?;
        }
        let span = start.to(self.expect(TokenKind::RightParen, context, "\")\"")?.span);
        out.push(DurationTerm { op, span });
        Ok(span)
    }

    /// The operand of `offset`: a literal, a call or parentheses, with a sign. Anything wider would swallow what
    /// follows the offset.
    fn offset_operand(&mut self, out: &mut Terms) -> Parsed<()> {
        let sign = self.sign();
        let operand = self.duration_atom(out, "offset", DURATION_EXPECTED)?;
        if let Some((negative, sign)) = sign {
            push_signed(out, negative, sign.to(operand));
        }
        Ok(())
    }

    fn sign(&mut self) -> Option<(bool, Span)> {
        match self.kind() {
            TokenKind::Op(op @ (BinaryOp::Add | BinaryOp::Sub)) => Some((op == BinaryOp::Sub, self.advance().span)),
            _ => None,
        }
    }

    // Binary operators

    /// `bool`, `on`, `ignoring`, `group_left`, `group_right`, `fill` after an operator.
    pub(super) fn binary_modifiers(&mut self) -> Parsed<(bool, Option<Box<Matching>>)> {
        let return_bool = self.accept(TokenKind::Keyword(Keyword::Bool));
        let TokenKind::Keyword(keyword) = self.kind() else { return Ok((return_bool, None)) };
        let mut matching = Matching::default();
        if matches!(keyword, Keyword::On | Keyword::Ignoring) {
            self.advance();
            matching.on = keyword == Keyword::On;
            matching.labels = self.label_list()?.0;
            self.group_modifier(&mut matching)?;
        }
        self.fill_modifiers(&mut matching)?;
        let written = matching != Matching::default();
        Ok((return_bool, written.then(|| Box::new(matching))))
    }

    fn group_modifier(&mut self, matching: &mut Matching) -> Parsed<()> {
        matching.grouping = match self.kind() {
            TokenKind::Keyword(Keyword::GroupLeft) => Some(Grouping::Left),
            TokenKind::Keyword(Keyword::GroupRight) => Some(Grouping::Right),
            _ => return Ok(()),
        };
        self.advance();
        let fills = matches!(self.kind(), TokenKind::Keyword(Keyword::Fill | Keyword::FillLeft | Keyword::FillRight));
        if self.kind() == TokenKind::LeftParen || !(fills || starts_operand(self.kind())) {
            matching.include = self.label_list()?.0;
        }
        Ok(())
    }

    fn fill_modifiers(&mut self, matching: &mut Matching) -> Parsed<()> {
        let mut seen = 0u8;
        while let TokenKind::Keyword(keyword @ (Keyword::Fill | Keyword::FillLeft | Keyword::FillRight)) = self.kind() {
            let (left, right) = (keyword != Keyword::FillRight, keyword != Keyword::FillLeft);
            let repeated = (left && matching.fill_left.is_some()) || (right && matching.fill_right.is_some());
            if repeated || seen == 2 {
                return Err(self.unexpected("", ""));
            }
            self.advance();
            let value = self.fill_value()?;
            matching.fill_left = if left { Some(value) } else { matching.fill_left };
            matching.fill_right = if right { Some(value) } else { matching.fill_right };
            seen = seen.saturating_add(1);
        }
        Ok(())
    }

    fn fill_value(&mut self) -> Parsed<f64> {
        self.expect(TokenKind::LeftParen, "", "")?;
        let negative = self.sign().is_some_and(|(negative, _)| negative);
        if !matches!(self.kind(), TokenKind::Number | TokenKind::Duration) {
            return Err(self.unexpected("", ""));
        }
        let value = self.number_token()?.0.value;
        self.expect(TokenKind::RightParen, "", "")?;
        Ok(if negative { -value } else { value })
    }
}

/// Folds a minus into a literal, else keeps it as a term; a plus vanishes.
fn push_signed(out: &mut Terms, negative: bool, span: Span) {
    if let Some(DurationTerm { op: DurationOp::Number(value, _), span: old }) = out.last_mut() {
        *value = if negative { -*value } else { *value };
        *old = span;
    } else if negative {
        out.push(DurationTerm { op: DurationOp::Negate, span });
    }
}
