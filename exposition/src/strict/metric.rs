//! The metrics of a family: grouping, and the order of their points.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::collections::HashMap;

use foldhash::fast::RandomState;
use promethium_model::MetricType;
use promethium_model::labels::{BUCKET_LABEL, METRIC_NAME, QUANTILE_LABEL};
use promethium_model::quote::go_quoted;

use super::names::Kind;
use super::point::{Point, Reading};
use super::{Checked, Dialect, Violation};
use crate::event::Sample;

const SOME_TIMES: &str = "the samples of a metric must all have timestamps, or none";

/// The metrics of one family that were met so far, by their labels.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    by_labels: HashMap<Vec<u8>, Metric, RandomState>,
    /// Whether the first sample had a timestamp.
    has_times: Option<bool>,
    current: Vec<u8>,
    key: Vec<u8>,
    sorted: Vec<(String, String)>,
}

#[derive(Debug)]
struct Metric {
    point: Point,
    timestamp: Option<f64>,
}

impl Metrics {
    pub(super) fn is_empty(&self) -> bool {
        self.by_labels.is_empty()
    }

    /// The next sample.
    pub(super) fn sample(
        &mut self,
        (dialect, metric_type, kind): (Dialect, MetricType, Kind),
        family: &str,
        sample: &Sample<'_>,
        at: usize,
    ) -> Checked {
        self.gather_labels(sample, at)?;
        let reading = Reading::new((dialect, metric_type, kind), family, sample, &self.sorted, at)?;
        self.make_key(reading.point_label(family));
        let timestamp = sample.timestamp_exact();
        if dialect == Dialect::OpenMetrics && metric_type == MetricType::Info {
            self.check_info_time(timestamp, at)?;
        }
        let regroups = self.key != self.current;
        if regroups && dialect == Dialect::OpenMetrics && metric_type != MetricType::Info {
            self.leave(at)?;
        }
        self.current.clone_from(&self.key);
        match self.by_labels.get_mut(self.key.as_slice()) {
            Some(metric) => metric.continue_with((dialect, metric_type), timestamp, &reading, at),
            None => {
                let mut point = Point::new(metric_type, at);
                point.add(&reading, at)?;
                self.by_labels.insert(self.key.clone(), Metric { point, timestamp });
                Ok(())
            }
        }
    }

    /// The family ends: every metric that is still open must be whole.
    pub(super) fn finish(&mut self) -> Checked {
        let broken = self.by_labels.values().filter_map(|m| m.point.finish().err()).min_by_key(|v| v.at);
        broken.map_or(Ok(()), Err)
    }

    /// Another metric begins; one that was left may not go on.
    fn leave(&mut self, at: usize) -> Checked {
        if let Some(before) = self.by_labels.get(self.current.as_slice()) {
            before.point.finish()?;
        }
        if self.by_labels.contains_key(self.key.as_slice()) {
            return Err(Violation::new(at, "samples of one metric must stand together"));
        }
        Ok(())
    }

    /// The labels of an info are its value, so that all samples of the family are points of one metric.
    fn check_info_time(&mut self, timestamp: Option<f64>, at: usize) -> Checked {
        let has_time = timestamp.is_some();
        if *self.has_times.get_or_insert(has_time) == has_time { Ok(()) } else { Err(Violation::new(at, SOME_TIMES)) }
    }

    /// The labels, sorted; each name may occur once.
    fn gather_labels(&mut self, sample: &Sample<'_>, at: usize) -> Checked {
        let mut count = 0_usize;
        for (name, value) in sample.series().labels() {
            match self.sorted.get_mut(count) {
                Some(used) => {
                    used.0.clear();
                    used.0.push_str(&name);
                    used.1.clear();
                    used.1.push_str(&value);
                }
                None => self.sorted.push((name.into_owned(), value.into_owned())),
            }
            count = count.saturating_add(1);
        }
        self.sorted.truncate(count);
        self.sorted.sort_unstable();
        if self.sorted.iter().any(|(name, _)| name == METRIC_NAME) {
            return Err(Violation::new(
                at,
                format!("label name {} is that of the metric name", go_quoted(METRIC_NAME)),
            ));
        }
        refuse_repeated_name(&self.sorted, at)
    }

    /// The labels without that which tells the samples of one point apart.
    fn make_key(&mut self, point_label: Option<&str>) {
        self.key.clear();
        for (name, value) in self.sorted.iter().filter(|(name, _)| Some(name.as_str()) != point_label) {
            for text in [name, value] {
                self.key.extend_from_slice(&(text.len() as u64).to_le_bytes());
                self.key.extend_from_slice(text.as_bytes());
            }
        }
    }
}

impl Metric {
    fn continue_with(
        &mut self,
        (dialect, metric_type): (Dialect, MetricType),
        timestamp: Option<f64>,
        reading: &Reading,
        at: usize,
    ) -> Checked {
        if dialect == Dialect::OpenMetrics && metric_type != MetricType::Info {
            self.check_time(timestamp, at)?;
        }
        let later = timestamp != self.timestamp;
        // Points of the same time are told apart by what is said twice.
        if later || dialect == Dialect::OpenMetrics && timestamp.is_some() && self.point.has(reading) {
            self.point.finish()?;
            self.point = Point::new(metric_type, at);
        }
        self.timestamp = timestamp;
        self.point.add(reading, at)
    }

    fn check_time(&self, timestamp: Option<f64>, at: usize) -> Checked {
        match (self.timestamp, timestamp) {
            (Some(before), Some(now)) if now < before => {
                Err(Violation::new(at, "timestamps of a metric may not go backwards"))
            }
            (None, None) | (Some(_), Some(_)) => Ok(()),
            _ => Err(Violation::new(at, SOME_TIMES)),
        }
    }
}

/// In a list that is sorted by name.
pub(super) fn refuse_repeated_name(sorted: &[(String, String)], at: usize) -> Checked {
    let mut neighbours = sorted.iter().zip(sorted.iter().skip(1));
    match neighbours.find(|(a, b)| a.0 == b.0) {
        Some((twice, _)) => Err(Violation::new(at, format!("label name {} is not unique", go_quoted(&twice.0)))),
        None => Ok(()),
    }
}

impl Reading {
    /// The label that tells the samples of one point apart.
    fn point_label<'f>(&self, family: &'f str) -> Option<&'f str> {
        match self.kind {
            Kind::Bucket => Some(BUCKET_LABEL),
            Kind::Quantile => Some(QUANTILE_LABEL),
            Kind::State => Some(family),
            _ => None,
        }
    }
}
