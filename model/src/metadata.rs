//! What an exporter says about a metric family.

use std::fmt;
use std::str::FromStr;

/// The type of a metric family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MetricType {
    /// Not said, or "untyped".
    #[default]
    Unknown,
    /// Only grows, or resets.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Buckets of a cumulative distribution.
    Histogram,
    /// A histogram whose buckets may fall.
    GaugeHistogram,
    /// Quantiles computed by the exporter.
    Summary,
    /// Constant 1 with labels that inform.
    Info,
    /// One series per state, 0 or 1.
    StateSet,
}

impl MetricType {
    /// The name in Prometheus' API and in OpenMetrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            MetricType::Unknown => "unknown",
            MetricType::Counter => "counter",
            MetricType::Gauge => "gauge",
            MetricType::Histogram => "histogram",
            MetricType::GaugeHistogram => "gaugehistogram",
            MetricType::Summary => "summary",
            MetricType::Info => "info",
            MetricType::StateSet => "stateset",
        }
    }
}

impl fmt::Display for MetricType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for MetricType {
    type Err = ();

    /// Knows the names of [`MetricType::as_str`].
    fn from_str(s: &str) -> Result<Self, ()> {
        Ok(match s {
            "unknown" => MetricType::Unknown,
            "counter" => MetricType::Counter,
            "gauge" => MetricType::Gauge,
            "histogram" => MetricType::Histogram,
            "gaugehistogram" => MetricType::GaugeHistogram,
            "summary" => MetricType::Summary,
            "info" => MetricType::Info,
            "stateset" => MetricType::StateSet,
            _ => return Err(()),
        })
    }
}

/// Type, unit and help of a metric family.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Metadata {
    /// The type.
    pub metric_type: MetricType,
    /// The unit, `""` when not said.
    pub unit: String,
    /// The help text, `""` when not said.
    pub help: String,
}
