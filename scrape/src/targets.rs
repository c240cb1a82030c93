//! Many targets.

use std::time::Duration;

use promethium_model::Appendable;

use crate::config::TargetConfig;
use crate::error::{FetchError, ScrapeError};
use crate::fetch::{Fetch, FetchRequest, FetchResponse, Source};
use crate::report::{ScrapeReport, TargetStatus};
use crate::target::ScrapeTarget;

/// A target of a [`Targets`] collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TargetId(u64);

/// A scrape between [`Targets::start_due`] and [`Targets::finish`]: everything that fetching needs, so that it can
/// happen anywhere and at the same time as others.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StartedScrape {
    /// The target.
    pub target: TargetId,
    /// The timestamp of the scrape.
    pub scrape_ms: i64,
    /// What to fetch.
    pub request: FetchRequest,
    /// Where from.
    pub source: Source,
}

impl StartedScrape {
    /// Fetches the page: from the closure, or with `client`.
    ///
    /// # Errors
    ///
    /// See [`FetchError`].
    pub fn fetch(&self, client: &dyn Fetch) -> Result<FetchResponse, FetchError> {
        self.source.fetch(&self.request, client)
    }
}

#[derive(Debug)]
struct Slot {
    id: TargetId,
    target: ScrapeTarget,
    running: Option<Running>,
}

/// A scrape between start and finish; its target is not started again meanwhile.
#[derive(Clone, Copy, Debug)]
struct Running {
    scrape_ms: i64,
    /// From then on nobody can be waiting for it any more: a host gave it up.
    lost_ms: i64,
}

impl Slot {
    fn is_due(&self, now_ms: i64) -> bool {
        self.target.is_due(now_ms) && self.running.is_none_or(|running| now_ms >= running.lost_ms)
    }

    fn start(&mut self, now_ms: i64) -> StartedScrape {
        let (scrape_ms, request) = (self.target.start(now_ms), self.target.request());
        let timeout_ms = i64::try_from(request.timeout_ms).unwrap_or(i64::MAX);
        self.running = Some(Running { scrape_ms, lost_ms: now_ms.saturating_add(timeout_ms.saturating_mul(2)) });
        StartedScrape { target: self.id, scrape_ms, request, source: self.target.source().clone() }
    }
}

/// A target that is gone, and when its series end: late, so that a target that moved elsewhere has been scraped there.
#[derive(Debug)]
struct Leaving {
    target: ScrapeTarget,
    marker_ms: i64,
    due_ms: i64,
}

/// A collection of targets, unique by job and labels.
///
/// ```
/// use promethium_model::MemStore;
/// use promethium_scrape::{Source, TargetConfig, Targets};
///
/// let store = MemStore::new();
/// let mut targets = Targets::new();
/// targets.add(TargetConfig::new("app", Source::closure(|| "up_to_date 1\n".to_owned())).every_ms(15_000), 0)?;
/// for time_ms in (0..60_000).step_by(1_000) {
///     targets.tick_in_process(&store, time_ms);
/// }
/// assert_eq!(store.series_count(), 6);
/// # Ok::<(), promethium_scrape::ScrapeError>(())
/// ```
#[derive(Debug, Default)]
pub struct Targets {
    slots: Vec<Slot>,
    leaving: Vec<Leaving>,
    next_id: u64,
}

impl Targets {
    /// No targets.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a target whose schedule starts at `now_ms`.
    ///
    /// # Errors
    ///
    /// When its configuration is wrong, or its job has a target with the same labels and source.
    pub fn add(&mut self, config: TargetConfig, now_ms: i64) -> Result<TargetId, ScrapeError> {
        let target = ScrapeTarget::new(config, now_ms)?;
        if self.slots.iter().any(|slot| same_target(&slot.target, &target)) {
            return Err(ScrapeError::DuplicateTarget { labels: target.labels().to_string() });
        }
        let id = TargetId(self.next_id);
        self.next_id += 1;
        self.slots.push(Slot { id, target, running: None });
        Ok(id)
    }

    /// Takes a target out. Its series end, with the time of the scrape that it misses first, one interval and a tenth
    /// after that time: [`Targets::end_removed`] or a tick writes the markers then. `false` when there is no such
    /// target.
    pub fn remove(&mut self, id: TargetId) -> bool {
        let Some(at) = self.slots.iter().position(|slot| slot.id == id) else { return false };
        let target = self.slots.remove(at).target;
        let (marker_ms, interval_ms) = (target.next_due_ms(), target.interval_ms());
        self.leaving.push(Leaving { target, marker_ms, due_ms: marker_ms + interval_ms + interval_ms / 10 });
        true
    }

    /// Writes the stale markers of removed targets that are due; gives how many.
    ///
    /// # Errors
    ///
    /// When the store refuses them; they are tried again.
    pub fn end_removed(&mut self, store: &dyn Appendable, now_ms: i64) -> Result<usize, ScrapeError> {
        let mut markers = 0;
        while let Some(at) = self.leaving.iter().position(|leaving| now_ms >= leaving.due_ms) {
            let Some(leaving) = self.leaving.get_mut(at) else { break };
            markers += leaving.target.remove(store, leaving.marker_ms)?;
            self.leaving.swap_remove(at);
        }
        Ok(markers)
    }

    /// Starts the scrapes that are due. A target whose last scrape is not finished is left out, for up to twice the
    /// timeout: then that scrape counts as lost.
    pub fn start_due(&mut self, now_ms: i64) -> Vec<StartedScrape> {
        let due = self.slots.iter_mut().filter(|slot| slot.is_due(now_ms));
        due.map(|slot| slot.start(now_ms)).collect()
    }

    /// Stores a started scrape; `None` when its target has been removed meanwhile, or started anew.
    pub fn finish(
        &mut self,
        store: &dyn Appendable,
        started: &StartedScrape,
        duration: Duration,
        response: Result<FetchResponse, FetchError>,
    ) -> Option<ScrapeReport> {
        let slot = self.slots.iter_mut().find(|slot| slot.id == started.target)?;
        slot.running.take_if(|running| running.scrape_ms == started.scrape_ms)?;
        Some(slot.target.ingest(store, started.scrape_ms, duration, response))
    }

    /// Scrapes what is due, one target after the other, and ends what was removed. Scrapes take no time on the
    /// caller's clock, so `scrape_duration_seconds` is 0. A store that refuses the markers of removed targets is
    /// asked again at the next tick.
    pub fn tick(&mut self, store: &dyn Appendable, client: &dyn Fetch, now_ms: i64) -> Vec<(TargetId, ScrapeReport)> {
        let mut reports = Vec::new();
        for started in self.start_due(now_ms) {
            let response = started.fetch(client);
            let report = self.finish(store, &started, Duration::ZERO, response);
            reports.extend(report.map(|report| (started.target, report)));
        }
        drop(self.end_removed(store, now_ms));
        reports
    }

    /// [`Targets::tick`] where all targets are closures; a URL fails with [`FetchError::NoClient`].
    pub fn tick_in_process(&mut self, store: &dyn Appendable, now_ms: i64) -> Vec<(TargetId, ScrapeReport)> {
        let no_client = |request: &FetchRequest| Err(FetchError::NoClient { url: request.url.clone() });
        self.tick(store, &no_client, now_ms)
    }

    /// When something is due next: a scrape, or the markers of a removed target. `None` without targets.
    #[must_use]
    pub fn next_due_ms(&self) -> Option<i64> {
        let scrapes = self.slots.iter().map(|slot| {
            let lost_ms = slot.running.map_or(i64::MIN, |running| running.lost_ms);
            slot.target.next_due_ms().max(lost_ms)
        });
        scrapes.chain(self.leaving.iter().map(|leaving| leaving.due_ms)).min()
    }

    /// How all targets fare, in the order in which they were added.
    pub fn statuses(&self) -> impl Iterator<Item = TargetStatus> {
        self.slots.iter().map(|slot| slot.target.status())
    }

    /// All targets, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = (TargetId, &ScrapeTarget)> {
        self.slots.iter().map(|slot| (slot.id, &slot.target))
    }

    /// Number of targets.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }
}

fn same_target(a: &ScrapeTarget, b: &ScrapeTarget) -> bool {
    a.job() == b.job() && a.labels() == b.labels() && a.request().url == b.request().url
}
