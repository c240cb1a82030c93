//! Rule files: YAML in, checked [`GroupSpec`]s out, or every problem with its place.

mod error;
mod glob;
mod judge;
mod lenient;
mod lint;
mod read;
mod report;
mod spec;
pub(crate) mod yaml;

pub use error::{RuleFileError, RuleFileErrors, RuleFileProblem, RulePlace};
pub(crate) use glob::glob;
pub use glob::{PatternError, matching_files};
pub use lint::{duplicate_rules, lint_duplicates};
pub use read::{RuleSource, read_sources};
pub use report::{CheckOutcome, CheckReport, Lints, check, exit_status};
pub(crate) use spec::texts_of;
pub use spec::{AlertSpec, Annotated, GroupSpec, RecordSpec, RuleKind, RuleSpec, SortedPairs, TemplateText};

use promethium_model::{Limits, QueryEngine};

use crate::template::Render;

/// What rule files are checked with.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct FileChecks<'a> {
    /// Reads and prints expressions.
    pub engine: &'a dyn QueryEngine,
    /// Reads templates.
    pub templates: &'a dyn Render,
    /// `max_config_bytes` holds for each file.
    pub limits: &'a Limits,
    /// Only the classic character set in metric, label and annotation names.
    pub legacy_names: bool,
    /// Fields that the format does not know are passed over, not refused.
    pub ignore_unknown_fields: bool,
}

impl<'a> FileChecks<'a> {
    /// Checks with these parts, names in UTF-8, no unknown fields.
    #[must_use]
    pub fn new(engine: &'a dyn QueryEngine, templates: &'a dyn Render, limits: &'a Limits) -> Self {
        FileChecks { engine, templates, limits, legacy_names: false, ignore_unknown_fields: false }
    }

    /// Only the classic character set in metric, label and annotation names.
    #[must_use]
    pub fn with_legacy_names(mut self, legacy_names: bool) -> Self {
        self.legacy_names = legacy_names;
        self
    }

    /// Passes over fields that the format does not know: files for another version, or with notes of other tools.
    #[must_use]
    pub fn with_unknown_fields_ignored(mut self, ignored: bool) -> Self {
        self.ignore_unknown_fields = ignored;
        self
    }
}

/// Reads and checks a set of rule files.
///
/// # Errors
///
/// Every problem of every file: a set with one wrong rule is refused whole.
pub fn parse(sources: &[RuleSource], checks: &FileChecks<'_>) -> Result<Vec<GroupSpec>, RuleFileErrors> {
    let mut groups = Vec::new();
    let mut errors = Vec::new();
    for source in sources {
        match parse_one(source, checks) {
            Ok(parsed) => groups.extend(parsed),
            Err(problems) => errors.extend(problems),
        }
    }
    if errors.is_empty() { Ok(groups) } else { Err(RuleFileErrors::new(errors)) }
}

/// What is odd about rule files without being wrong: documents behind the first one, which are not read.
#[must_use]
pub fn warnings(sources: &[RuleSource]) -> Vec<String> {
    let more = sources.iter().filter(|source| yaml::has_further_documents(&source.text));
    more.map(|source| format!("{}: only the first YAML document is read, the others are ignored", source.file))
        .collect()
}

fn parse_one(source: &RuleSource, checks: &FileChecks<'_>) -> Result<Vec<GroupSpec>, Vec<RuleFileError>> {
    let file = yaml::read(source, checks).map_err(|error| vec![*error])?;
    judge::check_file(source, file, checks)
}
