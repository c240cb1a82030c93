//! Durations that may be computed: `[5m]`, `[2 * step()]`, `offset -(range() / 2)`.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::fmt;

use promethium_model::duration::format_ms;
use smallvec::SmallVec;

use super::number;
use super::op::BinaryOp;
use super::span::Span;

/// A range, a step or an offset.
#[derive(Clone, Debug)]
pub enum DurationExpr {
    /// A literal, in milliseconds.
    Literal(i64),
    /// An expression in reverse Polish order: flat, whatever its nesting.
    Computed(Vec<DurationTerm>),
}

/// An operand or operator of a [`DurationExpr::Computed`].
#[derive(Clone, Copy, Debug)]
pub struct DurationTerm {
    /// What it is.
    pub op: DurationOp,
    /// The bytes of the subexpression that ends here.
    pub span: Span,
}

/// Pushes an operand, or takes operands and pushes their result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DurationOp {
    /// Seconds, and whether they were written as a duration.
    Number(f64, bool),
    /// `step()`
    Step,
    /// `range()`
    Range,
    /// Unary minus.
    Negate,
    /// `+ - * / % ^`
    Binary(BinaryOp),
    /// `min_of(a, b)`
    MinOf,
    /// `max_of(a, b)`
    MaxOf,
    /// Parentheses around what is on top.
    Paren,
}

/// Whether a duration must be above 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Positive,
    Any,
}

/// Terms while they are read: most durations are one.
pub(super) type Terms = SmallVec<[DurationTerm; 4]>;

/// A single literal becomes [`DurationExpr::Literal`].
///
/// # Errors
///
/// Prometheus' message.
pub(super) fn simplified(terms: Terms, sign: Sign) -> Result<DurationExpr, String> {
    let [DurationTerm { op: DurationOp::Number(seconds, _), .. }] = terms.as_slice() else {
        return Ok(DurationExpr::Computed(terms.into_vec()));
    };
    if sign == Sign::Positive && *seconds <= 0.0 {
        return Err("duration must be greater than 0".to_owned());
    }
    number::seconds_to_ms(*seconds).map(DurationExpr::Literal).ok_or_else(|| "duration out of range".to_owned())
}

impl fmt::Display for DurationExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DurationExpr::Literal(ms) => f.write_str(&format_ms(*ms)),
            DurationExpr::Computed(terms) => f.write_str(&infix(terms)),
        }
    }
}

/// Reverse Polish to infix. Parentheses are terms of their own, so none have to be added.
fn infix(terms: &[DurationTerm]) -> String {
    let mut stack: Vec<String> = Vec::new();
    for term in terms {
        let text = match term.op {
            DurationOp::Number(seconds, true) => format_ms(number::seconds_to_ms(seconds).unwrap_or(0)),
            DurationOp::Number(seconds, false) => promethium_model::float::format_f(seconds),
            DurationOp::Step => "step()".to_owned(),
            DurationOp::Range => "range()".to_owned(),
            DurationOp::Negate => format!("-{}", stack.pop().unwrap_or_default()),
            DurationOp::Paren => format!("({})", stack.pop().unwrap_or_default()),
            DurationOp::MinOf | DurationOp::MaxOf | DurationOp::Binary(_) => {
                let b = stack.pop().unwrap_or_default();
                let a = stack.pop().unwrap_or_default();
                infix_binary(term.op, a, &b)
            }
        };
        stack.push(text);
    }
    stack.pop().unwrap_or_default()
}

fn infix_binary(op: DurationOp, mut a: String, b: &str) -> String {
    match op {
        DurationOp::MinOf => format!("min_of({a}, {b})"),
        DurationOp::MaxOf => format!("max_of({a}, {b})"),
        DurationOp::Binary(op) => {
            // Appending keeps a long chain linear.
            a.extend([" ", op.as_str(), " ", b]);
            a
        }
        _ => a,
    }
}
