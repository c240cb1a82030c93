//! Mathematics on single floats.

use promethium_model::QueryError;

use super::super::eval::{Evaluator, SCALAR_BYTES, Sink};
use super::super::steps::Steps;
use crate::parser::{ExprId, Function};

/// The functions of one float.
pub(crate) fn float_function(function: Function) -> Option<fn(f64) -> f64> {
    use Function as F;
    Some(match function {
        F::Abs => f64::abs,
        F::Ceil => f64::ceil,
        F::Floor => f64::floor,
        F::Exp => f64::exp,
        F::Sqrt => f64::sqrt,
        F::Ln => f64::ln,
        F::Log2 => f64::log2,
        F::Log10 => f64::log10,
        F::Sgn => |v| if v == 0.0 || v.is_nan() { v } else { v.signum() },
        F::Sin => f64::sin,
        F::Cos => f64::cos,
        F::Tan => f64::tan,
        F::Asin => f64::asin,
        F::Acos => f64::acos,
        F::Atan => f64::atan,
        F::Sinh => f64::sinh,
        F::Cosh => f64::cosh,
        F::Tanh => f64::tanh,
        F::Asinh => f64::asinh,
        F::Acosh => f64::acosh,
        F::Atanh => f64::atanh,
        F::Deg => |v| v * 180.0 / std::f64::consts::PI,
        F::Rad => |v| v * std::f64::consts::PI / 180.0,
        _ => return None,
    })
}

/// Go's `math.Min`: NaN if either is, but −Inf wins even against NaN.
pub(crate) fn go_min(a: f64, b: f64) -> f64 {
    if a == f64::NEG_INFINITY || b == f64::NEG_INFINITY {
        return f64::NEG_INFINITY;
    }
    if a.is_nan() || b.is_nan() { f64::NAN } else { lesser(a, b) }
}

/// Of two zeros the negative one.
fn lesser(a: f64, b: f64) -> f64 {
    if a < b || (a == b && a.is_sign_negative()) { a } else { b }
}

/// Go's `math.Max`: NaN if either is, but +Inf wins even against NaN.
pub(crate) fn go_max(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY {
        return f64::INFINITY;
    }
    if a.is_nan() || b.is_nan() { f64::NAN } else { -lesser(-a, -b) }
}

fn round_to(v: f64, to_nearest: f64) -> f64 {
    // The inverse, as dividing by it gives exact results for more steps than multiplying by the step.
    let inverse = 1.0 / to_nearest;
    (v * inverse + 0.5).floor() / inverse
}

impl<'a> Evaluator<'a> {
    /// `round`, `clamp`, `clamp_min`, `clamp_max`.
    pub(super) fn math_with_scalars(
        &self,
        function: Function,
        args: &[ExprId],
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let scalars = self.scalars_behind(args[0], &args[1..], steps)?;
        let _scalars = self.budget.hold(SCALAR_BYTES * steps.count * scalars.len())?;
        let at = |i: usize, step: usize, default: f64| scalars.get(i).map_or(default, |s| s[step]);
        let (low, high) = match function {
            Function::ClampMin => (0, usize::MAX),
            Function::ClampMax => (usize::MAX, 0),
            _ => (0, 1),
        };
        let apply = |step: usize, v: f64| match function {
            Function::Round => Some(round_to(v, at(0, step, 1.0))),
            _ => {
                let (min, max) = (at(low, step, f64::NEG_INFINITY), at(high, step, f64::INFINITY));
                let inverted = function == Function::Clamp && max < min;
                (!inverted).then(|| clamped(function, v, min, max))
            }
        };
        self.vector(args[0], steps, &mut |mut series| {
            series.column.histograms.clear();
            for step in series.column.present.clone().ones() {
                match apply(step, series.column.values[step]) {
                    Some(v) => series.column.values[step] = v,
                    None => series.column.present.clear(step),
                }
            }
            series.drop_name = true;
            if series.column.any() { sink(series) } else { Ok(()) }
        })
    }
}

fn clamped(function: Function, v: f64, min: f64, max: f64) -> f64 {
    match function {
        Function::ClampMin => go_max(min, v),
        Function::ClampMax => go_min(max, v),
        _ => go_max(min, go_min(max, v)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_are_gos() {
        assert!(go_min(1.0, f64::NAN).is_nan());
        assert_eq!(go_min(f64::NEG_INFINITY, f64::NAN), f64::NEG_INFINITY);
        assert_eq!(go_max(f64::NAN, f64::INFINITY), f64::INFINITY);
        assert!(go_max(f64::NAN, 1.0).is_nan());
        for (a, b) in [(0.0, -0.0), (-0.0, 0.0)] {
            assert!(go_min(a, b).is_sign_negative() && go_max(a, b).is_sign_positive());
        }
        assert_eq!(round_to(2.5, 1.0), 3.0);
        assert_eq!(round_to(-2.5, 1.0), -2.0);
        assert_eq!(round_to(0.15, 0.1), 0.2);
    }
}
