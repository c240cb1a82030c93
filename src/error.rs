//! What can go wrong in a monitor.

use promethium_rules::RuleFileErrors;
use promethium_scrape::ScrapeError;
use promethium_tsdb::TsdbError;
use thiserror::Error;

/// A monitor could not be set up or driven. Failed scrapes and failed rules are no errors of the monitor: they are in
/// the targets' and the rules' health.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MonitorError {
    /// The data directory cannot be opened or kept.
    #[error(transparent)]
    Storage(#[from] TsdbError),
    /// Rule files are wrong; each line of the message names file, line and column.
    #[error(transparent)]
    Rules(#[from] RuleFileErrors),
    /// A target's configuration is wrong, or it is there twice.
    #[error("job {job:?}: {source}")]
    Target {
        /// The target's job.
        job: String,
        /// What is wrong.
        source: ScrapeError,
    },
    /// A store of the host's own has no such thing.
    #[error("this store offers no {what}")]
    NotOffered {
        /// `deletes` or `snapshots`.
        what: &'static str,
    },
    /// A store of the host's own failed in its upkeep.
    #[error("{0}")]
    Backend(#[source] Box<dyn std::error::Error + Send + Sync>),
}
