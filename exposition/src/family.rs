//! Metric families as values: what the encoders write, and what [`collect`](crate::collect) makes of a page.

use promethium_model::MetricType;

use crate::event::NativeHistogram;

/// A metric family.
///
/// The name is the one that samples of a single value have: that of a counter ends in `_total` where the exporter
/// follows the convention, that of an info in `_info`. The encoder of OpenMetrics takes the suffix off where the family
/// is described.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Family {
    /// The name.
    pub name: String,
    /// The help text, `""` when there is none.
    pub help: String,
    /// The unit, `""` when there is none.
    pub unit: String,
    /// The type.
    pub metric_type: MetricType,
    /// The metrics, in order.
    pub metrics: Vec<Metric>,
}

/// A metric at one time: its labels and its value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metric {
    /// Names and values.
    pub labels: Vec<(String, String)>,
    /// Milliseconds since the epoch; `None` leaves it to the scraper.
    pub timestamp_ms: Option<i64>,
    /// When counting started, milliseconds since the epoch.
    pub start_timestamp_ms: Option<i64>,
    /// The value.
    pub value: MetricValue,
}

/// The value of a metric.
#[derive(Clone, Debug, PartialEq)]
pub enum MetricValue {
    /// Of counters, gauges, infos, states, and what has no type.
    Single {
        /// The number.
        value: f64,
        /// Counters may have one.
        exemplar: Option<ExemplarValue>,
    },
    /// Of summaries.
    Summary(SummaryValue),
    /// Of histograms and gauge histograms.
    Histogram(Box<HistogramValue>),
}

impl Default for MetricValue {
    fn default() -> Self {
        MetricValue::Single { value: 0.0, exemplar: None }
    }
}

/// A summary.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SummaryValue {
    /// All observations.
    pub count: Option<f64>,
    /// Their sum.
    pub sum: Option<f64>,
    /// Quantiles and their values.
    pub quantiles: Vec<(f64, f64)>,
}

/// A histogram: classic, native or both.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistogramValue {
    /// All observations.
    pub count: Option<f64>,
    /// Their sum.
    pub sum: Option<f64>,
    /// Classic buckets, ascending.
    pub buckets: Vec<BucketValue>,
    /// The native histogram; its count and sum stand for those above where they are missing.
    pub native: Option<NativeHistogram>,
    /// Exemplars of the native histogram.
    pub exemplars: Vec<ExemplarValue>,
}

/// A classic bucket.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BucketValue {
    /// What is in it is at most this.
    pub upper_bound: f64,
    /// Observations up to the bound, lower buckets included.
    pub cumulative_count: f64,
    /// One of them.
    pub exemplar: Option<ExemplarValue>,
}

/// An observation that stands for many.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExemplarValue {
    /// Names and values.
    pub labels: Vec<(String, String)>,
    /// The observed value.
    pub value: f64,
    /// Milliseconds since the epoch.
    pub timestamp_ms: Option<i64>,
}

impl Family {
    /// A family without metrics.
    #[must_use]
    pub fn new(name: impl Into<String>, metric_type: MetricType) -> Self {
        Family { name: name.into(), metric_type, ..Family::default() }
    }
}

impl HistogramValue {
    /// All observations: as said, or of the native histogram, or of the last bucket.
    pub(crate) fn total(&self) -> f64 {
        let native = self.native.as_ref().map(|native| match native {
            NativeHistogram::Integer(h) => h.count as f64,
            NativeHistogram::Float(h) => h.count,
        });
        let last = self.buckets.last().map(|bucket| bucket.cumulative_count);
        self.count.or(native).or(last).unwrap_or(0.0)
    }

    /// The sum, as said or of the native histogram.
    pub(crate) fn known_sum(&self) -> Option<f64> {
        let native = self.native.as_ref().map(|native| match native {
            NativeHistogram::Integer(h) => h.sum,
            NativeHistogram::Float(h) => h.sum,
        });
        self.sum.or(native)
    }
}
