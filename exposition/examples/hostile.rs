//! How long pages take that were made to take long: `cargo run --release -p promethium-exposition --example hostile [BYTES] [TITLE]`.
//!
//! Each page is read in every format and mode. With a title only that page is read, once: for counting instructions.

#[path = "../tests/hostile/pages.rs"]
mod pages;

use std::hint::black_box;
use std::time::{Duration, Instant};

use promethium_exposition::{DecodeOptions, Decoder, Format, Mode};

const FORMATS: [Format; 3] = [Format::PrometheusText, Format::OpenMetrics, Format::Protobuf];

fn all_options() -> Vec<(&'static str, DecodeOptions)> {
    let mode = |mode| DecodeOptions::new().mode(mode);
    let mut converting = mode(Mode::Lenient);
    (converting.custom_buckets, converting.start_timestamps) = (true, true);
    vec![
        ("strict", mode(Mode::Strict)),
        ("prometheus", mode(Mode::Prometheus)),
        ("lenient", mode(Mode::Lenient)),
        ("lenient, converting", converting),
    ]
}

fn read(format: Format, page: &[u8], options: &DecodeOptions) -> usize {
    let mut decoder = Decoder::new(format, page, options);
    let mut events = 0;
    while let Ok(Some(event)) = decoder.next_event() {
        black_box(&event);
        events += 1;
    }
    events
}

/// The least of three readings.
fn duration(format: Format, page: &[u8], options: &DecodeOptions) -> Duration {
    let once = || {
        let start = Instant::now();
        black_box(read(format, page, options));
        start.elapsed()
    };
    (0..3).map(|_| once()).min().unwrap_or_default()
}

/// The format and the mode in which a page takes longest, and how long.
fn slowest(page: &[u8]) -> (Duration, String) {
    let mut slowest = (Duration::ZERO, String::new());
    for format in FORMATS {
        for (mode, options) in all_options() {
            let took = duration(format, page, &options);
            if took > slowest.0 {
                slowest = (took, format!("{format:?}, {mode}"));
            }
        }
    }
    slowest
}

fn main() {
    let mut words = std::env::args().skip(1);
    let bytes = words.next().and_then(|bytes| bytes.parse().ok()).unwrap_or(1 << 20);
    let title = words.next();
    for (name, page) in pages::pages(bytes) {
        match &title {
            Some(title) if title == name => {
                for (format, (_, options)) in
                    FORMATS.iter().flat_map(|f| all_options().into_iter().map(move |o| (f, o)))
                {
                    black_box(read(*format, &page, &options));
                }
            }
            Some(_) => {}
            None => {
                let (took, how) = slowest(&page);
                println!("{:>8.1} ms  {name} ({how})", took.as_secs_f64() * 1e3);
            }
        }
    }
}
