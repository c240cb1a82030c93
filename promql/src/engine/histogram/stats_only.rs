//! Reading for `histogram_count` and its kin: count, sum and hint, where hints are worked out while reading.

use std::sync::Arc;

use promethium_model::{CounterResetHint, FloatHistogram, HistogramValue, SampleBatch, is_stale};

use super::super::steps::Steps;
use super::reset;

/// Replaces the histograms of a batch by their statistics. The hint of a sample that says nothing is decided against the
/// sample before, if some window holds that one too: what no window holds was never read.
pub(crate) fn strip(batch: &mut SampleBatch, ends: Steps, width_ms: i64) {
    let read = rows_in_windows(&batch.timestamps, ends, width_ms);
    let mut previous: Option<Arc<FloatHistogram>> = None;
    let mut previous_row = 0;
    for (row, value) in &mut batch.histograms {
        let at = *row as usize;
        if value.is_stale() {
            continue;
        }
        // A float in between, or a row that was not read, breaks the chain.
        let between = (previous_row + 1).min(at)..at;
        let unbroken = read[previous_row] && read[at] && between.into_iter().all(|i| is_stale(batch.floats[i]));
        let current = value.to_float();
        let hint = match (&previous, current.counter_reset_hint) {
            (Some(p), CounterResetHint::Unknown) if unbroken => {
                if reset::by_values(&current, p) {
                    CounterResetHint::Reset
                } else {
                    CounterResetHint::NotReset
                }
            }
            (_, known) => known,
        };
        *value = HistogramValue::Float(Arc::new(FloatHistogram {
            counter_reset_hint: hint,
            schema: current.schema,
            count: current.count,
            sum: current.sum,
            ..FloatHistogram::default()
        }));
        previous = Some(current);
        previous_row = at;
    }
}

fn rows_in_windows(times: &[i64], ends: Steps, width_ms: i64) -> Vec<bool> {
    let mut read = vec![false; times.len()];
    let mut next = 0;
    for step in 0..ends.count {
        let end_ms = ends.time(step);
        let start_ms = end_ms.saturating_sub(width_ms);
        while next < times.len() && times[next] <= start_ms {
            next += 1;
        }
        while next < times.len() && times[next] <= end_ms {
            read[next] = true;
            next += 1;
        }
    }
    read
}
