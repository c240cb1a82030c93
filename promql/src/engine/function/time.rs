//! Times: of samples, and dates in UTC.

use promethium_model::calendar::{self, Date};
use promethium_model::{Labels, QueryError};

use super::super::column::{Column, Series};
use super::super::eval::{Evaluator, Sink};
use super::super::steps::Steps;
use crate::parser::{ExprId, Extension, Function};
use crate::plan::Op;

impl<'a> Evaluator<'a> {
    /// A selector's samples have their own times, everything else that of the step.
    pub(super) fn timestamp(&self, arg: ExprId, steps: Steps, sink: Sink<'_>) -> Result<(), QueryError> {
        let mut flagged = |mut series: Series| {
            series.drop_name = true;
            sink(series)
        };
        if let Op::Selector(selector) = &self.node(arg).op
            && selector.extension != Some(Extension::Smoothed)
        {
            let times = steps.shifted(selector.shift);
            return self.selector_rows(selector, times, &|b, row| b.timestamps[row] as f64 / 1000.0, &mut flagged);
        }
        self.vector(arg, steps, &mut |mut series| {
            let occupied = series.column.occupied();
            series.column = Column::new(steps.count);
            occupied.ones().for_each(|step| series.column.set(step, steps.time(step) as f64 / 1000.0));
            flagged(series)
        })
    }

    /// When the counter behind a selected sample started; only selectors know.
    pub(super) fn start_timestamp(&self, arg: ExprId, steps: Steps, sink: Sink<'_>) -> Result<(), QueryError> {
        let selector = match &self.node(arg).op {
            Op::Selector(selector) if self.features.start_timestamps => selector,
            // Evaluated all the same: it may fail, or have something to say.
            _ => return self.vector(arg, steps, &mut |_| Ok(())),
        };
        let start = |b: &promethium_model::SampleBatch, row: usize| {
            b.start_timestamps.get(row).copied().unwrap_or(0) as f64 / 1000.0
        };
        self.selector_rows(selector, steps.shifted(selector.shift), &start, &mut |mut series| {
            series.drop_name = true;
            sink(series)
        })
    }

    pub(super) fn date(
        &self,
        function: Function,
        args: &[ExprId],
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let part = move |seconds: f64| date_part(function, seconds);
        let Some(arg) = args.first() else {
            let values = (0..steps.count).map(|i| part(steps.time(i) as f64 / 1000.0)).collect();
            return sink(Series::new(Labels::empty(), Column::dense(values)));
        };
        self.vector(*arg, steps, &mut |mut series| {
            series.column.histograms.clear();
            series.column.map(part);
            series.drop_name = true;
            if series.column.any() { sink(series) } else { Ok(()) }
        })
    }
}

pub(crate) fn date_part(function: Function, seconds: f64) -> f64 {
    let seconds = seconds as i64;
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let part = match function {
        Function::Minute => of_day / 60 % 60,
        Function::Hour => of_day / 3600,
        // The epoch was a Thursday.
        Function::DayOfWeek => (days + 4).rem_euclid(7),
        _ => return calendar_part(function, days) as f64,
    };
    part as f64
}

fn calendar_part(function: Function, days: i64) -> i64 {
    let date = Date::of_epoch_day(days);
    match function {
        Function::DayOfMonth => date.day,
        Function::Month => date.month,
        Function::Year => date.year,
        Function::DayOfYear => date.day_of_year(),
        _ => date.days_in_month(),
    }
}

/// A time in UTC, to the second.
pub(crate) fn rfc3339(ms: i64) -> String {
    let mut out = String::new();
    calendar::push_utc(&mut out, ms);
    out.push('Z');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_leap_day() {
        let noon = (19_782 * 86_400 + 45_296) as f64;
        for (function, expected) in [
            (Function::Hour, 12.0),
            (Function::Minute, 34.0),
            (Function::DayOfWeek, 4.0),
            (Function::DayOfYear, 60.0),
            (Function::DaysInMonth, 29.0),
            (Function::Year, 2024.0),
        ] {
            assert_eq!(date_part(function, noon), expected, "{function:?}");
        }
    }
}
