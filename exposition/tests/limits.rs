//! Every limit is met.

use promethium_exposition::negotiate::ScrapeProtocol;
use promethium_exposition::text::Decoder;
use promethium_exposition::{
    DecodeError, DecodeOptions, EncodeOptions, Event, Family, Format, Metric, MetricValue, Mode, Place, SummaryValue,
    encode, openmetrics, protobuf,
};
use promethium_model::{Limits, MetricType};

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::standard();
    change(&mut limits);
    limits
}

/// The events read, and how it ended.
fn read(page: &[u8], limits: &Limits) -> (usize, Result<(), DecodeError>) {
    let mut decoder = Decoder::with_limits(page, limits);
    let mut events = 0;
    loop {
        match decoder.next_event() {
            Ok(Some(_)) => events += 1,
            Ok(None) => return (events, Ok(())),
            Err(error) => {
                assert!(matches!(decoder.next_event(), Ok(None)), "nothing follows an error");
                return (events, Err(error));
            }
        }
    }
}

#[test]
fn lines() {
    let limits = limits(|l| l.max_line_bytes = 10);
    assert_eq!(read(b"a 12345678\n# 34567890\n", &limits), (1, Ok(())));
    for page in [
        "up 1\na 123456789\n",
        "up 1\na 123456789",
        "up 1\n# 345678901\n",
        "up 1\n# HELP a bc\n",
        "up 1\n           \n",
    ] {
        assert_eq!(read(page.as_bytes(), &limits), (1, Err(DecodeError::LineTooLong { line: 2, limit: 10 })), "{page}");
    }
}

#[test]
fn a_label_value_that_is_never_closed_does_not_fill_the_message() {
    let limits = limits(|l| l.max_line_bytes = 1_000);
    let page = [b"up{a=\"".as_slice(), &vec![b'\n'; 100_000]].concat();
    assert_eq!(read(&page, &limits), (0, Err(DecodeError::LineTooLong { line: 1, limit: 1_000 })));
}

#[test]
fn samples() {
    let limits = limits(|l| l.max_scrape_samples = 2);
    assert_eq!(read(b"# TYPE a gauge\na 1\nb 1\n", &limits), (3, Ok(())));
    assert_eq!(
        read(b"a 1\nb 1\n\nc 1\n", &limits),
        (2, Err(DecodeError::TooManySamples { place: Place::Line(4), limit: 2 }))
    );
}

#[test]
fn pages() {
    let limits = limits(|l| l.max_scrape_body_bytes = 4);
    assert_eq!(read(b"a 1\n", &limits), (1, Ok(())));
    assert_eq!(read(b"a 12\n", &limits), (0, Err(DecodeError::PageTooLarge { bytes: 5, limit: 4 })));
}

#[test]
fn numbers_and_lengths_of_labels() {
    let limits = limits(|l| (l.max_labels, l.max_label_name_bytes, l.max_label_value_bytes) = (3, 4, 5));
    assert_eq!(read(b"abcd{efgh=\"12345\",b=\"1\"} 1\n", &limits), (1, Ok(())));
    let too_long = |what, bytes, limit| DecodeError::NameOrValueTooLong { what, bytes, limit, place: Place::Line(2) };
    for (line, refused) in [
        ("a{b=\"\",c=\"\",d=\"\"} 1", DecodeError::TooManyLabels { limit: 3, place: Place::Line(2) }),
        ("abcde 1", too_long("metric name", 5, 4)),
        ("a{bcdef=\"\"} 1", too_long("label name", 5, 4)),
        ("a{b=\"123456\"} 1", too_long("label value", 6, 5)),
    ] {
        let page = format!("a 1\n{line}\n# EOF\n");
        assert_eq!(read(page.as_bytes(), &limits), (1, Err(refused.clone())), "{line}");
        let options = DecodeOptions::new().limits(&limits);
        let mut decoder = openmetrics::Decoder::with_options(page.as_bytes(), &options);
        assert!(decoder.next_event().is_ok());
        assert_eq!(decoder.next_event().err(), Some(refused), "{line}");
    }
}

#[test]
fn limits_of_openmetrics() {
    let read = |page: &str, limits: Limits| {
        let options = DecodeOptions::new().limits(&limits);
        let mut decoder = openmetrics::Decoder::with_options(page.as_bytes(), &options);
        let mut events = 0;
        loop {
            match decoder.next_event() {
                Ok(Some(_)) => events += 1,
                Ok(None) => return (events, None),
                Err(error) => return (events, Some(error)),
            }
        }
    };
    let page = "# TYPE a gauge\na 1\nb 1 # {c=\"d\"} 1\n# EOF\n";
    let (longest, bytes) = ("b 1 # {c=\"d\"} 1".len(), page.len());
    assert_eq!(read(page, limits(|l| l.max_line_bytes = longest)), (3, None));
    let refused = DecodeError::LineTooLong { line: 3, limit: longest - 1 };
    assert_eq!(read(page, limits(|l| l.max_line_bytes = longest - 1)), (2, Some(refused)));
    assert_eq!(read(page, limits(|l| l.max_scrape_body_bytes = bytes)), (3, None));
    let refused = DecodeError::PageTooLarge { bytes, limit: bytes - 1 };
    assert_eq!(read(page, limits(|l| l.max_scrape_body_bytes = bytes - 1)), (0, Some(refused)));
    assert_eq!(read(page, limits(|l| l.max_scrape_samples = 2)), (3, None));
    let refused = DecodeError::TooManySamples { place: Place::Line(3), limit: 1 };
    assert_eq!(read(page, limits(|l| l.max_scrape_samples = 1)), (2, Some(refused)));
}

/// A gauge, then a summary of two quantiles with one label: five samples in two messages.
fn messages() -> Vec<u8> {
    let mut gauge = Family::new("a", MetricType::Gauge);
    gauge.metrics.push(Metric::default());
    let mut summary = Family::new("abcd", MetricType::Summary);
    let value = SummaryValue { count: Some(1.0), sum: Some(1.0), quantiles: vec![(0.5, 1.0), (0.9, 1.0)] };
    let labels = vec![("efgh".to_owned(), "12345".to_owned())];
    summary.metrics.push(Metric { labels, value: MetricValue::Summary(value), ..Metric::default() });
    encode(&[gauge, summary], &EncodeOptions::new(ScrapeProtocol::PrometheusProto)).expect("a page")
}

/// The samples read, and how it ended.
fn read_messages(page: &[u8], mode: Mode, limits: &Limits) -> (usize, Option<DecodeError>) {
    let options = DecodeOptions::new().mode(mode).limits(limits);
    let mut decoder = protobuf::Decoder::with_options(page, &options);
    let (mut samples, mut skipped) = (0, None);
    loop {
        match decoder.next_event() {
            Ok(Some(Event::Sample(_))) => samples += 1,
            Ok(Some(Event::Skipped(error))) => skipped = Some(error.clone()),
            Ok(Some(_)) => {}
            Ok(None) => return (samples, skipped),
            Err(error) => {
                assert!(matches!(decoder.next_event(), Ok(None)), "nothing follows an error");
                return (samples, Some(error));
            }
        }
    }
}

#[test]
fn limits_of_messages() {
    let page = messages();
    let place = Place::Message(2);
    let too_long = |what, bytes, limit| DecodeError::NameOrValueTooLong { what, bytes, limit, place };
    for mode in [Mode::Strict, Mode::Prometheus, Mode::Lenient] {
        let read = |limits: Limits| read_messages(&page, mode, &limits);
        assert_eq!(read(limits(|l| l.max_scrape_samples = 5)), (5, None));
        let refused = DecodeError::TooManySamples { place, limit: 4 };
        assert_eq!(read(limits(|l| l.max_scrape_samples = 4)), (4, Some(refused)));
        let bytes = page.len();
        assert_eq!(read(limits(|l| l.max_scrape_body_bytes = bytes)), (5, None));
        let refused = DecodeError::PageTooLarge { bytes, limit: bytes - 1 };
        assert_eq!(read(limits(|l| l.max_scrape_body_bytes = bytes - 1)), (0, Some(refused)));
        assert_eq!(read(limits(|l| (l.max_label_name_bytes, l.max_label_value_bytes) = (4, 5))), (5, None));
        assert_eq!(read(limits(|l| l.max_label_name_bytes = 3)), (1, Some(too_long("metric name", 4, 3))));
        assert_eq!(read(limits(|l| l.max_label_value_bytes = 4)), (1, Some(too_long("label value", 5, 4))));
        assert_eq!(read(limits(|l| l.max_labels = 2)), (5, None));
        assert_eq!(read(limits(|l| l.max_labels = 1)), (1, Some(DecodeError::TooManyLabels { limit: 1, place })));
    }
    let error = read_messages(&page, Mode::Prometheus, &limits(|l| l.max_labels = 1)).1.expect("an error");
    assert_eq!(error.to_string(), "more than 1 labels (message 2)");
    assert_eq!((error.line(), error.column()), (None, None));
}

#[test]
fn label_strings() {
    let limits = limits(|l| (l.max_line_bytes, l.max_label_value_bytes) = (32 << 20, 32 << 20));
    let value = "v".repeat(1 << 24);
    let page = format!("up{{a=\"{value}\"}} 1\n");
    let mut decoder = Decoder::with_limits(page.as_bytes(), &limits);
    let Ok(Some(Event::Sample(sample))) = decoder.next_event() else { panic!("a sample") };
    let refused = DecodeError::LabelTooLong { bytes: 1 << 24, limit: (1 << 24) - 1 };
    assert_eq!(sample.series().to_labels(), Err(refused));
}

#[test]
fn a_label_twice() {
    let mut decoder = Decoder::new(b"up{a=\"1\",a=\"2\"} 1\n");
    let Ok(Some(Event::Sample(sample))) = decoder.next_event() else { panic!("a sample") };
    let error = sample.series().to_labels().unwrap_err();
    assert_eq!(error.to_string(), "label name \"a\" is not unique: invalid sample");
}

/// Samples, reported faults and counted faults of a page that is read leniently.
fn read_leniently(format: Format, page: &[u8], max_reported_faults: u64) -> (usize, u64, u64) {
    let mut options = DecodeOptions::new().mode(Mode::Lenient);
    options.max_reported_faults = max_reported_faults;
    let mut decoder = promethium_exposition::Decoder::new(format, page, &options);
    let (mut samples, mut reported) = (0, 0);
    while let Some(event) = decoder.next_event().expect("only what ends a page is an error") {
        match event {
            Event::Sample(_) => samples += 1,
            Event::Skipped(error) => {
                assert!(!error.message().is_empty());
                reported += 1;
            }
            _ => {}
        }
    }
    (samples, reported, decoder.skipped())
}

#[test]
fn reported_faults() {
    let broken_message = [2, 0x0a, 5];
    let pages = [
        (Format::PrometheusText, b"a b\n".repeat(9), b"c 1\n".to_vec(), 1),
        (Format::OpenMetrics, b"a b\n".repeat(9), b"c 1\n# EOF\n".to_vec(), 1),
        (Format::Protobuf, broken_message.repeat(9), messages(), 5),
    ];
    for (format, faults, good, samples) in pages {
        let page =
            [good[..good.len() - if format == Format::OpenMetrics { 6 } else { 0 }].to_vec(), faults, good].concat();
        for (limit, reported) in [(u64::MAX, 9), (9, 9), (8, 8), (1, 1), (0, 0)] {
            assert_eq!(read_leniently(format, &page, limit), (2 * samples, reported, 9), "{format:?}, {limit}");
        }
    }
    let endless = read_leniently(Format::OpenMetrics, b"a 1\nb\n", 0);
    assert_eq!(endless, (1, 0, 2), "a page without its end is a fault as well");
}
