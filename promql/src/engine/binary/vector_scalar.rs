//! A vector and a scalar.

use promethium_model::{QueryError, SampleValue};

use super::super::column::{Column, Series};
use super::op::{arithmetic, compare, samples};
use super::remarks::Remarks;
use crate::parser::{Binary, BinaryOp};

/// On which side of the operator the scalar stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScalarSide {
    Left,
    Right,
}

/// Applies the operator to every sample of a series; a comparison keeps the vector's value.
pub(super) fn apply_scalar(
    remarks: &mut Remarks,
    binary: &Binary,
    scalar: &[f64],
    side: ScalarSide,
    series: &mut Series,
) {
    let op = binary.op;
    if series.column.histograms.is_empty() && !op.is_trim() {
        floats(op, binary.return_bool, scalar, side, &mut series.column);
    } else {
        series.column = mixed(remarks, binary, scalar, side, &series.column);
    }
    series.drop_name |= drops_name(binary);
}

/// Whether the results are no longer samples of the metric.
pub(super) fn drops_name(binary: &Binary) -> bool {
    let filters = binary.op.is_comparison() && !binary.return_bool;
    !filters && !binary.op.is_trim()
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

fn mixed(remarks: &mut Remarks, binary: &Binary, scalar: &[f64], side: ScalarSide, column: &Column) -> Column {
    let mut out = Column::new(column.steps());
    for step in column.occupied().ones() {
        let Some(value) = column.value(step) else { continue };
        let scalar = SampleValue::Float(scalar[step]);
        let (a, b) = if side == ScalarSide::Right { (&value, &scalar) } else { (&scalar, &value) };
        let outcome = samples(binary.op, binary.return_bool, a, b, &value);
        if let Some(result) = remarks.take_value(step, 0, (a, b), outcome) {
            out.set_value(step, result);
        }
    }
    out
}

/// A match error.
pub(super) fn matching_error(text: impl Into<String>) -> QueryError {
    QueryError::Execution(text.into())
}
