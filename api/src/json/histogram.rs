//! Native histograms: `{"count":"…","sum":"…","buckets":[[rule,"lower","upper","count"],…]}`, from the lowest bucket to
//! the highest, empty ones left out.

use promethium_model::histogram::CUSTOM_BUCKETS_SCHEMA;
use promethium_model::histogram::{custom_bound, exponential_bound};
use promethium_model::{FloatHistogram, Span};

use super::Object;
use super::number::push_sample_value;

/// Which ends of a bucket belong to it: the first element of a bucket.
#[derive(Clone, Copy)]
enum Inclusive {
    Upper = 0,
    Lower = 1,
    Neither = 2,
    Both = 3,
}

impl Inclusive {
    fn of(lower: bool, upper: bool) -> Self {
        match (lower, upper) {
            (false, true) => Inclusive::Upper,
            (true, false) => Inclusive::Lower,
            (false, false) => Inclusive::Neither,
            (true, true) => Inclusive::Both,
        }
    }
}

struct Bucket {
    inclusive: Inclusive,
    lower: f64,
    upper: f64,
    count: f64,
}

/// Writes a histogram.
pub(super) fn push_histogram(out: &mut String, h: &FloatHistogram) {
    let mut object = Object::open(out);
    push_sample_value(object.key("count"), h.count);
    push_sample_value(object.key("sum"), h.sum);
    let mut any = false;
    for_each_bucket(h, |bucket| {
        if any {
            object.out.push(',');
        } else {
            object.key("buckets").push('[');
            any = true;
        }
        push_bucket(object.out, &bucket);
    });
    if any {
        object.out.push(']');
    }
    object.close();
}

fn push_bucket(out: &mut String, bucket: &Bucket) {
    out.push('[');
    out.push(char::from(b'0' + bucket.inclusive as u8));
    for value in [bucket.lower, bucket.upper, bucket.count] {
        out.push(',');
        push_sample_value(out, value);
    }
    out.push(']');
}

/// Visits the buckets that hold something, in the order of their bounds.
fn for_each_bucket(h: &FloatHistogram, mut visit: impl FnMut(Bucket)) {
    let mut visit = |bucket: Bucket| {
        if bucket.count != 0.0 {
            visit(bucket);
        }
    };
    walk_down(&h.negative_spans, &h.negative_buckets, |index, count| visit(negative_bucket(h, index, count)));
    if h.zero_count > 0.0 {
        let (lower, upper) = (-h.zero_threshold, h.zero_threshold);
        visit(Bucket { inclusive: Inclusive::Both, lower, upper, count: h.zero_count });
    }
    walk_up(&h.positive_spans, &h.positive_buckets, |index, count| visit(positive_bucket(h, index, count)));
}

fn positive_bucket(h: &FloatHistogram, index: i64, count: f64) -> Bucket {
    if h.schema == CUSTOM_BUCKETS_SCHEMA {
        let (lower, upper) = (custom_bound(index - 1, &h.custom_bounds), custom_bound(index, &h.custom_bounds));
        return Bucket { inclusive: Inclusive::of(index == 0, true), lower, upper, count };
    }
    let (lower, upper) = (exponential_bound(index - 1, h.schema), exponential_bound(index, h.schema));
    // Where the zero bucket reaches into this one, it takes its part.
    let lower = if lower > 0.0 && lower < h.zero_threshold { h.zero_threshold } else { lower };
    Bucket { inclusive: Inclusive::of(lower < 0.0, upper > 0.0), lower, upper, count }
}

fn negative_bucket(h: &FloatHistogram, index: i64, count: f64) -> Bucket {
    let mirrored = positive_bucket(h, index, count);
    let (lower, upper) = (-mirrored.upper, -mirrored.lower);
    Bucket { inclusive: Inclusive::of(lower < 0.0, upper > 0.0), lower, upper, count }
}

/// Visits index and count of each bucket, upwards.
fn walk_up(spans: &[Span], counts: &[f64], mut visit: impl FnMut(i64, f64)) {
    let mut counts = counts.iter();
    let mut index = 0;
    for span in spans {
        index += i64::from(span.offset);
        for count in counts.by_ref().take(span.length as usize) {
            visit(index, *count);
            index += 1;
        }
    }
}

/// Visits index and count of each bucket, downwards.
fn walk_down(spans: &[Span], counts: &[f64], mut visit: impl FnMut(i64, f64)) {
    let mut counts = counts.iter().rev();
    let mut index: i64 = spans.iter().map(|s| i64::from(s.offset) + i64::from(s.length)).sum();
    for span in spans.iter().rev() {
        for count in counts.by_ref().take(span.length as usize) {
            index -= 1;
            visit(index, *count);
        }
        index -= i64::from(span.offset);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn json(h: &FloatHistogram) -> String {
        let mut out = String::new();
        push_histogram(&mut out, h);
        out
    }

    #[test]
    fn exponential_buckets_from_the_lowest_to_the_highest() {
        let h = FloatHistogram {
            schema: 1,
            zero_threshold: 0.001,
            zero_count: 2.0,
            count: 21.0,
            sum: 18.4,
            positive_spans: [Span { offset: 0, length: 2 }, Span { offset: 1, length: 2 }].into(),
            positive_buckets: vec![1.0, 2.0, 0.0, 4.5],
            negative_spans: [Span { offset: -1, length: 1 }, Span { offset: 2, length: 1 }].into(),
            negative_buckets: vec![5.0, 6.0],
            ..FloatHistogram::default()
        };
        assert_eq!(
            json(&h),
            concat!(
                r#"{"count":"21","sum":"18.4","buckets":["#,
                r#"[1,"-2","-1.414213562373095","6"],"#,
                r#"[1,"-0.7071067811865475","-0.5","5"],"#,
                r#"[3,"-0.001","0.001","2"],"#,
                r#"[0,"0.7071067811865475","1","1"],"#,
                r#"[0,"1","1.414213562373095","2"],"#,
                r#"[0,"2.82842712474619","4","4.5"]]}"#
            )
        );
    }

    #[test]
    fn custom_buckets_reach_to_infinity() {
        let h = FloatHistogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            count: 6.0,
            sum: 7.0,
            positive_spans: [Span { offset: 0, length: 3 }].into(),
            positive_buckets: vec![1.0, 2.0, 3.0],
            custom_bounds: [0.5, 1.0].into(),
            ..FloatHistogram::default()
        };
        assert_eq!(
            json(&h),
            r#"{"count":"6","sum":"7","buckets":[[3,"-Inf","0.5","1"],[0,"0.5","1","2"],[0,"1","+Inf","3"]]}"#
        );
    }

    #[test]
    fn a_histogram_without_observations_has_no_buckets_key() {
        let h = FloatHistogram {
            positive_spans: [Span { offset: 0, length: 1 }].into(),
            positive_buckets: vec![0.0],
            ..FloatHistogram::default()
        };
        assert_eq!(json(&h), r#"{"count":"0","sum":"0"}"#);
    }

    #[test]
    fn a_wide_zero_bucket_cuts_its_neighbours() {
        let h = FloatHistogram {
            zero_threshold: 0.75,
            zero_count: 1.0,
            count: 3.0,
            sum: 0.0,
            positive_spans: [Span { offset: 0, length: 1 }].into(),
            positive_buckets: vec![1.0],
            negative_spans: [Span { offset: 0, length: 1 }].into(),
            negative_buckets: vec![1.0],
            ..FloatHistogram::default()
        };
        let buckets = r#"[[1,"-1","-0.75","1"],[3,"-0.75","0.75","1"],[0,"0.75","1","1"]]"#;
        assert_eq!(json(&h), format!(r#"{{"count":"3","sum":"0","buckets":{buckets}}}"#));
    }

    fn side() -> impl Strategy<Value = (Vec<Span>, Vec<f64>)> {
        prop::collection::vec((-20i32..20, prop::collection::vec(0u8..3, 0..4)), 0..4).prop_map(|spans| {
            let layout = |(i, (offset, counts)): (usize, &(i32, Vec<u8>))| Span {
                offset: if i == 0 { *offset } else { offset.abs() },
                length: counts.len() as u32,
            };
            let layouts = spans.iter().enumerate().map(layout).collect();
            (layouts, spans.iter().flat_map(|(_, counts)| counts).map(|n| f64::from(*n)).collect())
        })
    }

    proptest! {
        #[test]
        fn buckets_ascend_and_hold_every_observation(
            schema in -4i32..=8,
            positive in side(),
            negative in side(),
            zero_count in 0u8..3,
        ) {
            let h = FloatHistogram {
                schema,
                zero_count: f64::from(zero_count),
                positive_spans: positive.0.into(),
                positive_buckets: positive.1,
                negative_spans: negative.0.into(),
                negative_buckets: negative.1,
                ..FloatHistogram::default()
            };
            let total: f64 = h.zero_count + h.positive_buckets.iter().chain(&h.negative_buckets).sum::<f64>();
            let mut seen = Vec::new();
            for_each_bucket(&h, |bucket| seen.push(bucket));
            prop_assert_eq!(seen.iter().map(|b| b.count).sum::<f64>(), total);
            prop_assert!(seen.iter().all(|b| b.count > 0.0 && b.lower <= b.upper));
            prop_assert!(seen.windows(2).all(|w| w[0].upper <= w[1].lower));
            prop_assert!(serde_json::from_str::<serde_json::Value>(&json(&h)).is_ok());
        }
    }
}
