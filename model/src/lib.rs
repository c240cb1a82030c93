//! The vocabulary that every Promethium crate shares: labels, matchers, samples, native histograms,
//! durations, float layouts, annotations, limits, a clock, and the traits of the storage seam.
//!
//! # Should I use this?
//!
//! Depend on this crate alone when you write *a part*: your own store under the PromQL engine, your own
//! engine under the rules, a tool that speaks about series. Whoever wants the whole thing takes the
//! `promethium` facade, which re-exports everything here as `promethium::model`.
//!
//! The crate does no I/O and starts no threads. Time enters through [`Clock`], storage through
//! [`Queryable`] and [`Appendable`].
//!
//! ```
//! use promethium_model::{Labels, MatchOp, Matcher};
//!
//! let series = Labels::from_pairs([("__name__", "up"), ("job", "node")]);
//! let matcher = Matcher::new(MatchOp::Regex, "job", "no.e|db")?;
//! assert!(matcher.matches(series.get("job").unwrap_or("")));
//! assert_eq!(series.to_string(), r#"up{job="node"}"#);
//! # Ok::<(), promethium_model::MatcherError>(())
//! ```
//!
//! # Concepts
//!
//! * A *series* is a [`Labels`] set; a *sample* is a timestamp in milliseconds since the epoch and a float or
//!   a native histogram. [`STALE_NAN`] marks the end of a series.
//! * A [`Queryable`] gives a [`Querier`] for a [`TimeRange`]; it selects series by [`Matcher`]s and hands
//!   samples over in columns ([`SampleBatch`]), never one call per sample.
//! * An [`Appendable`] gives an [`Appender`]: a transaction that ends in commit or rollback.
//! * A [`QueryEngine`] answers PromQL over any [`Queryable`].
//! * [`MemStore`] is the smallest store that honours both seams: for tests, and as a model to compare with.
//!
//! # Errors
//!
//! The seams have an error each, because who reads cannot meet what a commit meets: [`StorageError`], [`AppendError`],
//! [`CommitError`], [`QueryError`]. What is parsed by itself has its own ([`MatcherError`] with [`RegexError`] as its source,
//! [`duration::DurationError`], [`float::FloatError`], [`relabel::RelabelError`]), as has what is validated ([`HistogramError`],
//! [`ExemplarError`]): whoever parses a duration has one kind of failure to think of, and the text is Prometheus'.

pub mod annotations;
pub mod calendar;
pub mod clock;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod digits;
pub mod duration;
pub mod exemplar;
pub mod float;
#[doc(hidden)]
pub mod fuzzing;
pub mod histogram;
pub mod labels;
pub mod limits;
pub mod matcher;
pub mod memstore;
pub mod metadata;
pub mod query;
pub mod quote;
pub mod regex;
pub mod relabel;
pub mod sample;
pub mod storage;
mod text;

pub use annotations::{Annotation, Annotations, Position, Severity};
pub use clock::{Clock, ManualClock, SystemClock};
pub use exemplar::{Exemplar, ExemplarError};
pub use histogram::{CounterResetHint, FloatHistogram, Histogram, HistogramError, Span, Spans};
pub use labels::{Labels, LabelsBuilder, Symbol, Symbols};
pub use limits::Limits;
pub use matcher::{MatchOp, Matcher, MatcherError};
pub use memstore::MemStore;
pub use metadata::{Metadata, MetricType};
pub use query::{
    ErrorType, InstantOptions, MatrixSeries, QueryEngine, QueryError, QueryOutput, QueryValue, RangeOptions,
    VectorSample,
};
pub use regex::{GoRegex, RegexError};
pub use sample::{HistogramValue, NORMAL_NAN, Point, PointValue, STALE_NAN, SampleValue, is_stale};
pub use storage::{
    AppendError, AppendOptions, Appendable, Appended, Appender, CommitError, CommitStats, HeldBytes, LabelHints,
    LabelList, Pace, Querier, QueryCx, Queryable, QueryableExt, RejectedRow, SampleBatch, SampleCursor, SelectHints,
    SeriesEntry, SeriesKey, SeriesRef, SeriesSet, StorageError, TimeRange,
};
