//! `check`, as a function, beside Debian's `promtool check rules` (2.42): the same status, the same text on both outputs, for every
//! file of `testdata/{check,good,bad}` and every flag. Skipped, with a line that says so, where promtool is absent.
//!
//! What differs on purpose:
//!
//! * Prometheus 3 has group fields and names that 2.42 refuses: [`NEWER`]. Names are judged as 2.42 judges them here.
//! * Prometheus 3 puts `error parsing template NAME: ` before a template's error.
//! * Prometheus 3 writes no empty line behind a file that is wrong, and quotes an unknown lint option.
//! * YAML that cannot be read is described in the words of the YAML reader, ours or Go's; Go's says some of it twice.
//! * Where both `record` and `alert` are missing, Prometheus 3 says so of both places.
//! * Problems of several labels come in the order of their names, not in that of chance.
//! * A record's name that 2.42 finds invalid may have braces, which Prometheus 3 remarks too.

use std::path::{Path, PathBuf};
use std::process::Command;

use promethium_model::Limits;
use promethium_promql::{Engine, EngineOptions};
use promethium_rules::RuleSource;
use promethium_rules::file::{CheckOutcome, CheckReport, FileChecks, Lints, check, exit_status, read_sources};
use promethium_rules::template::GoTemplates;

/// Right by Prometheus 3, wrong by 2.42.
const NEWER: [&str; 2] = ["check/newer_group_fields.yml", "bad/label_names.yml"];

const FLAGS: [&[&str]; 6] = [
    &[],
    &["--lint=all"],
    &["--lint=none"],
    &["--lint=duplicate-rules", "--lint-fatal"],
    &["--lint=none,all", "--lint-fatal"],
    &["--lint=foo"],
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

/// All files, named relative to `testdata`.
fn files() -> Vec<String> {
    let in_folder = |folder: &str| {
        let entries = std::fs::read_dir(root().join(folder)).unwrap();
        let names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.into_iter().map(|name| format!("{folder}/{name}")).collect::<Vec<_>>()
    };
    let mut files: Vec<String> = ["check", "good", "bad"].into_iter().flat_map(in_folder).collect();
    files.sort();
    files
}

/// Status, standard output, standard error.
type Said = (i32, String, String);

fn promtool(flags: &[&str], files: &[String]) -> Option<Said> {
    let mut command = Command::new("promtool");
    match command.current_dir(root()).args(["check", "rules"]).args(flags).args(files).output() {
        Ok(output) => {
            let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
            Some((output.status.code().unwrap(), out, err))
        }
        Err(error) => {
            crate::harness::skip_without("promtool", &error);
            None
        }
    }
}

fn reports(files: &[String], lints: Lints, checks: &FileChecks<'_>) -> Vec<CheckReport> {
    let read = |file: &String| {
        let text = read_sources(&[root().join(file)], 1 << 20).unwrap().remove(0).text;
        check(&RuleSource::new(file.clone(), text), lints, checks)
    };
    files.iter().map(read).collect()
}

fn ours(flags: &[&str], files: &[String]) -> Said {
    let (engine, limits) = (Engine::new(EngineOptions::default()), Limits::default());
    let checks = FileChecks::new(&engine, &GoTemplates, &limits).with_legacy_names(true);
    let (mut lints, mut warnings) = (Lints::default(), Vec::new());
    for text in flags.iter().filter_map(|flag| flag.strip_prefix("--lint=")) {
        (lints, warnings) = Lints::read(text);
    }
    let reports = reports(files, lints, &checks);
    let out = warnings.iter().map(|warning| format!("{warning}\n")).chain(reports.iter().map(CheckReport::stdout));
    // 2.42 says nothing of further documents.
    let quiet = |mut report: CheckReport| {
        report.warnings.clear();
        report.stderr()
    };
    let err = reports.iter().cloned().map(quiet);
    (i32::from(exit_status(&reports, flags.contains(&"--lint-fatal"))), out.collect(), err.collect())
}

/// Where the file is no readable YAML, only that this is said counts.
fn without_yaml_errors(err: &str, file: &str) -> String {
    let is_yaml = |text: &str| {
        let go = ["yaml: ", "not a valid duration string", "  line "].iter().any(|start| text.contains(start));
        go || !text.contains("group")
    };
    let (head, problems) = err.split_once('\n').unwrap_or_default();
    match problems.lines().all(is_yaml) && problems.starts_with(file) {
        true => format!("{head}\n{file}: unreadable\n"),
        false => err.to_owned(),
    }
}

/// What 3 says as 2.42 says it, and the reverse where 2.42 says more.
fn in_the_words_of_both((status, out, err): Said, file: &str) -> Said {
    let out = match err.contains("FAILED") && !err.contains("lint error") {
        true => out.replace(&format!("Checking {file}\n\n"), &format!("Checking {file}\n")),
        false => out,
    };
    let out = out.replace("unknown lint option: \"foo\"", "unknown lint option foo");
    let lines = without_yaml_errors(&err, file);
    let lines = lines.lines().filter(|line| !line.contains("braces present in the recording rule name"));
    let one_place = |line: String| line.replace(": 0:0: 0:0: group", ": 0:0: group");
    // Labels and annotations come in any order there.
    let mut lines: Vec<String> = lines.map(|line| one_place(without_template_name(line)) + "\n").collect();
    lines.sort();
    (status, out, lines.concat())
}

fn without_template_name(line: &str) -> String {
    match line.split_once("error parsing template __alert_") {
        Some((head, tail)) => format!("{head}{}", tail.split_once(": ").unwrap_or_default().1),
        None => line.to_owned(),
    }
}

#[test]
fn promtool_says_the_same_of_every_file_under_every_flag() {
    let files: Vec<String> = files().into_iter().filter(|file| !NEWER.contains(&file.as_str())).collect();
    assert!(files.len() >= 50, "{} files", files.len());
    let (mut statuses, mut differences) = ([0; 4], Vec::new());
    for flags in FLAGS {
        for file in &files {
            let Some(theirs) = promtool(flags, std::slice::from_ref(file)) else { return };
            let theirs = in_the_words_of_both(theirs, file);
            let ours = in_the_words_of_both(ours(flags, std::slice::from_ref(file)), file);
            if ours != theirs {
                differences.push(format!("{flags:?} {file}\nours   {ours:?}\ntheirs {theirs:?}"));
            }
            statuses[ours.0 as usize] += 1;
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
    assert!(statuses[0] > 100 && statuses[1] > 100 && statuses[3] > 5, "{statuses:?}");
}

#[test]
fn several_files_are_checked_one_after_the_other_and_the_gravest_decides() {
    let named = |names: &[&str]| names.iter().map(|name| format!("check/{name}.yml")).collect::<Vec<_>>();
    for (names, fatal, status) in [
        (["one_alert", "several_groups", "json"], "--lint-fatal", 0),
        (["duplicates", "one_alert", "duplicate_alerts"], "--lint=all", 0),
        (["duplicates", "one_alert", "duplicate_alerts"], "--lint-fatal", 3),
        (["duplicates", "wrong_syntax", "one_alert"], "--lint-fatal", 1),
        (["wrong_type", "one_alert", "unknown_function"], "--lint-fatal", 1),
    ] {
        let files = named(&names);
        let ours = ours(&[fatal], &files);
        assert_eq!(ours.0, status, "{names:?}");
        let Some((their_status, out, err)) = promtool(&[fatal], &files) else { return };
        let wrong = files.iter().filter(|file| err.contains(&format!("{file}: ")));
        let out =
            wrong.fold(out, |out, file| out.replace(&format!("Checking {file}\n\n"), &format!("Checking {file}\n")));
        assert_eq!(ours, (their_status, out, err), "{names:?}");
    }
}

#[test]
fn unknown_fields_are_passed_over_on_request() {
    let (engine, limits) = (Engine::new(EngineOptions::default()), Limits::default());
    let strict = FileChecks::new(&engine, &GoTemplates, &limits);
    let lenient = strict.with_unknown_fields_ignored(true);
    for file in ["check/unknown_fields.yml", "bad/unknown_field.yml"] {
        let outcome = |checks: &FileChecks<'_>| reports(&[file.to_owned()], Lints::default(), checks).remove(0).outcome;
        assert!(matches!(outcome(&strict), CheckOutcome::Wrong(_)), "{file}");
        assert!(matches!(outcome(&lenient), CheckOutcome::Rules(_)), "{file}");
    }
    // What is known is read as ever, and errors keep their places.
    for file in files().iter().filter(|file| !file.contains("unknown_field")) {
        let [strict, lenient] =
            [&strict, &lenient].map(|checks| reports(std::slice::from_ref(file), Lints::default(), checks));
        assert_eq!(strict, lenient, "{file}");
    }
}

#[test]
fn group_labels_count_when_rules_are_compared() {
    let (engine, limits) = (Engine::new(EngineOptions::default()), Limits::default());
    let checks = FileChecks::new(&engine, &GoTemplates, &limits);
    let report = reports(&["check/newer_group_fields.yml".to_owned()], Lints::default(), &checks).remove(0);
    let CheckOutcome::Remarked(remark) = &report.outcome else { panic!("{report:?}") };
    assert!(
        remark.starts_with("lint error 1 duplicate rule(s) found.\nMetric: a:b\nLabel(s):\n\tteam: x\n"),
        "{remark}"
    );
}

#[test]
fn further_documents_are_a_warning() {
    let (engine, limits) = (Engine::new(EngineOptions::default()), Limits::default());
    let checks = FileChecks::new(&engine, &GoTemplates, &limits);
    let report = reports(&["good/second_document.yml".to_owned()], Lints::default(), &checks).remove(0);
    assert!(matches!(report.outcome, CheckOutcome::Rules(_)));
    let warning = "good/second_document.yml: only the first YAML document is read, the others are ignored\n";
    assert_eq!(report.stderr(), warning);
    assert_eq!(exit_status(&[report], true), 0);
}
