//! Tests and checks of rules on the command line, with the output and the exit status of `promtool test rules` and
//! `promtool check rules`.
//!
//! ```text
//! ruletest [--run PATTERN]... [--diff] [--debug] [--junit FILE] FILE...
//! ruletest check [--lint all|duplicate-rules|none] [--lint-fatal] [FILE...]
//! ```

use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

use promethium_model::Limits;
use promethium_promql::{Engine, EngineOptions};
use promethium_rules::RuleSource;
use promethium_rules::file::{FileChecks, lint_duplicates, parse, read_sources};
use promethium_rules::template::GoTemplates;
use promethium_rules::unittest::{FileReport, TestOptions, junit_xml, test_file};

const FAILED: u8 = 1;
const LINT_FAILED: u8 = 3;

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.first().map(String::as_str) {
        Some("check") => check(arguments.split_off(1)),
        _ => test(arguments),
    };
    match outcome {
        Ok(status) => ExitCode::from(status),
        Err(usage) => {
            eprintln!("ruletest: {usage}");
            ExitCode::from(2)
        }
    }
}

/// The value of a flag, `--flag VALUE` or `--flag=VALUE`.
fn value_of(flag: &str, argument: &str, rest: &mut std::vec::IntoIter<String>) -> Option<Result<String, String>> {
    match argument.strip_prefix(flag)? {
        "" => Some(rest.next().ok_or_else(|| format!("{flag} needs a value"))),
        value => value.strip_prefix('=').map(|value| Ok(value.to_owned())),
    }
}

fn test(arguments: Vec<String>) -> Result<u8, String> {
    let (mut options, mut junit, mut files) = (TestOptions::default(), None, Vec::new());
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        if let Some(pattern) = value_of("--run", &argument, &mut arguments) {
            options.run.push(pattern?);
        } else if let Some(file) = value_of("--junit", &argument, &mut arguments) {
            junit = Some(file?);
        } else {
            match argument.as_str() {
                "--diff" => options.diff = true,
                "--debug" => options.debug = true,
                flag if flag.starts_with("--") => return Err(format!("unknown flag {flag}")),
                file => files.push(PathBuf::from(file)),
            }
        }
    }
    if files.is_empty() {
        return Err("no test file".to_owned());
    }
    let mut reports = Vec::new();
    for file in files {
        let report = test_file(&file, &options);
        report.warnings.iter().for_each(|warning| eprintln!("  WARNING: {warning}"));
        report.debug.iter().for_each(|text| println!("{text}"));
        if report.passed() {
            println!("  SUCCESS");
        } else {
            eprintln!("  FAILED:");
        }
        for failure in report.failures() {
            eprintln!("{failure}");
            println!();
        }
        println!();
        reports.push(report);
    }
    if let Some(file) = junit {
        std::fs::write(&file, junit_xml(&reports)).map_err(|error| format!("{file}: {error}"))?;
    }
    Ok(if reports.iter().all(FileReport::passed) { 0 } else { FAILED })
}

fn check(arguments: Vec<String>) -> Result<u8, String> {
    let (mut lint, mut fatal, mut files) = (true, false, Vec::new());
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        if argument == "--lint-fatal" {
            fatal = true;
        } else if let Some(which) = value_of("--lint", &argument, &mut arguments) {
            lint = match which?.as_str() {
                "all" | "duplicate-rules" => true,
                "none" => false,
                other => return Err(format!("unknown lint {other}")),
            };
        } else if argument.starts_with("--") {
            return Err(format!("unknown flag {argument}"));
        } else {
            files.push(argument);
        }
    }
    let (mut wrong, mut remarked) = (false, false);
    for source in sources(&files)? {
        println!("Checking {}", source.file);
        match checked(&source, lint) {
            Ok(rules) => println!("  SUCCESS: {rules} rules found"),
            Err((is_lint, text)) => {
                eprintln!("  FAILED:\n{text}");
                (wrong, remarked) = (wrong || !is_lint, remarked || is_lint);
            }
        }
        println!();
    }
    Ok(match (wrong, remarked && fatal) {
        (true, _) => FAILED,
        (false, true) => LINT_FAILED,
        (false, false) => 0,
    })
}

/// The files, or standard input where none is named.
fn sources(files: &[String]) -> Result<Vec<RuleSource>, String> {
    if files.is_empty() {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(|error| error.to_string())?;
        return Ok(vec![RuleSource::new("standard input", text)]);
    }
    let paths: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
    read_sources(&paths, Limits::default().max_config_bytes).map_err(|errors| errors.to_string())
}

/// The number of rules, or what is wrong and whether that is a mere remark.
fn checked(source: &RuleSource, lint: bool) -> Result<usize, (bool, String)> {
    let engine = Engine::new(EngineOptions::default());
    let limits = Limits::default();
    let checks = FileChecks::new(&engine, &GoTemplates, &limits);
    let groups = parse(std::slice::from_ref(source), &checks).map_err(|errors| (false, errors.to_string()))?;
    match lint_duplicates(&groups).filter(|_| lint) {
        Some(remark) => Err((true, remark)),
        None => Ok(groups.iter().map(|group| group.rules.len()).sum()),
    }
}
