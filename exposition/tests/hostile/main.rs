//! A megabyte of the worst, on a small stack: refused or read. How long that takes, and that the work grows with the page and no
//! faster, the example `hostile` shows.

mod pages;

use pages::pages;
use promethium_exposition::{DecodeError, DecodeOptions, Decoder, Event, Format, Mode};
use promethium_model::Limits;

const MEGABYTE: usize = 1 << 20;
const STACK_BYTES: usize = 256 << 10;

fn all_options() -> Vec<DecodeOptions> {
    let mut all: Vec<DecodeOptions> =
        [Mode::Strict, Mode::Prometheus, Mode::Lenient].map(|mode| DecodeOptions::new().mode(mode)).into();
    let mut converting = DecodeOptions::new().mode(Mode::Lenient);
    (converting.custom_buckets, converting.start_timestamps) = (true, true);
    all.push(converting);
    all
}

fn read(format: Format, page: &[u8], options: &DecodeOptions) -> (usize, Result<(), DecodeError>) {
    let mut decoder = Decoder::new(format, page, options);
    let mut events = 0;
    loop {
        match decoder.next_event() {
            Ok(Some(Event::Skipped(error))) => {
                assert!(error.to_string().len() < 8 * MEGABYTE);
                events += 1;
            }
            Ok(Some(_)) => events += 1,
            Ok(None) => return (events, Ok(())),
            Err(error) => return (events, Err(error)),
        }
    }
}

#[test]
fn every_page_ends_on_a_small_stack() {
    let reading = || {
        for (title, page) in pages(MEGABYTE) {
            for format in [Format::PrometheusText, Format::OpenMetrics, Format::Protobuf] {
                for options in all_options() {
                    let (events, end) = read(format, &page, &options);
                    // The missing end of the page is one more.
                    assert!(events <= page.len() + 1, "{title}");
                    assert!(end.is_ok() || options.mode != Mode::Lenient || is_limit(&end), "{title}: {end:?}");
                }
            }
        }
    };
    std::thread::Builder::new().stack_size(STACK_BYTES).spawn(reading).expect("a thread").join().expect("no overflow");
}

/// In the lenient reading only what ends the page is an error.
fn is_limit(end: &Result<(), DecodeError>) -> bool {
    matches!(end, Err(DecodeError::PageTooLarge { .. } | DecodeError::TooManySamples { .. }))
}

#[test]
fn a_message_with_too_many_samples_ends_the_page_in_every_mode() {
    let mut limits = Limits::standard();
    limits.max_scrape_samples = 1;
    for options in all_options() {
        let options = options.limits(&limits);
        let page = b"# TYPE a gauge\na{b=\"1\"} 1\na{b=\"2\"} 1\n# EOF\n";
        for format in [Format::PrometheusText, Format::OpenMetrics] {
            let end = read(format, page, &options).1;
            assert!(matches!(end, Err(DecodeError::TooManySamples { .. })), "{end:?}");
        }
        // Two gauges.
        let gauge = |name| [0x09, 0x0a, 1, name, 0x18, 1, 0x22, 2, 0x12, 0];
        let page = [gauge(b'a'), gauge(b'b')].concat();
        let end = read(Format::Protobuf, &page, &options).1;
        assert!(matches!(end, Err(DecodeError::TooManySamples { .. })), "{end:?}");
    }
}
