//! Types, the samples that they may have, and the names that they take.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::collections::HashSet;

use promethium_model::MetricType;
use promethium_model::quote::go_quoted;

use super::{Checked, Dialect, Violation};

/// What a sample is in its family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The value of a gauge, of an unknown, and in the text format of a counter.
    Value,
    Total,
    Info,
    State,
    Quantile,
    Bucket,
    Count,
    Sum,
    Created,
}

type Suffixes = &'static [(&'static str, Kind)];

/// The samples of a type: suffix and kind.
fn suffixes(dialect: Dialect, metric_type: MetricType) -> Suffixes {
    match dialect {
        Dialect::OpenMetrics => open_metrics_suffixes(metric_type),
        Dialect::Text => text_suffixes(metric_type),
    }
}

fn open_metrics_suffixes(metric_type: MetricType) -> Suffixes {
    match metric_type {
        MetricType::Counter => &[("_total", Kind::Total), ("_created", Kind::Created)],
        MetricType::Summary => {
            &[("", Kind::Quantile), ("_count", Kind::Count), ("_sum", Kind::Sum), ("_created", Kind::Created)]
        }
        MetricType::Histogram => {
            &[("_bucket", Kind::Bucket), ("_count", Kind::Count), ("_sum", Kind::Sum), ("_created", Kind::Created)]
        }
        MetricType::GaugeHistogram => &[("_bucket", Kind::Bucket), ("_gcount", Kind::Count), ("_gsum", Kind::Sum)],
        MetricType::Info => &[("_info", Kind::Info)],
        MetricType::StateSet => &[("", Kind::State)],
        MetricType::Gauge | MetricType::Unknown => &[("", Kind::Value)],
    }
}

fn text_suffixes(metric_type: MetricType) -> Suffixes {
    match metric_type {
        MetricType::Summary => &[("", Kind::Quantile), ("_count", Kind::Count), ("_sum", Kind::Sum)],
        MetricType::Histogram | MetricType::GaugeHistogram => {
            &[("_bucket", Kind::Bucket), ("_count", Kind::Count), ("_sum", Kind::Sum)]
        }
        _ => &[("", Kind::Value)],
    }
}

/// What a sample is whose name is that of the family with `suffix` behind it.
pub(super) fn kind_of(dialect: Dialect, metric_type: MetricType, suffix: &str) -> Option<Kind> {
    suffixes(dialect, metric_type).iter().find(|(s, _)| *s == suffix).map(|(_, kind)| *kind)
}

/// All names that the families before take: their own, and those of the samples that their type may have.
#[derive(Debug, Default)]
pub(super) struct NameTable {
    taken: HashSet<String>,
}

impl NameTable {
    /// Takes the name of a family.
    pub(super) fn take(&mut self, name: &str, at: usize) -> Checked {
        if self.taken.insert(name.to_owned()) {
            return Ok(());
        }
        Err(Violation::new(
            at,
            format!("name {} is that of an earlier family or of one of its samples", go_quoted(name)),
        ))
    }

    /// Takes the names of a family's samples, once its type is known. Its own name is taken already.
    pub(super) fn take_suffixed(
        &mut self,
        dialect: Dialect,
        name: &str,
        metric_type: MetricType,
        at: usize,
    ) -> Checked {
        let others = suffixes(dialect, metric_type).iter().filter(|(suffix, _)| !suffix.is_empty());
        others.map(|(suffix, _)| format!("{name}{suffix}")).try_for_each(|sample| self.take(&sample, at))
    }
}
