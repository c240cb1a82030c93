//! From a configuration to a running monitor.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use promethium::model::{Labels, LabelsBuilder, Limits, duration};
use promethium::notify::Alertmanagers;
use promethium::rules::file::{matching_files, read_sources};
use promethium::rules::{RuleGlobals, RuleOptions, RuleSource};
use promethium::scrape::{Source, TargetConfig};
use promethium::{Description, Monitor, MonitorBuilder};

use crate::config::{Config, ScrapeConfig, StaticConfig};
use crate::features::FeatureFlags;
use crate::storage::{self, StorageFlags};

/// What the server is made of, checked as far as it can be without touching the data directory.
pub(crate) struct Composition {
    config: Config,
    address: SocketAddr,
    limits: Limits,
    rule_flags: RuleFlags,
    features: FeatureFlags,
    shown: Shown,
}

/// What clients may see and do besides asking.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    pub(crate) description: Description,
    pub(crate) offers_admin: bool,
}

/// What flags say of rules and alerts.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RuleFlags {
    /// URL under which this server is reached from outside: alerts link there
    #[arg(long = "web.external-url", value_name = "URL")]
    external_url: Option<String>,
    /// How long an outage may last for alerts to be picked up where they were
    #[arg(long = "rules.alert.for-outage-tolerance", value_name = "DURATION", default_value = "1h", value_parser = duration::parse_ms)]
    for_outage_tolerance: i64,
    /// Shortest time between a restart and an alert that is picked up; alerts with a shorter `for` are not
    #[arg(long = "rules.alert.for-grace-period", value_name = "DURATION", default_value = "10m", value_parser = duration::parse_ms)]
    for_grace_period: i64,
    /// Time until an active alert is sent again
    #[arg(long = "rules.alert.resend-delay", value_name = "DURATION", default_value = "1m", value_parser = duration::parse_ms)]
    resend_delay: i64,
    /// Threads for rules of one group that do not read each other's results; 0, which runs them one by one, unless the feature
    /// concurrent-rule-eval is on
    #[arg(long = "rules.max-concurrent-evals", value_name = "N")]
    max_concurrent_evals: Option<usize>,
}

impl RuleFlags {
    fn options(&self, features: &FeatureFlags) -> RuleOptions {
        RuleOptions::default()
            .with_resend_delay_ms(self.resend_delay)
            .with_restore_ms(self.for_outage_tolerance, self.for_grace_period)
            .with_max_concurrent_evals(features.concurrent_rules(self.max_concurrent_evals))
    }
}

impl Config {
    /// The configuration of a server that was given none: it scrapes its own `/metrics`.
    pub(crate) fn of_itself(address: SocketAddr) -> Config {
        let host = if address.ip().is_unspecified() { "localhost".to_owned() } else { address.ip().to_string() };
        let target = match address {
            SocketAddr::V6(_) if !address.ip().is_unspecified() => format!("[{host}]:{}", address.port()),
            _ => format!("{host}:{}", address.port()),
        };
        let job = ScrapeConfig::named("prometheus", vec![StaticConfig::of(vec![target])]);
        let mut config = Config { scrape_configs: vec![job], ..Config::default() };
        config.global.scrape_interval.0 = 15_000;
        config
    }
}

impl Composition {
    pub(crate) fn new(
        config: Config,
        address: SocketAddr,
        limits: Limits,
        rule_flags: RuleFlags,
        features: FeatureFlags,
        shown: Shown,
    ) -> Self {
        Composition { config, address, limits, rule_flags, features, shown }
    }

    /// Reads the rules, opens the data directory, and puts the monitor together.
    pub(crate) fn open(&self, data_dir: &Path, storage: &StorageFlags) -> Result<Arc<Monitor>, String> {
        let builder = Monitor::builder()
            .data_dir(data_dir)
            .db_options(self.features.apply_to_store(storage::options(storage, &self.config.storage)))
            .features(self.features.language())
            .limits(self.limits.clone())
            .external_url(self.rule_flags.external_url.clone().unwrap_or_else(|| format!("http://{}", self.address)))
            .rule_options(self.rule_flags.options(&self.features))
            .rule_globals(self.rule_globals())
            .alertmanagers(Arc::new(self.alertmanagers()?))
            .description(self.description(storage))
            .admin_api(self.shown.offers_admin);
        let builder = self.rule_sources()?.into_iter().fold(builder, MonitorBuilder::rules);
        let builder = self.targets().into_iter().fold(builder, MonitorBuilder::target);
        builder.build().map(Arc::new).map_err(|e| e.to_string())
    }

    /// Takes rules and alerting over from a configuration that was read anew; whichever of the two is wrong stays as it was.
    /// Targets stay.
    pub(crate) fn reload(&self, monitor: &Monitor) -> Result<(), String> {
        let sources = self.rule_sources()?;
        monitor
            .reload_rules(&sources, &self.rule_globals())
            .map_err(|e| format!("error loading rules, previous rule set restored\n{e}"))?;
        match monitor.alertmanagers() {
            Some(alertmanagers) => self.apply_to(alertmanagers),
            None => Ok(()),
        }
    }

    fn description(&self, storage: &StorageFlags) -> Description {
        let mut description = self.shown.description.clone();
        description.config_yaml.clone_from(&self.config.shown);
        description.storage_retention = storage::retention_text(storage, &self.config.storage);
        description
    }

    fn external_labels(&self) -> Labels {
        Labels::from_pairs(&self.config.global.external_labels)
    }

    fn rule_globals(&self) -> RuleGlobals {
        RuleGlobals::default()
            .with_evaluation_interval_ms(self.config.global.evaluation_interval.0)
            .with_query_offset_ms(self.config.global.rule_query_offset.0)
            .with_external_labels(self.external_labels())
    }

    /// The rule files that the patterns name, each once, in order.
    fn rule_sources(&self) -> Result<Vec<RuleSource>, String> {
        let mut files: Vec<PathBuf> = Vec::new();
        for pattern in &self.config.rule_files {
            let found = matching_files(pattern).map_err(|e| format!("rule_files: {e}"))?;
            let new: Vec<PathBuf> = found.into_iter().filter(|file| !files.contains(file)).collect();
            files.extend(new);
        }
        read_sources(&files, self.limits.max_config_bytes).map_err(|e| e.to_string())
    }

    fn alertmanagers(&self) -> Result<Alertmanagers, String> {
        let alertmanagers = Alertmanagers::none(&self.limits);
        self.apply_to(&alertmanagers)?;
        Ok(alertmanagers)
    }

    fn apply_to(&self, alertmanagers: &Alertmanagers) -> Result<(), String> {
        let wrong = |e: String| format!("alerting: {e}");
        let alerting = &self.config.alerting;
        let configs = alerting.alertmanagers(&self.config.dir).map_err(wrong)?;
        let relabel = alerting.alert_relabel().map_err(wrong)?;
        alertmanagers.apply(self.external_labels(), relabel, configs).map_err(|e| wrong(e.to_string()))
    }

    fn targets(&self) -> Vec<TargetConfig> {
        let of_job = |job| self.targets_of(job);
        self.config.scrape_configs.iter().flat_map(of_job).collect()
    }

    fn targets_of<'a>(&'a self, job: &'a ScrapeConfig) -> impl Iterator<Item = TargetConfig> + 'a {
        let addresses = job.static_configs.iter().flat_map(|s| s.targets.iter().map(move |t| (t, s)));
        addresses.map(move |(address, group)| {
            let mut target = TargetConfig::new(&job.job_name, Source::http(job.url(address)));
            target.labels = Labels::from_pairs(&group.labels);
            target.discovered_labels = self.discovered(job, address, &target.labels);
            target.interval_ms = job.interval_ms(&self.config.global);
            target.timeout_ms = job.timeout_ms(&self.config.global);
            target.honor_labels = job.honor_labels;
            target.honor_timestamps = job.honor_timestamps;
            target.sample_limit = job.sample_limit;
            target.body_size_limit = job.body_size_limit.0;
            self.features.apply_to_target(&mut target);
            target
        })
    }

    /// The labels before relabelling, as the targets page shows them: the target's own go over the job's.
    fn discovered(&self, job: &ScrapeConfig, address: &str, labels: &Labels) -> Labels {
        let interval = duration::format_ms(job.interval_ms(&self.config.global));
        let timeout = duration::format_ms(job.timeout_ms(&self.config.global));
        let mut discovered = LabelsBuilder::new();
        discovered
            .set("__address__", address)
            .set("__metrics_path__", &job.metrics_path)
            .set("__scheme__", job.scheme.as_str())
            .set("__scrape_interval__", &interval)
            .set("__scrape_timeout__", &timeout)
            .set("job", &job.job_name);
        for (name, value) in labels {
            discovered.set(name, value);
        }
        discovered.build()
    }
}
