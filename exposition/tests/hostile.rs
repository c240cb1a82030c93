//! A megabyte of the worst, on a small stack: refused or read, with work that grows with the page and no faster.

use promethium_exposition::{DecodeError, DecodeOptions, Decoder, Event, Format, Mode};
use promethium_model::Limits;

const MEGABYTE: usize = 1 << 20;
const STACK_BYTES: usize = 256 << 10;

fn repeated(piece: &[u8], end: &[u8]) -> Vec<u8> {
    let mut page = piece.repeat(MEGABYTE / piece.len());
    page.extend_from_slice(end);
    page
}

/// Pages that make slow or deep readers slow or deep.
fn pages() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("no line break", repeated(b"a", b"")),
        ("open braces", repeated(b"{", b"")),
        ("open quotes", repeated(b"a{b=\"\n", b"")),
        ("backslashes", repeated(b"a{b=\"\\", b"")),
        ("escaped quotes", [b"a{b=\"".as_slice(), &repeated(b"\\\"", b"")].concat()),
        ("labels", [b"a{".as_slice(), &repeated(b"b=\"\",", b"} 1\n# EOF\n")].concat()),
        ("digits", [b"a ".as_slice(), &repeated(b"9", b"\n# EOF\n")].concat()),
        ("broken lines", repeated(b"a b\n", b"# EOF\n")),
        ("blank lines", repeated(b"\n", b"")),
        ("hashes", repeated(b"# ", b"")),
        ("comments", repeated(b"#\n", b"")),
        ("metadata", repeated(b"# TYPE a gauge\n", b"# EOF\n")),
        ("exemplars", repeated(b"a 1 # {b=\"c\"} 1 # {", b"\n# EOF\n")),
        ("created last", repeated(b"# TYPE a counter\n", b"# EOF\n")),
        ("counters", [b"# TYPE a counter\n".as_slice(), &repeated(b"a_total 1\n", b"# EOF\n")].concat()),
        ("falling buckets", falling_buckets()),
        ("damage", repeated(b"a{b=\"\xff\"} 1\n", b"# EOF\n")),
        ("groups", repeated(&[0x7f, 0x0b], &[])),
        ("empty messages", repeated(&[0], &[])),
        ("spans", spans()),
    ]
}

/// Buckets in the wrong order: an insertion sort would be quadratic.
fn falling_buckets() -> Vec<u8> {
    let mut page = b"# TYPE a histogram\n".to_vec();
    let mut bound = 100_000;
    while page.len() < MEGABYTE {
        page.extend_from_slice(format!("a_bucket{{le=\"{bound}\"}} {bound}\n").as_bytes());
        bound -= 1;
    }
    page.extend_from_slice(b"# EOF\n");
    page
}

/// Spans that claim four thousand million buckets each.
fn spans() -> Vec<u8> {
    let span = [0x62, 0x06, 0x10, 0xff, 0xff, 0xff, 0xff, 0x0f];
    let histogram = span.repeat(1 << 14);
    let mut page = Vec::new();
    let delimited = |tag: &[u8], body: Vec<u8>| {
        let mut out = tag.to_vec();
        let mut len = body.len();
        while len >= 0x80 {
            out.push(len as u8 | 0x80);
            len >>= 7;
        }
        out.push(len as u8);
        out.extend_from_slice(&body);
        out
    };
    let metric = delimited(&[0x22], delimited(&[0x3a], histogram));
    let family = [&[0x0a, 1, b'a', 0x18, 4], metric.as_slice()].concat();
    page.extend_from_slice(&delimited(&[], family));
    page
}

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
        for (title, page) in pages() {
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
    }
}
