//! From a configuration to a running monitor.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use promethium::model::{Labels, LabelsBuilder, Limits, duration};
use promethium::notify::{AlertmanagerUrl, Alertmanagers, HttpOptions};
use promethium::rules::file::{matching_files, read_sources};
use promethium::rules::{RuleGlobals, RuleSource};
use promethium::scrape::{Source, TargetConfig};
use promethium::{Monitor, MonitorBuilder};

use crate::config::{Config, ScrapeConfig, StaticConfig};

/// What the server is made of, checked as far as it can be without touching the data directory.
pub(crate) struct Composition {
    config: Config,
    address: SocketAddr,
    limits: Limits,
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
    pub(crate) fn new(config: Config, address: SocketAddr, limits: Limits) -> Self {
        Composition { config, address, limits }
    }

    /// Reads the rules, opens the data directory, and puts the monitor together.
    pub(crate) fn open(&self, data_dir: &Path) -> Result<Arc<Monitor>, String> {
        let builder = Monitor::builder()
            .data_dir(data_dir)
            .limits(self.limits.clone())
            .external_url(format!("http://{}", self.address))
            .rule_globals(self.rule_globals())
            .alertmanagers(Arc::new(self.alertmanagers()?));
        let builder = self.rule_sources()?.into_iter().fold(builder, MonitorBuilder::rules);
        let builder = self.targets().into_iter().fold(builder, MonitorBuilder::target);
        builder.build().map(Arc::new).map_err(|e| e.to_string())
    }

    /// How alerts are posted: the longest of the configured timeouts.
    pub(crate) fn http_options(&self) -> HttpOptions {
        let longest_ms = self.config.alerting.alertmanagers.iter().map(|a| a.timeout.0).max().unwrap_or(10_000);
        HttpOptions::default().with_timeout(Duration::from_millis(longest_ms.unsigned_abs()))
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
        let mut urls = Vec::new();
        for group in &self.config.alerting.alertmanagers {
            for address in group.static_configs.iter().flat_map(|s| &s.targets) {
                let url = AlertmanagerUrl::new(group.scheme.as_str(), address, &group.path_prefix);
                urls.push(url.map_err(|e| format!("alerting: {e}"))?);
            }
        }
        Ok(Alertmanagers::new(urls, self.external_labels(), &self.limits))
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
