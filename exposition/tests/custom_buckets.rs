//! Classic histograms that become native ones with custom bounds.

use promethium_exposition::negotiate::ScrapeProtocol;
use promethium_exposition::{
    BucketValue, DecodeError, DecodeOptions, Decoder, EncodeOptions, Event, Family, Format, HistogramValue, Metric,
    MetricValue, Mode, NativeHistogram, encode,
};
use promethium_model::MetricType;

/// The events, each as a line.
fn read(format: Format, page: &[u8], keeps_classic: bool) -> Result<Vec<String>, DecodeError> {
    let mut options = DecodeOptions::new();
    (options.custom_buckets, options.classic_histograms) = (true, keeps_classic);
    let mut decoder = Decoder::new(format, page, &options);
    let mut events = Vec::new();
    while let Some(event) = decoder.next_event()? {
        match event {
            Event::Sample(s) => events.push(format!("{} {}", s.series().to_labels()?, s.value)),
            Event::Histogram(h) => {
                let exemplars = h.exemplars().len();
                let text = match h.histogram() {
                    NativeHistogram::Integer(i) => {
                        format!("count:{} sum:{} {:?} {:?}", i.count, i.sum, i.custom_bounds, i.positive_deltas)
                    }
                    NativeHistogram::Float(f) => {
                        format!("count:{} sum:{} {:?} {:?}", f.count, f.sum, f.custom_bounds, f.positive_buckets)
                    }
                };
                events.push(format!("{} {text} exemplars:{exemplars}", h.series().to_labels()?));
            }
            _ => {}
        }
    }
    Ok(events)
}

fn text(page: &str) -> Vec<String> {
    read(Format::PrometheusText, page.as_bytes(), false).expect("a good page")
}

#[test]
fn a_histogram_ends_where_another_series_begins() {
    let page = "# TYPE h histogram\nh_bucket{a=\"1\",le=\"1\"} 1\nh_bucket{a=\"1\",le=\"+Inf\"} 3\nh_sum{a=\"1\"} 5\nh_count{a=\"1\"} 3\n\
                h_bucket{a=\"2\",le=\"1\"} 2\nh_count{a=\"2\"} 2\n# TYPE g gauge\ng 1\n";
    assert_eq!(
        text(page),
        ["h{a=\"1\"} count:3 sum:5 [1.0] [1, 1] exemplars:0", "h{a=\"2\"} count:2 sum:0 [1.0] [2] exemplars:0", "g 1"]
    );
}

#[test]
fn classic_series_come_first_where_they_are_kept() {
    let page = b"# TYPE h histogram\nh_bucket{le=\"+Inf\"} 3\nh_count 3\n";
    let events = read(Format::PrometheusText, page, true).expect("a good page");
    assert_eq!(events, ["h_bucket{le=\"+Inf\"} 3", "h_count 3", "h count:3 sum:0 [] [3] exemplars:0"]);
}

#[test]
fn what_is_inconsistent_makes_none() {
    assert_eq!(text("# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\nup 1\n"), ["up 1"]);
    assert_eq!(text("# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_count 2\n"), [""; 0]);
}

#[test]
fn only_series_of_the_family_in_the_type_line_are_taken() {
    assert_eq!(text("# TYPE h histogram\nx_count 1\n"), ["x_count 1"]);
    assert_eq!(text("# TYPE h gauge\nh_count 1\n"), ["h_count 1"]);
    assert_eq!(text("# TYPE h histogram\nh_bucket{le=\"x\"} 1\n"), ["h_bucket{le=\"x\"} 1"]);
}

#[test]
fn exemplars_with_a_time_are_kept() {
    let page =
        b"# TYPE h histogram\nh_bucket{le=\"1\"} 1 # {t=\"a\"} 0.5 7\nh_bucket{le=\"+Inf\"} 1 # {t=\"b\"} 0.5\n# EOF\n";
    let events = read(Format::OpenMetrics, page, false).expect("a good page");
    assert_eq!(events, ["h count:1 sum:0 [1.0] [1] exemplars:1"]);
}

/// A histogram whose buckets fall, and one that is good.
fn contradictory_messages() -> Vec<u8> {
    let family = |name: &str, counts: [f64; 2]| {
        let bucket = |(upper_bound, cumulative_count)| BucketValue { upper_bound, cumulative_count, exemplar: None };
        let value = HistogramValue {
            count: Some(counts[1]),
            buckets: [1.0, f64::INFINITY].into_iter().zip(counts).map(bucket).collect(),
            ..HistogramValue::default()
        };
        let mut family = Family::new(name, MetricType::Histogram);
        family.metrics.push(Metric { value: MetricValue::Histogram(Box::new(value)), ..Metric::default() });
        family
    };
    let families = [family("bad", [2.0, 1.0]), family("good", [1.0, 2.0])];
    encode(&families, &EncodeOptions::new(ScrapeProtocol::PrometheusProto)).expect("a page")
}

#[test]
fn a_contradiction_in_messages_fails_the_page_and_the_lenient_reading_skips_it() {
    let page = contradictory_messages();
    let error = read(Format::Protobuf, &page, false).expect_err("a fault");
    assert!(matches!(&error, DecodeError::InconsistentHistogram { name, .. } if name == "bad"), "{error}");
    let mut options = DecodeOptions::new().mode(Mode::Lenient);
    options.custom_buckets = true;
    let mut decoder = Decoder::new(Format::Protobuf, &page, &options);
    let (mut faults, mut histograms) = (Vec::new(), Vec::new());
    while let Some(event) = decoder.next_event().expect("nothing ends the page") {
        match event {
            Event::Skipped(fault) => faults.push(fault.clone()),
            Event::Histogram(h) => histograms.push(h.series().name().into_owned()),
            _ => {}
        }
    }
    assert_eq!((faults, histograms), (vec![error], vec!["good".to_owned()]));
    assert_eq!(decoder.skipped(), 1);
}
