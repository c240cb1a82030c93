//! Operators on single values.

use std::sync::Arc;

use promethium_model::{FloatHistogram, SampleValue};

use super::super::histogram;
use crate::parser::BinaryOp;

/// Arithmetic on floats; comparisons and set operators give NaN, which nobody asks for.
#[inline]
pub(crate) fn arithmetic(op: BinaryOp, a: f64, b: f64) -> f64 {
    match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        BinaryOp::Div => a / b,
        BinaryOp::Mod => a % b,
        BinaryOp::Pow => a.powf(b),
        BinaryOp::Atan2 => a.atan2(b),
        _ => f64::NAN,
    }
}

#[inline]
pub(crate) fn compare(op: BinaryOp, a: f64, b: f64) -> bool {
    match op {
        BinaryOp::Equal => a == b,
        BinaryOp::NotEqual => a != b,
        BinaryOp::Less => a < b,
        BinaryOp::LessEqual => a <= b,
        BinaryOp::Greater => a > b,
        BinaryOp::GreaterEqual => a >= b,
        _ => false,
    }
}

/// Two scalars: a comparison gives 1 or 0.
pub(crate) fn scalars(op: BinaryOp, a: f64, b: f64) -> f64 {
    if op.is_comparison() { f64::from(compare(op, a, b)) } else { arithmetic(op, a, b) }
}

/// What became of two samples.
pub(crate) enum Outcome {
    Value(SampleValue),
    /// A comparison that did not hold.
    Filtered,
    /// The types do not go together.
    Incompatible,
    /// The histograms do not: the sample goes, a warning stays.
    Failed(&'static str),
    /// A value, with an info.
    Noted(SampleValue, &'static str),
}

/// Applies an operator to two samples of any type. A comparison without `bool` yields `keep`.
pub(crate) fn samples(
    op: BinaryOp,
    return_bool: bool,
    a: &SampleValue,
    b: &SampleValue,
    keep: &SampleValue,
) -> Outcome {
    match (a, b) {
        (SampleValue::Float(a), SampleValue::Float(b)) if !op.is_trim() => {
            if !op.is_comparison() {
                return Outcome::Value(SampleValue::Float(arithmetic(op, *a, *b)));
            }
            compared(compare(op, *a, *b), return_bool, keep)
        }
        (SampleValue::Histogram(a), SampleValue::Histogram(b)) => histograms(op, return_bool, a, b, keep),
        (SampleValue::Histogram(h), SampleValue::Float(f)) => match op {
            BinaryOp::Mul => histogram_value(histogram::scaled(h, *f)),
            BinaryOp::Div => histogram_value(histogram::divided(h, *f)),
            BinaryOp::TrimUpper => histogram_value(histogram::trim::keep_below(h, *f)),
            BinaryOp::TrimLower => histogram_value(histogram::trim::keep_above(h, *f)),
            _ => Outcome::Incompatible,
        },
        (SampleValue::Float(f), SampleValue::Histogram(h)) if op == BinaryOp::Mul => {
            histogram_value(histogram::scaled(h, *f))
        }
        _ => Outcome::Incompatible,
    }
}

fn compared(holds: bool, return_bool: bool, keep: &SampleValue) -> Outcome {
    match (return_bool, holds) {
        (true, _) => Outcome::Value(SampleValue::Float(f64::from(holds))),
        (false, true) => Outcome::Value(keep.clone()),
        (false, false) => Outcome::Filtered,
    }
}

fn histogram_value(h: FloatHistogram) -> Outcome {
    Outcome::Value(SampleValue::Histogram(Arc::new(h)))
}

fn histograms(op: BinaryOp, return_bool: bool, a: &FloatHistogram, b: &FloatHistogram, keep: &SampleValue) -> Outcome {
    match op {
        BinaryOp::Equal => compared(histogram::equal(a, b), return_bool, keep),
        BinaryOp::NotEqual => compared(!histogram::equal(a, b), return_bool, keep),
        BinaryOp::Add | BinaryOp::Sub => histogram::arithmetic::for_operator(op == BinaryOp::Sub, a, b),
        _ => Outcome::Incompatible,
    }
}

/// The type of a sample, as messages name it.
pub(crate) fn type_name(value: &SampleValue) -> &'static str {
    match value {
        SampleValue::Float(_) => "float",
        SampleValue::Histogram(_) => "histogram",
    }
}
