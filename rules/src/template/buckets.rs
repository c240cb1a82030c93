//! The buckets of a native histogram that hold something, from the lowest to the highest: what its text shows.

use promethium_model::histogram::{CUSTOM_BUCKETS_SCHEMA, custom_bound, exponential_bound};
use promethium_model::{FloatHistogram, Span};

pub(super) struct Bucket {
    pub(super) lower: f64,
    pub(super) upper: f64,
    pub(super) lower_closed: bool,
    pub(super) upper_closed: bool,
    pub(super) count: f64,
}

pub(super) fn buckets(h: &FloatHistogram) -> Vec<Bucket> {
    let mut all: Vec<Bucket> = numbered(&h.negative_spans, &h.negative_buckets)
        .into_iter()
        .map(|(index, count)| mirrored(&positive(h, index, count)))
        .collect();
    all.reverse();
    all.push(Bucket {
        lower: -h.zero_threshold,
        upper: h.zero_threshold,
        lower_closed: true,
        upper_closed: true,
        count: h.zero_count,
    });
    let positives = numbered(&h.positive_spans, &h.positive_buckets);
    all.extend(positives.into_iter().map(|(index, count)| positive(h, index, count)));
    all.retain(|bucket| bucket.count != 0.0);
    all
}

/// Index and count of each bucket.
fn numbered(spans: &[Span], counts: &[f64]) -> Vec<(i64, f64)> {
    let mut counts = counts.iter();
    let mut index = 0i64;
    let mut out = Vec::new();
    for span in spans {
        index = index.saturating_add(i64::from(span.offset));
        for count in counts.by_ref().take(span.length as usize) {
            out.push((index, *count));
            index = index.saturating_add(1);
        }
    }
    out
}

fn positive(h: &FloatHistogram, index: i64, count: f64) -> Bucket {
    if h.schema == CUSTOM_BUCKETS_SCHEMA {
        let bound = |i| custom_bound(i, &h.custom_bounds);
        let (lower, upper) = (bound(index.saturating_sub(1)), bound(index));
        return Bucket { lower, upper, lower_closed: index == 0, upper_closed: true, count };
    }
    let (lower, upper) = (exponential_bound(index.saturating_sub(1), h.schema), exponential_bound(index, h.schema));
    Bucket { lower, upper, lower_closed: false, upper_closed: true, count }
}

fn mirrored(bucket: &Bucket) -> Bucket {
    Bucket {
        lower: -bucket.upper,
        upper: -bucket.lower,
        lower_closed: bucket.upper_closed,
        upper_closed: bucket.lower_closed,
        count: bucket.count,
    }
}
