//! Types and the rules beyond the grammar: one loop over the tree, children first.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use promethium_model::quote::go_quoted;

use super::ast::{Aggregate, Ast, Binary, Call, Expr, ExprId, Node, Selector, ValueType};
use super::error::{Fault, Parsed};
use super::functions::Function;
use super::op::AggregateOp;
use super::selector::{excludes_something, names_twice};
use super::span::Span;

/// Checks all nodes; the first fault in evaluation order is returned.
pub(super) fn check(ast: &Ast) -> Parsed<()> {
    let mut checker = Checker { ast, types: Vec::with_capacity(ast.nodes.len()) };
    for node in &ast.nodes {
        let value_type = checker.node(node)?;
        checker.types.push(value_type);
    }
    Ok(())
}

struct Checker<'a> {
    ast: &'a Ast,
    types: Vec<ValueType>,
}

impl Checker<'_> {
    fn type_of(&self, id: ExprId) -> ValueType {
        self.types.get(id.index()).copied().unwrap_or(ValueType::Scalar)
    }

    fn span_of(&self, id: ExprId) -> Span {
        self.ast.nodes.get(id.index()).map_or(Span::default(), |n| n.span)
    }

    fn node(&self, node: &Node) -> Parsed<ValueType> {
        match &node.expr {
            Expr::Number(_) => Ok(ValueType::Scalar),
            Expr::String(_) => Ok(ValueType::String),
            Expr::Paren(inner) => Ok(self.type_of(*inner)),
            Expr::Selector(selector) => selector_rules(selector, node.span).map(|()| ValueType::Vector),
            Expr::Matrix(matrix) => selector_rules(&matrix.selector, node.span).map(|()| ValueType::Matrix),
            Expr::Subquery(subquery) => match self.type_of(subquery.expr) {
                ValueType::Vector => Ok(ValueType::Matrix),
                other => {
                    let what = other.as_str();
                    let message = format!("subquery is only allowed on instant vector, got {what} instead");
                    Err(Fault::new(node.span, message))
                }
            },
            Expr::Unary { expr, .. } => self.unary(*expr, node.span),
            Expr::Binary(binary) => self.binary(binary, node.span),
            Expr::Call(call) => self.call(call, node.span),
            Expr::Aggregate(aggregate) => self.aggregate(aggregate),
        }
    }

    fn unary(&self, operand: ExprId, span: Span) -> Parsed<ValueType> {
        match self.type_of(operand) {
            t @ (ValueType::Scalar | ValueType::Vector) => Ok(t),
            other => {
                let got = go_quoted(other.described());
                let message =
                    format!("unary expression only allowed on expressions of type scalar or instant vector, got {got}");
                Err(Fault::new(span, message))
            }
        }
    }

    fn expect(&self, id: ExprId, want: ValueType, context: &str) -> Parsed<()> {
        let got = self.type_of(id);
        if got == want {
            return Ok(());
        }
        let message = format!("expected type {} in {context}, got {}", want.described(), got.described());
        Err(Fault::new(self.span_of(id), message))
    }

    fn aggregate(&self, aggregate: &Aggregate) -> Parsed<ValueType> {
        self.expect(aggregate.expr, ValueType::Vector, "aggregation expression")?;
        if let Some(param) = aggregate.param {
            let want = if aggregate.op == AggregateOp::CountValues { ValueType::String } else { ValueType::Scalar };
            self.expect(param, want, "aggregation parameter")?;
        }
        Ok(ValueType::Vector)
    }

    fn call(&self, call: &Call, span: Span) -> Parsed<ValueType> {
        let signature = call.function.signature();
        let (got, name) = (call.args.len(), go_quoted(signature.name));
        let (min, max) = (signature.min_args(), signature.max_args());
        let wrong = |bound: &str, n: usize| {
            Err(Fault::new(span, format!("expected {bound}{n} argument(s) in call to {name}, got {got}")))
        };
        if max == Some(min) && got != min {
            return wrong("", min);
        }
        if got < min {
            return wrong("at least ", min);
        }
        if let Some(max) = max.filter(|max| got > *max) {
            return wrong("at most ", max);
        }
        if call.function == Function::Info {
            self.info_selector(call)?;
        }
        for (i, arg) in call.args.iter().enumerate() {
            let want = signature.arg(i).unwrap_or(ValueType::Scalar);
            self.expect(*arg, want, &format!("call to function {name}"))?;
        }
        Ok(signature.returns)
    }

    fn info_selector(&self, call: &Call) -> Parsed<()> {
        let Some(id) = call.args.get(1) else { return Ok(()) };
        match self.ast.nodes.get(id.index()).map(|n| &n.expr) {
            Some(Expr::Selector(s)) if s.has_bare_name() => {
                Err(Fault::new(self.span_of(*id), "expected label selectors only, got vector selector instead"))
            }
            Some(Expr::Selector(_)) => Ok(()),
            _ => Err(Fault::new(self.span_of(*id), "expected label selectors only")),
        }
    }

    fn binary(&self, binary: &Binary, span: Span) -> Parsed<ValueType> {
        let (left, right) = (self.type_of(binary.lhs), self.type_of(binary.rhs));
        let both_scalar = left == ValueType::Scalar && right == ValueType::Scalar;
        operator_rules(binary, both_scalar)?;
        for (side, id) in [(left, binary.lhs), (right, binary.rhs)] {
            if !matches!(side, ValueType::Scalar | ValueType::Vector) {
                let message = "binary expression must contain only scalar and instant vector types";
                return Err(Fault::new(self.span_of(id), message));
            }
        }
        let both_vector = left == ValueType::Vector && right == ValueType::Vector;
        if both_vector {
            vector_rules(binary, span)?;
        } else {
            scalar_rules(binary, span)?;
        }
        Ok(if both_scalar { ValueType::Scalar } else { ValueType::Vector })
    }
}

fn selector_rules(selector: &Selector, span: Span) -> Parsed<()> {
    if let Some((a, b)) = names_twice(selector) {
        let message = format!("metric name must not be set twice: {} or {}", go_quoted(a), go_quoted(b));
        return Err(Fault::new(span, message));
    }
    if !selector.may_match_everything && !excludes_something(&selector.matchers) {
        return Err(Fault::new(span, "vector selector must contain at least one non-empty matcher"));
    }
    Ok(())
}

/// What is reported at the operator rather than at the whole.
fn operator_rules(binary: &Binary, both_scalar: bool) -> Parsed<()> {
    if binary.return_bool && !binary.op.is_comparison() {
        return Err(Fault::new(binary.op_span, "bool modifier can only be used on comparison operators"));
    }
    if binary.op.is_comparison() && both_scalar && !binary.return_bool {
        return Err(Fault::new(binary.op_span, "comparisons between scalars must use BOOL modifier"));
    }
    matching_labels(binary)
}

fn matching_labels(binary: &Binary) -> Parsed<()> {
    let matching = &binary.matching;
    if !matching.on {
        return Ok(());
    }
    match matching.labels.iter().find(|l| matching.include.contains(l)) {
        Some(twice) => {
            let message = format!("label {} must not occur in ON and GROUP clause at once", go_quoted(twice));
            Err(Fault::new(binary.op_span, message))
        }
        None => Ok(()),
    }
}

fn has_fill(binary: &Binary) -> bool {
    binary.matching.fill_left.is_some() || binary.matching.fill_right.is_some()
}

fn vector_rules(binary: &Binary, span: Span) -> Parsed<()> {
    if !binary.op.is_set() {
        return Ok(());
    }
    if binary.matching.grouping.is_some() {
        let message = format!("no grouping allowed for {} operation", go_quoted(binary.op.as_str()));
        return Err(Fault::new(span, message));
    }
    if has_fill(binary) {
        return Err(Fault::new(span, "filling in missing series not allowed for set operators"));
    }
    Ok(())
}

fn scalar_rules(binary: &Binary, span: Span) -> Parsed<()> {
    if binary.op.is_set() {
        let message = format!("set operator {} not allowed in binary scalar expression", go_quoted(binary.op.as_str()));
        return Err(Fault::new(span, message));
    }
    if !binary.matching.labels.is_empty() {
        return Err(Fault::new(span, "vector matching only allowed between instant vectors"));
    }
    if has_fill(binary) {
        return Err(Fault::new(span, "filling in missing series only allowed between instant vectors"));
    }
    Ok(())
}
