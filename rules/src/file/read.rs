//! Getting rule files off the disk: regular files only, no larger than the limit.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{RuleFileError, RuleFileErrors, RuleFileProblem};

/// A rule file's name and text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleSource {
    /// What messages, the API and the group's place on the grid call it.
    pub file: String,
    /// The YAML.
    pub text: String,
}

impl RuleSource {
    /// A source under a name.
    #[must_use]
    pub fn new(file: impl Into<String>, text: impl Into<String>) -> Self {
        RuleSource { file: file.into(), text: text.into() }
    }
}

/// Reads rule files whole.
///
/// # Errors
///
/// Every file that is missing, unreadable, no regular file, not UTF-8, or larger than `max_bytes`.
pub fn read_sources(paths: &[PathBuf], max_bytes: usize) -> Result<Vec<RuleSource>, RuleFileErrors> {
    let mut sources = Vec::with_capacity(paths.len());
    let mut errors = Vec::new();
    for path in paths {
        let file = path.display().to_string();
        match read_text(path, max_bytes) {
            Ok(text) => sources.push(RuleSource { file, text }),
            Err(problem) => errors.push(RuleFileError { file, positions: Vec::new(), place: None, problem }),
        }
    }
    if errors.is_empty() { Ok(sources) } else { Err(RuleFileErrors::new(errors)) }
}

fn read_text(path: &Path, max_bytes: usize) -> Result<String, RuleFileProblem> {
    // Asked before opening: opening a pipe would wait for its writer.
    let is_file = std::fs::metadata(path).map_err(RuleFileProblem::Io)?.is_file();
    if !is_file {
        return Err(RuleFileProblem::NotRegular);
    }
    let mut text = String::new();
    // One byte more than allowed, so that a file that grows meanwhile is noticed too.
    let allowed = u64::try_from(max_bytes).unwrap_or(u64::MAX);
    let mut reader = File::open(path).map_err(RuleFileProblem::Io)?.take(allowed.saturating_add(1));
    reader.read_to_string(&mut text).map_err(RuleFileProblem::Io)?;
    if text.len() > max_bytes {
        return Err(RuleFileProblem::TooLarge { limit: max_bytes });
    }
    Ok(text)
}
