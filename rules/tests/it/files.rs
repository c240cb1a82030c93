//! Rule files: `testdata/good` loads, `testdata/bad` gives the messages that its `#!` lines say.

use std::fs;
use std::path::{Path, PathBuf};

use promethium_model::Limits;
use promethium_rules::file::{FileChecks, GroupSpec, RuleKind, parse, read_sources};
use promethium_rules::template::GoTemplates;
use promethium_rules::{RuleFileErrors, RuleGlobals, RuleManager, RuleSource};

use crate::harness::{engine, options};

fn files_of(folder: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(folder);
    let mut files: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn parse_text(text: &str, legacy_names: bool) -> Result<Vec<GroupSpec>, RuleFileErrors> {
    let limits = Limits::default();
    let engine = engine();
    let checks = FileChecks::new(&engine, &GoTemplates, &limits).with_legacy_names(legacy_names);
    parse(&[RuleSource::new("rules.yml", text)], &checks)
}

#[test]
fn bad_files_say_what_is_wrong_and_where() {
    for path in files_of("bad") {
        let text = fs::read_to_string(&path).unwrap();
        let expected: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("#! ")).collect();
        assert!(!expected.is_empty(), "{} expects nothing", path.display());
        let found = parse_text(&text, text.contains("# legacy names")).expect_err(&path.display().to_string());
        assert_eq!(found.to_string().lines().collect::<Vec<_>>(), expected, "{}", path.display());
    }
}

#[test]
fn good_files_load() {
    for path in files_of("good") {
        let sources = read_sources(std::slice::from_ref(&path), 1 << 20).unwrap();
        assert!(parse_text(&sources[0].text, false).is_ok(), "{}", path.display());
    }
}

#[test]
fn every_field_arrives() {
    let groups = parse_text(
        "groups:\n- name: g\n  interval: 30s\n  query_offset: 1m\n  limit: 7\n  labels: {team: a, tier: x}\n  rules:\n  \
         - record: a:b\n    expr: 'up  ==  1'\n    labels: {tier: '', n: 1}\n  - alert: A\n    expr: up\n    for: 5m\n    \
         keep_firing_for: 1h\n    labels: {severity: page}\n    annotations: {summary: 'x {{ $value }}', empty: }\n",
        false,
    )
    .unwrap();
    let group = &groups[0];
    assert_eq!((group.interval_ms, group.query_offset_ms, group.limit), (Some(30_000), Some(60_000), 7));
    assert_eq!(group.rules[0].expr, "up == 1");
    let RuleKind::Record(record) = &group.rules[0].kind else { panic!("{group:?}") };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(record.labels, [pair("n", "1"), pair("team", "a"), pair("tier", "")]);
    let RuleKind::Alert(alert) = &group.rules[1].kind else { panic!("{group:?}") };
    assert_eq!((alert.for_ms, alert.keep_firing_for_ms), (300_000, 3_600_000));
    let names: Vec<&str> = alert.labels.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["severity", "team", "tier"]);
    assert_eq!(alert.annotations[0].1.text(), "");
}

#[test]
fn one_wrong_file_refuses_the_whole_set_and_changes_nothing() {
    let rules = RuleManager::new(std::sync::Arc::new(engine()), options());
    let good = RuleSource::new("a.yml", "groups: [{name: g, rules: [{record: a, expr: up}]}]");
    let other = RuleSource::new("b.yml", "groups: [{name: h, rules: [{record: b, expr: up}]}]");
    let wrong = RuleSource::new("c.yml", "groups: [{name: x, rules: [{record: b}]}]");
    rules.load(std::slice::from_ref(&good), &RuleGlobals::default(), 0).unwrap();
    let before = rules.groups();
    let error = rules.load(&[good, other, wrong], &RuleGlobals::default(), 0).unwrap_err();
    assert_eq!(error.to_string(), "c.yml: 0:0: group \"x\", rule 1, \"b\": field 'expr' must be set in rule");
    assert_eq!(rules.groups(), before);
}

#[test]
fn files_over_the_limit_and_things_that_are_no_files_are_refused() {
    let mut limits = Limits::default();
    limits.max_config_bytes = 20;
    let engine = engine();
    let checks = FileChecks::new(&engine, &GoTemplates, &limits);
    assert!(parse(&[RuleSource::new("a.yml", " ".repeat(20))], &checks).is_ok());
    let error = parse(&[RuleSource::new("a.yml", " ".repeat(21))], &checks).unwrap_err();
    assert_eq!(error.to_string(), "a.yml: file is larger than the limit of 20 bytes");

    let manifest = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    assert!(
        read_sources(std::slice::from_ref(&manifest), 10).unwrap_err().to_string().ends_with("the limit of 10 bytes")
    );
    let folder = manifest.parent().unwrap().to_owned();
    let missing = folder.join("missing.yml");
    let errors = read_sources(&[folder, missing], 10).unwrap_err();
    assert_eq!(errors.iter().count(), 2);
    assert!(errors.to_string().contains(": not a regular file\n"));
}

#[test]
fn deep_and_branching_yaml_is_refused() {
    let deep = format!("groups: {}1{}", "[".repeat(200), "]".repeat(200));
    assert!(parse_text(&deep, false).is_err());
    let mut bomb = String::from("a: &a [x, x]\n");
    for level in 1..30 {
        bomb.push_str(&format!("l{level}: &l{level} [*a, *a]\n"));
    }
    assert!(parse_text(&bomb, false).is_err());
}
