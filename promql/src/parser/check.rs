//! Types and the rules beyond the grammar. Whether any rule is broken is seen node by node as the tree grows; which of several
//! is reported is found by a walk in the order in which Prometheus visits the tree.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::collections::HashSet;
use std::fmt;

use promethium_model::quote::go_quoted;
use smol_str::SmolStr;

use super::ast::{Aggregate, Ast, Binary, Call, Expr, ExprId, Node, Selector, Subquery, ValueType};
use super::error::{Fault, Parsed};
use super::functions::Function;
use super::op::AggregateOp;
use super::selector::{excludes_something, names_twice};
use super::span::Span;

/// Checks all nodes; the first fault is returned.
pub(super) fn check(ast: &Ast) -> Parsed<()> {
    let types = ast.types();
    let mut checker = Checker { nodes: &ast.nodes, types: &types, steps: vec![Step::Enter(ast.root)] };
    while let Some(step) = checker.steps.pop() {
        match step {
            Step::Enter(id) => checker.enter(id)?,
            Step::Leave(id) => checker.leave(id)?,
            Step::Expect(id, want, context) => checker.expect(id, want, context)?,
        }
    }
    Ok(())
}

/// Whether a node breaks no rule, whatever lies below it. `nodes` and `types` are those of its operands.
#[inline]
pub(super) fn is_sound(node: &Node, nodes: &[Node], types: &[ValueType]) -> bool {
    match &node.expr {
        Expr::Number(_) | Expr::String(_) | Expr::Paren(_) => true,
        Expr::Selector(selector) if selector.has_bare_name() && selector.matchers.is_empty() => true,
        _ => Checker { nodes, types, steps: Vec::new() }.breaks_no_rule(node),
    }
}

/// What is still to be checked.
enum Step {
    /// A node: its count of arguments, then all that lies below.
    Enter(ExprId),
    /// The rules of a node whose operands were checked.
    Leave(ExprId),
    /// The type of an operand that was checked.
    Expect(ExprId, ValueType, Context),
}

/// Where a type is expected.
#[derive(Clone, Copy)]
enum Context {
    Operand,
    Parameter,
    Argument(Function),
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Context::Operand => f.write_str("aggregation expression"),
            Context::Parameter => f.write_str("aggregation parameter"),
            Context::Argument(function) => write!(f, "call to function {}", go_quoted(function.name())),
        }
    }
}

struct Checker<'a> {
    nodes: &'a [Node],
    types: &'a [ValueType],
    /// A stack, so that deep trees need none of the thread's.
    steps: Vec<Step>,
}

impl Checker<'_> {
    fn type_of(&self, id: ExprId) -> ValueType {
        self.types.get(id.index()).copied().unwrap_or(ValueType::Scalar)
    }

    fn span_of(&self, id: ExprId) -> Span {
        self.nodes.get(id.index()).map_or(Span::default(), |n| n.span)
    }

    fn breaks_no_rule(&self, node: &Node) -> bool {
        let is = |id: ExprId, want: ValueType| self.type_of(id) == want;
        match &node.expr {
            Expr::Binary(b) if b.matching.is_none() && !b.return_bool && self.both(b, ValueType::Vector) => true,
            Expr::Call(call) => {
                let signature = call.function.signature();
                let fits = |(i, arg): (usize, &ExprId)| is(*arg, signature.arg(i).unwrap_or(ValueType::Scalar));
                argument_count(call, node.span).is_ok()
                    && (call.function != Function::Info || self.info_selector(call, node.span).is_ok())
                    && call.args.iter().enumerate().all(fits)
            }
            Expr::Aggregate(aggregate) => {
                is(aggregate.expr, ValueType::Vector)
                    && aggregate.param.is_none_or(|param| is(param, parameter_type(aggregate)))
            }
            _ => self.leave_node(node).is_ok(),
        }
    }

    /// Steps are pushed last first.
    fn enter(&mut self, id: ExprId) -> Parsed<()> {
        let Some(Node { expr, span }) = self.nodes.get(id.index()) else { return Ok(()) };
        match expr {
            Expr::Call(call) => return self.enter_call(call, *span),
            Expr::Aggregate(aggregate) => self.enter_aggregate(aggregate),
            Expr::Binary(binary) => {
                self.steps.extend([Step::Leave(id), Step::Enter(binary.rhs), Step::Enter(binary.lhs)]);
            }
            Expr::Unary { expr, .. } => self.steps.extend([Step::Leave(id), Step::Enter(*expr)]),
            Expr::Subquery(subquery) => self.steps.extend([Step::Leave(id), Step::Enter(subquery.expr)]),
            Expr::Paren(inner) => self.steps.push(Step::Enter(*inner)),
            Expr::Number(_) | Expr::String(_) | Expr::Selector(_) | Expr::Matrix(_) => return self.leave(id),
        }
        Ok(())
    }

    fn enter_call(&mut self, call: &Call, span: Span) -> Parsed<()> {
        argument_count(call, span)?;
        if call.function == Function::Info {
            self.info_selector(call, span)?;
        }
        let signature = call.function.signature();
        for (i, arg) in call.args.iter().enumerate().rev() {
            let want = signature.arg(i).unwrap_or(ValueType::Scalar);
            self.enter_expecting(*arg, want, Context::Argument(call.function));
        }
        Ok(())
    }

    fn enter_aggregate(&mut self, aggregate: &Aggregate) {
        if let Some(param) = aggregate.param {
            self.enter_expecting(param, parameter_type(aggregate), Context::Parameter);
        }
        self.enter_expecting(aggregate.expr, ValueType::Vector, Context::Operand);
    }

    fn enter_expecting(&mut self, id: ExprId, want: ValueType, context: Context) {
        self.steps.extend([Step::Expect(id, want, context), Step::Enter(id)]);
    }

    fn leave(&self, id: ExprId) -> Parsed<()> {
        self.nodes.get(id.index()).map_or(Ok(()), |node| self.leave_node(node))
    }

    fn leave_node(&self, Node { expr, span }: &Node) -> Parsed<()> {
        match expr {
            Expr::Selector(selector) => selector_rules(selector, *span),
            Expr::Matrix(matrix) => selector_rules(&matrix.selector, *span),
            Expr::Subquery(subquery) => self.subquery(subquery, *span),
            Expr::Unary { expr, .. } => self.unary(*expr, *span),
            Expr::Binary(binary) => self.binary(binary, *span),
            _ => Ok(()),
        }
    }

    fn subquery(&self, subquery: &Subquery, span: Span) -> Parsed<()> {
        match self.type_of(subquery.expr) {
            ValueType::Vector => Ok(()),
            other => {
                let message = format!("subquery is only allowed on instant vector, got {} instead", other.as_str());
                Err(Fault::new(span, message))
            }
        }
    }

    fn both(&self, binary: &Binary, value_type: ValueType) -> bool {
        self.type_of(binary.lhs) == value_type && self.type_of(binary.rhs) == value_type
    }

    fn unary(&self, operand: ExprId, span: Span) -> Parsed<()> {
        match self.type_of(operand) {
            ValueType::Scalar | ValueType::Vector => Ok(()),
            other => {
                let got = go_quoted(other.described());
                let message =
                    format!("unary expression only allowed on expressions of type scalar or instant vector, got {got}");
                Err(Fault::new(span, message))
            }
        }
    }

    fn expect(&self, id: ExprId, want: ValueType, context: Context) -> Parsed<()> {
        let got = self.type_of(id);
        if got == want {
            return Ok(());
        }
        let message = format!("expected type {} in {context}, got {}", want.described(), got.described());
        Err(Fault::new(self.span_of(id), message))
    }

    fn info_selector(&self, call: &Call, span: Span) -> Parsed<()> {
        let Some(id) = call.args.get(1) else { return Ok(()) };
        if self.type_of(*id) != ValueType::Vector {
            let (context, got) = (Context::Argument(call.function), self.type_of(*id).described());
            let want = ValueType::Vector.described();
            return Err(Fault::new(span, format!("expected type {want} in {context}, got {got}")));
        }
        match self.nodes.get(id.index()).map(|n| &n.expr) {
            Some(Expr::Selector(s)) if s.has_bare_name() => {
                Err(Fault::new(self.span_of(*id), "expected label selectors only, got vector selector instead"))
            }
            Some(Expr::Selector(_)) => Ok(()),
            _ => Err(Fault::new(self.span_of(*id), "expected label selectors only")),
        }
    }

    fn binary(&self, binary: &Binary, span: Span) -> Parsed<()> {
        operator_rules(binary, self.both(binary, ValueType::Scalar))?;
        for id in [binary.lhs, binary.rhs] {
            if !matches!(self.type_of(id), ValueType::Scalar | ValueType::Vector) {
                let message = "binary expression must contain only scalar and instant vector types";
                return Err(Fault::new(self.span_of(id), message));
            }
        }
        if self.both(binary, ValueType::Vector) { vector_rules(binary, span) } else { scalar_rules(binary, span) }
    }
}

fn parameter_type(aggregate: &Aggregate) -> ValueType {
    if aggregate.op == AggregateOp::CountValues { ValueType::String } else { ValueType::Scalar }
}

fn argument_count(call: &Call, span: Span) -> Parsed<()> {
    let signature = call.function.signature();
    let got = call.args.len();
    let (min, max) = (signature.min_args(), signature.max_args());
    let (bound, n) = match max {
        Some(max) if max == min && got != min => ("", min),
        _ if got < min => ("at least ", min),
        Some(max) if got > max => ("at most ", max),
        _ => return Ok(()),
    };
    let name = go_quoted(signature.name);
    Err(Fault::new(span, format!("expected {bound}{n} argument(s) in call to {name}, got {got}")))
}

fn selector_rules(selector: &Selector, span: Span) -> Parsed<()> {
    if let Some((a, b)) = names_twice(selector) {
        let message = format!("metric name must not be set twice: {} or {}", go_quoted(a), go_quoted(b));
        return Err(Fault::new(span, message));
    }
    if !selector.may_match_everything() && !excludes_something(selector) {
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
    let matching = binary.matching();
    if !matching.on {
        return Ok(());
    }
    match in_both(&matching.labels, &matching.include) {
        Some(twice) => {
            let message = format!("label {} must not occur in ON and GROUP clause at once", go_quoted(twice));
            Err(Fault::new(binary.op_span, message))
        }
        None => Ok(()),
    }
}

/// The first of `labels` that is one of `include`, in linear time.
fn in_both<'a>(labels: &'a [SmolStr], include: &[SmolStr]) -> Option<&'a SmolStr> {
    if labels.len().min(include.len()) <= 8 {
        return labels.iter().find(|l| include.contains(l));
    }
    let include: HashSet<&SmolStr> = include.iter().collect();
    labels.iter().find(|l| include.contains(l))
}

fn vector_rules(binary: &Binary, span: Span) -> Parsed<()> {
    if !binary.op.is_set() {
        return Ok(());
    }
    if binary.matching().grouping.is_some() {
        let message = format!("no grouping allowed for {} operation", go_quoted(binary.op.as_str()));
        return Err(Fault::new(span, message));
    }
    if binary.matching().fills() {
        return Err(Fault::new(span, "filling in missing series not allowed for set operators"));
    }
    Ok(())
}

fn scalar_rules(binary: &Binary, span: Span) -> Parsed<()> {
    if !binary.matching().labels.is_empty() {
        return Err(Fault::new(span, "vector matching only allowed between instant vectors"));
    }
    if binary.matching().fills() {
        return Err(Fault::new(span, "filling in missing series only allowed between instant vectors"));
    }
    if binary.op.is_set() {
        let message = format!("set operator {} not allowed in binary scalar expression", go_quoted(binary.op.as_str()));
        return Err(Fault::new(span, message));
    }
    Ok(())
}
