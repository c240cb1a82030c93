//! The tables of states and of templates as unit tests for the real promtool, which must agree with every row. Needs
//! Debian's `prometheus`; skipped, with a line that says so, where it is absent.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::alerting::STATES;
use crate::templates::RENDERED;

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
        Err(error) => println!("skipped: promtool cannot be started: {error}"),
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

#[test]
fn templates() {
    let (mut rules, mut inputs, mut checks) = (Vec::new(), Vec::new(), Vec::new());
    for (row, (text, value, expected)) in RENDERED.iter().enumerate() {
        // The whole label set differs here, and the metric has another name.
        if text.contains("{{ $labels }}") {
            continue;
        }
        let alert = format!("Row{row}");
        let expr = format!("m{{row=\"{row}\"}}");
        rules.push(json!({"alert": alert, "expr": expr, "annotations": {"text": text}}));
        inputs.push(series(row, &value.to_string().replace("inf", "Inf")));
        let exp_alerts = [json!({"exp_labels": labels(row), "exp_annotations": {"text": expected}})];
        checks.push(json!({"eval_time": "0m", "alertname": alert, "exp_alerts": exp_alerts}));
    }
    let rules = json!({"groups": [{"name": "g", "rules": rules}]});
    let test = json!({
        "interval": "1m",
        "external_labels": {"site": "x"},
        "external_url": "http://prom",
        "input_series": inputs,
        "alert_rule_test": checks,
    });
    promtool_agrees(&rules, &test);
}
