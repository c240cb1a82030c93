//! The query seam: what rules and the HTTP API ask of a PromQL engine, and what they get back.

use std::sync::Arc;

use thiserror::Error;

use crate::annotations::{Annotations, Position};
use crate::histogram::FloatHistogram;
use crate::labels::Labels;
use crate::matcher::Matcher;
use crate::sample::SampleValue;
use crate::storage::{QueryCx, Queryable, StorageError};

/// An engine that answers PromQL over any store. Dyn-safe: a host may bring its own.
pub trait QueryEngine: Send + Sync {
    /// Checks a query and prints it in canonical form.
    ///
    /// # Errors
    ///
    /// [`QueryError::Parse`].
    fn check(&self, query: &str) -> Result<String, QueryError>;

    /// Checks a query and prints it over as many lines as it needs, as `/api/v1/format_query` does. An engine that has no
    /// such format prints the canonical one.
    ///
    /// # Errors
    ///
    /// [`QueryError::Parse`].
    fn format(&self, query: &str) -> Result<String, QueryError> {
        self.check(query)
    }

    /// Checks a query and gives its syntax tree as the JSON of `/api/v1/parse_query`.
    ///
    /// # Errors
    ///
    /// [`QueryError::Parse`]; [`QueryError::Invalid`] from an engine that has no syntax trees to show.
    fn syntax_json(&self, query: &str) -> Result<String, QueryError> {
        self.check(query)?;
        Err(QueryError::Invalid("this engine shows no syntax trees".to_owned()))
    }

    /// The matchers of each selector in a query, in the order of the text, as `/api/v1/query_exemplars` needs them.
    ///
    /// # Errors
    ///
    /// [`QueryError::Parse`]; [`QueryError::Invalid`] from an engine that cannot say.
    fn selectors(&self, query: &str) -> Result<Vec<Vec<Matcher>>, QueryError> {
        self.check(query)?;
        Err(QueryError::Invalid("this engine does not name the selectors of a query".to_owned()))
    }

    /// Reads a series selector, as in `match[]` of the HTTP API: `up{job="node"}`. The metric name comes as a matcher
    /// on `__name__`.
    ///
    /// # Errors
    ///
    /// [`QueryError::Parse`].
    fn selector(&self, text: &str) -> Result<Vec<Matcher>, QueryError>;

    /// Evaluates at one time.
    ///
    /// # Errors
    ///
    /// See [`QueryError`].
    fn instant(
        &self,
        store: &dyn Queryable,
        query: &str,
        options: &InstantOptions,
        cx: &QueryCx,
    ) -> Result<QueryOutput, QueryError>;

    /// Evaluates at every step of a range.
    ///
    /// # Errors
    ///
    /// See [`QueryError`].
    fn range(
        &self,
        store: &dyn Queryable,
        query: &str,
        options: &RangeOptions,
        cx: &QueryCx,
    ) -> Result<QueryOutput, QueryError>;
}

/// When, and how, to evaluate an instant query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InstantOptions {
    /// Evaluation time, milliseconds since the epoch.
    pub time_ms: i64,
    /// How far an instant selector looks back; `None` takes the engine's.
    pub lookback_ms: Option<i64>,
}

impl InstantOptions {
    /// At `time_ms`, with the engine's lookback.
    #[must_use]
    pub fn at(time_ms: i64) -> Self {
        InstantOptions { time_ms, lookback_ms: None }
    }

    /// With this lookback.
    #[must_use]
    pub fn with_lookback_ms(mut self, lookback_ms: i64) -> Self {
        self.lookback_ms = Some(lookback_ms);
        self
    }
}

/// When, and how, to evaluate a range query: at `start`, `start + step`, … up to and including `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RangeOptions {
    /// First step, milliseconds since the epoch.
    pub start_ms: i64,
    /// No step lies after this.
    pub end_ms: i64,
    /// Distance of steps, above 0.
    pub step_ms: i64,
    /// How far an instant selector looks back; `None` takes the engine's.
    pub lookback_ms: Option<i64>,
}

impl RangeOptions {
    /// From `start_ms` to `end_ms` in steps of `step_ms`, with the engine's lookback.
    #[must_use]
    pub fn new(start_ms: i64, end_ms: i64, step_ms: i64) -> Self {
        RangeOptions { start_ms, end_ms, step_ms, lookback_ms: None }
    }

    /// With this lookback.
    #[must_use]
    pub fn with_lookback_ms(mut self, lookback_ms: i64) -> Self {
        self.lookback_ms = Some(lookback_ms);
        self
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryOutput {
    /// The value.
    pub value: QueryValue,
    /// Warnings and infos.
    pub annotations: Annotations,
}

/// The value of a query.
#[derive(Clone, Debug, PartialEq)]
pub enum QueryValue {
    /// One number.
    Scalar {
        /// Evaluation time.
        timestamp_ms: i64,
        /// The number.
        value: f64,
    },
    /// One text.
    String {
        /// Evaluation time.
        timestamp_ms: i64,
        /// The text.
        value: String,
    },
    /// One sample a series, in the order the query produced.
    Vector(Vec<VectorSample>),
    /// Many samples a series, sorted by labels.
    Matrix(Vec<MatrixSeries>),
}

impl QueryValue {
    /// The name of the type in the HTTP API.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            QueryValue::Scalar { .. } => "scalar",
            QueryValue::String { .. } => "string",
            QueryValue::Vector(_) => "vector",
            QueryValue::Matrix(_) => "matrix",
        }
    }
}

/// One series at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorSample {
    /// Its labels.
    pub labels: Labels,
    /// Evaluation time, milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// Float or histogram.
    pub value: SampleValue,
}

/// One series over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MatrixSeries {
    /// Its labels.
    pub labels: Labels,
    /// Float samples, in time order.
    pub floats: Vec<(i64, f64)>,
    /// Histogram samples, in time order.
    pub histograms: Vec<(i64, Arc<FloatHistogram>)>,
}

/// The `errorType` of Prometheus' HTTP API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorType {
    /// The request is wrong.
    BadData,
    /// The query cannot be evaluated on this data.
    Execution,
    /// Canceled.
    Canceled,
    /// Timed out.
    Timeout,
    /// Storage failed.
    Internal,
    /// Not there.
    NotFound,
    /// Not ready.
    Unavailable,
    /// No representation that the client accepts.
    NotAcceptable,
}

impl ErrorType {
    /// The name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorType::BadData => "bad_data",
            ErrorType::Execution => "execution",
            ErrorType::Canceled => "canceled",
            ErrorType::Timeout => "timeout",
            ErrorType::Internal => "internal",
            ErrorType::NotFound => "not_found",
            ErrorType::Unavailable => "unavailable",
            ErrorType::NotAcceptable => "not_acceptable",
        }
    }

    /// The HTTP status that goes with it.
    #[must_use]
    pub fn http_status(self) -> u16 {
        match self {
            ErrorType::BadData => 400,
            ErrorType::Execution => 422,
            ErrorType::Canceled => 499,
            ErrorType::Timeout => 503,
            ErrorType::Internal | ErrorType::Unavailable => 500,
            ErrorType::NotFound => 404,
            ErrorType::NotAcceptable => 406,
        }
    }
}

/// A query failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The text is no PromQL, or has a wrong type.
    #[error("{position}: parse error: {message}")]
    Parse {
        /// Where.
        position: Position,
        /// Prometheus' words.
        message: String,
    },
    /// The request is wrong in another way: a range query of a range vector, steps that are not positive.
    #[error("{0}")]
    Invalid(String),
    /// The query cannot be evaluated on this data: many-to-many matching, for example.
    #[error("{0}")]
    Execution(String),
    /// More samples at once than allowed.
    #[error("query processing would load too many samples into memory in query execution")]
    TooManySamples {
        /// The limit.
        limit: usize,
    },
    /// More bytes at once than allowed: Prometheus has no such limit.
    #[error("query processing would take more than {limit} bytes of memory in query execution")]
    TooManyBytes {
        /// The limit.
        limit: usize,
    },
    /// Canceled.
    #[error("query was canceled in {stage}")]
    Canceled {
        /// "query execution" or "expression evaluation".
        stage: &'static str,
    },
    /// Timed out.
    #[error("query timed out in {stage}")]
    Timeout {
        /// "query execution" or "expression evaluation".
        stage: &'static str,
    },
    /// Storage failed.
    #[error("expanding series: {0}")]
    Storage(#[source] StorageError),
}

impl QueryError {
    /// The API's name for this kind of error.
    #[must_use]
    pub fn error_type(&self) -> ErrorType {
        match self {
            QueryError::Parse { .. } | QueryError::Invalid(_) => ErrorType::BadData,
            QueryError::Execution(_) | QueryError::TooManySamples { .. } | QueryError::TooManyBytes { .. } => {
                ErrorType::Execution
            }
            QueryError::Canceled { .. } => ErrorType::Canceled,
            QueryError::Timeout { .. } => ErrorType::Timeout,
            QueryError::Storage(_) => ErrorType::Internal,
        }
    }
}

impl From<StorageError> for QueryError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Canceled => QueryError::Canceled { stage: "expression evaluation" },
            StorageError::TimedOut => QueryError::Timeout { stage: "expression evaluation" },
            StorageError::TooManySamples { limit } => QueryError::TooManySamples { limit },
            StorageError::TooManyBytes { limit } => QueryError::TooManyBytes { limit },
            other => QueryError::Storage(other),
        }
    }
}
