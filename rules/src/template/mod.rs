//! Templates of labels and annotations, behind a trait: [`Render`] compiles, [`Template`] renders.
//!
//! [`BasicTemplates`] knows the part of Go's template language that most rules use: values, label access, pipelines,
//! `printf` and the `humanize` family. What it does not know, it refuses when rules are loaded.

mod eval;
mod format;
mod humanize;
mod lex;
mod parse;

use std::sync::Arc;

use promethium_model::{Labels, SampleValue};
use thiserror::Error;

/// Compiles templates. A host with a richer language brings its own.
pub trait Render: Send + Sync {
    /// Compiles `text`; errors call the template `name`.
    ///
    /// # Errors
    ///
    /// [`TemplateError::Parse`], when the text is no template that this language can run.
    fn compile(&self, name: &str, text: &str) -> Result<Arc<dyn Template>, TemplateError>;
}

/// A compiled template.
pub trait Template: Send + Sync {
    /// Fills the template in.
    ///
    /// # Errors
    ///
    /// [`TemplateError::Execute`], when a function refuses its argument or the result is too large.
    fn render(&self, data: &TemplateData<'_>) -> Result<String, TemplateError>;
}

/// What a template can see.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct TemplateData<'a> {
    /// Labels of the sample, metric name included, before the rule changed them: `$labels`, `.Labels`.
    pub labels: &'a Labels,
    /// Its value: `$value`, `.Value`.
    pub value: &'a SampleValue,
    /// `$externalLabels`, `.ExternalLabels`.
    pub external_labels: &'a Labels,
    /// `$externalURL`, `.ExternalURL`.
    pub external_url: &'a str,
}

impl<'a> TemplateData<'a> {
    /// A sample, without external labels and URL.
    #[must_use]
    pub fn new(labels: &'a Labels, value: &'a SampleValue, external_labels: &'a Labels, external_url: &'a str) -> Self {
        TemplateData { labels, value, external_labels, external_url }
    }
}

/// A template failed. The layouts are those of Go's `text/template` in Prometheus' wrapping.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// The text is no template.
    #[error("error parsing template {name}: template: {name}:{line}: {message}")]
    Parse {
        /// The template.
        name: String,
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// The template could not be filled in.
    #[error(
        "error executing template {name}: template: {name}:{line}:{column}: executing \"{name}\" at <{at}>: {message}"
    )]
    Execute {
        /// The template.
        name: String,
        /// Line, from 1.
        line: usize,
        /// Bytes before the place in its line, the prelude of Prometheus included.
        column: usize,
        /// The function or value at fault.
        at: String,
        /// What is wrong.
        message: String,
    },
}

/// The everyday part of Go's template language.
///
/// Values: `$value`/`.Value`, `$labels.x`/`.Labels.x`, `$externalLabels.x`/`.ExternalLabels.x`,
/// `$externalURL`/`.ExternalURL`, strings, numbers. Pipelines. Functions: `humanize`, `humanize1024`,
/// `humanizeDuration`, `humanizePercentage`, and `printf` with `%s %v %q %d %f %F %e %E %g %G %%`, flags, width and
/// precision. Trim markers and comments. A label that is missing is empty.
///
/// ```
/// use promethium_model::{Labels, SampleValue};
/// use promethium_rules::template::{BasicTemplates, Render, TemplateData};
///
/// let template = BasicTemplates.compile("__alert_Slow", "{{ $labels.job }}: {{ $value | humanizeDuration }}")?;
/// let (labels, value) = (Labels::from_pairs([("job", "db")]), SampleValue::Float(135.36));
/// let text = template.render(&TemplateData::new(&labels, &value, &Labels::empty(), ""))?;
/// assert_eq!(text, "db: 2m 15s");
/// assert!(BasicTemplates.compile("__alert_Slow", "{{ if $value }}").is_err());
/// # Ok::<(), promethium_rules::template::TemplateError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct BasicTemplates;

impl Render for BasicTemplates {
    fn compile(&self, name: &str, text: &str) -> Result<Arc<dyn Template>, TemplateError> {
        let nodes = parse::parse(text).map_err(|error| TemplateError::Parse {
            name: name.to_owned(),
            line: line_of(text, error.at),
            message: error.message,
        })?;
        Ok(Arc::new(eval::Compiled::new(name, text, nodes)))
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|b| *b == b'\n').count().saturating_add(1)
}
