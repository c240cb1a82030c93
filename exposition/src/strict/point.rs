//! One point of a metric: values, buckets, quantiles, states, and what must agree in it.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::collections::HashSet;

use promethium_model::MetricType;
use promethium_model::exemplar::MAX_EXEMPLAR_LABEL_CHARS;
use promethium_model::labels::{BUCKET_LABEL, QUANTILE_LABEL};
use promethium_model::quote::go_quoted;

use super::metric::refuse_repeated_name;
use super::names::Kind;
use super::{Checked, Dialect, Violation};
use crate::event::Sample;
use crate::exemplars::Exemplar;
use crate::strict_number::parse_number;

/// What a sample adds to its point.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) kind: Kind,
    value: f64,
    /// The bound of a bucket or the quantile.
    bound: f64,
    state: String,
}

impl Reading {
    /// Reads a sample and holds it to the rules that concern it alone. `labels` are sorted.
    pub(super) fn new(
        (dialect, metric_type, kind): (Dialect, MetricType, Kind),
        family: &str,
        sample: &Sample<'_>,
        labels: &[(String, String)],
        at: usize,
    ) -> Result<Self, Violation> {
        let label = |name: &str| labels.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        let bound = match kind {
            Kind::Bucket => bucket_bound(label(BUCKET_LABEL), at)?,
            Kind::Quantile => quantile(label(QUANTILE_LABEL), at)?,
            _ => 0.0,
        };
        let state = match kind {
            Kind::State => state(family, label(family), at)?,
            _ => String::new(),
        };
        let reading = Reading { kind, value: sample.value, bound, state };
        if dialect == Dialect::OpenMetrics {
            reading.check_value(metric_type, at)?;
        }
        sample.exemplars().try_for_each(|exemplar| reading.check_exemplar(&exemplar, at))?;
        Ok(reading)
    }

    fn check_value(&self, metric_type: MetricType, at: usize) -> Checked {
        let v = self.value;
        let gauge = metric_type == MetricType::GaugeHistogram;
        let broken = match self.kind {
            Kind::Value => None,
            Kind::Info => (v != 1.0).then_some("the value of an info is always 1"),
            Kind::State => (v != 0.0 && v != 1.0).then_some("the value of a state is 0 or 1"),
            Kind::Total => (v.is_nan() || v < 0.0).then_some("a counter is neither negative nor NaN"),
            Kind::Sum if gauge => v.is_nan().then_some("a sum is not NaN"),
            Kind::Sum => (v.is_nan() || v < 0.0).then_some("a sum is neither negative nor NaN"),
            Kind::Quantile => (v < 0.0).then_some("a quantile's value is not negative"),
            Kind::Bucket | Kind::Count => (!is_count(v)).then_some("a count is a whole number and not negative"),
            Kind::Created => (!v.is_finite()).then_some("a creation time is a finite number"),
        };
        broken.map_or(Ok(()), |message| Err(Violation::new(at, message)))
    }

    fn check_exemplar(&self, exemplar: &Exemplar<'_, '_>, at: usize) -> Checked {
        match self.kind {
            Kind::Total => {}
            Kind::Bucket if exemplar.value <= self.bound => {}
            Kind::Bucket => return Err(Violation::new(at, "an exemplar lies within its bucket")),
            _ => return Err(Violation::new(at, "only counters and buckets may have exemplars")),
        }
        let mut labels: Vec<(String, String)> =
            exemplar.labels().map(|(n, v)| (n.into_owned(), v.into_owned())).collect();
        labels.sort_unstable();
        refuse_repeated_name(&labels, at)?;
        let chars: usize = labels.iter().flat_map(|(n, v)| [n, v]).map(|text| text.chars().count()).sum();
        if chars > MAX_EXEMPLAR_LABEL_CHARS {
            let limit = MAX_EXEMPLAR_LABEL_CHARS;
            return Err(Violation::new(at, format!("an exemplar's labels have at most {limit} characters")));
        }
        Ok(())
    }
}

fn is_count(value: f64) -> bool {
    value >= 0.0 && value.fract() == 0.0
}

/// Bounds are numbers, and infinity is written `+Inf`.
fn bucket_bound(le: Option<&str>, at: usize) -> Result<f64, Violation> {
    let Some(text) = le else { return Err(Violation::new(at, "a bucket needs the label \"le\"")) };
    match parse_number(text.as_bytes()) {
        Some(bound) if bound.is_nan() => Err(Violation::new(at, "the bound of a bucket is not NaN")),
        Some(bound) if bound == f64::INFINITY && text != "+Inf" => {
            Err(Violation::new(at, format!("the bound {} is written \"+Inf\"", go_quoted(text))))
        }
        Some(bound) => Ok(bound),
        None => Err(Violation::new(at, format!("the bound {} is no number", go_quoted(text)))),
    }
}

fn quantile(label: Option<&str>, at: usize) -> Result<f64, Violation> {
    let Some(text) = label else { return Err(Violation::new(at, "a quantile needs the label \"quantile\"")) };
    match parse_number(text.as_bytes()) {
        Some(quantile) if (0.0..=1.0).contains(&quantile) => Ok(quantile),
        _ => Err(Violation::new(at, format!("the quantile {} is not between 0 and 1", go_quoted(text)))),
    }
}

fn state(family: &str, label: Option<&str>, at: usize) -> Result<String, Violation> {
    match label {
        Some(state) => Ok(state.to_owned()),
        None => Err(Violation::new(at, format!("a state needs the label {}", go_quoted(family)))),
    }
}

/// A point, as far as it was read.
#[derive(Debug)]
pub(super) struct Point {
    metric_type: MetricType,
    /// The line that was read last.
    at: usize,
    value: bool,
    created: bool,
    count: Option<f64>,
    sum: Option<f64>,
    bucket: Option<(f64, f64)>,
    negative_buckets: bool,
    quantiles: HashSet<u64>,
    states: HashSet<String>,
}

impl Point {
    pub(super) fn new(metric_type: MetricType, at: usize) -> Self {
        Point {
            metric_type,
            at,
            value: false,
            created: false,
            count: None,
            sum: None,
            bucket: None,
            negative_buckets: false,
            quantiles: HashSet::new(),
            states: HashSet::new(),
        }
    }

    /// Whether it has this sample already.
    pub(super) fn has(&self, reading: &Reading) -> bool {
        match reading.kind {
            Kind::Value | Kind::Total | Kind::Info => self.value,
            Kind::Created => self.created,
            Kind::Count => self.count.is_some(),
            Kind::Sum => self.sum.is_some(),
            Kind::Bucket => self.bucket.is_some_and(|(bound, _)| bound == reading.bound),
            Kind::Quantile => self.quantiles.contains(&reading.bound.to_bits()),
            Kind::State => self.states.contains(&reading.state),
        }
    }

    /// Adds a sample of the line at `at`.
    pub(super) fn add(&mut self, reading: &Reading, at: usize) -> Checked {
        if self.has(reading) {
            return Err(Violation::new(at, "the same sample twice in one point"));
        }
        self.at = at;
        match reading.kind {
            Kind::Value | Kind::Total | Kind::Info => self.value = true,
            Kind::Created => self.created = true,
            Kind::Count => self.count = Some(reading.value),
            Kind::Sum => self.sum = Some(reading.value),
            Kind::Bucket => return self.add_bucket((reading.bound, reading.value), at),
            Kind::Quantile => drop(self.quantiles.insert(reading.bound.to_bits())),
            Kind::State => drop(self.states.insert(reading.state.clone())),
        }
        Ok(())
    }

    fn add_bucket(&mut self, (bound, count): (f64, f64), at: usize) -> Checked {
        match self.bucket.replace((bound, count)) {
            Some((before, _)) if bound < before => {
                Err(Violation::new(at, "buckets stand in the order of their bounds"))
            }
            Some((_, below)) if count < below => Err(Violation::new(at, "buckets are cumulative")),
            _ => {
                self.negative_buckets |= bound < 0.0;
                Ok(())
            }
        }
    }

    /// The point is whole.
    pub(super) fn finish(&self) -> Checked {
        let broken = match self.metric_type {
            MetricType::Counter => (self.created && !self.value).then_some("a counter has a total"),
            MetricType::Histogram | MetricType::GaugeHistogram => self.broken_histogram(),
            _ => None,
        };
        broken.map_or(Ok(()), |message| Err(Violation::new(self.at, message)))
    }

    fn broken_histogram(&self) -> Option<&'static str> {
        let gauge = self.metric_type == MetricType::GaugeHistogram;
        let Some((_, last)) = self.bucket.filter(|(bound, _)| *bound == f64::INFINITY) else {
            return Some("a histogram has a bucket with the bound +Inf");
        };
        if self.count.is_some_and(|count| count != last) {
            return Some("the count is that of the +Inf bucket");
        }
        if self.count.is_some() != self.sum.is_some() {
            return Some("a histogram has both a count and a sum, or neither");
        }
        let sum = self.sum?;
        if !gauge && self.negative_buckets {
            return Some("a histogram with negative bounds has no sum");
        }
        (gauge && sum < 0.0 && !self.negative_buckets).then_some("a sum is negative only where bounds are")
    }
}
