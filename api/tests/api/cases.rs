//! Requests and the exact answers to them: `tests/cases/*.txt`.
//!
//! A case is a block of lines. `> METHOD target`, then perhaps `+ form body`, then `< status`, then the body, which may be
//! empty. `#` starts a comment.

use crate::common::TestHost;
use promethium_api::{ApiRequest, Method};

struct Case {
    line: usize,
    request: ApiRequest,
    status: u16,
    body: String,
}

fn parse(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        if let Some(request) = line.strip_prefix("> ") {
            let (method, target) = request.split_once(' ').expect("method and target");
            let request = ApiRequest::new(Method::from_name(method), target);
            cases.push(Case { line: i + 1, request, status: 0, body: String::new() });
            continue;
        }
        let case = cases.last_mut().expect("a request comes first");
        if let Some(form) = line.strip_prefix("+ ") {
            let content_type = Some("application/x-www-form-urlencoded");
            case.request = case.request.clone().with_body(content_type, form.as_bytes());
        } else if let Some(status) = line.strip_prefix("< ") {
            case.status = status.parse().expect("a status");
        } else {
            assert!(case.body.is_empty(), "line {}: a second body", i + 1);
            case.body = line.to_owned();
        }
    }
    cases
}

fn run(file: &str, text: &str, at_least: usize) {
    let cases = parse(text);
    assert!(cases.len() >= at_least, "{file} has {} cases only", cases.len());
    let mut failures = Vec::new();
    for case in cases {
        let response = TestHost::new().send(&case.request);
        let body = String::from_utf8(response.body.clone()).expect("bodies are text");
        if (response.status, body.trim_end()) != (case.status, case.body.as_str()) {
            failures.push(format!(
                "{file}:{}:\n  want {} {}\n  got  {} {body}",
                case.line, case.status, case.body, response.status
            ));
        }
        let is_json = response.content_type == Some("application/json");
        assert!(!is_json || serde_json::from_slice::<serde_json::Value>(&response.body).is_ok(), "{body}");
    }
    assert!(failures.is_empty(), "{} failed\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn query() {
    run("query.txt", include_str!("../cases/query.txt"), 30);
}

#[test]
fn query_range() {
    run("query_range.txt", include_str!("../cases/query_range.txt"), 15);
}

#[test]
fn labels_and_series() {
    run("labels.txt", include_str!("../cases/labels.txt"), 25);
}

#[test]
fn rules_and_alerts() {
    run("rules.txt", include_str!("../cases/rules.txt"), 20);
}

#[test]
fn targets_metadata_and_status() {
    run("targets.txt", include_str!("../cases/targets.txt"), 15);
}

#[test]
fn paths_and_methods() {
    run("routing.txt", include_str!("../cases/routing.txt"), 12);
}

#[test]
fn formats_and_syntax_trees() {
    run("syntax.txt", include_str!("../cases/syntax.txt"), 5);
}

#[test]
fn status() {
    run("status.txt", include_str!("../cases/status.txt"), 11);
}

#[test]
fn exemplars() {
    run("exemplars.txt", include_str!("../cases/exemplars.txt"), 7);
}

#[test]
fn admin() {
    run("admin.txt", include_str!("../cases/admin.txt"), 4);
}
