//! What a page says, line by line.

use std::borrow::Cow;

use promethium_model::float::{format_open_metrics, parse_go_lenient};
use promethium_model::labels::{BUCKET_LABEL, METRIC_NAME, QUANTILE_LABEL};
use promethium_model::{Labels as LabelSet, LabelsBuilder, MetricType};

use crate::error::DecodeError;
use crate::escape::{unescape_help, unescape_quoted};

/// One statement of a page. Comments and blank lines make none.
///
/// `'a` is the page. What an event refers to lies in the decoder (`'d`) until the next one; an event itself is a tag
/// and a pointer, so that handing it over costs nothing.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'d, 'a> {
    /// `# HELP`: the text of a family.
    Help(&'d Help<'a>),
    /// `# TYPE`: the type of a family.
    Type(&'d Type<'a>),
    /// A sample, its labels split and checked.
    Sample(&'d Sample<'a>),
    /// A sample of a series that the caller knows by its bytes; see
    /// [`Decoder::next_event_knowing`](super::Decoder::next_event_knowing).
    Known(&'d KnownSample<'a>),
}

/// The help text of a family.
#[derive(Clone, Debug, Default)]
pub struct Help<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
}

impl<'a> Help<'a> {
    /// Name of the family.
    #[must_use]
    pub fn name(&self) -> Cow<'a, str> {
        unescape_quoted(self.name)
    }

    /// The text, `""` when empty.
    #[must_use]
    pub fn text(&self) -> Cow<'a, str> {
        unescape_help(self.text)
    }
}

/// The type of a family.
#[derive(Clone, Debug, Default)]
pub struct Type<'a> {
    pub(super) name: &'a str,
    pub(super) metric_type: MetricType,
}

impl<'a> Type<'a> {
    /// Name of the family.
    #[must_use]
    pub fn name(&self) -> Cow<'a, str> {
        unescape_quoted(self.name)
    }

    /// Its type.
    #[must_use]
    pub fn metric_type(&self) -> MetricType {
        self.metric_type
    }
}

/// A sample of a series that was recognised by its bytes.
#[derive(Clone, Debug, Default)]
pub struct KnownSample<'a> {
    pub(super) series: &'a [u8],
    /// The value; any NaN is the ordinary one.
    pub value: f64,
    /// Milliseconds since the epoch, where the exporter says it.
    pub timestamp_ms: Option<i64>,
}

impl<'a> KnownSample<'a> {
    /// The bytes that name the series.
    #[must_use]
    pub fn series(&self) -> &'a [u8] {
        self.series
    }
}

/// One `name="value"` as it stands in the page.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawLabel<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
    /// Whether name or value holds a backslash.
    pub(super) escaped: bool,
}

impl<'a> RawLabel<'a> {
    #[inline]
    fn resolve(self) -> (Cow<'a, str>, Cow<'a, str>) {
        if self.escaped {
            return (unescape_quoted(self.name), unescape_quoted(self.value));
        }
        (Cow::Borrowed(self.name), Cow::Borrowed(self.value))
    }
}

/// A sample of a series.
#[derive(Clone, Debug, Default)]
pub struct Sample<'a> {
    pub(super) series: &'a [u8],
    pub(super) name: &'a str,
    pub(super) labels: Vec<RawLabel<'a>>,
    pub(super) metric_type: MetricType,
    /// The value; any NaN is the ordinary one.
    pub value: f64,
    /// Milliseconds since the epoch, where the exporter says it.
    pub timestamp_ms: Option<i64>,
}

impl<'a> Sample<'a> {
    /// The bytes that name the series, from the start of the line through the name or the closing brace: the key of a
    /// scrape cache. Two spellings of one series differ.
    #[must_use]
    pub fn series(&self) -> &'a [u8] {
        self.series
    }

    /// The metric name.
    #[must_use]
    pub fn name(&self) -> Cow<'a, str> {
        unescape_quoted(self.name)
    }

    /// The type in the last `# TYPE` line, whatever family that line named.
    #[must_use]
    pub fn metric_type(&self) -> MetricType {
        self.metric_type
    }

    /// The labels in the page's order, without the metric name, escapes resolved. A name may occur twice and a value
    /// may be empty.
    #[must_use]
    pub fn labels(&self) -> Labels<'_, 'a> {
        Labels { rest: self.labels.iter(), canonical: None }
    }

    /// Like [`Sample::labels`], with the `le` of a histogram and the `quantile` of a summary in OpenMetrics' float form
    /// (`1` becomes `1.0`), as Prometheus stores them.
    #[must_use]
    pub fn canonical_labels(&self) -> Labels<'_, 'a> {
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
        let (name, value) = self.rest.next()?.resolve();
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
