//! Type and unit of a metric as labels of its series.

use promethium_exposition::negotiate::ScrapeProtocol;
use promethium_exposition::{
    DecodeOptions, Decoder, EncodeOptions, Event, Family, Format, HistogramValue, Metric, MetricValue, NativeHistogram,
    encode,
};
use promethium_model::{Histogram, MetricType, Span};

fn options() -> DecodeOptions {
    let mut options = DecodeOptions::new();
    options.type_and_unit_labels = true;
    options
}

/// The label sets of all series of a page.
fn series(format: Format, page: &[u8], options: &DecodeOptions) -> Vec<String> {
    let mut decoder = Decoder::new(format, page, options);
    let mut all = Vec::new();
    while let Some(event) = decoder.next_event().expect("a good page") {
        match event {
            Event::Sample(s) => all.push(s.series().to_labels().expect("a label set").to_string()),
            Event::Histogram(h) => all.push(h.series().to_labels().expect("a label set").to_string()),
            _ => {}
        }
    }
    all
}

#[test]
fn what_was_said_last_holds_for_all_samples_that_follow() {
    let page = b"\
a 1
# TYPE b_seconds counter
# UNIT b_seconds seconds
b_seconds_total 1
c{x=\"y\"} 1
# TYPE d unknown
d 1
# UNIT e 
d 1
# EOF
";
    let expected = [
        r#"a"#,
        r#"b_seconds_total{__type__="counter", __unit__="seconds"}"#,
        r#"c{__type__="counter", __unit__="seconds", x="y"}"#,
        r#"d{__unit__="seconds"}"#,
        r#"d"#,
    ];
    assert_eq!(series(Format::OpenMetrics, page, &options()), expected);
    let plain = ["a", "b_seconds_total", r#"c{x="y"}"#, "d", "d"];
    assert_eq!(series(Format::OpenMetrics, page, &DecodeOptions::new()), plain);
}

#[test]
fn metadata_takes_the_place_of_labels_of_the_page() {
    let page = b"a{__type__=\"x\",__unit__=\"y\"} 1\n# TYPE a gauge\na{__type__=\"x\",__unit__=\"y\"} 1\n";
    let expected = [r#"a{__type__="x", __unit__="y"}"#, r#"a{__type__="gauge", __unit__="y"}"#];
    assert_eq!(series(Format::PrometheusText, page, &options()), expected);
}

#[test]
fn histograms_have_them_in_every_shape() {
    let native = Histogram {
        count: 3,
        sum: 4.0,
        positive_spans: [Span { offset: 0, length: 1 }].into(),
        positive_deltas: vec![3],
        ..Histogram::default()
    };
    let mut family = Family::new("h_seconds", MetricType::Histogram);
    family.unit = "seconds".to_owned();
    let value = HistogramValue { native: Some(NativeHistogram::Integer(native)), ..HistogramValue::default() };
    family.metrics.push(Metric { value: MetricValue::Histogram(Box::new(value)), ..Metric::default() });
    let page = encode(&[family], &EncodeOptions::new(ScrapeProtocol::PrometheusProto)).expect("a page");
    let described = r#"h_seconds{__type__="histogram", __unit__="seconds"}"#;
    assert_eq!(series(Format::Protobuf, &page, &options()), [described]);
    let mut classic = options();
    classic.native_histograms = false;
    let expected = [
        r#"h_seconds_count{__type__="histogram", __unit__="seconds"}"#,
        r#"h_seconds_sum{__type__="histogram", __unit__="seconds"}"#,
        r#"h_seconds_bucket{__type__="histogram", __unit__="seconds", le="+Inf"}"#,
    ];
    assert_eq!(series(Format::Protobuf, &page, &classic), expected);
    let mut converted = options();
    converted.custom_buckets = true;
    let page = b"# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n";
    assert_eq!(series(Format::PrometheusText, page, &converted), [r#"h{__type__="histogram"}"#]);
}
