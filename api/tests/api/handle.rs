//! What a table of bodies cannot show: headers, readiness, limits, cancellation, hostile input.

use crate::common::{ScriptedAdmin, TestHost};
use promethium_api::{ApiRequest, ApiResponse, CorsOrigins, MAX_PARAMETERS, Method, Readiness, handle};
use promethium_model::{GoRegex, QueryCx};
use proptest::prelude::*;

#[test]
fn the_api_is_json_that_no_browser_sniffs() {
    for target in ["/api/v1/labels", "/api/v1/query?query=", "/api/v1/nothing", "/-/healthy", "/metrics"] {
        assert_eq!(TestHost::new().get(target).header("x-content-type-options"), Some("nosniff"), "{target}");
    }
    assert_eq!(TestHost::new().get("/api/v1/labels").content_type, Some("application/json"));
}

#[test]
fn own_metrics_are_a_text_page() {
    let response = TestHost::new().get("/metrics");
    assert_eq!(response.content_type, Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(response.body, b"# TYPE host_up gauge\nhost_up 1\n");
}

#[test]
fn a_refused_method_learns_the_allowed_ones() {
    let put = |target| TestHost::new().send(&ApiRequest::new(Method::Other, target));
    assert_eq!(put("/api/v1/query").header("allow"), Some("GET, OPTIONS, POST"));
    assert_eq!(put("/api/v1/rules").header("allow"), Some("GET, OPTIONS"));
    assert_eq!(put("/-/ready").header("allow"), Some("GET, HEAD"));
}

#[test]
fn before_ready_only_health_and_metrics_answer() {
    for (readiness, stopping) in [(Readiness::Starting, "false"), (Readiness::Stopping, "true")] {
        let host = TestHost { readiness, ..TestHost::new() };
        for target in ["/api/v1/query?query=1%2B1", "/api/v1/rules", "/api/v1/status/buildinfo", "/-/ready"] {
            let response = host.get(target);
            assert_eq!(
                (response.status, response.body.as_slice()),
                (503, b"Service Unavailable".as_slice()),
                "{target}"
            );
            assert_eq!(response.header("x-prometheus-stopping"), Some(stopping));
        }
        assert_eq!(host.get("/-/healthy").status, 200);
        assert_eq!(host.get("/metrics").status, 200);
        assert_eq!(host.get("/api/v1/nothing").status, 404);
    }
}

#[test]
fn cross_origin_headers_answer_an_origin() {
    let ask = |cors, origin: &str| {
        let request = ApiRequest::new(Method::Options, "/api/v1/query").with_origin(origin);
        TestHost { cors, ..TestHost::new() }.send(&request)
    };
    let matching = || CorsOrigins::Matching(GoRegex::new("https://.*\\.example").unwrap());
    assert_eq!(ask(CorsOrigins::Any, "http://x").header("access-control-allow-origin"), Some("*"));
    assert_eq!(ask(matching(), "https://a.example").header("access-control-allow-origin"), Some("https://a.example"));
    assert_eq!(ask(matching(), "https://a.example.evil").header("access-control-allow-origin"), None);

    let allowed = ask(CorsOrigins::Any, "http://x");
    assert_eq!(allowed.header("access-control-allow-methods"), Some("GET, POST, OPTIONS"));
    assert_eq!(allowed.header("access-control-allow-headers"), Some("Accept, Authorization, Content-Type, Origin"));
    assert_eq!(allowed.header("access-control-expose-headers"), Some("Date"));
    let without_origin = ask(CorsOrigins::Any, "");
    assert_eq!((without_origin.header("vary"), without_origin.headers.len()), (Some("Origin"), 1));
}

#[test]
fn a_long_answer_is_compressed_for_who_asks() {
    let request = ApiRequest::new(Method::Get, "/api/v1/rules").with_accept_encoding("gzip");
    let response = TestHost::new().send(&request);
    assert_eq!(response.header("content-encoding"), Some("gzip"));
    let mut plain = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(response.body.as_slice()), &mut plain).unwrap();
    assert_eq!(plain, TestHost::new().get("/api/v1/rules").body);
}

#[test]
fn a_cancelled_query_says_so() {
    let host = TestHost::new();
    let cx = QueryCx::unlimited();
    cx.cancel();
    for target in ["/api/v1/query?query=until+cancelled", "/api/v1/labels", "/api/v1/series?match[]=up"] {
        let response = handle(&host, &ApiRequest::new(Method::Get, target), &cx);
        let body = String::from_utf8(response.body).unwrap();
        assert_eq!(response.status, 499, "{body}");
        assert!(body.contains(r#""errorType":"canceled","error":"query was canceled"#), "{body}");
    }
}

#[test]
fn a_request_over_a_limit_is_refused_everywhere() {
    let many = format!("/api/v1/query?query=1%2B1&{}", "a&".repeat(MAX_PARAMETERS));
    let response = TestHost::new().get(&many);
    assert_eq!(response.status, 400);
    assert_eq!(
        String::from_utf8(response.body).unwrap(),
        r#"{"status":"error","errorType":"bad_data","error":"error parsing form values: more than 10000 parameters"}"#
    );
}

#[test]
fn the_limit_of_steps_is_the_hosts() {
    let mut host = TestHost::new();
    host.limits.max_query_steps = 2;
    assert_eq!(host.get("/api/v1/query_range?query=steps&start=0&end=2&step=1").status, 200);
    let over = host.get("/api/v1/query_range?query=steps&start=0&end=3&step=1");
    assert!(String::from_utf8(over.body).unwrap().contains("exceeded maximum resolution of 2 points"));
}

#[test]
fn the_limit_of_samples_is_the_hosts() {
    let mut host = TestHost::new();
    host.limits.max_query_samples = 14;
    assert_eq!(host.get("/api/v1/query?query=up").status, 422);
    host.limits.max_query_samples = 15;
    assert_eq!(host.get("/api/v1/query?query=up").status, 200);
}

proptest! {
    #[test]
    fn any_request_gets_an_answer(
        endpoint in prop::sample::select(vec![
            "query", "query_range", "labels", "series", "rules", "alerts", "targets", "metadata", "status/buildinfo",
            "label/job/values", "label/U__x_2e_y/values", "x",
        ]),
        query in "[a-z\\[\\]=&%;+0-9.:TZ_-]{0,80}",
        body in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let host = TestHost::new();
        for (method, target) in [(Method::Get, format!("/api/v1/{endpoint}?{query}")), (Method::Post, format!("/{endpoint}"))] {
            let request = ApiRequest::new(method, &target).with_body(Some("application/x-www-form-urlencoded"), &body);
            let response = host.send(&request);
            prop_assert!([200, 400, 404, 405, 422, 503].contains(&response.status), "{}", response.status);
            if response.content_type == Some("application/json") {
                let json: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
                let success = json.get("status").and_then(|s| s.as_str()) == Some("success");
                prop_assert_eq!(success, response.status == 200);
            }
        }
    }

    #[test]
    fn any_parameter_value_is_read_or_refused(
        name in prop::sample::select(vec!["time", "start", "end", "step", "timeout", "limit", "lookback_delta", "stats"]),
        value in "\\PC{0,24}",
    ) {
        let host = TestHost::new();
        let pair = format!("{name}={}", value.bytes().map(|b| format!("%{b:02x}")).collect::<String>());
        for endpoint in ["query?query=nothing&", "query_range?query=nothing&", "labels?", "series?match[]=up&"] {
            let response = host.get(&format!("/api/v1/{endpoint}{pair}"));
            prop_assert!([200, 400, 503].contains(&response.status), "{}", response.status);
        }
    }
}

#[test]
fn an_admin_is_told_what_to_delete_and_says_what_went_wrong() {
    let mut host = TestHost::new();
    host.admin = Some(ScriptedAdmin::default());
    let post = |target: &str| host.send(&ApiRequest::new(Method::Post, &format!("/api/v1/admin/tsdb/{target}")));
    let text = |response: &ApiResponse| String::from_utf8(response.body.clone()).unwrap();

    let deleted = post("delete_series?match[]=up&match[]={job=%22db%22}&start=1&end=2");
    assert_eq!((deleted.status, deleted.content_type, text(&deleted).as_str()), (204, None, ""));
    assert_eq!(
        *host.admin.as_ref().unwrap().told.lock().unwrap(),
        ["delete 1000 2000 __name__=\"up\"", "delete 1000 2000 job=\"db\"",]
    );
    let form = ApiRequest::new(Method::Put, "/api/v1/admin/tsdb/delete_series")
        .with_body(Some("application/x-www-form-urlencoded"), b"match[]=up");
    assert_eq!(host.send(&form).status, 204);

    for (target, status, body) in [
        ("delete_series", 400, r#"{"status":"error","errorType":"bad_data","error":"no match[] parameter provided"}"#),
        ("clean_tombstones", 500, r#"{"status":"error","errorType":"internal","error":"disk on \u003cfire\u003e"}"#),
        ("snapshot", 200, r#"{"status":"success","data":{"name":"with-head"}}"#),
        ("snapshot?skip_head=true", 200, r#"{"status":"success","data":{"name":"without-head"}}"#),
        (
            "snapshot?skip_head=x",
            400,
            r#"{"status":"error","errorType":"bad_data","error":"invalid parameter \"skip_head\": unable to parse boolean: strconv.ParseBool: parsing \"x\": invalid syntax"}"#,
        ),
    ] {
        let response = post(target);
        assert_eq!((response.status, text(&response).as_str()), (status, body), "{target}");
    }
}

#[test]
fn the_progress_of_a_replay_shows_before_the_host_is_ready() {
    let mut host = TestHost::new();
    host.readiness = Readiness::Starting;
    assert_eq!(host.get("/api/v1/status/walreplay").status, 200);
    assert_eq!(host.get("/api/v1/status/flags").status, 503);
}
