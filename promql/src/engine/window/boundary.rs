//! An extended range as the answer itself: its samples, and values at its very boundaries.

use std::ops::Range;

use promethium_model::{Labels, MatrixSeries, QueryError};

use super::super::samples::Samples;
use super::interpolated;
use crate::parser::Extension;

/// `None` when the series has nothing in the range.
///
/// # Errors
///
/// For histograms.
pub(crate) fn boundary_points(
    samples: &Samples,
    labels: Labels,
    end_ms: i64,
    range_ms: i64,
    lookback_ms: i64,
    extension: Extension,
) -> Result<Option<MatrixSeries>, QueryError> {
    let start_ms = end_ms.saturating_sub(range_ms);
    let ahead = if extension == Extension::Smoothed { lookback_ms } else { 0 };
    let (oldest, newest) = (start_ms.saturating_sub(lookback_ms), end_ms.saturating_add(ahead));
    let inside = |times: &[i64]| times.partition_point(|t| *t <= oldest)..times.partition_point(|t| *t <= newest);
    if !inside(&samples.histogram_times).is_empty() {
        let text = format!("{} modifier is not supported with histograms", extension.as_str());
        return Err(QueryError::Execution(text));
    }
    let rows = inside(&samples.times);
    let range = BoundedRange { samples, rows, start_ms, end_ms, smoothed: extension == Extension::Smoothed };
    Ok(range.points().map(|floats| MatrixSeries { labels, floats, histograms: Vec::new() }))
}

/// The floats around a range.
struct BoundedRange<'s> {
    samples: &'s Samples,
    rows: Range<usize>,
    start_ms: i64,
    end_ms: i64,
    smoothed: bool,
}

impl BoundedRange<'_> {
    fn points(&self) -> Option<Vec<(i64, f64)>> {
        let (first, last) = self.ends()?;
        let (times, values) = (&self.samples.times, &self.samples.floats);
        let left = match self.smoothed && times[first] < self.start_ms && first < last {
            true => interpolated(self.samples, first, self.start_ms, false),
            false => values[first],
        };
        let right = match self.smoothed && last > self.rows.start && times[last] > self.end_ms {
            true => interpolated(self.samples, last - 1, self.end_ms, false),
            false => values[last],
        };
        let between = (first..=last).filter(|i| times[*i] > self.start_ms && times[*i] < self.end_ms);
        let mut points = vec![(self.start_ms, left)];
        points.extend(between.map(|i| (times[i], values[i])));
        points.push((self.end_ms, right));
        Some(points)
    }

    /// The last row up to the start, and the row that stands for the end; `None` when the range holds nothing.
    fn ends(&self) -> Option<(usize, usize)> {
        let inside = &self.samples.times[self.rows.clone()];
        let newest = inside.len().checked_sub(1)?;
        let first = inside.partition_point(|t| *t <= self.start_ms).saturating_sub(1);
        let last = if self.smoothed { inside.partition_point(|t| *t < self.end_ms).min(newest) } else { newest };
        let misses = inside[last] <= self.start_ms || (self.smoothed && inside[first] > self.end_ms);
        (!misses).then_some((self.rows.start + first, self.rows.start + last))
    }
}
