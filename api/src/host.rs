//! What the API asks of the program that it is part of.

use std::sync::Arc;

use promethium_model::{Clock, GoRegex, Limits, QueryEngine, Queryable};

use crate::view::{BuildInfo, FamilyMetadata, RuleGroupView, TargetsView};

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

    /// Appends the host's own metrics to `out`, in the text format 0.0.4.
    fn self_metrics(&self, out: &mut String) {
        let _ = out;
    }

    /// Which web pages of other origins may read the API.
    fn cors(&self) -> &CorsOrigins {
        &CorsOrigins::Any
    }
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
