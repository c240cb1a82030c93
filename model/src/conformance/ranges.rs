//! The querier's range: closed on both sides, and binding.

use super::dataset::{Dataset, START_MS, STEP_MS};
use super::reading::{read, same};
use super::{Outcome, ReadCheck};
use crate::storage::{Queryable, TimeRange};

pub(super) const CHECKS: &[ReadCheck] = &[
    ReadCheck { name: "range_includes_both_bounds", run: |s, d| each_range(s, d, &[(1, 3), (2, 2), (0, 899)]) },
    ReadCheck { name: "range_cuts_between_samples", run: between_samples },
    ReadCheck { name: "range_without_samples_is_empty", run: empty_ranges },
    ReadCheck { name: "range_may_be_all_of_time", run: extremes },
];

fn agree(store: &dyn Queryable, data: &Dataset, range: TimeRange) -> Outcome {
    same(&format!("{range:?}"), &read(store, range, &[])?, &data.expected(range, &[]))
}

fn each_range(store: &dyn Queryable, data: &Dataset, steps: &[(i64, i64)]) -> Outcome {
    steps.iter().try_for_each(|(first, last)| {
        agree(store, data, TimeRange::new(START_MS + first * STEP_MS, START_MS + last * STEP_MS))
    })
}

fn between_samples(store: &dyn Queryable, data: &Dataset) -> Outcome {
    agree(store, data, TimeRange::new(START_MS + 1, START_MS + 3 * STEP_MS - 1))?;
    agree(store, data, TimeRange::new(START_MS - 1, START_MS))
}

fn empty_ranges(store: &dyn Queryable, data: &Dataset) -> Outcome {
    let ranges = [
        TimeRange::new(START_MS + 1, START_MS + STEP_MS - 1),
        TimeRange::new(0, START_MS - 1),
        TimeRange::new(START_MS + 10_000_000, START_MS + 20_000_000),
        TimeRange::new(START_MS + STEP_MS, START_MS),
    ];
    ranges.into_iter().try_for_each(|range| agree(store, data, range))
}

fn extremes(store: &dyn Queryable, data: &Dataset) -> Outcome {
    agree(store, data, TimeRange::ALL)?;
    agree(store, data, TimeRange::new(i64::MIN, START_MS + STEP_MS))?;
    agree(store, data, TimeRange::new(START_MS + STEP_MS, i64::MAX))
}
