//! Dates of the proleptic Gregorian calendar, in UTC: what `year()` and its kin show, and how times print.

use std::fmt::Write;

const ERA_DAYS: i64 = 146_097;
// From the first of March of the year 0 to 1970-01-01.
const EPOCH_FROM_MARCH_0: i64 = 719_468;
const DAY_MS: i64 = 86_400_000;

/// A day.
///
/// ```
/// use promethium_model::calendar::Date;
/// let leap_day = Date { year: 2024, month: 2, day: 29 };
/// assert_eq!(leap_day.epoch_day(), 19_782);
/// assert_eq!(Date::of_epoch_day(19_782), leap_day);
/// assert_eq!(leap_day.days_in_month(), 29);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date {
    /// The year; 0 is before 1.
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// 1 to 31.
    pub day: i64,
}

impl Date {
    /// The date of a number of days since 1970-01-01.
    // Years are counted from March, in eras of 400 years, so that the leap day comes last.
    #[must_use]
    pub fn of_epoch_day(days: i64) -> Date {
        let days = days.saturating_add(EPOCH_FROM_MARCH_0);
        let (era, day_of_era) = (days.div_euclid(ERA_DAYS), days.rem_euclid(ERA_DAYS));
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        Date { year: era * 400 + year_of_era + i64::from(month <= 2), month, day }
    }

    /// The number of days since 1970-01-01. The date must exist; years far outside ±10⁹ are not for this.
    #[must_use]
    pub fn epoch_day(self) -> i64 {
        let year = if self.month <= 2 { self.year - 1 } else { self.year };
        let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let day_of_year = (153 * ((self.month + 9) % 12) + 2) / 5 + self.day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * ERA_DAYS + day_of_era - EPOCH_FROM_MARCH_0
    }

    /// Days of the date's month, 28 to 31.
    #[must_use]
    pub fn days_in_month(self) -> i64 {
        match self.month {
            2 if self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    /// Day of the year, from 1.
    #[must_use]
    pub fn day_of_year(self) -> i64 {
        self.epoch_day() - Date { year: self.year, month: 1, day: 1 }.epoch_day() + 1
    }
}

/// Appends a time in UTC to the second, `2026-01-02T03:04:05`: RFC 3339 without its fraction and zone, which differ from
/// place to place. Returns the milliseconds that are left, 0 to 999.
pub fn push_utc(out: &mut String, time_ms: i64) -> i64 {
    let Date { year, month, day } = Date::of_epoch_day(time_ms.div_euclid(DAY_MS));
    let ms = time_ms.rem_euclid(DAY_MS);
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
    // Writing to a string cannot fail.
    let _ = write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    ms % 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_lead_back_to_their_days() {
        assert_eq!(Date::of_epoch_day(0), Date { year: 1970, month: 1, day: 1 });
        assert_eq!(Date::of_epoch_day(-1), Date { year: 1969, month: 12, day: 31 });
        for day in (-1_000_000..1_000_000).step_by(97) {
            let date = Date::of_epoch_day(day);
            assert_eq!(date.epoch_day(), day);
            assert!((1..=date.days_in_month()).contains(&date.day), "{date:?}");
            assert_eq!(Date { day: 1, ..date }.epoch_day(), day - date.day + 1);
        }
    }

    #[test]
    fn leap_years_follow_the_gregorian_rule() {
        for (year, days) in [(1900, 28), (2000, 29), (2023, 28), (2024, 29), (2100, 28), (-4, 29)] {
            assert_eq!(Date { year, month: 2, day: 1 }.days_in_month(), days, "{year}");
            assert_eq!(Date { year, month: 12, day: 31 }.day_of_year(), 337 + days, "{year}");
        }
    }

    #[test]
    fn times_print_to_the_second() {
        let text = |ms| {
            let mut out = String::new();
            let rest = push_utc(&mut out, ms);
            (out, rest)
        };
        assert_eq!(text(1_767_323_045_678), ("2026-01-02T03:04:05".to_owned(), 678));
        assert_eq!(text(-1), ("1969-12-31T23:59:59".to_owned(), 999));
        assert_eq!(text(-62_135_596_800_000), ("0001-01-01T00:00:00".to_owned(), 0));
    }
}
