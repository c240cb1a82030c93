//! Deleted stretches of a series.

/// Closed intervals of milliseconds, sorted and apart: such as touch are one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Intervals(Vec<(i64, i64)>);

impl Intervals {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn as_slice(&self) -> &[(i64, i64)] {
        &self.0
    }

    /// Adds `[min_ms, max_ms]`, merging whatever it overlaps or is one millisecond away from.
    pub(crate) fn add(&mut self, min_ms: i64, max_ms: i64) {
        if min_ms > max_ms {
            return;
        }
        let start = self.0.partition_point(|(_, max)| max.saturating_add(1) < min_ms);
        let end = self.0.partition_point(|(min, _)| *min <= max_ms.saturating_add(1));
        let touched = &self.0[start..end];
        let min = touched.first().map_or(min_ms, |first| first.0.min(min_ms));
        let max = touched.last().map_or(max_ms, |last| last.1.max(max_ms));
        self.0.splice(start..end, [(min, max)]);
    }

    /// Forgets what lies before `t_ms` altogether.
    pub(crate) fn forget_before(&mut self, t_ms: i64) {
        self.0.retain(|(_, max)| *max >= t_ms);
    }

    /// Whether any interval reaches into `[min_ms, max_ms]`.
    pub(crate) fn overlaps(&self, min_ms: i64, max_ms: i64) -> bool {
        let at = self.0.partition_point(|(_, max)| *max < min_ms);
        self.0.get(at).is_some_and(|(min, _)| *min <= max_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn intervals_are_a_set_of_times(added in prop::collection::vec((0_i64..60, 0_i64..12), 0..20)) {
            let mut intervals = Intervals::default();
            let mut model = std::collections::BTreeSet::new();
            for (min, length) in added {
                intervals.add(min, min + length);
                model.extend(min..=min + length);
            }
            for t in -1..80 {
                for width in [0, 3, 9] {
                    let mut times = t..=t + width;
                    prop_assert_eq!(intervals.overlaps(t, t + width), times.any(|t| model.contains(&t)));
                }
            }
            prop_assert!(intervals.as_slice().windows(2).all(|w| w[0].1 + 1 < w[1].0));
        }
    }

    #[test]
    fn the_ends_of_time_do_not_overflow() {
        let mut all = Intervals::default();
        all.add(5, 4);
        assert!(all.is_empty());
        all.add(10, i64::MAX);
        all.add(i64::MIN, 9);
        assert_eq!(all.as_slice(), [(i64::MIN, i64::MAX)]);
        all.forget_before(i64::MAX);
        assert!(!all.is_empty());
    }
}
