//! What a manager is set up with, and what each load brings along.

use std::sync::Arc;

use std::time::Duration;

use promethium_model::{Clock, Labels, Limits, QueryCx, SystemClock};

use crate::template::{GoTemplates, Render};

/// Settings for the life of a manager: what Prometheus takes from its flags.
#[derive(Clone)]
#[non_exhaustive]
pub struct RuleOptions {
    /// Where this server is reached, without a slash at the end: the root of an alert's `generatorURL`.
    pub external_url: String,
    /// Milliseconds after which an alert that is still active is sent again.
    pub resend_delay_ms: i64,
    /// Whether alerts of the first load are picked up where a process before left them in storage; until storage was asked,
    /// after the second evaluation, nothing of an alert is written.
    pub restore: bool,
    /// How long ago the process before may have ended for its alerts to be picked up, milliseconds.
    pub outage_tolerance_ms: i64,
    /// Alerts with a shorter `for` are not restored, and one that is restored does not fire before this has passed,
    /// milliseconds.
    pub for_grace_period_ms: i64,
    /// Threads on which rules of a group run beside the calling one, where none reads what the other writes; 0 runs rules
    /// one after the other.
    pub max_concurrent_evals: usize,
    /// Bounds of queries, of rule files, of templates and of alerts.
    pub limits: Limits,
    /// Only the classic character set in names.
    pub legacy_names: bool,
    /// Fields of rule files that the format does not know are passed over, not refused.
    pub ignore_unknown_fields: bool,
    /// Reads the templates of labels and annotations.
    pub templates: Arc<dyn Render>,
    /// Measures evaluation times and query deadlines. Never read for the time of an evaluation: that is an argument.
    pub clock: Arc<dyn Clock>,
}

impl Default for RuleOptions {
    fn default() -> Self {
        RuleOptions {
            external_url: String::new(),
            resend_delay_ms: 60_000,
            restore: true,
            outage_tolerance_ms: 3_600_000,
            for_grace_period_ms: 600_000,
            max_concurrent_evals: 0,
            limits: Limits::default(),
            legacy_names: false,
            ignore_unknown_fields: false,
            templates: Arc::new(GoTemplates),
            clock: Arc::new(SystemClock::new()),
        }
    }
}

impl RuleOptions {
    /// With the URL that alerts link to.
    #[must_use]
    pub fn with_external_url(mut self, url: impl Into<String>) -> Self {
        self.external_url = url.into();
        self
    }

    /// With this time until an active alert is sent again.
    #[must_use]
    pub fn with_resend_delay_ms(mut self, resend_delay_ms: i64) -> Self {
        self.resend_delay_ms = resend_delay_ms;
        self
    }

    /// Without a look at what a process before has stored: for stores that begin empty.
    #[must_use]
    pub fn without_restore(mut self) -> Self {
        self.restore = false;
        self
    }

    /// With this tolerance of outages, and this grace period, for alerts that are restored after a restart.
    #[must_use]
    pub fn with_restore_ms(mut self, outage_tolerance_ms: i64, for_grace_period_ms: i64) -> Self {
        self.outage_tolerance_ms = outage_tolerance_ms;
        self.for_grace_period_ms = for_grace_period_ms;
        self
    }

    /// With this many threads for rules of one group that may run side by side; Prometheus has 4 where it does so.
    #[must_use]
    pub fn with_max_concurrent_evals(mut self, threads: usize) -> Self {
        self.max_concurrent_evals = threads;
        self
    }

    /// With these limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// With another template language.
    #[must_use]
    pub fn with_templates(mut self, templates: Arc<dyn Render>) -> Self {
        self.templates = templates;
        self
    }

    /// With another clock for durations.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Only the classic character set in names, or any UTF-8.
    #[must_use]
    pub fn with_legacy_names(mut self, legacy_names: bool) -> Self {
        self.legacy_names = legacy_names;
        self
    }

    /// Passes over fields of rule files that the format does not know, or refuses such files, as Prometheus does.
    #[must_use]
    pub fn with_unknown_fields_ignored(mut self, ignored: bool) -> Self {
        self.ignore_unknown_fields = ignored;
        self
    }
}

impl RuleOptions {
    /// What one query may cost.
    pub(crate) fn query_cx(&self) -> QueryCx {
        QueryCx::unlimited()
            .with_timeout(self.clock.clone(), Duration::from_millis(self.limits.query_timeout_ms))
            .with_max_samples(self.limits.max_query_samples)
    }
}

/// The `global` section of a configuration, as far as rules care; it may change with every load.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuleGlobals {
    /// Interval of groups that name none, milliseconds.
    pub evaluation_interval_ms: i64,
    /// How far groups that do not say so look back, milliseconds.
    pub query_offset_ms: i64,
    /// What templates see as `$externalLabels`.
    pub external_labels: Labels,
}

impl Default for RuleGlobals {
    fn default() -> Self {
        RuleGlobals { evaluation_interval_ms: 60_000, query_offset_ms: 0, external_labels: Labels::empty() }
    }
}

impl RuleGlobals {
    /// With this interval for groups that name none.
    #[must_use]
    pub fn with_evaluation_interval_ms(mut self, interval_ms: i64) -> Self {
        self.evaluation_interval_ms = interval_ms;
        self
    }

    /// With this offset for groups that name none.
    #[must_use]
    pub fn with_query_offset_ms(mut self, query_offset_ms: i64) -> Self {
        self.query_offset_ms = query_offset_ms;
        self
    }

    /// With these external labels.
    #[must_use]
    pub fn with_external_labels(mut self, external_labels: Labels) -> Self {
        self.external_labels = external_labels;
        self
    }
}
