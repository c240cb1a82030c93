//! Decoding allocates per page, never per sample.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use promethium_exposition::negotiate::ScrapeProtocol;
use promethium_exposition::{
    DecodeOptions, Decoder, EncodeOptions, Event, ExemplarValue, Family, Format, HistogramValue, KnownSeries, Metric,
    MetricValue, NativeHistogram, encode,
};
use promethium_model::{Histogram, MetricType, Span};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: everything is handed on to the system's allocator.
// PERF: none is claimed; it counts.
#[expect(unsafe_code, reason = "an allocator that counts")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|n| n.set(n.get() + 1));
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller's.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations(run: impl FnOnce() -> usize) -> (usize, usize) {
    let before = ALLOCATIONS.with(Cell::get);
    let samples = run();
    (samples, ALLOCATIONS.with(Cell::get) - before)
}

/// Reads all labels of all samples; the number of samples.
fn decode(format: Format, page: &[u8]) -> usize {
    let mut decoder = Decoder::new(format, page, &DecodeOptions::new());
    let (mut samples, mut bytes) = (0, 0);
    while let Some(event) = decoder.next_event().expect("a good page") {
        match event {
            Event::Sample(s) => {
                samples += 1;
                bytes += s.series_bytes().len() + s.exemplars().map(|e| e.labels().len()).sum::<usize>();
            }
            Event::Histogram(_) => samples += 1,
            _ => {}
        }
    }
    assert!(bytes > 0 || format == Format::Protobuf);
    samples
}

struct InOrder<'k> {
    keys: &'k [Vec<u8>],
    at: usize,
}

impl KnownSeries for InOrder<'_> {
    fn expected(&self) -> Option<&[u8]> {
        self.keys.get(self.at).map(Vec::as_slice)
    }

    fn knows(&mut self, _: &[u8]) -> bool {
        false
    }
}

fn decode_known(page: &[u8], keys: &[Vec<u8>]) -> usize {
    let mut decoder = Decoder::new(Format::PrometheusText, page, &DecodeOptions::new());
    let mut samples = 0;
    while let Some(event) = decoder.next_event_knowing(InOrder { keys, at: samples }).expect("a good page") {
        if let Event::Known(_) = event {
            samples += 1;
        }
    }
    samples
}

fn labels(i: usize) -> Vec<(String, String)> {
    (0..6).map(|l| (format!("label_{l}"), format!("value {i:05} \"{l}"))).collect()
}

fn families(metrics: usize) -> Vec<Family> {
    let exemplar = ExemplarValue { labels: vec![("trace_id".into(), "7f".into())], value: 1.0, timestamp_ms: Some(5) };
    let counters = (0..metrics).map(|i| Metric {
        labels: labels(i),
        value: MetricValue::Single { value: i as f64, exemplar: Some(exemplar.clone()) },
        ..Metric::default()
    });
    vec![Family { metrics: counters.collect(), help: "H.".into(), ..Family::new("a_total", MetricType::Counter) }]
}

fn native(metrics: usize) -> Vec<Family> {
    let native = NativeHistogram::Integer(Histogram {
        count: 6,
        positive_spans: vec![Span { offset: 0, length: 2 }, Span { offset: 2, length: 1 }],
        positive_deltas: vec![1, 1, 1],
        ..Histogram::default()
    });
    let value = HistogramValue { native: Some(native), ..HistogramValue::default() };
    let metric =
        |i| Metric { labels: labels(i), value: MetricValue::Histogram(Box::new(value.clone())), ..Metric::default() };
    vec![Family { metrics: (0..metrics).map(metric).collect(), ..Family::new("h", MetricType::Histogram) }]
}

#[test]
fn ten_times_the_samples_take_no_more_allocations() {
    for protocol in
        [ScrapeProtocol::PrometheusText0_0_4, ScrapeProtocol::OpenMetricsText1_0_0, ScrapeProtocol::PrometheusProto]
    {
        for make in [families, native] {
            let page = |n| encode(&make(n), &EncodeOptions::new(protocol)).expect("all can be said");
            let (small, large) = (page(100), page(1_000));
            let (few, first) = allocations(|| decode(protocol.format(), &small));
            let (many, second) = allocations(|| decode(protocol.format(), &large));
            assert_eq!(many, few * 10);
            assert_eq!(first, second, "{protocol}: {few} and {many} samples");
            assert!(first < 40, "{protocol}: {first}");
        }
    }
}

#[test]
fn known_series_take_none_either() {
    let page = encode(&families(1_000), &EncodeOptions::new(ScrapeProtocol::PrometheusText0_0_4)).expect("text");
    let mut keys = Vec::new();
    let mut decoder = Decoder::new(Format::PrometheusText, &page, &DecodeOptions::new());
    while let Some(event) = decoder.next_event().expect("a good page") {
        if let Event::Sample(s) = event {
            keys.push(s.series_bytes().to_vec());
        }
    }
    let (samples, allocated) = allocations(|| decode_known(&page, &keys));
    assert_eq!(samples, 1_000);
    assert!(allocated < 10, "{allocated}");
}
