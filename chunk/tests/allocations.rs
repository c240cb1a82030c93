//! Decoding allocates no more than what it hands out.

use allocation_counter::measure;
use promethium_chunk::{
    Encoding, HistogramStats, Native, NativeAppender, Placement, Xor2Appender, XorAppender, decode,
    decode_histogram_stats,
};
use promethium_model::{FloatHistogram, Histogram, SampleBatch, Span};

const SAMPLES: usize = 120;

/// Two spans and 16 buckets on each side.
fn histograms() -> impl Iterator<Item = Histogram> {
    let spans = [Span { offset: -4, length: 8 }, Span { offset: 3, length: 8 }];
    (1..=SAMPLES as u64).map(move |i| Histogram {
        count: 32 * i,
        sum: i as f64,
        positive_spans: spans.into(),
        negative_spans: spans.into(),
        positive_deltas: std::iter::once(i as i64).chain([0; 15]).collect(),
        negative_deltas: std::iter::once(i as i64).chain([0; 15]).collect(),
        ..Histogram::default()
    })
}

fn chunk<H: Native>(encoding: Encoding, mut histograms: impl Iterator<Item = H>) -> Box<[u8]> {
    let first = histograms.next().unwrap();
    let mut chunk = NativeAppender::start(encoding, NativeAppender::header_of_next(None, &first), 0, 0, &first);
    for (t, h) in (1..).zip(histograms) {
        assert_eq!(chunk.push(0, t * 15_000, &h), Placement::Appended);
    }
    chunk.into_bytes()
}

fn of_histograms(encoding: Encoding) -> Box<[u8]> {
    match encoding {
        Encoding::Histogram | Encoding::HistogramSt => chunk(encoding, histograms()),
        _ => chunk::<FloatHistogram>(encoding, histograms().map(|h| h.to_float())),
    }
}

const OF_HISTOGRAMS: [Encoding; 4] =
    [Encoding::Histogram, Encoding::HistogramSt, Encoding::FloatHistogram, Encoding::FloatHistogramSt];

#[test]
fn floats_go_into_the_columns_that_are_there() {
    let (mut xor, mut xor2) = (XorAppender::new(), Xor2Appender::new());
    for t in 0..SAMPLES as i64 {
        xor.push(t, t as f64);
        xor2.push(0, t, t as f64);
    }
    for (encoding, bytes) in [(Encoding::Xor, xor.into_bytes()), (Encoding::Xor2, xor2.into_bytes())] {
        let mut out = SampleBatch::new();
        decode(encoding, &bytes, &mut out).unwrap();
        out.clear();
        let again = measure(|| decode(encoding, &bytes, &mut out).unwrap());
        assert_eq!((out.len(), again.count_total), (SAMPLES, 0), "{encoding:?}");
    }
}

#[test]
fn a_histogram_takes_itself_and_the_buckets_of_each_side() {
    for encoding in OF_HISTOGRAMS {
        let bytes = of_histograms(encoding);
        let mut out = SampleBatch::new();
        decode(encoding, &bytes, &mut out).unwrap();
        out.clear();
        let again = measure(|| decode(encoding, &bytes, &mut out).unwrap());
        assert_eq!(out.histograms.len(), SAMPLES);
        // Spans are shared by all. A few go to the reader: the spans, before and after they are shared, and its buckets.
        let for_samples = 3 * SAMPLES as u64;
        assert!((for_samples..for_samples + 10).contains(&again.count_total), "{encoding:?}: {}", again.count_total);
    }
}

#[test]
fn counts_and_sums_take_nothing_a_sample() {
    for encoding in OF_HISTOGRAMS {
        let bytes = of_histograms(encoding);
        let mut out = HistogramStats::default();
        decode_histogram_stats(encoding, &bytes, &mut out).unwrap();
        out.clear();
        let again = measure(|| decode_histogram_stats(encoding, &bytes, &mut out).unwrap());
        assert_eq!(out.sums.len(), SAMPLES);
        assert!(again.count_total < 10, "{encoding:?}: {}", again.count_total);
    }
}
