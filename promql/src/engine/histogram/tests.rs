//! What must hold of any histograms.

use promethium_model::histogram::CUSTOM_BUCKETS_SCHEMA;
use promethium_model::{FloatHistogram, Span};
use proptest::prelude::*;

use super::arithmetic::combined_plainly;
use super::{compacted, equal, reset, statistics, trim, with_common_layout};

fn counts() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec((0..6u8).prop_map(f64::from), 0..6)
}

fn exponential() -> impl Strategy<Value = FloatHistogram> {
    (-2..4i32, 0..3u8, counts(), counts(), -6..6i32, -6..6i32).prop_map(|(schema, zero, positive, negative, o, n)| {
        let span = |offset, counts: &Vec<f64>| match counts.len() {
            0 => Vec::new(),
            length => vec![Span { offset, length: length as u32 }],
        };
        FloatHistogram {
            schema,
            zero_threshold: 0.001,
            zero_count: f64::from(zero),
            count: positive.iter().chain(&negative).sum::<f64>() + f64::from(zero),
            sum: 1.0,
            positive_spans: span(o, &positive).into(),
            negative_spans: span(n, &negative).into(),
            positive_buckets: positive,
            negative_buckets: negative,
            ..FloatHistogram::default()
        }
    })
}

fn custom() -> impl Strategy<Value = FloatHistogram> {
    (prop::collection::btree_set(-5..9i32, 0..5), prop::collection::vec(0..6u8, 6)).prop_map(|(bounds, counts)| {
        let counts: Vec<f64> = counts.into_iter().take(bounds.len() + 1).map(f64::from).collect();
        FloatHistogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            count: counts.iter().sum(),
            sum: 1.0,
            positive_spans: [Span { offset: 0, length: counts.len() as u32 }].into(),
            positive_buckets: counts,
            custom_bounds: bounds.into_iter().map(f64::from).collect(),
            ..FloatHistogram::default()
        }
    })
}

fn any() -> impl Strategy<Value = FloatHistogram> {
    prop_oneof![exponential(), custom()]
}

fn pair() -> impl Strategy<Value = (FloatHistogram, FloatHistogram)> {
    prop_oneof![(exponential(), exponential()), (custom(), custom())]
}

fn total(h: &FloatHistogram) -> f64 {
    h.positive_buckets.iter().chain(&h.negative_buckets).sum::<f64>() + h.zero_count
}

proptest! {
    #[test]
    fn sums_hold_all_observations_and_are_no_resets((a, b) in pair()) {
        let sum = combined_plainly(&a, &b, false).unwrap();
        prop_assert_eq!(sum.count, a.count + b.count);
        prop_assert_eq!(total(&sum), total(&a) + total(&b));
        prop_assert!(sum.validate().is_ok());
        // At equal resolution nothing fell; a coarser sum is compared at its own.
        prop_assert!(!reset::by_values(&sum, &a) && !reset::by_values(&sum, &b));
        prop_assert!(b.count == 0.0 || reset::by_values(&a, &sum));
    }

    #[test]
    fn in_one_layout_resets_are_seen_as_in_any(
        h in any(),
        numbers in prop::collection::vec(prop_oneof![Just(0.0), Just(1.0), Just(2.0), Just(f64::NAN)], 24),
    ) {
        let mut numbers = numbers.into_iter();
        let mut next = || {
            let mut h = FloatHistogram { zero_count: numbers.next().unwrap(), count: 9.0, ..h.clone() };
            h.positive_buckets.iter_mut().chain(&mut h.negative_buckets).for_each(|n| *n = numbers.next().unwrap_or(1.0));
            h
        };
        let (a, b) = (next(), next());
        prop_assert_eq!(reset::by_values(&a, &b), reset::by_buckets(&a, &b));
    }

    #[test]
    fn what_was_added_can_be_taken_away((a, b) in pair()) {
        let sum = combined_plainly(&a, &b, false).unwrap();
        let back = combined_plainly(&sum, &b, true).unwrap();
        let coarse = combined_plainly(&a, &combined_plainly(&b, &b, true).unwrap(), false).unwrap();
        let numbers = |h: &FloatHistogram| {
            let h = compacted(h);
            (h.count, h.zero_count, h.positive_spans, h.positive_buckets, h.negative_spans, h.negative_buckets)
        };
        prop_assert_eq!(numbers(&back), numbers(&coarse));
    }

    #[test]
    fn a_trim_splits_the_observations(h in any(), x in -9.0..9.0f64) {
        let (below, above) = (trim::keep_below(&h, x), trim::keep_above(&h, x));
        let bounded = h.schema != CUSTOM_BUCKETS_SCHEMA;
        if bounded {
            prop_assert!((total(&below) + total(&above) - total(&h)).abs() < 1e-9);
        }
        prop_assert!(below.count <= h.count && above.count <= h.count);
        prop_assert!(equal(&trim::keep_below(&h, f64::INFINITY), &h));
        prop_assert!(equal(&trim::keep_above(&h, f64::NEG_INFINITY), &h));
    }

    #[test]
    fn quantiles_do_not_fall(h in any(), p in 0.0..1.0f64, q in 0.0..1.0f64) {
        let of = |q: f64| statistics::quantile(q, &h).0;
        let (low, high) = (of(p.min(q)), of(p.max(q)));
        prop_assert!(h.count == 0.0 || h.custom_bounds.is_empty() || low <= high);
        if h.schema != CUSTOM_BUCKETS_SCHEMA && h.count > 0.0 {
            prop_assert!(low <= high * (1.0 + 1e-9 * high.signum()) + 1e-12, "{low} {high}");
            prop_assert_eq!(statistics::fraction(f64::NEG_INFINITY, f64::INFINITY, &h).0, 1.0);
        }
    }

    #[test]
    fn layouts_change_no_number(a in exponential(), b in exponential()) {
        let b = FloatHistogram { schema: a.schema, ..b };
        for (laid_out, original) in with_common_layout(&[a.clone().into(), b.clone().into()]).iter().zip([&a, &b]) {
            prop_assert!(equal(&compacted(laid_out), &compacted(original)));
        }
    }
}
