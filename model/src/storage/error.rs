//! What can go wrong behind the seams.

use std::path::PathBuf;

use thiserror::Error;

use crate::float::format_g;
use crate::histogram::HistogramError;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Reading failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The query was canceled.
    #[error("query was canceled")]
    Canceled,
    /// The query's time is over.
    #[error("query timed out")]
    TimedOut,
    /// The query holds more samples than it may.
    #[error("query processing would load too many samples into memory")]
    TooManySamples {
        /// The limit.
        limit: usize,
    },
    /// The query holds more bytes than it may.
    #[error("query processing would take more than {limit} bytes of memory")]
    TooManyBytes {
        /// The limit.
        limit: usize,
    },
    /// Stored bytes are damaged.
    #[error("{}: offset {offset}: {message}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Byte offset in it.
        offset: u64,
        /// What was expected and found.
        message: String,
    },
    /// The operating system said no.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error.
        source: std::io::Error,
    },
    /// The store was closed.
    #[error("storage is closed")]
    Closed,
    /// Something else, from a store that is not ours.
    #[error("{0}")]
    Backend(#[source] Source),
}

/// A sample was refused. The texts are Prometheus'.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AppendError {
    /// Older than the series' newest sample.
    #[error("out of order sample")]
    OutOfOrder {
        /// The refused time.
        timestamp_ms: i64,
        /// The newest stored time.
        newest_ms: i64,
    },
    /// The same time with another float value.
    #[error("duplicate sample for timestamp {timestamp_ms}; overrides not allowed: existing {}, new value {}", format_g(*existing), format_g(*new))]
    DuplicateFloat {
        /// The time of both.
        timestamp_ms: i64,
        /// The stored value.
        existing: f64,
        /// The refused value.
        new: f64,
    },
    /// A float at the time of a histogram.
    #[error("duplicate sample for timestamp {timestamp_ms}; overrides not allowed: existing is a histogram, new value {}", format_g(*new))]
    DuplicateFloatOverHistogram {
        /// The time of both.
        timestamp_ms: i64,
        /// The refused value.
        new: f64,
    },
    /// The same time with another value, one of them a histogram.
    #[error("duplicate sample for timestamp")]
    Duplicate {
        /// The time of both.
        timestamp_ms: i64,
    },
    /// Before the time that the head accepts.
    #[error("out of bounds")]
    OutOfBounds {
        /// The refused time.
        timestamp_ms: i64,
        /// The oldest acceptable time.
        min_valid_ms: i64,
    },
    /// Before the out-of-order window.
    #[error("too old sample")]
    TooOld {
        /// The refused time.
        timestamp_ms: i64,
        /// The oldest acceptable time.
        min_valid_ms: i64,
    },
    /// Too far ahead of the clock.
    #[error("timestamp is too far in the future")]
    TooFarInFuture {
        /// The refused time.
        timestamp_ms: i64,
        /// The latest acceptable time.
        max_ms: i64,
    },
    /// No labels at all.
    #[error("empty labelset: invalid sample")]
    EmptyLabels,
    /// A label name occurs twice.
    #[error("label name {} is not unique: invalid sample", crate::quote::go_quoted(name))]
    DuplicateLabel {
        /// The name.
        name: String,
    },
    /// The reference is not known and no labels came with it.
    #[error("unknown series reference {reference}")]
    UnknownReference {
        /// The reference.
        reference: u64,
    },
    /// A series' labels exceed a limit of the store.
    #[error("{what}: {found} exceed the limit of {limit}")]
    LabelLimit {
        /// What is limited.
        what: &'static str,
        /// The limit.
        limit: usize,
        /// What came.
        found: usize,
    },
    /// The histogram is not valid.
    #[error(transparent)]
    InvalidHistogram(#[from] HistogramError),
    /// This store keeps floats only.
    #[error("this store does not keep {what}")]
    Unsupported {
        /// What it does not keep.
        what: &'static str,
    },
    /// A new series above the limit; known series go on.
    #[error("series limit of {limit} reached")]
    SeriesLimit {
        /// The limit.
        limit: usize,
    },
    /// The transaction holds as many samples as it may; what it holds can be committed.
    #[error("transaction limit of {limit} samples reached")]
    TransactionLimit {
        /// The limit.
        limit: usize,
    },
    /// The store takes no more writes.
    #[error("storage is read-only: {reason}")]
    ReadOnly {
        /// Why.
        reason: String,
    },
    /// Something else, from a store that is not ours.
    #[error("{0}")]
    Backend(#[source] Source),
}

impl AppendError {
    /// Whether the sample alone is at fault (its time, or a conflict with a stored one), so that a scrape counts it and
    /// goes on.
    #[must_use]
    pub fn is_sample_rejection(&self) -> bool {
        matches!(
            self,
            AppendError::OutOfOrder { .. }
                | AppendError::DuplicateFloat { .. }
                | AppendError::DuplicateFloatOverHistogram { .. }
                | AppendError::Duplicate { .. }
                | AppendError::OutOfBounds { .. }
                | AppendError::TooOld { .. }
                | AppendError::TooFarInFuture { .. }
        )
    }
}

/// A transaction could not be committed: nothing of it is visible, and nothing of it was acknowledged.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CommitError {
    /// Writing or syncing the log failed.
    #[error("commit: {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error.
        source: std::io::Error,
    },
    /// The store takes no more writes since an earlier failure.
    #[error("storage is read-only: {reason}")]
    ReadOnly {
        /// Why.
        reason: String,
    },
    /// Something else, from a store that is not ours.
    #[error("{0}")]
    Backend(#[source] Source),
}
