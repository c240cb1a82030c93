//! Times: of samples, and dates in UTC.

use promethium_model::{Labels, QueryError};

use super::super::column::{Column, Series};
use super::super::eval::{Evaluator, Sink};
use super::super::steps::Steps;
use crate::parser::{ExprId, Function};
use crate::plan::Op;

impl<'a> Evaluator<'a> {
    /// A selector's samples have their own times, everything else that of the step.
    pub(super) fn timestamp(&self, arg: ExprId, steps: Steps, sink: Sink<'_>) -> Result<(), QueryError> {
        let mut flagged = |mut series: Series| {
            series.drop_name = true;
            sink(series)
        };
        if let Op::Selector(selector) = &self.node(arg).op
            && selector.extension.is_none()
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
        let Op::Selector(selector) = &self.node(arg).op else { return Ok(()) };
        if !self.features.start_timestamps {
            return Ok(());
        }
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

fn date_part(function: Function, seconds: f64) -> f64 {
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
        Function::DayOfYear => days - epoch_day(date.year, 1, 1) + 1,
        _ => days_in_month(date),
    }
}

fn days_in_month(date: Date) -> i64 {
    let (year, month) = if date.month == 12 { (date.year + 1, 1) } else { (date.year, date.month + 1) };
    epoch_day(year, month, 1) - epoch_day(date.year, date.month, 1)
}

/// A time in UTC, to the second.
pub(crate) fn rfc3339(ms: i64) -> String {
    let seconds = ms.div_euclid(1000);
    let Date { year, month, day } = Date::of_epoch_day(seconds.div_euclid(86_400));
    let of_day = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// A date of the proleptic Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Date {
    pub(crate) year: i64,
    pub(crate) month: i64,
    pub(crate) day: i64,
}

impl Date {
    // Years begin in March here, so that the leap day is the last of its year.
    pub(crate) fn of_epoch_day(days: i64) -> Date {
        let shifted = days.saturating_add(719_468);
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        Date { year: year_of_era + era * 400 + i64::from(month <= 2), month, day }
    }
}

fn epoch_day(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_lead_back_to_their_days() {
        assert_eq!(Date::of_epoch_day(0), Date { year: 1970, month: 1, day: 1 });
        assert_eq!(Date::of_epoch_day(-1), Date { year: 1969, month: 12, day: 31 });
        assert_eq!(Date::of_epoch_day(19_782), Date { year: 2024, month: 2, day: 29 });
        for day in (-1_000_000..1_000_000).step_by(97) {
            let date = Date::of_epoch_day(day);
            assert_eq!(epoch_day(date.year, date.month, date.day), day);
        }
    }

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
