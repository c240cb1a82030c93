//! An extended range as the answer itself: its samples, and values at its very boundaries.

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
    if rows.is_empty() {
        return Ok(None);
    }
    let times = &samples.times[..];
    let first = rows.start + times[rows.clone()].partition_point(|t| *t <= start_ms).saturating_sub(1);
    let last = match extension {
        Extension::Smoothed => rows.start + times[rows.clone()].partition_point(|t| *t < end_ms).min(rows.len() - 1),
        Extension::Anchored => rows.end - 1,
    };
    if times[last] <= start_ms || (extension == Extension::Smoothed && times[first] > end_ms) {
        return Ok(None);
    }
    let smoothed = extension == Extension::Smoothed;
    let left = match smoothed && times[first] < start_ms && first < last {
        true => interpolated(samples, first, start_ms, false),
        false => samples.floats[first],
    };
    let right = match smoothed && last > rows.start && times[last] > end_ms {
        true => interpolated(samples, last - 1, end_ms, false),
        false => samples.floats[last],
    };
    let between = (first..=last).filter(|i| times[*i] > start_ms && times[*i] < end_ms);
    let mut floats = vec![(start_ms, left)];
    floats.extend(between.map(|i| (times[i], samples.floats[i])));
    floats.push((end_ms, right));
    Ok(Some(MatrixSeries { labels, floats, histograms: Vec::new() }))
}
