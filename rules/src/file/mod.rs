//! Rule files: YAML in, checked [`GroupSpec`]s out, or every problem with its place.

mod check;
mod error;
mod glob;
mod lint;
mod read;
mod spec;
pub(crate) mod yaml;

pub use error::{RuleFileError, RuleFileErrors, RuleFileProblem, RulePlace};
pub(crate) use glob::glob;
pub use glob::{PatternError, matching_files};
pub use lint::{duplicate_rules, lint_duplicates};
pub use read::{RuleSource, read_sources};
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
}

impl<'a> FileChecks<'a> {
    /// Checks with these parts, names in UTF-8.
    #[must_use]
    pub fn new(engine: &'a dyn QueryEngine, templates: &'a dyn Render, limits: &'a Limits) -> Self {
        FileChecks { engine, templates, limits, legacy_names: false }
    }

    /// Only the classic character set in metric, label and annotation names.
    #[must_use]
    pub fn with_legacy_names(mut self, legacy_names: bool) -> Self {
        self.legacy_names = legacy_names;
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
    let file = yaml::read(source, checks.limits.max_config_bytes).map_err(|error| vec![*error])?;
    check::check_file(&source.file, file, checks)
}
