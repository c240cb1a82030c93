//! Writing: one transaction, whose contract ownership enforces.

use super::{AppendError, CommitError};
use crate::exemplar::Exemplar;
use crate::labels::Labels;
use crate::metadata::Metadata;
use crate::sample::Point;

/// A store that can be written to.
pub trait Appendable: Send + Sync {
    /// Opens a transaction. Nothing of it is visible before [`Appender::commit`]; dropping it rolls back.
    fn appender(&self) -> Box<dyn Appender + '_>;
}

/// A series as an earlier append named it: skips the look-up by labels. 0 is never given out. The reference of a series
/// that the transaction itself creates stands beyond it only once the transaction is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesRef(pub u64);

/// Names the series of an append.
#[derive(Clone, Copy, Debug)]
pub enum SeriesKey<'a> {
    /// By reference; an unknown one is an error.
    Ref(SeriesRef),
    /// By labels; a new series is created.
    Labels(&'a Labels),
    /// By reference, or by labels where the reference is no longer known.
    RefOrLabels(SeriesRef, &'a Labels),
}

/// What else comes with a sample.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct AppendOptions<'a> {
    /// Exemplars of this sample.
    pub exemplars: &'a [Exemplar],
    /// Metadata of the series' family.
    pub metadata: Option<&'a Metadata>,
    /// Refuse what is out of order even where the store has an out-of-order window.
    pub reject_out_of_order: bool,
}

impl<'a> AppendOptions<'a> {
    /// With exemplars.
    #[must_use]
    pub fn with_exemplars(mut self, exemplars: &'a [Exemplar]) -> Self {
        self.exemplars = exemplars;
        self
    }

    /// Refuse what is out of order.
    #[must_use]
    pub fn rejecting_out_of_order(mut self) -> Self {
        self.reject_out_of_order = true;
        self
    }
}

/// A sample was taken into the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Appended {
    /// The series, for further appends.
    pub series: SeriesRef,
    /// Whether this append made the series.
    pub created: bool,
    /// Exemplars that were not kept, by this store or by the rules for exemplars. Data, not an error.
    pub dropped_exemplars: u32,
}

impl Appended {
    /// For implementors.
    #[must_use]
    pub fn new(series: SeriesRef, created: bool) -> Self {
        Appended { series, created, dropped_exemplars: 0 }
    }

    /// For implementors: `n` exemplars were not kept.
    #[must_use]
    pub fn with_dropped_exemplars(mut self, n: usize) -> Self {
        self.dropped_exemplars = u32::try_from(n).unwrap_or(u32::MAX);
        self
    }
}

/// What a commit did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CommitStats {
    /// Samples that are now stored.
    pub samples: usize,
    /// Samples that turned out, at commit, to be older than or equal to one committed meanwhile; they are not stored.
    pub dropped: usize,
    /// Series created.
    pub series_created: usize,
}

impl CommitStats {
    /// For implementors.
    #[must_use]
    pub fn new(samples: usize, dropped: usize, series_created: usize) -> Self {
        CommitStats { samples, dropped, series_created }
    }
}

/// A row of [`Appender::append_batch`] that was refused.
#[derive(Debug)]
pub struct RejectedRow {
    /// Position in the batch.
    pub row: usize,
    /// Why.
    pub error: AppendError,
}

/// A transaction. Ends in [`commit`](Appender::commit) or [`rollback`](Appender::rollback); being dropped is a rollback.
///
/// An append whose sample is bit-identical to the stored one of the same time succeeds and stores nothing. After an
/// append error the transaction goes on; what was appended before still stands.
pub trait Appender {
    /// Adds one sample to the transaction.
    ///
    /// # Errors
    ///
    /// Why the sample was refused.
    fn append(
        &mut self,
        key: SeriesKey<'_>,
        point: Point<'_>,
        options: &AppendOptions<'_>,
    ) -> Result<Appended, AppendError>;

    /// Adds many samples of known series: the hot way in. Refused rows are pushed to `rejected`; the others stand.
    fn append_batch(&mut self, rows: &[(SeriesRef, Point<'_>)], rejected: &mut Vec<RejectedRow>) {
        for (row, (series, point)) in rows.iter().enumerate() {
            if let Err(error) = self.append(SeriesKey::Ref(*series), *point, &AppendOptions::default()) {
                rejected.push(RejectedRow { row, error });
            }
        }
    }

    /// Makes the transaction visible, all of it or nothing, and durable as far as the store's policy says.
    ///
    /// # Errors
    ///
    /// When nothing was committed.
    fn commit(self: Box<Self>) -> Result<CommitStats, CommitError>;

    /// Forgets the transaction.
    fn rollback(self: Box<Self>);
}
