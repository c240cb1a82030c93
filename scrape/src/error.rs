//! What can go wrong between a target and the store.

use promethium_exposition::DecodeError;
use promethium_model::quote::go_quoted;
use promethium_model::{AppendError, CommitError};
use thiserror::Error;

/// A target did not give a page.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Any status but 200.
    #[error("server returned HTTP status {code} {reason}")]
    Status {
        /// Status code.
        code: u16,
        /// Its text.
        reason: String,
    },
    /// The body is as large as the limit, or larger.
    #[error("body size limit exceeded")]
    BodySizeLimit {
        /// Bytes, after decompression.
        limit: usize,
    },
    /// The target did not answer in time.
    #[error("Get {}: context deadline exceeded", go_quoted(url))]
    TimedOut {
        /// What was asked for.
        url: String,
        /// The time it had.
        timeout_ms: u64,
    },
    /// The compressed body is damaged.
    #[error("cannot decompress the body: {message}")]
    Decompress {
        /// Why.
        message: String,
    },
    /// The request failed: name, connection, TLS, redirects.
    #[error("Get {}: {message}", go_quoted(url))]
    Transport {
        /// What was asked for.
        url: String,
        /// Why.
        message: String,
    },
    /// The closure of an in-process target failed.
    #[error("{message}")]
    InProcess {
        /// What it said.
        message: String,
    },
    /// The target has a URL and there is no client that could fetch it.
    #[error("no client to fetch {}", go_quoted(url))]
    NoClient {
        /// What was asked for.
        url: String,
    },
}

/// A scrape failed, or a target's configuration is wrong. The texts are Prometheus'.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ScrapeError {
    /// No page.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The page is malformed or over a limit.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// More samples than `sample_limit`.
    #[error("sample limit exceeded")]
    SampleLimit {
        /// The limit.
        limit: usize,
    },
    /// A series has too many labels, or too long ones; see the text.
    #[error("{message}")]
    LabelLimit {
        /// Which limit, of which metric and label.
        message: String,
    },
    /// A sample without a metric name.
    #[error("missing metric name (__name__ label)")]
    MissingName,
    /// A label has no name.
    #[error("invalid metric name or label names: {labels}")]
    InvalidNames {
        /// The series.
        labels: String,
    },
    /// The store refused a sample for more than its time.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The store took nothing of the scrape.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// `interval_ms` is not positive.
    #[error("scrape interval cannot be 0")]
    ZeroInterval,
    /// `timeout_ms` is not positive.
    #[error("scrape timeout cannot be 0")]
    ZeroTimeout,
    /// The timeout is longer than the interval.
    #[error("scrape timeout cannot be greater than scrape interval (\"{timeout}\" > \"{interval}\")")]
    TimeoutAboveInterval {
        /// As a Prometheus duration.
        timeout: String,
        /// As a Prometheus duration.
        interval: String,
    },
    /// A target with this job and these labels is there already.
    #[error("target {labels} is already scraped")]
    DuplicateTarget {
        /// Its labels.
        labels: String,
    },
}
