//! `_created` lines as start timestamps.
//!
//! The line stands somewhere behind the samples that it concerns, so a sample looks ahead for it: up to the next
//! metadata line, and no farther than the next `_created` line, whichever metric that is of. What one sample has looked
//! over, the next need not: each line is read once more at most.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use promethium_model::MetricType;
use promethium_model::labels::{BUCKET_LABEL, QUANTILE_LABEL};

use super::sample::{NO_VALUE, milliseconds, take_line_end, take_series, take_value};
use crate::error::DecodeError;
use crate::event::Sample;
use crate::page::Slots;
use crate::scan::{Before, Cursor, Scope, starts_metric_name};
use crate::series::Series;

const CREATED: &str = "_created";
const SUFFIXES: [&str; 8] = ["_created", "_count", "_sum", "_bucket", "_total", "_gcount", "_gsum", "_info"];

/// What a sample was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Created {
    /// A creation time: no series.
    Line,
    /// A sample; it has been given its start timestamp.
    Sample,
}

/// Finds the `_created` line of a sample.
#[derive(Debug, Default)]
pub(super) struct CreatedLines<'a> {
    wanted: bool,
    /// Up to here the page was looked over.
    searched_to: usize,
    /// The metric and the time of the `_created` line there.
    found: Option<(Vec<u8>, i64)>,
    before: Before<'a>,
    ahead: Sample<'a>,
    key: Vec<u8>,
}

impl<'a> CreatedLines<'a> {
    pub(super) fn new(wanted: bool) -> Self {
        CreatedLines { wanted, ..CreatedLines::default() }
    }

    #[inline(always)]
    pub(super) fn wanted(&self) -> bool {
        self.wanted
    }

    /// Gives the sample that was read last its start timestamp, or says that it is one. The next line is at `next`.
    pub(super) fn start(&mut self, slots: &mut Slots<'a>, scope: &Scope<'a>, next: usize) -> Created {
        slots.sample.start_timestamp_ms = None;
        if !has_start(slots.sample.metric_type) {
            return Created::Sample;
        }
        let name = slots.sample.series.name.text;
        if name.ends_with(CREATED) {
            return Created::Line;
        }
        if next > self.searched_to {
            self.search(scope, next);
        }
        let Some((metric, start_ms)) = &self.found else { return Created::Sample };
        metric_key(&mut self.key, base_name(name), &slots.sample.series);
        if self.key == *metric {
            slots.sample.start_timestamp_ms = Some(*start_ms);
        }
        Created::Sample
    }

    /// Looks for the next `_created` line.
    fn search(&mut self, scope: &Scope<'a>, from: usize) {
        self.found = None;
        let mut cursor = Cursor { page: scope.diagnosis.page, at: from };
        while !cursor.at_end() && (cursor.peek() == b'{' || starts_metric_name(cursor.peek())) {
            let line = cursor.at;
            if self.read(&mut cursor, scope).is_err() {
                break;
            }
            if let Some(base) = self.ahead.series.name.text.strip_suffix(CREATED) {
                let mut key = Vec::new();
                metric_key(&mut key, base, &self.ahead.series);
                self.found = Some((key, milliseconds(self.ahead.value)));
                self.searched_to = line;
                return;
            }
        }
        self.searched_to = cursor.at;
    }

    fn read(&mut self, cursor: &mut Cursor<'a>, scope: &Scope<'a>) -> Result<(), DecodeError> {
        let mut scope = *scope;
        scope.diagnosis.entry = cursor.at;
        take_series(cursor, &scope, &mut self.before, &mut self.ahead.series)?;
        self.ahead.value = take_value(cursor, &scope, NO_VALUE)?;
        take_line_end(cursor, &scope, &mut self.ahead.exemplars).map(drop)
    }
}

fn has_start(metric_type: MetricType) -> bool {
    matches!(metric_type, MetricType::Counter | MetricType::Summary | MetricType::Histogram)
}

fn base_name(name: &str) -> &str {
    SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name)
}

/// What names a metric: its name, and its labels in order without those of buckets and quantiles.
fn metric_key(key: &mut Vec<u8>, name: &str, series: &Series<'_>) {
    let mut labels: Vec<(&str, &str)> = series.labels.iter().map(|label| (label.name, label.value)).collect();
    labels.retain(|(name, _)| *name != BUCKET_LABEL && *name != QUANTILE_LABEL);
    labels.sort_unstable();
    key.clear();
    key.extend_from_slice(name.as_bytes());
    for (name, value) in labels {
        for text in [name, value] {
            key.push(0xff);
            key.extend_from_slice(text.as_bytes());
        }
    }
}
