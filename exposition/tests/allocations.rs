//! Decoding allocates per page, never per sample.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use promethium_exposition::negotiate::ScrapeProtocol;
use promethium_exposition::{
    BucketValue, DecodeOptions, Decoder, EncodeOptions, Event, ExemplarValue, Family, Format, HistogramValue,
    KnownSeries, Metric, MetricValue, Mode, NativeHistogram, encode,
};
use promethium_model::{FloatHistogram, Histogram, MetricType, Span};

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
            Event::Histogram(h) => {
                samples += 1;
                bytes += h.series().bytes().len() + h.exemplars().map(|e| e.labels().len()).sum::<usize>();
            }
            _ => {}
        }
    }
    assert!(bytes > 0);
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

/// Some that all metrics share, some of one metric, some with escapes.
fn labels(i: usize) -> Vec<(String, String)> {
    let shared = ["cluster", "job"].map(|name| (name.to_owned(), "the same for all".to_owned()));
    let own = (0..6).map(|l| (format!("label_{l}"), if l < 3 { format!("{i:05}") } else { format!("{i:05} \"{l}") }));
    shared.into_iter().chain(own).collect()
}

fn exemplar(value: f64) -> ExemplarValue {
    ExemplarValue { labels: vec![("trace_id".into(), "7f".into())], value, timestamp_ms: Some(5) }
}

fn families(metrics: usize) -> Vec<Family> {
    let counters = (0..metrics).map(|i| Metric {
        labels: labels(i),
        value: MetricValue::Single { value: i as f64, exemplar: Some(exemplar(1.0)) },
        ..Metric::default()
    });
    vec![Family { metrics: counters.collect(), help: "H.".into(), ..Family::new("a_total", MetricType::Counter) }]
}

fn classic(metrics: usize) -> Vec<Family> {
    let bucket = |upper_bound| BucketValue { upper_bound, cumulative_count: 3.0, exemplar: Some(exemplar(0.5)) };
    let buckets = [1.0, 2.5, f64::INFINITY].map(bucket).to_vec();
    histograms(metrics, &[HistogramValue { count: Some(3.0), sum: Some(2.0), buckets, ..HistogramValue::default() }])
}

/// Integer and float histograms in turns, with exemplars.
fn native(metrics: usize) -> Vec<Family> {
    let spans = vec![Span { offset: 0, length: 2 }, Span { offset: 2, length: 1 }];
    let integer = Histogram {
        count: 306,
        zero_threshold: 0.5,
        positive_spans: spans.clone().into(),
        positive_deltas: vec![1, 300, -299],
        negative_spans: spans.clone().into(),
        negative_deltas: vec![1, 0, 0],
        ..Histogram::default()
    };
    let float = FloatHistogram {
        count: 4.5,
        positive_spans: spans.into(),
        positive_buckets: vec![1.5, 1.5, 1.5],
        ..FloatHistogram::default()
    };
    let value = |native| HistogramValue {
        native: Some(native),
        exemplars: vec![exemplar(0.5), exemplar(7.0)],
        ..HistogramValue::default()
    };
    let values = [NativeHistogram::Integer(integer), NativeHistogram::Float(float)].map(value);
    histograms(metrics, &values)
}

/// Values in turns.
fn histograms(metrics: usize, values: &[HistogramValue]) -> Vec<Family> {
    let metric = |i: usize| Metric {
        labels: labels(i),
        value: MetricValue::Histogram(Box::new(values[i % values.len()].clone())),
        start_timestamp_ms: Some(7_000),
        ..Metric::default()
    };
    vec![Family { metrics: (0..metrics).map(metric).collect(), ..Family::new("h", MetricType::Histogram) }]
}

type Make = fn(usize) -> Vec<Family>;

#[test]
fn ten_times_the_samples_take_no_more_allocations() {
    let all: [Make; 3] = [families, classic, native];
    for (protocol, makes) in [
        (ScrapeProtocol::PrometheusText0_0_4, &all[..]),
        // It cannot say float histograms.
        (ScrapeProtocol::OpenMetricsText1_0_0, &all[..2]),
        (ScrapeProtocol::PrometheusProto, &all[..]),
    ] {
        for make in makes {
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
fn faults_that_are_counted_take_none() {
    let mut options = DecodeOptions::new().mode(Mode::Lenient);
    options.max_reported_faults = 10;
    let pages: [(Format, &[u8], &[u8]); 6] = [
        (Format::PrometheusText, b"a b\n", b""),
        (Format::PrometheusText, b"{ 1\n", b""),
        (Format::OpenMetrics, b"a b\n", b"# EOF\n"),
        (Format::OpenMetrics, b"\n", b"# EOF\n"),
        (Format::OpenMetrics, b"# UNIT a b\n", b"# EOF\n"),
        (Format::Protobuf, &[1, 0], b""),
    ];
    for (format, fault, end) in pages {
        let read = |faults: usize| {
            let page = [&fault.repeat(faults), end].concat();
            allocations(|| {
                let mut decoder = Decoder::new(format, &page, &options);
                while decoder.next_event().expect("lenient").is_some() {}
                usize::try_from(decoder.skipped()).expect("few")
            })
        };
        let (few, first) = read(100);
        let (many, second) = read(1_000);
        assert_eq!((few, many), (100, 1_000));
        assert_eq!(first, second, "{format:?} {fault:?}");
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
