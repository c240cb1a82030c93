//! Functions of native histograms alone.

use std::sync::Arc;

use promethium_model::{FloatHistogram, QueryError};

use super::super::column::Column;
use super::super::eval::{Evaluator, Sink};
use super::super::histogram::statistics;
use super::super::steps::Steps;
use crate::parser::{ExprId, Function};

impl<'a> Evaluator<'a> {
    pub(super) fn histogram_statistic(
        &self,
        function: Function,
        arg: ExprId,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let of = |h: &Arc<FloatHistogram>| match function {
            Function::HistogramCount => h.count,
            Function::HistogramSum => h.sum,
            Function::HistogramAvg => h.sum / h.count,
            Function::HistogramStddev => statistics::variance(h).sqrt(),
            _ => statistics::variance(h),
        };
        self.vector(arg, steps, &mut |mut series| {
            let histograms = std::mem::take(&mut series.column.histograms);
            series.column = Column::new(steps.count);
            histograms.iter().for_each(|(step, h)| series.column.set(*step as usize, of(h)));
            series.drop_name = true;
            if series.column.any() { sink(series) } else { Ok(()) }
        })
    }
}
