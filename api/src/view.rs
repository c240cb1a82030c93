//! What the API shows of rules, alerts, targets and metadata: plain data that a host fills from its own.
//!
//! Times are milliseconds since the epoch; what never happened is `None` and shows as `0001-01-01T00:00:00Z`.

use std::time::Duration;

use promethium_model::{Labels, Metadata};

/// A rule group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleGroupView {
    /// Its name, unique in its file.
    pub name: String,
    /// Its file.
    pub file: String,
    /// Its rules, in order.
    pub rules: Vec<RuleView>,
    /// How often it is evaluated.
    pub interval: Duration,
    /// The most series or alerts that a rule may give; 0 = no limit.
    pub limit: u64,
    /// How long the newest evaluation took.
    pub evaluation_time: Duration,
    /// When the newest evaluation began.
    pub last_evaluation_ms: Option<i64>,
}

/// A rule and how its newest evaluation went.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleView {
    /// The alert's name, or the metric that is recorded.
    pub name: String,
    /// The query in canonical form.
    pub query: String,
    /// Labels that the rule sets, templates unexpanded.
    pub labels: Labels,
    /// How it goes.
    pub health: RuleHealth,
    /// The newest evaluation's error, `""` for none.
    pub last_error: String,
    /// How long the newest evaluation took.
    pub evaluation_time: Duration,
    /// When the newest evaluation began.
    pub last_evaluation_ms: Option<i64>,
    /// Recording or alerting.
    pub kind: RuleKind,
}

/// What a rule does with its result.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum RuleKind {
    /// Stores it.
    #[default]
    Recording,
    /// Raises alerts.
    Alerting(AlertingView),
}

/// What alerting rules have beyond the others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlertingView {
    /// The gravest state of its alerts.
    pub state: AlertState,
    /// How long an alert is pending (`for`).
    pub hold: Duration,
    /// How long an alert fires on after its cause is gone (`keep_firing_for`).
    pub keep_firing_for: Duration,
    /// Annotations, templates unexpanded.
    pub annotations: Labels,
    /// Its pending and firing alerts.
    pub alerts: Vec<AlertView>,
}

/// How a rule goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RuleHealth {
    /// Not evaluated yet.
    #[default]
    Unknown,
    /// Well.
    Ok,
    /// The newest evaluation failed.
    Err,
}

impl RuleHealth {
    /// The name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            RuleHealth::Unknown => "unknown",
            RuleHealth::Ok => "ok",
            RuleHealth::Err => "err",
        }
    }
}

/// The state of an alert, or of an alerting rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AlertState {
    /// The rule was never evaluated.
    #[default]
    Unknown,
    /// Nothing is wrong.
    Inactive,
    /// Wrong, but not for long enough.
    Pending,
    /// Wrong.
    Firing,
}

impl AlertState {
    /// The name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            AlertState::Unknown => "unknown",
            AlertState::Inactive => "inactive",
            AlertState::Pending => "pending",
            AlertState::Firing => "firing",
        }
    }
}

/// An alert. Only pending and firing ones are shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlertView {
    /// Its labels, `alertname` included.
    pub labels: Labels,
    /// Its annotations, expanded.
    pub annotations: Labels,
    /// Pending or firing.
    pub state: AlertState,
    /// Since when it is wrong.
    pub active_at_ms: i64,
    /// Since when it fires on although its cause is gone.
    pub keep_firing_since_ms: Option<i64>,
    /// The newest value of its query; 0 for a histogram.
    pub value: f64,
}

/// All targets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TargetsView {
    /// Those that are scraped.
    pub active: Vec<TargetView>,
    /// Those that relabelling dropped, as many as are kept.
    pub dropped: Vec<DroppedTargetView>,
    /// Pool name and how many of its targets were dropped, for every pool.
    pub dropped_counts: Vec<(String, u64)>,
}

/// A target that is scraped.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TargetView {
    /// Labels before relabelling.
    pub discovered_labels: Labels,
    /// Labels that its samples get.
    pub labels: Labels,
    /// The pool: the job's name.
    pub scrape_pool: String,
    /// Where it is scraped. Without user name and password: the API shows it to whoever asks.
    pub scrape_url: String,
    /// The same, as seen from other machines.
    pub global_url: String,
    /// The newest scrape's error, `""` for none.
    pub last_error: String,
    /// When the newest scrape began.
    pub last_scrape_ms: Option<i64>,
    /// How long the newest scrape took.
    pub last_scrape_duration: Duration,
    /// How the newest scrape went.
    pub health: TargetHealth,
    /// Milliseconds between scrapes.
    pub scrape_interval_ms: i64,
    /// Milliseconds that a scrape may take.
    pub scrape_timeout_ms: i64,
}

/// A target that relabelling dropped.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DroppedTargetView {
    /// Labels before relabelling.
    pub discovered_labels: Labels,
    /// The pool: the job's name.
    pub scrape_pool: String,
}

/// How the newest scrape of a target went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TargetHealth {
    /// Not scraped yet.
    #[default]
    Unknown,
    /// Well.
    Up,
    /// It failed.
    Down,
}

impl TargetHealth {
    /// The name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            TargetHealth::Unknown => "unknown",
            TargetHealth::Up => "up",
            TargetHealth::Down => "down",
        }
    }
}

/// What one target says about one metric family. Several targets may say the same, or differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FamilyMetadata {
    /// The family's name.
    pub family: String,
    /// Type, unit and help.
    pub metadata: Metadata,
}

/// `/api/v1/status/buildinfo`. Clients read `version` to tell what the server can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildInfo {
    /// Version of the host.
    pub version: String,
    /// Revision of its source.
    pub revision: String,
    /// Branch of its source.
    pub branch: String,
    /// Who built it.
    pub build_user: String,
    /// When it was built.
    pub build_date: String,
    /// The name is Prometheus'; it may hold the version of any compiler.
    pub go_version: String,
}

impl Default for BuildInfo {
    /// The version of this crate, and nothing else.
    fn default() -> Self {
        BuildInfo {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            revision: String::new(),
            branch: String::new(),
            build_user: String::new(),
            build_date: String::new(),
            go_version: String::new(),
        }
    }
}

/// What one target says about one of its families.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetMetadata {
    /// The labels that the target's samples get.
    pub target: Labels,
    /// What it says.
    pub said: FamilyMetadata,
}

/// Where alerts go, as URLs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertmanagersView {
    /// Alertmanagers that are told.
    pub active: Vec<String>,
    /// Those that relabelling dropped.
    pub dropped: Vec<String>,
}

/// `/api/v1/status/runtimeinfo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeInfo {
    /// When the host was started.
    pub start_time_ms: Option<i64>,
    /// The directory it runs in.
    pub working_directory: String,
    /// The name of its machine.
    pub hostname: String,
    /// Whether the configuration that was read last could be taken.
    pub reload_config_success: bool,
    /// When a configuration was taken last.
    pub last_config_time_ms: Option<i64>,
    /// Damaged places that the store has found.
    pub corruption_count: u64,
    /// Threads that run.
    pub threads: u64,
    /// Threads that can run at once.
    pub max_threads: u64,
    /// Bytes of memory that may be used, `i64::MAX` for as many as there are.
    pub memory_limit_bytes: u64,
    /// How long, or how much, is kept: `15d`, `512MiB`, `15d or 512MiB`.
    pub storage_retention: String,
}

impl Default for RuntimeInfo {
    fn default() -> Self {
        RuntimeInfo {
            start_time_ms: None,
            working_directory: String::new(),
            hostname: String::new(),
            reload_config_success: true,
            last_config_time_ms: None,
            corruption_count: 0,
            threads: 0,
            max_threads: 0,
            memory_limit_bytes: i64::MAX.unsigned_abs(),
            storage_retention: String::new(),
        }
    }
}

/// `/api/v1/status/tsdb`: the head of the store. Tables come greatest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TsdbStatus {
    /// Series.
    pub series: u64,
    /// Distinct pairs of label and value.
    pub label_pairs: u64,
    /// Chunks.
    pub chunks: u64,
    /// First time; `None` while the head is empty.
    pub min_time_ms: Option<i64>,
    /// Last time.
    pub max_time_ms: Option<i64>,
    /// Metric names and their series.
    pub series_by_metric: Vec<(String, u64)>,
    /// Label names and their values.
    pub values_by_label: Vec<(String, u64)>,
    /// Label names and the bytes of their values, each counted once for every series that has it.
    pub bytes_by_label: Vec<(String, u64)>,
    /// `name=value` and the series that have it.
    pub series_by_pair: Vec<(String, u64)>,
}

/// `/api/v1/status/walreplay`: segments of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WalReplay {
    /// The first that is replayed.
    pub min: u64,
    /// The last.
    pub max: u64,
    /// The one that is being replayed, or was last.
    pub current: u64,
}
