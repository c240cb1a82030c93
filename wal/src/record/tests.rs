use std::sync::Arc;

use promethium_model::histogram::CUSTOM_BUCKETS_SCHEMA;
use promethium_model::{
    CounterResetHint, FloatHistogram, Histogram, HistogramValue, Labels, Metadata, MetricType, Span,
};
use proptest::prelude::*;

use super::*;
use crate::fuzzing::reencode;
use crate::head_chunks::HeadChunkRef;

const T: i64 = 1_717_200_000_000;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|b| !b.is_ascii_whitespace() && *b != b'|').collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn columns(rows: &[(u64, i64, i64, f64)]) -> SampleColumns {
    let mut columns = SampleColumns::new();
    rows.iter().for_each(|(reference, start, t, value)| columns.push(*reference, *start, *t, *value));
    columns
}

fn rows(columns: &SampleColumns) -> Vec<(u64, i64, i64, u64)> {
    columns.iter().map(|(reference, start, t, value)| (reference, start, t, value.to_bits())).collect()
}

/// The worked example of the format's description.
fn example() -> Histogram {
    Histogram {
        counter_reset_hint: CounterResetHint::NotReset,
        schema: 1,
        zero_threshold: 0.5,
        zero_count: 3,
        count: 12,
        sum: 18.5,
        positive_spans: [Span { offset: -2, length: 2 }].into(),
        negative_spans: [Span { offset: 1, length: 1 }].into(),
        positive_deltas: vec![1, 2],
        negative_deltas: vec![5],
        custom_bounds: Arc::default(),
    }
}

fn custom() -> Histogram {
    Histogram {
        schema: CUSTOM_BUCKETS_SCHEMA,
        count: 3,
        sum: 2.5,
        positive_spans: [Span { offset: 0, length: 2 }].into(),
        positive_deltas: vec![1, 0],
        custom_bounds: Arc::from([1.0, 2.5]),
        ..Histogram::default()
    }
}

fn at(series: u64, timestamp_ms: i64, histogram: Histogram) -> RefHistogram {
    let histogram = HistogramValue::Int(Arc::new(histogram));
    RefHistogram { series, start_timestamp_ms: 0, timestamp_ms, histogram }
}

#[test]
fn samples_with_start_timestamps_are_as_prometheus_writes_them() {
    let written = encode_samples_v2(&columns(&[
        (5, T - 1000, T, 1.0),
        (7, T - 1000, T + 5, 2.0),
        (6, 0, T, 3.0),
        (9, T - 900, T, 4.0),
    ]));
    let expected = bytes(
        "0b | 0a 80d0c491fa63 b0c0c491fa63 3ff0000000000000 | 04 0a 01 4000000000000000 | 01 00 00 4008000000000000
         | 06 00 02 c801 4010000000000000",
    );
    assert_eq!(written, expected);
}

#[test]
fn histograms_are_as_prometheus_writes_them() {
    // The record with exponential buckets counts from the first histogram of the batch, which is not in it.
    let records = encode_histograms(&[at(5, T, custom()), at(7, T + 5, example())]);
    let plain = bytes(
        "07 | 0000000000000005 0000018fd1189400 | 04 0a | 02 02 3fe0000000000000 03 0c 4032800000000000
         01 03 02 01 02 01 02 02 04 01 0a",
    );
    let with_bounds = bytes(
        "09 | 0000000000000005 0000018fd1189400 | 00 00 | 00 69 0000000000000000 00 03 4004000000000000
         01 00 02 00 02 02 00 00 02 3ff0000000000000 4004000000000000",
    );
    assert_eq!(records.len(), 2);
    assert_eq!(records[0], plain);
    assert_eq!(records[1].len(), with_bounds.len());
    let mut decoded = Vec::new();
    records.iter().for_each(|record| decode_histograms(record, &mut decoded).unwrap());
    assert_eq!(decoded, [at(7, T + 5, example()), at(5, T, custom())]);
}

#[test]
fn metadata_is_as_prometheus_writes_it() {
    let metadata = Metadata { metric_type: MetricType::Counter, unit: "s".to_owned(), help: "x".to_owned() };
    let entries = [RefMetadata { series: 300, metadata }];
    let record = encode_metadata(&entries);
    assert_eq!(record, [&[6, 0xac, 2, 1, 2, 4][..], b"UNIT\x01s\x04HELP\x01x"].concat());
    // A field and a type that are not known.
    let later = [&[6, 0xac, 2, 99, 3, 3][..], b"FOO\x01z\x04UNIT\x01s\x04HELP\x01x"].concat();
    let mut decoded = Vec::new();
    decode_metadata(&later, &mut decoded).unwrap();
    assert_eq!((decoded[0].metadata.metric_type, decoded[0].metadata.unit.as_str()), (MetricType::Unknown, "s"));
}

#[test]
fn the_small_records() {
    assert_eq!(encode_tombstones(&[]), [3]);
    let evicted = RefTombstone { series: 1, min_ms: i64::MIN, max_ms: i64::MAX };
    assert!(evicted.evicts_series() && !RefTombstone { max_ms: 0, ..evicted }.evicts_series());
    let marker = MmapMarker { series: 2, chunk: HeadChunkRef::new(1, 4273) };
    assert_eq!(encode_mmap_markers(&[marker]), bytes("05 0000000000000002 00000001000010b1"));
    assert_eq!(encode_sample_columns(&SampleColumns::new()), [2]);
    assert_eq!(encode_exemplars(&[]), [4]);
}

#[test]
fn decoders_refuse_records_of_other_types() {
    let wrong = RecordError::WrongType { expected: "samples", found: 1 };
    assert_eq!(decode_sample_columns(&[1], &mut SampleColumns::new()), Err(wrong));
    assert_eq!(
        decode_tombstones(&[], &mut Vec::new()),
        Err(RecordError::WrongType { expected: "tombstones", found: 0 })
    );
    assert_eq!((RecordType::of(&[]), RecordType::of(&[0]), RecordType::of(&[14])), (None, None, None));
}

#[test]
fn a_count_that_the_record_cannot_hold_takes_no_memory() {
    // A histogram that claims 2^63 spans, a series that claims 2^63 labels.
    let huge = "ff ff ff ff ff ff ff ff 7f";
    let spans = bytes(&format!("07 {:016x} {:016x} 00 00 00 00 {:016x} 00 00 {:016x} {huge}", 1, 0, 0, 0));
    assert_eq!(decode_histograms(&spans, &mut Vec::new()), Err(RecordError::Short("span count")));
    let labels = bytes(&format!("01 {:016x} {huge}", 1));
    assert_eq!(decode_series(&labels, &mut Vec::new()), Err(RecordError::Short("label count")));
}

#[test]
fn a_varint_of_more_than_64_bits_is_refused() {
    let too_long = bytes("02 0000000000000001 0000000000000000 ff ff ff ff ff ff ff ff ff 02 00 0000000000000000");
    assert_eq!(decode_sample_columns(&too_long, &mut SampleColumns::new()), Err(RecordError::Short("reference")));
}

#[test]
fn samples_are_scattered_by_series_in_order() {
    let mut shards = vec![SampleColumns::new(); 3];
    let all = columns(&[(4, 0, 1, 1.0), (3, 9, 1, 2.0), (4, 0, 2, 3.0), (1, 0, 2, 4.0)]);
    scatter_samples(&all, &mut shards);
    assert_eq!(rows(&shards[0]), rows(&columns(&[(3, 9, 1, 2.0)])));
    assert_eq!(rows(&shards[1]), rows(&columns(&[(4, 0, 1, 1.0), (4, 0, 2, 3.0), (1, 0, 2, 4.0)])));
    assert!(shards[2].is_empty());
}

#[test]
fn a_failed_decode_leaves_what_was_there() {
    let mut out = columns(&[(1, 0, 1, 1.0)]);
    let many = encode_sample_columns(&columns(&(0..200).map(|i| (i, 0, T, 0.5)).collect::<Vec<_>>()));
    assert!(decode_sample_columns(&many[..many.len() - 1], &mut out).is_err());
    assert_eq!(rows(&out), rows(&columns(&[(1, 0, 1, 1.0)])));
}

#[test]
fn samples_that_are_not_wanted_are_walked_over() {
    // More than are decoded together, with references and times that go up and down, and a malformed end.
    let all =
        columns(&(0..500).map(|i| (i * 37 % 101, i64::from(i % 2 == 0), T + i as i64 % 9, 0.5)).collect::<Vec<_>>());
    let keep = |reference: u64, t_ms: i64| !reference.is_multiple_of(3) && t_ms > T + 2;
    let plain = {
        let mut plain = SampleColumns::new();
        all.iter().for_each(|(reference, _, t_ms, value)| plain.push(reference, 0, t_ms, value));
        plain
    };
    for (record, of) in [(encode_sample_columns(&all), plain), (encode_samples_v2(&all), all.clone())] {
        let mut expected = columns(&[(1, 0, 1, 1.0)]);
        let wanted = of.iter().filter(|(reference, _, t_ms, _)| keep(*reference, *t_ms));
        wanted.for_each(|(reference, start_ms, t_ms, value)| expected.push(reference, start_ms, t_ms, value));
        let mut found = columns(&[(1, 0, 1, 1.0)]);
        decode_sample_columns_where(&record, &mut found, keep).unwrap();
        assert_eq!(rows(&found), rows(&expected));
        assert!(found.len() > 100 && found.len() < 400);
        let mut nothing = SampleColumns::new();
        decode_sample_columns_where(&record, &mut nothing, |_, _| false).unwrap();
        assert!(nothing.is_empty());
        let cut = &record[..record.len() - 1];
        assert!(decode_sample_columns_where(cut, &mut nothing, |_, _| false).is_err(), "the end is walked over too");
        assert!(decode_sample_columns_where(cut, &mut found, keep).is_err() && rows(&found) == rows(&expected));
    }
}

#[test]
fn columns_grow_start_timestamps_when_one_comes() {
    let mut out = columns(&[(1, 0, 1, 1.0)]);
    assert_eq!(out.start_timestamps_ms(), None);
    out.push(1, 5, 2, 1.0);
    decode_sample_columns(&encode_sample_columns(&columns(&[(2, 0, 3, 1.0)])), &mut out).unwrap();
    assert_eq!(out.start_timestamps_ms(), Some(&[0, 5, 0][..]));
    out.retain(|_, t| t != 2);
    assert_eq!(rows(&out), rows(&columns(&[(1, 0, 1, 1.0), (2, 0, 3, 1.0)])));
}

fn any_time() -> impl Strategy<Value = i64> {
    prop_oneof![4 => (0_i64..100_000).prop_map(|d| T + d), 1 => any::<i64>()]
}

fn any_reference() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0_u64..300_000, 1 => any::<u64>()]
}

fn any_float() -> impl Strategy<Value = f64> {
    any::<u64>().prop_map(f64::from_bits)
}

fn any_samples() -> impl Strategy<Value = SampleColumns> {
    let start = prop_oneof![3 => Just(0_i64), 2 => Just(T - 5_000), 1 => any::<i64>()];
    prop::collection::vec((any_reference(), start, any_time(), any_float()), 0..150).prop_map(|rows| columns(&rows))
}

fn any_spans() -> impl Strategy<Value = Vec<Span>> {
    prop::collection::vec((any::<i32>(), any::<u32>()).prop_map(|(offset, length)| Span { offset, length }), 0..4)
}

fn any_histogram() -> impl Strategy<Value = HistogramValue> {
    let hints =
        [CounterResetHint::Unknown, CounterResetHint::Reset, CounterResetHint::NotReset, CounterResetHint::Gauge];
    let head = (prop::sample::select(hints.to_vec()), prop_oneof![-4..9_i32, Just(CUSTOM_BUCKETS_SCHEMA)], any_float());
    let deltas = || prop::collection::vec(any::<i64>(), 0..5);
    let tail = (any::<u64>(), any::<u64>(), any_float(), deltas(), deltas(), prop::collection::vec(any_float(), 0..4));
    (head, any_spans(), any_spans(), tail, any::<bool>()).prop_map(|(head, positive, negative, tail, is_float)| {
        let bounds = if head.1 == CUSTOM_BUCKETS_SCHEMA { tail.5 } else { Vec::new() };
        let floats = |deltas: &[i64]| deltas.iter().map(|d| f64::from_bits(*d as u64)).collect();
        if is_float {
            return HistogramValue::Float(Arc::new(FloatHistogram {
                counter_reset_hint: head.0,
                schema: head.1,
                zero_threshold: head.2,
                zero_count: f64::from_bits(tail.0),
                count: f64::from_bits(tail.1),
                sum: tail.2,
                positive_spans: positive.into(),
                negative_spans: negative.into(),
                positive_buckets: floats(&tail.3),
                negative_buckets: floats(&tail.4),
                custom_bounds: bounds.into(),
            }));
        }
        HistogramValue::Int(Arc::new(Histogram {
            counter_reset_hint: head.0,
            schema: head.1,
            zero_threshold: head.2,
            zero_count: tail.0,
            count: tail.1,
            sum: tail.2,
            positive_spans: positive.into(),
            negative_spans: negative.into(),
            positive_deltas: tail.3,
            negative_deltas: tail.4,
            custom_bounds: bounds.into(),
        }))
    })
}

fn any_histograms() -> impl Strategy<Value = Vec<RefHistogram>> {
    let one = (any_reference(), any_time(), any_time(), any_histogram()).prop_map(|(series, start, t, histogram)| {
        RefHistogram { series, start_timestamp_ms: start, timestamp_ms: t, histogram }
    });
    prop::collection::vec(one, 0..12)
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z_]{1,12}", "\\PC{0,40}", "a{200,300}"]
}

fn any_labels() -> impl Strategy<Value = Labels> {
    prop::collection::vec((any_text(), any_text()), 0..8).prop_map(Labels::from_pairs)
}

/// A record of each type, from the encoders.
fn any_record() -> impl Strategy<Value = Vec<u8>> {
    let series = prop::collection::vec((any_reference(), any_labels()), 1..6).prop_map(|all| {
        let mut record = Vec::new();
        for (reference, labels) in all {
            encode_series_entry(&mut record, reference, labels.iter().collect::<Vec<_>>().into_iter());
        }
        vec![record]
    });
    let tombstones = prop::collection::vec((any_reference(), any_time(), any_time()), 0..9).prop_map(|all| {
        let stones: Vec<_> =
            all.into_iter().map(|(series, min_ms, max_ms)| RefTombstone { series, min_ms, max_ms }).collect();
        vec![encode_tombstones(&stones)]
    });
    let exemplars =
        prop::collection::vec((any_reference(), any_time(), any_float(), any_labels()), 0..6).prop_map(|all| {
            let all: Vec<_> = all
                .into_iter()
                .map(|(series, timestamp_ms, value, labels)| RefExemplar { series, timestamp_ms, value, labels })
                .collect();
            vec![encode_exemplars(&all)]
        });
    let markers = prop::collection::vec((any_reference(), any::<u64>()), 0..9).prop_map(|all| {
        let markers: Vec<_> =
            all.into_iter().map(|(series, chunk)| MmapMarker { series, chunk: HeadChunkRef(chunk) }).collect();
        vec![encode_mmap_markers(&markers)]
    });
    let types = [MetricType::Unknown, MetricType::Counter, MetricType::StateSet, MetricType::GaugeHistogram];
    let metadata =
        prop::collection::vec((any_reference(), prop::sample::select(types.to_vec()), any_text(), any_text()), 0..5)
            .prop_map(|all| {
                let all: Vec<_> = all
                    .into_iter()
                    .map(|(series, metric_type, unit, help)| RefMetadata {
                        series,
                        metadata: Metadata { metric_type, unit, help },
                    })
                    .collect();
                vec![encode_metadata(&all)]
            });
    prop_oneof![
        series,
        tombstones,
        exemplars,
        markers,
        metadata,
        any_samples().prop_map(|s| vec![encode_sample_columns(&s), encode_samples_v2(&s)]),
        any_histograms().prop_map(|h| encode_histograms(&h)),
        any_histograms().prop_map(|h| encode_histograms_v2(&h)),
    ]
    .prop_filter("batches may be empty", |records| !records.is_empty())
    .prop_flat_map(prop::sample::select)
}

/// The first reference and the first time, with which records of samples, histograms and exemplars begin.
const BASES_BYTES: usize = 16;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn samples_survive(samples in any_samples()) {
        let mut with_starts = SampleColumns::new();
        decode_sample_columns(&encode_samples_v2(&samples), &mut with_starts).unwrap();
        prop_assert_eq!(rows(&with_starts), rows(&samples));
        let mut plain = SampleColumns::new();
        decode_sample_columns(&encode_sample_columns(&samples), &mut plain).unwrap();
        let without: Vec<_> = rows(&samples).into_iter().map(|(r, _, t, v)| (r, 0, t, v)).collect();
        prop_assert_eq!(rows(&plain), without);
    }

    #[test]
    fn every_record_is_written_again_byte_for_byte(record in any_record()) {
        prop_assert_eq!(reencode(&record).unwrap().unwrap(), record);
    }

    #[test]
    fn a_cut_record_is_refused_or_is_a_whole_shorter_one(record in any_record(), cut in any::<prop::sample::Index>()) {
        let cut = &record[..cut.index(record.len())];
        if let Ok(Some(again)) = reencode(cut) {
            // What every row counts from may be all that is left; a record without rows is written without it.
            let is_without_rows = again.len() == 1 && cut.len() == 1 + BASES_BYTES;
            prop_assert!(again == cut || is_without_rows, "{cut:?} reads as {again:?}");
        }
    }

    #[test]
    fn a_damaged_record_never_panics(record in any_record(), at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let mut record = record;
        let at = at.index(record.len());
        let whole = record.clone();
        record[at] ^= 1 << bit;
        let _ = reencode(&record);
        crate::fuzzing::series_alike(&whole);
        crate::fuzzing::series_alike(&record);
    }
}
