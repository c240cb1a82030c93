//! The extreme of a sliding window in constant time a step.

use std::ops::Range;

/// The samples that can still become the window's extreme, best first: value and position. NaNs never can.
#[derive(Debug, Default)]
pub(super) struct SlidingExtreme {
    candidates: Vec<(f64, usize)>,
    /// Candidates that have left the window.
    gone: usize,
    seen: usize,
}

impl SlidingExtreme {
    /// Moves to the window `rows` and returns the position of its extreme, `None` when all are NaN. `beats(a, b)` says whether
    /// `a` is more extreme than `b`: of equal ones the earliest stands, the latest where it says so of equal ones too.
    ///
    /// PERF: values lie beside positions, one behind the other, so that the samples of a window are looked at once and in order.
    #[inline]
    pub(super) fn advance(
        &mut self,
        values: &[f64],
        rows: &Range<usize>,
        beats: impl Fn(f64, f64) -> bool,
    ) -> Option<usize> {
        let first = self.seen.max(rows.start).min(rows.end);
        for (value, i) in values[first..rows.end].iter().copied().zip(first..) {
            if value.is_nan() {
                continue;
            }
            while self.candidates.len() > self.gone && self.candidates.last().is_some_and(|(c, _)| beats(value, *c)) {
                self.candidates.pop();
            }
            self.candidates.push((value, i));
        }
        self.seen = self.seen.max(rows.end);
        let left = &self.candidates[self.gone..];
        self.gone += left.iter().take_while(|(_, i)| *i < rows.start).count();
        if self.gone > self.candidates.len() / 2 {
            self.candidates.drain(..self.gone);
            self.gone = 0;
        }
        self.candidates.get(self.gone).map(|(_, i)| *i)
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
