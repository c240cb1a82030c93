//! Canonical PromQL: `parse(print(ast))` is the tree again, up to positions.

use std::fmt::{self, Display, Formatter, Write};
use std::ops::Range;

use promethium_model::duration::format_ms;
use promethium_model::float::{format_f, format_g};
use promethium_model::labels::is_legacy_label_name;
use promethium_model::quote::{go_quoted, go_quoted_bytes};
use smol_str::SmolStr;

use super::ast::{
    Aggregate, Ast, At, Binary, Expr, ExprId, Grouping, Matching, MatrixSelector, Number, Selector, Subquery,
    TimeModifiers,
};
use super::duration_expr::DurationExpr;
use super::number::seconds_to_ms;
use super::op::BinaryOp;

impl Display for Ast {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.printed().text)
    }
}

/// An expression as canonical text, and where each of its nodes stands in it.
pub(super) struct Printed {
    pub(super) text: String,
    /// Byte ranges, by node.
    pub(super) spans: Vec<Range<usize>>,
}

impl Ast {
    pub(super) fn printed(&self) -> Printed {
        let mut printer = Printer { ast: self, text: String::new(), spans: vec![0..0; self.nodes.len()] };
        printer.node(self.root);
        Printed { text: printer.text, spans: printer.spans }
    }
}

struct Printer<'a> {
    ast: &'a Ast,
    text: String,
    spans: Vec<Range<usize>>,
}

impl Printer<'_> {
    /// Recurses as deep as the nesting limit of the parser; along chains of binary operators it loops.
    fn node(&mut self, id: ExprId) {
        let start = self.text.len();
        match self.ast.expr(id) {
            Expr::Number(number) => self.text.push_str(&number_text(*number)),
            Expr::String(bytes) => self.text.push_str(&go_quoted_bytes(bytes)),
            Expr::Selector(selector) => push_selector(&mut self.text, selector),
            Expr::Matrix(matrix) => push_matrix(&mut self.text, matrix),
            Expr::Subquery(subquery) => {
                self.node(subquery.expr);
                push_subquery_suffix(&mut self.text, subquery);
            }
            Expr::Unary { negative, expr } => {
                self.text.push(if *negative { '-' } else { '+' });
                self.node(*expr);
            }
            Expr::Binary(_) => return self.chain(id),
            Expr::Call(call) => {
                self.text.push_str(call.function.name());
                self.args(call.args.iter().copied());
            }
            Expr::Aggregate(aggregate) => {
                push_aggregate_head(&mut self.text, aggregate);
                self.args(aggregate.param.into_iter().chain([aggregate.expr]));
            }
            Expr::Paren(inner) => {
                self.text.push('(');
                self.node(*inner);
                self.text.push(')');
            }
        }
        self.spans[id.index()] = start..self.text.len();
    }

    fn chain(&mut self, id: ExprId) {
        let start = self.text.len();
        let mut chain: Vec<(ExprId, &Binary)> = Vec::new();
        let mut leftmost = id;
        while let Expr::Binary(binary) = self.ast.expr(leftmost) {
            chain.push((leftmost, binary));
            leftmost = binary.lhs;
        }
        match (self.ast.expr(leftmost), chain.last()) {
            // A sign in front of a power would take in all of it.
            (Expr::Number(n), Some((_, b))) if n.value == f64::INFINITY && b.op == BinaryOp::Pow => {
                self.text.push_str("Inf");
                self.spans[leftmost.index()] = start..self.text.len();
            }
            _ => self.node(leftmost),
        }
        for (id, binary) in chain.into_iter().rev() {
            self.text.push(' ');
            push_operator(&mut self.text, binary);
            self.text.push(' ');
            self.node(binary.rhs);
            self.spans[id.index()] = start..self.text.len();
        }
    }

    fn args(&mut self, args: impl Iterator<Item = ExprId>) {
        self.text.push('(');
        for (i, arg) in args.enumerate() {
            if i > 0 {
                self.text.push_str(", ");
            }
            self.node(arg);
        }
        self.text.push(')');
    }
}

/// `[5m:1m] @ 1.000 offset 1m`
pub(super) fn push_subquery_suffix(out: &mut String, subquery: &Subquery) {
    let _ = write!(out, "[{}:", subquery.range);
    if let Some(step) = &subquery.step {
        let _ = write!(out, "{step}");
    }
    out.push(']');
    push_at(out, subquery.time.at);
    push_offset(out, &subquery.time);
}

/// `sum by (a) `, or the bare name.
pub(super) fn push_aggregate_head(out: &mut String, aggregate: &Aggregate) {
    out.push_str(aggregate.op.as_str());
    if aggregate.without {
        let _ = write!(out, " without ({}) ", LabelList(&aggregate.grouping));
    } else if !aggregate.grouping.is_empty() {
        let _ = write!(out, " by ({}) ", LabelList(&aggregate.grouping));
    }
}

/// The operator with all that stands between it and its right operand.
pub(super) fn push_operator(out: &mut String, binary: &Binary) {
    out.push_str(binary.op.as_str());
    if binary.return_bool {
        out.push_str(" bool");
    }
    push_matching(out, binary.matching());
}

fn number_text(number: Number) -> String {
    match seconds_to_ms(number.value) {
        Some(ms) if number.is_duration => format_ms(ms),
        _ => format_f(number.value),
    }
}

fn push_matching(out: &mut String, matching: &Matching) {
    if matching.on || !matching.labels.is_empty() || matching.grouping.is_some() {
        let word = if matching.on { "on" } else { "ignoring" };
        let _ = write!(out, " {word} ({})", LabelList(&matching.labels));
    }
    if let Some(grouping) = matching.grouping {
        let word = if grouping == Grouping::Left { "group_left" } else { "group_right" };
        let _ = write!(out, " {word} ({})", LabelList(&matching.include));
    }
    let fills = match (matching.fill_left, matching.fill_right) {
        (Some(l), Some(r)) if l.to_bits() == r.to_bits() => vec![("fill", l)],
        (left, right) => left.map(|v| ("fill_left", v)).into_iter().chain(right.map(|v| ("fill_right", v))).collect(),
    };
    for (word, value) in fills {
        let _ = write!(out, " {word} ({})", format_g(value));
    }
}

/// Name and matchers, the latter sorted as text.
fn push_matchers(out: &mut String, selector: &Selector) {
    out.push_str(selector.name.as_deref().unwrap_or(""));
    let mut shown: Vec<String> = selector.matchers.iter().map(ToString::to_string).collect();
    if shown.is_empty() && selector.name.is_some() {
        return;
    }
    shown.sort_unstable();
    let _ = write!(out, "{{{}}}", shown.join(","));
}

fn push_selector(out: &mut String, selector: &Selector) {
    push_matchers(out, selector);
    push_at(out, selector.time().at);
    push_extension(out, selector);
    push_offset(out, selector.time());
}

fn push_matrix(out: &mut String, matrix: &MatrixSelector) {
    push_matchers(out, &matrix.selector);
    let _ = write!(out, "[{}]", matrix.range);
    push_extension(out, &matrix.selector);
    push_at(out, matrix.selector.time().at);
    push_offset(out, matrix.selector.time());
}

fn push_extension(out: &mut String, selector: &Selector) {
    if let Some(extension) = selector.extension() {
        out.push(' ');
        out.push_str(extension.as_str());
    }
}

fn push_at(out: &mut String, at: Option<At>) {
    match at {
        Some(At::Time(ms)) => {
            let sign = if ms < 0 { "-" } else { "" };
            let ms = ms.unsigned_abs();
            let _ = write!(out, " @ {sign}{}.{:03}", ms / 1000, ms % 1000);
        }
        Some(At::Start) => out.push_str(" @ start()"),
        Some(At::End) => out.push_str(" @ end()"),
        None => {}
    }
}

fn push_offset(out: &mut String, time: &TimeModifiers) {
    match &time.offset {
        // No offset at all is what an offset of zero means.
        None | Some(DurationExpr::Literal(0)) => {}
        Some(offset) => {
            let _ = write!(out, " offset {offset}");
        }
    }
}

struct LabelList<'a>(&'a [SmolStr]);

impl Display for LabelList<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (i, label) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            if is_legacy_label_name(label) {
                f.write_str(label)?;
            } else {
                f.write_str(&go_quoted(label))?;
            }
        }
        Ok(())
    }
}
