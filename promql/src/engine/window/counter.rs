//! `rate`, `increase` and `delta`: the change over the window, extrapolated to its ends.

use std::ops::Range;

use promethium_model::quote::go_quoted;

use super::super::column::Column;
use super::super::samples::Samples;
use super::{HISTOGRAM_WORK, Neighbours, RangeCall, RangeSeries, Window, blocks, walk, warn_mixed_types};
use crate::parser::Function;

pub(super) fn extrapolated(call: &RangeCall<'_>, series: &RangeSeries<'_>, out: &mut Column) {
    let samples = series.samples;
    let resets = if call.is_counter() { reset_positions(call, samples) } else { Vec::new() };
    let plain = !samples.has_histograms() && (samples.start_times.is_empty() || !call.features.start_timestamps);
    if plain && call.ends.count >= blocks::WORTH_IT {
        blocks::extrapolated(call, samples, &resets, out);
        return hint_at_name(call, series, out);
    }
    let mut in_window = 0..0;
    let mut neighbours = Neighbours::default();
    let mut overlaps = Overlaps::of(call, samples);
    walk::each_window(samples, call.ends, call.range_ms, |window| {
        if !call.goes_on(1 + in_window.len() + HISTOGRAM_WORK * window.histograms.len()) {
            return;
        }
        if !window.floats.is_empty() && !window.histograms.is_empty() {
            warn_mixed_types(call, series.labels);
        } else if !window.floats.is_empty() {
            overlaps.look(&window);
            advance(&resets, &mut in_window, &window.floats);
            if let Some(v) = of_floats(call, samples, &window, &resets[in_window.clone()]) {
                out.set(window.step, v);
            }
        } else {
            neighbours.look(call, samples, &window.histograms);
            if let Some(h) = super::super::histogram::rate::extrapolated(call, series, &window, &neighbours) {
                overlaps.look(&window);
                out.push_histogram(window.step, h);
            }
        }
    });
    if overlaps.met {
        call.notes.overlapping_start_time(call.origin, series.labels.metric_name());
    }
    hint_at_name(call, series, out);
}

/// The samples that lie below their predecessor, or started anew after it.
pub(super) fn reset_positions(call: &RangeCall<'_>, samples: &Samples) -> Vec<usize> {
    let values = &samples.floats[..];
    if !call.features.start_timestamps || samples.start_times.is_empty() {
        return falls(values);
    }
    (1..values.len()).filter(|i| values[*i] < values[i - 1] || starts_anew(samples, *i)).collect()
}

/// The positions of values below their predecessor. Most counters never fall, so a run of samples is asked first whether any
/// does.
fn falls(values: &[f64]) -> Vec<usize> {
    const RUN: usize = 64;
    let mut found = Vec::new();
    let pairs = values.iter().zip(values.get(1..).unwrap_or_default());
    for (run, (before, now)) in values.chunks(RUN).zip(values.get(1..).unwrap_or_default().chunks(RUN)).enumerate() {
        if before.iter().zip(now).fold(false, |any, (a, b)| any | (b < a)) {
            let here = pairs.clone().enumerate().skip(run * RUN).take(now.len());
            found.extend(here.filter(|(_, (a, b))| b < a).map(|(i, _)| i + 1));
        }
    }
    found
}

fn starts_anew(samples: &Samples, i: usize) -> bool {
    let (previous, current) = (samples.start_time(i - 1), samples.start_time(i));
    start_time_says_reset((samples.times[i - 1], previous), (samples.times[i], current))
}

/// Whether the start timestamp of the second sample says that the counter was reset after the first; each is time and
/// start time.
pub(crate) fn start_time_says_reset(previous: (i64, i64), current: (i64, i64)) -> bool {
    let ((t_previous, start_previous), (t, start)) = (previous, current);
    if start == 0 || start >= t || start < t_previous {
        return false;
    }
    start > t_previous || (start_previous != 0 && start_previous < t_previous)
}

/// Moves `inside` to the resets strictly after the window's first sample.
pub(super) fn advance(resets: &[usize], inside: &mut Range<usize>, rows: &Range<usize>) {
    while inside.end < resets.len() && resets[inside.end] < rows.end {
        inside.end += 1;
    }
    while inside.start < inside.end && resets[inside.start] <= rows.start {
        inside.start += 1;
    }
}

fn of_floats(call: &RangeCall<'_>, samples: &Samples, window: &Window, resets: &[usize]) -> Option<f64> {
    let (first, last) = (window.floats.start, window.floats.end - 1);
    let zero_at = assumed_zero(call, samples.times[first], samples.start_time(first), window.end_ms);
    if first == last && zero_at.is_none() {
        return None;
    }
    let values = &samples.floats[..];
    let mut change = values[last] - values[first];
    for reset in resets {
        change += values[reset - 1];
    }
    if zero_at.is_some() {
        change += values[first];
    }
    let extent =
        Extent { first_ms: samples.times[first], last_ms: samples.times[last], samples: last - first + 1, zero_at };
    Some(change * extent.factor(call, window.end_ms, change, values[first]))
}

/// The time at which the counter was zero, where its start lies inside the window.
pub(crate) fn assumed_zero(call: &RangeCall<'_>, first_ms: i64, start_time: i64, end_ms: i64) -> Option<i64> {
    let known = call.features.start_timestamps && call.is_counter() && start_time != 0;
    let inside = start_time > end_ms.saturating_sub(call.range_ms) && start_time < first_ms;
    (known && inside).then_some(start_time)
}

/// What the samples of a window cover.
pub(crate) struct Extent {
    pub(crate) first_ms: i64,
    pub(crate) last_ms: i64,
    pub(crate) samples: usize,
    pub(crate) zero_at: Option<i64>,
}

impl Extent {
    /// By what the change is multiplied: extrapolation to the ends of the window, and the division by its width.
    ///
    /// A gap to an end that is wider than 1.1 mean distances counts as half a mean distance; a counter is not
    /// extrapolated below zero.
    pub(crate) fn factor(&self, call: &RangeCall<'_>, end_ms: i64, change: f64, first_value: f64) -> f64 {
        let seconds = |ms: i64| ms as f64 / 1000.0;
        let between = seconds(self.last_ms - self.first_ms);
        let mean_gap = if self.samples > 1 { between / (self.samples - 1) as f64 } else { 0.0 };
        let threshold = mean_gap * 1.1;
        let mut sampled = between;
        let mut to_start = seconds(self.first_ms.saturating_sub(end_ms.saturating_sub(call.range_ms)));
        if let Some(zero) = self.zero_at {
            sampled = seconds(self.last_ms - zero);
            to_start = 0.0;
        } else {
            if to_start >= threshold {
                to_start = mean_gap / 2.0;
            }
            if call.is_counter() && change > 0.0 && first_value >= 0.0 {
                to_start = to_start.min(sampled * (first_value / change));
            }
        }
        let mut to_end = seconds(end_ms - self.last_ms);
        if to_end >= threshold {
            to_end = mean_gap / 2.0;
        }
        let factor = if sampled == 0.0 { 1.0 } else { (sampled + to_start + to_end) / sampled };
        if call.is_rate() { factor / call.range_seconds() } else { factor }
    }
}

/// Samples whose counter started before the sample ahead of them was taken.
struct Overlaps {
    floats: Vec<usize>,
    histograms: Vec<usize>,
    met: bool,
}

impl Overlaps {
    fn of(call: &RangeCall<'_>, samples: &Samples) -> Overlaps {
        let wanted = call.features.start_timestamps && call.is_counter();
        let positions = |times: &[i64], starts: &[i64]| -> Vec<usize> {
            let overlap = |i: &usize| starts[*i] != 0 && starts[*i] < times[i - 1] && starts[*i] != starts[i - 1];
            if wanted { (1..starts.len()).filter(overlap).collect() } else { Vec::new() }
        };
        Overlaps {
            floats: positions(&samples.times, &samples.start_times),
            histograms: positions(&samples.histogram_times, &samples.histogram_start_times),
            met: false,
        }
    }

    fn look(&mut self, window: &Window) {
        let inside = |at: &[usize], rows: &Range<usize>| at.iter().any(|i| rows.start < *i && *i < rows.end);
        self.met |= inside(&self.floats, &window.floats) || inside(&self.histograms, &window.histograms);
    }
}

/// Says so when the metric does not look like a counter.
pub(super) fn hint_at_name(call: &RangeCall<'_>, series: &RangeSeries<'_>, out: &Column) {
    let name = series.labels.metric_name();
    if call.function == Function::Delta || name.is_empty() || !out.present.any() {
        return;
    }
    if call.features.type_and_unit_labels {
        let kind = series.labels.get("__type__").unwrap_or("");
        if kind != "counter" && kind != "histogram" {
            let (kind, name) = (go_quoted(kind), go_quoted(name));
            call.notes.info(
                call.first_origin,
                format!(
                    "metric might not be a counter, __type__ label is not set to \"counter\" or \"histogram\", got {kind}: {name}"
                ),
            );
        }
        return;
    }
    if !["_total", "_sum", "_count", "_bucket"].iter().any(|suffix| name.ends_with(suffix)) {
        let name = go_quoted(name);
        let text = format!("metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {name}");
        call.notes.info(call.first_origin, text);
    }
}
