//! The HTTP API over a monitor, without a server.

use promethium::api::{ApiRequest, ApiResponse, Method, handle};
use promethium::model::QueryCx;
use promethium::rules::RuleSource;

use crate::support::{Page, Rig};

const PAGE: &str = "# HELP jobs_total Jobs done.\n# TYPE jobs_total counter\njobs_total{queue=\"a\"} 10\n";
const RULES: &str = r#"
groups:
- name: jobs
  interval: 15s
  rules:
  - record: queue:jobs_total:sum
    expr: sum by (queue) (jobs_total)
  - alert: Busy
    expr: jobs_total > 5
    for: 1h
    labels: {severity: low}
    annotations: {summary: "queue {{ $labels.queue }}"}
"#;

/// A monitor that has been running for half a minute, its clock on a whole second.
fn rig() -> Rig {
    let rig = Rig::new(|m| m.target(Page::new(PAGE).target("app")).rules(RuleSource::new("jobs.yml", RULES)));
    rig.run_seconds(31);
    rig
}

fn ask(rig: &Rig, request: &ApiRequest) -> ApiResponse {
    handle(&rig.monitor, request, &QueryCx::unlimited())
}

fn get(rig: &Rig, target: &str) -> String {
    let response = ask(rig, &ApiRequest::new(Method::Get, target));
    assert_eq!(response.status, 200, "{target}");
    String::from_utf8(response.body).unwrap()
}

/// What stands between `{"status":"success","data":` and the last brace.
fn data(rig: &Rig, target: &str) -> String {
    let body = get(rig, target);
    let data = body.strip_prefix(r#"{"status":"success","data":"#).and_then(|rest| rest.strip_suffix('}'));
    data.unwrap_or_else(|| panic!("{target}: {body}")).to_owned()
}

#[test]
fn queries_answer_in_each_shape() {
    let rig = rig();
    let series = r#"{"__name__":"jobs_total","instance":"in-process","job":"app","queue":"a"}"#;
    assert_eq!(
        data(&rig, "/api/v1/query?query=jobs_total"),
        format!(r#"{{"resultType":"vector","result":[{{"metric":{series},"value":[1760000031,"10"]}}]}}"#)
    );
    assert_eq!(
        data(&rig, "/api/v1/query?query=sum(jobs_total)&time=1760000000"),
        r#"{"resultType":"vector","result":[{"metric":{},"value":[1760000000,"10"]}]}"#
    );
    assert_eq!(data(&rig, "/api/v1/query?query=1"), r#"{"resultType":"scalar","result":[1760000031,"1"]}"#);
    let values = r#"[[1760000000,"10"],[1760000015,"10"],[1760000030,"10"]]"#;
    assert_eq!(
        data(&rig, "/api/v1/query_range?query=jobs_total&start=1760000000&end=1760000030&step=15"),
        format!(r#"{{"resultType":"matrix","result":[{{"metric":{series},"values":{values}}}]}}"#)
    );
}

#[test]
fn a_form_answers_like_a_url() {
    let rig = rig();
    let form = ApiRequest::new(Method::Post, "/api/v1/query")
        .with_body(Some("application/x-www-form-urlencoded"), b"query=sum(jobs_total)");
    let response = ask(&rig, &form);
    assert_eq!(String::from_utf8(response.body).unwrap(), get(&rig, "/api/v1/query?query=sum(jobs_total)"));
}

#[test]
fn labels_and_series_are_those_of_the_store() {
    let rig = rig();
    assert_eq!(
        data(&rig, "/api/v1/labels"),
        r#"["__name__","alertname","alertstate","instance","job","queue","severity"]"#
    );
    assert_eq!(data(&rig, "/api/v1/labels?match[]=up"), r#"["__name__","instance","job"]"#);
    assert_eq!(data(&rig, "/api/v1/label/queue/values"), r#"["a"]"#);
    assert_eq!(
        data(&rig, "/api/v1/series?match[]=jobs_total"),
        r#"[{"__name__":"jobs_total","instance":"in-process","job":"app","queue":"a"}]"#
    );
}

const ALERT: &str = concat!(
    r#"{"labels":{"alertname":"Busy","instance":"in-process","job":"app","queue":"a","severity":"low"},"#,
    r#""annotations":{"summary":"queue a"},"state":"pending","activeAt":"2025-10-09T08:53:32.213Z","value":"1e+01"}"#
);
const RAN: &str = r#""evaluationTime":0,"lastEvaluation":"2025-10-09T08:53:47.213Z""#;

fn recording() -> String {
    let rule = r#""name":"queue:jobs_total:sum","query":"sum by (queue) (jobs_total)","labels":{},"health":"ok""#;
    format!(r#"{{{rule},{RAN},"type":"recording"}}"#)
}

fn alerting() -> String {
    let rule = r#""state":"pending","name":"Busy","query":"jobs_total \u003e 5","duration":3600,"keepFiringFor":0"#;
    let texts = r#""labels":{"severity":"low"},"annotations":{"summary":"queue {{ $labels.queue }}"}"#;
    format!(r#"{{{rule},{texts},"alerts":[{ALERT}],"health":"ok",{RAN},"type":"alerting"}}"#)
}

#[test]
fn rules_and_alerts_are_those_of_the_files() {
    let rig = rig();
    let group = |rules: &str| {
        let settings = r#""interval":15,"limit":0"#;
        format!(r#"{{"groups":[{{"name":"jobs","file":"jobs.yml","rules":[{rules}],{settings},{RAN}}}]}}"#)
    };
    assert_eq!(data(&rig, "/api/v1/alerts"), format!(r#"{{"alerts":[{ALERT}]}}"#));
    assert_eq!(data(&rig, "/api/v1/rules"), group(&format!("{},{}", recording(), alerting())));
    assert_eq!(data(&rig, "/api/v1/rules?type=record"), group(&recording()));
}

/// The types of `promethium::rules::shapes` say what the API says, both ways.
#[test]
fn rules_and_alerts_have_the_shapes_that_are_published() {
    use promethium::rules::shapes::{AlertsData, RulesData};
    let rig = rig();
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let answer = data(&rig, "/api/v1/rules");
    let read: RulesData = serde_json::from_str(&answer).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), value(&answer));
    assert_eq!(read, RulesData::of(&rig.monitor.rule_groups()));
    let answer = data(&rig, "/api/v1/alerts");
    let read: AlertsData = serde_json::from_str(&answer).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), value(&answer));
    assert_eq!(read, AlertsData::of(&rig.monitor.alerts()));
    let page: RulesData = serde_json::from_str(&data(&rig, "/api/v1/rules?type=alert&exclude_alerts=true")).unwrap();
    let promethium::rules::shapes::RuleData::Alerting(rule) = &page.groups[0].rules[0] else { panic!("{page:?}") };
    assert_eq!(rule.alerts, None);
}

#[test]
fn targets_and_metadata_are_those_of_the_last_scrape() {
    let rig = rig();
    assert_eq!(
        data(&rig, "/api/v1/targets"),
        concat!(
            r#"{"activeTargets":[{"discoveredLabels":{},"labels":{"instance":"in-process","job":"app"},"#,
            r#""scrapePool":"app","scrapeUrl":"","globalUrl":"","lastError":"","lastScrape":"2025-10-09T08:53:50Z","#,
            r#""lastScrapeDuration":0,"health":"up","scrapeInterval":"15s","scrapeTimeout":"10s"}],"#,
            r#""droppedTargets":[],"droppedTargetCounts":{"app":0}}"#
        )
    );
    let family = r#"{"jobs_total":[{"type":"counter","help":"Jobs done.","unit":""}]}"#;
    assert_eq!(data(&rig, "/api/v1/metadata"), family);
    assert_eq!(data(&rig, "/api/v1/metadata?metric=jobs_total"), family);
    assert_eq!(data(&rig, "/api/v1/metadata?metric=other"), "{}");
}

#[test]
fn the_build_says_its_version() {
    let version = concat!(r#"{"version":"3.14.0+promethium."#, env!("CARGO_PKG_VERSION"), r#"","#);
    let build = data(&rig(), "/api/v1/status/buildinfo");
    assert!(build.starts_with(version), "{build}");
}

#[test]
fn health_readiness_and_own_metrics_are_plain_text() {
    let rig = rig();
    assert_eq!(get(&rig, "/-/healthy"), "Prometheus Server is Healthy.\n");
    assert_eq!(get(&rig, "/-/ready"), "Prometheus Server is Ready.\n");
    let page = get(&rig, "/metrics");
    for line in [
        "promethium_targets_up 1",
        "prometheus_tsdb_head_series 9",
        "prometheus_tsdb_wal_corruptions_total 0",
        "prometheus_rule_evaluations_total{rule_group=\"jobs.yml;jobs\"} 4",
        "prometheus_rule_evaluation_failures_total{rule_group=\"jobs.yml;jobs\"} 0",
    ] {
        assert!(page.lines().any(|l| l == line), "{line}");
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    let rig = rig();
    assert_eq!(ask(&rig, &ApiRequest::new(Method::Get, "/api/v1/nothing")).status, 404);
    assert_eq!(ask(&rig, &ApiRequest::new(Method::Post, "/-/ready")).status, 405);
}
