//! How a scrape went, and how a target fares.

use std::time::Duration;

use promethium_model::{AppendError, Labels};

use crate::error::ScrapeError;

/// Samples that were refused, for their time or because the store is full; the others of the scrape stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rejections {
    /// Older than what the series holds.
    pub out_of_order: usize,
    /// Of a time that has another value already, or the second of one series in one page.
    pub duplicate: usize,
    /// Too old or too far in the future.
    pub out_of_bounds: usize,
    /// Of a new series, where the store takes no more of those.
    pub series_limit: usize,
}

impl Rejections {
    pub(crate) fn count(&mut self, error: &AppendError) {
        let counter = match error {
            AppendError::OutOfOrder { .. } => &mut self.out_of_order,
            AppendError::Duplicate { .. } | AppendError::DuplicateFloat { .. } => &mut self.duplicate,
            AppendError::SeriesLimit { .. } => &mut self.series_limit,
            _ => &mut self.out_of_bounds,
        };
        *counter += 1;
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> usize {
        self.out_of_order + self.duplicate + self.out_of_bounds + self.series_limit
    }
}

/// What one scrape did.
#[derive(Debug)]
#[non_exhaustive]
pub struct ScrapeReport {
    /// The timestamp of the scrape.
    pub scrape_ms: i64,
    /// Whether it succeeded: the value of `up`.
    pub up: bool,
    /// Samples in the page.
    pub samples_scraped: usize,
    /// Samples after relabelling.
    pub samples_post_metric_relabeling: usize,
    /// Series that the last scrapes did not have.
    pub series_added: usize,
    /// Samples refused, while the others stand.
    pub rejected: Rejections,
    /// Stale markers written for series that vanished.
    pub stale_markers: usize,
    /// Why it failed.
    pub error: Option<ScrapeError>,
}

/// Whether the last scrape of a target succeeded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Health {
    /// Not scraped so far.
    #[default]
    Unknown,
    /// It did.
    Up,
    /// It did not.
    Down,
}

impl Health {
    /// The name in Prometheus' API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Health::Unknown => "unknown",
            Health::Up => "up",
            Health::Down => "down",
        }
    }
}

/// A target as `/api/v1/targets` shows it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TargetStatus {
    /// The job: the pool of targets that it belongs to.
    pub job: String,
    /// The URL, empty for a closure.
    pub url: String,
    /// The labels that its samples get.
    pub labels: Labels,
    /// The labels before relabelling.
    pub discovered_labels: Labels,
    /// Whether the last scrape succeeded.
    pub health: Health,
    /// Why not; `""` when it did.
    pub last_error: String,
    /// Time of the last scrape.
    pub last_scrape_ms: Option<i64>,
    /// How long it took.
    pub last_duration: Duration,
    /// Time between scrapes.
    pub interval_ms: i64,
    /// Time for one fetch.
    pub timeout_ms: i64,
}
