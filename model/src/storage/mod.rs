//! The storage seams: reading ([`Queryable`]) and writing ([`Appendable`]).
//!
//! Both are dyn-safe at the granularity of a series or a transaction, with plain columns inside: no virtual call per
//! sample. An implementation proves itself with the suites of the module `conformance` (feature of the same name).

mod append;
mod batch;
mod cx;
mod error;
mod held_bytes;
mod read;

pub use append::{AppendOptions, Appendable, Appended, Appender, CommitStats, RejectedRow, SeriesKey, SeriesRef};
pub use batch::SampleBatch;
pub use cx::{Pace, QueryBudget, QueryCx};
pub use error::{AppendError, CommitError, StorageError};
pub use held_bytes::HeldBytes;
pub use read::{
    LabelHints, LabelList, Querier, Queryable, QueryableExt, SampleCursor, SelectHints, SeriesEntry, SeriesSet,
    TimeRange, VecSeriesSet,
};
