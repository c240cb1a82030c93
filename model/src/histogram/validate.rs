//! Which histograms may be stored.

use thiserror::Error;

use super::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram, Histogram, Span, is_exponential_schema, spanned_buckets};

/// Why a histogram was refused.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum HistogramError {
    /// Neither exponential nor custom.
    #[error(
        "histogram has an invalid schema {schema}, which must be between -4 and 8 for exponential buckets, or -53 for custom buckets"
    )]
    Schema {
        /// The schema found.
        schema: i32,
    },
    /// The spans cover another number of buckets than there are.
    #[error("{side} side: spans need {need} buckets, have {have} buckets")]
    SpansMismatch {
        /// "positive" or "negative".
        side: &'static str,
        /// Buckets that the spans cover.
        need: u64,
        /// Buckets present.
        have: usize,
    },
    /// A span other than the first starts before the end of its predecessor.
    #[error("{side} side: span number {span} with offset {offset}: histogram has a span whose offset is negative")]
    NegativeSpanOffset {
        /// "positive" or "negative".
        side: &'static str,
        /// Position of the span, from 1.
        span: usize,
        /// Its offset.
        offset: i32,
    },
    /// A bucket count below zero, or NaN.
    #[error(
        "{side} side: bucket number {bucket} has observation count of {count}: histogram has a bucket whose observation count is negative"
    )]
    NegativeBucketCount {
        /// "positive" or "negative".
        side: &'static str,
        /// Position of the bucket, from 1.
        bucket: usize,
        /// Its count.
        count: f64,
    },
    /// A zero count or a total below zero.
    #[error("{what} is negative: {count}")]
    NegativeCount {
        /// "zero bucket" or "count".
        what: &'static str,
        /// The value found.
        count: f64,
    },
    /// The buckets hold another number of observations than the count says.
    #[error(
        "{observations} observations found in buckets, but the Count field is {count}: histogram's observation count should equal the number of observations found in the buckets (in absence of NaN)"
    )]
    CountMismatch {
        /// Observations in the buckets.
        observations: u64,
        /// The count field.
        count: u64,
    },
    /// The buckets hold more observations than the count says, though the sum is NaN.
    #[error(
        "{observations} observations found in buckets, but the Count field is {count}: histogram's observation count should be at least the number of observations found in the buckets"
    )]
    CountNotBigEnough {
        /// Observations in the buckets.
        observations: u64,
        /// The count field.
        count: u64,
    },
    /// A custom bound is NaN.
    #[error("custom buckets must not be NaN")]
    BoundNan,
    /// Custom bounds must grow; the last must be finite.
    #[error(
        "custom buckets: previous bound is {previous} and current is {current}: histogram custom bounds must be in strictly increasing order"
    )]
    BoundsNotIncreasing {
        /// The bound before.
        previous: f64,
        /// The bound that is not above it.
        current: f64,
    },
    /// An explicit `+Inf` bound: the last bucket has it implicitly.
    #[error("last +Inf bound must not be explicitly defined: histogram custom bounds must be finite")]
    BoundInfinite,
    /// The spans reach past the custom bounds.
    #[error(
        "only {bounds} custom bounds defined which is insufficient to cover total span length of {span_end}: histogram custom bounds are too few"
    )]
    TooFewBounds {
        /// Bounds present.
        bounds: usize,
        /// Bucket index after the last span.
        span_end: i64,
    },
    /// Custom buckets with a zero bucket, or negative buckets.
    #[error("custom buckets: must not have {what}")]
    CustomWith {
        /// What must not be there.
        what: &'static str,
    },
    /// Custom bounds on an exponential schema.
    #[error("histogram with exponential schema must not have custom bounds")]
    ExponentialWithBounds,
}

impl Histogram {
    /// Checks what a store demands of a histogram.
    ///
    /// # Errors
    ///
    /// The first rule that does not hold.
    pub fn validate(&self) -> Result<(), HistogramError> {
        let shape = Shape {
            schema: self.schema,
            bounds: &self.custom_bounds,
            zero_threshold: self.zero_threshold,
            has_zero_count: self.zero_count != 0,
            positive: (&self.positive_spans, self.positive_deltas.len()),
            negative: (&self.negative_spans, self.negative_deltas.len()),
        };
        shape.validate()?;
        let negative = sum_deltas("negative", &self.negative_deltas)?;
        let positive = sum_deltas("positive", &self.positive_deltas)?;
        let observations = negative.wrapping_add(positive).wrapping_add(self.zero_count);
        let count = self.count;
        match self.sum.is_nan() {
            true if observations > count => Err(HistogramError::CountNotBigEnough { observations, count }),
            false if observations != count => Err(HistogramError::CountMismatch { observations, count }),
            _ => Ok(()),
        }
    }
}

impl FloatHistogram {
    /// Checks what a store demands of a float histogram. The total is not compared with the buckets: float counts
    /// come from computations, where both round on their own.
    ///
    /// # Errors
    ///
    /// The first rule that does not hold.
    pub fn validate(&self) -> Result<(), HistogramError> {
        let shape = Shape {
            schema: self.schema,
            bounds: &self.custom_bounds,
            zero_threshold: self.zero_threshold,
            has_zero_count: self.zero_count != 0.0,
            positive: (&self.positive_spans, self.positive_buckets.len()),
            negative: (&self.negative_spans, self.negative_buckets.len()),
        };
        shape.validate()?;
        for (what, count) in [("zero bucket", self.zero_count), ("count", self.count)] {
            if count < 0.0 {
                return Err(HistogramError::NegativeCount { what, count });
            }
        }
        check_counts("negative", &self.negative_buckets)?;
        check_counts("positive", &self.positive_buckets)
    }
}

struct Shape<'a> {
    schema: i32,
    bounds: &'a [f64],
    zero_threshold: f64,
    has_zero_count: bool,
    positive: (&'a [Span], usize),
    negative: (&'a [Span], usize),
}

impl Shape<'_> {
    fn validate(&self) -> Result<(), HistogramError> {
        if self.schema == CUSTOM_BUCKETS_SCHEMA {
            self.validate_custom()?;
        } else if !is_exponential_schema(self.schema) {
            return Err(HistogramError::Schema { schema: self.schema });
        } else if !self.bounds.is_empty() {
            return Err(HistogramError::ExponentialWithBounds);
        }
        check_spans("negative", self.negative)?;
        check_spans("positive", self.positive)
    }

    fn validate_custom(&self) -> Result<(), HistogramError> {
        check_bounds(self.bounds)?;
        if self.has_zero_count || self.zero_threshold != 0.0 {
            return Err(HistogramError::CustomWith { what: "a zero bucket" });
        }
        if !self.negative.0.is_empty() || self.negative.1 > 0 {
            return Err(HistogramError::CustomWith { what: "negative buckets" });
        }
        let span_end: i64 = self.positive.0.iter().map(|s| i64::from(s.offset) + i64::from(s.length)).sum();
        // The bucket after the last bound, up to +Inf, has no bound of its own.
        if span_end > self.bounds.len() as i64 + 1 {
            return Err(HistogramError::TooFewBounds { bounds: self.bounds.len(), span_end });
        }
        match self.positive.0.first() {
            Some(first) if first.offset < 0 => {
                Err(HistogramError::NegativeSpanOffset { side: "positive", span: 1, offset: first.offset })
            }
            _ => Ok(()),
        }
    }
}

fn check_bounds(bounds: &[f64]) -> Result<(), HistogramError> {
    if bounds.iter().any(|b| b.is_nan()) {
        return Err(HistogramError::BoundNan);
    }
    if let Some(w) = bounds.windows(2).find(|w| w[1] <= w[0]) {
        return Err(HistogramError::BoundsNotIncreasing { previous: w[0], current: w[1] });
    }
    match bounds.last() {
        Some(last) if *last == f64::INFINITY => Err(HistogramError::BoundInfinite),
        _ => Ok(()),
    }
}

fn check_spans(side: &'static str, (spans, have): (&[Span], usize)) -> Result<(), HistogramError> {
    for (i, span) in spans.iter().enumerate().skip(1) {
        if span.offset < 0 {
            return Err(HistogramError::NegativeSpanOffset { side, span: i + 1, offset: span.offset });
        }
    }
    let need = spanned_buckets(spans);
    if need == have as u64 { Ok(()) } else { Err(HistogramError::SpansMismatch { side, need, have }) }
}

fn sum_deltas(side: &'static str, deltas: &[i64]) -> Result<u64, HistogramError> {
    let (mut count, mut total) = (0i64, 0u64);
    for (i, delta) in deltas.iter().enumerate() {
        count = count.wrapping_add(*delta);
        if count < 0 {
            return Err(HistogramError::NegativeBucketCount { side, bucket: i + 1, count: count as f64 });
        }
        total = total.wrapping_add(count as u64);
    }
    Ok(total)
}

fn check_counts(side: &'static str, counts: &[f64]) -> Result<(), HistogramError> {
    match counts.iter().position(|c| *c < 0.0) {
        Some(i) => Err(HistogramError::NegativeBucketCount { side, bucket: i + 1, count: counts[i] }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::NORMAL_NAN;

    fn exponential() -> Histogram {
        Histogram {
            schema: 1,
            zero_threshold: 0.001,
            zero_count: 2,
            count: 9,
            sum: 18.4,
            positive_spans: [Span { offset: 0, length: 2 }, Span { offset: 1, length: 1 }].into(),
            positive_deltas: vec![1, 1, -1],
            negative_spans: [Span { offset: -3, length: 1 }].into(),
            negative_deltas: vec![3],
            ..Histogram::default()
        }
    }

    fn custom() -> Histogram {
        Histogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            count: 6,
            sum: 1.0,
            positive_spans: [Span { offset: 0, length: 3 }].into(),
            positive_deltas: vec![1, 1, 1],
            custom_bounds: vec![1.0, 2.0].into(),
            ..Histogram::default()
        }
    }

    #[test]
    fn good_ones_pass() {
        assert_eq!(exponential().validate(), Ok(()));
        assert_eq!(exponential().to_float().validate(), Ok(()));
        assert_eq!(custom().validate(), Ok(()));
        assert_eq!(custom().to_float().validate(), Ok(()));
    }

    /// Changes a good histogram, then names the refusal.
    type Case = (fn(&mut Histogram), fn(&HistogramError) -> bool);

    #[test]
    fn each_rule_refuses() {
        let exponential_cases: [Case; 8] = [
            (|h| h.schema = 9, |e| matches!(e, HistogramError::Schema { schema: 9 })),
            (|h| h.schema = -5, |e| matches!(e, HistogramError::Schema { .. })),
            (
                |h| h.positive_deltas.truncate(2),
                |e| matches!(e, HistogramError::SpansMismatch { side: "positive", need: 3, have: 2 }),
            ),
            (
                |h| h.positive_spans.to_mut()[1].offset = -1,
                |e| matches!(e, HistogramError::NegativeSpanOffset { span: 2, .. }),
            ),
            (
                |h| h.negative_deltas[0] = -1,
                |e| matches!(e, HistogramError::NegativeBucketCount { side: "negative", bucket: 1, .. }),
            ),
            (|h| h.count = 10, |e| matches!(e, HistogramError::CountMismatch { observations: 9, count: 10 })),
            (|h| (h.sum, h.count) = (NORMAL_NAN, 8), |e| matches!(e, HistogramError::CountNotBigEnough { .. })),
            (|h| h.custom_bounds = vec![1.0].into(), |e| matches!(e, HistogramError::ExponentialWithBounds)),
        ];
        check(exponential, &exponential_cases);
        let custom_cases: [Case; 7] = [
            (|h| h.custom_bounds = vec![2.0, 2.0].into(), |e| matches!(e, HistogramError::BoundsNotIncreasing { .. })),
            (|h| h.custom_bounds = vec![f64::NAN, 2.0].into(), |e| matches!(e, HistogramError::BoundNan)),
            (|h| h.custom_bounds = vec![1.0, f64::INFINITY].into(), |e| matches!(e, HistogramError::BoundInfinite)),
            (
                |h| h.custom_bounds = vec![1.0].into(),
                |e| matches!(e, HistogramError::TooFewBounds { bounds: 1, span_end: 3 }),
            ),
            (|h| h.zero_count = 1, |e| matches!(e, HistogramError::CustomWith { .. })),
            (
                |h| h.negative_spans = [Span { offset: 0, length: 0 }].into(),
                |e| matches!(e, HistogramError::CustomWith { .. }),
            ),
            (
                |h| h.positive_spans.to_mut()[0].offset = -1,
                |e| matches!(e, HistogramError::NegativeSpanOffset { span: 1, .. }),
            ),
        ];
        check(custom, &custom_cases);
    }

    fn check(good: fn() -> Histogram, cases: &[Case]) {
        for (i, (change, expected)) in cases.iter().enumerate() {
            let mut h = good();
            change(&mut h);
            let error = h.validate().expect_err("must be refused");
            assert!(expected(&error), "case {i}: {error:?}");
        }
    }

    #[test]
    fn a_nan_sum_allows_observations_outside_buckets() {
        let mut h = exponential();
        (h.sum, h.count) = (NORMAL_NAN, 12);
        assert_eq!(h.validate(), Ok(()));
    }
}
