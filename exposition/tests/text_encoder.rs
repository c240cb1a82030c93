//! What is written is read back.

use promethium_exposition::Event;
use promethium_exposition::text::{Decoder, Encoder};
use promethium_model::MetricType;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

#[derive(Clone, Debug, PartialEq)]
struct SampleLine {
    labels: Vec<(String, String)>,
    value: f64,
    timestamp_ms: Option<i64>,
}

#[derive(Clone, Debug, PartialEq)]
struct FamilyLines {
    name: String,
    metric_type: MetricType,
    help: String,
    samples: Vec<SampleLine>,
}

/// Any text but NUL, which quoted names may not hold; often with what needs escaping.
fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zA-Z_:][a-zA-Z0-9_:]{0,12}", "[a-z.\\\\\"\n é✓-]{1,12}", "[^\0]{1,8}"]
}

/// A help text of blanks alone is read as none.
fn help() -> impl Strategy<Value = String> {
    ".{0,20}|[a-z\\\\\"\n]{0,20}"
        .prop_filter("not of blanks alone", |h| h.is_empty() || !h.trim_matches([' ', '\t']).is_empty())
}

/// Zero is written without its sign.
fn value() -> impl Strategy<Value = f64> {
    prop_oneof![any::<f64>(), (-1_000_000i64..1_000_000).prop_map(|n| n as f64 / 64.0)]
        .prop_filter("a number with a sign to keep", |v| !v.is_nan() && (*v != 0.0 || v.is_sign_positive()))
}

fn sample_line() -> impl Strategy<Value = SampleLine> {
    let labels = vec((name(), any::<String>()), 0..4);
    (labels, value(), proptest::option::of(0i64..)).prop_map(|(labels, value, timestamp_ms)| SampleLine {
        labels,
        value,
        timestamp_ms,
    })
}

fn family() -> impl Strategy<Value = FamilyLines> {
    let metric_type = prop_oneof![
        Just(MetricType::Counter),
        Just(MetricType::Gauge),
        Just(MetricType::Histogram),
        Just(MetricType::Summary),
        Just(MetricType::Unknown)
    ];
    (name(), metric_type, help(), vec(sample_line(), 0..4)).prop_map(|(name, metric_type, help, samples)| FamilyLines {
        name,
        metric_type,
        help,
        samples,
    })
}

fn encode(families: &[FamilyLines]) -> String {
    let mut page = Encoder::new();
    for f in families {
        let mut family = page.family(&f.name, f.metric_type, &f.help);
        for sample in &f.samples {
            let labels: Vec<(&str, &str)> = sample.labels.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            match sample.timestamp_ms {
                Some(timestamp_ms) => family.sample_at(&labels, sample.value, timestamp_ms),
                None => family.sample(&labels, sample.value),
            };
        }
    }
    page.into_string()
}

fn decode(page: &str) -> Vec<FamilyLines> {
    let mut decoder = Decoder::new(page.as_bytes());
    let mut families: Vec<FamilyLines> = Vec::new();
    let mut next_help = String::new();
    while let Some(event) = decoder.next_event().expect(page) {
        match event {
            Event::Help(help) => next_help = help.text().into_owned(),
            Event::Type(family) => families.push(FamilyLines {
                name: family.name().into_owned(),
                metric_type: family.metric_type(),
                help: std::mem::take(&mut next_help),
                samples: Vec::new(),
            }),
            Event::Sample(sample) => {
                let family = families.last_mut().expect("a TYPE line comes first");
                assert_eq!(sample.name(), family.name);
                family.samples.push(SampleLine {
                    labels: sample.series().labels().map(|(n, v)| (n.into_owned(), v.into_owned())).collect(),
                    value: sample.value,
                    timestamp_ms: sample.timestamp_ms,
                });
            }
            other => panic!("{other:?}"),
        }
    }
    families
}

proptest! {
    #![proptest_config(ProptestConfig {
        rng_seed: RngSeed::Fixed(17),
        failure_persistence: None,
        ..ProptestConfig::with_cases(512)
    })]

    #[test]
    fn families_come_back(families in vec(family(), 0..4)) {
        let page = encode(&families);
        prop_assert_eq!(decode(&page), families, "{}", page);
    }

    #[test]
    fn any_bytes_are_read_or_refused(page in vec(any::<u8>(), 0..200)) {
        promethium_exposition::fuzzing::text(&page);
    }

    #[test]
    fn any_mix_of_tokens_is_read_or_refused(tokens in vec(prop_oneof![
        Just("up"), Just("{"), Just("}"), Just("\""), Just("a"), Just("="), Just("\"b\""), Just(","), Just(" "), Just("\n"),
        Just("1"), Just("1.5e3"), Just("NaN"), Just("#"), Just("# HELP "), Just("# TYPE "), Just("gauge"), Just("\\"),
        Just("\0"), Just("é"), Just("17")
    ], 0..40)) {
        promethium_exposition::fuzzing::text(tokens.concat().as_bytes());
    }
}

#[test]
fn content_type_follows_the_names() {
    let mut page = Encoder::new();
    page.family("up", MetricType::Gauge, "").sample(&[("job", "a")], 1.0);
    assert_eq!(page.content_type(), "text/plain; version=0.0.4; charset=utf-8");
    page.family("up", MetricType::Gauge, "").sample(&[("job.name", "a")], 1.0);
    assert_eq!(page.content_type(), "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8");
}

#[test]
fn floats_are_gos() {
    let mut page = Encoder::new();
    let mut family = page.family("v", MetricType::Unknown, "");
    for value in
        [0.0, -0.0, 1.0, -1.0, 100_000.0, 1e6, 1_234_567.0, 1e-4, 1e-5, f64::INFINITY, -f64::INFINITY, f64::NAN]
    {
        family.sample(&[], value);
    }
    let values: Vec<&str> = page.as_str().lines().skip(1).map(|line| &line[2..]).collect();
    let expected = ["0", "0", "1", "-1", "100000", "1e+06", "1.234567e+06", "0.0001", "1e-05", "+Inf", "-Inf", "NaN"];
    assert_eq!(values, expected);
}

#[test]
fn summaries_and_histograms_with_labels() {
    let mut page = Encoder::new();
    page.family("s", MetricType::Summary, "").summary(&[("a", "b")], &[(0.5, 1.25), (1.0, 2.0)], 3.25, 2);
    page.family("h.x", MetricType::Histogram, "").histogram(&[("a", "b")], &[(f64::INFINITY, 2)], 3.25, 2);
    assert_eq!(
        page.as_str(),
        "# TYPE s summary\n\
         s{a=\"b\",quantile=\"0.5\"} 1.25\n\
         s{a=\"b\",quantile=\"1\"} 2\n\
         s_sum{a=\"b\"} 3.25\n\
         s_count{a=\"b\"} 2\n\
         # TYPE \"h.x\" histogram\n\
         {\"h.x_bucket\",a=\"b\",le=\"+Inf\"} 2\n\
         {\"h.x_sum\",a=\"b\"} 3.25\n\
         {\"h.x_count\",a=\"b\"} 2\n"
    );
}
