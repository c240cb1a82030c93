//! Tests and checks of rules on the command line, with the output and the exit status of `promtool test rules` and
//! `promtool check rules`.
//!
//! ```text
//! ruletest [--run PATTERN]... [--diff] [--debug] [--junit FILE] [--ignore-unknown-fields] FILE...
//! ruletest check [--lint all|duplicate-rules|none] [--lint-fatal] [--ignore-unknown-fields] [FILE...]
//! ```
//!
//! Without a file, `check` reads standard input.

use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

use promethium_model::Limits;
use promethium_promql::{Engine, EngineOptions};
use promethium_rules::RuleSource;
use promethium_rules::file::{
    CheckOutcome, CheckReport, FileChecks, Lints, check as check_file, exit_status, read_sources,
};
use promethium_rules::template::GoTemplates;
use promethium_rules::unittest::{FileReport, TestOptions, junit_xml, test_file};

const FAILED: u8 = 1;

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.first().map(String::as_str) {
        Some("check") => check(arguments.split_off(1)),
        _ => test(arguments),
    };
    match outcome {
        Ok(status) => ExitCode::from(status),
        Err(usage) => {
            eprintln!("ruletest: error: {usage}");
            ExitCode::from(FAILED)
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
                "--ignore-unknown-fields" => options.ignore_unknown_fields = true,
                flag if flag.starts_with("--") => return Err(format!("unknown flag {flag}")),
                file => files.push(PathBuf::from(file)),
            }
        }
    }
    if files.is_empty() {
        return Err("required argument 'test-rule-file' not provided".to_owned());
    }
    all_exist(&files)?;
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

/// What `check` is told.
#[derive(Default)]
struct CheckArguments {
    lints: Lints,
    fatal: bool,
    ignore_unknown_fields: bool,
    files: Vec<PathBuf>,
}

fn check_arguments(arguments: Vec<String>) -> Result<CheckArguments, String> {
    let mut told = CheckArguments::default();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--lint-fatal" => told.fatal = true,
            "--ignore-unknown-fields" => told.ignore_unknown_fields = true,
            text => match value_of("--lint", text, &mut arguments) {
                Some(lint) => {
                    let (lints, warnings) = Lints::read(&lint?);
                    warnings.iter().for_each(|warning| println!("{warning}"));
                    told.lints = lints;
                }
                None if text.starts_with("--") => return Err(format!("unknown flag {text}")),
                None => told.files.push(PathBuf::from(text)),
            },
        }
    }
    all_exist(&told.files)?;
    Ok(told)
}

/// Before anything is read, as in promtool.
fn all_exist(files: &[PathBuf]) -> Result<(), String> {
    for file in files {
        match std::fs::metadata(file) {
            Err(_) => return Err(format!("path '{}' does not exist, try --help", file.display())),
            Ok(found) if found.is_dir() => return Err(format!("'{}' is a directory, try --help", file.display())),
            Ok(_) => {}
        }
    }
    Ok(())
}

fn check(arguments: Vec<String>) -> Result<u8, String> {
    let told = check_arguments(arguments)?;
    let (engine, limits) = (Engine::new(EngineOptions::default()), Limits::default());
    let checks =
        FileChecks::new(&engine, &GoTemplates, &limits).with_unknown_fields_ignored(told.ignore_unknown_fields);
    let reports = match told.files.is_empty() {
        true => vec![check_standard_input(told.lints, &checks)?],
        false => {
            let sources = read_sources(&told.files, limits.max_config_bytes).map_err(|errors| errors.to_string())?;
            sources.iter().map(|source| check_file(source, told.lints, &checks)).collect()
        }
    };
    for report in &reports {
        print!("{}", report.stdout());
        eprint!("{}", report.stderr());
    }
    Ok(exit_status(&reports, told.fatal))
}

/// Messages about standard input begin with the place, not with a name.
fn check_standard_input(lints: Lints, checks: &FileChecks<'_>) -> Result<CheckReport, String> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| error.to_string())?;
    let source = RuleSource::new("standard input", text);
    let mut report = check_file(&source, lints, checks);
    if let CheckOutcome::Wrong(errors) = &mut report.outcome {
        let own = format!("{}: ", source.file);
        for error in errors {
            *error = error.strip_prefix(&own).unwrap_or(error).to_owned();
        }
    }
    Ok(report)
}
