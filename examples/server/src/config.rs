//! `prometheus.yml`, as far as this server composes it: unknown fields are refused with line and column, so that nothing
//! is read and then ignored.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use promethium::model::duration;
use serde::{Deserialize, Deserializer, de};

use crate::alerting::Alerting;
use crate::storage::StorageConfig;

/// A duration in milliseconds, written `15s` or `1m30s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DurationMs(pub(crate) i64);

impl<'de> Deserialize<'de> for DurationMs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        duration::parse_ms(&text).map(DurationMs).map_err(de::Error::custom)
    }
}

/// A size in bytes, written `10MB` or `512KB`; 0 means "the default limit".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) usize);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_bytes(&text).map(Bytes).ok_or_else(|| de::Error::custom(format!("{text:?} is not a size such as 10MB")))
    }
}

pub(crate) fn parse_bytes(text: &str) -> Option<usize> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: usize = text[..digits].parse().ok()?;
    let shift = match &text[digits..] {
        "" | "B" => 0,
        "KB" | "KiB" => 10,
        "MB" | "MiB" => 20,
        "GB" | "GiB" => 30,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}

/// The whole file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) global: Global,
    pub(crate) scrape_configs: Vec<ScrapeConfig>,
    pub(crate) rule_files: Vec<String>,
    pub(crate) alerting: Alerting,
    pub(crate) storage: StorageConfig,
    /// Where relative file names begin.
    #[serde(skip)]
    pub(crate) dir: PathBuf,
    /// What clients may see of the file.
    #[serde(skip)]
    pub(crate) shown: String,
}

/// Defaults of all jobs and groups.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Global {
    pub(crate) scrape_interval: DurationMs,
    pub(crate) scrape_timeout: Option<DurationMs>,
    pub(crate) evaluation_interval: DurationMs,
    pub(crate) rule_query_offset: DurationMs,
    pub(crate) external_labels: BTreeMap<String, String>,
}

impl Default for Global {
    fn default() -> Self {
        Global {
            scrape_interval: DurationMs(60_000),
            scrape_timeout: None,
            evaluation_interval: DurationMs(60_000),
            rule_query_offset: DurationMs(0),
            external_labels: BTreeMap::new(),
        }
    }
}

/// One job.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScrapeConfig {
    pub(crate) job_name: String,
    pub(crate) scrape_interval: Option<DurationMs>,
    pub(crate) scrape_timeout: Option<DurationMs>,
    #[serde(default = "default_metrics_path")]
    pub(crate) metrics_path: String,
    #[serde(default)]
    pub(crate) scheme: Scheme,
    #[serde(default)]
    pub(crate) params: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(crate) honor_labels: bool,
    #[serde(default = "yes")]
    pub(crate) honor_timestamps: bool,
    #[serde(default)]
    pub(crate) sample_limit: usize,
    #[serde(default)]
    pub(crate) body_size_limit: Bytes,
    #[serde(default)]
    pub(crate) static_configs: Vec<StaticConfig>,
}

/// Targets that are listed, with labels for all of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StaticConfig {
    pub(crate) targets: Vec<String>,
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
}

/// How a target is reached.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scheme {
    #[default]
    Http,
}

impl Scheme {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
        }
    }
}

fn default_metrics_path() -> String {
    "/metrics".to_owned()
}

fn yes() -> bool {
    true
}

impl Config {
    /// Reads and checks a file; the error is one line with file, line and column where there are such.
    pub(crate) fn load(path: &Path, max_bytes: usize) -> Result<Config, String> {
        let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        if text.len() > max_bytes {
            return Err(format!("{}: {} bytes exceed the limit of {max_bytes}", path.display(), text.len()));
        }
        let mut config = Config::parse(&text).map_err(|e| format!("{}: {e}", path.display()))?;
        config.check().map_err(|e| format!("{}: {e}", path.display()))?;
        // A file with a secret in it is not shown at all: secrets belong in files of their own.
        if !config.alerting.has_secrets() {
            config.shown = text;
        }
        Ok(config.with_paths_relative_to(path.parent().unwrap_or(Path::new("."))))
    }

    fn parse(text: &str) -> Result<Config, String> {
        if text.trim().is_empty() {
            return Ok(Config::default());
        }
        serde_saphyr::from_str(text).map_err(|e| {
            let place = e.location().map(|l| format!("{}:{}: ", l.line(), l.column())).unwrap_or_default();
            format!("{place}{}", e.to_string().lines().next().unwrap_or_default())
        })
    }

    fn check(&self) -> Result<(), String> {
        for (i, job) in self.scrape_configs.iter().enumerate() {
            let name = &job.job_name;
            if self.scrape_configs[..i].iter().any(|other| other.job_name == *name) {
                return Err(format!("found multiple scrape configs with job name {name:?}"));
            }
            let addresses = job.static_configs.iter().flat_map(|s| &s.targets);
            if let Some(odd) = addresses.into_iter().find(|a| a.is_empty() || a.contains(['/', '@', '?', '#', ' '])) {
                return Err(format!("job {name:?}: {odd:?} is not a valid hostname"));
            }
            let interval = job.interval_ms(&self.global);
            if interval <= 0 {
                return Err(format!("scrape interval of job {name:?} must be positive"));
            }
            if job.explicit_timeout_ms(&self.global).is_some_and(|timeout| timeout > interval) {
                return Err(format!(
                    "scrape timeout greater than scrape interval for scrape config with job name {name:?}"
                ));
            }
        }
        Ok(())
    }

    fn with_paths_relative_to(mut self, dir: &Path) -> Config {
        for file in &mut self.rule_files {
            *file = dir.join(PathBuf::from(&*file)).to_string_lossy().into_owned();
        }
        self.dir = dir.to_owned();
        self
    }
}

impl StaticConfig {
    /// Targets without labels of their own.
    pub(crate) fn of(targets: Vec<String>) -> Self {
        StaticConfig { targets, labels: BTreeMap::new() }
    }
}

impl ScrapeConfig {
    /// A job with the defaults.
    pub(crate) fn named(job_name: &str, static_configs: Vec<StaticConfig>) -> Self {
        ScrapeConfig {
            job_name: job_name.to_owned(),
            scrape_interval: None,
            scrape_timeout: None,
            metrics_path: default_metrics_path(),
            scheme: Scheme::default(),
            params: BTreeMap::new(),
            honor_labels: false,
            honor_timestamps: true,
            sample_limit: 0,
            body_size_limit: Bytes::default(),
            static_configs,
        }
    }

    pub(crate) fn interval_ms(&self, global: &Global) -> i64 {
        self.scrape_interval.unwrap_or(global.scrape_interval).0
    }

    fn explicit_timeout_ms(&self, global: &Global) -> Option<i64> {
        self.scrape_timeout.or(global.scrape_timeout).map(|t| t.0)
    }

    /// The job's timeout, else the global one, else 10 s; never longer than the interval.
    pub(crate) fn timeout_ms(&self, global: &Global) -> i64 {
        self.explicit_timeout_ms(global).unwrap_or(10_000).min(self.interval_ms(global))
    }

    /// The URL of one target.
    pub(crate) fn url(&self, address: &str) -> String {
        let pairs: Vec<String> = self
            .params
            .iter()
            .flat_map(|(name, values)| {
                values.iter().map(move |v| format!("{}={}", percent_encode(name), percent_encode(v)))
            })
            .collect();
        let query = if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) };
        format!("{}://{address}{}{query}", self.scheme.as_str(), self.metrics_path)
    }
}

fn percent_encode(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usual_file_reads() {
        let config = Config::parse(
            "global:\n  scrape_interval: 15s\nscrape_configs:\n- job_name: node\n  params: {collect: [cpu, 'a b']}\n  \
             body_size_limit: 10MB\n  static_configs:\n  - targets: ['a:1', 'b:2']\n    labels: {env: prod}\n",
        )
        .expect("it is right");
        let job = &config.scrape_configs[0];
        assert_eq!((job.interval_ms(&config.global), job.timeout_ms(&config.global)), (15_000, 10_000));
        assert_eq!(job.url("a:1"), "http://a:1/metrics?collect=cpu&collect=a%20b");
        assert_eq!(job.body_size_limit, Bytes(10 << 20));
        assert_eq!(job.static_configs[0].targets, ["a:1", "b:2"]);
    }

    #[test]
    fn an_empty_file_is_an_empty_configuration() {
        assert!(Config::parse("").expect("it is right").scrape_configs.is_empty());
    }

    #[test]
    fn what_is_wrong_is_said_with_line_and_column() {
        for (text, place, word) in [
            ("global:\n  scrape_intervall: 1s\n", "2:3: ", "scrape_intervall"),
            ("global:\n  scrape_interval: 1x\n", "2:20: ", "unknown unit"),
            ("scrape_configs:\n- job_name: a\n  scheme: gopher\n", "3:", "gopher"),
            ("a: [\n", "", ""),
        ] {
            let error = Config::parse(text).expect_err("it is wrong");
            assert!(error.starts_with(place) && error.contains(word), "{text:?}: {error}");
        }
    }

    #[test]
    fn contradictions_are_refused() {
        let twice = "scrape_configs: [{job_name: a}, {job_name: a}]";
        assert!(Config::parse(twice).and_then(|c| c.check()).expect_err("twice").contains("multiple scrape configs"));
        let secret = "scrape_configs: [{job_name: a, static_configs: [{targets: ['me:secret@host']}]}]";
        assert!(Config::parse(secret).and_then(|c| c.check()).expect_err("odd").contains("not a valid hostname"));
        let slow = "scrape_configs: [{job_name: a, scrape_interval: 1s, scrape_timeout: 2s}]";
        assert!(Config::parse(slow).and_then(|c| c.check()).expect_err("slow").contains("timeout greater"));
    }
}
