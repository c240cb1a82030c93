//! The composition: storage, targets, rules and notifier under one clock.

mod alerting_metrics;
mod api_host;
mod builder;
mod description;
mod self_metrics;
mod views;

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use promethium_model::{Clock, InstantOptions, Limits, QueryCx, QueryEngine, QueryError, QueryOutput, RangeOptions};
use promethium_notify::Alertmanagers;
use promethium_rules::{AlertInstance, GroupView, LoadReport, Notifier, RuleGlobals, RuleManager, RuleSource};
use promethium_scrape::{
    Fetch, FetchError, FetchResponse, ScrapeError, ScrapeReport, StartedScrape, TargetConfig, TargetId, TargetStatus,
    Targets,
};

pub use builder::MonitorBuilder;
pub use description::Description;

use crate::error::MonitorError;
use crate::store::Store;

/// How long one tick may spend on the upkeep of the store.
const MAINTENANCE_BUDGET: Duration = Duration::from_millis(200);

/// Storage, targets, rules and notifier, driven by [`tick`](Monitor::tick).
///
/// A monitor has no thread and does nothing between ticks. Everything takes `&self`, so one monitor behind an [`Arc`] can be
/// ticked by one thread, asked by others, and mounted into an HTTP server. With the feature `http`, a
/// `Runner` ticks it on tokio.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use promethium::model::{Clock, ManualClock};
/// use promethium::{Monitor, Table};
/// use promethium::scrape::{Source, TargetConfig};
///
/// let clock = Arc::new(ManualClock::new(1_760_000_000_000));
/// let page = || "jobs_done_total 7\n".to_owned();
/// let monitor = Monitor::builder()
///     .in_memory()
///     .clock(clock.clone())
///     .target(TargetConfig::new("app", Source::closure(page)).every_ms(15_000).at_once())
///     .build()?;
/// for _ in 0..4 {
///     monitor.tick(clock.now_ms())?;
///     clock.advance(Duration::from_secs(15));
/// }
/// let answer = monitor.query("sum(jobs_done_total)", clock.now_ms())?;
/// assert_eq!(Table(&answer).to_string(), "series  value\n{}      7\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Monitor {
    store: Arc<dyn Store>,
    engine: Arc<dyn QueryEngine>,
    clock: Arc<dyn Clock>,
    limits: Limits,
    targets: Mutex<Targets>,
    client: Arc<dyn Fetch>,
    rules: RuleManager,
    notifier: Arc<dyn Notifier>,
    alertmanagers: Option<Arc<Alertmanagers>>,
    started_ms: i64,
    description: Description,
    offers_admin: bool,
}

/// What one tick did.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct TickReport {
    /// The scrapes that were due, each with how it went.
    pub scrapes: Vec<(TargetId, ScrapeReport)>,
    /// Rule groups that were evaluated.
    pub rule_groups: usize,
}

impl Monitor {
    /// Starts to compose a monitor.
    pub fn builder() -> MonitorBuilder {
        MonitorBuilder::new()
    }

    /// Does everything that is due at `now_ms`, milliseconds since the epoch: scrapes one target after the other,
    /// evaluates rule groups at their grid times, hands due alerts to the notifier, and maintains the store. On a
    /// [`ManualClock`](promethium_model::ManualClock), the same sequence of ticks over the same pages gives the same data.
    ///
    /// Call it at least once a second, or when [`next_due_ms`](Monitor::next_due_ms) says so, with what the monitor's own
    /// [`clock`](Monitor::clock) shows: schedules begin by that clock, and samples that lie far ahead of it are refused.
    ///
    /// # Errors
    ///
    /// When the store takes no more writes, at this tick and all later ones: a full disk, a failing one. Scrapes and rules
    /// were tried all the same, alerts went out, and queries go on over what was stored before; opening the data directory
    /// anew is the way back. A target that is down or a rule that fails is no error: it is in their health.
    pub fn tick(&self, now_ms: i64) -> Result<TickReport, MonitorError> {
        let scrapes = self.scrape_due(now_ms);
        let rule_groups = self.evaluate_rules(now_ms);
        self.maintain(now_ms)?;
        Ok(TickReport { scrapes, rule_groups })
    }

    /// The targets are not locked while a page is made: it may be this monitor's own.
    fn scrape_due(&self, now_ms: i64) -> Vec<(TargetId, ScrapeReport)> {
        let mut reports = Vec::new();
        for started in self.start_scrapes(now_ms) {
            let begun = self.clock.monotonic();
            let response = started.fetch(&*self.client);
            let duration = self.clock.monotonic().saturating_sub(begun);
            let report = self.finish_scrape(&started, duration, response);
            reports.extend(report.map(|report| (started.target, report)));
        }
        reports
    }

    /// When something is due next; `None` when nothing ever will be. May lie before `now_ms`.
    #[must_use]
    pub fn next_due_ms(&self, now_ms: i64) -> Option<i64> {
        let scrape = self.targets.lock().next_due_ms();
        [scrape, self.rules.next_due_ms(now_ms)].into_iter().flatten().min()
    }

    /// Evaluates a PromQL expression at one time, milliseconds since the epoch, within the monitor's limits.
    ///
    /// ```
    /// use promethium::Monitor;
    /// use promethium::model::{QueryValue, SampleValue};
    ///
    /// let monitor = Monitor::builder().build()?;
    /// if let QueryValue::Vector(samples) = monitor.query("vector(6) * 7", 0)?.value
    ///     && let [sample] = &samples[..]
    /// {
    ///     assert_eq!(sample.value, SampleValue::Float(42.0));
    /// }
    /// assert_eq!(monitor.query("sum(", 0).unwrap_err().to_string(), "1:5: parse error: unclosed left parenthesis");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When the expression is wrong, cannot be evaluated on this data, or takes more than the limits allow.
    pub fn query(&self, expr: &str, at_ms: i64) -> Result<QueryOutput, QueryError> {
        self.engine.instant(&*self.store, expr, &InstantOptions::at(at_ms), &self.query_cx())
    }

    /// Evaluates a PromQL expression at `start`, `start + step_ms`, … up to `end`, within the monitor's limits.
    ///
    /// # Errors
    ///
    /// As [`query`](Monitor::query); also when the step is not positive, or there would be more than
    /// [`max_query_steps`](Limits::max_query_steps).
    pub fn query_range(&self, expr: &str, range: RangeInclusive<i64>, step_ms: i64) -> Result<QueryOutput, QueryError> {
        let (start_ms, end_ms) = range.into_inner();
        if step_ms <= 0 {
            return Err(QueryError::Invalid(format!("the step must be positive, not {step_ms} ms")));
        }
        let steps = i128::from(end_ms) - i128::from(start_ms);
        if steps / i128::from(step_ms) > self.limits.max_query_steps as i128 {
            return Err(QueryError::Invalid(format!("more than {} steps", self.limits.max_query_steps)));
        }
        self.engine.range(&*self.store, expr, &RangeOptions::new(start_ms, end_ms, step_ms), &self.query_cx())
    }

    /// Deadline and budget of one query.
    fn query_cx(&self) -> QueryCx {
        QueryCx::unlimited()
            .with_timeout(Arc::clone(&self.clock), Duration::from_millis(self.limits.query_timeout_ms))
            .with_max_samples(self.limits.max_query_samples)
    }

    /// Pending and firing alerts.
    #[must_use]
    pub fn alerts(&self) -> Vec<AlertInstance> {
        self.rules.alerts()
    }

    /// Rule groups and how they fare.
    #[must_use]
    pub fn rule_groups(&self) -> Vec<GroupView> {
        self.rules.groups()
    }

    /// Replaces the rules, all of them or, when one file is wrong, none. Unchanged groups keep their state.
    ///
    /// # Errors
    ///
    /// Every problem of every file.
    pub fn reload_rules(&self, sources: &[RuleSource], globals: &RuleGlobals) -> Result<LoadReport, MonitorError> {
        Ok(self.rules.load(sources, globals, self.clock.now_ms())?)
    }

    /// Adds a target, within the monitor's limits.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use promethium::Monitor;
    /// use promethium::scrape::{Source, TargetConfig};
    ///
    /// // A monitor that watches itself: a weak reference, so that it does not keep itself alive.
    /// let monitor = Arc::new(Monitor::builder().build()?);
    /// let watched = Arc::downgrade(&monitor);
    /// let page = move || watched.upgrade().map_or_else(String::new, |monitor| monitor.metrics_page());
    /// monitor.add_target(TargetConfig::new("monitor", Source::closure(page)).every_ms(15_000))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When its configuration is wrong, or the same target is there already.
    pub fn add_target(&self, mut config: TargetConfig) -> Result<TargetId, ScrapeError> {
        config.limits = self.limits.clone();
        self.targets.lock().add(config, self.clock.now_ms())
    }

    /// Removes a target; its series end soon after. `false` when there is no such target.
    pub fn remove_target(&self, id: TargetId) -> bool {
        self.targets.lock().remove(id)
    }

    /// How the targets fare, in the order in which they were added.
    #[must_use]
    pub fn targets(&self) -> Vec<TargetStatus> {
        self.targets.lock().statuses().collect()
    }

    /// Ends the store cleanly: everything committed is durable, and the data directory is given up. Ticks and queries
    /// fail from then on. Dropping the monitor does the same, but cannot say what went wrong.
    ///
    /// # Errors
    ///
    /// When the store could not keep what it had taken.
    pub fn close(&self) -> Result<(), MonitorError> {
        self.store.close()
    }

    /// The store: what it found when it was opened is its [`replay_report`](Store::replay_report).
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The limits.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The Alertmanagers that alerts go to, where the monitor was built with some: for whoever delivers.
    #[must_use]
    pub fn alertmanagers(&self) -> Option<&Arc<Alertmanagers>> {
        self.alertmanagers.as_ref()
    }
}

/// The steps of a tick one by one, for hosts that fetch on a runtime of their own.
impl Monitor {
    /// Starts the scrapes that are due at `now_ms`. Each is to be fetched, and given to
    /// [`finish_scrape`](Monitor::finish_scrape).
    #[must_use]
    pub fn start_scrapes(&self, now_ms: i64) -> Vec<StartedScrape> {
        let mut targets = self.targets.lock();
        // Markers that the store refuses are tried again the next time.
        let _ = targets.end_removed(&*self.store, now_ms);
        targets.start_due(now_ms)
    }

    /// Stores a started scrape; `None` when its target was removed meanwhile.
    pub fn finish_scrape(
        &self,
        started: &StartedScrape,
        duration: Duration,
        response: Result<FetchResponse, FetchError>,
    ) -> Option<ScrapeReport> {
        self.targets.lock().finish(&*self.store, started, duration, response)
    }

    /// Evaluates the rule groups that are due at `now_ms`; gives their number.
    pub fn evaluate_rules(&self, now_ms: i64) -> usize {
        self.rules.evaluate(now_ms, &*self.store, &*self.store, &*self.notifier)
    }

    /// Maintains the store.
    ///
    /// # Errors
    ///
    /// When it takes no more writes.
    pub fn maintain(&self, now_ms: i64) -> Result<(), MonitorError> {
        self.store.maintain(now_ms, MAINTENANCE_BUDGET)
    }

    /// When the next scrape is due.
    #[must_use]
    pub fn next_scrape_ms(&self) -> Option<i64> {
        self.targets.lock().next_due_ms()
    }

    /// When the next rule group is due.
    #[must_use]
    pub fn next_rules_ms(&self, now_ms: i64) -> Option<i64> {
        self.rules.next_due_ms(now_ms)
    }
}

impl std::fmt::Debug for Monitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Monitor").field("targets", &self.targets.lock().len()).finish_non_exhaustive()
    }
}
