//! One target, from scrape to scrape.

use std::time::Duration;

use promethium_exposition::Format;
use promethium_model::{
    AppendError, AppendOptions, Appendable, Appender, Labels, Metadata, Point, SeriesKey, SeriesRef,
};

use crate::cache::SeriesCache;
use crate::config::TargetConfig;
use crate::error::{FetchError, ScrapeError};
use crate::fetch::{Fetch, FetchRequest, FetchResponse, Source};
use crate::metadata::MetadataCache;
use crate::page::{Counts, PageAppender, SampleRules};
use crate::report::{Health, ScrapeReport, TargetStatus};
use crate::schedule::{Schedule, target_hash};

/// The series about the scrape itself, in the order of [`report_values`].
const REPORT_SERIES: [&str; 5] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
];

/// One thing to scrape.
///
/// A scrape is all or nothing: when the fetch fails, the page is malformed or a limit is passed, nothing of the page
/// is stored; `up` is 0, and every series of the last scrape ends with a stale marker.
#[derive(Debug)]
pub struct ScrapeTarget {
    config: TargetConfig,
    labels: Labels,
    rules: SampleRules,
    schedule: Schedule,
    series: SeriesCache,
    metadata: MetadataCache,
    report_labels: [Labels; REPORT_SERIES.len()],
    scrapes: u64,
    health: Health,
    last_error: String,
    last_scrape_ms: Option<i64>,
    last_duration: Duration,
}

impl ScrapeTarget {
    /// A target whose schedule starts at `now_ms`.
    ///
    /// # Errors
    ///
    /// When interval or timeout are not positive, or the timeout is the longer one.
    pub fn new(config: TargetConfig, now_ms: i64) -> Result<Self, ScrapeError> {
        config.check()?;
        let all = config.completed_labels();
        let labels = all.without(|name| name.starts_with("__"));
        let hash = target_hash(&all, &config.url()) ^ config.offset_seed;
        let schedule = if config.at_once {
            Schedule::at_once(config.interval_ms, now_ms)
        } else {
            Schedule::spread(config.interval_ms, hash, now_ms)
        };
        let rules = SampleRules::new(&config, labels.clone());
        Ok(ScrapeTarget {
            report_labels: REPORT_SERIES.map(|name| rules.labels.report(name)),
            config,
            labels,
            rules,
            schedule,
            series: SeriesCache::default(),
            metadata: MetadataCache::default(),
            scrapes: 0,
            health: Health::Unknown,
            last_error: String::new(),
            last_scrape_ms: None,
            last_duration: Duration::ZERO,
        })
    }

    /// When the next scrape is due.
    #[must_use]
    pub fn next_due_ms(&self) -> i64 {
        self.schedule.due_ms()
    }

    /// Whether a scrape is due.
    #[must_use]
    pub fn is_due(&self, now_ms: i64) -> bool {
        now_ms >= self.schedule.due_ms()
    }

    /// Starts a scrape: the timestamp that its samples get, which is the due time where `now_ms` is within 2 ms and 1
    /// % of the interval of it. The next one is due at the next point of the grid; what was missed is not made up
    /// for.
    pub fn start(&mut self, now_ms: i64) -> i64 {
        let scrape_ms = self.schedule.timestamp_ms(now_ms);
        self.schedule.pass(now_ms);
        scrape_ms
    }

    /// What to fetch.
    #[must_use]
    pub fn request(&self) -> FetchRequest {
        let timeout_ms = self.config.timeout_ms.unsigned_abs();
        FetchRequest::new(self.config.url(), self.config.accept(), timeout_ms, self.config.body_limit_bytes())
    }

    /// Where the page comes from.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.config.source
    }

    /// Fetches the page: from the closure, or with `client`.
    ///
    /// # Errors
    ///
    /// See [`FetchError`].
    pub fn fetch(&self, client: &dyn Fetch) -> Result<FetchResponse, FetchError> {
        self.config.source.fetch(&self.request(), client)
    }

    /// Stores one scrape. `duration` is what the fetch took.
    pub fn ingest(
        &mut self,
        store: &dyn Appendable,
        scrape_ms: i64,
        duration: Duration,
        response: Result<FetchResponse, FetchError>,
    ) -> ScrapeReport {
        self.scrapes += 1;
        let (counts, outcome) = self.store_page(store, scrape_ms, duration, response);
        let (stale_markers, error) = match outcome {
            Ok(stale_markers) => (stale_markers, None),
            Err(error) => (self.store_failure(store, scrape_ms, duration, &counts), Some(error)),
        };
        self.health = if error.is_none() { Health::Up } else { Health::Down };
        self.last_error = error.as_ref().map_or_else(String::new, ToString::to_string);
        self.last_scrape_ms = Some(scrape_ms);
        self.last_duration = duration;
        ScrapeReport {
            scrape_ms,
            up: error.is_none(),
            samples_scraped: counts.scraped,
            samples_post_metric_relabeling: counts.post_relabeling,
            series_added: counts.series_added,
            rejected: counts.rejected,
            stale_markers,
            error,
        }
    }

    /// The page, the markers of what it no longer exposes, and the report, in one transaction. Gives the number of
    /// markers.
    fn store_page(
        &mut self,
        store: &dyn Appendable,
        scrape_ms: i64,
        duration: Duration,
        response: Result<FetchResponse, FetchError>,
    ) -> (Counts, Result<usize, ScrapeError>) {
        let (format, body) = match response.map_err(ScrapeError::from).and_then(|response| self.page_of(response)) {
            Ok(body) => body,
            Err(error) => return (Counts::default(), Err(error)),
        };
        let mut tx = store.appender();
        let caches = (&mut self.series, &mut self.metadata);
        let mut page = PageAppender::new(&self.rules, caches, &mut *tx, (self.scrapes, scrape_ms));
        let appended = page.append(format, &body);
        let counts = page.counts;
        let outcome = appended.and_then(|()| self.finish_page(tx, scrape_ms, duration, &counts));
        if outcome.is_ok() {
            self.series.settle(self.scrapes, !body.is_empty());
            self.metadata.settle(self.scrapes);
        }
        (counts, outcome)
    }

    /// The body, if its size and type are right. An empty one needs no type.
    fn page_of(&self, response: FetchResponse) -> Result<(Format, bytes::Bytes), ScrapeError> {
        let limit = self.config.body_limit_bytes();
        if response.body.len() >= limit {
            return Err(FetchError::BodySizeLimit { limit }.into());
        }
        if response.body.is_empty() {
            return Ok((Format::PrometheusText, response.body));
        }
        let format = Format::of_response(&response.content_type, self.config.fallback_scrape_protocol)?;
        Ok((format, response.body))
    }

    fn finish_page(
        &mut self,
        mut tx: Box<dyn Appender + '_>,
        scrape_ms: i64,
        duration: Duration,
        counts: &Counts,
    ) -> Result<usize, ScrapeError> {
        let stale_markers = append_stale(&mut *tx, &self.series.vanished(self.scrapes), scrape_ms)?;
        self.append_report(&mut *tx, scrape_ms, &report_values(true, duration, counts))?;
        tx.commit()?;
        Ok(stale_markers)
    }

    /// Stale markers of all series of the last scrape, and a report that says down. The store may be what failed, so
    /// nothing more is done where it refuses this too.
    fn store_failure(&mut self, store: &dyn Appendable, scrape_ms: i64, duration: Duration, counts: &Counts) -> usize {
        let mut tx = store.appender();
        let stale_markers = append_stale(&mut *tx, &self.series.live(), scrape_ms).and_then(|stale_markers| {
            self.append_report(&mut *tx, scrape_ms, &report_values(false, duration, counts))?;
            tx.commit()?;
            Ok(stale_markers)
        });
        match stale_markers {
            Ok(stale_markers) => {
                self.series.fail(self.scrapes);
                stale_markers
            }
            // The markers are still owed.
            Err(_) => 0,
        }
    }

    fn append_report(
        &self,
        tx: &mut dyn Appender,
        scrape_ms: i64,
        values: &[f64; REPORT_SERIES.len()],
    ) -> Result<(), ScrapeError> {
        for (labels, value) in self.report_labels.iter().zip(values) {
            append_tolerant(tx, SeriesKey::Labels(labels), Point::float(scrape_ms, *value), &AppendOptions::default())?;
        }
        Ok(())
    }

    /// Ends every series of the target, those about its scrapes included, with a stale marker: for a target that is
    /// no longer scraped. Does nothing when it never was. Series that something newer has been appended to meanwhile
    /// are left alone.
    ///
    /// # Errors
    ///
    /// When the store takes nothing.
    pub fn remove(&mut self, store: &dyn Appendable, now_ms: i64) -> Result<usize, ScrapeError> {
        if self.last_scrape_ms.is_none() {
            return Ok(0);
        }
        let mut tx = store.appender();
        let mut ending = self.series.live();
        ending.extend(self.report_labels.iter().map(|labels| (None, labels.clone())));
        let stale_markers = append_stale(&mut *tx, &ending, now_ms)?;
        tx.commit()?;
        self.series.fail(self.scrapes);
        Ok(stale_markers)
    }

    /// How the target fares.
    #[must_use]
    pub fn status(&self) -> TargetStatus {
        TargetStatus {
            job: self.config.job.clone(),
            url: self.config.url(),
            labels: self.labels.clone(),
            discovered_labels: self.config.discovered_labels.clone(),
            health: self.health,
            last_error: self.last_error.clone(),
            last_scrape_ms: self.last_scrape_ms,
            last_duration: self.last_duration,
            interval_ms: self.config.interval_ms,
            timeout_ms: self.config.timeout_ms,
        }
    }

    /// The name of the job.
    #[must_use]
    pub fn job(&self) -> &str {
        &self.config.job
    }

    /// The labels that samples get.
    #[must_use]
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Time between scrapes.
    #[must_use]
    pub fn interval_ms(&self) -> i64 {
        self.config.interval_ms
    }

    /// What the target said about a family in its last scrapes.
    #[must_use]
    pub fn family_metadata(&self, family: &str) -> Option<&Metadata> {
        self.metadata.get(family)
    }

    /// What the target said about all families, in no order.
    pub fn metadata(&self) -> impl Iterator<Item = (&str, &Metadata)> {
        self.metadata.iter()
    }
}

fn report_values(up: bool, duration: Duration, counts: &Counts) -> [f64; REPORT_SERIES.len()] {
    [
        f64::from(u8::from(up)),
        duration.as_secs_f64(),
        counts.scraped as f64,
        counts.post_relabeling as f64,
        counts.series_added as f64,
    ]
}

/// Gives the number of markers that the store took.
fn append_stale(
    tx: &mut dyn Appender,
    ending: &[(Option<SeriesRef>, Labels)],
    timestamp_ms: i64,
) -> Result<usize, ScrapeError> {
    let options = AppendOptions::default().rejecting_out_of_order();
    let mut taken = 0;
    for (reference, labels) in ending {
        let key = match reference {
            Some(reference) => SeriesKey::RefOrLabels(*reference, labels),
            None => SeriesKey::Labels(labels),
        };
        taken += usize::from(append_tolerant(tx, key, Point::stale(timestamp_ms), &options)?);
    }
    Ok(taken)
}

/// Appends a sample of our own making. Being refused for its time, or by a store that is full, is nothing to speak of.
fn append_tolerant(
    tx: &mut dyn Appender,
    key: SeriesKey<'_>,
    point: Point<'_>,
    options: &AppendOptions<'_>,
) -> Result<bool, ScrapeError> {
    match tx.append(key, point, options) {
        Ok(_) => Ok(true),
        Err(AppendError::SeriesLimit { .. }) => Ok(false),
        Err(error) if error.is_sample_rejection() => Ok(false),
        Err(error) => Err(error.into()),
    }
}
