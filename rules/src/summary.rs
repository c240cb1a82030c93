//! Durations as a summary: count, sum, and quantiles of the last ten minutes in bounded space.
//!
//! Prometheus' own metrics have quantiles over a window that slides in five steps. Here a step counts its durations in buckets
//! whose width is a 64th of the power of two that they lie in, so that a quantile is off by less than one percent of its value
//! whatever was observed, and the space is the same for ten durations and ten million.

use std::sync::Mutex;
use std::time::Duration;

use crate::sync::lock;

/// How long a duration counts towards quantiles, at the longest.
pub const SUMMARY_WINDOW: Duration = Duration::from_secs(600);
const STEPS: usize = 5;

/// Buckets of one power of two, as an exponent.
const FINE_BITS: u32 = 6;
const FINE: usize = 1 << FINE_BITS;
/// Half an hour and more, in nanoseconds, share the last bucket.
const LONGEST_NS: u64 = (1 << 41) - 1;
const BUCKETS: usize = (41 - FINE_BITS as usize) * FINE + FINE;

/// Counts durations. Observing neither waits nor allocates, but for a lock held for some instructions and for the first duration of
/// each step. Time is an argument: that of a clock that never goes back, always the same one.
#[derive(Debug, Default)]
pub struct DurationSummary(Mutex<Observed>);

#[derive(Debug, Default)]
struct Observed {
    count: u64,
    sum: Duration,
    steps: [Step; STEPS],
}

/// What was observed in a part of the window.
#[derive(Debug, Default)]
struct Step {
    /// Its number since the clock's origin.
    number: u64,
    /// `BUCKETS` counts, or none yet.
    buckets: Vec<u32>,
}

/// A [`DurationSummary`] at one time.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SummarySnapshot {
    /// Durations since the beginning.
    pub count: u64,
    /// Their sum.
    pub sum_seconds: f64,
    /// Each quantile asked for, with its value in seconds over the last ten minutes; NaN when nothing was observed in them.
    pub quantiles: Vec<(f64, f64)>,
}

impl DurationSummary {
    /// Nothing observed yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts a duration that ended at `now`.
    pub fn observe(&self, now: Duration, took: Duration) {
        let mut observed = lock(&self.0);
        observed.count += 1;
        observed.sum = observed.sum.saturating_add(took);
        let number = step_number(now);
        let step = &mut observed.steps[(number % STEPS as u64) as usize];
        step.begin(number);
        let count = &mut step.buckets[bucket_of(took)];
        *count = count.saturating_add(1);
    }

    /// What was observed, as of `now`. `quantiles` lie between 0 and 1.
    #[must_use]
    pub fn snapshot(&self, now: Duration, quantiles: &[f64]) -> SummarySnapshot {
        let observed = lock(&self.0);
        let buckets = observed.window(step_number(now));
        let total = buckets.iter().sum();
        SummarySnapshot {
            count: observed.count,
            sum_seconds: observed.sum.as_secs_f64(),
            quantiles: quantiles.iter().map(|q| (*q, quantile(&buckets, total, *q))).collect(),
        }
    }
}

impl Observed {
    /// The counts of all steps that are not too old.
    fn window(&self, now: u64) -> Vec<u64> {
        let mut sums = vec![0; BUCKETS];
        for step in self.steps.iter().filter(|step| now.saturating_sub(step.number) < STEPS as u64) {
            for (sum, count) in sums.iter_mut().zip(&step.buckets) {
                *sum += u64::from(*count);
            }
        }
        sums
    }
}

impl Step {
    /// Forgets what its place held a window ago.
    fn begin(&mut self, number: u64) {
        if self.buckets.is_empty() {
            self.buckets.resize(BUCKETS, 0);
        } else if self.number != number {
            self.buckets.fill(0);
        }
        self.number = number;
    }
}

fn step_number(now: Duration) -> u64 {
    now.as_secs() / (SUMMARY_WINDOW.as_secs() / STEPS as u64)
}

/// Below `FINE` nanoseconds each has its bucket; above, each power of two has `FINE` of them.
fn bucket_of(took: Duration) -> usize {
    let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX).min(LONGEST_NS);
    let shift = (u64::BITS - ns.leading_zeros()).saturating_sub(FINE_BITS + 1);
    shift as usize * FINE + (ns >> shift) as usize
}

/// The middle of a bucket, seconds.
fn middle_of(bucket: usize) -> f64 {
    let shift = (bucket / FINE).saturating_sub(1);
    let first = bucket - shift * FINE;
    ((first as f64 + 0.5) * (1u64 << shift) as f64 - 0.5) / 1e9
}

/// The value below or at which this part of the observations lies: the one of rank ⌈q × n⌉, the first at least.
fn quantile(buckets: &[u64], total: u64, q: f64) -> f64 {
    let rank = ((q * total as f64).ceil() as u64).max(1);
    let mut below = 0;
    let found = buckets.iter().position(|count| {
        below += count;
        below >= rank
    });
    found.map_or(f64::NAN, middle_of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: Duration = Duration::from_secs(3);
    const QUANTILES: [f64; 5] = [0.01, 0.05, 0.5, 0.9, 0.99];

    #[test]
    fn buckets_follow_one_another_without_a_gap() {
        let bucket = |ns| bucket_of(Duration::from_nanos(ns));
        assert_eq!((bucket(0), bucket(63), bucket(64), bucket(127), bucket(128)), (0, 63, 64, 127, 128));
        assert_eq!((bucket(129), bucket(130), bucket(255), bucket(256)), (128, 129, 191, 192));
        assert_eq!((bucket(LONGEST_NS), bucket_of(Duration::MAX)), (BUCKETS - 1, BUCKETS - 1));
        let middles: Vec<f64> = (0..BUCKETS).map(middle_of).collect();
        assert!(middles.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!((middles[0], middles[100]), (0.0, 1e-7));
    }

    #[test]
    fn quantiles_are_those_of_the_last_ten_minutes() {
        let summary = DurationSummary::new();
        let median = |at_s: u64| summary.snapshot(Duration::from_secs(at_s), &[0.5]).quantiles[0].1;
        assert!(median(0).is_nan(), "nothing was observed");
        summary.observe(Duration::from_secs(10), Duration::from_secs(1));
        assert!((median(10) - 1.0).abs() < 0.01 && (median(590) - 1.0).abs() < 0.01);
        assert!(median(600).is_nan(), "it is too old");
        // The place of the first step is used again.
        summary.observe(Duration::from_secs(610), Duration::from_secs(2));
        assert!((median(620) - 2.0).abs() < 0.02);
        let snapshot = summary.snapshot(Duration::from_secs(9_999), &[]);
        assert_eq!((snapshot.count, snapshot.sum_seconds), (2, 3.0), "count and sum forget nothing");
    }

    #[test]
    fn space_is_bounded() {
        let summary = DurationSummary::new();
        for n in 0..100_000u64 {
            summary.observe(Duration::from_secs(n / 10), Duration::from_nanos(n * 7_919));
        }
        let observed = lock(&summary.0);
        assert!(observed.steps.iter().all(|step| step.buckets.capacity() == BUCKETS));
        assert_eq!(BUCKETS * size_of::<u32>() * STEPS, 46_080);
    }

    proptest! {
        #[test]
        fn a_quantile_is_within_a_percent_of_the_exact_one(
            mut ns in prop::collection::vec(prop_oneof![0..2_000u64, 0..1_000_000_000u64, 0..=LONGEST_NS], 1..400),
        ) {
            let summary = DurationSummary::new();
            ns.iter().for_each(|ns| summary.observe(START, Duration::from_nanos(*ns)));
            ns.sort_unstable();
            for (q, got) in summary.snapshot(START, &QUANTILES).quantiles {
                let rank = (q * ns.len() as f64).ceil().max(1.0) as usize;
                let exact = ns[rank - 1] as f64 / 1e9;
                prop_assert!((got - exact).abs() <= exact * 0.01, "{}: {} for {}", q, got, exact);
            }
        }
    }
}
