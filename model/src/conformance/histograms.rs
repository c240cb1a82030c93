//! Native histograms, or their refusal.

use std::sync::Arc;

use super::dataset::{START_MS, STEP_MS};
use super::reading::{batches, commit, ensure, open, read_all, same, series};
use super::{Keeps, Outcome, Store, WriteCheck};
use crate::histogram::{CUSTOM_BUCKETS_SCHEMA, CounterResetHint, FloatHistogram, Histogram, Span};
use crate::sample::{HistogramValue, Point, PointValue, STALE_NAN, is_stale};
use crate::storage::{AppendError, AppendOptions, Appended, SampleBatch, SeriesKey, TimeRange};

pub(super) const CHECKS: &[WriteCheck] = &[
    WriteCheck {
        name: "histograms_come_back_or_are_refused",
        run: |store, keeps| kept_or_refused(store, keeps, &ints()),
    },
    WriteCheck {
        name: "float_histograms_come_back_or_are_refused",
        run: |s, keeps| kept_or_refused(s, keeps, &floats()),
    },
    WriteCheck { name: "gauge_histograms_stay_gauges", run: |store, keeps| when_kept(keeps, || gauges(store)) },
    WriteCheck { name: "floats_and_histograms_share_a_series", run: |store, keeps| when_kept(keeps, || mixed(store)) },
    WriteCheck { name: "invalid_histograms_are_refused", run: |store, keeps| when_kept(keeps, || invalid(store)) },
    WriteCheck {
        name: "histograms_at_the_same_time_compare",
        run: |store, keeps| when_kept(keeps, || repeated(store)),
    },
    WriteCheck { name: "stale_markers_end_histogram_series", run: |store, keeps| when_kept(keeps, || stale(store)) },
];

fn when_kept(keeps: Keeps, check: impl FnOnce() -> Outcome) -> Outcome {
    if keeps.histograms { check() } else { Ok(()) }
}

fn int(count: u64, deltas: &[i64]) -> Histogram {
    Histogram {
        schema: 1,
        zero_threshold: 0.001,
        zero_count: 2,
        count,
        sum: 18.4,
        positive_spans: [Span { offset: -3, length: 2 }, Span { offset: 4, length: 1 }].into(),
        negative_spans: [Span { offset: 0, length: 1 }].into(),
        positive_deltas: deltas.to_vec(),
        negative_deltas: vec![1],
        ..Histogram::default()
    }
}

fn custom(bounds: &[f64]) -> Histogram {
    Histogram {
        schema: CUSTOM_BUCKETS_SCHEMA,
        count: 6,
        sum: 9.0,
        positive_spans: [Span { offset: 0, length: 3 }].into(),
        positive_deltas: vec![1, 1, 1],
        custom_bounds: Arc::from(bounds),
        ..Histogram::default()
    }
}

/// Growing, then reset, then another layout, then custom bounds: a store that packs neighbours together must part them.
fn ints() -> Vec<HistogramValue> {
    let wider = Histogram { positive_spans: [Span { offset: -3, length: 3 }].into(), ..int(10, &[1, 2, -1]) };
    let all =
        [int(10, &[1, 1, 1]), int(13, &[2, 1, 1]), int(7, &[1, 0, 0]), wider, custom(&[1.0, 2.0]), custom(&[1.0, 3.0])];
    let mut counted = all.into_iter().map(with_consistent_count).collect::<Vec<_>>();
    counted.push(Histogram { sum: f64::NAN, ..counted[0].clone() });
    counted.into_iter().map(|h| HistogramValue::Int(Arc::new(h))).collect()
}

/// Sets the count to what the buckets hold, as a valid histogram has it.
fn with_consistent_count(mut h: Histogram) -> Histogram {
    let float = h.to_float();
    let observed: f64 = float.positive_buckets.iter().chain(&float.negative_buckets).sum();
    h.count = h.zero_count + observed as u64;
    h
}

fn floats() -> Vec<HistogramValue> {
    let fraction = |v: HistogramValue| {
        let mut h = (*v.to_float()).clone();
        h.zero_count += 0.5;
        h.count += 0.5;
        // Custom bounds know no zero bucket.
        if h.schema == CUSTOM_BUCKETS_SCHEMA {
            h.zero_count = 0.0;
        }
        HistogramValue::Float(Arc::new(h))
    };
    ints().into_iter().map(fraction).collect()
}

fn append_value(store: &dyn Store, t: i64, value: &HistogramValue) -> Result<Result<Appended, AppendError>, String> {
    let value = match value {
        HistogramValue::Int(h) => PointValue::Histogram(h),
        HistogramValue::Float(h) => PointValue::FloatHistogram(h),
    };
    let mut tx = store.appender();
    let point = Point { timestamp_ms: t, start_timestamp_ms: 0, value };
    let result = tx.append(SeriesKey::Labels(&series("h")), point, &AppendOptions::default());
    commit(tx)?;
    Ok(result)
}

fn taken(store: &dyn Store, t: i64, value: &HistogramValue) -> Outcome {
    append_value(store, t, value)?.map(drop).map_err(|e| format!("a valid histogram was refused: {e}"))
}

fn only_batch(store: &dyn Store) -> Result<SampleBatch, String> {
    let querier = open(store, TimeRange::ALL)?;
    let mut found = batches(&*querier, &[])?;
    match (found.pop(), found.is_empty()) {
        (Some((_, batch)), true) => Ok(batch),
        _ => Err("expected exactly one series".to_owned()),
    }
}

/// What a histogram says: bits and counted buckets by index. Left out is what a store may change: the counter-reset hint,
/// which differs by chunk, and empty buckets, which a chunk adds so that its histograms share one layout.
#[derive(Debug, PartialEq)]
struct Meaning {
    is_int: bool,
    schema: i32,
    zero_threshold: f64,
    counts: [f64; 2],
    sum_bits: u64,
    bounds: Vec<f64>,
    positive: Vec<(i64, f64)>,
    negative: Vec<(i64, f64)>,
}

fn meaning(value: &HistogramValue) -> Meaning {
    let h = value.to_float();
    Meaning {
        is_int: matches!(value, HistogramValue::Int(_)),
        schema: h.schema,
        zero_threshold: h.zero_threshold,
        counts: [h.zero_count, h.count],
        sum_bits: h.sum.to_bits(),
        bounds: h.custom_bounds.to_vec(),
        positive: counted(&h.positive_spans, &h.positive_buckets),
        negative: counted(&h.negative_spans, &h.negative_buckets),
    }
}

fn counted(spans: &[Span], counts: &[f64]) -> Vec<(i64, f64)> {
    let mut end = 0;
    let mut indices = Vec::new();
    for span in spans {
        let start = end + i64::from(span.offset);
        end = start + i64::from(span.length);
        indices.extend(start..end);
    }
    indices.into_iter().zip(counts.iter().copied()).filter(|(_, count)| *count != 0.0).collect()
}

fn kept_or_refused(store: &dyn Store, keeps: Keeps, values: &[HistogramValue]) -> Outcome {
    if !keeps.histograms {
        let result = append_value(store, START_MS, &values[0])?;
        let refused = matches!(result, Err(AppendError::Unsupported { .. }));
        ensure(refused, || format!("expected the error Unsupported, found {result:?}"))?;
        return same("everything", &read_all(store)?, &Vec::new());
    }
    for (i, value) in (0..).zip(values) {
        taken(store, START_MS + i * STEP_MS, value)?;
    }
    let batch = only_batch(store)?;
    let rows: Vec<(u32, Meaning)> = batch.histograms.iter().map(|(row, h)| (*row, meaning(h))).collect();
    same("histograms", &rows, &(0..).zip(values).map(|(i, h)| (i, meaning(h))).collect())
}

fn gauges(store: &dyn Store) -> Outcome {
    for i in 0..3 {
        let h =
            Histogram { counter_reset_hint: CounterResetHint::Gauge, ..with_consistent_count(int(0, &[3 - i, 0, 0])) };
        taken(store, START_MS + i * STEP_MS, &HistogramValue::Int(Arc::new(h)))?;
    }
    let hints: Vec<CounterResetHint> =
        only_batch(store)?.histograms.iter().map(|(_, h)| h.to_float().counter_reset_hint).collect();
    same("counter-reset hints", &hints, &vec![CounterResetHint::Gauge; 3])
}

fn mixed(store: &dyn Store) -> Outcome {
    let value = &ints()[0];
    super::reading::write(store, &series("h"), &[(START_MS, 1.0)])?;
    taken(store, START_MS + STEP_MS, value)?;
    super::reading::write(store, &series("h"), &[(START_MS + 2 * STEP_MS, 3.0)])?;
    taken(store, START_MS + 3 * STEP_MS, &floats()[0])?;
    let batch = only_batch(store)?;
    let rows: Vec<u32> = batch.histograms.iter().map(|(row, _)| *row).collect();
    same("rows that are histograms", &rows, &vec![1, 3])?;
    same("the float column", &batch.floats, &vec![1.0, 0.0, 3.0, 0.0])
}

fn invalid(store: &dyn Store) -> Outcome {
    let too_few_buckets = Histogram { positive_deltas: vec![1], ..with_consistent_count(int(0, &[1, 1, 1])) };
    let negative = FloatHistogram { positive_buckets: vec![-1.0, 0.0, 0.0], ..int(0, &[0, 0, 0]).to_float() };
    let unsorted = custom(&[2.0, 1.0]);
    for value in [
        HistogramValue::Int(Arc::new(too_few_buckets)),
        HistogramValue::Float(Arc::new(negative)),
        HistogramValue::Int(Arc::new(unsorted)),
    ] {
        let result = append_value(store, START_MS, &value)?;
        let refused = matches!(result, Err(AppendError::InvalidHistogram(_)));
        ensure(refused, || format!("expected the error InvalidHistogram, found {result:?} for {value:?}"))?;
    }
    same("everything", &read_all(store)?, &Vec::new())
}

/// Equal by bits, whatever the hint says: a NaN sum equals itself.
fn repeated(store: &dyn Store) -> Outcome {
    let values = ints();
    for (i, value) in (0..).zip(&values) {
        taken(store, START_MS + i * STEP_MS, value)?;
        taken(store, START_MS + i * STEP_MS, &hinted(value, CounterResetHint::Reset))?;
    }
    let result = append_value(store, START_MS + (values.len() as i64 - 1) * STEP_MS, &values[0])?;
    let refused = matches!(result, Err(AppendError::Duplicate { .. }));
    ensure(refused, || format!("expected the error Duplicate, found {result:?}"))?;
    same("rows", &only_batch(store)?.histograms.len(), &values.len())
}

fn hinted(value: &HistogramValue, counter_reset_hint: CounterResetHint) -> HistogramValue {
    match value {
        HistogramValue::Int(h) => HistogramValue::Int(Arc::new(Histogram { counter_reset_hint, ..(**h).clone() })),
        HistogramValue::Float(h) => {
            HistogramValue::Float(Arc::new(FloatHistogram { counter_reset_hint, ..(**h).clone() }))
        }
    }
}

/// The marker may be stored as a float or as a stale histogram; the float column shows it either way.
fn stale(store: &dyn Store) -> Outcome {
    taken(store, START_MS, &ints()[0])?;
    super::reading::write(store, &series("h"), &[(START_MS + STEP_MS, STALE_NAN)])?;
    taken(store, START_MS + 2 * STEP_MS, &ints()[0])?;
    let stale: Vec<bool> = only_batch(store)?.floats.iter().map(|v| is_stale(*v)).collect();
    same("stale rows", &stale, &vec![false, true, false])
}
