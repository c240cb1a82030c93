//! What an answer says when it is not "success".

use promethium_model::quote::go_quoted;
use promethium_model::{ErrorType, QueryError, StorageError};
use thiserror::Error;

use crate::request::FormError;

/// A request that gets an error body. The texts are Prometheus'.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ApiError {
    /// One parameter is wrong, and the text names it.
    #[error("invalid parameter {}: {source}", go_quoted(name))]
    Parameter {
        /// The parameter.
        name: &'static str,
        /// What is wrong with it.
        source: ParameterError,
    },
    /// One parameter is wrong, in words that need no name.
    #[error(transparent)]
    Request(#[from] ParameterError),
    /// The query string or the form body cannot be decoded.
    #[error("error parsing form values: {0}")]
    Form(#[from] FormError),
    /// A query failed after its text had been accepted.
    #[error(transparent)]
    Query(QueryError),
    /// The store could not answer a request for series or labels.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The host does not offer this.
    #[error("{0}")]
    Unavailable(&'static str),
    /// The host could not do what it was told to.
    #[error("{0}")]
    Host(String),
    /// The host failed while it answered; the cause is in its log.
    #[error("internal error: {0}")]
    Internal(&'static str),
}

impl ApiError {
    /// The `errorType` of the body, which decides the status.
    #[must_use]
    pub fn error_type(&self) -> ErrorType {
        match self {
            ApiError::Parameter { .. } | ApiError::Request(_) | ApiError::Form(_) => ErrorType::BadData,
            ApiError::Query(error) => error.error_type(),
            ApiError::Storage(StorageError::Canceled) => ErrorType::Canceled,
            ApiError::Storage(StorageError::TimedOut) => ErrorType::Timeout,
            ApiError::Storage(StorageError::Closed) => ErrorType::Unavailable,
            // What a store reports on a request for labels or series is "execution" in Prometheus, damage included.
            ApiError::Storage(_) => ErrorType::Execution,
            ApiError::Unavailable(_) => ErrorType::Unavailable,
            ApiError::Internal(_) | ApiError::Host(_) => ErrorType::Internal,
        }
    }

    /// Sorts the failure of a query: a wrong text is the parameter's fault, the rest is the execution's.
    pub(crate) fn of_query(error: QueryError) -> ApiError {
        match error {
            QueryError::Parse { .. } | QueryError::Invalid(_) => ParameterError::Query(error).named("query"),
            other => ApiError::Query(other),
        }
    }
}

/// What is wrong with a parameter.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ParameterError {
    /// Neither float seconds nor RFC 3339.
    #[error("cannot parse {} to a valid timestamp", go_quoted(text))]
    Timestamp {
        /// What was given.
        text: String,
    },
    /// The same, of a parameter that may be left out.
    #[error("invalid time value for '{name}': {source}")]
    OptionalTimestamp {
        /// The parameter.
        name: &'static str,
        /// [`ParameterError::Timestamp`].
        source: Box<ParameterError>,
    },
    /// Neither float seconds nor a Prometheus duration.
    #[error("cannot parse {} to a valid duration", go_quoted(text))]
    Duration {
        /// What was given.
        text: String,
    },
    /// More nanoseconds than an `i64` holds.
    #[error("cannot parse {} to a valid duration. It overflows int64", go_quoted(text))]
    DurationOverflow {
        /// What was given.
        text: String,
    },
    /// The duration of `lookback_delta`.
    #[error("error parsing lookback delta duration: {0}")]
    Lookback(#[source] Box<ParameterError>),
    /// Not a whole number, or not the bool that it should be.
    #[error("strconv.{function}: parsing {}: {reason}", go_quoted(text))]
    Conversion {
        /// The conversion, by the name that Prometheus' messages carry.
        function: &'static str,
        /// What was given.
        text: String,
        /// `invalid syntax` or `value out of range`.
        reason: &'static str,
    },
    /// `limit` below 0.
    #[error("limit must be non-negative")]
    NegativeLimit,
    /// `limit` or `limit_per_metric` of the metadata is no number.
    #[error("{name} must be a number")]
    NotANumber {
        /// The parameter.
        name: &'static str,
    },
    /// A range that ends before it starts.
    #[error("end timestamp must not be before start time")]
    EndBeforeStart,
    /// The same, of exemplars.
    #[error("end timestamp must not be before start timestamp")]
    ExemplarsEndBeforeStart,
    /// `limit` of the store's status is no number above 0.
    #[error("limit must be a positive number")]
    LimitNotPositive,
    /// `limit` of the store's status is over its own limit.
    #[error("limit must not exceed {limit}")]
    LimitTooLarge {
        /// The limit.
        limit: i64,
    },
    /// `skip_head` is no bool.
    #[error("unable to parse boolean: strconv.ParseBool: parsing {}: invalid syntax", go_quoted(text))]
    SkipHead {
        /// What was given.
        text: String,
    },
    /// A step of 0 or less, or one below a millisecond.
    #[error("zero or negative query resolution step widths are not accepted. Try a positive integer")]
    StepNotPositive,
    /// More steps than [`promethium_model::Limits::max_query_steps`].
    #[error(
        "exceeded maximum resolution of {} points per timeseries. Try decreasing the query resolution (?step=XX)",
        with_thousands(*limit)
    )]
    TooManySteps {
        /// The limit.
        limit: usize,
    },
    /// The query text, or a `match[]`.
    #[error(transparent)]
    Query(QueryError),
    /// `/series` without `match[]`.
    #[error("no match[] parameter provided")]
    NoMatchers,
    /// A `match[]` that every series passes.
    #[error("match[] must contain at least one non-empty matcher")]
    EmptyMatchers,
    /// A label name that cannot exist.
    #[error("invalid label name: {quoted}")]
    LabelName {
        /// The name, quoted and escaped.
        quoted: String,
    },
    /// A value outside the listed ones.
    #[error("not supported value {}", go_quoted(text))]
    NotSupported {
        /// What was given.
        text: String,
    },
    /// `exclude_alerts` is no bool.
    #[error("error converting exclude_alerts: {0}")]
    ExcludeAlerts(#[source] Box<ParameterError>),
    /// `group_limit` is no number.
    #[error("group_limit needs to be a valid number: {0}")]
    GroupLimit(#[source] Box<ParameterError>),
    /// `group_limit` is 0 or less.
    #[error("group_limit needs to be greater than 0")]
    GroupLimitNotPositive,
    /// A page is asked for without its size.
    #[error("group_limit needs to be present in order to paginate over the groups")]
    GroupLimitMissing,
    /// The group at which a page should start is gone.
    #[error("invalid group_next_token '{token}'. were rule groups changed?")]
    GroupNextToken {
        /// What was given.
        token: String,
    },
}

impl ParameterError {
    /// As the error of the parameter `name`.
    pub(crate) fn named(self, name: &'static str) -> ApiError {
        ApiError::Parameter { name, source: self }
    }
}

/// `11000` as `11,000`.
fn with_thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        for (n, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (11_000, "11,000"), (1_234_567, "1,234,567")] {
            assert_eq!(with_thousands(n), text);
        }
    }
}
