//! A query in two phases: what it will select is known before anything is read, so that a store that answers later, over a
//! network for example, can be asked first.

use promethium_model::{
    Annotations, InstantOptions, LabelHints, LabelList, Labels, Matcher, Querier, QueryCx, QueryError, QueryOutput,
    Queryable, RangeOptions, SampleBatch, SampleCursor, SelectHints, SeriesEntry, SeriesSet, StorageError, TimeRange,
};

use promethium_model::storage::VecSeriesSet;

use super::fetch::hints;
use super::query::Engine;
use super::steps::Steps;
use crate::plan::{Plan, QueryTimes};

/// When a query is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryTime {
    /// Once.
    Instant(InstantOptions),
    /// At every step of a range.
    Range(RangeOptions),
}

impl From<InstantOptions> for QueryTime {
    fn from(options: InstantOptions) -> Self {
        QueryTime::Instant(options)
    }
}

impl From<RangeOptions> for QueryTime {
    fn from(options: RangeOptions) -> Self {
        QueryTime::Range(options)
    }
}

/// A query that is parsed, checked and planned for its times. See [`Engine::prepare`].
#[derive(Debug)]
pub struct Prepared {
    pub(super) query: String,
    pub(super) plan: Plan,
    pub(super) times: QueryTimes,
    pub(super) steps: Steps,
    pub(super) lookback_ms: i64,
}

/// What a prepared query reads: one selection for all selectors with equal matchers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Selection {
    /// Which series.
    pub matchers: Vec<Matcher>,
    /// The samples that are looked at, at most; others do no harm.
    pub range: TimeRange,
    /// What they are wanted for.
    pub hints: SelectHints,
}

impl Prepared {
    /// The text.
    #[must_use]
    pub fn query(&self) -> &str {
        &self.query
    }

    /// What has to be there to execute the query, in the order in which [`Engine::execute`] takes it.
    #[must_use]
    pub fn selections(&self) -> Vec<Selection> {
        let selection = |fetch: &crate::plan::Fetch| Selection {
            matchers: fetch.matchers.to_vec(),
            range: TimeRange::new(fetch.min_ms, fetch.max_ms),
            hints: hints(fetch, self.times),
        };
        self.plan.fetches.iter().map(selection).collect()
    }
}

/// What a host found for a selection: series in the order in which the query is to take them, sorted by labels for answers
/// that do not depend on the host.
#[derive(Clone, Debug, Default)]
pub struct FetchedSeries {
    /// Each with its samples in time order.
    pub series: Vec<(Labels, SampleBatch)>,
    /// What the caller should know about them.
    pub annotations: Annotations,
}

impl Engine {
    /// Executes a prepared query over series that were fetched for its selections, one entry a selection in their order. Never
    /// waits for anything.
    ///
    /// ```
    /// use promethium_model::{InstantOptions, Labels, QueryCx, QueryValue, SampleBatch, SampleValue};
    /// use promethium_promql::{Engine, FetchedSeries};
    ///
    /// let engine = Engine::default();
    /// let prepared = engine.prepare("sum(up) / 2", InstantOptions::at(60_000))?;
    /// let mut fetched = Vec::new();
    /// for selection in prepared.selections() {
    ///     // Here a host waits for its store.
    ///     assert_eq!(selection.matchers[0].to_string(), r#"__name__="up""#);
    ///     let mut samples = SampleBatch::new();
    ///     samples.push_float(50_000, 1.0);
    ///     let series = vec![(Labels::from_pairs([("__name__", "up")]), samples)];
    ///     fetched.push(FetchedSeries { series, ..FetchedSeries::default() });
    /// }
    /// let output = engine.execute(&prepared, fetched, &QueryCx::unlimited())?;
    /// let QueryValue::Vector(vector) = output.value else { panic!("a sum is a vector") };
    /// assert_eq!(vector[0].value, SampleValue::Float(0.5));
    /// # Ok::<(), promethium_model::QueryError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`QueryError::Invalid`] when there are not as many entries as selections; else as a query over a store.
    pub fn execute(
        &self,
        prepared: &Prepared,
        fetched: Vec<FetchedSeries>,
        cx: &QueryCx,
    ) -> Result<QueryOutput, QueryError> {
        let (selections, entries) = (prepared.plan.fetches.len(), fetched.len());
        if entries != selections {
            return Err(QueryError::Invalid(format!("expected series for {selections} selections, got {entries}")));
        }
        self.execute_on(prepared, &Fetched { plan: &prepared.plan, fetched }, cx)
    }
}

/// Fetched series as a store.
struct Fetched<'p> {
    plan: &'p Plan,
    fetched: Vec<FetchedSeries>,
}

impl Queryable for Fetched<'_> {
    fn querier(&self, _: TimeRange) -> Result<Box<dyn Querier + '_>, StorageError> {
        Ok(Box::new(FetchedQuerier(self)))
    }
}

struct FetchedQuerier<'f>(&'f Fetched<'f>);

impl Querier for FetchedQuerier<'_> {
    /// Equal selections were made one, so the matchers tell which it is.
    fn select<'q>(
        &'q self,
        matchers: &[Matcher],
        _: &SelectHints,
        _: &QueryCx,
    ) -> Result<Box<dyn SeriesSet<'q> + 'q>, StorageError> {
        let at = self.0.plan.fetches.iter().position(|f| f.matchers[..] == *matchers);
        match at.and_then(|i| self.0.fetched.get(i)) {
            Some(fetched) => Ok(Box::new(FetchedSet { fetched, next: 0 })),
            None => Ok(Box::new(VecSeriesSet::new(Vec::new()))),
        }
    }

    fn label_names(&self, _: &[Matcher], _: &LabelHints, _: &QueryCx) -> Result<LabelList, StorageError> {
        Ok(LabelList::default())
    }

    fn label_values(&self, _: &str, _: &[Matcher], _: &LabelHints, _: &QueryCx) -> Result<LabelList, StorageError> {
        Ok(LabelList::default())
    }
}

struct FetchedSet<'f> {
    fetched: &'f FetchedSeries,
    next: usize,
}

impl<'f> SeriesSet<'f> for FetchedSet<'f> {
    fn next_series(&mut self) -> Result<Option<SeriesEntry<'f>>, StorageError> {
        let Some((labels, batch)) = self.fetched.series.get(self.next) else { return Ok(None) };
        self.next += 1;
        let samples = Box::new(WholeBatch { batch, from_ms: i64::MIN, done: false });
        Ok(Some(SeriesEntry { labels: labels.clone(), samples }))
    }

    fn annotations(&self) -> Annotations {
        self.fetched.annotations.clone()
    }
}

/// All samples at once.
struct WholeBatch<'f> {
    batch: &'f SampleBatch,
    from_ms: i64,
    done: bool,
}

impl SampleCursor for WholeBatch<'_> {
    fn next_batch(&mut self, out: &mut SampleBatch) -> Result<bool, StorageError> {
        let first = self.batch.timestamps.partition_point(|t| *t < self.from_ms);
        if std::mem::replace(&mut self.done, true) || first == self.batch.len() {
            return Ok(false);
        }
        let mut histograms = self.batch.histograms.iter().peekable();
        for row in first..self.batch.len() {
            while histograms.next_if(|(r, _)| (*r as usize) < row).is_some() {}
            match histograms.next_if(|(r, _)| *r as usize == row) {
                Some((_, h)) => out.push_histogram(self.batch.timestamps[row], h.clone()),
                None => out.push_float(self.batch.timestamps[row], self.batch.floats[row]),
            }
            if let Some(start) = self.batch.start_timestamps.get(row) {
                out.set_start_timestamp(*start);
            }
        }
        Ok(true)
    }

    fn seek(&mut self, t_ms: i64) {
        self.from_ms = self.from_ms.max(t_ms);
    }
}
