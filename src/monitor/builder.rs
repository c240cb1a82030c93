//! Composing a monitor.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use promethium_model::{Clock, Limits, QueryEngine, SystemClock};
use promethium_notify::Alertmanagers;
use promethium_promql::{Engine, EngineOptions, Features};
use promethium_rules::{Discard, Notifier, RuleGlobals, RuleManager, RuleOptions, RuleSource};
use promethium_scrape::{Fetch, FetchError, FetchRequest, TargetConfig, Targets};
use promethium_tsdb::vfs::StdVfs;
use promethium_tsdb::{Db, DbOptions};

use super::Monitor;
use super::description::Description;
use crate::error::MonitorError;
use crate::store::Store;

/// Collects the parts of a [`Monitor`]; what is not named has a default.
#[must_use]
pub struct MonitorBuilder {
    store: Storage,
    db_options: DbOptions,
    engine: Option<Arc<dyn QueryEngine>>,
    features: Features,
    clock: Arc<dyn Clock>,
    limits: Limits,
    targets: Vec<TargetConfig>,
    client: Arc<dyn Fetch>,
    rules: Vec<RuleSource>,
    globals: RuleGlobals,
    external_url: String,
    rule_options: RuleOptions,
    notifier: Arc<dyn Notifier>,
    alertmanagers: Option<Arc<Alertmanagers>>,
    description: Description,
    offers_admin: bool,
}

enum Storage {
    Memory,
    Directory(PathBuf),
    Own(Arc<dyn Store>),
}

impl MonitorBuilder {
    pub(super) fn new() -> Self {
        MonitorBuilder {
            store: Storage::Memory,
            db_options: DbOptions::default(),
            engine: None,
            features: Features::default(),
            clock: Arc::new(SystemClock::new()),
            limits: Limits::default(),
            targets: Vec::new(),
            client: Arc::new(no_client),
            rules: Vec::new(),
            globals: RuleGlobals::default(),
            external_url: String::new(),
            rule_options: RuleOptions::default(),
            notifier: Arc::new(Discard),
            alertmanagers: None,
            description: Description::default(),
            offers_admin: false,
        }
    }

    /// Keeps data in this directory, which is created where it is missing.
    pub fn data_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.store = Storage::Directory(dir.into());
        self
    }

    /// Keeps data in memory only: the default.
    pub fn in_memory(mut self) -> Self {
        self.store = Storage::Memory;
        self
    }

    /// Keeps data in a store of the host's own. It brings its own limits on what it takes.
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Storage::Own(store);
        self
    }

    /// How the database behaves: durability, segments. Its limits are those of the monitor.
    pub fn db_options(mut self, options: DbOptions) -> Self {
        self.db_options = options;
        self
    }

    /// Asks another engine than Promethium's, or that one with other options.
    pub fn engine(mut self, engine: Arc<dyn QueryEngine>) -> Self {
        self.engine = Some(engine);
        self
    }

    /// Switches on what Prometheus has behind feature flags, in Promethium's engine; another one, given by
    /// [`engine`](Self::engine), has its own options. Default: what a Prometheus without flags offers.
    pub fn features(mut self, features: Features) -> Self {
        self.features = features;
        self
    }

    /// Takes time from this clock. Default: the system's. Who ticks at simulated times passes a
    /// [`ManualClock`](promethium_model::ManualClock), and moves it along.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Holds to these limits: storage, scrapes, queries and rules alike.
    ///
    /// ```
    /// use promethium::{Monitor, model::Limits};
    ///
    /// let mut limits = Limits::default();
    /// limits.max_series = 100_000;
    /// let monitor = Monitor::builder().limits(limits).build()?;
    /// assert_eq!(monitor.limits().max_query_steps, 11_000);
    /// # Ok::<(), promethium::MonitorError>(())
    /// ```
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Scrapes this target, within the monitor's limits.
    pub fn target(mut self, config: TargetConfig) -> Self {
        self.targets.push(config);
        self
    }

    /// Fetches URLs with this blocking client in [`Monitor::tick`]. Without one, a target with a URL is down under `tick`; a
    /// `Runner` (feature `http`) brings a client of its own.
    pub fn fetch_with(mut self, client: Arc<dyn Fetch>) -> Self {
        self.client = client;
        self
    }

    /// Evaluates the rules of this file; [`read_sources`](promethium_rules::file::read_sources) reads such from disk.
    pub fn rules(mut self, source: RuleSource) -> Self {
        self.rules.push(source);
        self
    }

    /// Interval and offset of groups that name none, and external labels for templates.
    pub fn rule_globals(mut self, globals: RuleGlobals) -> Self {
        self.globals = globals;
        self
    }

    /// Where the host is reached, without a slash at the end: alerts link there.
    pub fn external_url(mut self, url: impl Into<String>) -> Self {
        self.external_url = url.into();
        self
    }

    /// How rules run: when alerts are sent again, how they are picked up after a restart, on how many threads. External URL,
    /// limits and clock are those of the monitor.
    pub fn rule_options(mut self, options: RuleOptions) -> Self {
        self.rule_options = options;
        self
    }

    /// Tells this notifier of alerts. Default: nobody.
    ///
    /// ```
    /// use std::sync::{Arc, mpsc};
    /// use promethium::Monitor;
    /// use promethium::rules::{Alert, Notifier};
    ///
    /// /// Hands alerts to a thread that may wait: a notifier must not.
    /// struct ToThread(mpsc::SyncSender<Vec<Alert>>);
    ///
    /// impl Notifier for ToThread {
    ///     fn notify(&self, alerts: Vec<Alert>) {
    ///         let _ = self.0.try_send(alerts); // one that is lost comes again: firing alerts are repeated
    ///     }
    /// }
    ///
    /// let (sender, _receiver) = mpsc::sync_channel(64);
    /// let monitor = Monitor::builder().notifier(Arc::new(ToThread(sender))).build()?;
    /// # Ok::<(), promethium::MonitorError>(())
    /// ```
    pub fn notifier(mut self, notifier: Arc<dyn Notifier>) -> Self {
        self.notifier = notifier;
        self.alertmanagers = None;
        self
    }

    /// Queues alerts for these Alertmanagers; a `Runner` (feature `http`) delivers them.
    pub fn alertmanagers(mut self, alertmanagers: Arc<Alertmanagers>) -> Self {
        self.notifier = alertmanagers.clone();
        self.alertmanagers = Some(alertmanagers);
        self
    }

    /// What the HTTP API shows of the program.
    pub fn description(mut self, description: Description) -> Self {
        self.description = description;
        self
    }

    /// Lets clients of the HTTP API delete series and make snapshots. Default: no. Nobody is asked who they are.
    pub fn admin_api(mut self, is_offered: bool) -> Self {
        self.offers_admin = is_offered;
        self
    }

    /// Reads the rules, opens the store, and puts the parts together. Where rules or targets are wrong, the data directory is
    /// not touched.
    ///
    /// # Errors
    ///
    /// When the data directory cannot be opened, a rule file is wrong, or a target's configuration is.
    pub fn build(self) -> Result<Monitor, MonitorError> {
        let now_ms = self.clock.now_ms();
        let engine = self.engine.unwrap_or_else(|| Arc::new(own_engine(self.features, &self.globals, &self.limits)));
        let rule_options = self
            .rule_options
            .with_external_url(self.external_url)
            .with_limits(self.limits.clone())
            .with_clock(Arc::clone(&self.clock));
        // A store in memory has nothing from a process before.
        let rule_options = match self.store {
            Storage::Memory => rule_options.without_restore(),
            Storage::Directory(_) | Storage::Own(_) => rule_options,
        };
        let rules = RuleManager::new(Arc::clone(&engine), rule_options);
        rules.load(&self.rules, &self.globals, now_ms)?;
        let targets = checked(self.targets, &self.limits, now_ms)?;
        let db_options = self.db_options.limits(self.limits.clone());
        Ok(Monitor {
            store: open(self.store, db_options, &self.clock)?,
            engine,
            clock: self.clock,
            limits: self.limits,
            targets: Mutex::new(targets),
            client: self.client,
            rules,
            notifier: self.notifier,
            alertmanagers: self.alertmanagers,
            started_ms: now_ms,
            description: self.description,
            offers_admin: self.offers_admin,
        })
    }
}

fn checked(configs: Vec<TargetConfig>, limits: &Limits, now_ms: i64) -> Result<Targets, MonitorError> {
    let mut targets = Targets::new();
    for mut config in configs {
        config.limits = limits.clone();
        let job = config.job.clone();
        targets.add(config, now_ms).map_err(|source| MonitorError::Target { job, source })?;
    }
    Ok(targets)
}

/// As in Prometheus, a subquery without a step takes the evaluation interval.
fn own_engine(features: Features, globals: &RuleGlobals, limits: &Limits) -> Engine {
    let mut options = EngineOptions::default().with_limits(limits.clone());
    options.features = features;
    options.subquery_step_ms = globals.evaluation_interval_ms;
    Engine::new(options)
}

fn open(storage: Storage, options: DbOptions, clock: &Arc<dyn Clock>) -> Result<Arc<dyn Store>, MonitorError> {
    Ok(match storage {
        Storage::Memory => Arc::new(Db::in_memory_with(options, Arc::clone(clock))?),
        Storage::Directory(dir) => Arc::new(Db::open_with(Arc::new(StdVfs), &dir, options, Arc::clone(clock))?),
        Storage::Own(store) => store,
    })
}

fn no_client(request: &FetchRequest) -> Result<promethium_scrape::FetchResponse, FetchError> {
    Err(FetchError::NoClient { url: request.url.clone() })
}
