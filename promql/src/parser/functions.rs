//! The functions and their signatures: one table.

use ValueType::{Matrix, Scalar, String, Vector};

use super::ast::ValueType;

/// What a function takes and gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Signature {
    /// The name as written.
    pub name: &'static str,
    /// Types of the arguments; of a repeated last argument, once.
    pub args: &'static [ValueType],
    /// How many of the last arguments may be left out.
    pub optional: u8,
    /// How often the last argument may be repeated beyond `args`; `None` is any number.
    pub repeats: Option<u8>,
    /// The type of the result.
    pub returns: ValueType,
    /// Whether it needs [`Features::experimental_functions`](crate::Features::experimental_functions).
    pub experimental: bool,
}

macro_rules! functions {
    ($($id:ident $name:literal ($($arg:ident),*) -> $returns:ident $(optional $optional:literal)? $(repeats $repeats:tt)? $([$experimental:ident])?;)*) => {
        /// A function of PromQL.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "each variant is the function that its signature names")]
        #[non_exhaustive]
        pub enum Function { $($id,)* }

        impl Function {
            /// Every function, by name.
            pub const ALL: &'static [Function] = &[$(Function::$id,)*];

            /// What it takes and gives.
            #[must_use]
            pub fn signature(self) -> &'static Signature {
                match self {
                    $(Function::$id => const { &Signature {
                        name: $name,
                        args: &[$($arg,)*],
                        optional: functions!(@or 0 $(, $optional)?),
                        repeats: functions!(@repeats $($repeats)?),
                        returns: $returns,
                        experimental: functions!(@or false $(, functions!(@is $experimental))?),
                    } },)*
                }
            }

            pub(crate) fn by_name(name: &str) -> Option<Function> {
                match name {
                    $($name => Some(Function::$id),)*
                    _ => None,
                }
            }
        }
    };
    (@or $default:expr) => { $default };
    (@or $default:expr, $value:expr) => { $value };
    (@is experimental) => { true };
    (@repeats) => { Some(0) };
    (@repeats any) => { None };
    (@repeats $times:literal) => { Some($times) };
}

functions! {
    Abs "abs" (Vector) -> Vector;
    Absent "absent" (Vector) -> Vector;
    AbsentOverTime "absent_over_time" (Matrix) -> Vector;
    Acos "acos" (Vector) -> Vector;
    Acosh "acosh" (Vector) -> Vector;
    Asin "asin" (Vector) -> Vector;
    Asinh "asinh" (Vector) -> Vector;
    Atan "atan" (Vector) -> Vector;
    Atanh "atanh" (Vector) -> Vector;
    AvgOverTime "avg_over_time" (Matrix) -> Vector;
    Ceil "ceil" (Vector) -> Vector;
    Changes "changes" (Matrix) -> Vector;
    Clamp "clamp" (Vector, Scalar, Scalar) -> Vector;
    ClampMax "clamp_max" (Vector, Scalar) -> Vector;
    ClampMin "clamp_min" (Vector, Scalar) -> Vector;
    Cos "cos" (Vector) -> Vector;
    Cosh "cosh" (Vector) -> Vector;
    CountOverTime "count_over_time" (Matrix) -> Vector;
    DayOfMonth "day_of_month" (Vector) -> Vector optional 1;
    DayOfWeek "day_of_week" (Vector) -> Vector optional 1;
    DayOfYear "day_of_year" (Vector) -> Vector optional 1;
    DaysInMonth "days_in_month" (Vector) -> Vector optional 1;
    Deg "deg" (Vector) -> Vector;
    Delta "delta" (Matrix) -> Vector;
    Deriv "deriv" (Matrix) -> Vector;
    DoubleExponentialSmoothing "double_exponential_smoothing" (Matrix, Scalar, Scalar) -> Vector [experimental];
    End "end" () -> Scalar [experimental];
    Exp "exp" (Vector) -> Vector;
    FirstOverTime "first_over_time" (Matrix) -> Vector;
    Floor "floor" (Vector) -> Vector;
    HistogramAvg "histogram_avg" (Vector) -> Vector;
    HistogramCount "histogram_count" (Vector) -> Vector;
    HistogramFraction "histogram_fraction" (Scalar, Scalar, Vector) -> Vector;
    HistogramQuantile "histogram_quantile" (Scalar, Vector) -> Vector;
    HistogramQuantiles "histogram_quantiles" (Vector, String, Scalar) -> Vector repeats 9 [experimental];
    HistogramStddev "histogram_stddev" (Vector) -> Vector;
    HistogramStdvar "histogram_stdvar" (Vector) -> Vector;
    HistogramSum "histogram_sum" (Vector) -> Vector;
    Hour "hour" (Vector) -> Vector optional 1;
    Idelta "idelta" (Matrix) -> Vector;
    Increase "increase" (Matrix) -> Vector;
    Info "info" (Vector, Vector) -> Vector optional 1 [experimental];
    Irate "irate" (Matrix) -> Vector;
    LabelJoin "label_join" (Vector, String, String, String) -> Vector optional 1 repeats any;
    LabelReplace "label_replace" (Vector, String, String, String, String) -> Vector;
    LastOverTime "last_over_time" (Matrix) -> Vector;
    Ln "ln" (Vector) -> Vector;
    Log10 "log10" (Vector) -> Vector;
    Log2 "log2" (Vector) -> Vector;
    MadOverTime "mad_over_time" (Matrix) -> Vector [experimental];
    MaxOf "max_of" (Scalar, Scalar) -> Scalar [experimental];
    MaxOverTime "max_over_time" (Matrix) -> Vector;
    MinOf "min_of" (Scalar, Scalar) -> Scalar [experimental];
    MinOverTime "min_over_time" (Matrix) -> Vector;
    Minute "minute" (Vector) -> Vector optional 1;
    Month "month" (Vector) -> Vector optional 1;
    Pi "pi" () -> Scalar;
    PredictLinear "predict_linear" (Matrix, Scalar) -> Vector;
    PresentOverTime "present_over_time" (Matrix) -> Vector;
    QuantileOverTime "quantile_over_time" (Scalar, Matrix) -> Vector;
    Rad "rad" (Vector) -> Vector;
    Range "range" () -> Scalar [experimental];
    Rate "rate" (Matrix) -> Vector;
    Resets "resets" (Matrix) -> Vector;
    Round "round" (Vector, Scalar) -> Vector optional 1;
    Scalar "scalar" (Vector) -> Scalar;
    Sgn "sgn" (Vector) -> Vector;
    Sin "sin" (Vector) -> Vector;
    Sinh "sinh" (Vector) -> Vector;
    Sort "sort" (Vector) -> Vector;
    SortByLabel "sort_by_label" (Vector, String) -> Vector optional 1 repeats any [experimental];
    SortByLabelDesc "sort_by_label_desc" (Vector, String) -> Vector optional 1 repeats any [experimental];
    SortDesc "sort_desc" (Vector) -> Vector;
    Sqrt "sqrt" (Vector) -> Vector;
    Start "start" () -> Scalar [experimental];
    StartTimestamp "start_timestamp" (Vector) -> Vector [experimental];
    StddevOverTime "stddev_over_time" (Matrix) -> Vector;
    StdvarOverTime "stdvar_over_time" (Matrix) -> Vector;
    Step "step" () -> Scalar [experimental];
    SumOverTime "sum_over_time" (Matrix) -> Vector;
    Tan "tan" (Vector) -> Vector;
    Tanh "tanh" (Vector) -> Vector;
    Time "time" () -> Scalar;
    Timestamp "timestamp" (Vector) -> Vector;
    TsOfFirstOverTime "ts_of_first_over_time" (Matrix) -> Vector [experimental];
    TsOfLastOverTime "ts_of_last_over_time" (Matrix) -> Vector [experimental];
    TsOfMaxOverTime "ts_of_max_over_time" (Matrix) -> Vector [experimental];
    TsOfMinOverTime "ts_of_min_over_time" (Matrix) -> Vector [experimental];
    Vector "vector" (Scalar) -> Vector;
    Year "year" (Vector) -> Vector optional 1;
}

impl Signature {
    /// The fewest arguments.
    #[must_use]
    pub fn min_args(&self) -> usize {
        self.args.len().saturating_sub(usize::from(self.optional))
    }

    /// The most arguments; `None` is any number.
    #[must_use]
    pub fn max_args(&self) -> Option<usize> {
        self.repeats.map(|n| self.args.len().saturating_add(usize::from(n)))
    }

    /// The type of argument `i`.
    #[must_use]
    pub fn arg(&self, i: usize) -> Option<ValueType> {
        self.args.get(i).or(self.args.last()).copied()
    }
}

impl Function {
    /// The name as written.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.signature().name
    }

    /// Whether one of its arguments is a range vector.
    #[must_use]
    pub fn takes_range(self) -> bool {
        self.signature().args.contains(&ValueType::Matrix)
    }

    /// Whether its result depends on the evaluation time even where its arguments do not.
    #[must_use]
    pub fn depends_on_time(self) -> bool {
        use Function as F;
        matches!(
            self,
            F::DaysInMonth
                | F::DayOfMonth
                | F::DayOfWeek
                | F::DayOfYear
                | F::Hour
                | F::Minute
                | F::Month
                | F::Year
                | F::PredictLinear
                | F::Time
                | F::Timestamp
                | F::Start
                | F::End
                | F::Range
                | F::Step
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_functions() {
        for function in Function::ALL {
            assert_eq!(Function::by_name(function.name()), Some(*function));
        }
        assert_eq!(Function::by_name("nope"), None);
        assert_eq!(Function::Round.signature().min_args(), 1);
        assert_eq!(Function::LabelJoin.signature().min_args(), 3);
        assert_eq!(Function::LabelJoin.signature().max_args(), None);
        assert_eq!(Function::HistogramQuantiles.signature().max_args(), Some(12));
    }
}
