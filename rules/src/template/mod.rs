//! Templates of labels and annotations, behind a trait: [`Render`] compiles, [`Template`] renders.
//!
//! [`GoTemplates`] is Go's `text/template` as Prometheus' rules see it, an implementation of our own: the crate `gotmpl`
//! knows the syntax, but neither the places and words of Go's errors, which end up in alerts, nor the types of Go's
//! values, on which comparison, `printf` and missing keys turn, nor a bound on output and steps.

mod buckets;
mod call;
mod collection;
mod compare;
mod constant;
mod escape;
mod exec;
mod field;
mod function;
mod humanize;
mod lex;
mod node;
mod parse;
mod print;
mod text;
mod time;
mod value;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use promethium_model::{Clock, Labels, Limits, SampleValue, VectorSample};
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
    /// [`TemplateError::Execute`], when a function refuses its argument or a limit is met.
    fn render(&self, data: &TemplateData<'_>) -> Result<String, TemplateError>;
}

/// Answers the `query` function of templates.
pub trait TemplateQueries {
    /// The vector of `expr` at `time_ms`.
    ///
    /// # Errors
    ///
    /// The message that the template's error carries.
    fn query(&self, expr: &str, time_ms: i64) -> Result<Vec<VectorSample>, String>;
}

/// What a template can see, and how far it may go.
#[derive(Clone)]
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
    /// The evaluation's time, milliseconds since the epoch: `now`, and when `query` asks.
    pub time_ms: i64,
    /// Who answers `query`; without one it is an error.
    pub queries: Option<&'a dyn TemplateQueries>,
    /// Bounds on output, steps and time.
    pub limits: TemplateLimits,
}

impl<'a> TemplateData<'a> {
    /// A sample at the epoch, without queries, under the default limits.
    #[must_use]
    pub fn new(labels: &'a Labels, value: &'a SampleValue, external_labels: &'a Labels, external_url: &'a str) -> Self {
        let limits = TemplateLimits::default();
        TemplateData { labels, value, external_labels, external_url, time_ms: 0, queries: None, limits }
    }

    /// At this time.
    #[must_use]
    pub fn at_ms(mut self, time_ms: i64) -> Self {
        self.time_ms = time_ms;
        self
    }

    /// With queries answered.
    #[must_use]
    pub fn with_queries(mut self, queries: &'a dyn TemplateQueries) -> Self {
        self.queries = Some(queries);
        self
    }

    /// Within these limits.
    #[must_use]
    pub fn with_limits(mut self, limits: TemplateLimits) -> Self {
        self.limits = limits;
        self
    }
}

impl fmt::Debug for TemplateData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemplateData").field("labels", self.labels).field("value", self.value).finish_non_exhaustive()
    }
}

/// How far one rendering may go.
#[derive(Clone)]
#[non_exhaustive]
pub struct TemplateLimits {
    /// Bytes of the result, and of every text on the way to it.
    pub max_output_bytes: usize,
    /// Nodes, commands and rounds of loops.
    pub max_steps: u64,
    /// What `deadline` allowed, milliseconds: for the message.
    pub timeout_ms: u64,
    /// The clock, and its time after which the template is stopped.
    pub deadline: Option<(Arc<dyn Clock>, Duration)>,
}

impl Default for TemplateLimits {
    fn default() -> Self {
        TemplateLimits::of(&Limits::default())
    }
}

impl TemplateLimits {
    /// `max_template_output_bytes` and `max_template_steps`, without a deadline.
    #[must_use]
    pub fn of(limits: &Limits) -> Self {
        TemplateLimits {
            max_output_bytes: limits.max_template_output_bytes,
            max_steps: limits.max_template_steps,
            timeout_ms: limits.template_timeout_ms,
            deadline: None,
        }
    }

    /// With `template_timeout_ms` from now on, by this clock.
    #[must_use]
    pub fn with_deadline(mut self, clock: Arc<dyn Clock>) -> Self {
        let deadline = clock.monotonic().saturating_add(Duration::from_millis(self.timeout_ms));
        self.deadline = Some((clock, deadline));
        self
    }

    fn too_long(&self) -> String {
        too_long(self.max_output_bytes)
    }
}

fn too_long(limit: usize) -> String {
    format!("template exceeds the limit of {limit} bytes")
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
        "error executing template {name}: template: {name}:{line}:{column}: executing {running} at <{at}>: {message}",
        running = promethium_model::quote::go_quoted(.running)
    )]
    Execute {
        /// The template.
        name: String,
        /// Line, from 1.
        line: usize,
        /// Bytes before the place in its line, the prelude of Prometheus included.
        column: usize,
        /// The template that was running: `name`, or one that it defines.
        running: String,
        /// The node at fault, printed.
        at: String,
        /// What is wrong.
        message: String,
    },
}

/// Go's template language with the functions that Prometheus adds to it.
///
/// Actions, trim markers, comments; `if`, `with`, `range`, `else if`, `else with`, `break`, `continue`; `define`,
/// `template`, `block`; variables, pipelines, parentheses; strings, numbers, characters; Go's own functions, `printf`
/// with all verbs, flags, widths and indexes; and `query`, `first`, `label`, `value`, `sortByLabel`, `strvalue`, `args`,
/// `match`, `reReplaceAll`, `title`, `toUpper`, `toLower`, `graphLink`, `tableLink`, `safeHtml`, `stripPort`,
/// `stripDomain`, `humanize`, `humanize1024`, `humanizeDuration`, `humanizePercentage`, `humanizeTimestamp`, `toTime`,
/// `toDuration`, `parseDuration`, `now`, `pathPrefix`, `externalURL`, `urlQueryEscape`.
///
/// Not there: complex numbers, and `tmpl`, which is for HTML consoles.
///
/// ```
/// use promethium_model::{Labels, SampleValue};
/// use promethium_rules::template::{GoTemplates, Render, TemplateData};
///
/// let text = "{{ $labels.job }}{{ if gt $value 60.0 }} is late: {{ humanizeDuration $value }}{{ end }}";
/// let template = GoTemplates.compile("__alert_Slow", text)?;
/// let (labels, value) = (Labels::from_pairs([("job", "db")]), SampleValue::Float(135.36));
/// let text = template.render(&TemplateData::new(&labels, &value, &Labels::empty(), ""))?;
/// assert_eq!(text, "db is late: 2m 15s");
/// # Ok::<(), promethium_rules::template::TemplateError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct GoTemplates;

/// What Prometheus puts before every template of a rule: on the first line, so that columns there count it.
const PRELUDE: &str = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}\
                       {{$externalURL := .ExternalURL}}{{$value := .Value}}";

impl Render for GoTemplates {
    fn compile(&self, name: &str, text: &str) -> Result<Arc<dyn Template>, TemplateError> {
        let text = format!("{PRELUDE}{text}");
        match parse::parse(name, &text) {
            Ok(forest) => Ok(Arc::new(Compiled { name: name.to_owned(), text, forest })),
            Err(error) => Err(TemplateError::Parse {
                name: name.to_owned(),
                line: line_of(&text, error.at),
                message: error.message,
            }),
        }
    }
}

struct Compiled {
    name: String,
    text: String,
    forest: parse::Forest,
}

impl Template for Compiled {
    fn render(&self, data: &TemplateData<'_>) -> Result<String, TemplateError> {
        exec::execute(&self.forest, data).map_err(|failure| {
            let before = self.text.get(..failure.at).unwrap_or_default();
            TemplateError::Execute {
                name: self.name.clone(),
                line: line_of(&self.text, failure.at),
                column: before.len() - before.rfind('\n').map_or(0, |at| at + 1),
                running: failure.template,
                at: failure.node,
                message: failure.message,
            }
        })
    }
}

/// A time since the epoch as Go prints a duration: `1m30s`.
pub(crate) fn time_text(ms: i64) -> String {
    time::GoDuration(ms.saturating_mul(1_000_000)).text()
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|b| *b == b'\n').count().saturating_add(1)
}
