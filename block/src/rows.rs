//! Taking rows out of columns.

use promethium_model::SampleBatch;

/// Drops the rows from `base` on whose time `keep` refuses.
pub(crate) fn retain(out: &mut SampleBatch, base: usize, keep: impl Fn(i64) -> bool) {
    let kept: Vec<bool> = out.timestamps[base..].iter().map(|t| keep(*t)).collect();
    retain_column(&mut out.floats, base, &kept);
    retain_column(&mut out.timestamps, base, &kept);
    if !out.start_timestamps.is_empty() {
        retain_column(&mut out.start_timestamps, base, &kept);
    }
    renumber_histograms(out, base, &kept);
}

fn retain_column<T: Copy>(column: &mut Vec<T>, base: usize, kept: &[bool]) {
    let mut end = base;
    for (row, _) in kept.iter().enumerate().filter(|(_, keep)| **keep) {
        column[end] = column[base + row];
        end += 1;
    }
    column.truncate(end);
}

fn renumber_histograms(out: &mut SampleBatch, base: usize, kept: &[bool]) {
    let first = out.histograms.partition_point(|(row, _)| (*row as usize) < base);
    if first == out.histograms.len() {
        return;
    }
    let mut kept_before = Vec::with_capacity(kept.len());
    kept.iter().fold(base as u32, |row, keep| {
        kept_before.push(row);
        row + u32::from(*keep)
    });
    let tail = out.histograms.split_off(first);
    let is_kept = |row: u32| kept.get(row as usize - base).is_some_and(|k| *k);
    let moved = tail.into_iter().filter(|(row, _)| is_kept(*row)).map(|(row, h)| (kept_before[row as usize - base], h));
    out.histograms.extend(moved);
}

/// Drops the rows from `base` on that lie outside `[min_ms, max_ms]`; times ascend.
pub(crate) fn clip(out: &mut SampleBatch, base: usize, min_ms: i64, max_ms: i64) {
    let (Some(first), Some(last)) = (out.timestamps.get(base), out.timestamps.last()) else { return };
    if *first < min_ms || *last > max_ms {
        retain(out, base, |t| (min_ms..=max_ms).contains(&t));
    }
}

/// Drops all rows from `base` on.
pub(crate) fn truncate(out: &mut SampleBatch, base: usize) {
    out.timestamps.truncate(base);
    out.floats.truncate(base);
    out.start_timestamps.truncate(base);
    let first = out.histograms.partition_point(|(row, _)| (*row as usize) < base);
    out.histograms.truncate(first);
}

#[cfg(test)]
mod tests {
    use super::*;
    use promethium_model::{FloatHistogram, HistogramValue};
    use std::sync::Arc;

    fn batch() -> SampleBatch {
        let mut b = SampleBatch::new();
        for t in 0..8 {
            match t % 3 {
                0 => b.push_histogram(
                    t,
                    HistogramValue::Float(Arc::new(FloatHistogram { count: t as f64, ..Default::default() })),
                ),
                _ => b.push_float(t, t as f64),
            }
            b.set_start_timestamp(t + 100);
        }
        b
    }

    #[test]
    fn rows_before_the_base_stay_and_columns_stay_aligned() {
        let mut b = batch();
        clip(&mut b, 2, 4, 6);
        assert_eq!(b.timestamps, [0, 1, 4, 5, 6]);
        assert_eq!(b.floats, [0.0, 1.0, 4.0, 5.0, 0.0]);
        assert_eq!(b.start_timestamps, [100, 101, 104, 105, 106]);
        assert_eq!(b.histograms.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [0, 4]);
        truncate(&mut b, 1);
        assert_eq!((b.len(), b.histograms.len(), b.start_timestamps.len()), (1, 1, 1));
    }
}
