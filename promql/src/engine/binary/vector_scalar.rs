//! A vector and a scalar.

use promethium_model::{QueryError, SampleValue};

use super::super::column::{Column, Series};
use super::super::eval::Evaluator;
use super::super::notes::Notes;
use super::op::{Outcome, arithmetic, compare, samples, type_name};
use crate::parser::{Binary, BinaryOp, Span};

/// On which side of the operator the scalar stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScalarSide {
    Left,
    Right,
}

/// Applies the operator to every sample of a series; a comparison keeps the vector's value.
pub(super) fn apply_scalar(
    evaluator: &Evaluator<'_>,
    binary: &Binary,
    span: Span,
    scalar: &[f64],
    side: ScalarSide,
    series: &mut Series,
) {
    let op = binary.op;
    if series.column.histograms.is_empty() && !op.is_trim() {
        floats(op, binary.return_bool, scalar, side, &mut series.column);
    } else {
        series.column = mixed(evaluator.notes, binary, span, scalar, side, &series.column);
    }
    let keeps_name = (op.is_comparison() && !binary.return_bool) || op.is_trim();
    series.drop_name |= !keeps_name;
}

fn floats(op: BinaryOp, return_bool: bool, scalar: &[f64], side: ScalarSide, column: &mut Column) {
    let right = side == ScalarSide::Right;
    if !op.is_comparison() {
        return column.values.iter_mut().zip(scalar).for_each(|(v, s)| {
            *v = if right { arithmetic(op, *v, *s) } else { arithmetic(op, *s, *v) };
        });
    }
    for (step, s) in scalar.iter().enumerate() {
        let v = column.values[step];
        let holds = if right { compare(op, v, *s) } else { compare(op, *s, v) };
        if return_bool {
            column.values[step] = f64::from(holds);
        } else if !holds {
            column.present.clear(step);
        }
    }
}

fn mixed(notes: &Notes<'_>, binary: &Binary, span: Span, scalar: &[f64], side: ScalarSide, column: &Column) -> Column {
    let mut out = Column::new(column.steps());
    for step in column.occupied().ones() {
        let Some(value) = column.value(step) else { continue };
        let scalar = SampleValue::Float(scalar[step]);
        let (a, b) = if side == ScalarSide::Right { (&value, &scalar) } else { (&scalar, &value) };
        let outcome = samples(binary.op, binary.return_bool, a, b, &value);
        if let Some(result) = noted(notes, binary.op, span, a, b, outcome) {
            out.set_value(step, result);
        }
    }
    out
}

/// The value of an outcome; what else it says becomes an annotation.
pub(super) fn noted(
    notes: &Notes<'_>,
    op: BinaryOp,
    span: Span,
    a: &SampleValue,
    b: &SampleValue,
    outcome: Outcome,
) -> Option<SampleValue> {
    match outcome {
        Outcome::Value(value) => Some(value),
        Outcome::Filtered => None,
        Outcome::Incompatible => {
            let (a, b) = (type_name(a), type_name(b));
            let text = format!("incompatible sample types encountered for binary operator \"{op}\": {a} {op} {b}");
            notes.info(span, text);
            None
        }
        Outcome::Failed(text) => {
            notes.warn(span, text.replace("OP", op.as_str()));
            None
        }
        Outcome::Noted(value, text) => {
            notes.info(span, text);
            Some(value)
        }
    }
}

/// A match error.
pub(super) fn matching_error(text: impl Into<String>) -> QueryError {
    QueryError::Execution(text.into())
}
