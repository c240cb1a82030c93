//! What a page says, line by line.

use std::borrow::Cow;

use promethium_model::float::{format_open_metrics, parse_go_lenient};
use promethium_model::labels::{BUCKET_LABEL, METRIC_NAME, QUANTILE_LABEL};
use promethium_model::{Labels as LabelSet, LabelsBuilder, MetricType};

use crate::error::DecodeError;
use crate::escape::unescape_quoted;

/// One statement of a page. Comments and blank lines make none.
///
/// `'a` is the page, `'d` the decoder: labels live until the next event.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'d, 'a> {
    /// `# HELP`: the family's name and its text.
    Help {
        /// Name of the family.
        name: Cow<'a, str>,
        /// The text, `""` when empty.
        help: Cow<'a, str>,
    },
    /// `# TYPE`: the family's name and type.
    Type {
        /// Name of the family.
        name: Cow<'a, str>,
        /// Its type.
        metric_type: MetricType,
    },
    /// A sample, its labels split and checked.
    Sample(Sample<'d, 'a>),
    /// A sample of a series that the caller knows by its bytes; see
    /// [`Decoder::next_event_knowing`](super::Decoder::next_event_knowing).
    Known {
        /// The bytes that name the series.
        series: &'a [u8],
        /// The value; any NaN is the ordinary one.
        value: f64,
        /// Milliseconds since the epoch, where the exporter says it.
        timestamp_ms: Option<i64>,
    },
}

/// A name or a label value as it stands in the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Raw<'a> {
    pub(super) text: &'a str,
    pub(super) escaped: bool,
}

impl<'a> Raw<'a> {
    pub(super) fn resolve(self) -> Cow<'a, str> {
        if self.escaped { unescape_quoted(self.text) } else { Cow::Borrowed(self.text) }
    }
}

/// One `name="value"` as it stands in the page.
pub(super) type RawLabel<'a> = (Raw<'a>, Raw<'a>);

/// A sample of a series.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'d, 'a> {
    pub(super) series: &'a [u8],
    pub(super) name: Raw<'a>,
    pub(super) labels: &'d [RawLabel<'a>],
    pub(super) metric_type: MetricType,
    /// The value; any NaN is the ordinary one.
    pub value: f64,
    /// Milliseconds since the epoch, where the exporter says it.
    pub timestamp_ms: Option<i64>,
}

impl<'d, 'a> Sample<'d, 'a> {
    /// The bytes that name the series, from the start of the line through the name or the closing brace: the key of a
    /// scrape cache. Two spellings of one series differ.
    #[must_use]
    pub fn series(&self) -> &'a [u8] {
        self.series
    }

    /// The metric name.
    #[must_use]
    pub fn name(&self) -> Cow<'a, str> {
        self.name.resolve()
    }

    /// The type in the last `# TYPE` line, whatever family that line named.
    #[must_use]
    pub fn metric_type(&self) -> MetricType {
        self.metric_type
    }

    /// The labels in the page's order, without the metric name, escapes resolved. A name may occur twice and a value may
    /// be empty.
    #[must_use]
    pub fn labels(&self) -> Labels<'d, 'a> {
        Labels { rest: self.labels.iter(), canonical: None }
    }

    /// Like [`Sample::labels`], with the `le` of a histogram and the `quantile` of a summary in OpenMetrics' float form
    /// (`1` becomes `1.0`), as Prometheus stores them.
    #[must_use]
    pub fn canonical_labels(&self) -> Labels<'d, 'a> {
        let canonical = match self.metric_type {
            MetricType::Histogram => Some(BUCKET_LABEL),
            MetricType::Summary => Some(QUANTILE_LABEL),
            _ => None,
        };
        Labels { rest: self.labels.iter(), canonical }
    }

    /// The series as Prometheus stores it: the metric name and the canonical labels; empty values are left out.
    ///
    /// # Errors
    ///
    /// [`DecodeError::DuplicateLabel`] and [`DecodeError::LabelTooLong`].
    pub fn to_labels(&self) -> Result<LabelSet, DecodeError> {
        let mut builder = LabelsBuilder::new();
        push_checked(&mut builder, METRIC_NAME, &self.name())?;
        for (name, value) in self.canonical_labels() {
            push_checked(&mut builder, &name, &value)?;
        }
        builder.try_build().map_err(|name| DecodeError::DuplicateLabel { name })
    }
}

// What the packed layout of a label set takes.
const MAX_LABEL_BYTES: usize = (1 << 24) - 1;

fn push_checked(builder: &mut LabelsBuilder, name: &str, value: &str) -> Result<(), DecodeError> {
    let bytes = name.len().max(value.len());
    if bytes > MAX_LABEL_BYTES {
        return Err(DecodeError::LabelTooLong { bytes, limit: MAX_LABEL_BYTES });
    }
    builder.push(name, value);
    Ok(())
}

/// Iterator over `(name, value)` of a sample.
#[derive(Clone, Debug)]
pub struct Labels<'d, 'a> {
    rest: std::slice::Iter<'d, RawLabel<'a>>,
    canonical: Option<&'static str>,
}

impl<'a> Iterator for Labels<'_, 'a> {
    type Item = (Cow<'a, str>, Cow<'a, str>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = self.rest.next()?;
        let (name, value) = (name.resolve(), value.resolve());
        match self.canonical {
            Some(label) if label == name => Some((name, canonical_float(value))),
            _ => Some((name, value)),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.rest.size_hint()
    }
}

impl ExactSizeIterator for Labels<'_, '_> {}

/// What is no float stays as it is.
fn canonical_float(value: Cow<'_, str>) -> Cow<'_, str> {
    match parse_go_lenient(&value) {
        // Zero has no sign here.
        Ok(v) => Cow::Owned(format_open_metrics(if v == 0.0 { 0.0 } else { v })),
        Err(_) => value,
    }
}
