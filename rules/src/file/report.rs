//! `promtool check rules` as a function: what it says of a rule file, and the status that it ends with.

use super::{FileChecks, RuleSource, lint_duplicates, parse, warnings};

/// What is remarked beyond errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lints {
    /// Rules that occur twice in a file.
    pub duplicate_rules: bool,
}

impl Default for Lints {
    /// All there are, as in promtool.
    fn default() -> Self {
        Lints { duplicate_rules: true }
    }
}

impl Lints {
    /// Reads the value of `--lint`: `all`, `duplicate-rules`, `none`, or several with commas between. Gives with it a warning
    /// for each word that is none of these.
    #[must_use]
    pub fn read(text: &str) -> (Self, Vec<String>) {
        let words: Vec<&str> = text.split(',').filter(|_| !text.is_empty()).collect();
        let duplicate_rules = words.iter().any(|word| matches!(*word, "all" | "duplicate-rules"));
        let unknown = words.into_iter().filter(|word| !matches!(*word, "all" | "duplicate-rules" | "none"));
        let warning = |word| format!("WARNING: unknown lint option: \"{word}\"");
        (Lints { duplicate_rules }, unknown.map(warning).collect())
    }
}

/// What became of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckReport {
    /// The file, as it was named.
    pub file: String,
    /// What is odd without being wrong: see [`warnings`].
    pub warnings: Vec<String>,
    /// What the check found.
    pub outcome: CheckOutcome,
}

/// Whether a file is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckOutcome {
    /// It is, and has so many rules.
    Rules(usize),
    /// It can be loaded; this is what was remarked.
    Remarked(String),
    /// It cannot.
    Wrong(Vec<String>),
}

/// Checks one file.
///
/// ```
/// use promethium_model::Limits;
/// use promethium_promql::{Engine, EngineOptions};
/// use promethium_rules::RuleSource;
/// use promethium_rules::file::{CheckOutcome, FileChecks, Lints, check};
/// use promethium_rules::template::GoTemplates;
///
/// let (engine, limits) = (Engine::new(EngineOptions::default()), Limits::default());
/// let source = RuleSource::new("a.yml", "groups: [{name: g, rules: [{record: r, expr: 'sum(up'}]}]");
/// let report = check(&source, Lints::default(), &FileChecks::new(&engine, &GoTemplates, &limits));
/// let CheckOutcome::Wrong(errors) = report.outcome else { panic!("it is wrong") };
/// assert_eq!(
///     errors[0],
///     "a.yml: 1:46: group \"g\", rule 1, \"r\": could not parse expression: 1:7: parse error: unclosed left parenthesis"
/// );
/// ```
#[must_use]
pub fn check(source: &RuleSource, lints: Lints, checks: &FileChecks<'_>) -> CheckReport {
    let outcome = match parse(std::slice::from_ref(source), checks) {
        Err(errors) => CheckOutcome::Wrong(errors.iter().map(ToString::to_string).collect()),
        Ok(groups) => match lint_duplicates(&groups).filter(|_| lints.duplicate_rules) {
            Some(remark) => CheckOutcome::Remarked(remark),
            None => CheckOutcome::Rules(groups.iter().map(|group| group.rules.len()).sum()),
        },
    };
    CheckReport { file: source.file.clone(), warnings: warnings(std::slice::from_ref(source)), outcome }
}

impl CheckReport {
    /// What promtool writes to its standard output.
    #[must_use]
    pub fn stdout(&self) -> String {
        let rest = match &self.outcome {
            CheckOutcome::Rules(rules) => format!("  SUCCESS: {rules} rules found\n\n"),
            CheckOutcome::Remarked(_) => "\n".to_owned(),
            CheckOutcome::Wrong(_) => String::new(),
        };
        format!("Checking {}\n{rest}", self.file)
    }

    /// What promtool writes to its standard error.
    #[must_use]
    pub fn stderr(&self) -> String {
        let mut lines: Vec<&str> = self.warnings.iter().map(String::as_str).collect();
        match &self.outcome {
            CheckOutcome::Rules(_) => {}
            CheckOutcome::Remarked(remark) => lines.extend(["  FAILED:", remark]),
            CheckOutcome::Wrong(errors) => {
                lines.push("  FAILED:");
                lines.extend(errors.iter().map(String::as_str));
            }
        }
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// The status that promtool ends with: 1 where a file is wrong; 3 where one has a remark and remarks are `fatal`; else 0.
#[must_use]
pub fn exit_status(reports: &[CheckReport], fatal: bool) -> u8 {
    let any = |wanted: fn(&CheckOutcome) -> bool| reports.iter().any(|report| wanted(&report.outcome));
    match any(|outcome| matches!(outcome, CheckOutcome::Wrong(_))) {
        true => 1,
        false if fatal && any(|outcome| matches!(outcome, CheckOutcome::Remarked(_))) => 3,
        false => 0,
    }
}
