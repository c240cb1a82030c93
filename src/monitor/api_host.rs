//! A monitor behind the HTTP API.

use std::sync::Arc;

use promethium_api::{
    AdminHost, AlertmanagersView, ApiError, ApiHost, BuildInfo, FamilyMetadata, RuleGroupView, RuntimeInfo,
    TargetMetadata, TargetsView, TsdbStatus, WalReplay,
};
use promethium_model::{
    Clock, Exemplar, Labels, Limits, Matcher, Metadata, QueryCx, QueryEngine, Queryable, StorageError, TimeRange,
};
use promethium_scrape::{Health, ScrapeTarget};
use promethium_tsdb::block::BlockMeta;

use super::self_metrics::SelfMetrics;
use super::{Monitor, views};
use crate::error::MonitorError;

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
        let of = |(family, metadata): (&str, &Metadata)| FamilyMetadata {
            family: family.to_owned(),
            metadata: metadata.clone(),
        };
        let targets = self.targets.lock();
        let wanted = |name: &str| family.is_none_or(|f| f == name);
        targets.iter().flat_map(|(_, target)| target.metadata().filter(|(name, _)| wanted(name)).map(of)).collect()
    }

    fn target_metadata(&self) -> Vec<TargetMetadata> {
        let targets = self.targets.lock();
        let of_target = |target: &ScrapeTarget| {
            let labels = target.status().labels;
            let of_family = |(family, metadata): (&str, &Metadata)| TargetMetadata {
                target: labels.clone(),
                said: FamilyMetadata { family: family.to_owned(), metadata: metadata.clone() },
            };
            target.metadata().map(of_family).collect::<Vec<_>>()
        };
        targets.iter().flat_map(|(_, target)| of_target(target)).collect()
    }

    fn exemplars(
        &self,
        range: TimeRange,
        selectors: &[Vec<Matcher>],
        cx: &QueryCx,
    ) -> Result<Vec<(Labels, Vec<Exemplar>)>, StorageError> {
        self.store.exemplars(range, selectors, cx)
    }

    fn alertmanagers(&self) -> AlertmanagersView {
        let Some(alertmanagers) = &self.alertmanagers else { return AlertmanagersView::default() };
        AlertmanagersView {
            active: alertmanagers.queues().iter().map(|queue| queue.url().to_string()).collect(),
            dropped: alertmanagers.dropped().iter().map(views::dropped_alertmanager).collect(),
        }
    }

    fn runtime_info(&self) -> RuntimeInfo {
        let said = &self.description;
        RuntimeInfo {
            start_time_ms: Some(self.started_ms),
            working_directory: said.working_directory.clone(),
            hostname: said.hostname.clone(),
            last_config_time_ms: Some(self.started_ms),
            corruption_count: self.store.replay_report().map_or(0, |report| report.damage_count),
            max_threads: std::thread::available_parallelism().map_or(1, |n| n.get() as u64),
            storage_retention: said.storage_retention.clone(),
            ..RuntimeInfo::default()
        }
    }

    fn config_yaml(&self) -> String {
        self.description.config_yaml.clone()
    }

    fn flags(&self) -> Vec<(String, String)> {
        self.description.flags.clone()
    }

    fn tsdb_status(&self, rows: usize) -> TsdbStatus {
        let (stats, cardinality) = (self.store.stats(), self.store.cardinality(rows));
        views::tsdb_status(stats.as_ref(), cardinality.unwrap_or_default())
    }

    fn block_metas(&self) -> Vec<String> {
        self.store.block_metas().iter().map(BlockMeta::to_json_line).collect()
    }

    fn wal_replay(&self) -> WalReplay {
        // The log was replayed before there was a monitor.
        let segment = self.store.stats().and_then(|stats| stats.segment).unwrap_or_default();
        WalReplay { min: 0, max: segment, current: segment }
    }

    fn admin(&self) -> Option<&dyn AdminHost> {
        self.offers_admin.then_some(self as &dyn AdminHost)
    }

    fn self_metrics(&self, out: &mut String) {
        out.push_str(&self.metrics_page());
    }
}

impl AdminHost for Monitor {
    fn delete_series(&self, range: TimeRange, matchers: &[Matcher]) -> Result<(), ApiError> {
        self.store.delete(range, matchers).map_err(|error| failed(&error))
    }

    fn clean_tombstones(&self) -> Result<(), ApiError> {
        self.store.clean_tombstones(self.clock.now_ms()).map_err(|error| failed(&error))
    }

    fn snapshot(&self, skip_head: bool) -> Result<String, ApiError> {
        let dir = self.store.snapshot(self.clock.now_ms(), !skip_head).map_err(|error| failed(&error))?;
        Ok(dir.file_name().unwrap_or_default().to_string_lossy().into_owned())
    }
}

fn failed(error: &MonitorError) -> ApiError {
    ApiError::Host(error.to_string())
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
