//! Families are written in every format and read back equal, and pages keep their samples.

use std::path::Path;

use promethium_exposition::negotiate::ScrapeProtocol;
use promethium_exposition::{
    BucketValue, DecodeOptions, Decoder, EncodeError, EncodeOptions, Event, ExemplarValue, Family, Format,
    HistogramValue, Metric, MetricValue, Mode, NativeHistogram, SummaryValue, collect, encode,
};
use promethium_model::{CounterResetHint, FloatHistogram, Histogram, MetricType, Span};
use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn label_name() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[b-d][a-z0-9_]{0,5}", 1 => "[x-z][a-z.é\"\\\\]{1,4}"]
}

fn labels() -> impl Strategy<Value = Vec<(String, String)>> {
    btree_set(label_name(), 0..3)
        .prop_flat_map(|names| {
            let values = vec(any::<String>(), names.len());
            (Just(names), values)
        })
        .prop_map(|(names, values)| names.into_iter().zip(values).collect())
}

/// A number whose sign and bits survive: zero has none on a page.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), (-64_000i32..64_000).prop_map(|n| f64::from(n) / 64.0), any::<f64>(), Just(f64::INFINITY)]
        .prop_filter("no NaN, no negative zero", |v| !v.is_nan() && (*v != 0.0 || v.is_sign_positive()))
}

/// What a timestamp can say in every format.
fn time() -> impl Strategy<Value = Option<i64>> {
    option::of(1i64..4_000_000_000_000)
}

fn exemplar() -> impl Strategy<Value = Option<ExemplarValue>> {
    let labels = vec(("[a-z]{1,4}", "[a-z0-9 #{}]{0,8}"), 0..2);
    option::of((labels, number(), time()).prop_map(|(labels, value, timestamp_ms)| ExemplarValue {
        labels: labels.into_iter().take(1).collect(),
        value,
        timestamp_ms,
    }))
}

fn buckets() -> impl Strategy<Value = Vec<BucketValue>> {
    (btree_set(-20i32..20, 0..4), vec((0u32..50, exemplar()), 5)).prop_map(|(bounds, counts)| {
        let mut count = 0.0;
        let bounds = bounds.into_iter().map(|b| f64::from(b) / 4.0).chain([f64::INFINITY]);
        let bucket = |(upper_bound, (more, exemplar)): (f64, (u32, Option<ExemplarValue>))| {
            count += f64::from(more);
            BucketValue { upper_bound, cumulative_count: count, exemplar }
        };
        bounds.zip(counts).map(bucket).collect()
    })
}

/// Spans of buckets, none empty and none touching the next.
fn spans() -> impl Strategy<Value = Vec<Span>> {
    vec((1i32..4, 1u32..4), 0..3).prop_map(|s| s.into_iter().map(|(offset, length)| Span { offset, length }).collect())
}

fn native() -> impl Strategy<Value = NativeHistogram> {
    let sides = (spans(), spans(), vec(1i64..9, 20), vec(1i64..9, 20));
    (any::<bool>(), -4i32..9, number(), (0u64..9, 1u64..1_000), sides).prop_map(
        |(float, schema, sum, (zero_count, count), (positive_spans, negative_spans, p, n))| {
            let buckets = |spans: &[Span]| spans.iter().map(|s| s.length as usize).sum::<usize>();
            let (positive, negative) = (buckets(&positive_spans), buckets(&negative_spans));
            let deltas = |counts: &[i64]| -> Vec<i64> {
                counts.iter().scan(0, |before, c| Some(c - std::mem::replace(before, *c))).collect()
            };
            let floats = |counts: &[i64]| -> Vec<f64> { counts.iter().map(|c| *c as f64 / 2.0).collect() };
            let custom_bounds = Vec::new().into();
            if float {
                return NativeHistogram::Float(FloatHistogram {
                    counter_reset_hint: CounterResetHint::Unknown,
                    schema,
                    zero_threshold: 0.25,
                    zero_count: zero_count as f64,
                    count: count as f64 + 0.5,
                    sum,
                    positive_buckets: floats(&p[..positive]),
                    negative_buckets: floats(&n[..negative]),
                    positive_spans: positive_spans.into(),
                    negative_spans: negative_spans.into(),
                    custom_bounds,
                });
            }
            NativeHistogram::Integer(Histogram {
                counter_reset_hint: CounterResetHint::Unknown,
                schema,
                zero_threshold: 0.25,
                zero_count,
                count,
                sum,
                positive_deltas: deltas(&p[..positive]),
                negative_deltas: deltas(&n[..negative]),
                positive_spans: positive_spans.into(),
                negative_spans: negative_spans.into(),
                custom_bounds,
            })
        },
    )
}

fn histogram() -> impl Strategy<Value = HistogramValue> {
    (buckets(), number()).prop_map(|(buckets, sum)| HistogramValue {
        count: buckets.last().map(|b| b.cumulative_count),
        sum: Some(sum),
        buckets,
        ..HistogramValue::default()
    })
}

fn summary() -> impl Strategy<Value = SummaryValue> {
    (0u32..1_000, number(), btree_set(0u8..100, 0..3), vec(number(), 3)).prop_map(|(count, sum, quantiles, values)| {
        SummaryValue {
            count: Some(f64::from(count)),
            sum: Some(sum),
            quantiles: quantiles.into_iter().map(|q| f64::from(q) / 100.0).zip(values).collect(),
        }
    })
}

fn value(metric_type: MetricType) -> BoxedStrategy<MetricValue> {
    match metric_type {
        MetricType::Histogram => histogram().prop_map(|h| MetricValue::Histogram(Box::new(h))).boxed(),
        MetricType::Summary => summary().prop_map(MetricValue::Summary).boxed(),
        MetricType::Counter => {
            (number(), exemplar()).prop_map(|(value, exemplar)| MetricValue::Single { value, exemplar }).boxed()
        }
        _ => number().prop_map(|value| MetricValue::Single { value, exemplar: None }).boxed(),
    }
}

fn family() -> impl Strategy<Value = Family> {
    let types = prop_oneof![
        Just(MetricType::Counter),
        Just(MetricType::Gauge),
        Just(MetricType::Histogram),
        Just(MetricType::Summary),
        Just(MetricType::Unknown)
    ];
    (types, "[a-z][a-z.é]{0,6}", "[a-z\\\\\"\n é]{0,12}[a-z]").prop_flat_map(|(metric_type, name, help)| {
        let metric = (labels(), time(), value(metric_type)).prop_map(|(labels, timestamp_ms, value)| Metric {
            labels,
            timestamp_ms,
            start_timestamp_ms: None,
            value,
        });
        vec(metric, 1..3).prop_map(move |mut metrics| {
            // Metrics of one family differ in their labels.
            metrics.dedup_by(|a, b| a.labels == b.labels);
            let total = if metric_type == MetricType::Counter { "_total" } else { "" };
            Family { name: format!("{name}{total}"), help: help.clone(), unit: String::new(), metric_type, metrics }
        })
    })
}

/// Families of different names: those of the text formats are told apart by them.
fn families() -> impl Strategy<Value = Vec<Family>> {
    vec(family(), 0..4).prop_map(|mut families| {
        families.iter_mut().enumerate().for_each(|(i, family)| family.name.insert_str(0, &format!("f{i}")));
        families
    })
}

/// Text has no exemplars.
fn without_exemplars(mut families: Vec<Family>) -> Vec<Family> {
    for metric in families.iter_mut().flat_map(|family| &mut family.metrics) {
        match &mut metric.value {
            MetricValue::Single { exemplar, .. } => *exemplar = None,
            MetricValue::Histogram(h) => h.buckets.iter_mut().for_each(|b| b.exemplar = None),
            MetricValue::Summary(_) => {}
        }
    }
    families
}

fn there_and_back(families: &[Family], protocol: ScrapeProtocol) -> Vec<Family> {
    let page = encode(families, &EncodeOptions::new(protocol).with_created_lines()).expect("all can be said");
    collect(protocol.format(), &page, &DecodeOptions::new())
        .unwrap_or_else(|e| panic!("{e}\n{}", String::from_utf8_lossy(&page)))
}

// OpenMetrics' exemplars are stored as they stand; those made here need no escapes.
proptest! {
    #![proptest_config(ProptestConfig {
        rng_seed: RngSeed::Fixed(5),
        failure_persistence: None,
        ..ProptestConfig::with_cases(512)
    })]

    #[test]
    fn text(families in families()) {
        let families = without_exemplars(families);
        prop_assert_eq!(there_and_back(&families, ScrapeProtocol::PrometheusText1_0_0), families);
    }

    #[test]
    fn openmetrics(families in families(), start in option::of(1i64..4_000_000_000_000)) {
        let mut families = families;
        for family in &mut families {
            if matches!(family.metric_type, MetricType::Counter | MetricType::Histogram | MetricType::Summary) {
                family.metrics.iter_mut().for_each(|metric| metric.start_timestamp_ms = start);
            }
        }
        prop_assert_eq!(there_and_back(&families, ScrapeProtocol::OpenMetricsText1_0_0), families);
    }

    #[test]
    fn protobuf(families in families(), start in option::of(1i64..4_000_000_000_000)) {
        let mut families = families;
        for family in &mut families {
            if matches!(family.metric_type, MetricType::Counter | MetricType::Histogram | MetricType::Summary) {
                family.metrics.iter_mut().for_each(|metric| metric.start_timestamp_ms = start);
            }
        }
        prop_assert_eq!(there_and_back(&families, ScrapeProtocol::PrometheusProto), families);
    }

    #[test]
    fn native_histograms(labels in labels(), native in native(), timestamp_ms in time(), e in exemplar()) {
        let mut value = HistogramValue { native: Some(native), ..HistogramValue::default() };
        value.exemplars.extend(e.filter(|e| e.timestamp_ms.is_some()));
        let value = MetricValue::Histogram(Box::new(value));
        let metric = Metric { labels, timestamp_ms, start_timestamp_ms: Some(17), value };
        let family = Family { metrics: vec![metric], ..Family::new("n", MetricType::Histogram) };
        let families = [family];
        prop_assert_eq!(there_and_back(&families, ScrapeProtocol::PrometheusProto), families);
    }
}

#[test]
fn infos_states_and_gauge_histograms_in_openmetrics() {
    let page = "# TYPE build info\nbuild_info{v=\"1\"} 1.0\n# TYPE state stateset\nstate{state=\"a\"} 1.0\n\
                # TYPE g gaugehistogram\ng_bucket{le=\"+Inf\"} 3\ng_gsum -2.5\ng_gcount 3\n# EOF\n";
    let families = collect(Format::OpenMetrics, page.as_bytes(), &DecodeOptions::new()).expect("a good page");
    let written =
        encode(&families, &EncodeOptions::new(ScrapeProtocol::OpenMetricsText1_0_0)).expect("all can be said");
    assert_eq!(String::from_utf8_lossy(&written), page);
}

#[test]
fn float_histograms_are_no_openmetrics() {
    let native = NativeHistogram::Float(FloatHistogram::default());
    let value = MetricValue::Histogram(Box::new(HistogramValue { native: Some(native), ..HistogramValue::default() }));
    let metric = Metric { value, ..Metric::default() };
    let family = Family { metrics: vec![metric], ..Family::new("h", MetricType::Histogram) };
    let refused = encode(&[family], &EncodeOptions::new(ScrapeProtocol::OpenMetricsText1_0_0));
    assert_eq!(refused, Err(EncodeError::FloatHistogram { name: "h".to_owned() }));
}

/// The samples of a page, each as a line, sorted.
fn samples(format: Format, page: &[u8]) -> Vec<String> {
    let mut decoder = Decoder::new(format, page, &DecodeOptions::new());
    let mut samples = Vec::new();
    while let Some(event) = decoder.next_event().expect("a good page") {
        if let Event::Sample(s) = event {
            let labels = s.series().to_labels().expect("unique labels");
            let exemplars: Vec<_> = s.exemplars().map(|e| e.to_stored().expect("unique labels")).collect();
            samples.push(format!("{labels} {} {:?} {exemplars:?}", s.value, s.timestamp_ms));
        }
    }
    samples.sort();
    samples
}

fn keeps_its_samples(format: Format, protocol: ScrapeProtocol, page: &[u8], title: &str) {
    let families = collect(format, page, &DecodeOptions::new()).expect("a good page");
    let written = encode(&families, &EncodeOptions::new(protocol).with_created_lines()).expect("all can be said");
    let kept = samples(format, &written);
    for sample in samples(format, page) {
        assert!(kept.contains(&sample), "{title}: {sample} is lost in\n{}", String::from_utf8_lossy(&written));
    }
}

#[test]
fn a_page_of_node_exporter_keeps_its_samples() {
    let page = include_bytes!("../testdata/node_exporter.txt");
    keeps_its_samples(Format::PrometheusText, ScrapeProtocol::PrometheusText0_0_4, page, "node_exporter");
}

#[test]
fn pages_of_the_openmetrics_corpus_keep_their_samples() {
    let Some(cases) = corpus() else { return };
    let mut accepted = 0;
    for (title, page, _) in cases.iter().filter(|case| case.2) {
        keeps_its_samples(Format::OpenMetrics, ScrapeProtocol::OpenMetricsText1_0_0, page, title);
        let strict = DecodeOptions::new().mode(Mode::Strict);
        let families = collect(Format::OpenMetrics, page, &strict).expect("a good page");
        let options = EncodeOptions::new(ScrapeProtocol::OpenMetricsText1_0_0).with_created_lines();
        let written = encode(&families, &options).expect("all can be said");
        let again = collect(Format::OpenMetrics, &written, &strict);
        assert!(again.is_ok(), "{title}: {again:?}\n{}", String::from_utf8_lossy(&written));
        accepted += 1;
    }
    assert!(accepted >= 20, "{accepted}");
}

/// Title, page, and whether it is to be accepted; `None` where the corpus is not there.
fn corpus() -> Option<Vec<(String, Vec<u8>, bool)>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/openmetrics/parsers");
    let Ok(entries) = std::fs::read_dir(folder) else {
        println!("skipped: the corpus of the OpenMetrics project is not there");
        return None;
    };
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.expect("an entry").path();
        let verdict = std::fs::read_to_string(path.join("test.json")).expect("a verdict");
        let page = std::fs::read(path.join("metrics")).expect("a page");
        let title = path.file_name().expect("a name").to_string_lossy().into_owned();
        (title, page, verdict.replace(' ', "").contains("\"shouldParse\":true"))
    };
    Some(entries.map(read).collect())
}

#[test]
fn the_openmetrics_corpus_is_judged_as_it_says() {
    let Some(cases) = corpus() else { return };
    let strict = DecodeOptions::new().mode(Mode::Strict);
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|(title, page, good)| {
            let read = collect(Format::OpenMetrics, page, &strict);
            (read.is_ok() != *good).then(|| format!("{title}: {read:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(cases.len() >= 131);
}
