//! Which series a sample belongs to.

use std::borrow::Cow;

use promethium_model::float::{format_open_metrics, parse_go_lenient};
use promethium_model::labels::{BUCKET_LABEL, METRIC_NAME, QUANTILE_LABEL};
use promethium_model::{Labels as LabelSet, LabelsBuilder, MetricType};

use crate::error::DecodeError;
use crate::event::{Name, RawLabel};

/// A series as a page names it: metric name and labels.
#[derive(Clone, Debug, Default)]
pub struct Series<'a> {
    /// The bytes that name it, where they lie together in the page.
    pub(crate) in_page: &'a [u8],
    /// Those bytes, where they do not.
    pub(crate) gathered: Vec<u8>,
    pub(crate) name: Name<'a>,
    pub(crate) suffix: &'static str,
    pub(crate) labels: Vec<RawLabel<'a>>,
    /// A bound that is a number in the page: the last label.
    pub(crate) bound: Option<(&'static str, f64)>,
    /// Which label Prometheus stores in OpenMetrics' float form.
    pub(crate) canonical: Option<&'static str>,
    /// What its metadata adds to the labels.
    pub(crate) described: Option<Described<'a>>,
}

const TYPE_LABEL: &str = "__type__";
const UNIT_LABEL: &str = "__unit__";

/// Type and unit in force, where they become labels.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Described<'a> {
    pub(crate) metric_type: MetricType,
    pub(crate) unit: &'a str,
}

impl<'a> Described<'a> {
    /// A type that is not known and a unit that is empty are no labels.
    fn labels(self) -> impl Iterator<Item = (&'static str, &'a str)> {
        let metric_type = if self.metric_type == MetricType::Unknown { "" } else { self.metric_type.as_str() };
        [(TYPE_LABEL, metric_type), (UNIT_LABEL, self.unit)].into_iter().filter(|(_, value)| !value.is_empty())
    }
}

/// The label that Prometheus stores in OpenMetrics' float form.
pub(crate) fn canonical_label(metric_type: MetricType) -> Option<&'static str> {
    match metric_type {
        MetricType::Histogram => Some(BUCKET_LABEL),
        MetricType::Summary => Some(QUANTILE_LABEL),
        _ => None,
    }
}

impl<'a> Series<'a> {
    /// The bytes that name the series, in a text format from the start of the line through the name or the closing
    /// brace: the key of a scrape cache. Two spellings of one series differ.
    #[must_use]
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        if self.gathered.is_empty() { self.in_page } else { &self.gathered }
    }

    /// The metric name.
    #[must_use]
    pub fn name(&self) -> Cow<'a, str> {
        let name = self.name.resolve();
        if self.suffix.is_empty() { name } else { Cow::Owned(name.into_owned() + self.suffix) }
    }

    /// The labels in the page's order, without the metric name, escapes resolved. A name may occur twice and a value
    /// may be empty.
    #[must_use]
    pub fn labels(&self) -> Labels<'_, 'a> {
        Labels { rest: self.labels.iter(), bound: self.bound, canonical: None }
    }

    /// Like [`Series::labels`], with the `le` of a histogram and the `quantile` of a summary in OpenMetrics' float form
    /// (`1` becomes `1.0`), as Prometheus stores them.
    #[must_use]
    pub fn canonical_labels(&self) -> Labels<'_, 'a> {
        Labels { canonical: self.canonical, ..self.labels() }
    }

    /// The labels as Prometheus stores them, without the metric name: the canonical ones and, with
    /// [`DecodeOptions::type_and_unit_labels`](crate::DecodeOptions::type_and_unit_labels), `__type__` and `__unit__`, which
    /// take the place of labels that the page itself calls so.
    pub fn stored_labels(&self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> {
        let described = self.described.unwrap_or_default();
        let exposed =
            self.canonical_labels().filter(move |(name, _)| described.labels().all(|(added, _)| added != name));
        exposed.chain(described.labels().map(|(name, value)| (Cow::Borrowed(name), Cow::Borrowed(value))))
    }

    /// The series as Prometheus stores it: the metric name and the stored labels; empty values are left out.
    ///
    /// # Errors
    ///
    /// [`DecodeError::DuplicateLabel`] and [`DecodeError::LabelTooLong`].
    pub fn to_labels(&self) -> Result<LabelSet, DecodeError> {
        let mut builder = LabelsBuilder::new();
        push_checked(&mut builder, METRIC_NAME, &self.name())?;
        for (name, value) in self.stored_labels() {
            push_checked(&mut builder, &name, &value)?;
        }
        builder.try_build().map_err(|name| DecodeError::DuplicateLabel { name })
    }
}

// What the packed layout of a label set takes.
const MAX_LABEL_BYTES: usize = (1 << 24) - 1;

pub(crate) fn push_checked(builder: &mut LabelsBuilder, name: &str, value: &str) -> Result<(), DecodeError> {
    let bytes = name.len().max(value.len());
    if bytes > MAX_LABEL_BYTES {
        return Err(DecodeError::LabelTooLong { bytes, limit: MAX_LABEL_BYTES });
    }
    builder.push(name, value);
    Ok(())
}

/// Iterator over `(name, value)`.
#[derive(Clone, Debug)]
pub struct Labels<'d, 'a> {
    pub(crate) rest: std::slice::Iter<'d, RawLabel<'a>>,
    pub(crate) bound: Option<(&'static str, f64)>,
    pub(crate) canonical: Option<&'static str>,
}

impl<'a> Iterator for Labels<'_, 'a> {
    type Item = (Cow<'a, str>, Cow<'a, str>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let Some(label) = self.rest.next() else {
            let (name, bound) = self.bound.take()?;
            return Some((Cow::Borrowed(name), Cow::Owned(open_metrics_bound(bound))));
        };
        let (name, value) = label.resolve();
        match self.canonical {
            Some(label) if label == name => Some((name, canonical_float(value))),
            _ => Some((name, value)),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = self.rest.len() + usize::from(self.bound.is_some());
        (len, Some(len))
    }
}

impl ExactSizeIterator for Labels<'_, '_> {}

/// What is no float stays as it is.
fn canonical_float(value: Cow<'_, str>) -> Cow<'_, str> {
    match parse_go_lenient(&value) {
        Ok(bound) => Cow::Owned(open_metrics_bound(bound)),
        Err(_) => value,
    }
}

/// Zero has no sign here.
fn open_metrics_bound(bound: f64) -> String {
    format_open_metrics(if bound == 0.0 { 0.0 } else { bound })
}

// No byte of UTF-8.
pub(crate) const KEY_SEPARATOR: u8 = 0xff;

/// The bytes that name a metric: no two metrics have the same.
pub(crate) fn series_key(key: &mut Vec<u8>, name: &str, labels: &[RawLabel<'_>]) {
    key.clear();
    key.extend_from_slice(name.as_bytes());
    for label in labels {
        for text in [label.name, label.value] {
            key.push(KEY_SEPARATOR);
            key.extend_from_slice(text.as_bytes());
        }
    }
    key.push(KEY_SEPARATOR);
}
