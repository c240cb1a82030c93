//! What the API asks of the program that it is part of.

use std::sync::Arc;

use promethium_model::{
    Clock, Exemplar, GoRegex, Labels, Limits, Matcher, QueryCx, QueryEngine, Queryable, StorageError, TimeRange,
};

use crate::error::ApiError;
use crate::view::{
    AlertmanagersView, BuildInfo, FamilyMetadata, RuleGroupView, RuntimeInfo, TargetMetadata, TargetsView, TsdbStatus,
    WalReplay,
};

/// The program behind the API. Store, engine, clock and limits are needed; a host without rules, targets or metadata
/// leaves those methods alone, and the API shows empty lists.
///
/// Methods are called on the thread that answers a request, several at a time.
pub trait ApiHost: Send + Sync {
    /// The store that is asked for labels and series, and under the queries.
    fn queryable(&self) -> &dyn Queryable;

    /// The engine that answers PromQL.
    fn engine(&self) -> &dyn QueryEngine;

    /// The clock of "now" and of deadlines.
    fn clock(&self) -> Arc<dyn Clock>;

    /// Limits: the API honours `max_query_samples`, `max_query_steps` and `query_timeout_ms`.
    fn limits(&self) -> &Limits;

    /// Whether requests can be answered.
    fn readiness(&self) -> Readiness {
        Readiness::Ready
    }

    /// What `/api/v1/status/buildinfo` says.
    fn build_info(&self) -> BuildInfo {
        BuildInfo::default()
    }

    /// All rule groups, in any order.
    fn rule_groups(&self) -> Vec<RuleGroupView> {
        Vec::new()
    }

    /// All targets.
    fn targets(&self) -> TargetsView {
        TargetsView::default()
    }

    /// What the active targets say about `family`, or about every family. Repetitions are welcome.
    fn metadata(&self, family: Option<&str>) -> Vec<FamilyMetadata> {
        let _ = family;
        Vec::new()
    }

    /// What each active target says about its families.
    fn target_metadata(&self) -> Vec<TargetMetadata> {
        Vec::new()
    }

    /// The exemplars in `range` of the series that any of the selectors accepts: by series in the order of labels, then by
    /// time. A selector is a list of matchers that must all accept.
    ///
    /// # Errors
    ///
    /// When the store fails, or `cx` says to stop.
    fn exemplars(
        &self,
        range: TimeRange,
        selectors: &[Vec<Matcher>],
        cx: &QueryCx,
    ) -> Result<Vec<(Labels, Vec<Exemplar>)>, StorageError> {
        let _ = (range, selectors);
        cx.check().map(|()| Vec::new())
    }

    /// Where alerts go.
    fn alertmanagers(&self) -> AlertmanagersView {
        AlertmanagersView::default()
    }

    /// What `/api/v1/status/runtimeinfo` says.
    fn runtime_info(&self) -> RuntimeInfo {
        RuntimeInfo::default()
    }

    /// The configuration, as YAML and without secrets: whoever may query may read it.
    fn config_yaml(&self) -> String {
        String::new()
    }

    /// The flags that the host runs with, and their values.
    fn flags(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// What the head of the store holds; at least the `rows` greatest of each table, the greatest first.
    fn tsdb_status(&self, rows: usize) -> TsdbStatus {
        let _ = rows;
        TsdbStatus::default()
    }

    /// The `meta.json` of each block, by their times.
    fn block_metas(&self) -> Vec<String> {
        Vec::new()
    }

    /// How far the log is replayed. Asked before the host is ready, too.
    fn wal_replay(&self) -> WalReplay {
        WalReplay::default()
    }

    /// What may be changed from outside; `None`, the default, where nothing may.
    fn admin(&self) -> Option<&dyn AdminHost> {
        None
    }

    /// Appends the host's own metrics to `out`, in the text format 0.0.4.
    fn self_metrics(&self, out: &mut String) {
        let _ = out;
    }

    /// Which web pages of other origins may read the API.
    fn cors(&self) -> &CorsOrigins {
        &CorsOrigins::Any
    }
}

/// What the endpoints below `/api/v1/admin` do. The API asks nobody for permission: a host that offers this says by itself
/// who may reach it.
pub trait AdminHost {
    /// Deletes the samples in `range` of the series that all matchers accept.
    ///
    /// # Errors
    ///
    /// When the store refuses.
    fn delete_series(&self, range: TimeRange, matchers: &[Matcher]) -> Result<(), ApiError>;

    /// Rids the blocks of what is deleted.
    ///
    /// # Errors
    ///
    /// When the store fails.
    fn clean_tombstones(&self) -> Result<(), ApiError>;

    /// Copies the store into a directory of its own below `snapshots`, without the head if that is to be skipped, and gives
    /// the directory's name.
    ///
    /// # Errors
    ///
    /// When the store fails.
    fn snapshot(&self, skip_head: bool) -> Result<String, ApiError>;
}

/// Whether a host can answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Readiness {
    /// Not yet: a log is being replayed.
    Starting,
    /// Yes.
    Ready,
    /// No longer.
    Stopping,
}

/// Which web pages of other origins may read the API.
#[derive(Clone, Debug)]
pub enum CorsOrigins {
    /// All: Prometheus' default.
    Any,
    /// Those whose origin matches as a whole.
    Matching(GoRegex),
}
