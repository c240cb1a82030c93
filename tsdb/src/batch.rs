//! Rows of sample batches: cut to ranges, copied, merged.

use std::ops::Range;

use promethium_model::{CounterResetHint, HistogramValue, SampleBatch, TimeRange};
use std::sync::Arc;

/// Drops the rows from `base` on that lie outside `range`.
pub(crate) fn keep_range(out: &mut SampleBatch, base: usize, range: TimeRange) {
    let rows = &out.timestamps[base..];
    let end = base + rows.partition_point(|t| *t <= range.max_ms);
    let start = base + rows.partition_point(|t| *t < range.min_ms);
    truncate(out, end);
    remove_rows(out, base..start.min(end));
}

/// Drops the rows from `base` on that lie in one of the closed intervals, which are sorted and apart.
pub(crate) fn drop_intervals(out: &mut SampleBatch, base: usize, intervals: &[(i64, i64)]) {
    for (min_ms, max_ms) in intervals {
        let rows = &out.timestamps[base..];
        let start = base + rows.partition_point(|t| t < min_ms);
        let end = base + rows.partition_point(|t| t <= max_ms);
        remove_rows(out, start..end.max(start));
    }
}

/// Keeps the first `rows` rows.
pub(crate) fn truncate(out: &mut SampleBatch, rows: usize) {
    out.timestamps.truncate(rows);
    out.floats.truncate(rows);
    out.start_timestamps.truncate(rows);
    let histograms = out.histograms.partition_point(|(row, _)| (*row as usize) < rows);
    out.histograms.truncate(histograms);
}

fn remove_rows(out: &mut SampleBatch, rows: Range<usize>) {
    if rows.is_empty() {
        return;
    }
    out.timestamps.drain(rows.clone());
    out.floats.drain(rows.clone());
    if !out.start_timestamps.is_empty() {
        out.start_timestamps.drain(rows.clone());
    }
    let first = out.histograms.partition_point(|(row, _)| (*row as usize) < rows.start);
    let behind = out.histograms.partition_point(|(row, _)| (*row as usize) < rows.end);
    out.histograms.drain(first..behind);
    for (row, _) in &mut out.histograms[first..] {
        *row -= rows.len() as u32;
    }
}

/// Appends rows of `from`.
pub(crate) fn copy_rows(from: &SampleBatch, rows: Range<usize>, out: &mut SampleBatch) {
    let base = out.len();
    if !from.start_timestamps.is_empty() {
        out.start_timestamps.resize(base, 0);
        out.start_timestamps.extend_from_slice(&from.start_timestamps[rows.clone()]);
    } else if !out.start_timestamps.is_empty() {
        out.start_timestamps.resize(base + rows.len(), 0);
    }
    out.timestamps.extend_from_slice(&from.timestamps[rows.clone()]);
    out.floats.extend_from_slice(&from.floats[rows.clone()]);
    if from.histograms.is_empty() {
        return;
    }
    let first = from.histograms.partition_point(|(row, _)| (*row as usize) < rows.start);
    let inside = from.histograms[first..].iter().take_while(|(row, _)| (*row as usize) < rows.end);
    out.histograms.extend(inside.map(|(row, h)| ((*row as usize - rows.start + base) as u32, h.clone())));
}

/// Merges two runs of rows in time order. At equal times the row of `a` stands. A histogram that does not follow its
/// predecessor of the same run says no more whether its counters were reset.
pub(crate) fn merge_rows(a: &SampleBatch, b: &SampleBatch, out: &mut SampleBatch) {
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        let (ta, tb) = (a.timestamps[i], b.timestamps[j]);
        if ta <= tb {
            let end = i + a.timestamps[i..].partition_point(|t| *t <= tb);
            copy_from_other_run(a, i..end, out);
            i = end;
            j += usize::from(a.timestamps[end - 1] == tb);
        } else {
            let end = j + b.timestamps[j..].partition_point(|t| *t < ta);
            copy_from_other_run(b, j..end, out);
            j = end;
        }
    }
    if i < a.len() {
        copy_from_other_run(a, i..a.len(), out);
    }
    if j < b.len() {
        copy_from_other_run(b, j..b.len(), out);
    }
}

/// Copies rows that follow rows of another run.
fn copy_from_other_run(from: &SampleBatch, rows: Range<usize>, out: &mut SampleBatch) {
    let base = out.len();
    copy_rows(from, rows, out);
    if base > 0 {
        forget_reset_hint(out, base);
    }
}

/// Makes the hint of the histogram at `row`, if there is one, say nothing; gauges stay gauges.
pub(crate) fn forget_reset_hint(out: &mut SampleBatch, row: usize) {
    let at = out.histograms.partition_point(|(r, _)| (*r as usize) < row);
    let Some((_, histogram)) = out.histograms.get_mut(at).filter(|(r, _)| *r as usize == row) else { return };
    let forget = |hint: CounterResetHint| !matches!(hint, CounterResetHint::Gauge | CounterResetHint::Unknown);
    match histogram {
        HistogramValue::Int(h) if forget(h.counter_reset_hint) => {
            Arc::make_mut(h).counter_reset_hint = CounterResetHint::Unknown;
        }
        HistogramValue::Float(h) if forget(h.counter_reset_hint) => {
            Arc::make_mut(h).counter_reset_hint = CounterResetHint::Unknown;
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use promethium_model::Histogram;

    fn batch(rows: &[(i64, f64)]) -> SampleBatch {
        let mut batch = SampleBatch::new();
        for (t, v) in rows {
            if *v < 0.0 {
                let histogram = Histogram {
                    count: v.abs() as u64,
                    counter_reset_hint: CounterResetHint::NotReset,
                    ..Histogram::default()
                };
                batch.push_histogram(*t, HistogramValue::Int(Arc::new(histogram)));
            } else {
                batch.push_float(*t, *v);
            }
            batch.set_start_timestamp(t / 10);
        }
        batch
    }

    #[test]
    fn rows_outside_a_range_or_inside_intervals_go() {
        let rows = [(10, 1.0), (20, -2.0), (30, 3.0), (40, -4.0), (50, 5.0)];
        let mut kept = batch(&rows);
        keep_range(&mut kept, 1, TimeRange::new(25, 40));
        assert_eq!(kept, batch(&[(10, 1.0), (30, 3.0), (40, -4.0)]));
        let mut kept = batch(&rows);
        drop_intervals(&mut kept, 0, &[(0, 10), (25, 35), (50, 60)]);
        assert_eq!(kept, batch(&[(20, -2.0), (40, -4.0)]));
    }

    #[test]
    fn runs_merge_and_the_first_wins() {
        let mut out = SampleBatch::new();
        merge_rows(
            &batch(&[(10, 1.0), (30, -3.0), (40, 4.0)]),
            &batch(&[(5, 0.5), (20, 2.0), (30, 9.0), (50, 5.0)]),
            &mut out,
        );
        assert_eq!(out.timestamps, [5, 10, 20, 30, 40, 50]);
        assert_eq!(out.floats, [0.5, 1.0, 2.0, 0.0, 4.0, 5.0]);
        let Some((3, HistogramValue::Int(h))) = out.histograms.first() else { panic!("a histogram") };
        assert_eq!((h.count, h.counter_reset_hint), (3, CounterResetHint::Unknown));
        assert_eq!(out.start_timestamps, [0, 1, 2, 3, 4, 5]);
    }
}
