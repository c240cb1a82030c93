//! Filling a store.

use std::collections::BTreeMap;
use std::sync::Arc;

use promethium_model::{AppendOptions, CounterResetHint, FloatHistogram, Labels, Point, PointValue, SeriesKey};

use super::script::{Load, LoadedSeries};
use super::series::Value;
use super::{ScriptError, TestStore, nhcb};
use crate::engine::histogram::{reset, with_common_layout};

/// A sample to be stored.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) time_ms: i64,
    pub(super) start_ms: i64,
    pub(super) value: SampleValue,
}

#[derive(Clone, Debug)]
pub(super) enum SampleValue {
    Float(f64),
    Histogram(Arc<FloatHistogram>),
}

/// Fills one store, load by load.
#[derive(Default)]
pub(super) struct Loader {
    /// The newest sample of each series, if it is a histogram that others may follow on.
    runs: BTreeMap<Labels, Arc<FloatHistogram>>,
}

impl Loader {
    pub(super) fn load(&mut self, load: &Load, store: &dyn TestStore) -> Result<(), ScriptError> {
        // A series that occurs twice: the last stands.
        let mut series: BTreeMap<Labels, Vec<Sample>> = BTreeMap::new();
        for loaded in &load.series {
            series.insert(loaded.labels.clone(), samples(loaded, load.step_ms));
        }
        if load.with_nhcb {
            let converted = nhcb::convert(&series).map_err(|message| ScriptError::new(load.line, message))?;
            series.extend(converted);
        }
        let line = |labels: &Labels| load.series.iter().find(|s| s.labels == *labels).map_or(load.line, |s| s.line);
        for (labels, samples) in series {
            self.append(&labels, samples, store).map_err(|message| ScriptError::new(line(&labels), message))?;
        }
        Ok(())
    }

    fn append(&mut self, labels: &Labels, mut samples: Vec<Sample>, store: &dyn TestStore) -> Result<(), String> {
        self.as_stored(labels, &mut samples);
        let mut tx = store.appender();
        for sample in samples {
            let value = match &sample.value {
                SampleValue::Float(v) => PointValue::Float(*v),
                SampleValue::Histogram(h) => PointValue::FloatHistogram(h),
            };
            let point = Point { timestamp_ms: sample.time_ms, start_timestamp_ms: sample.start_ms, value };
            tx.append(SeriesKey::Labels(labels), point, &AppendOptions::default()).map_err(|e| e.to_string())?;
        }
        tx.commit().map(|_| ()).map_err(|e| e.to_string())
    }

    /// Gives histograms the form in which storage hands them out. They come in runs, which end with a float, a stale
    /// marker, a gauge, a reset, or another layout: the first of a run does not know whether there was a reset, the others
    /// know that there was none, and all have the buckets of all.
    fn as_stored(&mut self, labels: &Labels, samples: &mut [Sample]) {
        let mut run: Vec<usize> = Vec::new();
        for i in 0..samples.len() {
            let SampleValue::Histogram(h) = &samples[i].value else {
                self.runs.remove(labels);
                lay_out(samples, &std::mem::take(&mut run));
                continue;
            };
            let goes_on = self.goes_on(labels, h);
            let mut stored = FloatHistogram::clone(h);
            if stored.counter_reset_hint != CounterResetHint::Gauge {
                stored.counter_reset_hint =
                    if goes_on { CounterResetHint::NotReset } else { CounterResetHint::Unknown };
            }
            if !goes_on {
                lay_out(samples, &std::mem::take(&mut run));
            }
            samples[i].value = SampleValue::Histogram(Arc::new(stored));
            run.push(i);
        }
        lay_out(samples, &run);
    }

    /// Whether a histogram follows on the one before it.
    fn goes_on(&mut self, labels: &Labels, h: &Arc<FloatHistogram>) -> bool {
        let previous = self.runs.insert(labels.clone(), Arc::clone(h));
        if h.counter_reset_hint == CounterResetHint::Gauge {
            self.runs.remove(labels);
            return false;
        }
        previous.is_some_and(|p| {
            let same_layout = (p.schema, p.zero_threshold) == (h.schema, h.zero_threshold);
            let same_bounds = p.custom_bounds == h.custom_bounds;
            same_layout && same_bounds && h.counter_reset_hint != CounterResetHint::Reset && !reset::by_values(h, &p)
        })
    }
}

/// Gives the samples of a run one layout.
fn lay_out(samples: &mut [Sample], run: &[usize]) {
    if run.len() < 2 {
        return;
    }
    let histogram = |i: &usize| match &samples[*i].value {
        SampleValue::Histogram(h) => Some(Arc::clone(h)),
        SampleValue::Float(_) => None,
    };
    let common = with_common_layout(&run.iter().filter_map(histogram).collect::<Vec<_>>());
    run.iter().zip(common).for_each(|(i, h)| samples[*i].value = SampleValue::Histogram(Arc::new(h)));
}

fn samples(loaded: &LoadedSeries, step_ms: i64) -> Vec<Sample> {
    let start = |i: usize| loaded.start_times.as_ref().and_then(|s| s.0.get(i).copied().flatten());
    let sample = |(i, value): (usize, &Value)| {
        let time_ms = (i as i64).saturating_mul(step_ms);
        let value = match value {
            Value::Gap => return None,
            Value::Float(v) => SampleValue::Float(*v),
            Value::Histogram(h, _) => SampleValue::Histogram(Arc::clone(h)),
        };
        Some(Sample { time_ms, start_ms: start(i).map_or(0, |offset| time_ms.saturating_add(offset)), value })
    };
    loaded.values.0.iter().enumerate().filter_map(sample).collect()
}
