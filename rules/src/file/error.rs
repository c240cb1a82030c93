//! What can be wrong with a rule file, and where. The texts are Prometheus'.

use std::fmt;

use promethium_model::quote::go_quoted;
use promethium_model::{Position, QueryError};
use thiserror::Error;

use crate::template::TemplateError;

/// Every problem of a set of rule files; never empty.
#[derive(Debug)]
pub struct RuleFileErrors {
    errors: Vec<RuleFileError>,
}

impl RuleFileErrors {
    pub(crate) fn new(errors: Vec<RuleFileError>) -> Self {
        debug_assert!(!errors.is_empty(), "an error set without an error");
        RuleFileErrors { errors }
    }

    /// The problems, in the order of files and rules.
    pub fn iter(&self) -> impl Iterator<Item = &RuleFileError> {
        self.errors.iter()
    }
}

impl fmt::Display for RuleFileErrors {
    /// One line a problem.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.errors.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for RuleFileErrors {}

/// One problem: `<file>: <line>:<col>: group "g", rule <n>, "<name>": <problem>`.
#[derive(Debug, Error)]
#[error("{file}: {at}{place}{problem}", at = PositionList(.positions), place = OptionalPlace(.place.as_ref()))]
pub struct RuleFileError {
    /// The file, as it was named.
    pub file: String,
    /// Where: none for labels, annotations and templates; those of `record` and `alert` when both or neither are
    /// there. A missing field stands at 0:0.
    pub positions: Vec<Position>,
    /// The rule, if it is one rule's problem.
    pub place: Option<RulePlace>,
    /// What.
    pub problem: RuleFileProblem,
}

/// A rule's place in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulePlace {
    /// Name of the group.
    pub group: String,
    /// Number of the rule in its group, from 1.
    pub rule: usize,
    /// Its `alert`, else its `record`, else empty.
    pub name: String,
}

/// What is wrong.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RuleFileProblem {
    /// The file cannot be read.
    #[error("{0}")]
    Io(#[source] std::io::Error),
    /// Not a plain file: a directory, a pipe, a device.
    #[error("not a regular file")]
    NotRegular,
    /// Larger than the limit on configuration files.
    #[error("file is larger than the limit of {limit} bytes")]
    TooLarge {
        /// `max_config_bytes`.
        limit: usize,
    },
    /// More rules than the limit.
    #[error("{rules} rules exceed the limit of {limit} a file")]
    TooManyRules {
        /// How many there are.
        rules: usize,
        /// `max_rules_per_file`.
        limit: usize,
    },
    /// The name of a label or annotation is too long.
    #[error("label name of {bytes} bytes exceeds the limit of {limit}")]
    LongName {
        /// Its length.
        bytes: usize,
        /// `max_label_name_bytes`.
        limit: usize,
    },
    /// A label or annotation is too long as it is written.
    #[error("{what} {name}: {bytes} bytes exceed the limit of {limit}", name = go_quoted(.name))]
    LongText {
        /// Label or annotation.
        what: &'static str,
        /// Its name.
        name: String,
        /// Its length.
        bytes: usize,
        /// `max_label_value_bytes` or `max_annotation_bytes`.
        limit: usize,
    },
    /// No YAML, or YAML of another shape.
    #[error("{0}")]
    Yaml(String),
    /// A group without a name.
    #[error("Groupname must not be empty")]
    EmptyGroupName,
    /// Two groups of one file with one name.
    #[error("groupname: \"{0}\" is repeated in the same file")]
    RepeatedGroupName(String),
    /// Both a recording and an alerting rule.
    #[error("only one of 'record' and 'alert' must be set")]
    RecordAndAlert,
    /// Neither a recording nor an alerting rule.
    #[error("one of 'record' or 'alert' must be set")]
    NeitherRecordNorAlert,
    /// No expression.
    #[error("field 'expr' must be set in rule")]
    MissingExpr,
    /// The expression is no PromQL.
    #[error("could not parse expression: {0}")]
    Expr(#[source] QueryError),
    /// A field that only alerting rules have.
    #[error("invalid field '{0}' in recording rule")]
    AlertFieldInRecording(&'static str),
    /// Not a metric name.
    #[error("invalid recording rule name: {0}")]
    InvalidRecordName(String),
    /// A selector where a metric name should be.
    #[error("braces present in the recording rule name; should it be in expr?: {0}")]
    BracesInRecordName(String),
    /// Not a label name, or the metric name's.
    #[error("invalid label name: {0}")]
    InvalidLabelName(String),
    /// Not an annotation name.
    #[error("invalid annotation name: {0}")]
    InvalidAnnotationName(String),
    /// The template of a label.
    #[error("label {name}: {error}", name = go_quoted(.name))]
    LabelTemplate {
        /// The label.
        name: String,
        /// What is wrong with its template.
        #[source]
        error: Box<TemplateError>,
    },
    /// The template of an annotation.
    #[error("annotation {name}: {error}", name = go_quoted(.name))]
    AnnotationTemplate {
        /// The annotation.
        name: String,
        /// What is wrong with its template.
        #[source]
        error: Box<TemplateError>,
    },
}

struct PositionList<'a>(&'a [Position]);

impl fmt::Display for PositionList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|position| write!(f, "{position}: "))
    }
}

struct OptionalPlace<'a>(Option<&'a RulePlace>);

impl fmt::Display for OptionalPlace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(RulePlace { group, rule, name }) = self.0 else { return Ok(()) };
        write!(f, "group {}, rule {rule}, {}: ", go_quoted(group), go_quoted(name))
    }
}
