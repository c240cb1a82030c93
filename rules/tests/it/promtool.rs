//! The tables of states and of templates as unit tests for the real promtool, which must agree with every row. Needs
//! Debian's `prometheus`; skipped, with a line that says so, where it is absent.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::alerting::STATES;
use crate::harness::skip_without;
use crate::templates::{Case, Expected, cases, labels as sample_labels};

/// Runs `promtool test rules` over a rule file and one test.
fn promtool_agrees(rules: &Value, test: &Value) {
    let folder = tempfile::tempdir().unwrap();
    // JSON is YAML.
    write(&folder.path().join("rules.yml"), rules);
    let tests = folder.path().join("tests.yml");
    write(&tests, &json!({"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [test]}));
    match Command::new("promtool").args(["test", "rules"]).arg(&tests).output() {
        Ok(output) => {
            let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            assert!(output.status.success(), "{}", text.concat());
        }
        Err(error) => skip_without("promtool", &error),
    }
}

fn write(path: &Path, content: &Value) {
    std::fs::write(path, content.to_string()).unwrap();
}

fn series(row: usize, values: &str) -> Value {
    json!({"series": format!("m{{row=\"{row}\",job=\"node\",n=\"1234.5\"}}"), "values": values})
}

fn labels(row: usize) -> Value {
    json!({"row": row.to_string(), "job": "node", "n": "1234.5"})
}

#[test]
fn states_over_time() {
    let (mut rules, mut inputs, mut checks) = (Vec::new(), Vec::new(), Vec::new());
    for (row, (fields, ups, states)) in STATES.iter().enumerate() {
        let alert = format!("Row{row}");
        let mut rule = json!({"alert": alert, "expr": format!("m{{row=\"{row}\"}} == 0")});
        for (name, value) in fields.lines().filter_map(|line| line.trim().split_once(": ")) {
            rule[name] = json!(value);
        }
        rules.push(rule);
        let values: Vec<&str> = ups.chars().map(|up| if up == 'x' { "0" } else { "1" }).collect();
        inputs.push(series(row, &values.join(" ")));
        for (minute, state) in states.chars().enumerate() {
            let firing = if state == 'F' { vec![json!({"exp_labels": labels(row)})] } else { Vec::new() };
            checks.push(json!({"eval_time": format!("{minute}m"), "alertname": alert, "exp_alerts": firing}));
        }
    }
    let rules = json!({"groups": [{"name": "g", "rules": rules}]});
    promtool_agrees(&rules, &json!({"interval": "1m", "input_series": inputs, "alert_rule_test": checks}));
}

/// The text that an alert of the case carries.
fn annotation(case: &Case, alert: &str) -> Option<String> {
    let name = format!("__alert_{alert}");
    match &case.expected {
        Expected::Text(text) => Some(text.clone()),
        Expected::Failed(message) => Some(format!(
            "<error expanding template: error executing template {name}: template: {name}:{}>",
            message.replace("NAME", &name)
        )),
        Expected::Refused(_) => None,
    }
}

#[test]
fn templates() {
    let (mut rules, mut checks) = (Vec::new(), Vec::new());
    for case in cases().iter().filter(|case| case.apart.is_none()) {
        let alert = format!("Line{}", case.line);
        let Some(text) = annotation(case, &alert) else { continue };
        let expr = format!("m * {}", case.value.as_deref().unwrap_or("1"));
        rules.push(json!({"alert": alert, "expr": expr, "annotations": {"text": case.template}}));
        let labels: serde_json::Map<String, Value> =
            sample_labels().iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
        let exp_alerts = [json!({"exp_labels": labels, "exp_annotations": {"text": text}})];
        checks.push(json!({"eval_time": "0m", "alertname": alert, "exp_alerts": exp_alerts}));
    }
    assert!(checks.len() >= 400);
    let rules = json!({"groups": [{"name": "g", "rules": rules}]});
    let test = json!({
        "interval": "1m",
        "external_labels": {"site": "x"},
        "external_url": "http://prom:9090/p",
        "input_series": [
            {"series": format!("m{:?}", sample_labels()), "values": "1"},
            {"series": "q{a=\"x\"}", "values": "1"},
            {"series": "q{a=\"y\"}", "values": "2"},
            {"series": "q{a=\"z\"}", "values": "3"},
        ],
        "alert_rule_test": checks,
    });
    promtool_agrees(&rules, &test);
}

/// Templates that do not parse, with promtool's words.
#[test]
fn refusals() {
    let refused: Vec<(String, Case, String)> = cases()
        .into_iter()
        .filter(|case| case.apart.is_none())
        .filter_map(|case| match case.expected.clone() {
            Expected::Refused(message) => Some((format!("Line{}", case.line), case, message)),
            _ => None,
        })
        .collect();
    assert!(refused.len() >= 50);
    let rule = |(alert, case, _): &(String, Case, String)| json!({"alert": alert, "expr": "m", "annotations": {"text": case.template}});
    let rules = json!({"groups": [{"name": "g", "rules": refused.iter().map(rule).collect::<Vec<_>>()}]});
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.yml");
    write(&file, &rules);
    match Command::new("promtool").args(["check", "rules"]).arg(&file).output() {
        Ok(output) => {
            let text =
                [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
            for (alert, case, message) in refused {
                let name = format!("__alert_{alert}");
                let expected = format!("template: {name}:{}\n", message.replace("NAME", &name));
                assert!(text.contains(&expected), "line {}: {} is not among:\n{text}", case.line, expected);
            }
        }
        Err(error) => skip_without("promtool", &error),
    }
}
