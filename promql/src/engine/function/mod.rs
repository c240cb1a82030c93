//! Functions of instant vectors and scalars. Those over ranges are in `window`.

mod absent;
pub(crate) mod classic;
pub(crate) mod fraction;
mod info;
mod labels;
mod math;
mod native;
pub(crate) mod sort;
mod time;

use promethium_model::{Labels, QueryError};

use super::column::{Column, Series};
use super::eval::{Evaluator, Sink};
use super::steps::Steps;
use crate::parser::{ExprId, Function};

pub(crate) use absent::absent_labels;
pub(crate) use classic::MonotonicityFix;
pub(crate) use math::{float_function, go_max, go_min};
pub(crate) use time::{date_part, rfc3339};

impl<'a> Evaluator<'a> {
    /// A call that gives a vector.
    pub(crate) fn call(
        &self,
        function: Function,
        args: &'a [ExprId],
        id: ExprId,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        use Function as F;
        if function.takes_range() {
            return self.range_call(function, args, id, steps, sink);
        }
        if let Some(f) = math::float_function(function) {
            return self.map_floats(args[0], steps, f, sink);
        }
        match function {
            F::Round | F::Clamp | F::ClampMin | F::ClampMax => self.math_with_scalars(function, args, steps, sink),
            F::Absent => self.absent(args[0], steps, sink),
            F::Vector => {
                let values = self.scalar(args[0], steps)?;
                sink(Series::new(Labels::empty(), Column::dense(values)))
            }
            F::Timestamp => self.timestamp(args[0], steps, sink),
            F::StartTimestamp => self.start_timestamp(args[0], steps, sink),
            F::Minute | F::Hour | F::DayOfWeek | F::DayOfMonth | F::DayOfYear | F::DaysInMonth | F::Month | F::Year => {
                self.date(function, args, steps, sink)
            }
            F::LabelReplace => self.label_replace(args, steps, sink),
            F::LabelJoin => self.label_join(args, steps, sink),
            F::Sort | F::SortDesc => self.sort(function, args[0], id, steps, sink),
            F::SortByLabel | F::SortByLabelDesc => self.sort_by_label(function, args, id, steps, sink),
            F::HistogramCount | F::HistogramSum | F::HistogramAvg | F::HistogramStddev | F::HistogramStdvar => {
                self.histogram_statistic(function, args[0], steps, sink)
            }
            F::HistogramQuantile | F::HistogramQuantiles => self.histogram_quantile(function, args, id, steps, sink),
            F::HistogramFraction => self.histogram_fraction(args, id, steps, sink),
            other => Err(QueryError::Execution(format!("unexpected error: {} gives no vector", other.name()))),
        }
    }

    /// A call that gives a scalar.
    pub(crate) fn scalar_call(
        &self,
        function: Function,
        args: &'a [ExprId],
        steps: Steps,
    ) -> Result<Vec<f64>, QueryError> {
        match function {
            Function::Pi => Ok(vec![std::f64::consts::PI; steps.count]),
            Function::Time => Ok((0..steps.count).map(|i| steps.time(i) as f64 / 1000.0).collect()),
            Function::Scalar => self.scalar_of(args[0], steps),
            Function::MinOf | Function::MaxOf => {
                let mut a = self.scalar(args[0], steps)?;
                let b = self.scalar(args[1], steps)?;
                let pick = if function == Function::MinOf { math::go_min } else { math::go_max };
                a.iter_mut().zip(b).for_each(|(a, b)| *a = pick(*a, b));
                Ok(a)
            }
            other => Err(QueryError::Execution(format!("unexpected error: {} gives no scalar", other.name()))),
        }
    }

    /// `scalar`: the one float of a step, NaN where there are none or several.
    fn scalar_of(&self, arg: ExprId, steps: Steps) -> Result<Vec<f64>, QueryError> {
        let mut values = vec![f64::NAN; steps.count];
        let mut seen = vec![0u8; steps.count];
        self.vector(arg, steps, &mut |series| {
            for step in series.column.present.ones() {
                values[step] = if seen[step] == 0 { series.column.values[step] } else { f64::NAN };
                seen[step] = 1;
            }
            Ok(())
        })?;
        Ok(values)
    }

    /// Applies `f` to the floats, drops the histograms and asks for the name's removal.
    fn map_floats(&self, arg: ExprId, steps: Steps, f: fn(f64) -> f64, sink: Sink<'_>) -> Result<(), QueryError> {
        self.vector(arg, steps, &mut |mut series| {
            series.column.histograms.clear();
            if !series.column.any() {
                return Ok(());
            }
            series.column.map(f);
            series.drop_name = true;
            sink(series)
        })
    }
}
