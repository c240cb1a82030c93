//! Queries: wrong ones, and ones that take too much.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use promethium::Monitor;
use promethium::api::{ApiRequest, Method, handle};
use promethium::model::{Clock, Limits, QueryCx, QueryError, QueryValue};
use promethium::promql::Features;

use crate::support::{Page, Rig, START_MS};

fn rig(set: impl FnOnce(&mut Limits)) -> Rig {
    let mut limits = Limits::default();
    set(&mut limits);
    let page = Page::new("a 1\nb 2\nc 3\n");
    Rig::new(|m| m.limits(limits).target(page.target("app")))
}

fn get(monitor: &Monitor, target: &str) -> (u16, String) {
    let response = handle(monitor, &ApiRequest::new(Method::Get, target), &QueryCx::unlimited());
    (response.status, String::from_utf8(response.body).unwrap())
}

#[test]
fn what_prometheus_has_behind_flags_is_off_until_it_is_switched_on() {
    let expr = "limitk(1, vector(1))";
    let refused = rig(|_| ()).monitor.query(expr, START_MS).unwrap_err().to_string();
    assert!(refused.ends_with("must be enabled with --enable-feature=promql-experimental-functions"), "{refused}");
    let rig = Rig::new(|m| m.features(Features::all()));
    assert!(rig.monitor.query(expr, START_MS).is_ok());
}

#[test]
fn wrong_promql_is_refused_with_position_and_text() {
    let rig = rig(|_| ());
    for (expr, escaped, error) in [
        ("sum(", "sum(", "1:5: parse error: unclosed left parenthesis"),
        ("up{job=\"x\"", "up%7Bjob%3D%22x%22", "1:11: parse error: unexpected end of input inside braces"),
        (
            "rate(up)",
            "rate(up)",
            "1:6: parse error: expected type range vector in call to function \"rate\", got instant vector",
        ),
        ("up[5m", "up%5B5m", "1:6: parse error: unclosed left bracket"),
        ("1 +", "1%20%2B", "1:4: parse error: unexpected end of input"),
    ] {
        let found = rig.monitor.query(expr, START_MS).unwrap_err();
        assert_eq!(found.to_string(), error, "{expr}");
        assert!(matches!(found, QueryError::Parse { .. }));
        let range = rig.monitor.query_range(expr, START_MS..=START_MS + 1, 1).unwrap_err();
        assert_eq!(range.to_string(), error, "{expr}");

        let body = format!(
            "{{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"invalid parameter \\\"query\\\": {}\"}}",
            error.replace('"', "\\\"")
        );
        assert_eq!(get(&rig.monitor, &format!("/api/v1/query?query={escaped}")), (400, body), "{expr}");
    }
}

#[test]
fn a_range_query_has_a_bound_on_its_steps() {
    let rig = rig(|l| l.max_query_steps = 100);
    rig.run(1);
    let steps = |end: i64| rig.monitor.query_range("vector(1)", 0..=end, 10);
    match steps(1_000).unwrap().value {
        QueryValue::Matrix(series) => assert_eq!(series[0].floats.len(), 101),
        other => panic!("{other:?}"),
    }
    assert_eq!(steps(1_010).unwrap_err().to_string(), "more than 100 steps");
    assert!(matches!(rig.monitor.query_range("up", i64::MIN..=i64::MAX, 1), Err(QueryError::Invalid(_))));
    assert_eq!(get(&rig.monitor, "/api/v1/query_range?query=up&start=0&end=1.01&step=0.01").0, 400);
}

#[test]
fn a_range_query_needs_a_step_and_an_order() {
    let rig = rig(|_| ());
    for step_ms in [0, -1, i64::MIN] {
        let error = rig.monitor.query_range("up", 0..=10, step_ms).unwrap_err();
        assert_eq!(error.to_string(), format!("the step must be positive, not {step_ms} ms"));
    }
    let (start_ms, end_ms) = (10, 0);
    let error = rig.monitor.query_range("up", start_ms..=end_ms, 1).unwrap_err();
    assert_eq!(error.to_string(), "end timestamp must not be before start time");
}

#[test]
fn a_query_may_take_only_so_many_samples() {
    let rig = rig(|l| l.max_query_samples = 5);
    rig.run(2);
    assert_eq!(rig.value("count({__name__=~'a|b'})"), Some(2.0));
    let error = rig.monitor.query("{__name__=~'.+'}", rig.now_ms()).unwrap_err();
    assert!(matches!(error, QueryError::TooManySamples { limit: 5 }), "{error:?}");
    assert_eq!(rig.value("a"), Some(1.0), "the next query has a budget of its own");
}

#[test]
fn a_query_may_be_only_so_long_and_so_deep() {
    let rig = rig(|l| (l.max_query_bytes, l.max_query_depth) = (64, 10));
    assert_eq!(rig.value("((((1))))"), Some(1.0));
    for (expr, error) in [
        (format!("{}1{}", "(".repeat(20), ")".repeat(20)), "expression is nested deeper than 10 levels"),
        (format!("1{}", " + 1".repeat(20)), "expression is longer than 64 bytes"),
    ] {
        let found = rig.monitor.query(&expr, START_MS).unwrap_err();
        assert!(matches!(&found, QueryError::Parse { message, .. } if message == error), "{expr}: {found}");
    }
}

/// A second goes by whenever somebody looks.
#[derive(Default)]
struct Hasty(AtomicU64);

impl Clock for Hasty {
    fn now_ms(&self) -> i64 {
        START_MS
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.fetch_add(1, Ordering::SeqCst))
    }
}

#[test]
fn a_query_may_take_only_so_long() {
    let mut limits = Limits::default();
    limits.query_timeout_ms = 1_500;
    let page = Page::new("a 1\n");
    let monitor =
        Monitor::builder().clock(Arc::new(Hasty::default())).limits(limits).target(page.target("app")).build().unwrap();
    monitor.tick(START_MS).unwrap();
    let error = monitor.query("sum(a) + sum(up) + sum(a) + sum(up)", START_MS).unwrap_err();
    assert!(matches!(error, QueryError::Timeout { .. }), "{error:?}");
    let (status, body) = get(&monitor, "/api/v1/query?query=sum(a)%2Bsum(up)%2Bsum(a)%2Bsum(up)");
    assert_eq!(status, 503, "{body}");
}
