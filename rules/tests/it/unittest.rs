//! Unit tests of rules: the files under `testdata/unittest`, by themselves and beside the real promtool. Files whose name
//! ends in `_failing` hold tests that must fail; those that begin with `newer` are beyond promtool 2.42.

use std::path::{Path, PathBuf};
use std::process::Command;

use promethium_rules::unittest::{FileReport, TestOptions, junit_xml, run, test_file};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/unittest")
}

fn files() -> Vec<String> {
    let entries = std::fs::read_dir(folder()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut files: Vec<String> = names.filter(|name| name.ends_with(".test.yml")).collect();
    files.sort();
    files
}

fn report(file: &str) -> FileReport {
    test_file(&folder().join(file), &TestOptions::default())
}

/// What promtool writes to its standard error.
fn printed(report: &FileReport) -> String {
    let mut out = String::new();
    report.warnings.iter().for_each(|warning| out.push_str(&format!("  WARNING: {warning}\n")));
    if !report.passed() {
        out.push_str("  FAILED:\n");
    }
    report.failures().for_each(|failure| out.push_str(&format!("{failure}\n")));
    out
}

#[test]
fn files_pass_and_fail_as_they_are_named() {
    assert!(files().len() >= 40);
    for file in files() {
        let report = report(&file);
        assert_eq!(report.passed(), !file.contains("_failing"), "{file}:\n{}", printed(&report));
    }
}

#[test]
fn promtool_says_the_same() {
    let mut compared = 0;
    for file in files().into_iter().filter(|file| !file.starts_with("newer")) {
        let output = match Command::new("promtool").args(["test", "rules"]).arg(folder().join(&file)).output() {
            Ok(output) => output,
            Err(error) => {
                crate::harness::skip_without("promtool", &error);
                return;
            }
        };
        let report = report(&file);
        assert_eq!(output.status.success(), report.passed(), "{file}");
        assert_eq!(printed(&report), String::from_utf8_lossy(&output.stderr), "{file}");
        compared += 1;
    }
    assert!(compared >= 36);
}

#[test]
fn as_a_test_of_ones_own() {
    let pattern = |name: &str| format!("{}/{name}", folder().display());
    run(&pattern("node_*.test.yml")).unwrap();
    let failures = run(&pattern("a*_failing.test.yml")).unwrap_err();
    assert_eq!(failures.files().len(), 2);
    let shown = format!("{failures:?}");
    assert!(shown.contains("      -   Labels:{alertname=\"ErrorBudgetBurn\"") || shown.contains("diff: "), "{shown}");
    let nothing = run(&pattern("nosuch*.yml")).unwrap_err().to_string();
    assert!(nothing.contains("no file match pattern"), "{nothing}");
}

#[test]
fn tests_are_chosen_by_name_and_reported_in_xml() {
    let mut options = TestOptions::default();
    options.run = vec!["much$".to_owned(), "nothing".to_owned()];
    options.debug = true;
    let report = test_file(&folder().join("alerts_failing.test.yml"), &options);
    let names: Vec<&str> = report.cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names, ["expects too much"]);
    assert!(report.debug[0].starts_with("DEBUG: Dump of all data (input_series and rules) at 6m1s:\n"));
    assert!(report.debug[0].contains("up{instance=\"a\", job=\"api\"} =>\n0 @[60000]\n"), "{}", report.debug[0]);
    let xml = junit_xml(&[report]);
    assert!(xml.contains("tests=\"1\" failures=\"1\" errors=\"0\""), "{xml}");
    assert!(xml.contains("<testcase name=\"expects too much\"><failure>    name: expects too much,&#xA;"), "{xml}");
}

#[test]
fn what_is_wrong_with_a_test_file_is_said_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.yml");
    for (text, expected) in [
        ("tests:\n- intervall: 1m\n", "2:3: "),
        ("tests: [{interval: 1x}]", "1:"),
        ("tests: [{interval: 1m, input_series: [{series: 'a', values: '1x'}]}]", "expected a number after x"),
        ("tests: [{interval: 1m, start_timestamp: soon}]", "neither a number of seconds"),
    ] {
        std::fs::write(&file, text).unwrap();
        let report = test_file(&file, &TestOptions::default());
        let shown = printed(&report);
        assert!(shown.contains(expected), "{text}: {shown}");
    }
}

#[test]
fn unknown_fields_are_passed_over_on_request_in_tests_and_in_their_rules() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let rule = "{record: double, expr: 2 * up, owner: core}";
    write("known.yml", &format!("groups: [{{name: g, rules: [{}]}}]", rule.replace(", owner: core", "")));
    write("unknown.yml", &format!("groups: [{{name: g, team: core, rules: [{rule}]}}]"));
    let test = |rules: &str, extra: &str, value: u32| {
        let case = format!("{{eval_time: 1m, expr: double, exp_samples: [{{labels: double, value: {value}}}]}}");
        let series = "[{series: up, values: '1 1'}]";
        format!(
            "rule_files: [{rules}]\n{extra}tests: [{{interval: 1m, input_series: {series}, promql_expr_test: [{case}]}}]\n"
        )
    };
    write("in_rules.test.yml", &test("unknown.yml", "", 2));
    write("in_tests.test.yml", &test("known.yml", "owner: core\n", 2));
    write("wrong.test.yml", &test("unknown.yml", "owner: core\n", 3));
    let passes = |file: &str, is_ignored: bool| {
        let mut options = TestOptions::default();
        options.ignore_unknown_fields = is_ignored;
        test_file(&folder.path().join(file), &options).passed()
    };
    for file in ["in_rules.test.yml", "in_tests.test.yml"] {
        assert!(!passes(file, false) && passes(file, true), "{file}");
    }
    assert!(!passes("wrong.test.yml", true), "the test itself is still judged");
}
