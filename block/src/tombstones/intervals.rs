//! Sorted, disjoint intervals.

use promethium_model::SampleBatch;

/// A closed interval of milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval {
    /// First millisecond.
    pub min_ms: i64,
    /// Last millisecond.
    pub max_ms: i64,
}

/// Sorted intervals with at least one millisecond between any two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intervals(Vec<Interval>);

impl Intervals {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// In order.
    #[must_use]
    pub fn as_slice(&self) -> &[Interval] {
        &self.0
    }

    /// Adds an interval; what it overlaps, or what lies one millisecond beside it, becomes one with it. One that ends
    /// before it begins adds nothing.
    pub fn add(&mut self, new: Interval) {
        if new.min_ms > new.max_ms {
            return;
        }
        let first = self.0.partition_point(|i| i.max_ms.saturating_add(1) < new.min_ms);
        let end = self.0.partition_point(|i| i.min_ms <= new.max_ms.saturating_add(1));
        let joined = self.0[first..end].iter().fold(new, |joined, i| Interval {
            min_ms: joined.min_ms.min(i.min_ms),
            max_ms: joined.max_ms.max(i.max_ms),
        });
        self.0.splice(first..end, [joined]);
    }

    /// Whether a time is deleted.
    #[must_use]
    pub fn contain(&self, t_ms: i64) -> bool {
        let at = self.0.partition_point(|i| i.max_ms < t_ms);
        self.0.get(at).is_some_and(|i| i.min_ms <= t_ms)
    }

    /// Whether any time of `[min_ms, max_ms]` is deleted.
    #[must_use]
    pub fn overlap(&self, min_ms: i64, max_ms: i64) -> bool {
        let at = self.0.partition_point(|i| i.max_ms < min_ms);
        self.0.get(at).is_some_and(|i| i.min_ms <= max_ms)
    }

    /// Whether all times of `[min_ms, max_ms]` are deleted.
    #[must_use]
    pub fn cover(&self, min_ms: i64, max_ms: i64) -> bool {
        let at = self.0.partition_point(|i| i.max_ms < min_ms);
        self.0.get(at).is_some_and(|i| i.min_ms <= min_ms && max_ms <= i.max_ms)
    }

    /// Whether nothing is deleted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Drops the rows from `base` on that are deleted.
    pub fn apply(&self, out: &mut SampleBatch, base: usize) {
        let Some((first, last)) = out.timestamps.get(base).zip(out.timestamps.last()) else { return };
        if self.overlap(*first, *last) {
            crate::rows::retain(out, base, |t| !self.contain(t));
        }
    }
}

impl FromIterator<Interval> for Intervals {
    fn from_iter<I: IntoIterator<Item = Interval>>(intervals: I) -> Self {
        let mut all = Intervals::new();
        intervals.into_iter().for_each(|i| all.add(i));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn interval(min_ms: i64, max_ms: i64) -> Interval {
        Interval { min_ms, max_ms }
    }

    #[test]
    fn neighbours_become_one() {
        let all: Intervals =
            [interval(10, 20), interval(30, 40), interval(21, 21), interval(9, 3)].into_iter().collect();
        assert_eq!(all.as_slice(), [interval(10, 21), interval(30, 40)]);
        assert!(all.cover(12, 21) && !all.cover(12, 22) && all.overlap(0, 10) && !all.overlap(22, 29));
        let all: Intervals = [interval(i64::MIN, 5), interval(6, i64::MAX)].into_iter().collect();
        assert_eq!(all.as_slice(), [interval(i64::MIN, i64::MAX)]);
    }

    #[test]
    fn intervals_are_sets_of_milliseconds() {
        let mut state = 1_u64;
        let mut random = |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % n
        };
        for _ in 0..300 {
            let (mut all, mut model) = (Intervals::new(), BTreeSet::new());
            for _ in 0..random(8) {
                let (from, len) = (random(60) as i64, random(9) as i64);
                all.add(interval(from, from + len - 1));
                model.extend(from..from + len);
            }
            assert!((0..80).all(|t| all.contain(t) == model.contains(&t)));
            assert!(all.as_slice().windows(2).all(|w| w[0].max_ms + 1 < w[1].min_ms));
            let (from, to) = (random(60) as i64, random(80) as i64);
            assert_eq!(from <= to && all.overlap(from, to), from <= to && (from..=to).any(|t| model.contains(&t)));
        }
    }
}
