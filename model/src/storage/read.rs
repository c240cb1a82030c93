//! Reading: select series, read their samples in columns.

use super::{QueryCx, SampleBatch, StorageError};
use crate::annotations::Annotations;
use crate::labels::Labels;
use crate::matcher::Matcher;

/// A closed range of milliseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeRange {
    /// First millisecond.
    pub min_ms: i64,
    /// Last millisecond.
    pub max_ms: i64,
}

impl TimeRange {
    /// All of time.
    pub const ALL: TimeRange = TimeRange { min_ms: i64::MIN, max_ms: i64::MAX };

    /// The range `[min_ms, max_ms]`.
    #[must_use]
    pub fn new(min_ms: i64, max_ms: i64) -> Self {
        TimeRange { min_ms, max_ms }
    }

    /// Whether a time lies inside.
    #[must_use]
    pub fn contains(&self, t_ms: i64) -> bool {
        (self.min_ms..=self.max_ms).contains(&t_ms)
    }
}

/// A store that can be asked.
pub trait Queryable: Send + Sync {
    /// Opens a consistent view of `range`: a commit that finished before is seen whole, a later one not at all.
    ///
    /// # Errors
    ///
    /// When the store is closed or cannot be read.
    fn querier(&self, range: TimeRange) -> Result<Box<dyn Querier + '_>, StorageError>;
}

/// A view of a store over one time range. Matchers and range bind; hints advise.
pub trait Querier: Send + Sync {
    /// Selects the series that all matchers accept and that have samples in the range.
    ///
    /// # Errors
    ///
    /// When storage fails or `cx` says stop.
    fn select<'q>(
        &'q self,
        matchers: &[Matcher],
        hints: &SelectHints,
        cx: &QueryCx,
    ) -> Result<Box<dyn SeriesSet<'q> + 'q>, StorageError>;

    /// The sorted names of labels on the selected series. No matchers: of all series.
    ///
    /// # Errors
    ///
    /// When storage fails or `cx` says stop.
    fn label_names(&self, matchers: &[Matcher], hints: &LabelHints, cx: &QueryCx) -> Result<LabelList, StorageError>;

    /// The sorted values of one label on the selected series. No matchers: of all series.
    ///
    /// # Errors
    ///
    /// When storage fails or `cx` says stop.
    fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        hints: &LabelHints,
        cx: &QueryCx,
    ) -> Result<LabelList, StorageError>;
}

/// Advice on how selected series will be used. A store may ignore all of it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SelectHints {
    /// First millisecond of samples that the query looks at, lookback and range included.
    pub start_ms: i64,
    /// Last millisecond of samples that the query looks at.
    pub end_ms: i64,
    /// Distance of steps; 0 for an instant query.
    pub step_ms: i64,
    /// Width of the range selector; 0 for an instant selector.
    pub range_ms: i64,
    /// The function or aggregation around the selector.
    pub function: Option<String>,
    /// Labels that the aggregation around the selector groups by, or drops.
    pub grouping: Vec<String>,
    /// Whether `grouping` is "by" (else "without").
    pub by: bool,
    /// At most this many series; 0 = all.
    pub limit: usize,
    /// The series should come sorted by labels.
    pub sorted: bool,
    /// Samples are not wanted, only series.
    pub series_only: bool,
    /// Of each series only the newest sample up to `end_ms` is wanted, as an instant selector at one time reads it. A store
    /// may give more.
    pub newest_only: bool,
    /// Take only the series whose label hash modulo the second number is the first.
    pub shard: Option<(u64, u64)>,
}

impl SelectHints {
    /// Hints for reading everything of `range`, sorted.
    #[must_use]
    pub fn sorted(range: TimeRange) -> Self {
        SelectHints { start_ms: range.min_ms, end_ms: range.max_ms, sorted: true, ..Self::default() }
    }

    /// Hints for listing series without samples.
    #[must_use]
    pub fn series_only(range: TimeRange) -> Self {
        SelectHints { series_only: true, ..Self::sorted(range) }
    }
}

/// Advice on label look-ups.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct LabelHints {
    /// At most this many; 0 = all.
    pub limit: usize,
}

impl LabelHints {
    /// At most `limit` results; 0 = all.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        LabelHints { limit }
    }
}

/// Sorted label names or values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelList {
    /// Sorted, unique.
    pub values: Vec<String>,
    /// What the caller should know.
    pub annotations: Annotations,
}

impl LabelList {
    /// Bytes of the values and of the list: what a query holds that has them.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.values.iter().map(|value| size_of::<String>() + value.len()).sum()
    }
}

/// The selected series, one after the other.
pub trait SeriesSet<'q>: Send {
    /// The next series, `None` after the last. An entry lives as long as the querier, so that several can be read at
    /// once, on several threads.
    ///
    /// # Errors
    ///
    /// When storage fails; the set is then exhausted.
    fn next_series(&mut self) -> Result<Option<SeriesEntry<'q>>, StorageError>;

    /// What the caller should know about the series so far: data set aside as damaged, for example.
    fn annotations(&self) -> Annotations {
        Annotations::new()
    }
}

/// A selected series.
pub struct SeriesEntry<'q> {
    /// Its labels.
    pub labels: Labels,
    /// Its samples within the querier's range.
    pub samples: Box<dyn SampleCursor + 'q>,
}

/// Reads one series' samples in time order.
pub trait SampleCursor: Send {
    /// Appends at least one further sample to `out` and returns `true`, or returns `false` at the end. How many come at
    /// once is the store's choice (a chunk, a page).
    ///
    /// # Errors
    ///
    /// When storage fails; the cursor is then at its end.
    fn next_batch(&mut self, out: &mut SampleBatch) -> Result<bool, StorageError>;

    /// Skips forward: samples before `t_ms` need not be delivered any more. Never goes back.
    fn seek(&mut self, t_ms: i64);
}

/// Conveniences on every [`Queryable`].
pub trait QueryableExt: Queryable {
    /// Reads all selected series whole, sorted by labels: for tests and small data.
    ///
    /// # Errors
    ///
    /// When storage fails.
    fn read_all(&self, range: TimeRange, matchers: &[Matcher]) -> Result<Vec<(Labels, SampleBatch)>, StorageError> {
        let querier = self.querier(range)?;
        let mut set = querier.select(matchers, &SelectHints::sorted(range), &QueryCx::unlimited())?;
        let mut all = Vec::new();
        while let Some(mut series) = set.next_series()? {
            let mut batch = SampleBatch::new();
            while series.samples.next_batch(&mut batch)? {}
            all.push((series.labels, batch));
        }
        all.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(all)
    }
}

impl<Q: Queryable + ?Sized> QueryableExt for Q {}

/// A [`SeriesSet`] over series that are already there.
pub struct VecSeriesSet<'q> {
    series: std::vec::IntoIter<SeriesEntry<'q>>,
}

impl<'q> VecSeriesSet<'q> {
    /// A set of these series, in this order.
    #[must_use]
    pub fn new(series: Vec<SeriesEntry<'q>>) -> Self {
        VecSeriesSet { series: series.into_iter() }
    }
}

impl<'q> SeriesSet<'q> for VecSeriesSet<'q> {
    fn next_series(&mut self) -> Result<Option<SeriesEntry<'q>>, StorageError> {
        Ok(self.series.next())
    }
}
