//! Decoders on the same pages, with the byte scans that bound them.

use std::hint::black_box;

use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime};
use promethium_exposition::negotiate::ScrapeProtocol;
use promethium_exposition::{
    DecodeOptions, Decoder, EncodeOptions, Event, Format, KnownSeries, NativeHistogram, encode,
};
use promethium_exposition_peers::{mix, native_page, page};

const NODE: &str = include_str!("../../../exposition/testdata/node_exporter.txt");
const LARGE_BYTES: usize = 10_000_000;

/// Decodes to events and touches name, labels and value of each.
fn events(format: Format, page: &[u8]) -> usize {
    let mut decoder = Decoder::new(format, page, &DecodeOptions::new());
    let mut sum = 0;
    while let Ok(Some(event)) = decoder.next_event() {
        sum += match event {
            Event::Sample(s) => {
                let labels: usize = s.series().labels().map(|(n, v)| n.len() + v.len()).sum();
                labels + s.exemplars().map(|e| e.labels().len()).sum::<usize>() + usize::from(s.value > 1.0)
            }
            Event::Histogram(h) => h.series().labels().len() + h.exemplars().len() + buckets(h.histogram()),
            _ => 1,
        };
    }
    sum
}

fn buckets(histogram: &NativeHistogram) -> usize {
    match histogram {
        NativeHistogram::Integer(h) => h.positive_deltas.iter().filter(|delta| **delta > 0).count(),
        NativeHistogram::Float(h) => h.positive_buckets.len(),
    }
}

/// The series of a page in order, as a scrape remembers them.
struct Scrape {
    keys: Vec<Box<[u8]>>,
    at: usize,
}

impl Scrape {
    fn new(format: Format, page: &[u8]) -> Self {
        let mut decoder = Decoder::new(format, page, &DecodeOptions::new());
        let mut keys = Vec::new();
        while let Ok(Some(event)) = decoder.next_event() {
            if let Event::Sample(s) = event {
                keys.push(s.series_bytes().into());
            }
        }
        Scrape { keys, at: 0 }
    }
}

impl KnownSeries for &mut Scrape {
    fn expected(&self) -> Option<&[u8]> {
        self.keys.get(self.at).map(|key| &**key)
    }

    fn knows(&mut self, _: &[u8]) -> bool {
        false
    }
}

fn known(format: Format, page: &[u8], scrape: &mut Scrape) -> usize {
    let mut decoder = Decoder::new(format, page, &DecodeOptions::new());
    scrape.at = 0;
    while let Ok(Some(event)) = decoder.next_event_knowing(&mut *scrape) {
        if let Event::Known(sample) = event {
            black_box(sample.value);
            scrape.at += 1;
        }
    }
    assert_eq!(scrape.at, scrape.keys.len());
    scrape.at
}

fn scans(group: &mut BenchmarkGroup<'_, WallTime>, page: &[u8]) {
    group.bench_function("scan: newlines", |b| b.iter(|| memchr::memchr_iter(b'\n', black_box(page)).count()));
    group.bench_function("scan: braces, quotes, newlines", |b| {
        b.iter(|| memchr::memchr3_iter(b'{', b'"', b'\n', black_box(page)).count());
    });
}

fn text_page(c: &mut Criterion, name: &str, page: &str, peers: bool) {
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Bytes(page.len() as u64));
    scans(&mut group, page.as_bytes());
    let format = Format::PrometheusText;
    group.bench_function("promethium", |b| b.iter(|| events(format, black_box(page.as_bytes()))));
    let mut scrape = Scrape::new(format, page.as_bytes());
    group.bench_function("promethium, known series", |b| {
        b.iter(|| known(format, black_box(page.as_bytes()), &mut scrape));
    });
    if peers {
        group.sample_size(10);
        group.bench_function("prometheus-parse", |b| {
            b.iter(|| prometheus_parse::Scrape::parse(black_box(page).lines().map(|l| Ok(l.to_owned()))).ok());
        });
        group.bench_function("openmetrics-parser", |b| {
            b.iter(|| openmetrics_parser::prometheus::parse_prometheus(black_box(page)).ok());
        });
        group.bench_function("prom_text_format_parser", |b| {
            b.iter(|| prom_text_format_parser::Scrape::parse(black_box(page)).ok());
        });
    }
    group.finish();
}

fn other_page(c: &mut Criterion, name: &str, format: Format, page: &[u8]) {
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Bytes(page.len() as u64));
    scans(&mut group, page);
    group.bench_function("promethium", |b| b.iter(|| events(format, black_box(page))));
    group.finish();
}

fn writers(c: &mut Criterion) {
    let families = mix(20, false);
    for (name, protocol) in [
        ("encode/text", ScrapeProtocol::PrometheusText0_0_4),
        ("encode/openmetrics", ScrapeProtocol::OpenMetricsText1_0_0),
        ("encode/protobuf", ScrapeProtocol::PrometheusProto),
    ] {
        let options = EncodeOptions::new(protocol);
        let bytes = encode(&families, &options).map_or(0, |page| page.len());
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function("promethium", |b| b.iter(|| encode(black_box(&families), &options).map(|p| p.len())));
        group.finish();
    }
}

fn all(c: &mut Criterion) {
    text_page(c, "text/node_exporter", NODE, true);
    let large = String::from_utf8(page(ScrapeProtocol::PrometheusText0_0_4, LARGE_BYTES, false)).unwrap_or_default();
    text_page(c, "text/10 MB", &large, true);
    let exemplars = page(ScrapeProtocol::OpenMetricsText1_0_0, LARGE_BYTES, true);
    other_page(c, "openmetrics/10 MB with exemplars", Format::OpenMetrics, &exemplars);
    other_page(c, "protobuf/native histograms", Format::Protobuf, &native_page(2_000));
    let messages = page(ScrapeProtocol::PrometheusProto, LARGE_BYTES, true);
    other_page(c, "protobuf/10 MB with exemplars", Format::Protobuf, &messages);
    writers(c);
}

criterion_group!(benches, all);
criterion_main!(benches);
