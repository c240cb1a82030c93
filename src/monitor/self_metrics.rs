//! The monitor's own metrics, under Prometheus' names.

use promethium_exposition::text::Encoder;
use promethium_model::MetricType::{Counter, Gauge};
use promethium_notify::AlertmanagerMetrics;
use promethium_rules::RuleMetrics;
use promethium_tsdb::DbStats;

use super::alerting_metrics::{push_alertmanagers, push_rules};

/// Everything that goes onto the page.
pub(super) struct SelfMetrics {
    pub(super) store: Option<DbStats>,
    /// Places where the store's log was damaged when it was opened.
    pub(super) damage: Option<u64>,
    pub(super) rules: RuleMetrics,
    pub(super) alertmanagers: Vec<AlertmanagerMetrics>,
    /// Of each queue, where there is none yet.
    pub(super) queue_capacity: usize,
    pub(super) targets_up: usize,
    pub(super) targets: usize,
}

impl SelfMetrics {
    /// The page, in the text format 0.0.4.
    pub(super) fn page(&self) -> String {
        let mut page = Encoder::new();
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        page.family("promethium_build_info", Gauge, "Version of the running library.").sample(&version, 1.0);
        page.family("promethium_targets", Gauge, "Scrape targets.").sample(&[], self.targets as f64);
        page.family("promethium_targets_up", Gauge, "Scrape targets whose last scrape succeeded.")
            .sample(&[], self.targets_up as f64);
        if let Some(store) = &self.store {
            push_store(&mut page, store);
        }
        if let Some(damage) = self.damage {
            page.family("prometheus_tsdb_wal_corruptions_total", Counter, "Damage that was found in the log.")
                .sample(&[], damage as f64);
        }
        push_rules(&mut page, &self.rules);
        push_alertmanagers(&mut page, &self.alertmanagers, self.queue_capacity);
        page.into_string()
    }
}

fn push_store(page: &mut Encoder, store: &DbStats) {
    let read_only = f64::from(u8::from(store.read_only.is_some()));
    let times = [store.min_time_ms, store.max_time_ms].map(|t| t.unwrap_or(0) as f64);
    page.family("prometheus_tsdb_head_series", Gauge, "Series in the head.").sample(&[], store.series as f64);
    page.family("prometheus_tsdb_head_chunks", Gauge, "Chunks in the head.").sample(&[], store.chunks as f64);
    page.family("prometheus_tsdb_head_samples_appended_total", Counter, "Samples that the head took.")
        .sample(&[("type", "float")], store.samples as f64);
    page.family("prometheus_tsdb_head_min_time", Gauge, "Oldest time in the head, milliseconds.").sample(&[], times[0]);
    page.family("prometheus_tsdb_head_max_time", Gauge, "Newest time in the head, milliseconds.").sample(&[], times[1]);
    page.family("promethium_tsdb_head_chunk_bytes", Gauge, "Memory that chunks take.")
        .sample(&[], store.chunk_bytes as f64);
    page.family("promethium_tsdb_wal_written_bytes_total", Counter, "Bytes written to the log since it was opened.")
        .sample(&[], store.log_bytes as f64);
    page.family("promethium_tsdb_read_only", Gauge, "Whether the store refuses writes after a failure of its log.")
        .sample(&[], read_only);
}
