//! Durations that are computed when the query is planned.

use crate::parser::{BinaryOp, DurationExpr, DurationOp, DurationTerm, Sign, Span};

/// What a duration may refer to, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DurationScope {
    pub(crate) step: f64,
    pub(crate) range: f64,
}

/// Durations that Prometheus can hold, in seconds: 2^63 nanoseconds.
const MAX_SECONDS: f64 = 9_223_372_036.854_776;

/// A value on the stack, and the bytes that an error about it names: parentheses around it and the name of a function are left
/// out, as in Prometheus.
#[derive(Clone, Copy, Default)]
struct Operand {
    seconds: f64,
    span: Span,
    is_literal: bool,
}

/// Milliseconds, truncated.
///
/// # Errors
///
/// `start:end: message`, in Prometheus' words.
pub(crate) fn evaluate(duration: &DurationExpr, scope: DurationScope, sign: Sign) -> Result<i64, String> {
    let terms = match duration {
        DurationExpr::Literal(ms) => return Ok(*ms),
        DurationExpr::Computed(terms) => terms,
    };
    let mut stack: Vec<Operand> = Vec::with_capacity(4);
    for term in terms {
        let operand = apply(term, &mut stack, scope)?;
        stack.push(operand);
    }
    let Operand { seconds, span, .. } = stack.pop().unwrap_or_default();
    if !seconds.is_finite() {
        return Err(at(span, "duration is NaN or infinite"));
    }
    if sign == Sign::Positive && seconds <= 0.0 {
        return Err(at(span, "duration must be greater than 0"));
    }
    if seconds.abs() > MAX_SECONDS {
        return Err(at(span, "duration is out of range"));
    }
    Ok((seconds * 1000.0) as i64)
}

fn at(span: Span, message: &str) -> String {
    format!("{}:{}: {message}", span.start, span.end)
}

fn apply(term: &DurationTerm, stack: &mut Vec<Operand>, scope: DurationScope) -> Result<Operand, String> {
    let mut pop = || stack.pop().unwrap_or_default();
    let leaf = |seconds| Operand { seconds, span: term.span, is_literal: false };
    Ok(match term.op {
        DurationOp::Number(seconds, _) => Operand { is_literal: true, ..leaf(seconds) },
        DurationOp::Step => leaf(scope.step),
        DurationOp::Range => leaf(scope.range),
        DurationOp::Paren => {
            let inside = pop();
            // A literal alone begins with its parenthesis.
            let start = if inside.is_literal { term.span.start } else { inside.span.start };
            Operand { span: Span { start, ..inside.span }, is_literal: false, ..inside }
        }
        DurationOp::Negate => {
            let inside = pop();
            Operand {
                seconds: -inside.seconds,
                span: Span { start: term.span.start, ..inside.span },
                is_literal: false,
            }
        }
        op => {
            let (b, a) = (pop(), pop());
            let span = a.span.to(b.span);
            let seconds = combine(op, a.seconds, b.seconds).map_err(|message| at(span, message))?;
            Operand { seconds, span, is_literal: false }
        }
    })
}

fn combine(op: DurationOp, a: f64, b: f64) -> Result<f64, &'static str> {
    Ok(match op {
        DurationOp::MinOf if a.is_nan() || b.is_nan() => f64::NAN,
        DurationOp::MaxOf if a.is_nan() || b.is_nan() => f64::NAN,
        DurationOp::MinOf => a.min(b),
        DurationOp::MaxOf => a.max(b),
        DurationOp::Binary(BinaryOp::Add) => a + b,
        DurationOp::Binary(BinaryOp::Sub) => a - b,
        DurationOp::Binary(BinaryOp::Mul) => a * b,
        DurationOp::Binary(BinaryOp::Div) if b == 0.0 => return Err("division by zero"),
        DurationOp::Binary(BinaryOp::Div) => a / b,
        DurationOp::Binary(BinaryOp::Mod) if b == 0.0 => return Err("modulo by zero"),
        DurationOp::Binary(BinaryOp::Mod) => a % b,
        _ => a.powf(b),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parser::{Expr, ParserOptions, parse};

    fn range_of(query: &str) -> Result<i64, String> {
        let ast = parse(query, &ParserOptions::default()).unwrap();
        let Expr::Matrix(matrix) = ast.expr(ast.root()) else { panic!("{query} is no range") };
        evaluate(&matrix.range, DurationScope { step: 15.0, range: 3600.0 }, Sign::Positive)
    }

    #[test]
    fn arithmetic_in_seconds() {
        for (query, ms) in [
            ("x[5m]", 300_000),
            ("x[2 * step()]", 30_000),
            ("x[range() / 2 - 1m]", 1_740_000),
            ("x[2 ^ 3 ^ 0]", 2_000),
            ("x[-(1m - 2m)]", 60_000),
            ("x[max_of(step(), 1m) % 7]", 4_000),
            ("x[1.0015 + 0]", 1_001),
        ] {
            assert_eq!(range_of(query), Ok(ms), "{query}");
        }
    }

    #[test]
    fn errors_carry_byte_positions() {
        for (query, error) in [
            ("x[1m - 1m]", "2:9: duration must be greater than 0"),
            ("x[1 / (step() - 15)]", "2:18: division by zero"),
            ("x[1 % (step() - 15)]", "2:18: modulo by zero"),
            ("x[1 + (0-1) ^ 0.5]", "2:17: duration is NaN or infinite"),
            ("x[1e300 * 1]", "2:11: duration is out of range"),
            ("x[1e10 * 1]", "2:10: duration is out of range"),
            ("x[((1m - 1m))]", "4:11: duration must be greater than 0"),
            ("x[(0)]", "2:4: duration must be greater than 0"),
            ("x[-(1m)]", "2:6: duration must be greater than 0"),
            ("x[-(1m + 1m)]", "2:11: duration must be greater than 0"),
            ("x[max_of(-1m, -2m)]", "9:17: duration must be greater than 0"),
            ("x[-step()]", "2:9: duration must be greater than 0"),
            ("x[1 / (step() - 15) + 1]", "2:18: division by zero"),
        ] {
            match range_of(query) {
                Err(found) => assert_eq!(found, error, "{query}"),
                Ok(ms) => panic!("{query} gave {ms}"),
            }
        }
    }
}
