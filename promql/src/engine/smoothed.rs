//! `smoothed` instant selectors: values on the line between neighbours.

use std::sync::Arc;

use promethium_model::histogram::CUSTOM_BUCKETS_SCHEMA;
use promethium_model::quote::go_quoted;
use promethium_model::{CounterResetHint, FloatHistogram, Labels, QueryError, SampleBatch, SampleValue};

use super::column::{Column, Series};
use super::eval::{Evaluator, Sink};
use super::histogram::extended::Between;
use super::histogram::sum::warn_schema_mix;
use super::notes::{Notes, Origin};
use super::samples::Samples;
use super::steps::Steps;
use crate::parser::{ExprId, Extension};
use crate::plan::SelectorPlan;

impl<'a> Evaluator<'a> {
    pub(super) fn instant_selector(
        &self,
        selector: &SelectorPlan,
        id: ExprId,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        if selector.extension != Some(Extension::Smoothed) {
            return self.selector(selector, steps, sink);
        }
        let times = steps.shifted(selector.shift);
        let (origin, lookback_ms) = (self.origin(id, id), self.lookback_ms);
        let work = |labels: &Labels, batch: &mut SampleBatch, samples: &mut Samples, notes: &Notes<'_>| {
            samples.take(batch);
            let line = Line { samples, labels, lookback_ms, origin, notes };
            let mut column = Column::new(times.count);
            for step in 0..times.count {
                if let Some(value) = line.at(times.time(step)) {
                    column.set_value(step, value);
                }
            }
            Ok(column.any().then(|| Series::new(labels.clone(), column)))
        };
        self.fetcher.map(selector.fetch, self.budget, self.notes, &work, sink)
    }
}

/// A series between whose samples values are read.
pub(super) struct Line<'l> {
    pub(super) samples: &'l Samples,
    pub(super) labels: &'l Labels,
    pub(super) lookback_ms: i64,
    /// About the selector.
    pub(super) origin: Origin,
    pub(super) notes: &'l Notes<'l>,
}

impl Line<'_> {
    /// Between the newest sample up to `t` and the oldest after it, both within the lookback.
    pub(super) fn at(&self, t: i64) -> Option<SampleValue> {
        let samples = self.samples;
        let (oldest, newest) = (t.saturating_sub(self.lookback_ms), t.saturating_add(self.lookback_ms));
        let inside = |times: &[i64]| times.partition_point(|x| *x <= oldest)..times.partition_point(|x| *x <= newest);
        let (floats, histograms) = (inside(&samples.times), inside(&samples.histogram_times));
        if !floats.is_empty() && !histograms.is_empty() {
            let name = go_quoted(self.labels.metric_name());
            let text = format!("encountered a mix of histograms and floats for metric name {name}");
            self.notes.warn(self.origin, text);
            return None;
        }
        if histograms.is_empty() {
            return smoothed_float(samples, floats, t).map(SampleValue::Float);
        }
        self.histogram(histograms, t).map(SampleValue::Histogram)
    }

    fn histogram(&self, rows: std::ops::Range<usize>, t: i64) -> Option<Arc<FloatHistogram>> {
        let samples = self.samples;
        let times = &samples.histogram_times[..];
        let after = rows.start + times[rows.clone()].partition_point(|x| *x <= t);
        let before = after.checked_sub(1).filter(|i| *i >= rows.start)?;
        let a = &samples.histograms[before];
        if times[before] == t {
            return Some(Arc::clone(a));
        }
        if after == rows.end {
            let mut carried = FloatHistogram::clone(a);
            carried.counter_reset_hint = CounterResetHint::Unknown;
            return Some(Arc::new(carried));
        }
        let b = &samples.histograms[after];
        let custom = |h: &FloatHistogram| h.schema == CUSTOM_BUCKETS_SCHEMA;
        if custom(a) != custom(b) {
            warn_schema_mix(self.notes, self.origin, self.labels.metric_name());
            return None;
        }
        let gauge = |h: &FloatHistogram| h.counter_reset_hint == CounterResetHint::Gauge;
        let between = Between { a: (times[before], a), b: (times[after], b), counter: !(gauge(a) && gauge(b)) };
        between.at(t, |_, _| {})
    }
}

fn smoothed_float(samples: &Samples, rows: std::ops::Range<usize>, t: i64) -> Option<f64> {
    let times = &samples.times[..];
    let after = rows.start + times[rows.clone()].partition_point(|x| *x <= t);
    let before = after.checked_sub(1).filter(|i| *i >= rows.start)?;
    if times[before] == t || after == rows.end {
        return Some(samples.floats[before]);
    }
    Some(super::window::interpolated(samples, before, t, false))
}
