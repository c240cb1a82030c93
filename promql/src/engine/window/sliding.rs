//! The extreme of a sliding window in constant time a step.

use std::collections::VecDeque;
use std::ops::Range;

/// Positions of the samples that can still become the window's extreme, best first. NaNs never can.
#[derive(Debug, Default)]
pub(super) struct SlidingExtreme {
    candidates: VecDeque<usize>,
    seen: usize,
}

impl SlidingExtreme {
    /// Moves to the window `rows` and returns the position of its extreme, `None` when all are NaN. `beats(a, b)` says whether
    /// `a` is more extreme than `b`: of equal ones the earliest stands, the latest where it says so of equal ones too.
    pub(super) fn advance(
        &mut self,
        values: &[f64],
        rows: &Range<usize>,
        beats: impl Fn(f64, f64) -> bool,
    ) -> Option<usize> {
        for i in self.seen.max(rows.start)..rows.end {
            if values[i].is_nan() {
                continue;
            }
            while self.candidates.back().is_some_and(|c| beats(values[i], values[*c])) {
                self.candidates.pop_back();
            }
            self.candidates.push_back(i);
        }
        self.seen = self.seen.max(rows.end);
        while self.candidates.front().is_some_and(|c| *c < rows.start) {
            self.candidates.pop_front();
        }
        self.candidates.front().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_a_scan(
            values in prop::collection::vec(prop_oneof![4 => -5.0..5.0f64, 1 => Just(f64::NAN)], 1..60),
            moves in prop::collection::vec((0..4usize, 0..4usize), 1..40),
        ) {
            let mut sliding = SlidingExtreme::default();
            let mut rows = 0..0usize;
            for (start, end) in moves {
                rows.end = (rows.end + end).min(values.len());
                rows.start = (rows.start + start).min(rows.end);
                let scan = rows.clone().filter(|i| !values[*i].is_nan()).max_by(|a, b| values[*a].total_cmp(&values[*b]));
                prop_assert_eq!(sliding.advance(&values, &rows, |a, b| a >= b), scan);
            }
        }

        #[test]
        fn of_equal_ones_the_earliest_stands(
            values in prop::collection::vec((0..3u8).prop_map(f64::from), 1..60),
            moves in prop::collection::vec((0..4usize, 0..4usize), 1..40),
        ) {
            let mut sliding = SlidingExtreme::default();
            let mut rows = 0..0usize;
            for (start, end) in moves {
                rows.end = (rows.end + end).min(values.len());
                rows.start = (rows.start + start).min(rows.end);
                let scan = rows.clone().rev().min_by(|a, b| values[*a].total_cmp(&values[*b]));
                let earliest = scan.map(|i| rows.clone().find(|j| values[*j] == values[i]).unwrap());
                prop_assert_eq!(sliding.advance(&values, &rows, |a, b| a < b), earliest);
            }
        }
    }
}
