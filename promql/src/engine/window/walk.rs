//! Moving the window.

use std::ops::Range;

use super::super::samples::Samples;
use super::super::steps::Steps;

/// The samples of one step: positions in the columns of [`Samples`].
#[derive(Clone, Debug)]
pub(crate) struct Window {
    pub(crate) step: usize,
    /// When the window ends, milliseconds since the epoch.
    pub(crate) end_ms: i64,
    pub(crate) floats: Range<usize>,
    pub(crate) histograms: Range<usize>,
}

/// Calls `on_window` for every step whose window `(end − range, end]` holds a sample. Both ends only move forward, so the
/// walk costs samples plus steps.
#[inline]
pub(crate) fn each_window(samples: &Samples, ends: Steps, range_ms: i64, mut on_window: impl FnMut(Window)) {
    let mut floats = 0..0;
    let mut histograms = 0..0;
    for step in 0..ends.count {
        let end_ms = ends.time(step);
        let start_ms = end_ms.saturating_sub(range_ms);
        advance(&samples.times, &mut floats, start_ms, end_ms);
        if samples.has_histograms() {
            advance(&samples.histogram_times, &mut histograms, start_ms, end_ms);
        }
        if !floats.is_empty() || !histograms.is_empty() {
            on_window(Window { step, end_ms, floats: floats.clone(), histograms: histograms.clone() });
        }
    }
}

#[inline]
pub(super) fn advance(times: &[i64], window: &mut Range<usize>, start_ms: i64, end_ms: i64) {
    while window.end < times.len() && times[window.end] <= end_ms {
        window.end += 1;
    }
    while window.start < window.end && times[window.start] <= start_ms {
        window.start += 1;
    }
}
