//! Filling a store.

use std::collections::BTreeMap;
use std::sync::Arc;

use promethium_model::{
    AppendOptions, CounterResetHint, FloatHistogram, Labels, Point, PointValue, SeriesKey, is_stale,
};

use super::script::{Load, LoadedSeries};
use super::series::Value;
use super::{ScriptError, TestStore, nhcb};
use crate::engine::histogram::reset;

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

    fn append(&mut self, labels: &Labels, samples: Vec<Sample>, store: &dyn TestStore) -> Result<(), String> {
        let mut tx = store.appender();
        for sample in samples {
            let hinted;
            let value = match &sample.value {
                SampleValue::Float(v) => {
                    if !is_stale(*v) || self.runs.contains_key(labels) {
                        self.runs.remove(labels);
                    }
                    PointValue::Float(*v)
                }
                SampleValue::Histogram(h) => {
                    hinted = self.as_stored(labels, h);
                    PointValue::FloatHistogram(&hinted)
                }
            };
            let point = Point { timestamp_ms: sample.time_ms, start_timestamp_ms: sample.start_ms, value };
            tx.append(SeriesKey::Labels(labels), point, &AppendOptions::default()).map_err(|e| e.to_string())?;
        }
        tx.commit().map(|_| ()).map_err(|e| e.to_string())
    }

    /// The hint with which storage hands a histogram out: the first of a run does not know, the others were no resets.
    /// A run ends with a float, a stale marker, a gauge, a reset, or another layout.
    fn as_stored(&mut self, labels: &Labels, h: &Arc<FloatHistogram>) -> FloatHistogram {
        let mut stored = FloatHistogram::clone(h);
        let previous = self.runs.insert(labels.clone(), Arc::clone(h));
        if h.counter_reset_hint == CounterResetHint::Gauge {
            self.runs.remove(labels);
            return stored;
        }
        let goes_on = previous.is_some_and(|p| {
            let same_layout = (p.schema, p.zero_threshold) == (h.schema, h.zero_threshold);
            let same_bounds = p.custom_bounds == h.custom_bounds;
            same_layout && same_bounds && h.counter_reset_hint != CounterResetHint::Reset && !reset::by_values(h, &p)
        });
        stored.counter_reset_hint = if goes_on { CounterResetHint::NotReset } else { CounterResetHint::Unknown };
        stored
    }
}

fn samples(loaded: &LoadedSeries, step_ms: i64) -> Vec<Sample> {
    let start = |i: usize| loaded.start_times.as_ref().and_then(|s| s.0.get(i).copied().flatten());
    let sample = |(i, value): (usize, &Value)| {
        let time_ms = i as i64 * step_ms;
        let value = match value {
            Value::Gap => return None,
            Value::Float(v) => SampleValue::Float(*v),
            Value::Histogram(h, _) => SampleValue::Histogram(Arc::clone(h)),
        };
        Some(Sample { time_ms, start_ms: start(i).map_or(0, |offset| time_ms + offset), value })
    };
    loaded.values.0.iter().enumerate().filter_map(sample).collect()
}
