//! Random series: counters with resets, gauges with gaps, stale markers and special values, classic buckets, native
//! histograms of both kinds, in integers and in floats, mixtures, start times.

use std::sync::Arc;

use promethium_model::histogram::CUSTOM_BUCKETS_SCHEMA;
use promethium_model::{
    AppendOptions, Appendable, CounterResetHint, FloatHistogram, Histogram, Labels, MemStore, Point, PointValue,
    STALE_NAN, SeriesKey, Span,
};

use crate::random::Random;

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
    Exponential,
    Custom,
    Mixed,
}

pub(crate) fn store(random: &mut Random) -> MemStore {
    let store = MemStore::new();
    for (name, kind) in [
        ("c_total", Kind::Counter),
        ("d_total", Kind::Counter),
        ("g", Kind::Gauge),
        ("h", Kind::Exponential),
        ("n", Kind::Custom),
        ("m", Kind::Mixed),
    ] {
        for i in 0..random.between(1, 3) {
            let mut pairs = vec![("__name__", name.to_owned()), ("i", i.to_string())];
            if random.chance(2) {
                pairs.push(("j", random.pick(&["x", "y"]).to_owned()));
            }
            if random.chance(8) {
                pairs.push(("__type__", "gauge".to_owned()));
            }
            if random.chance(8) {
                // Nothing but the type tells it apart.
                let typed = pairs.iter().cloned().chain([("__type__", "counter".to_owned())]);
                append(&store, &Labels::from_pairs(typed), kind, random);
            }
            append(&store, &Labels::from_pairs(pairs), kind, random);
        }
    }
    for le in ["0.5", "1", "2.5", "+Inf", "oops"] {
        if !random.chance(5) {
            let pairs = [("__name__", "b_bucket".to_owned()), ("le", le.to_owned()), ("i", "0".to_owned())];
            append(&store, &Labels::from_pairs(pairs), Kind::Counter, random);
        }
    }
    for version in 0..random.between(0, 3) {
        let name = random.pick(&["target_info", "target_info", "build_info"]);
        let pairs = [("__name__", name), ("instance", "0"), ("job", "a"), ("v", random.pick(&["1", "2"]))];
        let mut pairs: Vec<(&str, String)> = pairs.into_iter().map(|(n, v)| (n, v.to_owned())).collect();
        pairs.push(("w", version.to_string()));
        append(&store, &Labels::from_pairs(pairs), Kind::Gauge, random);
    }
    for instance in ["0", "1"] {
        let [up, served] = ["up", "s_total"].map(|name| [("__name__", name), ("instance", instance), ("job", "a")]);
        append(&store, &Labels::from_pairs(up), Kind::Gauge, random);
        append(&store, &Labels::from_pairs(served), Kind::Counter, random);
    }
    store
}

fn append(store: &MemStore, labels: &Labels, kind: Kind, random: &mut Random) {
    let mut tx = store.appender();
    let spacing = random.pick(&[5_000, 10_000, 15_000, 15_000, 40_000]);
    let (mut t, mut counter, mut start) = (random.between(0, 60) * 500, 0.0, 0);
    let mut histogram = fresh(kind, random);
    for _ in 0..random.between(4, 40) {
        t += spacing + if random.chance(5) { random.between(-900, 900) } else { 0 };
        if random.chance(12) {
            t += spacing * random.between(1, 9);
        }
        if random.chance(10) {
            start = t - random.between(-500, 20_000);
        }
        let histograms = match kind {
            Kind::Exponential | Kind::Custom => true,
            Kind::Mixed => random.chance(2),
            _ => false,
        };
        let value = if random.chance(15) {
            let stale = FloatHistogram { sum: STALE_NAN, ..FloatHistogram::default() };
            if histograms && random.chance(2) { Value::Histogram(Arc::new(stale)) } else { Value::Float(STALE_NAN) }
        } else if histograms {
            advance(&mut histogram, kind, random);
            if random.chance(3) {
                Value::Integers(Arc::new(integers(&histogram)))
            } else {
                Value::Histogram(Arc::new(histogram.clone()))
            }
        } else if matches!(kind, Kind::Counter) {
            counter = if random.chance(9) {
                random.between(0, 4) as f64
            } else {
                counter + random.between(0, 40) as f64 / 4.0
            };
            Value::Float(counter)
        } else {
            Value::Float(gauge(random))
        };
        let value = match &value {
            Value::Float(v) => PointValue::Float(*v),
            Value::Histogram(h) => PointValue::FloatHistogram(h),
            Value::Integers(h) => PointValue::Histogram(h),
        };
        let point =
            Point { timestamp_ms: t, start_timestamp_ms: if random.chance(3) { start.max(0) } else { 0 }, value };
        tx.append(SeriesKey::Labels(labels), point, &AppendOptions::default()).expect("in order");
    }
    tx.commit().expect("memory takes what it is given");
}

enum Value {
    Float(f64),
    Histogram(Arc<FloatHistogram>),
    Integers(Arc<Histogram>),
}

fn gauge(random: &mut Random) -> f64 {
    match random.between(0, 20) {
        0 => f64::NAN,
        1 => f64::INFINITY,
        2 => f64::NEG_INFINITY,
        3 => random.pick(&[0.0, -0.0, 1e300, -1e300, 1e-7, 1_234_567.0]),
        _ => random.between(-400, 400) as f64 / 8.0,
    }
}

fn fresh(kind: Kind, random: &mut Random) -> FloatHistogram {
    if matches!(kind, Kind::Custom) || (matches!(kind, Kind::Mixed) && random.chance(4)) {
        let bounds = random.pick(&[&[0.0, 1.0, 2.0, 5.0][..], &[1.0, 2.0], &[-1.0, 1.0, 5.0]]);
        return FloatHistogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            positive_spans: [Span { offset: 0, length: bounds.len() as u32 + 1 }].into(),
            positive_buckets: vec![0.0; bounds.len() + 1],
            custom_bounds: bounds.into(),
            ..FloatHistogram::default()
        };
    }
    let mut h = FloatHistogram {
        schema: random.between(-1, 3) as i32,
        zero_threshold: random.pick(&[0.0, 0.001, 0.5, 1.0]),
        positive_spans: [Span { offset: random.between(-3, 2) as i32, length: 3 }].into(),
        positive_buckets: vec![0.0; 3],
        ..FloatHistogram::default()
    };
    if random.chance(3) {
        h.negative_spans = [Span { offset: 0, length: 1 }, Span { offset: 1, length: 1 }].into();
        h.negative_buckets = vec![0.0; 2];
    }
    h
}

fn advance(h: &mut FloatHistogram, kind: Kind, random: &mut Random) {
    if random.chance(10) {
        *h = fresh(kind, random);
    }
    let custom = h.schema == CUSTOM_BUCKETS_SCHEMA;
    for count in h.positive_buckets.iter_mut().chain(&mut h.negative_buckets) {
        *count += random.between(0, 3) as f64;
    }
    if !custom && random.chance(2) {
        h.zero_count += 1.0;
    }
    let buckets: f64 = h.positive_buckets.iter().chain(&h.negative_buckets).sum();
    h.count = buckets + h.zero_count;
    h.sum = if random.chance(25) { f64::NAN } else { random.between(-20, 200) as f64 / 2.0 };
    if h.sum.is_nan() {
        h.count += random.between(0, 2) as f64;
    }
    h.counter_reset_hint = match random.between(0, 7) {
        0 | 1 => CounterResetHint::Gauge,
        2 => CounterResetHint::Reset,
        3 | 4 => CounterResetHint::NotReset,
        _ => CounterResetHint::Unknown,
    };
}

/// The same observations in integers; all counts here are whole.
fn integers(h: &FloatHistogram) -> Histogram {
    let deltas = |counts: &[f64]| {
        let mut before = 0;
        let delta = |count: &f64| {
            let delta = *count as i64 - before;
            before = *count as i64;
            delta
        };
        counts.iter().map(delta).collect()
    };
    Histogram {
        counter_reset_hint: h.counter_reset_hint,
        schema: h.schema,
        zero_threshold: h.zero_threshold,
        zero_count: h.zero_count as u64,
        count: h.count as u64,
        sum: h.sum,
        positive_spans: h.positive_spans.clone(),
        negative_spans: h.negative_spans.clone(),
        positive_deltas: deltas(&h.positive_buckets),
        negative_deltas: deltas(&h.negative_buckets),
        custom_bounds: Arc::clone(&h.custom_bounds),
    }
}
