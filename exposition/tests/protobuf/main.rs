//! The protobuf reader, compared with `prost`.

mod messages;
mod reference;

use promethium_exposition::protobuf::Decoder;
use promethium_exposition::{DecodeOptions, Event, Exemplars, NativeHistogram};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use prost::Message;

use messages::{
    Bucket, BucketSpan, Counter, Exemplar, Gauge, Histogram, LabelPair, Metric, MetricFamily, Quantile, Summary,
    Timestamp, Untyped,
};

/// What the reader makes of a page; `None` when it refuses it.
fn read(page: &[u8], options: &DecodeOptions) -> Option<Vec<String>> {
    let mut decoder = Decoder::with_options(page, options);
    let mut events = Vec::new();
    loop {
        match decoder.next_event() {
            Ok(Some(event)) => events.push(describe(&event)),
            Ok(None) => return Some(events),
            Err(_) => return None,
        }
    }
}

fn describe(event: &Event<'_, '_>) -> String {
    match event {
        Event::Help(help) => format!("help {:?} {:?}", help.name(), help.text()),
        Event::Unit(unit) => format!("unit {:?} {:?}", unit.name(), unit.unit()),
        Event::Type(family) => format!("type {:?} {}", family.name(), family.metric_type()),
        Event::Sample(s) => reference::sample(
            &s.name(),
            s.series().labels(),
            s.value,
            (s.timestamp_ms, s.start_timestamp_ms),
            &exemplars(s.exemplars()),
        ),
        Event::Histogram(h) => {
            let value = match h.histogram() {
                NativeHistogram::Integer(h) => format!("{h:?}"),
                NativeHistogram::Float(h) => format!("{h:?}"),
            };
            let times = (h.timestamp_ms, h.start_timestamp_ms);
            reference::histogram(&h.series().name(), h.series().labels(), &value, times, &exemplars(h.exemplars()))
        }
        other => format!("{other:?}"),
    }
}

fn exemplars(exemplars: Exemplars<'_, '_>) -> Vec<String> {
    exemplars.map(|e| reference::exemplar(e.labels(), e.value, e.timestamp_ms)).collect()
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), (-40i32..40).prop_map(|n| f64::from(n) / 4.0), any::<f64>(), Just(f64::INFINITY)]
}

fn labels() -> impl Strategy<Value = Vec<LabelPair>> {
    // Lengths on both sides of where they take a second byte.
    let value = prop_oneof![8 => ".{0,5}", 1 => "[a-z]{118,130}", 1 => "é{60,64}"];
    vec(("[a-z.é]{0,4}", value).prop_map(|(name, value)| LabelPair { name, value }), 0..3)
}

fn timestamp() -> impl Strategy<Value = Option<Timestamp>> {
    proptest::option::of((-3i64..2_000_000_000, any::<i32>()).prop_map(|(seconds, nanos)| Timestamp { seconds, nanos }))
}

fn exemplar() -> impl Strategy<Value = Option<Exemplar>> {
    proptest::option::of((labels(), number(), timestamp()).prop_map(|(label, value, timestamp)| Exemplar {
        label,
        value,
        timestamp,
    }))
}

/// Spans and as many deltas and counts as they cover, or one more.
fn side() -> impl Strategy<Value = (Vec<BucketSpan>, Vec<i64>, Vec<f64>)> {
    let span = (-3i32..4, 0u32..4).prop_map(|(offset, length)| BucketSpan { offset, length });
    (
        vec(span, 0..4),
        vec(prop_oneof![12 => -2i64..3, 1 => -(1i64 << 47)..1 << 47, 1 => -200i64..200], 20),
        vec(0u8..3, 20),
        0..30usize,
    )
        .prop_map(|(spans, deltas, counts, extra)| {
            let buckets: usize = spans.iter().map(|s| s.length as usize).sum();
            let len = buckets + usize::from(extra == 0);
            let counts = counts.iter().map(|c| f64::from(*c) / 2.0).take(len).collect();
            (spans, deltas.into_iter().take(len).collect(), counts)
        })
}

fn histogram() -> impl Strategy<Value = Histogram> {
    let bucket = (0u64..9, prop_oneof![3 => Just(0.0), 1 => number()], number(), exemplar()).prop_map(
        |(cumulative_count, cumulative_count_float, upper_bound, exemplar)| Bucket {
            cumulative_count,
            cumulative_count_float,
            upper_bound,
            exemplar,
        },
    );
    let counts = (any::<u64>(), prop_oneof![2 => Just(0.0), 1 => number()], number());
    let zero = (prop_oneof![Just(0.0), Just(0.5)], 0u64..2, prop_oneof![3 => Just(0.0), 1 => Just(0.5)], any::<i32>());
    let exemplars = vec(exemplar().prop_map(Option::unwrap_or_default), 0..3);
    (counts, zero, vec(bucket, 0..4), side(), side(), timestamp(), exemplars).prop_map(
        |((count, count_float, sum), (threshold, zero, zero_float, schema), bucket, n, p, start, exemplars)| {
            Histogram {
                sample_count: count,
                sample_count_float: count_float,
                sample_sum: sum,
                bucket,
                start_timestamp: start,
                schema,
                zero_threshold: threshold,
                zero_count: zero,
                zero_count_float: zero_float,
                negative_span: n.0,
                negative_delta: n.1,
                negative_count: n.2,
                positive_span: p.0,
                positive_delta: p.1,
                positive_count: p.2,
                exemplars,
            }
        },
    )
}

fn metric() -> impl Strategy<Value = Metric> {
    let counter = (number(), exemplar(), timestamp()).prop_map(|(value, exemplar, start_timestamp)| Counter {
        value,
        exemplar,
        start_timestamp,
    });
    let quantile = (number(), number()).prop_map(|(quantile, value)| Quantile { quantile, value });
    let summary = (any::<u64>(), number(), vec(quantile, 0..3), timestamp()).prop_map(
        |(sample_count, sample_sum, quantile, start_timestamp)| Summary {
            sample_count,
            sample_sum,
            quantile,
            start_timestamp,
        },
    );
    use proptest::option::of;
    (labels(), of(number()), of(counter), of(summary), of(number()), of(histogram()), -2i64..3).prop_map(
        |(label, gauge, counter, summary, untyped, histogram, timestamp_ms)| Metric {
            label,
            gauge: gauge.map(|value| Gauge { value }),
            counter,
            summary,
            untyped: untyped.map(|value| Untyped { value }),
            histogram,
            timestamp_ms,
        },
    )
}

fn family() -> impl Strategy<Value = MetricFamily> {
    let unit = prop_oneof![4 => Just(String::new()), 1 => Just("s".to_owned()), 1 => Just("x".to_owned())];
    ("[a-z.é]{1,4}(_s)?(_total)?|[a-z]{0,1}", ".{0,5}", -1i32..7, unit, metrics()).prop_map(
        |(name, help, r#type, unit, metric)| MetricFamily {
            name: name.into(),
            help: help.into(),
            r#type,
            metric,
            unit: unit.into(),
        },
    )
}

/// Metrics that begin with labels of the one before, as those of one target do.
fn metrics() -> impl Strategy<Value = Vec<Metric>> {
    vec((metric(), 0..4usize), 0..4).prop_map(|metrics| {
        let mut all: Vec<Metric> = Vec::new();
        for (mut metric, shared) in metrics {
            if let Some(before) = all.last() {
                let shared = before.label.iter().take(shared).cloned();
                metric.label = shared.chain(std::mem::take(&mut metric.label)).collect();
            }
            all.push(metric);
        }
        all
    })
}

fn page(families: &[MetricFamily]) -> Vec<u8> {
    let mut page = Vec::new();
    for family in families {
        family.encode_length_delimited(&mut page).expect("a vector grows");
    }
    page
}

/// The options that change what comes out.
fn all_options() -> Vec<DecodeOptions> {
    let mut options = Vec::new();
    for (native, classic) in [(true, false), (true, true), (false, false)] {
        let mut one = DecodeOptions::new();
        (one.native_histograms, one.classic_histograms) = (native, classic);
        options.push(one);
    }
    options
}

fn agree(page: &[u8]) -> Result<(), TestCaseError> {
    for options in all_options() {
        let expected = reference::read(page, &options);
        prop_assert_eq!(read(page, &options), expected);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        rng_seed: RngSeed::Fixed(23),
        failure_persistence: None,
        ..ProptestConfig::with_cases(1_024)
    })]

    #[test]
    fn random_messages(families in vec(family(), 0..3)) {
        agree(&page(&families))?;
    }

    #[test]
    fn mutated_messages(families in vec(family(), 1..3), changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut page = page(&families);
        for (at, byte) in changes {
            let at = at.index(page.len());
            page[at] = byte;
        }
        agree(&page)?;
    }

    #[test]
    fn cut_messages(families in vec(family(), 1..3), cut in any::<prop::sample::Index>()) {
        let page = page(&families);
        agree(&page[..cut.index(page.len())])?;
    }
}
