//! The rules by which histograms share a chunk, told a second time: over buckets by index instead of spans.

use std::collections::{BTreeMap, BTreeSet};

use promethium_model::{CounterResetHint, FloatHistogram, Histogram, HistogramValue, SampleBatch, Span, is_stale};

use super::generate::{Random, histograms};
use crate::*;

type Buckets = BTreeMap<i64, f64>;

struct Model {
    header: CounterResetHeader,
    integer: bool,
    layout: [BTreeSet<i64>; 2],
    newest: FloatHistogram,
    sides: [Buckets; 2],
}

fn side(spans: &[Span], counts: &[f64]) -> Buckets {
    let mut start = 0;
    let mut indexes = Vec::new();
    for span in spans {
        start += i64::from(span.offset);
        indexes.extend(start..start + i64::from(span.length));
        start += i64::from(span.length);
    }
    indexes.into_iter().zip(counts.iter().copied()).collect()
}

fn sides(h: &FloatHistogram) -> [Buckets; 2] {
    [side(&h.positive_spans, &h.positive_buckets), side(&h.negative_spans, &h.negative_buckets)]
}

fn indexes(sides: &[Buckets; 2]) -> [BTreeSet<i64>; 2] {
    sides.each_ref().map(|side| side.keys().copied().collect())
}

impl Model {
    fn start(header: CounterResetHeader, integer: bool, h: &FloatHistogram) -> Model {
        let sides = sides(h);
        Model { header, integer, layout: indexes(&sides), newest: h.clone(), sides }
    }

    /// Which header a counter's new chunk would have; `None` if it needs none.
    fn counter(&self, h: &FloatHistogram) -> Option<CounterResetHeader> {
        use CounterResetHeader::{Gauge, NotReset, Reset, Unknown};
        let new = sides(h);
        let fell = |side: usize| {
            let old = &self.sides[side];
            old.iter().any(|(i, n)| *n > 0.0 && new[side].get(i).is_none_or(|m| m < n))
        };
        if self.header == Gauge {
            return Some(if self.integer { NotReset } else { Unknown });
        }
        if h.counter_reset_hint == CounterResetHint::Reset {
            return Some(Reset);
        }
        if is_stale(h.sum) {
            return None;
        }
        if is_stale(self.newest.sum) {
            return Some(Unknown);
        }
        if h.count < self.newest.count {
            return Some(Reset);
        }
        if (h.schema, h.zero_threshold) != (self.newest.schema, self.newest.zero_threshold) {
            return Some(Unknown);
        }
        let reset = h.custom_bounds != self.newest.custom_bounds || h.zero_count < self.newest.zero_count;
        (reset || fell(0) || fell(1)).then_some(Reset)
    }

    fn gauge(&self, h: &FloatHistogram) -> Option<CounterResetHeader> {
        let same = (h.schema, h.zero_threshold, &h.custom_bounds)
            == (self.newest.schema, self.newest.zero_threshold, &self.newest.custom_bounds);
        let joins =
            self.header == CounterResetHeader::Gauge && (is_stale(h.sum) || (!is_stale(self.newest.sum) && same));
        (!joins).then_some(CounterResetHeader::Gauge)
    }

    fn push(&mut self, h: &FloatHistogram) -> Placement {
        let is_gauge = h.counter_reset_hint == CounterResetHint::Gauge;
        if let Some(header) = if is_gauge { self.gauge(h) } else { self.counter(h) } {
            return Placement::NeedsNewChunk(header);
        }
        let before = self.layout.clone();
        self.sides = sides(h);
        for (layout, new) in self.layout.iter_mut().zip(indexes(&self.sides)) {
            layout.extend(new);
        }
        if is_stale(h.sum) {
            self.newest.sum = h.sum;
            return Placement::Appended;
        }
        self.newest = h.clone();
        if self.layout == before { Placement::Appended } else { Placement::Recoded }
    }

    fn planned(&self, h: &FloatHistogram) -> CounterResetHeader {
        use CounterResetHeader::{Gauge, NotReset, Reset, Unknown};
        match (h.counter_reset_hint, self.counter(h)) {
            (CounterResetHint::Gauge, _) => Gauge,
            (CounterResetHint::Reset, _) | (_, Some(Reset)) => Reset,
            (_, Some(Unknown)) if self.integer => Unknown,
            _ => NotReset,
        }
    }
}

/// Runs both over one series; gives how often each placement was seen, and the buckets that the chunks cover.
fn run<H: Native>(series: &[(i64, H, FloatHistogram)], encoding: Encoding, seen: &mut BTreeMap<String, usize>) {
    let integer = encoding == Encoding::Histogram;
    let (t, first, as_float) = &series[0];
    let header = NativeAppender::header_of_next(None, first);
    let mut chunk = NativeAppender::start(encoding, header, 0, *t, first);
    let mut model = Model::start(header, integer, as_float);
    for (i, (t, h, as_float)) in series.iter().enumerate().skip(1) {
        let planned = NativeAppender::header_of_next(Some(&chunk), h);
        assert_eq!(planned, model.planned(as_float), "row {i}, planned");
        let placement = chunk.push(0, *t, h);
        assert_eq!(placement, model.push(as_float), "row {i}");
        *seen.entry(format!("{placement:?}")).or_default() += 1;
        if let Placement::NeedsNewChunk(header) = placement {
            chunk = NativeAppender::start(encoding, header, 0, *t, h);
            model = Model::start(header, integer, as_float);
        }
        assert_eq!(chunk.counter_reset_header(), model.header);
        check_layout(encoding, chunk.bytes(), &model.layout);
    }
}

/// The chunk covers just the buckets that it should.
fn check_layout(encoding: Encoding, bytes: &[u8], expected: &[BTreeSet<i64>; 2]) {
    let mut out = SampleBatch::new();
    decode_prefix(encoding, bytes, 1, &mut out).unwrap();
    let h = out.histograms[0].1.to_float();
    if !is_stale(h.sum) {
        assert_eq!(&indexes(&sides(&h)), expected);
    }
}

fn all_placements(seen: &BTreeMap<String, usize>) {
    for placement in ["Appended", "Recoded", "Unknown", "NotReset", "(Reset", "Gauge"] {
        let times: usize = seen.iter().filter(|(name, _)| name.contains(placement)).map(|(_, n)| n).sum();
        assert!(times >= 10 || placement == "NotReset", "{placement}: {seen:?}");
    }
}

#[test]
fn histograms_are_placed_as_the_rules_say() {
    let mut random = Random::new(11);
    let (mut integer, mut float) = (BTreeMap::new(), BTreeMap::new());
    for _ in 0..120 {
        let series = histograms(&mut random, 120, false);
        let floats: Vec<_> = series.iter().map(|(_, t, h)| (*t, h.to_float(), h.to_float())).collect();
        let integers: Vec<_> = series.into_iter().map(|(_, t, h)| (t, h.clone(), h.to_float())).collect();
        run::<Histogram>(&integers, Encoding::Histogram, &mut integer);
        run::<FloatHistogram>(&floats, Encoding::FloatHistogram, &mut float);
    }
    all_placements(&integer);
    all_placements(&float);
    assert!(integer.keys().any(|name| name.contains("NotReset")), "{integer:?}");
}

fn gauge(spans: &[(i32, u32)], deltas: &[i64]) -> Histogram {
    Histogram {
        counter_reset_hint: CounterResetHint::Gauge,
        positive_spans: spans.iter().map(|(offset, length)| Span { offset: *offset, length: *length }).collect(),
        positive_deltas: deltas.to_vec(),
        ..Histogram::default()
    }
}

fn layout_of(chunk: &HistogramAppender) -> Vec<(i32, u32)> {
    let HistogramValue::Int(h) = ({
        let mut out = SampleBatch::new();
        decode(chunk.encoding(), chunk.bytes(), &mut out).unwrap();
        out.histograms.remove(0).1
    }) else {
        panic!("an integer histogram")
    };
    h.positive_spans.iter().map(|s| (s.offset, s.length)).collect()
}

fn grown(first: &Histogram, second: &Histogram) -> (Placement, Vec<(i32, u32)>) {
    let header = HistogramAppender::header_of_next(None, first);
    let mut chunk = HistogramAppender::start(Encoding::Histogram, header, 0, 1, first);
    (chunk.push(0, 2, second), layout_of(&chunk))
}

#[test]
fn a_layout_that_only_grows_is_taken_as_it_comes() {
    // In two spans that touch, as the second histogram has them.
    let second = gauge(&[(0, 1), (0, 2)], &[1, 0, 0]);
    assert_eq!(grown(&gauge(&[(0, 2)], &[1, 0]), &second), (Placement::Recoded, vec![(0, 1), (0, 2)]));
    // The same buckets in other spans are no reason to write anew.
    let same = gauge(&[(0, 1), (0, 1)], &[1, 0]);
    assert_eq!(grown(&gauge(&[(0, 2)], &[1, 0]), &same), (Placement::Appended, vec![(0, 2)]));
    // What is gone and what is new are united in as few spans as can be.
    let other = gauge(&[(2, 1), (0, 1)], &[1, 0]);
    assert_eq!(grown(&gauge(&[(0, 1), (0, 1)], &[1, 0]), &other), (Placement::Recoded, vec![(0, 4)]));
}

#[test]
fn a_recoded_chunk_keeps_header_and_start_timestamps() {
    let counter = |spans: &[(i32, u32)], deltas: &[i64]| Histogram {
        counter_reset_hint: CounterResetHint::Unknown,
        count: 9,
        ..gauge(spans, deltas)
    };
    let first = counter(&[(0, 1)], &[1]);
    let mut chunk = HistogramAppender::start(Encoding::HistogramSt, CounterResetHeader::Reset, 7, 10, &first);
    assert_eq!(chunk.push(8, 20, &first), Placement::Appended);
    assert_eq!(chunk.push(9, 30, &counter(&[(-1, 2)], &[1, 0])), Placement::Recoded);
    let mut out = SampleBatch::new();
    decode(chunk.encoding(), chunk.bytes(), &mut out).unwrap();
    assert_eq!((out.timestamps, out.start_timestamps), (vec![10, 20, 30], vec![7, 8, 9]));
    assert_eq!(counter_reset_header(chunk.encoding(), chunk.bytes()), Some(CounterResetHeader::Reset));
    assert_eq!(chunk.len(), 3);
}

#[test]
fn a_full_chunk_takes_no_more() {
    let h = Histogram::default();
    let mut chunk = HistogramAppender::start(Encoding::HistogramSt, CounterResetHeader::Unknown, 0, 0, &h);
    for t in 1..16_383 {
        assert_eq!(chunk.push(0, t, &h), Placement::Appended);
    }
    assert_eq!(sample_count(Encoding::HistogramSt, chunk.bytes()), Encoding::HistogramSt.max_samples());
    assert_eq!(chunk.push(0, 16_383, &h), Placement::NeedsNewChunk(CounterResetHeader::NotReset));
}
