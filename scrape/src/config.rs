//! What a target is.

use promethium_exposition::Format;
use promethium_exposition::naming::EscapingScheme;
use promethium_exposition::negotiate::{DEFAULT_PROTOCOLS, NATIVE_HISTOGRAM_PROTOCOLS, ScrapeProtocol, accept_header};
use promethium_model::duration::format_ms;
use promethium_model::{Labels, LabelsBuilder, Limits};

use crate::error::ScrapeError;
use crate::fetch::Source;

/// The configuration of one target. The names are those of Prometheus' `scrape_config`.
///
/// ```
/// use promethium_scrape::{Source, TargetConfig};
/// let mut config = TargetConfig::new("node", Source::http("http://localhost:9100/metrics"));
/// config.interval_ms = 15_000;
/// config.sample_limit = 5_000;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TargetConfig {
    /// Name of the job.
    pub job: String,
    /// All labels of the target; those that start with `__` are not put on samples. `job`, and `instance` from the
    /// source, are added where they are missing.
    pub labels: Labels,
    /// The labels before relabelling, for the targets page.
    pub discovered_labels: Labels,
    /// Where the page comes from.
    pub source: Source,
    /// Time between scrapes.
    pub interval_ms: i64,
    /// Time for one fetch.
    pub timeout_ms: i64,
    /// On a conflict the exposed label wins over the target's.
    pub honor_labels: bool,
    /// Timestamps in the page are used.
    pub honor_timestamps: bool,
    /// Series with timestamps of their own get stale markers too.
    pub track_timestamps_staleness: bool,
    /// Samples of a scrape after relabelling; 0 leaves it to `limits.max_scrape_samples`.
    pub sample_limit: usize,
    /// Labels of a series; 0 leaves it to `limits.max_labels`.
    pub label_limit: usize,
    /// Bytes of a label name; 0 leaves it to `limits.max_label_name_bytes`.
    pub label_name_length_limit: usize,
    /// Bytes of a label value; 0 leaves it to `limits.max_label_value_bytes`.
    pub label_value_length_limit: usize,
    /// Bytes of a body, decompressed; 0 leaves it to `limits.max_scrape_body_bytes`.
    pub body_size_limit: usize,
    /// What to ask for, the most wanted first; empty: Prometheus' defaults.
    pub scrape_protocols: Vec<ScrapeProtocol>,
    /// Native histograms are asked for and stored.
    pub scrape_native_histograms: bool,
    /// Where a histogram is native, its classic series are stored too.
    pub always_scrape_classic_histograms: bool,
    /// Classic histograms are stored as native ones with custom bounds.
    pub convert_classic_histograms_to_nhcb: bool,
    /// Creation times of counters, histograms and summaries go to the store as start timestamps: Prometheus' feature
    /// `st-storage`.
    pub ingest_start_timestamps: bool,
    /// Type and unit of a metric become labels of its series, `__type__` and `__unit__`: Prometheus' feature
    /// `type-and-unit-labels`.
    pub type_and_unit_labels: bool,
    /// What to take a response for whose Content-Type is blank or unknown.
    pub fallback_scrape_protocol: Option<Format>,
    /// Offsets of the targets of this instance: replicas with different seeds scrape at different times.
    pub offset_seed: u64,
    /// Scrape at once and then every interval, where otherwise the first scrape waits for the target's place in the
    /// interval.
    pub at_once: bool,
    /// Bounds that hold whatever the configuration says.
    pub limits: Limits,
}

impl TargetConfig {
    /// A target with Prometheus' defaults: every minute, ten seconds to answer.
    pub fn new(job: impl Into<String>, source: Source) -> Self {
        TargetConfig {
            job: job.into(),
            labels: Labels::empty(),
            discovered_labels: Labels::empty(),
            source,
            interval_ms: 60_000,
            timeout_ms: 10_000,
            honor_labels: false,
            honor_timestamps: true,
            track_timestamps_staleness: false,
            sample_limit: 0,
            label_limit: 0,
            label_name_length_limit: 0,
            label_value_length_limit: 0,
            body_size_limit: 0,
            scrape_protocols: Vec::new(),
            scrape_native_histograms: false,
            always_scrape_classic_histograms: false,
            convert_classic_histograms_to_nhcb: false,
            ingest_start_timestamps: false,
            type_and_unit_labels: false,
            fallback_scrape_protocol: None,
            offset_seed: 0,
            at_once: false,
            limits: Limits::standard(),
        }
    }

    /// With labels.
    #[must_use]
    pub fn with_labels(mut self, labels: Labels) -> Self {
        self.labels = labels;
        self
    }

    /// With an interval; a longer timeout is lowered to it.
    #[must_use]
    pub fn every_ms(mut self, interval_ms: i64) -> Self {
        self.interval_ms = interval_ms;
        self.timeout_ms = self.timeout_ms.min(interval_ms);
        self
    }

    /// Without a wait before the first scrape.
    #[must_use]
    pub fn at_once(mut self) -> Self {
        self.at_once = true;
        self
    }

    pub(crate) fn check(&self) -> Result<(), ScrapeError> {
        if self.interval_ms <= 0 {
            return Err(ScrapeError::ZeroInterval);
        }
        if self.timeout_ms <= 0 {
            return Err(ScrapeError::ZeroTimeout);
        }
        if self.timeout_ms > self.interval_ms {
            return Err(ScrapeError::TimeoutAboveInterval {
                timeout: format_ms(self.timeout_ms),
                interval: format_ms(self.interval_ms),
            });
        }
        Ok(())
    }

    /// All labels, with `job` and `instance`.
    pub(crate) fn completed_labels(&self) -> Labels {
        let mut labels = LabelsBuilder::from_labels(&self.labels);
        for (name, value) in [("job", self.job.as_str()), ("instance", self.source.instance())] {
            if labels.get(name).is_none() {
                labels.set(name, value);
            }
        }
        labels.build()
    }

    pub(crate) fn url(&self) -> String {
        match &self.source {
            Source::Http(url) => url.clone(),
            Source::Closure(_) => String::new(),
        }
    }

    /// The `Accept` header.
    pub(crate) fn accept(&self) -> String {
        let native = self.scrape_native_histograms || self.ingest_start_timestamps;
        let protocols = match native {
            _ if !self.scrape_protocols.is_empty() => &self.scrape_protocols[..],
            true => &NATIVE_HISTOGRAM_PROTOCOLS[..],
            false => &DEFAULT_PROTOCOLS[..],
        };
        accept_header(protocols, EscapingScheme::AllowUtf8)
    }

    pub(crate) fn body_limit_bytes(&self) -> usize {
        tighter(self.body_size_limit, self.limits.max_scrape_body_bytes)
    }
}

/// The configured limit where there is one, never above the bound.
pub(crate) fn tighter(configured: usize, bound: usize) -> usize {
    if configured == 0 { bound } else { configured.min(bound) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configured_limit_can_only_be_tighter() {
        assert_eq!((tighter(0, 10), tighter(5, 10), tighter(20, 10)), (10, 5, 10));
    }
}
