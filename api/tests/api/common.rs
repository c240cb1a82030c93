//! A host over a [`MemStore`] whose engine answers a few scripted queries.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use promethium_api::*;
use promethium_model::*;

/// The time that the host's clock shows.
pub(crate) const NOW_MS: i64 = 1_600_000_000_500;

pub(crate) struct TestHost {
    pub(crate) store: MemStore,
    pub(crate) engine: ScriptedEngine,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) limits: Limits,
    pub(crate) readiness: Readiness,
    pub(crate) cors: CorsOrigins,
    pub(crate) admin: Option<ScriptedAdmin>,
}

/// Notes what it was told.
#[derive(Default)]
pub(crate) struct ScriptedAdmin {
    pub(crate) told: Mutex<Vec<String>>,
}

impl AdminHost for ScriptedAdmin {
    fn delete_series(&self, range: TimeRange, matchers: &[Matcher]) -> Result<(), ApiError> {
        self.told.lock().unwrap().push(format!("delete {} {} {}", range.min_ms, range.max_ms, matchers[0]));
        Ok(())
    }

    fn clean_tombstones(&self) -> Result<(), ApiError> {
        Err(ApiError::Host("disk on <fire>".to_owned()))
    }

    fn snapshot(&self, skip_head: bool) -> Result<String, ApiError> {
        Ok(if skip_head { "without-head" } else { "with-head" }.to_owned())
    }
}

impl TestHost {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(ManualClock::new(NOW_MS));
        TestHost {
            store: filled_store(),
            engine: ScriptedEngine { clock: clock.clone(), progress: None, calls: AtomicUsize::new(0) },
            clock,
            limits: Limits::default(),
            readiness: Readiness::Ready,
            cors: CorsOrigins::Any,
            admin: None,
        }
    }

    pub(crate) fn get(&self, target: &str) -> ApiResponse {
        self.send(&ApiRequest::new(Method::Get, target))
    }

    pub(crate) fn send(&self, request: &ApiRequest) -> ApiResponse {
        handle(self, request, &QueryCx::unlimited())
    }
}

fn filled_store() -> MemStore {
    let store = MemStore::new();
    let mut tx = store.appender();
    for (name, job, instance) in
        [("up", "node", "a:1"), ("up", "node", "b:1"), ("up", "db", "c:1"), ("x<y", "db", "c:1")]
    {
        let labels = Labels::from_pairs([("__name__", name), ("job", job), ("instance", instance)]);
        for i in 0..5 {
            let point = Point::float(NOW_MS - i64::from(5 - i) * 1_000, f64::from(i));
            tx.append(SeriesKey::Labels(&labels), point, &AppendOptions::default()).unwrap();
        }
    }
    tx.commit().unwrap();
    store
}

impl ApiHost for TestHost {
    fn queryable(&self) -> &dyn Queryable {
        &self.store
    }

    fn engine(&self) -> &dyn QueryEngine {
        &self.engine
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn readiness(&self) -> Readiness {
        self.readiness
    }

    fn build_info(&self) -> BuildInfo {
        let text = str::to_owned;
        BuildInfo {
            version: text("0.1.0"),
            revision: text("abc"),
            branch: text("main"),
            build_user: text("ci"),
            build_date: text("20260102-03:04:05"),
            go_version: text("rust1.95"),
        }
    }

    fn admin(&self) -> Option<&dyn AdminHost> {
        self.admin.as_ref().map(|admin| admin as &dyn AdminHost)
    }

    fn exemplars(
        &self,
        range: TimeRange,
        selectors: &[Vec<Matcher>],
        cx: &QueryCx,
    ) -> Result<Vec<(Labels, Vec<Exemplar>)>, StorageError> {
        cx.check()?;
        let trace = |id: &str, value, t| Exemplar {
            labels: Labels::from_pairs([("trace_id", id)]),
            value,
            timestamp_ms: Some(t),
        };
        let mut exemplars = vec![trace("a<b", 6.0, NOW_MS - 555), trace("", 1e-7, NOW_MS - 500)];
        exemplars.retain(|e| e.timestamp_ms.is_some_and(|t| t >= range.min_ms && t <= range.max_ms));
        let labels = Labels::from_pairs([("__name__", "up"), ("job", "node")]);
        let accepts = |set: &Vec<Matcher>| set.iter().all(|m| m.matches(labels.get(&m.name).unwrap_or_default()));
        Ok(if selectors.iter().any(accepts) { vec![(labels, exemplars)] } else { Vec::new() })
    }

    fn alertmanagers(&self) -> AlertmanagersView {
        let url = |host: &str| format!("http://{host}:9093/api/v2/alerts");
        AlertmanagersView { active: vec![url("a"), url("b")], dropped: vec![url("c")] }
    }

    fn runtime_info(&self) -> RuntimeInfo {
        RuntimeInfo {
            start_time_ms: Some(NOW_MS - 1_000),
            working_directory: "/srv".to_owned(),
            hostname: "host-1".to_owned(),
            reload_config_success: false,
            corruption_count: 3,
            threads: 4,
            max_threads: 2,
            storage_retention: "15d".to_owned(),
            ..RuntimeInfo::default()
        }
    }

    fn config_yaml(&self) -> String {
        "global:\n  scrape_interval: 15s\n".to_owned()
    }

    fn flags(&self) -> Vec<(String, String)> {
        [("web.b", "<x>"), ("config.file", "")].map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    }

    fn tsdb_status(&self, _: usize) -> TsdbStatus {
        let rows = |n: u64| (0..n).map(|i| (format!("name-{i}"), 100 - i)).collect();
        TsdbStatus {
            series: 508,
            label_pairs: 1_234,
            chunks: 937,
            min_time_ms: Some(-1),
            max_time_ms: None,
            series_by_metric: rows(12),
            values_by_label: rows(1),
            bytes_by_label: rows(1),
            series_by_pair: rows(0),
        }
    }

    fn block_metas(&self) -> Vec<String> {
        vec![r#"{"ulid":"01","version":1}"#.to_owned(), r#"{"ulid":"02","version":1}"#.to_owned()]
    }

    fn wal_replay(&self) -> WalReplay {
        WalReplay { min: 2, max: 5, current: 3 }
    }

    fn target_metadata(&self) -> Vec<TargetMetadata> {
        let say = |job: &str, family: &str, help: &str| TargetMetadata {
            target: Labels::from_pairs([("instance", "a:1"), ("job", job)]),
            said: FamilyMetadata {
                family: family.to_owned(),
                metadata: Metadata { metric_type: MetricType::Gauge, help: help.to_owned(), unit: String::new() },
            },
        };
        vec![say("node", "up", "Is <up>."), say("node", "load", "Load."), say("db", "up", "Is up.")]
    }

    fn rule_groups(&self) -> Vec<RuleGroupView> {
        vec![group("b.yml", "second", vec![recording()]), group("a.yml", "first", vec![alerting(), recording()])]
    }

    fn targets(&self) -> TargetsView {
        TargetsView {
            active: vec![target("node", TargetHealth::Down), target("a&b", TargetHealth::Unknown)],
            dropped: vec![DroppedTargetView {
                discovered_labels: Labels::from_pairs([("__address__", "d:1")]),
                scrape_pool: "node".to_owned(),
            }],
            dropped_counts: vec![("node".to_owned(), 3), ("a&b".to_owned(), 0)],
        }
    }

    fn metadata(&self, _: Option<&str>) -> Vec<FamilyMetadata> {
        let say = |family: &str, metric_type, help: &str, unit: &str| FamilyMetadata {
            family: family.to_owned(),
            metadata: Metadata { metric_type, help: help.to_owned(), unit: unit.to_owned() },
        };
        vec![
            say("up_seconds", MetricType::Gauge, "Seconds <up>.", "seconds"),
            say("reads_total", MetricType::Counter, "Reads.", ""),
            say("reads_total", MetricType::Unknown, "Other reads.", ""),
            say("reads_total", MetricType::Counter, "Reads.", ""),
        ]
    }

    fn self_metrics(&self, out: &mut String) {
        out.push_str("# TYPE host_up gauge\nhost_up 1\n");
    }

    fn cors(&self) -> &CorsOrigins {
        &self.cors
    }
}

fn group(file: &str, name: &str, rules: Vec<RuleView>) -> RuleGroupView {
    RuleGroupView {
        name: name.to_owned(),
        file: file.to_owned(),
        rules,
        interval: Duration::from_secs(15),
        limit: 10,
        evaluation_time: Duration::from_micros(1_500),
        last_evaluation_ms: Some(NOW_MS),
    }
}

fn recording() -> RuleView {
    RuleView {
        name: "job:up:sum".to_owned(),
        query: "sum by (job) (up) > 0".to_owned(),
        evaluation_time: Duration::from_nanos(500),
        ..RuleView::default()
    }
}

fn alerting() -> RuleView {
    let labels = Labels::from_pairs([("severity", "page")]);
    let alert = |state, value| AlertView {
        labels: Labels::from_pairs([("alertname", "Down"), ("severity", "page")]),
        annotations: Labels::from_pairs([("summary", "x < y")]),
        state,
        active_at_ms: NOW_MS - 60_000,
        keep_firing_since_ms: (state == AlertState::Firing).then_some(NOW_MS),
        value,
    };
    RuleView {
        name: "Down".to_owned(),
        query: "up == 0".to_owned(),
        labels,
        health: RuleHealth::Err,
        last_error: "a < b".to_owned(),
        evaluation_time: Duration::from_millis(2),
        last_evaluation_ms: Some(NOW_MS - 500),
        kind: RuleKind::Alerting(AlertingView {
            state: AlertState::Firing,
            hold: Duration::from_secs(300),
            keep_firing_for: Duration::from_millis(500),
            annotations: Labels::from_pairs([("summary", "{{ $value }} < y")]),
            alerts: vec![
                alert(AlertState::Pending, 0.0),
                alert(AlertState::Firing, 12.5),
                alert(AlertState::Inactive, 1.0),
            ],
        }),
    }
}

fn target(pool: &str, health: TargetHealth) -> TargetView {
    let scraped = health != TargetHealth::Unknown;
    TargetView {
        discovered_labels: Labels::from_pairs([("__address__", "a:1"), ("job", pool)]),
        labels: Labels::from_pairs([("instance", "a:1"), ("job", pool)]),
        scrape_pool: pool.to_owned(),
        scrape_url: "http://a:1/metrics?x=1&y=2".to_owned(),
        global_url: "http://a:1/metrics?x=1&y=2".to_owned(),
        last_error: if scraped { "connection refused".to_owned() } else { String::new() },
        last_scrape_ms: scraped.then_some(NOW_MS),
        last_scrape_duration: Duration::from_micros(250),
        health,
        scrape_interval_ms: 60_000,
        scrape_timeout_ms: 1_500,
    }
}

/// Knows what it was told; everything else is a parse error.
pub(crate) struct ScriptedEngine {
    clock: Arc<ManualClock>,
    /// Hears when `until cancelled` starts and ends.
    pub(crate) progress: Option<Sender<&'static str>>,
    /// Evaluations of `slow at the second time`.
    calls: AtomicUsize,
}

impl ScriptedEngine {
    fn value(&self, store: &dyn Queryable, query: &str, t: i64, cx: &QueryCx) -> Result<QueryValue, QueryError> {
        Ok(match query {
            "1+1" => QueryValue::Scalar { timestamp_ms: t, value: 2.0 },
            "1e21" => QueryValue::Scalar { timestamp_ms: t, value: 1e21 },
            "\"a<b\"" => QueryValue::String { timestamp_ms: t, value: "a<b".to_owned() },
            "nothing" => QueryValue::Vector(vec![]),
            "up" => QueryValue::Vector(read(store, cx)?.into_iter().map(|(l, b)| sample(l, t, b.floats[4])).collect()),
            "up[5s]" => QueryValue::Matrix(read(store, cx)?.into_iter().map(|(l, b)| series(l, &b)).collect()),
            "warned" => QueryValue::Vector(vec![sample(Labels::empty(), t, f64::NAN)]),
            "many to many" => return Err(QueryError::Execution("found duplicate series <x>".to_owned())),
            "forever" => loop {
                cx.check()?;
                self.clock.advance(Duration::from_secs(1));
            },
            "slow at the second time" => {
                let calls = self.calls.fetch_add(1, Ordering::Relaxed);
                if calls == 1 {
                    self.clock.advance(Duration::from_secs(1));
                    cx.check()?;
                }
                QueryValue::Scalar { timestamp_ms: t, value: calls as f64 }
            }
            "until cancelled" => return Err(self.wait_for_cancellation(cx).into()),
            "panic" => panic!("a query that panics"),
            "broken" => return Err(StorageError::Backend("disk on fire".into()).into()),
            "too much" => {
                cx.acquire_samples(usize::MAX / 2)?;
                unreachable!("a query without a limit of samples")
            }
            _ => {
                let position = Position { line: 1, column: 1 };
                return Err(QueryError::Parse { position, message: "no expression found in input".to_owned() });
            }
        })
    }

    fn wait_for_cancellation(&self, cx: &QueryCx) -> StorageError {
        self.tell("started");
        loop {
            if let Err(error) = cx.check() {
                self.tell("cancelled");
                return error;
            }
            std::thread::yield_now();
        }
    }

    fn tell(&self, progress: &'static str) {
        if let Some(sender) = &self.progress {
            let _ = sender.send(progress);
        }
    }

    fn output(&self, query: &str, value: QueryValue, lookback_ms: Option<i64>) -> QueryOutput {
        let mut annotations = Annotations::new();
        if query == "warned" {
            let at = Some(Position { line: 1, column: 2 });
            (0..12).for_each(|i| annotations.warn(format!("bad & {i}"), at));
            annotations.info(format!("lookback {lookback_ms:?}"), at);
        }
        QueryOutput { value, annotations }
    }
}

fn read(store: &dyn Queryable, cx: &QueryCx) -> Result<Vec<(Labels, SampleBatch)>, StorageError> {
    let range = TimeRange::ALL;
    let querier = store.querier(range)?;
    let mut set = querier.select(&[Matcher::equal("__name__", "up")], &SelectHints::sorted(range), cx)?;
    let mut all = Vec::new();
    while let Some(mut entry) = set.next_series()? {
        let mut batch = SampleBatch::new();
        while entry.samples.next_batch(&mut batch)? {}
        cx.acquire_samples(batch.len())?;
        all.push((entry.labels, batch));
    }
    Ok(all)
}

fn sample(labels: Labels, timestamp_ms: i64, value: f64) -> VectorSample {
    VectorSample { labels, timestamp_ms, value: SampleValue::Float(value) }
}

fn series(labels: Labels, batch: &SampleBatch) -> MatrixSeries {
    let floats = batch.timestamps.iter().copied().zip(batch.floats.iter().copied()).collect();
    MatrixSeries { labels, floats, histograms: vec![] }
}

impl QueryEngine for ScriptedEngine {
    fn check(&self, query: &str) -> Result<String, QueryError> {
        self.selector(query)?;
        Ok(query.to_owned())
    }

    fn syntax_json(&self, query: &str) -> Result<String, QueryError> {
        self.check(query).map(|number| format!(r#"{{"type":"numberLiteral","val":"{number}"}}"#))
    }

    /// A number has none, a word is one.
    fn selectors(&self, query: &str) -> Result<Vec<Vec<Matcher>>, QueryError> {
        if query == "1+1" { Ok(Vec::new()) } else { Ok(vec![self.selector(query)?]) }
    }

    /// `name`, `{label="value"}` or both, one matcher, `=` or `=~`.
    fn selector(&self, text: &str) -> Result<Vec<Matcher>, QueryError> {
        let bad =
            || QueryError::Parse { position: Position { line: 1, column: 1 }, message: "unexpected <op:*>".to_owned() };
        let (name, rest) = text.split_once('{').unwrap_or((text, "}"));
        let mut matchers = Vec::new();
        if !name.is_empty() {
            matchers.push(Matcher::equal("__name__", name));
        }
        let inside = rest.strip_suffix('}').filter(|_| name != "*").ok_or_else(bad)?;
        if let Some((label, value)) = inside.split_once("=~") {
            matchers.push(Matcher::new(MatchOp::Regex, label, value.trim_matches('"')).map_err(|_| bad())?);
        } else if let Some((label, value)) = inside.split_once('=') {
            matchers.push(Matcher::equal(label, value.trim_matches('"')));
        }
        Ok(matchers)
    }

    fn instant(
        &self,
        store: &dyn Queryable,
        query: &str,
        options: &InstantOptions,
        cx: &QueryCx,
    ) -> Result<QueryOutput, QueryError> {
        cx.check()?;
        Ok(self.output(query, self.value(store, query, options.time_ms, cx)?, options.lookback_ms))
    }

    fn range(
        &self,
        store: &dyn Queryable,
        query: &str,
        options: &RangeOptions,
        cx: &QueryCx,
    ) -> Result<QueryOutput, QueryError> {
        if query == "steps" {
            let floats =
                (options.start_ms..=options.end_ms).step_by(options.step_ms as usize).map(|t| (t, 1.0)).collect();
            let value = QueryValue::Matrix(vec![MatrixSeries { floats, ..MatrixSeries::default() }]);
            return Ok(QueryOutput { value, annotations: Annotations::new() });
        }
        let value = self.value(store, query, options.start_ms, cx)?;
        if matches!(value, QueryValue::Matrix(_)) {
            return Err(QueryError::Invalid(
                "invalid expression type \"range vector\" for range query, must be Scalar or instant Vector".to_owned(),
            ));
        }
        Ok(self.output(query, value, options.lookback_ms))
    }
}
