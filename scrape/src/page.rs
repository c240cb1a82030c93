//! One page into one transaction.

use foldhash::fast::RandomState;
use hashbrown::HashSet;
use promethium_exposition::{
    DecodeOptions, Decoder, Event, Exemplars, Format, HistogramSample, KnownSample, KnownSeries, Sample, Series,
};
use promethium_model::exemplar::MAX_EXEMPLAR_LABEL_CHARS;
use promethium_model::storage::RejectedRow;
use promethium_model::{
    AppendError, AppendOptions, Appended, Appender, Exemplar, Labels, Point, PointValue, SeriesKey, SeriesRef,
};

use crate::cache::{CachedSeries, SeriesCache};
use crate::config::{TargetConfig, tighter};
use crate::error::ScrapeError;
use crate::labels::LabelRules;
use crate::metadata::MetadataCache;
use crate::report::Rejections;

// Rows of known series go to the store together.
const BATCH_ROWS: usize = 512;

/// What a page held.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) scraped: usize,
    pub(crate) post_relabeling: usize,
    pub(crate) series_added: usize,
    pub(crate) rejected: Rejections,
}

/// What of a target's configuration bears on single samples.
#[derive(Debug)]
pub(crate) struct SampleRules {
    pub(crate) labels: LabelRules,
    honor_timestamps: bool,
    track_timestamps_staleness: bool,
    sample_limit: usize,
    max_future_ms: i64,
    decode: DecodeOptions,
}

impl SampleRules {
    pub(crate) fn new(config: &TargetConfig, target: Labels) -> Self {
        SampleRules {
            labels: LabelRules::new(config, target),
            honor_timestamps: config.honor_timestamps,
            track_timestamps_staleness: config.track_timestamps_staleness,
            sample_limit: tighter(config.sample_limit, config.limits.max_scrape_samples),
            max_future_ms: config.limits.max_future_ms,
            decode: decode_options(config),
        }
    }

    /// The time of a sample: its own where it has one and that counts.
    #[inline]
    fn own_ms(&self, exposed_ms: Option<i64>) -> Option<i64> {
        exposed_ms.filter(|_| self.honor_timestamps)
    }

    /// Whether a series is followed for staleness by samples like this one.
    #[inline]
    fn follows(&self, own_ms: Option<i64>) -> bool {
        own_ms.is_none() || self.track_timestamps_staleness
    }

    /// Whether a sample lies too far ahead of the scrape.
    #[inline]
    fn is_future(&self, timestamp_ms: i64, scrape_ms: i64) -> bool {
        timestamp_ms > scrape_ms.saturating_add(self.max_future_ms)
    }
}

/// How a target's pages are read. The limits of labels are held where labels are made, with Prometheus' messages.
fn decode_options(config: &TargetConfig) -> DecodeOptions {
    let mut limits = config.limits.clone();
    (limits.max_labels, limits.max_label_name_bytes, limits.max_label_value_bytes) =
        (usize::MAX, usize::MAX, usize::MAX);
    let mut options = DecodeOptions::new().limits(&limits);
    options.native_histograms = config.scrape_native_histograms;
    options.classic_histograms = config.always_scrape_classic_histograms;
    options.custom_buckets = config.convert_classic_histograms_to_nhcb;
    options.start_timestamps = config.ingest_start_timestamps;
    options.type_and_unit_labels = config.type_and_unit_labels;
    options
}

/// The cache, and which of its series is expected next.
struct Expectation<'c> {
    series: &'c SeriesCache,
    expected: usize,
    found: &'c mut Option<usize>,
}

impl KnownSeries for Expectation<'_> {
    #[inline]
    fn expected(&self) -> Option<&[u8]> {
        self.series.key(self.expected)
    }

    #[inline]
    fn knows(&mut self, series: &[u8]) -> bool {
        *self.found = self.series.find(series, self.expected);
        self.found.is_some()
    }
}

/// What a sample says besides its value.
struct Beside<'s> {
    exposed_ms: Option<i64>,
    start_ms: Option<i64>,
    exemplars: Exemplars<'s, 's>,
}

/// Appends a page to a transaction, with what is known of the target's series.
pub(crate) struct PageAppender<'p> {
    pub(crate) rules: &'p SampleRules,
    pub(crate) series: &'p mut SeriesCache,
    pub(crate) metadata: &'p mut MetadataCache,
    pub(crate) tx: &'p mut dyn Appender,
    /// The ordinal of this scrape, from 1.
    pub(crate) scrape: u64,
    pub(crate) scrape_ms: i64,
    pub(crate) counts: Counts,
    batch: Batch,
    /// References that are good only once this transaction is committed: they are not kept.
    provisional: HashSet<SeriesRef, RandomState>,
}

/// Rows on their way to the store, and the cache entry of each with whether the row is a sign of life of its series.
#[derive(Default)]
struct Batch {
    rows: Vec<(SeriesRef, Point<'static>)>,
    entries: Vec<(usize, bool)>,
    rejected: Vec<RejectedRow>,
}

/// How a new series is remembered.
enum Kept {
    ByReference(SeriesRef),
    /// The next append asks the store by labels.
    ByLabels,
    /// Not at all, so that it is new again in the next scrape: the store is full.
    Not,
}

impl<'p> PageAppender<'p> {
    pub(crate) fn new(
        rules: &'p SampleRules,
        (series, metadata): (&'p mut SeriesCache, &'p mut MetadataCache),
        tx: &'p mut dyn Appender,
        (scrape, scrape_ms): (u64, i64),
    ) -> Self {
        PageAppender {
            rules,
            series,
            metadata,
            tx,
            scrape,
            scrape_ms,
            counts: Counts::default(),
            batch: Batch::default(),
            provisional: HashSet::default(),
        }
    }

    /// Appends all samples. Those that the store refuses for their time are counted; any other fault ends the scrape.
    pub(crate) fn append(&mut self, format: Format, page: &[u8]) -> Result<(), ScrapeError> {
        let mut decoder = Decoder::new(format, page, &self.rules.decode);
        let mut expected = 0;
        loop {
            let mut found = None;
            let known = Expectation { series: self.series, expected, found: &mut found };
            match decoder.next_event_knowing(known)? {
                Some(Event::Known(sample)) => expected = self.known(sample, found.unwrap_or(expected))?,
                Some(Event::Sample(sample)) => expected = self.sample(sample, expected)?,
                Some(Event::Histogram(histogram)) => expected = self.histogram(histogram, expected)?,
                Some(Event::Help(help)) => self.metadata.help(help, self.scrape),
                Some(Event::Type(family)) => self.metadata.family_type(family, self.scrape),
                Some(Event::Unit(unit)) => self.metadata.unit(unit, self.scrape),
                Some(_) => {}
                None => break,
            }
        }
        self.flush()?;
        if self.counts.post_relabeling > self.rules.sample_limit {
            return Err(ScrapeError::SampleLimit { limit: self.rules.sample_limit });
        }
        Ok(())
    }

    /// A sample whose series is at `index` in the cache; where to expect the next.
    #[inline]
    fn known(&mut self, sample: &KnownSample<'_>, index: usize) -> Result<usize, ScrapeError> {
        let beside = Beside {
            exposed_ms: sample.timestamp_ms,
            start_ms: sample.start_timestamp_ms,
            exemplars: sample.exemplars(),
        };
        self.cached(index, PointValue::Float(sample.value), &beside)?;
        Ok(index + 1)
    }

    /// A sample that was read in full. Its series may be in the cache all the same: not every line shows its series
    /// at a glance.
    fn sample(&mut self, sample: &Sample<'_>, expected: usize) -> Result<usize, ScrapeError> {
        let beside = Beside {
            exposed_ms: sample.timestamp_ms,
            start_ms: sample.start_timestamp_ms,
            exemplars: sample.exemplars(),
        };
        self.point(sample.series(), PointValue::Float(sample.value), &beside, expected)
    }

    /// A native histogram.
    fn histogram(&mut self, histogram: &HistogramSample<'_>, expected: usize) -> Result<usize, ScrapeError> {
        let beside = Beside {
            exposed_ms: histogram.timestamp_ms,
            start_ms: histogram.start_timestamp_ms,
            exemplars: histogram.exemplars(),
        };
        self.point(histogram.series(), histogram.value(), &beside, expected)
    }

    fn point(
        &mut self,
        series: &Series<'_>,
        value: PointValue<'_>,
        beside: &Beside<'_>,
        expected: usize,
    ) -> Result<usize, ScrapeError> {
        if let Some(index) = self.series.find(series.bytes(), expected) {
            self.cached(index, value, beside)?;
            return Ok(index + 1);
        }
        self.new_series(series, value, beside)?;
        Ok(expected)
    }

    #[inline]
    fn cached(&mut self, index: usize, value: PointValue<'_>, beside: &Beside<'_>) -> Result<(), ScrapeError> {
        self.counts.scraped += 1;
        self.counts.post_relabeling += 1;
        let own_ms = self.rules.own_ms(beside.exposed_ms);
        let Some(entry) = self.series.get_mut(index) else { return Ok(()) };
        let again = std::mem::replace(&mut entry.seen, self.scrape) == self.scrape;
        if again && own_ms.is_none() {
            self.counts.rejected.duplicate += 1;
            return Ok(());
        }
        if self.counts.post_relabeling > self.rules.sample_limit {
            return Ok(());
        }
        let timestamp_ms = own_ms.unwrap_or(self.scrape_ms);
        let row = (index, self.rules.follows(own_ms));
        if self.rules.is_future(timestamp_ms, self.scrape_ms) {
            return self.refuse_future(timestamp_ms);
        }
        match (entry.reference, value) {
            (Some(reference), PointValue::Float(v)) if beside.is_bare() => {
                self.batch_row((reference, Point::float(timestamp_ms, v)), row)
            }
            _ => {
                self.flush()?;
                let point = beside.point(timestamp_ms, value);
                self.append_cached(row, point, &beside.stored_exemplars()?)
            }
        }
    }

    #[inline]
    fn batch_row(&mut self, row: (SeriesRef, Point<'static>), entry: (usize, bool)) -> Result<(), ScrapeError> {
        self.batch.rows.push(row);
        self.batch.entries.push(entry);
        if self.batch.rows.len() < BATCH_ROWS { Ok(()) } else { self.flush() }
    }

    /// Hands the batch over. Goes before any append by labels: of two spellings of one series the first in the page
    /// counts.
    fn flush(&mut self) -> Result<(), ScrapeError> {
        if self.batch.rows.is_empty() {
            return Ok(());
        }
        let mut batch = std::mem::take(&mut self.batch);
        self.tx.append_batch(&batch.rows, &mut batch.rejected);
        for refused in batch.rejected.drain(..) {
            self.refused(&batch.rows, &mut batch.entries, refused)?;
        }
        for (index, follows) in batch.entries.drain(..) {
            self.alive(index, follows);
        }
        batch.rows.clear();
        self.batch = batch;
        Ok(())
    }

    /// A refused row is no sign of life of its series. One whose reference the store has forgotten goes by labels
    /// instead.
    #[cold]
    fn refused(
        &mut self,
        rows: &[(SeriesRef, Point<'_>)],
        entries: &mut [(usize, bool)],
        refused: RejectedRow,
    ) -> Result<(), ScrapeError> {
        let (Some((_, point)), Some(entry)) = (rows.get(refused.row), entries.get_mut(refused.row)) else {
            return Ok(());
        };
        let row = std::mem::replace(entry, (entry.0, false));
        match refused.error {
            AppendError::UnknownReference { .. } => self.append_cached(row, *point, &[]),
            error => self.count_refusal(error),
        }
    }

    #[inline]
    fn alive(&mut self, index: usize, follows: bool) {
        if let Some(entry) = self.series.get_mut(index).filter(|_| follows) {
            entry.tracking = self.scrape;
        }
    }

    /// Appends to a cached series by itself: the store is asked for it by its labels where its reference is not known, or
    /// there is more than a float to append.
    fn append_cached(
        &mut self,
        (index, follows): (usize, bool),
        point: Point<'_>,
        exemplars: &[Exemplar],
    ) -> Result<(), ScrapeError> {
        let Some(CachedSeries { labels, reference, .. }) = self.series.get_mut(index) else { return Ok(()) };
        let key = match *reference {
            Some(reference) => SeriesKey::RefOrLabels(reference, labels),
            None => SeriesKey::Labels(labels),
        };
        let options = AppendOptions::default().with_exemplars(exemplars);
        match self.tx.append(key, point, &options) {
            Ok(appended) => {
                let reference = self.lasting(appended);
                if let Some(entry) = self.series.get_mut(index) {
                    entry.reference = reference;
                }
                self.alive(index, follows);
                Ok(())
            }
            Err(error) => self.count_refusal(error),
        }
    }

    #[cold]
    fn refuse_future(&mut self, timestamp_ms: i64) -> Result<(), ScrapeError> {
        let max_ms = self.scrape_ms.saturating_add(self.rules.max_future_ms);
        self.count_refusal(AppendError::TooFarInFuture { timestamp_ms, max_ms })
    }

    /// A full store refuses new series only: that is no reason to give up those it has.
    #[cold]
    fn count_refusal(&mut self, error: AppendError) -> Result<(), ScrapeError> {
        if !error.is_sample_rejection() && !matches!(error, AppendError::SeriesLimit { .. }) {
            return Err(error.into());
        }
        self.counts.rejected.count(&error);
        Ok(())
    }

    fn new_series(
        &mut self,
        series: &Series<'_>,
        value: PointValue<'_>,
        beside: &Beside<'_>,
    ) -> Result<(), ScrapeError> {
        self.counts.scraped += 1;
        let labels = self.rules.labels.stored(series)?;
        self.counts.post_relabeling += 1;
        if self.counts.post_relabeling > self.rules.sample_limit {
            return Ok(());
        }
        self.flush()?;
        let own_ms = self.rules.own_ms(beside.exposed_ms);
        let point = beside.point(own_ms.unwrap_or(self.scrape_ms), value);
        let reference = match self.append_new(&labels, point, &beside.stored_exemplars()?)? {
            Kept::ByReference(reference) => Some(reference),
            Kept::ByLabels => None,
            Kept::Not => return Ok(()),
        };
        let tracking = if self.rules.follows(own_ms) { self.scrape } else { 0 };
        self.series.insert(series.bytes(), labels, reference, (self.scrape, tracking));
        Ok(())
    }

    fn append_new(&mut self, labels: &Labels, point: Point<'_>, exemplars: &[Exemplar]) -> Result<Kept, ScrapeError> {
        if self.rules.is_future(point.timestamp_ms, self.scrape_ms) {
            return self.refuse_future(point.timestamp_ms).map(|()| Kept::ByLabels);
        }
        let options = AppendOptions::default().with_exemplars(exemplars);
        match self.tx.append(SeriesKey::Labels(labels), point, &options) {
            Ok(appended) => {
                self.counts.series_added += 1;
                Ok(self.lasting(appended).map_or(Kept::ByLabels, Kept::ByReference))
            }
            Err(error) => {
                let full = matches!(error, AppendError::SeriesLimit { .. });
                self.count_refusal(error)?;
                Ok(if full { Kept::Not } else { Kept::ByLabels })
            }
        }
    }

    /// The reference of a series that was committed before.
    fn lasting(&mut self, appended: Appended) -> Option<SeriesRef> {
        if appended.created {
            self.provisional.insert(appended.series);
        }
        (!self.provisional.contains(&appended.series)).then_some(appended.series)
    }
}

impl Beside<'_> {
    /// Whether there is nothing but a time.
    fn is_bare(&self) -> bool {
        self.start_ms.is_none() && self.exemplars.len() == 0
    }

    fn point<'p>(&self, timestamp_ms: i64, value: PointValue<'p>) -> Point<'p> {
        Point { timestamp_ms, start_timestamp_ms: self.start_ms.unwrap_or(0), value }
    }

    /// The exemplars as a store takes them. Those with too many characters are left out, as Prometheus drops them.
    fn stored_exemplars(&self) -> Result<Vec<Exemplar>, ScrapeError> {
        let mut stored = Vec::new();
        for exemplar in self.exemplars.clone() {
            let exemplar = exemplar.to_stored()?;
            let chars = |text: &str| text.chars().count();
            let total: usize = exemplar.labels.iter().map(|(name, value)| chars(name) + chars(value)).sum();
            if total <= MAX_EXEMPLAR_LABEL_CHARS {
                stored.push(exemplar);
            }
        }
        Ok(stored)
    }
}
