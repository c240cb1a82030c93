//! Unit tests of rules, in the format of `promtool test rules`: input series, expected alerts, expected samples.
//!
//! As a test of one's own program:
//!
//! ```no_run
//! #[test]
//! fn rules_do_what_they_should() -> Result<(), promethium_rules::unittest::Failures> {
//!     promethium_rules::unittest::run("rules/tests/*.yml")
//! }
//! ```
//!
//! As a tool: `cargo run --release -p promethium-rules --example ruletest -- FILE...`.

mod diff;
mod input;
mod junit;
mod run;
mod text;
mod yaml;

use std::fmt;
use std::path::{Path, PathBuf};

use promethium_model::Limits;
use promethium_model::regex::GoSearch;
use promethium_promql::Features;

use crate::file::{glob, read_sources};

pub use junit::junit_xml;

const DEFAULT_INTERVAL_MS: i64 = 60_000;

/// How tests are run.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct TestOptions {
    /// Runs only tests whose names match any of these patterns, anywhere; none runs all.
    pub run: Vec<String>,
    /// Shows alerts that differ line by line rather than both lists.
    pub diff: bool,
    /// Reports all data that a test ended with.
    pub debug: bool,
    /// Passes over fields that the formats of tests and of rules do not know.
    pub ignore_unknown_fields: bool,
    /// Of the language of expressions.
    pub features: Features,
    /// Bounds on files, queries and templates.
    pub limits: Limits,
}

/// What became of one file of tests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileReport {
    /// The file, as it was named.
    pub file: String,
    /// Why none of its tests could run.
    pub error: Option<String>,
    /// Rule file patterns without a file.
    pub warnings: Vec<String>,
    /// The tests that ran, in order.
    pub cases: Vec<CaseReport>,
    /// The data that tests ended with, if asked for.
    pub debug: Vec<String>,
}

/// What became of one test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CaseReport {
    /// Its name, or `unnamed#<n>`.
    pub name: String,
    /// In promtool's words; none when it passed.
    pub failures: Vec<String>,
}

impl FileReport {
    /// Everything that went wrong.
    pub fn failures(&self) -> impl Iterator<Item = &str> {
        self.error.iter().chain(self.cases.iter().flat_map(|case| &case.failures)).map(String::as_str)
    }

    /// Whether nothing did.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.failures().next().is_none()
    }
}

/// Tests that failed. Prints, also under `{:?}`, as promtool does: `unwrap` in a test shows what differs.
pub struct Failures(Vec<FileReport>);

impl Failures {
    /// The files with failures.
    #[must_use]
    pub fn files(&self) -> &[FileReport] {
        &self.0
    }
}

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for report in &self.0 {
            writeln!(f, "\n{}\n  FAILED:", report.file)?;
            report.failures().try_for_each(|failure| writeln!(f, "{failure}"))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Failures {}

/// Runs all test files that `pattern` names, with what differs line by line; `*` may stand in any part of the path.
///
/// # Errors
///
/// When a test fails, a file cannot be read, or no file matches.
pub fn run(pattern: &str) -> Result<(), Failures> {
    let options = TestOptions { diff: true, ..TestOptions::default() };
    let failed = |error: String| {
        Failures(vec![FileReport { file: pattern.to_owned(), error: Some(error), ..FileReport::default() }])
    };
    let files = glob(pattern).map_err(|error| failed(error.to_string()))?;
    if files.is_empty() {
        return Err(failed("no file match pattern".to_owned()));
    }
    let reports = files.iter().map(|file| test_file(file, &options));
    let failures: Vec<FileReport> = reports.filter(|report| !report.passed()).collect();
    if failures.is_empty() { Ok(()) } else { Err(Failures(failures)) }
}

/// Runs the tests of one file.
#[must_use]
pub fn test_file(file: &Path, options: &TestOptions) -> FileReport {
    let mut report = FileReport { file: file.display().to_string(), ..FileReport::default() };
    if let Err(error) = run_file(file, options, &mut report) {
        report.error = Some(error);
    }
    report
}

fn run_file(file: &Path, options: &TestOptions, report: &mut FileReport) -> Result<(), String> {
    let selected = selected(&options.run)?;
    let sources = read_sources(&[file.to_owned()], options.limits.max_config_bytes).map_err(|e| e.to_string())?;
    let text = sources.first().map_or("", |source| source.text.as_str());
    let yaml = yaml::read(text, options.ignore_unknown_fields).map_err(|error| format!("{}: {error}", report.file))?;
    let patterns = yaml.rule_files.unwrap_or_default();
    let rule_files = rule_files(file.parent().unwrap_or(Path::new("")), &patterns, &mut report.warnings)?;
    let order = yaml.group_eval_order.unwrap_or_default();
    if let Some(repeated) = order.iter().enumerate().find(|(i, name)| order[..*i].contains(name)) {
        return Err(format!("group name repeated in evaluation order: {}", repeated.1));
    }
    let setting = run::Setting {
        rule_files: &rule_files,
        evaluation_interval_ms: yaml
            .evaluation_interval
            .map(|d| d.0)
            .filter(|ms| *ms > 0)
            .unwrap_or(DEFAULT_INTERVAL_MS),
        order: &order,
        fuzzy: yaml.fuzzy_compare,
        options,
    };
    for (i, test) in yaml.tests.iter().flatten().enumerate() {
        let name = test.name.clone().filter(|name| !name.is_empty());
        if selected.as_ref().is_some_and(|pattern| !pattern.is_match(name.as_deref().unwrap_or(""))) {
            continue;
        }
        let failures = run::run_test(test, &setting, &mut report.debug);
        report.cases.push(CaseReport { name: name.unwrap_or_else(|| format!("unnamed#{i}")), failures });
    }
    Ok(())
}

/// One pattern for all that were given.
fn selected(patterns: &[String]) -> Result<Option<GoSearch>, String> {
    if patterns.is_empty() {
        return Ok(None);
    }
    GoSearch::new(&patterns.join("|")).map(Some).map_err(|error| error.to_string())
}

/// The rule files of a test file, named relative to it.
fn rule_files(folder: &Path, patterns: &[String], warnings: &mut Vec<String>) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for pattern in patterns {
        let path = if pattern.is_empty() { PathBuf::new() } else { folder.join(pattern) };
        let found = glob(&path.to_string_lossy()).map_err(|error| error.to_string())?;
        if found.is_empty() {
            warnings.push(format!("no file match pattern {}", path.display()));
        }
        files.extend(found);
    }
    Ok(files)
}
