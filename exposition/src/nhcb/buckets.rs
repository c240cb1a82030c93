//! Cumulative buckets, and the histogram that they make.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::sync::Arc;

use promethium_model::histogram::CUSTOM_BUCKETS_SCHEMA;
use promethium_model::{FloatHistogram, Histogram, Span};

use crate::event::NativeHistogram;
use crate::protobuf::compact;

// Gaps of so many empty buckets are kept in integer histograms: a span costs more.
const MAX_GAP: i64 = 2;

/// What was collected of a classic histogram.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    /// Bounds and cumulative counts, in the order of the page.
    buckets: Vec<(f64, f64)>,
    pub(super) count: Option<f64>,
    pub(super) sum: f64,
    /// Those of the last histogram: most of a family have the same.
    bounds: Arc<[f64]>,
}

impl Buckets {
    pub(super) fn clear(&mut self) {
        self.buckets.clear();
        (self.count, self.sum) = (None, 0.0);
    }

    pub(super) fn add(&mut self, bound: f64, count: f64) {
        self.buckets.push((bound, count));
    }

    /// The histogram, integer where all counts are whole.
    ///
    /// # Errors
    ///
    /// What is inconsistent.
    pub(super) fn convert(&mut self, out: &mut NativeHistogram) -> Result<(), String> {
        // Of a repeated bound the first count stands: the sort is stable.
        self.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.buckets.dedup_by(|later, first| later.0 == first.0);
        let count = self.count.or(self.buckets.last().map(|(_, count)| *count)).unwrap_or(0.0);
        if self.buckets.last().is_none_or(|(bound, _)| *bound != f64::INFINITY) {
            self.buckets.push((f64::INFINITY, count));
        }
        self.check(count)?;
        self.share_bounds();
        if self.buckets.iter().map(|(_, c)| *c).chain([count]).all(is_whole) {
            self.integer(count, out);
        } else {
            self.float(count, out);
        }
        validate(out)
    }

    fn check(&self, count: f64) -> Result<(), String> {
        let mut below = 0.0;
        for (bound, cumulative) in &self.buckets {
            if *cumulative < 0.0 {
                return Err(format!("bucket count must be non-negative: le={bound}, count={cumulative}"));
            }
            if *cumulative < below {
                return Err(format!("counts are not cumulative: {cumulative} < {below}"));
            }
            below = *cumulative;
        }
        if count < 0.0 {
            return Err(format!("count must be non-negative: {count}"));
        }
        if count != below {
            return Err(format!("count mismatch: {count} != {below}"));
        }
        Ok(())
    }

    /// All bounds but +Inf.
    fn share_bounds(&mut self) {
        let bounds = self.buckets.iter().map(|(bound, _)| *bound).filter(|bound| *bound != f64::INFINITY);
        if !self.bounds.iter().copied().eq(bounds.clone()) {
            self.bounds = bounds.collect();
        }
    }

    fn span(&self) -> [Span; 1] {
        [Span { offset: 0, length: u32::try_from(self.buckets.len()).unwrap_or(u32::MAX) }]
    }

    /// The counts of single buckets.
    fn counts(&self) -> impl Iterator<Item = f64> {
        self.buckets.iter().scan(0.0, |below, (_, cumulative)| Some(cumulative - std::mem::replace(below, *cumulative)))
    }

    fn integer(&self, count: f64, out: &mut NativeHistogram) {
        if !matches!(out, NativeHistogram::Integer(_)) {
            *out = NativeHistogram::Integer(Histogram::default());
        }
        let NativeHistogram::Integer(h) = out else { return };
        (h.schema, h.count, h.sum) = (CUSTOM_BUCKETS_SCHEMA, count as u64, self.sum);
        h.custom_bounds = Arc::clone(&self.bounds);
        h.positive_deltas.clear();
        let mut before = 0i64;
        let counts = self.counts().map(|count| count as i64);
        compact(
            &self.span(),
            counts,
            |c| c == 0,
            MAX_GAP,
            h.positive_spans.to_mut(),
            |count| {
                let count = count.unwrap_or(0);
                h.positive_deltas.push(count.wrapping_sub(before));
                before = count;
            },
        );
    }

    fn float(&self, count: f64, out: &mut NativeHistogram) {
        if !matches!(out, NativeHistogram::Float(_)) {
            *out = NativeHistogram::Float(FloatHistogram::default());
        }
        let NativeHistogram::Float(h) = out else { return };
        (h.schema, h.count, h.sum) = (CUSTOM_BUCKETS_SCHEMA, count, self.sum);
        h.custom_bounds = Arc::clone(&self.bounds);
        h.positive_buckets.clear();
        let buckets = &mut h.positive_buckets;
        compact(
            &self.span(),
            self.counts(),
            |c| c == 0.0,
            0,
            h.positive_spans.to_mut(),
            |count| {
                buckets.push(count.unwrap_or(0.0));
            },
        );
    }
}

/// Whether a count is a whole number that fits.
fn is_whole(count: f64) -> bool {
    count.fract() == 0.0 && count < 9_223_372_036_854_775_808.0
}

fn validate(histogram: &NativeHistogram) -> Result<(), String> {
    let valid = match histogram {
        NativeHistogram::Integer(h) => h.validate(),
        NativeHistogram::Float(h) => h.validate(),
    };
    valid.map_err(|e| e.to_string())
}

#[cfg(test)]
#[expect(clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    fn convert(buckets: &[(f64, f64)], count: Option<f64>) -> Result<NativeHistogram, String> {
        let mut collected = Buckets { count, sum: 1.5, ..Buckets::default() };
        buckets.iter().for_each(|(bound, count)| collected.add(*bound, *count));
        let mut out = NativeHistogram::default();
        collected.convert(&mut out).map(|()| out)
    }

    fn spans(lengths: &[(i32, u32)]) -> Vec<Span> {
        lengths.iter().map(|&(offset, length)| Span { offset, length }).collect()
    }

    #[test]
    fn whole_counts_make_an_integer_histogram() {
        let Ok(NativeHistogram::Integer(h)) = convert(&[(1.0, 2.0), (0.5, 1.0), (1.0, 9.0)], Some(4.0)) else {
            panic!("an integer histogram")
        };
        assert_eq!((h.schema, h.count, h.sum), (CUSTOM_BUCKETS_SCHEMA, 4, 1.5));
        assert_eq!(*h.custom_bounds, [0.5, 1.0]);
        assert_eq!((h.positive_spans, h.positive_deltas), (spans(&[(0, 3)]).into(), vec![1, 0, 1]));
    }

    #[test]
    fn fractions_make_a_float_histogram() {
        let Ok(NativeHistogram::Float(h)) = convert(&[(0.5, 0.5), (1.0, 0.5), (f64::INFINITY, 2.0)], None) else {
            panic!("a float histogram")
        };
        assert_eq!(h.count, 2.0);
        assert_eq!((h.positive_spans, h.positive_buckets), (spans(&[(0, 1), (1, 1)]).into(), vec![0.5, 1.5]));
    }

    #[test]
    fn nothing_but_a_count_is_one_bucket() {
        let Ok(NativeHistogram::Integer(h)) = convert(&[], Some(3.0)) else { panic!("a histogram") };
        assert_eq!((h.positive_spans, h.positive_deltas), (spans(&[(0, 1)]).into(), vec![3]));
        assert!(h.custom_bounds.is_empty());
    }

    #[test]
    fn what_is_inconsistent_is_refused() {
        for (buckets, count) in [
            (&[(1.0, 2.0), (2.0, 1.0)][..], None),
            (&[(1.0, -1.0)], None),
            (&[(1.0, 1.0), (f64::INFINITY, 2.0)], Some(3.0)),
            (&[], Some(-1.0)),
        ] {
            assert!(convert(buckets, count).is_err(), "{buckets:?}");
        }
    }
}
