//! Why a rule's evaluation failed.

use promethium_model::{AppendError, CommitError, QueryError, StorageError};
use thiserror::Error;

use crate::state::TooManyAlerts;

/// An evaluation failed; the text is what the API shows as `lastError`.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RuleError {
    /// The query failed.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The expression gives a string or a matrix.
    #[error("rule result is not a vector or scalar")]
    NotAVector,
    /// Two results of a recording rule are one series.
    #[error("vector contains metrics with the same labelset after applying rule labels")]
    DuplicateSeries,
    /// Two results of an alerting rule are one alert.
    #[error("vector contains metrics with the same labelset after applying alert labels")]
    DuplicateAlert,
    /// More series than the group's limit.
    #[error("exceeded limit of {limit} with {series} series")]
    TooManySeries {
        /// The limit.
        limit: usize,
        /// What the rule gave.
        series: usize,
    },
    /// More alerts than the group's limit.
    #[error(transparent)]
    TooManyAlerts(#[from] TooManyAlerts),
    /// A sample was refused; the others of the rule are stored.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// What was pending before a restart could not be read; alerts wait anew.
    #[error("restoring alerts: {0}")]
    Restore(#[source] StorageError),
    /// Nothing of the rule's result was stored.
    #[error(transparent)]
    Commit(#[from] CommitError),
}
