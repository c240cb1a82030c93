//! Checked rules: what a rule file says, ready to run.

use std::fmt;
use std::sync::Arc;

use crate::template::Template;

/// Names with texts, sorted by name, names unique. Unlike in a label set, a text may be empty.
pub type SortedPairs = Vec<(String, String)>;

/// A group as its file says it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct GroupSpec {
    /// The file, as it was named.
    pub file: String,
    /// Unique in its file.
    pub name: String,
    /// Milliseconds between evaluations; `None` takes the global interval.
    pub interval_ms: Option<i64>,
    /// Milliseconds that evaluation looks back; `None` takes the global offset.
    pub query_offset_ms: Option<i64>,
    /// At most this many series, or alerts, a rule; 0 and below mean no limit.
    pub limit: i64,
    /// In file order.
    pub rules: Vec<RuleSpec>,
}

/// A rule as its file says it, the labels of its group merged in.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RuleSpec {
    /// The expression, printed canonically.
    pub expr: String,
    /// Recording or alerting, with what only that kind has.
    pub kind: RuleKind,
}

/// Recording or alerting.
#[derive(Clone, Debug, PartialEq)]
pub enum RuleKind {
    /// Stores what the expression gives.
    Record(RecordSpec),
    /// Raises an alert for each series that the expression gives.
    Alert(AlertSpec),
}

/// What only recording rules have.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordSpec {
    /// Metric name of the result.
    pub record: String,
    /// Labels set on the result; an empty one removes the label.
    pub labels: SortedPairs,
}

/// What only alerting rules have.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertSpec {
    /// The `alertname`.
    pub alert: String,
    /// Milliseconds from pending to firing.
    pub for_ms: i64,
    /// Milliseconds that an alert goes on firing when its series is gone.
    pub keep_firing_for_ms: i64,
    /// Labels set on the alert, as templates.
    pub labels: Annotated,
    /// Annotations, as templates.
    pub annotations: Annotated,
}

/// Names with templates, sorted by name.
pub type Annotated = Vec<(String, TemplateText)>;

/// A template as written, and compiled.
#[derive(Clone)]
pub struct TemplateText {
    text: String,
    compiled: Arc<dyn Template>,
}

impl TemplateText {
    pub(crate) fn new(text: String, compiled: Arc<dyn Template>) -> Self {
        TemplateText { text, compiled }
    }

    /// As written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Ready to render.
    #[must_use]
    pub fn template(&self) -> &dyn Template {
        &*self.compiled
    }
}

impl PartialEq for TemplateText {
    /// Templates are equal when they are written alike.
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for TemplateText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

/// The texts of templates, as written.
pub(crate) fn texts_of(templates: &Annotated) -> SortedPairs {
    templates.iter().map(|(name, template)| (name.clone(), template.text.clone())).collect()
}
