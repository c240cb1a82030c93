//! Values and labels come back as they were given.

use super::dataset::{START_MS, STEP_MS};
use super::reading::{batches, commit, open, read_all, row, same, series, write};
use super::{Keeps, Outcome, Store, WriteCheck};
use crate::labels::Labels;
use crate::sample::{NORMAL_NAN, Point, STALE_NAN};
use crate::storage::{AppendOptions, SeriesKey, TimeRange};

pub(super) const CHECKS: &[WriteCheck] = &[
    WriteCheck { name: "floats_keep_their_bits", run: float_bits },
    WriteCheck { name: "stale_markers_keep_their_bits", run: staleness },
    WriteCheck { name: "labels_come_back_whole", run: label_sets },
    WriteCheck { name: "start_timestamps_come_back", run: start_timestamps },
];

fn round_trip(store: &dyn Store, values: &[f64]) -> Outcome {
    let samples: Vec<(i64, f64)> = (0..).zip(values).map(|(i, v)| (START_MS + i * STEP_MS, *v)).collect();
    write(store, &series("a"), &samples)?;
    let rows = samples.into_iter().map(|(t, v)| row(t, v)).collect();
    same("everything", &read_all(store)?, &vec![(series("a"), rows)])
}

fn float_bits(store: &dyn Store, _: Keeps) -> Outcome {
    let odd_nan = f64::from_bits(0xfff8_dead_beef_0001);
    let values = [0.0, -0.0, 0.1, f64::INFINITY, f64::NEG_INFINITY, NORMAL_NAN, odd_nan, f64::MAX, f64::MIN_POSITIVE];
    let subnormal = f64::from_bits(1);
    round_trip(store, &[values.as_slice(), &[subnormal, 1e300, -1e-300, 42.0, 42.0, 9_007_199_254_740_993.0]].concat())
}

fn staleness(store: &dyn Store, _: Keeps) -> Outcome {
    round_trip(store, &[1.0, STALE_NAN, STALE_NAN, NORMAL_NAN, 2.0, STALE_NAN])
}

fn label_sets(store: &dyn Store, _: Keeps) -> Outcome {
    let many: Vec<(String, String)> = (0..40).map(|i| (format!("label_{i}"), format!("value {i}"))).collect();
    let mut sets = vec![
        Labels::from_pairs([("__name__", "naïve.metric/✓"), ("a label", "\u{0}\t\"\\\n")]),
        Labels::from_pairs([("only", "x")]),
        Labels::from_pairs([("__name__", "m"), ("v", &"x".repeat(10_000))]),
        Labels::from_pairs([("__name__", "m"), ("v", &"x".repeat(255))]),
        Labels::from_pairs([("__name__", "m"), ("v", &"x".repeat(254))]),
        Labels::from_pairs(many),
    ];
    for labels in &sets {
        write(store, labels, &[(START_MS, 1.0)])?;
    }
    sets.sort();
    let found: Vec<Labels> = read_all(store)?.into_iter().map(|(labels, _)| labels).collect();
    same("label sets", &found, &sets)
}

fn start_timestamps(store: &dyn Store, keeps: Keeps) -> Outcome {
    let labels = series("a");
    let starts = [0, START_MS - 5, START_MS - 5, START_MS + 2 * STEP_MS + 1];
    let mut tx = store.appender();
    for (i, start) in (0..).zip(starts) {
        let point = Point { start_timestamp_ms: start, ..Point::float(START_MS + i * STEP_MS, i as f64) };
        tx.append(SeriesKey::Labels(&labels), point, &AppendOptions::default())
            .map_err(|e| format!("an append with a start timestamp failed: {e}"))?;
    }
    commit(tx)?;
    let querier = open(store, TimeRange::ALL)?;
    let found = batches(&*querier, &[])?;
    let columns: Vec<&[i64]> = found.iter().map(|(_, batch)| batch.start_timestamps.as_slice()).collect();
    same("start timestamps", &columns, &vec![if keeps.start_timestamps { starts.as_slice() } else { &[] }])
}
