//! A monitor behind the HTTP API.

use std::sync::Arc;

use promethium_api::{ApiHost, BuildInfo, FamilyMetadata, RuleGroupView, TargetsView};
use promethium_model::{Clock, Limits, QueryEngine, Queryable};
use promethium_scrape::Health;

use super::self_metrics::SelfMetrics;
use super::{Monitor, views};

/// The Prometheus whose API this is, by which clients tell what it can do, with our own version as build metadata.
const COMPATIBLE_VERSION: &str = concat!("3.14.0+promethium.", env!("CARGO_PKG_VERSION"));

impl ApiHost for Monitor {
    fn queryable(&self) -> &dyn Queryable {
        &*self.store
    }

    fn engine(&self) -> &dyn QueryEngine {
        &*self.engine
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn build_info(&self) -> BuildInfo {
        BuildInfo { version: COMPATIBLE_VERSION.to_owned(), ..BuildInfo::default() }
    }

    fn rule_groups(&self) -> Vec<RuleGroupView> {
        self.rules.groups().into_iter().map(views::group).collect()
    }

    fn targets(&self) -> TargetsView {
        views::targets(self.targets.lock().statuses())
    }

    fn metadata(&self, family: Option<&str>) -> Vec<FamilyMetadata> {
        let of = |(family, metadata): (&str, &promethium_model::Metadata)| FamilyMetadata {
            family: family.to_owned(),
            metadata: metadata.clone(),
        };
        let targets = self.targets.lock();
        let wanted = |name: &str| family.is_none_or(|f| f == name);
        targets.iter().flat_map(|(_, target)| target.metadata().filter(|(name, _)| wanted(name)).map(of)).collect()
    }

    fn self_metrics(&self, out: &mut String) {
        out.push_str(&self.metrics_page());
    }
}

impl Monitor {
    /// The monitor's own metrics in the text format, under Prometheus' names: a page to scrape, and what `/metrics` shows.
    #[must_use]
    pub fn metrics_page(&self) -> String {
        let statuses = Monitor::targets(self);
        let metrics = SelfMetrics {
            store: self.store.stats(),
            damage: self.store.replay_report().map(|report| report.damage_count),
            rules: self.rules.metrics(),
            alertmanagers: self.alertmanagers.as_ref().map(|a| a.metrics()).unwrap_or_default(),
            queue_capacity: self.limits.max_notification_queue,
            targets_up: statuses.iter().filter(|s| s.health == Health::Up).count(),
            targets: statuses.len(),
        };
        metrics.page()
    }
}
