//! The store of a test: input series come in as time goes on, so that rules see nothing of what is yet to happen.

use std::sync::Arc;

use promethium_model::{
    AppendOptions, Appendable, Appender, HistogramValue, Labels, MemStore, Point, PointValue, Querier, Queryable,
    QueryableExt, SeriesKey, StorageError, TimeRange,
};
use promethium_promql::{Engine, EngineOptions, promqltest};

use super::yaml::SeriesYaml;

/// Samples that are still to come, by time.
pub(super) struct Input {
    samples: Vec<Sample>,
    next: usize,
}

struct Sample {
    time_ms: i64,
    labels: Labels,
    float: f64,
    histogram: Option<HistogramValue>,
}

/// A store that this side keeps hold of while a script fills it.
#[derive(Clone)]
struct Shared(Arc<MemStore>);

impl Queryable for Shared {
    fn querier(&self, range: TimeRange) -> Result<Box<dyn Querier + '_>, StorageError> {
        self.0.querier(range)
    }
}

impl Appendable for Shared {
    fn appender(&self) -> Box<dyn Appender + '_> {
        self.0.appender()
    }
}

impl Input {
    /// Series in the notation of `load`, a value every `step`, from `start_ms` on.
    pub(super) fn new(series: &[SeriesYaml], step: &str, start_ms: i64) -> Result<Input, String> {
        let mut script = format!("load {step}\n");
        for SeriesYaml { series, values } in series {
            // A series stands on one line.
            let one_line = |text: &str| text.replace(['\n', '\r'], " ");
            script.push_str(&format!("  {} {}\n", one_line(series), one_line(values)));
        }
        let shared = Shared(Arc::new(MemStore::new()));
        let store = || -> Box<dyn promqltest::TestStore> { Box::new(shared.clone()) };
        let engine = Engine::new(EngineOptions::default());
        promqltest::run(&script, &engine, &store).map_err(|error| error.message)?;
        let all = shared.0.read_all(TimeRange::ALL, &[]).map_err(|error| error.to_string())?;
        let mut samples = Vec::new();
        for (labels, batch) in all {
            let mut histograms = batch.histograms.into_iter().peekable();
            for (row, (time_ms, v)) in batch.timestamps.iter().zip(&batch.floats).enumerate() {
                let histogram = histograms.next_if(|(at, _)| *at as usize == row).map(|(_, h)| h);
                let time_ms = time_ms.saturating_add(start_ms);
                samples.push(Sample { time_ms, labels: labels.clone(), float: *v, histogram });
            }
        }
        samples.sort_by_key(|sample| sample.time_ms);
        Ok(Input { samples, next: 0 })
    }

    /// Stores everything up to and including `time_ms`.
    pub(super) fn feed_until(&mut self, time_ms: i64, store: &MemStore) -> Result<(), String> {
        let mut appender = store.appender();
        while let Some(sample) = self.samples.get(self.next).filter(|sample| sample.time_ms <= time_ms) {
            self.next += 1;
            let value = match &sample.histogram {
                None => PointValue::Float(sample.float),
                Some(HistogramValue::Float(h)) => PointValue::FloatHistogram(h),
                Some(HistogramValue::Int(h)) => PointValue::Histogram(h),
            };
            let point = Point { timestamp_ms: sample.time_ms, start_timestamp_ms: 0, value };
            let key = SeriesKey::Labels(&sample.labels);
            appender.append(key, point, &AppendOptions::default()).map_err(|error| error.to_string())?;
        }
        appender.commit().map(drop).map_err(|error| error.to_string())
    }
}
